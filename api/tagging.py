"""The competencies that actors are tagged with: what persons decided and what the index suggests, as one list."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.index import Index
from api.reader import Reader
from kg import decisions
from kg import vocabulary as v
from kg.errors import DamagedData, NotFound, UserError
from kg.model import VERDICTS, Actor, Concept, TagDecision

if TYPE_CHECKING:
    from search.tags import Tagged

STATES = ("suggested", *VERDICTS)
MOST_TAGS = 1000  # in one answer
MOST_OFFSET = 1_000_000
TAG_COLUMNS = (
    *("actor_id", "actor_name", "competency_id", "label", "state", "confidence", "words", "language", "field"),
    *("who", "date", "note", "actor", "competency"),
)
_QUOTED = 100  # characters of a name that are repeated
_NEAR = 3  # competencies named when one is unknown


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag: who, which competency, how it stands, how surely and by which words; who decided, when, and why."""

    actor: str
    actor_id: str
    actor_name: str
    competency: str
    competency_id: str
    label: str
    state: str  # one of STATES
    confidence: float | None = None  # 0 to 1; None for what was rejected
    words: str = ""
    language: str = ""
    field: str = ""  # where the words stand: a field of Actor, or "codes"
    who: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class TagList:
    """One page of tags; `total` counts all that were asked for."""

    total: int
    tags: tuple[TagRow, ...]


def short(competency: str) -> str:
    """What people call a competency: its short id, or `scheme:notation`."""
    return v.local_name(competency) if competency.startswith(v.COMPETENCY) else v.code_of(competency)


class Tagging:
    """Lists the tags of a data folder and understands how people name actors and competencies."""

    def __init__(self, reader: Reader, index: Index) -> None:
        self._reader = reader
        self._index = index

    def list(self, actor: str, competency: str, state: str, limit: int, offset: int, lang: str) -> TagList:
        """One page. Raises NotFound, UserError, or DamagedData when there is no index."""
        from search import tags

        _check(state, limit, offset)
        who, what = (self._iris(actor, competency)) if actor or competency else ("", "")
        decided = [
            decision
            for decision in reversed(self._reader.decisions())
            if state in ("", decision.verdict) and who in ("", decision.actor) and what in ("", decision.competency)
        ]
        rows = [self.decided(decision, lang) for decision in decided[offset : offset + limit]]
        if state in VERDICTS:
            return TagList(len(decided), tuple(rows))
        start = max(0, offset - len(decided))
        count, found = tags.tagged(self._index.current(), who, what, lang, start, start + limit - len(rows))
        return TagList(len(decided) + count, (*rows, *map(_suggested, found)))

    def decided(self, decision: TagDecision, lang: str = "en") -> TagRow:
        """A decision as a row, with the words that the index has for it when it was confirmed."""
        from search import tags

        found = None
        if decision.verdict == "confirmed":
            found = tags.confirmed(self._index.current(), decision.actor, decision.competency, lang)
        tag = found.tag if found else None
        actor = self._maybe_actor(decision.actor)
        concept = self._maybe_concept(decision.competency)
        return TagRow(
            actor=decision.actor,
            actor_id=actor.id if actor else v.local_name(decision.actor),
            actor_name=actor.name if actor else "",
            competency=decision.competency,
            competency_id=short(decision.competency),
            label=concept.label(lang) if concept else "",
            state=decision.verdict,
            confidence=tag.confidence if tag else None,
            words=tag.words.text if tag else "",
            language=tag.words.lang if tag else "",
            field=tag.field if tag else "",
            who=decision.who,
            date=decision.date,
            note=decision.note,
        )

    def decision(self, actor: str, competency: str, verdict: str, who: str, note: str) -> TagDecision:
        """The decision to write; one that says the same as what stands keeps its date. Raises NotFound, UserError."""
        if verdict not in VERDICTS:
            raise UserError(f"The verdict is {verdict[:_QUOTED]!r}.", f"Use one of: {', '.join(VERDICTS)}.")
        subject, concept = self._reader.the_actor(actor).iri, self.competency(competency).iri
        iri = decisions.name(subject, concept)
        date = datetime.now(UTC).date().isoformat()
        for known in decisions.on(self._reader.journal, subject):
            if known.iri == iri and (known.verdict, known.who, known.note) == (verdict, who, note):
                date = known.date
        local = v.local_name(iri)
        return TagDecision(iri, v.DECISIONS, local, subject, concept, verdict, who, date, note)

    def names(self, actor: str, competency: str) -> tuple[str, str]:
        """The IRIs of an actor and a competency; those of a decision count even when its actor is no longer here."""
        return self._iris(actor, competency)

    def _iris(self, actor: str, competency: str) -> tuple[str, str]:
        known = {iri for d in self._reader.decisions() for iri in (d.actor, d.competency)}
        who = actor if not actor or actor in known else self._reader.the_actor(actor).iri
        what = competency if not competency or competency in known else self.competency(competency).iri
        return who, what

    def competency(self, name: str) -> Concept:
        """The competency that a short id, a `scheme:notation` or an IRI means. Raises NotFound or UserError."""
        with suppress(NotFound):
            return self._reader.concept(name)
        several: list[str] = []
        near: list[str] = []
        with suppress(DamagedData):
            concepts = self._index.current().concepts
            several = [code for code in concepts.by_code() if name and code.partition(":")[2] == name]
            hits = concepts.understand([name], self._index.encoder.encode([name]), _NEAR)[0] if name.strip() else []
            near = [f"{short(concepts.iri(hit.concept))} ({concepts.label(hit.concept, 'en')})" for hit in hits]
        if len(several) > 1:
            raise UserError(f"{name!r} is a code of several schemes.", f"Write one of: {', '.join(several)}.")
        meant = f"Did you mean {', '.join(several or near)}? " if several or near else ""
        raise NotFound(
            f"There is no competency {name[:_QUOTED]!r}.",
            f"{meant}Name it by its short id (hydroalcoholic-gel), its code (cpv:33140000) or its IRI.",
        )

    def _maybe_actor(self, iri: str) -> Actor | None:
        try:
            return self._reader.actor(iri)
        except NotFound:
            return None

    def _maybe_concept(self, iri: str) -> Concept | None:
        try:
            return self._reader.concept(iri)
        except NotFound:
            return None


def _suggested(found: Tagged) -> TagRow:
    actor, tag = found.actor, found.tag
    return TagRow(
        actor=actor.iri,
        actor_id=actor.id,
        actor_name=actor.name,
        competency=tag.competency,
        competency_id=short(tag.competency),
        label=found.label,
        state="suggested",
        confidence=tag.confidence,
        words=tag.words.text,
        language=tag.words.lang,
        field=tag.field,
    )


def _check(state: str, limit: int, offset: int) -> None:
    if state and state not in STATES:
        raise UserError(f"The state {state[:_QUOTED]!r} is unknown.", f"Use one of: {', '.join(STATES)}.")
    if not 1 <= limit <= MOST_TAGS:
        raise UserError(f"limit is {limit}; it must be between 1 and {MOST_TAGS:,}.", "Ask for further pages.")
    if not 0 <= offset <= MOST_OFFSET:
        raise UserError(f"offset is {offset}; it must be between 0 and {MOST_OFFSET:,}.", "Name an actor.")
