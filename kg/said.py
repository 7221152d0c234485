"""Statements as they are made, for documents in which a node describes itself."""

from __future__ import annotations

from collections.abc import Iterable

from kg import vocabulary as v
from kg.terms import Statement, Term, iri, literal

_XSD_DATES = {4: v.XSD + "gYear", 7: v.XSD + "gYearMonth", 10: v.XSD + "date"}


class Said:
    """What has been said so far, in order."""

    def __init__(self) -> None:
        self.all: list[Statement] = []

    def say(self, subject: str, predicate: str, *targets: Term) -> None:
        """A statement for each target."""
        self.all += [(iri(subject), iri(predicate), target) for target in targets]

    def type(self, subject: str, *classes: str) -> None:
        """Which classes something is of."""
        self.say(subject, v.TYPE, *map(iri, classes))

    def number(self, subject: str, predicate: str, count: int | None) -> None:
        """A number, unless it is not known."""
        if count is not None:
            self.say(subject, predicate, literal(str(count), datatype=v.XSD + "integer"))

    def by_subject(self) -> list[Statement]:
        """Each subject's statements together, as Turtle reads best; each once."""
        subjects = {subject: place for place, (subject, _, _) in reversed(list(enumerate(self.all)))}
        return sorted(dict.fromkeys(self.all), key=lambda statement: subjects[statement[0]])


def times(text: str) -> Iterable[Term]:
    """A date or time as a literal, by its length; nothing for none."""
    if text:
        yield literal(text, datatype=_XSD_DATES.get(len(text), v.XSD + "dateTime"))
