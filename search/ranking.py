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
from search.understanding import Meaning, fits

CHANNELS = ("concepts", "text", "keywords")
_PASSAGES = 600  # nearest passages, and best keyword passages, that are looked at
_ANSWER_LEAST = 0.01  # worth of a concept below which its bearers are not looked up
_FAINT = 0.02  # fit of competencies that is as good as none
_WEIGHED = 2000  # actors for whom everything the need may mean is weighed


@dataclass(frozen=True, slots=True)
class Weights:
    """How the channels are fused and read as a probability."""

    concepts: float = 1.6
    text: float = 0.8
    keywords: float = 0.5
    intercept: float = 1.0
    match: float = 0.5  # probability from which an actor is shown as a match
    possible: float = 0.2  # and from which it is shown at all


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
    """A need made ready: its words, its language, its vector [1, d] and what it is about."""

    query: Query
    language: str
    vector: NDArray[np.float32]
    hits: Sequence[Hit]
    meant: Meaning
    words: int


def score(
    asked: Asked, segment: Segment, standing: NDArray[np.bool_] | None, weights: Weights, concepts: Concepts
) -> Scored:
    """Scores the actors of a segment that stand and meet the constraints."""
    allowed = segment.columns.allowed(asked.query)
    if standing is not None:
        allowed = standing if allowed is None else allowed & standing
    by_concept = _by_concept(asked, segment, concepts, allowed)
    text, passages = _by_text(asked, segment, allowed, concepts.tuning)
    keywords, worded = _by_keywords(asked, segment, allowed)
    came_up = (by_concept > 0.05) | (text > 0.05) | (keywords > 0.05)
    actors = np.flatnonzero(came_up)
    channels = np.stack([by_concept[actors], text[actors], keywords[actors]], axis=1).astype(np.float32)
    return Scored(segment, actors, channels, fuse(channels, weights), passages, worded)


def fuse(channels: NDArray[np.float32], weights: Weights) -> NDArray[np.float64]:
    """Probabilities [n] from channels [n, 3]: a logistic function of the channels, of the first in logarithms."""
    concepts, text, keywords = channels.T.astype(np.float64)
    line = weights.concepts * np.log(concepts + _FAINT) + weights.text * text + weights.keywords * keywords
    out: NDArray[np.float64] = 1 / (1 + np.exp(-line - weights.intercept))
    return out


def _by_concept(
    asked: Asked, segment: Segment, concepts: Concepts, allowed: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """First the best of each actor's competencies, then, for those that lead, all that the need may mean."""
    out = np.zeros(len(segment), dtype=np.float32)
    answers = asked.meant.answers
    wanted = np.flatnonzero(answers > _ANSWER_LEAST)
    cells, which = matrices.rows(segment.bearers, wanted)
    if not len(cells):
        return out
    np.maximum.at(out, segment.bearers.indices[cells], segment.bearers.data[cells] * answers[wanted][which])
    if allowed is not None:
        out[~allowed] = 0
    leading = np.flatnonzero(out > 0)
    if len(leading) > _WEIGHED:
        leading = leading[np.argpartition(-out[leading], _WEIGHED)[:_WEIGHED]]
    out[leading] = np.maximum(out[leading], fits(asked.meant, concepts, segment.tags, leading))
    return out


def with_statement(asked: Asked, segment: Segment, actor: int, concepts: Concepts) -> float:
    """The concept channel of an actor if it also said, in the need's own words, that it makes what is needed."""
    has = {int(c): float(s) for c, s in zip(*segment.tags_of(actor), strict=True)}
    for concept, sure in given(asked.hits, "makes"):
        has[concept] = max(sure * float(segment.believed[actor]), has.get(concept, 0.0))
    worth = [sure * float(asked.meant.answers[concept]) for concept, sure in has.items()]
    return max(worth, default=0.0)


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
    out[actors] = np.minimum(1, (scores[0, which[first]] - low) / (high - low)) * segment.believed[actors]
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
            out[actor] = min(1.0, bm25 / ideal) * segment.believed[actor]
    return out, best
