"""Three channels over all allowed actors, fused into one score that means a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search import matrices
from search.concepts import Concepts, Hit, Tuning
from search.query import Query
from search.segment import Segment, given

CHANNELS = ("concepts", "text", "keywords")
_PASSAGES = 600  # nearest passages, and best keyword passages, that are looked at
_BETWEEN = 1  # power by which a scheme counts less whose best concept fits less than another's
_BEST = 0.3  # part of the concept channel that the best competency alone decides; the rest is all that fit
_MANY = 0.25  # power of an actor's number of competencies by which the sum over them is divided
_SATURATION = 1.5  # a sum of so much more counts by 1 - 1/e of the rest


@dataclass(frozen=True, slots=True)
class Weights:
    """How the channels are fused and read as a probability."""

    concepts: float = 4.5
    text: float = 2.5
    keywords: float = 0.8
    intercept: float = -2.6
    match: float = 0.5  # probability from which an actor is shown as a match
    possible: float = 0.2  # and from which it is shown at all
    sharpness: float = 6.0  # power by which a concept counts less that was understood less surely than the best one


@dataclass(slots=True)
class Scored:
    """The actors of one segment that came up: their numbers, channels [n, 3] and fused scores [n]."""

    segment: Segment
    actors: NDArray[np.int64]
    channels: NDArray[np.float32]
    scores: NDArray[np.float64]
    passages: dict[int, int]  # actor → the passage nearest in meaning
    worded: dict[int, int]  # actor → the passage with the most of the need's words


@dataclass(slots=True)
class Asked:
    """A need made ready: its words, its language, its vector [1, d], its concepts, and what answers to them [c]."""

    query: Query
    language: str
    vector: NDArray[np.float32]
    hits: Sequence[Hit]
    answers: NDArray[np.float32]
    by: NDArray[np.int32]  # the hit through which each concept answers, -1 for none [c]
    sure: float  # how surely its concepts were understood, 0 to 1
    words: int


def expand(hits: Sequence[Hit], concepts: Concepts, sharpness: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """How far having each concept answers the need [c], 1 for the one understood most surely; and by which hit [c]."""
    out = np.zeros(len(concepts), dtype=np.float32)
    by = np.full(len(concepts), -1, dtype=np.int32)
    best = max((hit.score for hit in hits), default=0.0)
    own: dict[int, float] = {}  # the best of each scheme: actors that bear codes of one are compared within it
    for hit in hits:
        scheme = int(concepts.schemes[hit.concept])
        own[scheme] = max(own.get(scheme, 0.0), hit.score)
    for number, hit in enumerate(hits):
        columns, weights = concepts.neighbours(hit.concept)
        leader = own[int(concepts.schemes[hit.concept])]
        worth = weights * np.float32((hit.score / leader) ** sharpness * (leader / best) ** _BETWEEN)
        better = worth > out[columns]
        out[columns[better]] = worth[better]
        by[columns[better]] = number
    return out, by


def score(
    asked: Asked, segment: Segment, standing: NDArray[np.bool_] | None, weights: Weights, tuning: Tuning
) -> Scored:
    """Scores the actors of a segment that stand and meet the constraints."""
    allowed = segment.columns.allowed(asked.query)
    if standing is not None:
        allowed = standing if allowed is None else allowed & standing
    by_concept = _by_concept(asked, segment)
    if allowed is not None:
        by_concept = np.where(allowed, by_concept, 0)
    text, passages = _by_text(asked, segment, allowed, tuning)
    keywords, worded = _by_keywords(asked, segment, allowed)
    came_up = (by_concept > 0.05) | (text > 0.05) | (keywords > 0.05)
    actors = np.flatnonzero(came_up)
    channels = np.stack([by_concept[actors], text[actors], keywords[actors]], axis=1).astype(np.float32)
    return Scored(segment, actors, channels, fuse(channels, weights), passages, worded)


def fuse(channels: NDArray[np.float32], weights: Weights) -> NDArray[np.float64]:
    """Probabilities [n] from channels [n, 3]."""
    concepts, text, keywords = channels.T
    # A text that is only near says little beside its competencies; one that says the same says as much as they do.
    line = weights.concepts * concepts + weights.text * text**2 + weights.keywords * keywords + weights.intercept
    out: NDArray[np.float64] = 1 / (1 + np.exp(-line.astype(np.float64)))
    return out


def _by_concept(asked: Asked, segment: Segment) -> NDArray[np.float32]:
    out = np.zeros(len(segment), dtype=np.float32)
    wanted = np.flatnonzero(asked.answers)
    cells, which = matrices.rows(segment.bearers, wanted)
    if not len(cells):
        return out
    actors = segment.bearers.indices[cells]
    worth = segment.bearers.data[cells] * asked.answers[wanted][which]
    order = np.argsort(actors, kind="stable")
    found, starts = np.unique(actors[order], return_index=True)
    best, total = np.maximum.reduceat(worth[order], starts), np.add.reduceat(worth[order], starts)
    fits = total / np.diff(segment.tags.indptr)[found] ** _MANY
    out[found] = asked.sure * (_BEST * best + (1 - _BEST) * (1 - np.exp(-_SATURATION * fits)))
    return out


def with_statement(asked: Asked, segment: Segment, actor: int) -> float:
    """The concept channel of an actor if it also said, in the need's own words, that it makes what is needed."""
    has = {int(c): float(s) for c, s in zip(*segment.tags_of(actor), strict=True)}
    for concept, sure in given(asked.hits, "makes"):
        has[concept] = max(sure, has.get(concept, 0.0))
    if not has:
        return 0.0
    worth = [sure * float(asked.answers[concept]) for concept, sure in has.items()]
    fits = sum(worth) / len(worth) ** _MANY
    return float(asked.sure * (_BEST * max(worth) + (1 - _BEST) * (1 - np.exp(-_SATURATION * fits))))


def _by_text(
    asked: Asked, segment: Segment, allowed: NDArray[np.bool_] | None, tuning: Tuning
) -> tuple[NDArray[np.float32], dict[int, int]]:
    out = np.zeros(len(segment), dtype=np.float32)
    if not asked.vector.any():
        return out, {}
    low, high = tuning.bounds(asked.words)
    rows_allowed = None if allowed is None else allowed[segment.owners]
    standing = None if rows_allowed is None else segment.said.standing(rows_allowed)
    scores, vectors = segment.vectors.search(asked.vector, _PASSAGES, standing)
    near = int(np.count_nonzero((vectors[0] >= 0) & (scores[0] > low)))  # they come nearest first
    passages, which = segment.said.expand(vectors[0, :near])
    if rows_allowed is not None:
        passages, which = passages[rows_allowed[passages]], which[rows_allowed[passages]]
    actors, first = np.unique(segment.owners[passages], return_index=True)
    out[actors] = np.minimum(1, (scores[0, which[first]] - low) / (high - low))
    return out, dict(zip(actors.tolist(), passages[first].tolist(), strict=True))


def _by_keywords(
    asked: Asked, segment: Segment, allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], dict[int, int]]:
    out = np.zeros(len(segment), dtype=np.float32)
    best: dict[int, int] = {}
    rows_allowed = None if allowed is None else allowed[segment.owners]
    ideal = segment.keywords.ideal(asked.query.text, asked.language)
    for row, bm25 in segment.keywords.search(asked.query.text, asked.language, _PASSAGES, rows_allowed):
        actor = int(segment.owners[row])
        if actor not in best:
            best[actor] = row
            out[actor] = min(1.0, bm25 / ideal)
    return out, best
