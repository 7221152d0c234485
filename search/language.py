"""Which language a text is in: a naive Bayes classifier over hashed character n-grams, for texts of a few words."""

from __future__ import annotations

import re
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).resolve().parent / "models" / "language.npz"
BUCKETS = 2**15
_LONGEST = 300  # characters that are looked at
_SURE = 1.5  # nats by which the best language must lead the second for a guess to be given
_WORD = re.compile(r"[^\W\d_]+")


def features(text: str) -> NDArray[np.int64]:
    """Buckets of the 1- to 4-grams of a text's words, each word marked at both ends."""
    out = []
    for word in _WORD.findall(text[:_LONGEST].casefold()):
        marked = f"<{word}>"
        out += [marked[i : i + n] for n in (1, 2, 3, 4) for i in range(len(marked) - n + 1)]
        out.append(marked)
    return np.array([zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in out], dtype=np.int64)


@cache
def _model() -> tuple[list[str], NDArray[np.float32]]:
    with np.load(FILE) as found:
        return [str(name) for name in found["languages"]], found["table"].astype(np.float32) / 16


def guess(text: str) -> str:
    """The BCP 47 tag of the text's language, or "" when two languages are about as likely."""
    found = features(text)
    if not len(found):
        return ""
    languages, table = _model()
    scores = table[found].sum(axis=0)
    first, second = np.sort(scores)[::-1][:2]
    return languages[int(scores.argmax())] if first - second >= _SURE else ""
