"""What a need is about, as probabilities: competencies compared within their scheme, and against "none of these".

The logit of a competency is its cosine with the need times a sharpness that belongs to the model. "None of these" has
the logit of a competency at the background cosine, which falls with the number of words: a short text comes near to
something by chance alone, a long one seldom comes very near to anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search import matrices
from search.calibration import Tuning
from search.concepts import Concepts, Hit
from search.encoder import normalise

_MOST = 32  # competencies of a scheme that are weighed; what lies behind them has a share of next to nothing
_SHARE_LEAST = 1e-3
_GROUND = 0.6  # length of what draws a need to its competencies, when they are certain; its own vector has 1
_SECOND_OPINION = 0.1  # weight of another scheme beside the one whose codes an actor bears
_FOREIGN = 0.9  # and of another scheme alone


@dataclass(frozen=True, slots=True)
class Meaning:
    """A need's competencies: their numbers [h], shares [h] (what is missing from 1 in a scheme is "none of these"),
    the number of each one's scheme [h], and what answers to them [c]: the most that having a concept is worth."""

    hits: tuple[Hit, ...]
    shares: NDArray[np.float32]
    schemes: NDArray[np.int16]
    answers: NDArray[np.float32]
    by: NDArray[np.int32]  # the hit through which each concept answers best, -1 for none [c]

    @property
    def sure(self) -> float:
        """The share of everything known, in the scheme that knows it best."""
        return max((float(self.shares[self.schemes == s].sum()) for s in set(self.schemes.tolist())), default=0.0)

    @property
    def clear(self) -> float:
        """How far the need means one thing alone, 0 to 1."""
        return float(self.shares.max(initial=0.0))

    def worth(self, concepts: Concepts, had: NDArray[np.int32]) -> NDArray[np.float32]:
        """How far having each of some concepts answers each hit [h, n]."""
        out = np.zeros((len(self.hits), len(concepts)), dtype=np.float32)
        for number, hit in enumerate(self.hits):
            columns, weights = concepts.neighbours(hit.concept)
            out[number, columns] = weights
        return out[:, had]


def meaning(found: Sequence[Hit], count: int, concepts: Concepts, tuning: Tuning) -> Meaning:
    """The shares of the concepts that a text of `count` words may be about."""
    hits, weighed = shares(found, count, concepts, tuning)
    schemes = np.array([concepts.schemes[hit.concept] for hit in hits], dtype=np.int16)
    answers = np.zeros(len(concepts), dtype=np.float32)
    best = np.zeros(len(concepts), dtype=np.float32)
    by = np.full(len(concepts), -1, dtype=np.int32)
    for scheme in sorted(set(schemes.tolist())):
        total = np.zeros(len(concepts), dtype=np.float32)
        for number in np.flatnonzero(schemes == scheme).tolist():
            columns, weights = concepts.neighbours(hits[number].concept)
            worth = weights * weighed[number]
            total[columns] += worth
            better = worth > best[columns]
            best[columns[better]] = worth[better]
            by[columns[better]] = number
        np.maximum(answers, total, out=answers)
    return Meaning(hits, weighed, schemes, np.minimum(answers, 1), by)


def grounded(vector: NDArray[np.float32], meant: Meaning, concepts: Concepts) -> NDArray[np.float32]:
    """A need's vector [1, d] drawn to where its competencies lie, which is the same place in every language.

    The surer it is of one of them, the more that one alone speaks for it.
    """
    if not meant.hits:
        return vector
    middles = concepts.middles([hit.concept for hit in meant.hits])
    return normalise(vector * (1 - meant.clear) + _GROUND * (meant.shares @ middles)[None, :])


def shares(
    found: Sequence[Hit], count: int, concepts: Concepts, tuning: Tuning
) -> tuple[tuple[Hit, ...], NDArray[np.float32]]:
    """(hits, the share of each) of a text of `count` words, the largest first; what is missing from 1 is none."""
    groups: dict[int, list[Hit]] = {}
    for hit in found:
        groups.setdefault(int(concepts.schemes[hit.concept]), []).append(hit)
    hits: list[Hit] = []
    parts: list[float] = []
    nothing = tuning.background(count)
    for alike in groups.values():
        group = sorted(alike, key=lambda hit: -hit.score)[:_MOST]
        logits = [tuning.sharpness * hit.score for hit in group]
        top = max(*logits, tuning.sharpness * nothing)
        weights = [math.exp(logit - top) for logit in logits]
        total = sum(weights) + math.exp(tuning.sharpness * nothing - top)
        kept = [(hit, weight / total) for hit, weight in zip(group, weights, strict=True)]
        hits += [hit for hit, share in kept if share >= _SHARE_LEAST]
        parts += [share for _, share in kept if share >= _SHARE_LEAST]
    order = sorted(range(len(hits)), key=lambda n: -parts[n])
    return tuple(hits[n] for n in order), np.array([parts[n] for n in order], dtype=np.float32)


def fits(meant: Meaning, concepts: Concepts, tags: matrices.Matrix, actors: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far each actor's competencies answer the need, 0 to 1 [n]: for every hit the best of the actor's own counts,
    weighed with the hit's share. Of schemes the one that says most counts; who bears codes of one is compared within
    it, and what another scheme says by way of a match between the two is a second opinion."""
    if not len(actors) or not meant.hits:
        return np.zeros(len(actors), dtype=np.float32)
    cells, which = matrices.rows(tags, actors)
    columns, sure = tags.indices[cells], tags.data[cells]
    has, starts = np.unique(which, return_index=True)
    out = np.zeros(len(actors), dtype=np.float32)
    if not len(has):
        return out
    worth = meant.worth(concepts, columns) * sure
    own = concepts.schemes[columns]
    native, foreign = np.zeros(len(has), dtype=np.float32), np.zeros(len(has), dtype=np.float32)
    bears = np.zeros(len(has), dtype=bool)
    for scheme in set(meant.schemes.tolist()):
        mine = meant.schemes == scheme
        same = own == scheme
        for part, into in ((same, native), (~same, foreign)):
            best = np.maximum.reduceat(worth[mine] * part, starts, axis=1)
            np.maximum(into, meant.shares[mine] @ best, out=into)
        bears |= np.logical_or.reduceat(same, starts)
    out[has] = np.where(bears, native + _SECOND_OPINION * foreign * (1 - native), _FOREIGN * foreign)
    return np.minimum(out, 1)
