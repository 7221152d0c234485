"""Exports: what sources say, each row with its source, licence and attribution, where their licences allow it together.

A table holds actors, each as actors.jsonl takes it again; RDF holds every record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from api.index import entity_of
from api.outcomes import Incompatible
from api.places import country_code
from api.printing import csv_lines
from api.reader import Reader, SourceStatus, attribution_of, licence_of
from kg import history, licences
from kg import vocabulary as v
from kg.errors import Forbidden, NotFound, UserError
from kg.journal import Change
from kg.model import Actor
from kg.terms import Statement, from_payload, iri, to_payload

FORMS = ("jsonl", "csv", "nt", "nq", "ttl")
MEDIA = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "nt": "application/n-triples",
    "nq": "application/n-quads",
    "ttl": "text/turtle; charset=utf-8",
}
_ACTOR_MARK = f"<{v.NS}Actor>"
_EVIDENCE = ("title", "text", "date", "buyer", "source", "url")
_COLUMNS = (
    *("id", "name", "kind", "country", "nuts", "city", "latitude", "longitude", "size", "website", "identifiers"),
    *("makes", "processes", "certifications", "sectors", "clusters", "network", "codes", "description"),
    *(f"evidence_{name}" for name in _EVIDENCE),
    *("iri", "source", "licence", "attribution"),
)
_CHUNK = 500  # records written at a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported. `moment` is "" for what the sources say now."""

    sources: tuple[str, ...] = ()  # none: all that are public
    country: str = ""
    moment: str = ""
    commercial: bool = False


@dataclass(frozen=True, slots=True)
class Attribution:
    """How one source of an export is to be named, and what its licence asks."""

    source: str
    attribution: str
    licence: str
    licence_iri: str
    asks: tuple[str, ...]
    origin: str
    as_of: str


class Export:
    """One export, allowed: who is to be named, and the rows in any form."""

    def __init__(self, reader: Reader, wanted: Wanted, sources: Sequence[SourceStatus], seq: int) -> None:
        self._reader = reader
        self._country = wanted.country
        self._moment = wanted.moment
        self._sources = tuple(sources)
        self.seq = seq
        self.attributions = tuple(_attribution(source) for source in sources)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have a part in it."""
        return tuple(source.id for source in self._sources)

    def text(self) -> str:
        """The list of attributions for people: what goes beside a file, or at its head."""
        moment = f", as of {self._moment}" if self._moment else ""
        together = licences.result([licences.read(source.licence) for source in self._sources])
        lines = [f"Exported from Filière at seq {self.seq}{moment}. Name these sources where the data is used:", ""]
        for told in self.attributions:
            asks = f" (asks for {', '.join(told.asks)})" if told.asks else ""
            lines.append(f"{told.source}: {told.attribution}{asks}")
        if not self.attributions:
            lines.append("none: no record was found.")
        return "\n".join([*lines, "", f"Together they may bear: {together}."]) + "\n"

    def chunks(self, form: str) -> Iterator[str]:
        """The whole export in one of FORMS, piece by piece."""
        if form not in FORMS:
            raise UserError(f"The form {form[:40]!r} is unknown.", f"Use one of: {', '.join(FORMS)}.")
        if form == "csv":
            yield from csv_lines(map(_flat, self._actors()), _COLUMNS)
        elif form == "jsonl":
            for row in self._actors():
                yield json.dumps(row, ensure_ascii=False) + "\n"
        else:
            yield "".join(f"# {line}".rstrip() + "\n" for line in self.text().splitlines())
            yield from self._rdf(form)

    def _records(self, source: str) -> Iterator[Change]:
        """What a source says, its own record first; with a country, only the actors that are there."""
        journal = self._reader.journal
        own = v.source_graph(source)
        found = history.as_of(journal, source, self.seq) if self._moment else history.standing(journal, source)
        for change in found:
            if change.iri == own or not self._country or _is_there(change, self._country):
                yield change

    def _actors(self) -> Iterator[dict[str, Any]]:
        for source in self._sources:
            told = {"source": source.id, "licence": licence_of(source), "attribution": attribution_of(source)}
            for change in self._records(source.id):
                entity = entity_of(change) if _ACTOR_MARK in change.payload else None
                if isinstance(entity, Actor):
                    yield {**_row(entity), **told}

    def _rdf(self, form: str) -> Iterator[str]:
        from api.negotiation import rdf_bytes

        for source in self._sources:
            graph = iri(v.source_graph(source.id))
            pending: list[Statement] = []
            for number, change in enumerate(self._records(source.id), 1):
                if form == "nq":
                    yield change.payload.replace(" .\n", f" {graph} .\n")
                    continue
                pending += from_payload(change.payload)
                if change.iri != graph[1:-1]:
                    pending.append((iri(change.iri), f"<{v.PROV}wasDerivedFrom>", graph))
                if number % _CHUNK == 0:
                    yield to_payload(pending) if form == "nt" else rdf_bytes(pending, form).decode()
                    pending = []
            if pending:
                yield to_payload(pending) if form == "nt" else rdf_bytes(pending, form).decode()


def prepare(reader: Reader, wanted: Wanted, *, private: bool, tables: bool) -> Export:
    """The export that is wanted, when its licences allow it.

    `private` lets sources be named that are not public, `tables` leaves those out that hold no actor. Raises NotFound,
    Forbidden, UserError, or Incompatible naming the sources and how to mend it.
    """
    wanted = replace(wanted, country=country_code(wanted.country) if wanted.country else "")
    if wanted.moment:
        wanted = replace(wanted, moment=history.moment(wanted.moment))
    seq = history.seq_at(reader.journal, wanted.moment) if wanted.moment else reader.journal.last_seq
    chosen = _chosen(reader, wanted, private)
    taking = [source for source in chosen if _has_part(reader, source.id, seq, wanted, tables)]
    found = licences.conflicts({s.id: licences.read(s.licence) for s in taking}, commercial=wanted.commercial)
    if found:
        raise _incompatible(found, taking, wanted)
    return Export(reader, wanted, taking, seq)


def _incompatible(found: list[licences.Conflict], taking: list[SourceStatus], wanted: Wanted) -> Incompatible:
    """The refusal, which says what goes together, and how to say a licence that is not known."""
    barred = {name for conflict in found for name in conflict.sources}
    left = [source.id for source in taking if source.id not in barred]
    unsaid = next((source.id for source in taking if not licences.read(source.licence).known), "")
    mends = []
    if left:
        mends.append(f"What is left goes together: {' '.join(f'--source {name}' for name in left)}.")
    if not wanted.commercial:
        mends.append("Or take each source by itself (--each).")
    if unsaid:
        mends.append(f"If you know the licence of {unsaid}: 'filiere sources describe {unsaid} --licence …'.")
    if not mends:
        mends.append("Ask the publisher for leave, or for another licence.")
    reasons = "; ".join(conflict.reason for conflict in found)
    return Incompatible(f"These sources cannot be exported so: {reasons}.", " ".join(mends))


def past(reader: Reader, name: str, moment: str) -> Export:
    """All that one source said at a moment, withdrawn or not. Raises NotFound, or UserError for no moment."""
    wanted = Wanted((name,), moment=history.moment(moment))
    seq = history.seq_at(reader.journal, wanted.moment)
    return Export(reader, wanted, [reader.source_at(name, seq)], seq)


def exported(reader: Reader) -> list[SourceStatus]:
    """The sources that an export takes when none is named: all that are public and that others speak in."""
    return [source for source in _nameable(reader) if source.public and source.id != v.DEFAULT]


def _nameable(reader: Reader) -> list[SourceStatus]:
    return [source for source in reader.sources() if source.id not in v.OURS and ":" not in source.id]


def _chosen(reader: Reader, wanted: Wanted, private: bool) -> list[SourceStatus]:
    if not wanted.sources:
        return exported(reader)
    known = {source.id: source for source in _nameable(reader)}
    for name in wanted.sources:
        if name not in known:
            raise NotFound(f"There is no source {name[:64]!r} that can be exported.", "See 'filiere sources'.")
        if not private and not known[name].public:
            raise Forbidden(f"The source {name} is not public.", "Its keeper can export it with 'filiere export'.")
    return [known[name] for name in dict.fromkeys(wanted.sources)]


def _has_part(reader: Reader, source: str, seq: int, wanted: Wanted, tables: bool) -> bool:
    """Whether any record of a source would be in the export."""
    marks = [_ACTOR_MARK] if tables or wanted.country else []
    marks += [_country_mark(wanted.country)] if wanted.country else []
    tests = "".join(" AND instr(c.payload, ?) > 0" for _ in marks)
    live = "live l JOIN changes c ON c.seq = l.seq WHERE l.source = ? AND l.seq <= ?"
    table = "changes c WHERE c.source = ? AND c.seq <= ?" if wanted.moment else live
    query = f"SELECT 1 FROM {table} AND c.iri <> ? AND c.op = 'upsert'{tests} LIMIT 1"
    return bool(reader.journal.rows(query, (source, seq, v.source_graph(source), *marks)))


def _country_mark(country: str) -> str:
    return f'<{v.SCHEMA}addressCountry> "{country}"'


def _is_there(change: Change, country: str) -> bool:
    return _ACTOR_MARK in change.payload and _country_mark(country) in change.payload


def _attribution(source: SourceStatus) -> Attribution:
    known = licences.read(source.licence)
    return Attribution(
        source.id, attribution_of(source), licence_of(source), known.iri, known.asks if known.known else (),
        source.origin or v.source_graph(source.id), source.as_of,
    )  # fmt: skip


def _row(actor: Actor) -> dict[str, Any]:
    """An actor as a line of actors.jsonl; what it does not say is left out."""
    row = {name: content for name, content in asdict(actor).items() if content not in ("", None, (), [])}
    row["evidence"] = [
        {name: content for name, content in piece.items() if content not in ("", (), []) and name != "iri"}
        for piece in row.get("evidence", ())
    ]
    return row


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of actors.jsonl as cells: texts without their languages, the first piece of evidence alone."""
    out = dict(row)
    for name, content in row.items():
        if isinstance(content, list | tuple) and content and isinstance(content[0], dict):
            out[name] = [item["text"] for item in content if "text" in item]
        elif isinstance(content, float):
            out[name] = repr(content)
    out["description"] = " ".join(item["text"] for item in row.get("descriptions", ()))
    first: dict[str, Any] = next(iter(row["evidence"]), {})
    return out | {f"evidence_{name}": first.get(name, "") for name in _EVIDENCE}
