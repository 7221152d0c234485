"""The places of an answer: who came up, best first, those of one group in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.generation import Part
from search.ranking import Scored

Row = tuple[int, int]  # a segment by number, and an actor's place in its Scored


@dataclass(slots=True)
class Places:
    """Who came up: in `order` everybody, best first; in `firsts` the place in that order of the best of each group."""

    scores: NDArray[np.float64]
    segments: NDArray[np.int64]
    rows: NDArray[np.int64]
    groups: NDArray[np.int64]
    firsts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.firsts)

    @property
    def best(self) -> NDArray[np.float64]:
        """The score of each place, best first."""
        return self.scores[self.firsts]

    def page(self, offset: int, limit: int, named: int) -> list[tuple[Row, list[Row], int]]:
        """Who stands at the places of a page, at most `named` of the others there, and how many others there are."""
        firsts = self.firsts[offset : offset + limit]
        shown = self.groups[firsts]
        members = np.flatnonzero(np.isin(self.groups, shown[shown > 0])) if shown.any() else firsts[:0]
        members = members[np.argsort(self.groups[members], kind="stable")]
        low, high = (np.searchsorted(self.groups[members], shown, side) for side in ("left", "right"))
        out = []
        for first, start, end in zip(firsts.tolist(), low.tolist(), high.tolist(), strict=True):
            others = members[start + 1 : min(end, start + 1 + named)].tolist()
            out.append((self._row(first), [self._row(at) for at in others], max(0, end - start - 1)))
        return out

    def of(self, segment: int, row: int) -> tuple[int, Row] | None:
        """The place from 0 where an actor is found, and who stands there; None when it is not among those."""
        found = np.flatnonzero((self.segments == segment) & (self.rows == row))
        if not len(found):
            return None
        group = self.groups[found[0]]
        first = int(np.flatnonzero(self.groups == group)[0] if group else found[0])
        return int(np.searchsorted(self.firsts, first)), self._row(first)

    def standing(self, segment: int) -> NDArray[np.int64]:
        """The places in the Scored of a segment of those who have a place of their own."""
        out: NDArray[np.int64] = self.rows[self.firsts][self.segments[self.firsts] == segment]
        return out

    def _row(self, at: int) -> Row:
        return int(self.segments[at]), int(self.rows[at])


def placed(found: Sequence[Scored], parts: Sequence[Part], least: float) -> Places:
    """The places of who has a score of `least` or more; ties in one order, so that pages never overlap."""
    shown = [np.flatnonzero(scored.scores >= least) for scored in found]
    actors = [scored.actors[rows] for scored, rows in zip(found, shown, strict=True)]
    scores = np.concatenate([scored.scores[rows] for scored, rows in zip(found, shown, strict=True)])
    ties = np.concatenate([scored.segment.columns.ties[which] for scored, which in zip(found, actors, strict=True)])
    groups = np.concatenate([_groups(part, which) for part, which in zip(parts, actors, strict=True)])
    segments = np.repeat(np.arange(len(found)), [len(rows) for rows in shown])
    order = np.lexsort((ties, -scores))
    groups = groups[order]
    return Places(scores[order], segments[order], np.concatenate(shown)[order], groups, _firsts(groups))


def _groups(part: Part, actors: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.zeros(len(actors), dtype=np.int64) if part.groups is None else part.groups[actors]


def _firsts(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where those who are alone, and the first of each group, stand."""
    own = groups == 0
    grouped = np.flatnonzero(~own)
    own[grouped[np.unique(groups[grouped], return_index=True)[1]]] = True
    return np.flatnonzero(own)
