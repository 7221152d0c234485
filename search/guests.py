"""Actors of other nodes beside a generation, for one answer: scored as its own are, in memory, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search import duplicates
from search.generation import Part
from search.pieces import Piece, Preparer
from search.results import Origin
from search.segment import Segment


class Guests(NamedTuple):
    """What one node brought: its actors made ready, their IRIs in that order, whether it was the first to publish each,
    and the node itself."""

    piece: Piece
    iris: tuple[str, ...]
    first: tuple[bool, ...]
    origin: Origin


def prepared(actors: Sequence[Actor], own: Sequence[str], origin: Origin, preparer: Preparer) -> Guests:
    """The actors of a node made ready; the slow part, done as soon as its answer is there.

    `own` are the beginnings of the IRIs that it was the first to publish.
    """
    iris = tuple(actor.iri for actor in actors)
    first = tuple(iri.startswith(tuple(own)) for iri in iris)
    return Guests(preparer.piece(actors), iris, first, origin)


class Table:
    """The parts of a generation with the guests of one answer beside them; who is held here is no guest.

    Each node's actors are a part of their own, so that what one of them says changes no word's rarity for another.
    """

    def __init__(self, parts: tuple[Part, ...], guests: Sequence[Guests], concepts: int, dimension: int) -> None:
        self._own = len(parts)
        guests = [found for found in guests if found.iris]
        self._origins = [found.origin for found in guests]
        standing = _standing(parts, guests)
        beside = [
            Part(Segment.joined([found.piece], concepts, dimension), stands, None)
            for found, stands in zip(guests, standing, strict=True)
        ]
        self.parts = _regrouped(parts, beside) if beside else parts

    def origin(self, part: int) -> Origin | None:
        """The node that the actors of a part come from; None for those that are held here."""
        return self._origins[part - self._own] if part >= self._own else None


def _standing(parts: Sequence[Part], guests: Sequence[Guests]) -> list[NDArray[np.bool_]]:
    """Which of the guests stand: of an actor that several nodes told of, who published it first is believed."""
    seen = _held(parts, [iri for found in guests for iri in found.iris])
    out = [np.zeros(len(found.iris), dtype=bool) for found in guests]
    for wanted in (True, False):
        for found, stands in zip(guests, out, strict=True):
            for at, (iri, first) in enumerate(zip(found.iris, found.first, strict=True)):
                if first is wanted and iri not in seen:
                    seen.add(iri)
                    stands[at] = True
    return out


def _held(parts: Iterable[Part], iris: Sequence[str]) -> set[str]:
    """Which of the IRIs are those of actors that stand here."""
    out: set[str] = set()
    for segment, standing, _ in parts:
        for number in segment.find(iris).tolist():
            if standing is None or standing[number]:
                out.add(segment.iri(number))
    return out


def _regrouped(parts: Sequence[Part], guests: Sequence[Part]) -> tuple[Part, ...]:
    """All the parts, with groups across them.

    Only who shares a key with a guest, and who is in one group with those, is looked at again: a generation may hold
    a million actors.
    """
    every = (*parts, *guests)
    told = [part.segment.columns.keys * _mask(part)[:, None] for part in guests]
    theirs = np.concatenate(told)
    chosen = [_near(part, theirs) for part in parts] + [np.arange(len(keys)) for keys in told]
    near = [part.segment.columns.keys[rows] for part, rows in zip(parts, chosen, strict=False)]
    found = duplicates.groups(np.concatenate([*near, *told]))
    if found is None:
        return every
    above = max((int(part.groups.max(initial=0)) for part in parts if part.groups is not None), default=0)
    before = [
        np.zeros(len(rows), np.int64) if p.groups is None else p.groups[rows]
        for p, rows in zip(every, chosen, strict=True)
    ]
    # Who was in one group stays in it, for whatever reason that was.
    labels = duplicates.joined(np.stack([found, np.concatenate(before)], axis=1))
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    found = np.where(counts[numbers] > 1, numbers + 1 + above, 0)
    out: list[Part] = []
    start = 0
    for part, rows in zip(every, chosen, strict=True):
        groups = np.zeros(len(part.segment), dtype=np.int64) if part.groups is None else part.groups.copy()
        groups[rows] = found[start : start + len(rows)]
        start += len(rows)
        out.append(part._replace(groups=groups))
    return tuple(out)


def _near(part: Part, theirs: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The actors of a part that share a key with one of the guests, and all who are in one group with them."""
    keys = part.segment.columns.keys
    shares = np.zeros(len(keys), dtype=bool)
    for ours, wanted in zip(keys.T[: duplicates.REGISTERED], theirs.T[: duplicates.REGISTERED], strict=True):
        shares |= np.isin(ours, wanted[wanted > 0])
    shares &= _mask(part)
    if part.groups is not None and shares.any():
        together = np.unique(part.groups[shares])
        shares |= np.isin(part.groups, together[together > 0])
    return np.flatnonzero(shares)


def _mask(part: Part) -> NDArray[np.bool_]:
    return np.ones(len(part.segment), dtype=bool) if part.standing is None else part.standing
