"""What was decided on which actors are one: records in a source of their own, and the groups that follow from them.

A pair has two records at most, the rules' and a person's, and the person's counts. Groups are a projection: whoever is
joined by decisions that stand is one actor, but never two that a decision holds apart. No source's data is touched.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kg import history, mapping
from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.fields import IDENTITY
from kg.journal import Change, Journal
from kg.model import IdentityDecision, Source
from kg.terms import to_payload, value

SOURCE = Source(
    id=v.IDENTITIES,
    title="Decisions on identity",
    namespace=v.source_namespace(v.IDENTITIES),
    public=False,  # they name who decided
)
RULE, PERSON = "rule", "person"
_CLASS = f"<{v.NS}IdentityDecision>"
_FIELDS = {f"<{field.predicate}>": field for field in IDENTITY}
_PAGE = 5000  # changes read at a time
_PERCENT = 0.02  # by how much a probability may move without a new record


def name(one: str, other: str, by: str) -> str:
    """The IRI of the decision of the rules, or of a person, on two actors, in whichever order they are given."""
    pair = "-".join(hashlib.sha256(iri.encode()).hexdigest()[:16] for iri in sorted((one, other)))
    return v.mint(SOURCE.namespace, by, pair)


def made(one: str, other: str, verdict: str, by: str, date: str, **more: object) -> IdentityDecision:
    """A decision on two actors."""
    iri = name(one, other, by)
    pair = (min(one, other), max(one, other))
    return IdentityDecision(iri, v.IDENTITIES, v.local_name(iri), pair, verdict, by, date=date, **more)  # type: ignore[arg-type]


def of(change: Change) -> IdentityDecision | None:
    """The decision that an entry of the journal holds, None for any other entry.

    Read line by line: tens of thousands are read at once, and `mapping` takes five times as long.
    """
    if change.source != v.IDENTITIES or _CLASS not in change.payload:
        return None
    found: dict[str, Any] = {"actors": (), "because": (), "verdict": "", "id": v.local_name(change.iri)}
    for line in change.payload.split("\n"):
        _, predicate, term = (*line.split(" ", 2), "", "")[:3]
        field = _FIELDS.get(predicate)
        if field is None:
            continue
        text = value(term[:-2])
        if field.form.endswith("*"):
            found[field.name] = (*found[field.name], text)
        else:
            found[field.name] = float(text) if field.form == "decimal" else text
    decision = IdentityDecision(change.iri, change.source, **found)
    return decision if len(decision.actors) == 2 else None


def check(decision: IdentityDecision) -> None:
    """Raises RefusedInput when a part of a decision cannot be stored: a note that is too long, half a character."""
    from kg import rdf
    from kg.validation import Validator

    try:
        about = mapping.to_statements(decision)
        rdf.check_payload(to_payload(about))
    except ValueError as error:
        raise RefusedInput(f"The decision cannot be stored: {error}.", "Correct or remove that part.") from error
    for finding in Validator.packaged().check(decision.iri, about):
        raise RefusedInput(f"{finding.column}: {finding.reason}", finding.mend)


def write(
    journal: Journal, decisions: Iterable[IdentityDecision], withdrawn: Collection[str] = (), note: str = ""
) -> int:
    """Writes decisions and takes others, named by their IRIs, back: one batch. How many records changed.

    With the last decision the record of the source goes too, so that nothing is left of what was taken back.
    """
    own = v.source_graph(v.IDENTITIES)
    rows = [(decision.iri, to_payload(mapping.to_statements(decision))) for decision in decisions]
    gone = list(withdrawn)
    if rows:
        rows.insert(0, (own, to_payload(mapping.to_statements(SOURCE))))
    elif gone and not set(journal.current(v.IDENTITIES)) - {own, *gone}:
        gone.append(own)
    if not rows and not gone:
        return 0
    batch = journal.append(v.IDENTITIES, rows, gone, note)
    return batch.upserts + batch.deletes if batch else 0


class Standing:
    """The decisions that stand, read again only where the journal has moved."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seq = 0
        self._reading = threading.Lock()
        self._all: dict[str, IdentityDecision] = {}
        self._on: dict[str, set[str]] = {}  # actor → IRIs of the decisions on it

    def refreshed(self) -> Standing:
        """The same, brought to the journal's seq."""
        with self._reading:
            self._read()
        return self

    def _read(self) -> None:
        last = history.last_seq(self._journal, v.IDENTITIES)
        if last == self._seq:
            return
        if not self._seq:
            for change in self._journal.below(v.IDENTITIES, SOURCE.namespace):
                self._take(change)
        else:
            while page := history.changes(self._journal, v.IDENTITIES, self._seq, _PAGE):
                for change in page:
                    self._take(change)
                self._seq = page[-1].seq
        self._seq = last

    def _take(self, change: Change) -> None:
        before = self._all.pop(change.iri, None)
        for actor in before.actors if before else ():
            self._on[actor].discard(change.iri)
            if not self._on[actor]:
                del self._on[actor]
        if (decision := of(change)) is not None:
            self._all[decision.iri] = decision
            for actor in decision.actors:
                self._on.setdefault(actor, set()).add(decision.iri)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def seq(self) -> int:
        """The journal's number of the last change that was seen."""
        return self._seq

    def all(self) -> list[IdentityDecision]:
        """Every decision that counts: of a pair that a person decided on, the person's."""
        return [decision for decision in self._all.values() if self._counts(decision)]

    def records(self) -> Iterable[IdentityDecision]:
        """Every record, also those of the rules that a person overruled."""
        return self._all.values()

    def _counts(self, decision: IdentityDecision) -> bool:
        if decision.by == PERSON:
            return True
        mine = self.get(decision.actors[0], decision.actors[1], PERSON)
        # Numbers that differ outrank the person who said that the two are one.
        return mine is None or (mine.verdict == "same" and decision.verdict == "different")

    def get(self, one: str, other: str, by: str) -> IdentityDecision | None:
        """The decision of the rules or a person on two actors."""
        return self._all.get(name(one, other, by))

    def on(self, actor: str) -> list[IdentityDecision]:
        """The decisions that count on one actor, those of persons first."""
        found = [self._all[iri] for iri in self._on.get(actor, ())]
        return sorted(filter(self._counts, found), key=lambda decision: (decision.by != PERSON, decision.actors))

    def group(self, actor: str) -> tuple[str, ...]:
        """The actors that are one with this one, itself among them, sorted."""
        reached, links, apart = self._around(actor)
        return next((tuple(sorted(g)) for g in joined(reached, links, apart) if actor in g), (actor,))

    def groups(self) -> list[tuple[str, ...]]:
        """Every group of two or more."""
        out: list[tuple[str, ...]] = []
        seen: set[str] = set()
        for actor in self._on:
            if actor not in seen:
                reached, links, apart = self._around(actor)
                seen |= reached
                out += [tuple(sorted(g)) for g in joined(reached, links, apart) if len(g) > 1]
        return out

    def apart(self) -> list[tuple[str, str]]:
        """The pairs that a person holds apart."""
        return [(d.actors[0], d.actors[1]) for d in self._all.values() if (d.by, d.verdict) == (PERSON, "different")]

    def _around(self, actor: str) -> tuple[set[str], list[IdentityDecision], list[IdentityDecision]]:
        """All that hang together with an actor, the decisions that join them, and those that hold two of them apart."""
        reached, ahead = {actor}, [actor]
        links: dict[str, IdentityDecision] = {}
        apart: dict[str, IdentityDecision] = {}
        while ahead:
            for decision in self.on(ahead.pop()):
                if decision.verdict == "same":
                    links[decision.iri] = decision
                    fresh = set(decision.actors) - reached
                    reached |= fresh
                    ahead += fresh
                elif decision.verdict == "different":
                    apart[decision.iri] = decision
        return reached, list(links.values()), list(apart.values())


def joined(
    actors: Iterable[str], links: Iterable[IdentityDecision], apart: Iterable[IdentityDecision]
) -> Iterator[set[str]]:
    """The groups that links make of actors, the strongest first; one that would join two who are apart does nothing."""
    groups = Groups(actors)
    for decision in apart:
        groups.part(*decision.actors)
    for decision in sorted(links, key=lambda d: (d.by != PERSON, -(d.probability or 0.0), d.actors)):
        groups.join(*decision.actors)
    yield from groups.all()


class Groups:
    """Actors in groups that grow, some of whom must never come together."""

    def __init__(self, actors: Iterable[str] = ()) -> None:
        self._group: dict[str, set[str]] = {actor: {actor} for actor in actors}
        self._foes: dict[str, set[str]] = {}

    def of(self, actor: str) -> set[str]:
        """The group of an actor."""
        return self._group.setdefault(actor, {actor})

    def part(self, one: str, other: str) -> None:
        """Two that must stay apart."""
        self._foes.setdefault(one, set()).add(other)
        self._foes.setdefault(other, set()).add(one)

    def foes(self, one: str, other: str) -> tuple[str, str] | None:
        """Two of the groups of these two that must stay apart."""
        small, large = sorted((self.of(one), self.of(other)), key=len)
        if not self._foes:
            return None
        return next(((a, b) for a in sorted(small) for b in sorted(self._foes.get(a, ())) if b in large), None)

    def join(self, one: str, other: str) -> bool:
        """Makes one group of two, unless two of them must stay apart."""
        small, large = sorted((self.of(one), self.of(other)), key=len)
        if small is large:
            return True
        if self.foes(one, other):
            return False
        large |= small
        for actor in small:
            self._group[actor] = large
        return True

    def all(self) -> Iterator[set[str]]:
        """Every group."""
        seen: set[int] = set()
        for group in self._group.values():
            if id(group) not in seen:
                seen.add(id(group))
                yield group


def says_the_same(one: IdentityDecision, other: IdentityDecision) -> bool:
    """Whether a decision of the rules says nothing new beside the one that stands."""
    moved = abs((one.probability or 0.0) - (other.probability or 0.0))
    return one.verdict == other.verdict and moved < _PERCENT


def as_groups(groups: Iterable[tuple[str, ...]]) -> Mapping[str, str]:
    """Actor → the first of its group, for all that are in one."""
    return {actor: group[0] for group in groups for actor in group}
