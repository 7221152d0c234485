"""The index view of a data folder: which generation is served, what is fresher than it, when it is built again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kg import decisions, history, mapping
from kg import vocabulary as v
from kg.errors import DamagedData
from kg.faults import point
from kg.identity.decisions import Standing, as_groups
from kg.journal import Change, Journal
from kg.model import Actor, Concept, Entity, TagDecision
from kg.terms import from_payload
from search import generation as generations
from search.decided import Decided
from search.generation import Generation

if TYPE_CHECKING:
    from search.encoder import Encoder
    from search.matcher import Matcher

# Fresh changes are searched exactly beside the generation; past this many, or this share of it, a rebuild is cheaper.
FRESH_MOST = 500
FRESH_SHARE = 0.05
_CONCEPT = f"<{v.SKOS}Concept>"
KEPT = 2  # generations kept: the one served and the one before, which a reader may still hold


def entity_of(change: Change) -> Entity | None:
    """The record a journal entry holds, or None for something that is no record of ours."""
    return mapping.from_statements(change.iri, change.source, from_payload(change.payload))


def actor_of(change: Change) -> Actor | None:
    """The actor that a journal entry holds, or None for anything else."""
    found = entity_of(change)
    return found if isinstance(found, Actor) else None


def _verdicts(found: Iterable[TagDecision]) -> dict[str, bool]:
    """The competencies that persons decided on, and whether each is confirmed."""
    return {decision.competency: decision.verdict == "confirmed" for decision in found}


class Index:
    """Serves one generation and the buffer of what is fresher; building another never stops the serving."""

    def __init__(self, folder: Path, journal: Journal, model: str | None) -> None:
        self._folder = folder
        self._journal = journal
        self.model = model
        self._encoder: Encoder | None = None
        self._matcher: Matcher | None = None
        self._generation: Generation | None = None
        self._opening = threading.Lock()
        self._rebuilding = False
        self.identities = Standing(journal)

    @property
    def encoder(self) -> Encoder:
        """The encoder that this folder is searched with."""
        if self._encoder is None:
            from search.encoder import load_encoder

            self._encoder = load_encoder(self.model)
        return self._encoder

    @property
    def seq(self) -> int:
        """The journal's number of the last change that search sees; 0 when there is no index."""
        return self._generation.seq if self._generation else 0

    def open(self) -> Generation | None:
        """The newest sound generation made by this encoder, or None. Raises DamagedData naming the file."""
        if self._generation is None:
            self._generation = generations.open_latest(self._folder, encoder=self.encoder)
        return self._generation

    def matcher(self) -> Matcher:
        """What answers needs, at the journal's seq. Raises DamagedData when there is no sound generation."""
        with self._opening:
            generation = self._current()
            if self._matcher is None:
                from search.matcher import Matcher

                self._matcher = Matcher(generation, self.encoder)
            return self._matcher

    def current(self) -> Generation:
        """The generation that answers needs, at the journal's seq. Raises DamagedData when there is no sound one."""
        with self._opening:
            return self._current()

    def _current(self) -> Generation:
        generation = self.open()
        if generation is None:
            raise DamagedData(
                f"{self._folder} holds no index made by the model {self.encoder.name}.",
                "Run 'filiere check --repair'.",
            )
        behind = self._journal.last_seq - generation.seq
        # While a rebuild is under way, a long tail is left to it: needs are answered from what stands.
        if behind and not (self._rebuilding and behind > FRESH_MOST):
            self._freshen(generation)
        return generation

    def _freshen(self, generation: Generation) -> None:
        """Puts what is fresher than the generation into its exact buffer."""
        until = self._journal.last_seq
        actors: list[Actor] = []
        gone: list[str] = []
        for iri in self.touched(generation.seq, until):
            found = map(entity_of, self._journal.entity(iri))
            described = [entity for entity in found if isinstance(entity, Actor)]
            actors += described
            if not described:
                gone.append(iri)
        verdicts = {actor.iri: _verdicts(decisions.on(self._journal, actor.iri)) for actor in actors}
        changed = history.last_seq(self._journal, v.IDENTITIES) != generation.decided_seq
        generation.add_fresh(actors, gone, until, verdicts, self._decided() if changed else None)

    def _decided(self) -> Decided:
        """Who is one with whom, and whom persons hold apart."""
        standing = self.identities.refreshed()
        return Decided(as_groups(standing.groups()), standing.apart(), standing.seq)

    def touched(self, after: int, until: int) -> list[str]:
        """The IRIs of what changed with after < seq ≤ until, an actor too when what was decided on it did."""
        out: dict[str, None] = {}
        for change in self._journal.read(after, until, with_before=True):
            if change.source == v.IDENTITIES:
                continue  # these say nothing of an actor, but of two
            decision = decisions.of(change)
            out[decision.actor if decision else change.iri] = None
        return list(out)

    def catch_up(self, progress: Callable[[str, int, int], None] | None = None) -> None:
        """Builds a new generation when there is none, a damaged one, or too much is fresher than it."""
        try:
            generation = self.open()
        except DamagedData:
            generation = None
        if generation is not None and not self._is_stale(generation):
            with self._opening:
                if generation.seq < self._journal.last_seq:
                    self._freshen(generation)
            return
        self.rebuild(progress)

    def _is_stale(self, generation: Generation) -> bool:
        if self._journal.last_seq == generation.seq:
            return False
        fresh = 0
        for change in self._journal.read(generation.base_seq):
            if change.source == v.IDENTITIES:
                continue
            fresh += 1
            if fresh > max(FRESH_MOST, FRESH_SHARE * generation.actor_count):
                return True
            # The buffer holds actors only: another vocabulary changes what every need means.
            if isinstance(entity_of(change), Concept):
                return True
        return False

    def rebuild(self, progress: Callable[[str, int, int], None] | None = None, *, kept: int = KEPT) -> Generation:
        """A new generation from the journal, served from here on; all but the newest `kept` are removed."""
        self._rebuilding = True
        try:
            built = self._build(progress)
            with self._opening:
                self._generation, self._matcher = built, None
        finally:
            self._rebuilding = False
        generations.remove_stale(self._folder, kept, on_step=point)
        return built

    def _build(self, progress: Callable[[str, int, int], None] | None) -> Generation:
        seq = self._journal.last_seq
        concepts: list[Change] = []
        count = 0
        key = hashlib.sha256()
        for change in self._journal.entities():  # the memory of a laptop does not hold all of them at once
            count += 1
            if _CONCEPT in change.payload:
                concepts.append(change)
                key.update(change.sha256.encode())
        verdicts: dict[str, dict[str, bool]] = {}
        for decision in map(entity_of, self._journal.entities(v.DECISIONS)):
            if isinstance(decision, TagDecision):
                verdicts.setdefault(decision.actor, {}).update(_verdicts([decision]))
        return generations.build(
            self._folder,
            actors=(change for change in self._journal.entities() if _CONCEPT not in change.payload),
            read=actor_of,
            concepts=lambda: [
                entity
                for entity in map(entity_of, concepts)
                if isinstance(entity, Concept) and entity.scheme not in v.REGIONS
            ],
            concepts_key=key.hexdigest(),
            verdicts=verdicts,
            decided=self._decided(),
            encoder=self.encoder,
            seq=seq,
            predicates=mapping.predicates(),
            on_step=point,
            progress=(lambda done: progress("index", done, count - len(concepts))) if progress else None,
        )

    def check(self) -> str:
        """What is wrong with the newest generation, or an empty string."""
        try:
            generation = generations.open_latest(self._folder, encoder=self.encoder)
        except DamagedData as error:
            return error.problem
        if generation is None:
            return f"{self._folder} holds no index made by the model {self.encoder.name}."
        return ""

    def close(self) -> None:
        """Forgets the generation; its files are mapped, not held open for writing."""
        self._matcher = None
        self._generation = None
