"""Labels of concepts found word for word in a text, whatever their case, accents and common endings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.subwords import fold

MOST_WORDS = 8  # of a label that is looked for
_REMEMBERED = 100_000  # words
_WORD = re.compile(r"\w+")
# Endings of number, gender and case in the commonest languages; cut from words long enough to stay themselves.
_ENDING = re.compile(r"(?:(?<=\w{3})(?<=[^s])s|(?<=\w{4})(?:es|e|en|n|er|i|a|o|os|as|x))$")


def words(text: str) -> list[str]:
    """The words of a text, folded and without common endings."""
    return [_stem(word) for word in _WORD.findall(fold(text))]


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return _ENDING.sub("", word)


def key(parts: Sequence[str]) -> int:
    """64-bit name of a label's words."""
    return int.from_bytes(hashlib.blake2b(" ".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest())


class Found(NamedTuple):
    """A label seen in a text: its number, and the words from `start` up to `end` that are it."""

    label: int
    start: int
    end: int


class LabelTable:
    """Sorted keys of labels; a label whose words come in another order is another label."""

    def __init__(
        self,
        keys: NDArray[np.uint64],
        labels: NDArray[np.int32],
        firsts: NDArray[np.uint64],
        longest: NDArray[np.int8],
    ) -> None:
        self.keys = keys
        self.labels = labels
        self.firsts = firsts  # keys of the words that labels begin with, so that other words cost nothing
        self.longest = longest  # words of the longest label that begins with each of them
        self._begins: dict[str, int] = {}  # the same for words met before, 0 for those that no label begins with

    @classmethod
    def of(cls, labels: Iterable[str]) -> LabelTable:
        """The table of the labels, which are numbered in the order given."""
        pairs: list[tuple[int, int]] = []
        firsts: dict[int, int] = {}
        for number, label in enumerate(labels):
            parts = words(label)
            if 0 < len(parts) <= MOST_WORDS:
                pairs.append((key(parts), number))
                first = key(parts[:1])
                firsts[first] = max(len(parts), firsts.get(first, 0))
        pairs.sort()
        keys = np.array([k for k, _ in pairs], dtype=np.uint64)
        numbers = np.array([n for _, n in pairs], dtype=np.int32)
        begun = sorted(firsts)
        longest = np.array([firsts[first] for first in begun], dtype=np.int8)
        return cls(keys, numbers, np.array(begun, dtype=np.uint64), longest)

    def find(self, parts: Sequence[str], least: float = 0.0) -> list[Found]:
        """Every label that is a run of the words given, the longest first; runs inside a longer one are left out, and
        those with fewer than `least` letters."""
        if not len(self.keys) or not parts:
            return []
        begins = self._begins
        most = [begins[part] if part in begins else self._begun(part) for part in parts]
        starts = [s for s, longest in enumerate(most) if longest]
        if not starts:
            return []
        before = [0, *accumulate(map(len, parts))]
        runs = [
            (s, s + n)
            for n in range(max(most[s] for s in starts), 0, -1)
            for s in starts
            if n <= most[s] and s + n <= len(parts) and before[s + n] - before[s] >= least
        ]
        if not runs:
            return []
        wanted = np.array([key(parts[start:end]) for start, end in runs], dtype=np.uint64)
        lows, highs = np.searchsorted(self.keys, wanted, "left"), np.searchsorted(self.keys, wanted, "right")
        found: list[Found] = []
        taken: list[tuple[int, int]] = []
        for which in np.flatnonzero(lows < highs).tolist():
            start, end = runs[which]
            if not any(a <= start and end <= b for a, b in taken):
                taken.append((start, end))
                found += [Found(label, start, end) for label in self.labels[lows[which] : highs[which]].tolist()]
        return found

    def _begun(self, word: str) -> int:
        """Words of the longest label that begins with this one."""
        name = key([word])
        at = min(int(np.searchsorted(self.firsts, name)), len(self.firsts) - 1)
        found = int(self.longest[at]) if int(self.firsts[at]) == name else 0
        if len(self._begins) < _REMEMBERED:
            self._begins[word] = found
        return found
