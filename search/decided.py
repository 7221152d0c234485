"""What was decided from outside on which actors are one, beside a segment: labels of groups, and pairs held apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search import duplicates
from search.segment import Segment

_FILE = "decided.json"


class Decided(NamedTuple):
    """What was decided on actors, by their IRIs: the group of each that is one with others, the pairs that are not,
    and the seq of the last decision."""

    same: Mapping[str, str] = {}
    apart: Sequence[tuple[str, str]] = ()
    seq: int = 0


def write(folder: Path, decided: Decided) -> None:
    """Writes what was decided beside a segment."""
    (folder / _FILE).write_text(json.dumps(decided), encoding="utf-8")


def read(folder: Path) -> Decided:
    """What `write` wrote; nothing where an older version wrote none."""
    path = folder / _FILE
    if not path.is_file():
        return Decided()
    same, apart, seq = json.loads(path.read_text(encoding="utf-8"))
    return Decided(same, [(one, other) for one, other in apart], seq)


class Labels:
    """What was decided on who is one, for the actors of a segment; those of a large one are looked up once."""

    def __init__(self, base: Segment, decided: Decided) -> None:
        self.decided = decided
        self._base = self._of(base)

    def _of(self, segment: Segment) -> tuple[NDArray[np.uint64], dict[str, int]]:
        """(the label of each actor [n], the number of each that is named in a pair)."""
        named = {iri for pair in self.decided.apart for iri in pair}
        labels = np.zeros(len(segment), dtype=np.uint64)
        numbers: dict[str, int] = {}
        for number in segment.find({*self.decided.same, *named}).tolist() if self.decided.same or named else ():
            iri = segment.iri(number)
            if iri in self.decided.same:
                labels[number] = duplicates.label(self.decided.same[iri])
            if iri in named:
                numbers[iri] = number
        return labels, numbers

    def across(
        self, standing: NDArray[np.bool_] | None, fresh: Segment | None
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """(the labels of the base's actors and the fresh ones after them, the pairs held apart) by number."""
        labels, numbers = self._base
        if standing is not None:
            labels = labels * standing
            numbers = {iri: number for iri, number in numbers.items() if standing[number]}
        if fresh is not None:
            more, added = self._of(fresh)
            numbers = numbers | {iri: len(labels) + number for iri, number in added.items()}
            labels = np.concatenate([labels, more])
        pairs = [(numbers[a], numbers[b]) for a, b in self.decided.apart if a in numbers and b in numbers]
        return labels, np.array(pairs, dtype=np.int64).reshape(-1, 2)
