"""A text as words, and a word as what the static encoder has vectors for: subword tokens and character n-grams.

Whatever is added up over a text is added up over its words, so a word seen before costs nothing.
Source of the n-grams: Bojanowski et al. 2017, "Enriching word vectors with subword information".
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_CHARACTERS = 4000  # of a text that are read; what a need or a quote is about is said long before
MOST_WORDS = 400
LONGEST_WORD = 64  # characters; nothing longer is a word
_ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff\u20d0-\u20ff]")  # combining marks
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Case-folded text without accents: what keywords, labels and the encoders compare."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def words(text: str) -> list[str]:
    """The first words of a text, folded."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text[:MOST_CHARACTERS]))[:MOST_WORDS]]


class Subwords:
    """Numbers of the parts of words: tokens of a Unigram vocabulary first, then buckets of hashed 4- and 5-grams.

    A word that begins with a digit has tokens only: its n-grams are figures, which say nothing of another word.
    """

    def __init__(self, tokenizer_json: str, buckets: int) -> None:
        self._json = tokenizer_json
        self.buckets = buckets

    @classmethod
    def read(cls, path: Path, buckets: int) -> Subwords:
        """The vocabulary in a file of the `tokenizers` library."""
        return cls(path.read_text(encoding="utf-8"), buckets)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        return Tokenizer.from_str(self._json)

    @cached_property
    def _tokens(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def __len__(self) -> int:
        return self._tokens + self.buckets

    def of(self, folded: Sequence[str]) -> list[NDArray[np.int64]]:
        """The numbers of the parts of each folded word; 0 of them for one without a known part."""
        found = self._tokenizer.encode_batch_fast(list(folded), add_special_tokens=False)
        return [
            np.array([*(i for i in encoding.ids if i), *self._grams(word)], dtype=np.int64)  # 0 is the unknown token
            for word, encoding in zip(folded, found, strict=True)
        ]

    def _grams(self, word: str) -> list[int]:
        if not self.buckets or word[0].isdigit():
            return []
        marked = f"<{word}>"
        grams = {marked[i : i + n] for n in (4, 5) for i in range(len(marked) - n + 1)}
        grams.add(marked)
        first = self._tokens
        return [first + zlib.crc32(gram.encode("utf-8", "replace")) % self.buckets for gram in sorted(grams)]
