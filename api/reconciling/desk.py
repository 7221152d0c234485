"""Answers the questions of a spreadsheet over a data folder: match, suggest, extend; all at the journal's seq."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from api.reconciling import properties
from api.reconciling.actors import Actors, Row, decide, row_of
from api.reconciling.asked import Asked, Extension, names_of
from api.reconciling.competencies import Competencies, described, types
from api.reconciling.evidence import is_fact
from api.reconciling.found import ACTOR, COMPETENCY, Candidate, allowed, best
from kg.errors import DamagedData, NotFound, UserError
from kg.model import Actor, Concept

if TYPE_CHECKING:
    from api.engine import Engine
    from api.index import Index

_LONGEST_ID = 2000  # characters
_FRESH_MOST, _FRESH_SHARE = 2000, 0.05  # changed actors kept beside the others before all are read again


class Desk:
    """One a data folder; what it compares with is read at the first question, and kept up with the journal."""

    def __init__(self, engine: Engine, index: Index, repair: Callable[[], None]) -> None:
        self._engine = engine
        self._index = index
        self._repair = repair
        self._reading = threading.Lock()
        self._seq = -1
        self._base = Actors(())
        self._fresh = Actors(())
        self._changed: dict[str, Row | None] = {}
        self._competencies: Competencies | None = None

    # What is compared with

    def _actors(self) -> tuple[Actors, Actors, dict[str, Row | None]]:
        """(all actors as they were read, those that changed since, the IRIs that changed)."""
        with self._reading:
            journal = self._engine.journal
            seq = journal.last_seq
            if seq != self._seq:
                known = self._seq >= 0 and self._take_changes(seq)
                if not known:
                    rows: dict[str, Row] = {}
                    for change in journal.entities():
                        if row := row_of(change):
                            rows.setdefault(row.iri, row)
                    self._base, self._fresh, self._changed = Actors(list(rows.values())), Actors(()), {}
                self._seq = seq
            return self._base, self._fresh, self._changed

    def _take_changes(self, until: int) -> bool:
        """Takes in what changed; False where that is so much that all is better read again."""
        journal = self._engine.journal
        most = max(_FRESH_MOST, _FRESH_SHARE * len(self._base.rows))
        if until - self._seq > most:
            return False
        touched = {change.iri for change in journal.read(self._seq, until)}
        changed = dict(self._changed)
        for iri in touched:
            found = next(filter(None, map(row_of, journal.entity(iri))), None)
            if found is not None or iri in self._base.by_iri or iri in changed:
                changed[iri] = found
        if len(changed) > most:
            return False
        if changed != self._changed:
            self._changed, self._fresh = changed, Actors([row for row in changed.values() if row is not None])
        return True

    def _concepts(self) -> Competencies:
        try:
            generation = self._index.current()
        except DamagedData:
            self._repair()
            generation = self._index.current()
        found = self._competencies
        if found is None or found.concepts is not generation.concepts:
            found = Competencies(generation.concepts, self._index.encoder.encode, self._engine.concept)
            self._competencies = found
        return found

    # Questions

    def match(self, batch: Sequence[Asked], lang: str = "en") -> list[list[Candidate]]:
        """The candidates of each query, the best first."""
        base, fresh, changed = self._actors()
        concepts = self._concepts()
        of_concepts = [asked for asked in batch if _may_be(asked, COMPETENCY)]
        hits = concepts.understood(names_of(of_concepts))
        out = []
        for asked in batch:
            found: list[Candidate] = []
            if _may_be(asked, ACTOR):
                judged = base.judged(asked, changed)
                if fresh.rows:
                    judged += fresh.judged(asked, weight=base.weight)
                found += decide(judged)
            if _may_be(asked, COMPETENCY):
                found += concepts.candidates(asked, hits, lang)
            out.append(best(found, asked.limit))
        return out

    def suggest(self, prefix: str, types_: Sequence[str], limit: int, offset: int, lang: str) -> list[Candidate]:
        """Entities whose names or labels have a word that begins so."""
        most = limit + offset
        actors, concepts = allowed(types_, ACTOR), allowed(types_, COMPETENCY)
        out: list[Candidate] = []
        if actors is None or actors:
            base, fresh, changed = self._actors()
            rows = [fresh.rows[at] for at in fresh.starting(prefix, actors, most)] if fresh.rows else []
            rows += [
                row
                for at in base.starting(prefix, actors, most + len(changed))
                if (row := base.rows[at]).iri not in changed
            ]
            out += [Candidate(row.iri, row.name, row.description, (row.kind, ACTOR), 0.0) for row in rows[:most]]
        if concepts is None or concepts:
            found = self._concepts().starting(prefix, concepts, most)
            named = [Candidate(c.iri, c.label(lang), described(c, lang), types(c), 0.0, lang=lang) for c in found]
            # Where anything may be meant both take their turn.
            out = [one for pair in _in_turn(out, named) for one in pair] if out else named
        return out[offset:most]

    def entity(self, id: str) -> Actor | Concept:
        """The actor or competency of an id: its IRI, or the short id or code that people write. Raises NotFound."""
        if len(id) > _LONGEST_ID:
            raise NotFound("There is no entity with so long an id.", "Ask with an id of an answer of /reconcile.")
        # Some clients put an id into an address as it stands, so that what is encoded in it comes decoded.
        for name in dict.fromkeys((id, quote(id.encode("utf-8", "replace"), safe="%/:?#[]@!$&'()*+,;=~"))):
            with suppress(NotFound):
                return self._engine.the_actor(name)
            with suppress(NotFound):
                return self._engine.concept(name)
        raise NotFound(f"There is no entity {id[:200]!r}.", "Ask with an id of an answer of /reconcile.")

    def extend(self, asked: Extension, lang: str = "en") -> properties.Extended:
        """The values of properties of entities; an id that is not known has none. Raises UserError for a property."""
        found: dict[str, Actor | Concept] = {}
        for id in asked.ids:
            try:
                found[id] = self.entity(id)
            except UserError:  # not known, or the short id of several
                continue
        return properties.extend(self._engine, asked, found, lang)


def _may_be(asked: Asked, above: str) -> bool:
    if above == COMPETENCY and not asked.types and any(is_fact(one.property) for one in asked.conditions):
        return False  # who says in which country it is means an actor
    kinds = allowed(asked.types, above)
    return kinds is None or bool(kinds)


def _in_turn(ones: Sequence[Candidate], others: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    longest = max(len(ones), len(others))
    return [tuple(part[at] for part in (ones, others) if at < len(part)) for at in range(longest)]
