"""Where what is said of a record comes from: its sources, their licences, and when each was taken in."""

from __future__ import annotations

from dataclasses import dataclass

from api.reader import Reader, attribution_of, licence_of
from kg import vocabulary as v
from kg.terms import Statement, iri, literal


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a record, how it is to be named, and when the record as it stands was taken in."""

    source: str
    title: str
    publisher: str
    licence: str
    licence_iri: str
    attribution: str
    origin: str  # IRI of the source at the node that published it first
    harvested_from: str
    taken: str  # ISO 8601 in UTC
    harvest: str = ""  # IRI of the harvest that brought it, where it was harvested


def of(reader: Reader, record: str, source: str = "") -> list[Origin]:
    """The sources of a record, or the one that is named."""
    known = {status.id: status for status in reader.sources()}
    out = []
    for change in reader.journal.entity(record):
        if change.source in v.OURS or (source and change.source != source):
            continue
        status = known[change.source]
        out.append(
            Origin(
                status.id,
                status.title or status.id,
                status.publisher,
                licence_of(status),
                status.licence_iri,
                attribution_of(status),
                status.origin or v.source_graph(status.id),
                status.harvested_from,
                change.time,
                _harvest(reader, change.time) if status.harvested_from else "",
            )
        )
    return out


def _harvest(reader: Reader, time: str) -> str:
    """The IRI of the harvest that was written together with what was written at a time, or ""."""
    rows = reader.journal.rows(
        "SELECT c.iri FROM batches b JOIN changes c ON c.seq BETWEEN b.first_seq AND b.last_seq "
        "WHERE b.source = ? AND b.time = ? AND c.iri <> ? ORDER BY c.seq DESC LIMIT 1",
        (v.HARVESTS, time, v.source_graph(v.HARVESTS)),
    )
    return str(rows[0][0]) if rows else ""


def statements(record: str, origins: list[Origin]) -> list[Statement]:
    """The same in PROV: the record was derived from its sources' graphs, which have a licence and a publisher."""
    out: list[Statement] = []
    for told in origins:
        graph = iri(v.source_graph(told.source))
        out.append((iri(record), f"<{v.PROV}wasDerivedFrom>", graph))
        out.append((iri(record), f"<{v.PROV}generatedAtTime>", literal(told.taken, "", v.XSD + "dateTime")))
        out.append((graph, f"<{v.DCT}title>", literal(told.title)))
        out.append((graph, f"<{v.NS}attribution>", literal(told.attribution)))
        if told.publisher:
            out.append((graph, f"<{v.DCT}publisher>", literal(told.publisher)))
        out.append((graph, f"<{v.DCT}license>", iri(told.licence_iri) if told.licence_iri else literal(told.licence)))
        if told.origin != graph[1:-1]:
            out.append((graph, f"<{v.PROV}hadPrimarySource>", iri(told.origin)))
        if told.harvest:
            out.append((iri(record), f"<{v.PROV}wasGeneratedBy>", iri(told.harvest)))
        if told.harvested_from:
            out.append((graph, f"<{v.DCT}source>", iri(told.harvested_from)))
    return out
