"""BM25 over the passages of allowed actors, whole words and stems of each language; the only importer of tantivy."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from kg.errors import DamagedData
from search.subwords import fold

# Languages for which tantivy has a Snowball stemmer.
STEMMERS = {
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
    "ro": "romanian",
    "sv": "swedish",
}
MOST_WORDS = 64  # different words of a need that are looked up
_WORD = re.compile(r"\w+")
_STEM_WEIGHT = 0.8  # a stem in common says a little less than the word itself
_COUNTED = "basic"  # a word counts once however often a passage repeats it, which only makes the passage longer
_NAMED = 8  # hits that are filtered afterwards in the time in which one allowed passage is named in the query
_HEAP = 64_000_000  # bytes; tantivy takes at least 15 MB a thread


@cache
def _analyser(lang: str) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
    if lang:
        builder = builder.filter(tantivy.Filter.stemmer(STEMMERS[lang]))
    return builder.build()


@cache
def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=True, indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name="words", index_option=_COUNTED)
    for lang in STEMMERS:
        builder.add_text_field(f"text_{lang}", tokenizer_name=f"stems_{lang}", index_option=_COUNTED)
    return builder.build()


def _register(index: tantivy.Index) -> tantivy.Index:
    index.register_tokenizer("words", _analyser(""))
    for lang in STEMMERS:
        index.register_tokenizer(f"stems_{lang}", _analyser(lang))
    return index


class KeywordIndex:
    """Passages by number, ranked by BM25."""

    def __init__(self, index: tantivy.Index, count: int) -> None:
        self._index = index
        self._count = count
        self._scratch: tempfile.TemporaryDirectory[str] | None = None  # goes when this does
        index.reload()
        self._searcher = index.searcher()

    @classmethod
    def build(cls, texts: Iterable[tuple[str, str]], folder: Path | None = None) -> KeywordIndex:
        """An index over (text, language) in the order given, in `folder`, or in memory without one."""
        writer = KeywordWriter(folder)
        writer.add((fold(text), lang) for text, lang in texts)
        return writer.finished()

    @classmethod
    def open(cls, folder: Path, count: int) -> KeywordIndex:
        """The index in `folder`. Raises DamagedData when tantivy cannot open it or it holds another number of texts.

        tantivy locks a file even to read, so an index on a read-only disk is read from a copy.
        """
        scratch = None
        if os.statvfs(folder).f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK):
            scratch = tempfile.TemporaryDirectory(prefix="filiere-keywords-")
            shutil.copytree(folder, scratch.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.lock"))
        try:
            found = cls(_register(tantivy.Index(_schema(), path=scratch.name if scratch else str(folder))), count)
            found._scratch = scratch
        except (ValueError, OSError) as error:
            raise DamagedData(f"{folder} is not a keyword index ({error}).", "Run 'filiere check --repair'.") from error
        if found._searcher.num_docs != count:
            raise DamagedData(
                f"{folder} holds {found._searcher.num_docs} texts, not {count}.", "Run 'filiere check --repair'."
            )
        return found

    def search(
        self, text: str, lang: str, count: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """(row, BM25 score) of the best allowed passages, best first."""
        words = list(dict.fromkeys(_WORD.findall(fold(text))))[:MOST_WORDS]
        if not words or not self._count:
            return []
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in self._terms(words, lang[:2])])
        if allowed is None:
            return _listed(*self._top(query, count))
        standing = int(np.count_nonzero(allowed))
        if not standing:
            return []
        # A list so long that, were the allowed spread over it evenly, enough of them are in it.
        wider = int(min(self._having(words, lang[:2]), 1.5 * count * self._count / standing))
        if standing * _NAMED <= wider:
            named = tantivy.Query.term_set_query(_schema(), "row", np.flatnonzero(allowed).tolist())
            only = tantivy.Query.const_score_query(named, 0.0)
            both = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, only)]
            return _listed(*self._top(tantivy.Query.boolean_query(both), count))
        while True:
            wider = max(count, min(self._count, wider))
            every, scores = self._top(query, wider)
            here = np.flatnonzero(allowed[every])
            if len(here) >= count or len(every) < wider or wider >= self._count:
                return _listed(every[here[:count]], scores[here[:count]])
            wider *= 4

    def _having(self, words: list[str], lang: str) -> int:
        """At most so many passages have one of the words or stems."""
        having = sum(self._searcher.doc_freq("text", word) for word in words)
        if lang in STEMMERS:
            having += sum(self._searcher.doc_freq(f"text_{lang}", stem) for stem in _stems(words, lang))
        return having

    def ideal(self, text: str, lang: str) -> float:
        """About the score of a passage of middling length that has every word of the text once."""
        words = list(dict.fromkeys(_WORD.findall(fold(text))))[:MOST_WORDS]
        return max(1e-6, sum(self._rarity("text", word) for word in words)) * (
            1 + (_STEM_WEIGHT if lang[:2] in STEMMERS else 0)
        )

    def _rarity(self, field: str, word: str) -> float:
        """Inverse document frequency as BM25 has it: ln(1 + (N - n + 0.5) / (n + 0.5))."""
        having = self._searcher.doc_freq(field, word)
        return math.log(1 + (self._count - having + 0.5) / (having + 0.5))

    def _terms(self, words: list[str], lang: str) -> list[tantivy.Query]:
        schema = _schema()
        parts = [tantivy.Query.term_query(schema, "text", word, _COUNTED) for word in words]
        if lang in STEMMERS:
            for stem in _stems(words, lang):
                term = tantivy.Query.term_query(schema, f"text_{lang}", stem, _COUNTED)
                parts.append(tantivy.Query.boost_query(term, _STEM_WEIGHT))
        return parts

    def _top(self, query: tantivy.Query, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(rows, scores), best first."""
        hits = self._searcher.search(query, count, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return np.array(rows, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float64)


def _listed(rows: NDArray[np.int64], scores: NDArray[np.float64]) -> list[tuple[int, float]]:
    return list(zip(rows.tolist(), scores.tolist(), strict=True))


def _stems(words: list[str], lang: str) -> list[str]:
    return list(dict.fromkeys(stem for word in words for stem in _analyser(lang).analyze(word)))


class KeywordWriter:
    """Builds an index, in a folder or in memory without one."""

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            folder.mkdir(parents=True)
        self._index = _register(tantivy.Index(_schema(), path=str(folder) if folder else None))
        self._writer = self._index.writer(heap_size=_HEAP, num_threads=1)
        self._count = 0

    def add(self, texts: Iterable[tuple[str, str]]) -> None:
        """Adds (folded text, language)."""
        for plain, lang in texts:
            document = tantivy.Document()
            document.add_unsigned("row", self._count)
            document.add_text("text", plain)
            if lang[:2] in STEMMERS:
                document.add_text(f"text_{lang[:2]}", plain)
            self._writer.add_document(document)
            self._count += 1

    def finished(self) -> KeywordIndex:
        """The index of what was added."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        return KeywordIndex(self._index, self._count)
