"""Three channels over all allowed actors, fused into one score that means a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search import matrices
from search.calibration import Tuning, Weights
from search.concepts import Concepts, Hit
from search.generation import Part
from search.pieces import given
from search.query import Query
from search.segment import Allowed, Segment
from search.understanding import Meaning, fits

GATE = ("fit", "share of the best fit there could be", "sure", "clear", "clear × share", "text", "long", "intercept")
CHANNELS = ("concepts", "text", "keywords")
_PASSAGES = 600  # nearest passages, and best keyword passages, that are looked at
_ANSWER_LEAST = 0.01  # worth of a concept below which its bearers are not looked up
NOBODY = 2.0
_NEARLY = 0.93  # text channel from which a piece of evidence begins to say the same as the need
_FAINT = 0.02  # fit of competencies that is as good as none
_WEIGHED = 2000  # actors for whom everything the need may mean is weighed


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
    allowed = segment.allowed(asked.query, standing)
    by_concept = _by_concept(asked, segment, concepts, allowed)
    text, passages = _by_text(asked, segment, allowed, concepts.tuning)
    keywords, worded = _by_keywords(asked, segment, allowed)
    came_up = (by_concept > 0.05) | (text > 0.05) | (keywords > 0.05)
    actors = np.flatnonzero(came_up)
    channels = np.stack([by_concept[actors], text[actors], keywords[actors]], axis=1).astype(np.float32)
    return Scored(
        segment, actors, channels, fuse(channels, weights, concepts.tuning.long(asked.words)), passages, worded
    )


def features(channels: NDArray[np.float32], long: float) -> NDArray[np.float64]:
    """What the logistic function adds up [n, 5]: the channels, the first in logarithms, and 1.

    The text channel is two, one for short needs and one for long ones, `long` from 0 to 1 between them: that a page of
    specifications is near to another page says less than that three words are near to three words.
    """
    concepts, text, keywords = channels.T.astype(np.float64)
    return np.stack(
        [
            np.log(np.maximum(concepts, _same(text, long)) + _FAINT),
            text * (1 - long),
            text * long,
            keywords,
            np.ones(len(channels)),
        ],
        axis=1,
    )


def _same(text: NDArray[np.float64] | np.float64, long: float) -> NDArray[np.float64]:
    """How far a short need and a piece of evidence say the very same: worth a competency that no scheme knows."""
    found: NDArray[np.float64] = np.clip((text - _NEARLY) / (1 - _NEARLY), 0, 1) * (1 - long)
    return found


def fuse(channels: NDArray[np.float32], weights: Weights, long: float) -> NDArray[np.float64]:
    """Probabilities [n] from channels [n, 3] of a need that is so long, 0 to 1."""
    w = weights
    line = features(channels, long) @ np.array([w.concepts, w.text, w.long_text, w.keywords, w.intercept])
    out: NDArray[np.float64] = 1 / (1 + np.exp(-line))
    return out


def gate(asked: Asked, found: Sequence[Scored], long: float) -> NDArray[np.float64]:
    """What tells whether anybody fits at all, in the order of GATE [8].

    A need that may mean many things gives no actor much, yet there is one for it; a need that means one thing, which
    only neighbours of that thing come near to, is met by nobody.
    """
    lines = [scored.channels for scored in found if len(scored.channels)]
    fit, text = (max((float(line[:, n].max()) for line in lines), default=0.0) for n in (0, 1))
    fit = max(fit, float(_same(np.float64(text), long)))
    reachable = max(fit, float(asked.meant.answers.max(initial=0.0)))
    share = float(np.log((fit / reachable if reachable > 0 else 0.0) + _FAINT))
    clear, sure = asked.meant.clear, asked.meant.sure
    return np.array([np.log(fit + _FAINT), share, sure, clear, clear * share, text * (1 - long), long, 1.0])


def anybody(asked: Asked, found: Sequence[Scored], weights: Weights, long: float) -> float:
    """The probability that somebody among the allowed actors fits the need."""
    return float(1 / (1 + np.exp(-gate(asked, found, long) @ np.array(weights.gate))))


def scored(asked: Asked, parts: Sequence[Part], weights: Weights, concepts: Concepts) -> list[Scored]:
    """The actors of every part of a generation, scored."""
    return [score(asked, part.segment, part.standing, weights, concepts) for part in parts]


def shown_from(
    asked: Asked, found: Sequence[Scored], parts: Sequence[Part], weights: Weights, concepts: Concepts
) -> float:
    """The least score that is shown; NOBODY, which no score reaches, when nobody fits.

    Who fits a need fits it under any constraint, so that whether anybody does is never asked of the allowed alone.
    """
    long = concepts.tuning.long(asked.words)
    if anybody(asked, found, weights, long) >= weights.somebody:
        return weights.shown_from(long)
    if asked.query.is_constrained():
        free = replace(asked, query=Query(asked.query.text, lang=asked.query.lang))
        if anybody(free, scored(free, parts, weights, concepts), weights, long) >= weights.somebody:
            return weights.shown_from(long)
    return NOBODY


def _by_concept(asked: Asked, segment: Segment, concepts: Concepts, allowed: Allowed | None) -> NDArray[np.float32]:
    """First the best of each actor's competencies, then, for those that lead, all that the need may mean."""
    out = np.zeros(len(segment), dtype=np.float32)
    answers = asked.meant.answers
    wanted = np.flatnonzero(answers > _ANSWER_LEAST)
    cells, which = matrices.rows(segment.bearers, wanted)
    if not len(cells):
        return out
    np.maximum.at(out, segment.bearers.indices[cells], segment.bearers.data[cells] * answers[wanted][which])
    if allowed is not None:
        out[~allowed.actors] = 0
    leading = np.flatnonzero(out > 0)
    if len(leading) > _WEIGHED:
        leading = leading[np.argpartition(-out[leading], _WEIGHED)[:_WEIGHED]]
    out[leading] = np.maximum(out[leading], fits(asked.meant, concepts, segment.tags, leading))
    return out


def with_statement(asked: Asked, segment: Segment, actor: int, concepts: Concepts) -> float:
    """The concept channel of an actor if it also said, in the need's own words, that it makes what is needed."""
    has = {int(c): float(s) for c, s in zip(*segment.tags_of(actor), strict=True)}
    for concept, sure in given(asked.query.text, asked.hits, "makes", concepts):
        has[concept] = max(sure * float(segment.believed[actor]), has.get(concept, 0.0))
    worth = [sure * float(asked.meant.answers[concept]) for concept, sure in has.items()]
    return max(worth, default=0.0)


def _by_text(
    asked: Asked, segment: Segment, allowed: Allowed | None, tuning: Tuning
) -> tuple[NDArray[np.float32], dict[int, int]]:
    out = np.zeros(len(segment), dtype=np.float32)
    if not asked.vector.any():
        return out, {}
    low, high = tuning.bounds(asked.words)
    scores, vectors = segment.vectors.search(asked.vector, _PASSAGES, None if allowed is None else allowed.vectors)
    near = int(np.count_nonzero((vectors[0] >= 0) & (scores[0] > low)))  # they come nearest first
    passages, which = segment.said.expand(vectors[0, :near])
    if allowed is not None:
        standing = allowed.passages[passages]
        passages, which = passages[standing], which[standing]
    actors, first = np.unique(segment.owners[passages], return_index=True)
    out[actors] = np.minimum(1, (scores[0, which[first]] - low) / (high - low)) * segment.believed[actors]
    return out, dict(zip(actors.tolist(), passages[first].tolist(), strict=True))


def _by_keywords(asked: Asked, segment: Segment, allowed: Allowed | None) -> tuple[NDArray[np.float32], dict[int, int]]:
    out = np.zeros(len(segment), dtype=np.float32)
    best: dict[int, int] = {}
    ideal = segment.keywords.ideal(asked.query.text, asked.language)
    rows = None if allowed is None else allowed.passages
    found = segment.keywords.search(asked.query.text, asked.language, _PASSAGES, rows)
    if found:
        rows, scores = np.array([row for row, _ in found]), np.array([bm25 for _, bm25 in found], dtype=np.float32)
        actors, first = np.unique(segment.owners[rows], return_index=True)
        out[actors] = np.minimum(1, scores[first] / ideal) * segment.believed[actors]
        best = dict(zip(actors.tolist(), rows[first].tolist(), strict=True))
    # Words in common count where the meaning is not clear: what is clear is the same in every language, words are not.
    return out * np.float32(1 - asked.meant.clear), best
