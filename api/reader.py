"""Records of a data folder, read from the journal: actors, clusters, competencies, sources and the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from api.index import entity_of
from kg import licences, mapping
from kg import vocabulary as v
from kg.errors import NotFound, UserError
from kg.journal import Journal
from kg.model import Actor, Claim, Concept, Entity, Exchange, Recipe, Source, TagDecision
from kg.terms import Statement, from_payload

_HALF = re.compile("[\ud800-\udfff]")
_Kind = TypeVar("_Kind", Actor, Claim, Concept, Exchange, Recipe, Source, TagDecision)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source as it stands: who publishes it, how much of it is live, and when it last changed."""

    id: str
    title: str
    publisher: str
    licence: str
    url: str
    issued: str
    namespace: str
    public: bool
    entities: int
    as_of: str
    seq: int
    origin: str = ""
    harvested_from: str = ""
    attribution: str = ""
    licence_name: str = ""  # the licence as it is known everywhere: its short name, "unknown", and its IRI or ""
    licence_iri: str = ""


def licence_of(source: SourceStatus) -> str:
    """The licence of a source in a few words: its short name, else what the source states, else "unknown"."""
    known = source.licence_name not in ("", licences.UNKNOWN.name)
    return source.licence_name if known else source.licence or licences.UNKNOWN.name


def attribution_of(source: SourceStatus) -> str:
    """How a source is to be named where what it says is used, in one line."""
    title = source.title or source.id
    return licences.attribution(title, source.publisher, source.attribution, source.licence, source.url)


def _status(source: Source, entities: int, as_of: str, seq: int, name: str = "") -> SourceStatus:
    known = licences.read(source.licence)
    name = name or source.id
    return SourceStatus(
        id=name,
        title=source.title,
        publisher=source.publisher,
        licence=source.licence,
        url=source.url,
        issued=source.issued,
        namespace=source.namespace or v.source_namespace(name),
        public=source.public,
        entities=entities,
        as_of=as_of,
        seq=seq,
        origin=source.origin,
        harvested_from=source.harvested_from,
        attribution=source.attribution,
        licence_name=known.name,
        licence_iri=known.iri,
    )


@dataclass(slots=True)
class _Seen:
    """Records read from the journal, kept while its seq stays the same."""

    seq: int = -1
    by_type: dict[type, list[Entity]] = field(default_factory=dict)


class Reader:
    """Looks records up; what a journal held at a seq is kept until its seq moves."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._seen = _Seen()

    def _records(self, kind: type[_Kind]) -> list[_Kind]:
        """Every live record of one class, read again only when the journal has moved."""
        seen = self._seen
        if seen.seq != self.journal.last_seq:
            seen = _Seen(self.journal.last_seq)
        if kind not in seen.by_type:
            found: list[Entity] = []
            marks = _CLASS_MARKS[kind]
            for change in self.journal.entities(v.DECISIONS if kind is TagDecision else None):
                if any(mark in change.payload for mark in marks):
                    entity = entity_of(change)
                    if isinstance(entity, kind):
                        found.append(entity)
            seen.by_type[kind] = found
        self._seen = seen
        return [entity for entity in seen.by_type[kind] if isinstance(entity, kind)]

    def entity(self, id_or_iri: str, room: str, source: str = "") -> Entity:
        """The record named by its IRI, or by its id in a room ("actor", "offer", "recipe" …). Raises NotFound."""
        for iri in self._candidates(id_or_iri, room, source):
            for change in self.journal.entity(iri):
                found = entity_of(change)
                if found is not None and (not source or change.source == source):
                    return found
        where = f" in the source {source!r}" if source else ""
        raise NotFound(f"There is no {room} {id_or_iri!r}{where}.", "Search for it by name, or see 'filiere sources'.")

    def _candidates(self, id_or_iri: str, room: str, source: str) -> Iterator[str]:
        if _HALF.search(id_or_iri):
            return  # half a character, as a shell may give it: no record is named so
        if id_or_iri.startswith(("http://", "https://")):
            yield id_or_iri
            return
        for status in self.sources():
            if not source or status.id == source:
                yield v.mint(status.namespace, room, id_or_iri)

    def actor(self, id_or_iri: str, source: str = "") -> Actor:
        """One actor as one source describes it. Raises NotFound."""
        found = self.entity(id_or_iri, "actor", source)
        if not isinstance(found, Actor):
            raise NotFound(f"{id_or_iri!r} is not an actor.", "Search for it by name.")
        return found

    def the_actor(self, id_or_iri: str) -> Actor:
        """The one actor that a name means, in whatever source. Raises NotFound, or UserError when several bear it."""
        found: dict[str, Actor] = {}
        for iri in self._candidates(id_or_iri, "actor", ""):
            for change in self.journal.entity(iri):
                if isinstance(entity := entity_of(change), Actor):
                    found[iri] = entity
        if not found:
            mend = "Name it by the id its source gave, or by its IRI, as 'filiere search' shows them."
            raise NotFound(f"There is no actor {id_or_iri[:200]!r}.", mend)
        if len(found) > 1:
            sources = ", ".join(f"{actor.source} ({iri})" for iri, actor in found.items())
            raise UserError(f"{id_or_iri!r} is the id of actors of several sources: {sources}.", "Name one by its IRI.")
        return next(iter(found.values()))

    def described_by(self, iri: str) -> list[Actor]:
        """The actor with this IRI, as each source that tells of it describes it."""
        found = map(entity_of, self.journal.entity(iri))
        return [entity for entity in found if isinstance(entity, Actor)]

    def decisions(self) -> list[TagDecision]:
        """What persons decided on tags, oldest first."""
        return self._records(TagDecision)

    def actors(self) -> list[Actor]:
        """Every actor, in the order of the journal."""
        return self._records(Actor)

    def clusters(self) -> list[Actor]:
        """The actors that are clusters, by country and name."""
        return sorted((a for a in self.actors() if a.kind == "cluster"), key=lambda a: (a.country, a.name.casefold()))

    def members(self, cluster: Actor) -> list[Actor]:
        """The actors that say they are members of the cluster, by name."""
        found = [a for a in self.actors() if a.source == cluster.source and cluster.id in a.clusters]
        return sorted(found, key=lambda a: a.name.casefold())

    def concept(self, id_or_iri: str) -> Concept:
        """A competency by IRI, by slug ("hydroalcoholic-gel") or by code ("cpv:33140000"). Raises NotFound."""
        name = _HALF.sub("\ufffd", id_or_iri)
        code = v.normal_code(name)
        names = [name] if name.startswith("http") else [v.COMPETENCY + name]
        for iri in [*names, *([v.code_iri(code)] if code else [])]:
            for change in self.journal.entity(iri):
                found = entity_of(change)
                if isinstance(found, Concept):
                    return found
        raise NotFound(f"There is no competency {id_or_iri!r}.", "Look for it with a search; its concepts have links.")

    def narrower(self, concept: Concept) -> list[Concept]:
        """The concepts directly below one, by English label."""
        return sorted((c for c in self._records(Concept) if concept.iri in c.broader), key=lambda c: c.label())

    def exchanges(self, kind: str) -> list[Exchange]:
        """Documented offers ("offer") or needs ("need")."""
        return [exchange for exchange in self._records(Exchange) if exchange.kind == kind]

    def recipes(self) -> list[Recipe]:
        """What it takes to make each product."""
        return self._records(Recipe)

    def claims(self, subject: str = "") -> list[Claim]:
        """What was said, of one subject (an actor's id, or a name) or of all."""
        return [claim for claim in self._records(Claim) if not subject or claim.subject == subject]

    def sources(self) -> list[SourceStatus]:
        """Every source, by id."""
        out: list[SourceStatus] = []
        for name, count in sorted(self.journal.counts().items()):
            described = [c for c in self.journal.entity(v.source_graph(name)) if c.source == name]
            found = entity_of(described[0]) if described else None
            source = found if isinstance(found, Source) else Source(id=name)
            latest = self.journal.batches(name, limit=1)
            out.append(
                _status(source, count, latest[0].time if latest else "", latest[0].last_seq if latest else 0, name)
            )
        return out

    def source_at(self, name: str, seq: int) -> SourceStatus:
        """A source as it was described at a seq. Raises NotFound when it said nothing then."""
        rows = self.journal.rows(
            "SELECT count(*), max(seq) FROM (SELECT max(seq) AS seq FROM changes WHERE source = ? AND seq <= ? "
            "GROUP BY iri) WHERE seq IN (SELECT seq FROM changes WHERE op = 'upsert')",
            (name, seq),
        )
        count, last = rows[0]
        if not count or name in v.OURS:
            raise NotFound(f"The source {name[:64]!r} said nothing then.", "See 'filiere history --source NAME'.")
        own = v.source_graph(name)
        said = self.journal.rows(
            "SELECT payload FROM changes WHERE source = ? AND iri = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
            (name, own, seq),
        )
        found = mapping.from_statements(own, name, from_payload(said[0][0])) if said else None
        source = found if isinstance(found, Source) else Source(name)
        time = self.journal.rows("SELECT max(time) FROM batches WHERE source = ? AND first_seq <= ?", (name, seq))
        return _status(source, count, str(time[0][0] or ""), last)

    def sources_of(self, iris: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """IRI → the sources that describe the record, by id; those that Filière itself writes are left out."""
        query = "SELECT iri, source FROM live WHERE iri IN (SELECT value FROM json_each(?)) ORDER BY source"
        out: dict[str, tuple[str, ...]] = {}
        for iri, source in self.journal.rows(query, (json.dumps(list(iris)),)):
            if source not in v.OURS:
                out[iri] = (*out.get(iri, ()), source)
        return out

    def payloads(self, iri: str) -> list[tuple[str, list[Statement]]]:
        """(source, statements) of every live record with this IRI."""
        return [(change.source, from_payload(change.payload)) for change in self.journal.entity(iri)]

    def described(self, name: str, **given: Any) -> Source:
        """The source as it is described already, with what is given now (None keeps what was said before)."""
        known = next((status for status in self.sources() if status.id == name), None)
        kept = {f.name: getattr(known, f.name) for f in fields(Source) if f.name != "namespace"} if known else {}
        if known and known.namespace != v.source_namespace(name):
            kept["namespace"] = known.namespace
        return Source(**{**kept, **{key: content for key, content in given.items() if content is not None}, "id": name})


_CLASS_MARKS: dict[type, tuple[str, ...]] = {
    Actor: (f"<{v.NS}Actor>", *(f"<{cls}>" for cls in v.ACTOR_CLASSES.values())),
    Exchange: tuple(f"<{cls}>" for cls in v.EXCHANGE_CLASSES.values()),
    Recipe: (f"<{v.NS}Recipe>",),
    Claim: (f"<{v.NS}Claim>",),
    Source: (f"<{v.DCAT}Dataset>",),
    Concept: (f"<{v.SKOS}Concept>",),
    TagDecision: (f"<{v.NS}TagDecision>",),
}
