"""Names found by their trigrams: which of many thousand are worth a closer look, in a millisecond."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.names import Name, fold, parse

_COMMON = 0.25  # share of the names from which a trigram says nothing
_FEW = 1000  # names below which every trigram counts


def grams(text: str) -> list[str]:
    """The trigrams of a name's words, word boundaries among them."""
    padded = f"  {text} "
    return list({padded[at : at + 3] for at in range(len(padded) - 2)})


class NameIndex:
    """Names by number; each belongs to an owner by number, and an owner may have several."""

    def __init__(self, names: Sequence[tuple[int, Name]], owners: int) -> None:
        """`names` are (owner, name taken apart)."""
        self.owners = np.array([owner for owner, _ in names], dtype=np.int32)
        self._places: dict[str, int] = {}
        self._keys: dict[str, list[int]] = {}
        self._words: Counter[str] = Counter()
        self._count = max(1, owners)
        trigrams: list[int] = []
        lengths: list[int] = []
        places = self._places
        for owner, found in names:
            self._keys.setdefault(found.plain, []).append(owner)
            self._words.update(set(found.words))
            own = [places.setdefault(gram, len(places)) for gram in grams(" ".join(found.words))]
            trigrams += own
            lengths.append(len(own))
        self._invert(np.array(trigrams, dtype=np.int32), np.array(lengths, dtype=np.int32))

    def _invert(self, trigrams: NDArray[np.int32], lengths: NDArray[np.int32]) -> None:
        names = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        order = np.argsort(trigrams, kind="stable")
        self._postings = names[order]
        counts = np.bincount(trigrams, minlength=len(self._places))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._worth = np.log(1 + len(lengths) / np.maximum(1, counts)).astype(np.float32) ** 2
        norms = np.bincount(names, weights=self._worth[trigrams], minlength=len(lengths))
        self._norms = np.sqrt(np.maximum(norms, 1e-9)).astype(np.float32)

    def weight(self, word: str) -> float:
        """How much a word distinguishes: the rarer among the names, the more."""
        return math.log(1 + self._count / (1 + self._words.get(word, 0))) + 0.1

    def same(self, name: str) -> list[int]:
        """The owners of this very name, but for case, accents, spaces and legal form."""
        return self._keys.get(parse(name).plain, [])

    def near(self, name: str, most: int, boost: NDArray[np.float32] | None = None) -> list[int]:
        """The owners of the names most alike by trigrams; `boost` [owners] multiplies, 0 leaves an owner out."""
        asked = [self._places[gram] for gram in grams(" ".join(parse(name).words)) if gram in self._places]
        if len(self._norms) > _FEW:
            sizes = self._starts[1:] - self._starts[:-1]
            asked = [gram for gram in asked if sizes[gram] < _COMMON * len(self._norms)] or asked
        if not asked:
            return []
        parts = [self._postings[self._starts[gram] : self._starts[gram + 1]] for gram in asked]
        weights = np.repeat(self._worth[asked], [len(part) for part in parts])
        scores = np.bincount(np.concatenate(parts), weights=weights, minlength=len(self._norms)) / self._norms
        if boost is not None:
            scores *= boost[self.owners]
        best = np.argpartition(-scores, most)[:most] if len(scores) > most else np.arange(len(scores))
        best = best[scores[best] > 0]
        return list(dict.fromkeys(self.owners[best[np.argsort(-scores[best])]].tolist()))


class Prefixes:
    """Texts found by how one of their words begins: one long string, which is searched in a millisecond."""

    def __init__(self, texts: Iterable[str]) -> None:
        folded = [" ".join(fold(text).split()) for text in texts]
        self._starts: list[int] = []
        at = 0
        for text in folded:
            self._starts.append(at)
            at += len(text) + 1
        self._all = "\n" + "\n".join(folded) + "\n"

    def find(self, prefix: str, most: int) -> list[int]:
        """The numbers of the texts that begin so, then of those in which a word does; all of them for ""."""
        wanted = " ".join(fold(prefix).split())
        if not wanted:
            return list(range(min(most, len(self._starts))))
        out: dict[int, None] = {}
        for mark in ("\n", " ", "-", "("):
            at = self._all.find(mark + wanted)
            while at >= 0 and len(out) < most:
                out[bisect.bisect_right(self._starts, at) - 1] = None
                at = self._all.find(mark + wanted, at + 1)
        return list(out)
