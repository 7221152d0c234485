"""Why an actor is not among the answers to a need, and what one added fact would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kg.errors import NotFound
from search import ranking
from search.calibration import Weights
from search.concepts import Concepts
from search.generation import Generation, Part
from search.places import placed
from search.query import Query
from search.ranking import Asked, Scored
from search.results import ActorSummary, Named
from search.segment import Segment

_CONSTRAINTS = ("country", "nuts", "size", "kind", "cluster", "certificate", "source")
_QUOTED = 200  # characters of the need that are repeated
_SAME_WORDS = 0.55  # keyword channel of a statement that is the need's words and no more, at the least
_NOBODY = "nobody here comes near enough to what the need means, so that it is answered with none."
Verdict = Literal["shown", "further down", "constraint", "too weak"]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Where an actor stands for a need.

    `constraint` names the first one failed and what the actor says there; `rank` counts places from 1 among all who
    came up; `needed` is the score that the page's last result has, or the least that is shown at all; `would` names one
    statement that would bring the actor there, with the score it would then have, or says that it would not suffice;
    `part_of` is the actor in whose place this one is shown, for the two are plainly the same.
    """

    actor: ActorSummary
    verdict: Verdict
    says: str
    constraint: str = ""
    rank: int | None = None
    score: float = 0.0
    needed: float = 0.0
    channels: dict[str, float] | None = None
    would: str = ""
    part_of: Named | None = None


def explain(asked: Asked, iri: str, generation: Generation, weights: Weights) -> WhyNot:
    """Where the actor with this IRI stands. Raises NotFound."""
    parts = generation.parts()
    at, number = _place(iri, parts)
    segment = parts[at].segment
    summary = segment.summary(number)
    failed = _failed(asked.query, segment, number)
    free = replace(asked, query=Query(asked.query.text, lang=asked.query.lang)) if failed else asked
    concepts = generation.concepts
    least = weights.shown_from(concepts.tuning.long(asked.words))
    found = ranking.scored(free, parts, weights, concepts)
    own, channels = 0.0, dict.fromkeys(ranking.CHANNELS, 0.0)
    if number in found[at].actors:
        row = int(np.searchsorted(found[at].actors, number))
        own = float(found[at].scores[row])
        channels = {n: round(float(c), 4) for n, c in zip(ranking.CHANNELS, found[at].channels[row], strict=True)}
    rank, part_of = _rank(found, parts, at, number, least if own >= least else 0.0)
    last = asked.query.offset + asked.query.limit
    shown = placed(found, parts, least).best
    needed = float(shown[last - 1]) if len(shown) >= last else least
    verdict: Verdict = "constraint" if failed else "too weak"
    nobody = ranking.shown_from(free, found, parts, weights, concepts) >= ranking.NOBODY
    if not failed and not nobody and rank is not None and own >= least:
        verdict = "shown" if rank <= last else "further down"
    would = "" if verdict == "shown" else _would(asked, segment, number, concepts, weights, needed)
    part_of = part_of if verdict in ("shown", "further down") else None
    says = (
        f"{summary.name} is not shown: {_NOBODY}"
        if nobody and not failed
        else _says(verdict, summary.name, failed, rank, own, needed)
    )
    if part_of:
        says = f"{summary.name} is plainly the same as {part_of.name}, and shown as part of its place: number {rank}."
    return WhyNot(summary, verdict, says, failed, rank, round(own, 4), round(needed, 4), channels, would, part_of)


def _rank(
    found: list[Scored], parts: Sequence[Part], at: int, number: int, least: float
) -> tuple[int | None, Named | None]:
    """The place of an actor of a part, from 1, and who stands there when it is another one; None for no place."""
    if number not in found[at].actors:
        return None, None
    place = placed(found, parts, least).of(at, int(np.searchsorted(found[at].actors, number)))
    if place is None:
        return None, None
    rank, (segment, row) = place
    stands = parts[segment].segment.summary(int(found[segment].actors[row]))
    own = segment == at and found[at].actors[row] == number
    return rank + 1, None if own else Named(stands.iri, stands.id, stands.name)


def _place(iri: str, parts: Sequence[Part]) -> tuple[int, int]:
    """The part that holds an actor, and its number there."""
    for at, (segment, standing, _) in reversed(list(enumerate(parts))):
        for number in range(len(segment)):
            if (standing is None or standing[number]) and segment.iri(number) == iri:
                return at, number
    raise NotFound(f"The index holds no actor {iri!r}.", "Name it by the id its source gave, or by its IRI.")


def _failed(query: Query, segment: Segment, number: int) -> str:
    """The first constraint that leaves the actor out, and what the actor says there; "" when it meets all."""
    summary = segment.summary(number)
    bare = Query(query.text)
    for name in _CONSTRAINTS:
        wanted = getattr(query, name)
        if wanted:
            allowed = segment.columns.allowed(replace(bare, **{name: wanted}))
            if allowed is not None and not allowed[number]:
                has = getattr(summary, "clusters" if name == "cluster" else name, None)
                told = ", ".join(has) if isinstance(has, tuple) else has
                return f"{name} is {', '.join(wanted)}; the actor says {told or 'nothing'}"
    if query.near is not None and query.within_km is not None:
        distance = float(segment.columns.distances(query.near)[number])
        if distance > query.within_km:
            known = f"is {distance:.0f} km away" if np.isfinite(distance) else "does not say where it is"
            return f"within_km is {query.within_km:g}; the actor {known}"
    return ""


def _would(asked: Asked, segment: Segment, number: int, concepts: Concepts, weights: Weights, needed: float) -> str:
    said = asked.query.text if len(asked.query.text) <= _QUOTED else asked.query.text[: _QUOTED - 1] + "…"
    fact = f"a statement that it makes or does “{said}”"
    believed = float(segment.believed[number])
    sure = ranking.with_statement(asked, segment, number, concepts)
    after = np.array([[sure, believed, _SAME_WORDS * believed]], dtype=np.float32)
    score = float(ranking.fuse(after, weights, concepts.tuning.long(asked.words))[0])
    if score < needed:
        return f"Not by one statement: even with {fact} the score would be {score:.2f}, below {needed:.2f}."
    return f"With {fact} the score would be {score:.2f}, at least the {needed:.2f} that is needed."


def _says(verdict: Verdict, name: str, failed: str, rank: int | None, own: float, needed: float) -> str:
    match verdict:
        case "shown":
            return f"{name} is among the answers: number {rank}, score {own:.2f}."
        case "further down":
            return f"{name} is number {rank}, score {own:.2f}; this page ends at {needed:.2f}."
        case "constraint":
            return f"{name} is left out by a constraint: {failed}."
    if rank is None:
        return f"Nothing {name} says has to do with this need."
    return f"{name} would be number {rank}, but its score of {own:.2f} is below what is shown."
