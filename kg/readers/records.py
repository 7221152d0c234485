"""Fields to records: each value made clean, each fault kept as a finding. Readers of every format end here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from kg import vocabulary as v
from kg.findings import Finding
from kg.model import ACTOR_KINDS, RECIPE_STEP_KINDS, SIZES, Actor, Claim, Evidence, Exchange, RecipeStep, Source, Text
from kg.readers import cells
from kg.readers.cells import Unfit

_T = TypeVar("_T")
_CONTACTS = "email e-mail mail phone telephone tel fax mobile contact contact_name contact_person"
_PERSONAL = frozenset(_CONTACTS.split())
_KIND_WORDS = {
    "company": "firm",
    "enterprise": "firm",
    "laboratory": "lab",
    "research": "lab",
    "publicbody": "public",
    "public-body": "public",
    "pole": "cluster",
    "pôle": "cluster",
    "network": "association",
}
_UNSAID = ("", "unknown", "n/a", "na", "-", "none", "null")
_FIELDS = (
    "id name kind country nuts city latitude longitude size identifiers website descriptions makes processes "
    "certifications sectors clusters network codes evidence"
)
ACTOR_FIELDS = frozenset(_FIELDS.split())
_MOST_FINDINGS = 100  # about one record; more would only repeat


class Builder:
    """Makes the records of one file. `findings` holds what was wrong with the record made last."""

    def __init__(self, file: str, source: Source, cell_limit: int) -> None:
        self._file = file
        self._source = source
        self._limit = cell_limit
        self._namespace = source.namespace or v.source_namespace(source.id)
        self.findings: list[Finding] = []
        self._row: int | None = None
        self._entity = ""

    def begin(self, row: int | None) -> None:
        """Starts a record: forgets the findings of the one before."""
        self.findings = []
        self._row = row
        self._entity = ""

    @property
    def entity(self) -> str:
        """The IRI of the record in hand; an empty text while it has none."""
        return self._entity

    def name(self, iri: str) -> None:
        """Says which record is in hand, for the findings about it."""
        self._entity = iri

    def problem(self, column: str, reason: str, mend: str, severity: str = "error") -> None:
        """Keeps one finding about the record in hand."""
        finding = Finding(self._file, self._row, column, self._entity, reason, mend, severity)
        if len(self.findings) < _MOST_FINDINGS and finding not in self.findings:
            self.findings.append(finding)

    def _try(self, column: str, make: Callable[[], _T], otherwise: _T, severity: str = "error") -> _T:
        try:
            return make()
        except Unfit as error:
            self.problem(column, error.reason, error.mend, severity)
            return otherwise

    def text(self, fields: Mapping[str, Any], column: str) -> str:
        """One clean text; a list, object or other wrong shape is a finding."""
        raw = fields.get(column)
        if raw is None:
            return ""
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            self.problem(column, f"{column!r} holds a {type(raw).__name__}, not a text.", "Write one text.")
            return ""
        if isinstance(raw, float) and math.isnan(raw):
            return ""
        return self._try(column, lambda: cells.clean(str(raw), self._limit), "")

    def _fit(self, fields: Mapping[str, Any], column: str, make: Callable[[str], str], severity: str = "error") -> str:
        found = self.text(fields, column)
        return self._try(column, lambda: make(found), "", severity) if found else ""

    def _list(self, fields: Mapping[str, Any], column: str) -> list[Any]:
        raw = fields.get(column)
        if raw is None or raw == "":
            return []
        if not isinstance(raw, list):
            self.problem(column, f"{column!r} holds a {type(raw).__name__}, not a list.", "Write a list.")
            return []
        return raw

    def texts(self, fields: Mapping[str, Any], column: str) -> tuple[Text, ...]:
        """A list of texts, each a string or {text, lang}; the same text twice counts once."""
        out: dict[Text, None] = {}
        for item in self._list(fields, column):
            entry = item if isinstance(item, dict) else {"text": item}
            said = self.text({column: entry.get("text")}, column)
            lang = self._fit({column: entry.get("lang")}, column, cells.language_tag)
            if said:
                out[Text(said, lang)] = None
        return tuple(out)

    def words(self, fields: Mapping[str, Any], column: str, make: Callable[[str], str] = str) -> tuple[str, ...]:
        """A list of clean words, each put through `make`; the same word twice counts once."""
        out: dict[str, None] = {}
        for item in self._list(fields, column):
            found = self._fit({column: item}, column, make)
            if found:
                out[found] = None
        return tuple(sorted(out))

    def iri(self, room: str, fields: Mapping[str, Any]) -> str:
        """The record's IRI from its id; an empty text when the id is missing."""
        found = self.text(fields, "id")
        if not found and not any(finding.column == "id" for finding in self.findings):
            self.problem("id", "The id is missing.", "Give each row an id of its own that stays the same.")
        self._entity = v.mint(self._namespace, room, found) if found else ""
        return self._entity

    def actor(self, fields: Mapping[str, Any]) -> Actor | None:
        """An actor from the fields of actors.jsonl; None when a finding forbids it."""
        iri = self.iri("actor", fields)
        dropped = sorted(_PERSONAL & {name.casefold() for name in fields})
        if dropped:
            mend = "Nothing to do; Filière keeps no personal contact data."
            self.problem(dropped[0], f"Dropped: {', '.join(dropped)}.", mend, "warning")
        if not self.text(fields, "name"):
            self.problem("name", "The name is missing.", "Fill in the column 'name'.")
        latitude, longitude = self.position(fields)
        actor = Actor(
            iri=iri,
            source=self._source.id,
            id=self.text(fields, "id"),
            name=self.text(fields, "name"),
            kind=self._fit(fields, "kind", _kind) or "firm",
            country=self._fit(fields, "country", cells.country),
            nuts=self._fit(fields, "nuts", cells.nuts, "warning"),
            city=self.text(fields, "city"),
            latitude=latitude,
            longitude=longitude,
            size=self._fit(fields, "size", _size),
            identifiers=self.words(fields, "identifiers"),
            website=self._link(fields, "website", cells.website),
            descriptions=self.texts(fields, "descriptions"),
            makes=self.texts(fields, "makes"),
            processes=self.texts(fields, "processes"),
            certifications=self.texts(fields, "certifications"),
            sectors=self.texts(fields, "sectors"),
            clusters=self.words(fields, "clusters"),
            network=self.text(fields, "network"),
            codes=self.words(fields, "codes", cells.code),
            evidence=tuple(self._evidence(item) for item in self._list(fields, "evidence")),
        )
        return None if self.failed() else actor

    def failed(self) -> bool:
        """Whether an error forbids the record in hand."""
        return any(finding.severity == "error" for finding in self.findings)

    def _link(self, fields: Mapping[str, Any], column: str, make: Callable[[str], str]) -> str:
        found = self.text(fields, column)
        # An address that runs code is refused; one that is only misspelt costs the firm its link, not its place.
        hostile = found.casefold().replace(" ", "").startswith(("javascript:", "data:", "vbscript:", "file:"))
        severity = "error" if hostile else "warning"
        return self._try(column, lambda: make(found), "", severity) if found else ""

    def position(self, fields: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """Latitude and longitude in degrees of WGS 84, each None when it is not given."""
        out: list[float | None] = []
        for column, bound in (("latitude", 90.0), ("longitude", 180.0)):
            found = self.text(fields, column)
            if found:
                out.append(self._try(column, partial(cells.number, found, -bound, bound, column), None))
            else:
                out.append(None)
        return out[0], out[1]

    def _evidence(self, item: Any) -> Evidence:
        if not isinstance(item, dict):
            self.problem("evidence", "A piece of evidence is not an object.", "Write {title, text, lang, date, …}.")
            return Evidence()
        before = len(self.findings)
        found = Evidence(
            title=self.text(item, "title"),
            text=self.text(item, "text"),
            lang=self._fit(item, "lang", cells.language_tag),
            date=self._fit(item, "date", cells.iso_date),
            buyer=self.text(item, "buyer"),
            source=self.text(item, "source"),
            url=self._link(item, "url", cells.address),
            status=self.text(item, "status"),
            codes=self.words(item, "codes", cells.code),
        )
        for number, finding in enumerate(self.findings[before:], before):
            self.findings[number] = Finding(finding.file, finding.row, f"evidence.{finding.column}", *_rest(finding))
        return found

    def exchange(self, fields: Mapping[str, Any], kind: str) -> Exchange | None:
        """An offer or a need; `kind` stands where the row does not say."""
        said = self._fit(fields, "kind", lambda text: cells.choice(text, ("offer", "need"), "kind of exchange")) or kind
        if said not in ("offer", "need"):
            self.problem("kind", "The row does not say whether it is an offer or a need.", "Fill in the column 'kind'.")
            said = "offer"
        iri = self.iri(said, fields)
        if not self.text(fields, "what"):
            self.problem("what", "The row does not say what.", "Fill in the column 'what'.")
        exchange = Exchange(
            iri=iri,
            source=self._source.id,
            id=self.text(fields, "id"),
            kind=said,
            what=Text(self.text(fields, "what"), self._fit(fields, "lang", cells.language_tag)),
            actor=self.text(fields, "actor"),
            who=self.text(fields, "who"),
            quantity=self.text(fields, "quantity"),
            unit=self.text(fields, "unit"),
            place=self.text(fields, "place"),
            period=self.text(fields, "period"),
            note=self.text(fields, "note"),
            date=self._fit(fields, "date", cells.iso_date),
            url=self._link(fields, "url", cells.address),
        )
        return None if self.failed() else exchange

    def step(self, fields: Mapping[str, Any]) -> tuple[Text, RecipeStep] | None:
        """(product, step) of one row of a recipe."""
        lang = self._fit(fields, "lang", cells.language_tag)
        product, what = self.text(fields, "product"), self.text(fields, "what")
        if not product or not what:
            self.problem("what" if product else "product", "The cell is empty.", "Fill in 'product' and 'what'.")
        kind = self._fit(fields, "kind", lambda text: cells.choice(text, RECIPE_STEP_KINDS, "kind of step"))
        if not kind and not self.failed():
            self.problem("kind", "The kind of step is missing.", f"Write one of: {', '.join(RECIPE_STEP_KINDS)}.")
        step = RecipeStep(
            kind=kind,
            what=Text(what, lang),
            standard=self.text(fields, "standard"),
            note=self.text(fields, "note"),
            url=self._link(fields, "url", cells.address),
        )
        return None if self.failed() else (Text(product, lang), step)

    def claim(self, fields: Mapping[str, Any], kind: str) -> Claim | None:
        """What somebody said of a subject; its id, where none is given, is made from what it says."""
        if not self.text(fields, "id"):
            telling = ("subject", "kind", "text", "measure", "value", "url", "date")
            said = "\n".join(self.text(fields, column) for column in telling)
            fields = {**fields, "id": hashlib.sha256(said.encode()).hexdigest()[:16]}
        iri = self.iri("claim", fields)
        value = self.text(fields, "value")
        if value:
            self._try("value", lambda: cells.number(value, -1e18, 1e18, "value"), 0.0)
        if not self.text(fields, "subject"):
            self.problem("subject", "The subject is missing.", "Fill in the column 'subject'.")
        claim = Claim(
            iri=iri,
            source=self._source.id,
            id=self.text(fields, "id"),
            subject=self.text(fields, "subject"),
            kind=self.text(fields, "kind") or kind,
            text=Text(self.text(fields, "text"), self._fit(fields, "lang", cells.language_tag)),
            measure=self.text(fields, "measure"),
            value=value,
            said_by=self.text(fields, "said_by"),
            date=self._fit(fields, "date", cells.iso_date),
            url=self._link(fields, "url", cells.address),
        )
        return None if self.failed() else claim


def _rest(finding: Finding) -> tuple[str, str, str, str]:
    return finding.entity, finding.reason, finding.mend, finding.severity


def _kind(text: str) -> str:
    word = text.casefold()
    return cells.choice(_KIND_WORDS.get(word, word), ACTOR_KINDS, "kind of actor")


def _size(text: str) -> str:
    return "" if text.casefold() in _UNSAID else cells.choice(text, SIZES, "size")
