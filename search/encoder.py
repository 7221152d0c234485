"""Texts to unit vectors: the encoder contract, a small true engine without a model, and the packaged static model.

The static model keeps one vector for each part of a word; a text's vector is the sum over its words, normalised. It
needs numpy and tokenizers alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from kg.errors import DamagedData, MissingExtra, NotFound
from search import matrices
from search.subwords import MOST_CHARACTERS, Subwords, fold, words

PACKAGED = Path(__file__).resolve().parent / "models" / "static"
FORMAT = 2
_FULL_WEIGHT = 25  # words at the beginning of a text that count in full
_REMEMBERED = 40_000  # words whose vectors are kept at hand (41 MB)
_WORDS_AT_A_TIME = 1000
_TEXTS_AT_A_TIME = 1024
_SURROGATE = re.compile("[\ud800-\udfff\x00]")


class Encoder(Protocol):
    """Texts to unit vectors. `name` is written into every artefact and changes whenever the vectors would."""

    name: str
    dimension: int
    anchors: Anchors | None  # concepts whose place was learnt; None for a model that knows labels alone

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension], rows of length 1; a text without a known token gives a row of zeros."""


def normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by their lengths [n, d]; rows of zeros stay as they are."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    out: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return out


def _clean(text: str) -> str:
    text = text[:MOST_CHARACTERS]
    return _SURROGATE.sub(" ", text) if _SURROGATE.search(text) else text


class HashingEncoder:
    """Signed feature hashing of words and of their character 3- to 5-grams: no meaning, but true to spelling."""

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hashing-{dimension}"
        self.anchors: Anchors | None = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of length 1."""
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", fold(_clean(text))):
                marked = f"<{word}>"
                grams = [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
                for feature, weight in [(word, 1.0), *((gram, 0.3) for gram in grams)]:
                    code = zlib.crc32(feature.encode("utf-8"))
                    row[code % self.dimension] += weight if code & 0x80000000 else -weight
        return normalise(rows)


class StaticEncoder:
    """One 4-bit vector with a scale for each part of a word, added up and normalised; about 0.1 ms a need.

    `anchors` are concepts whose place was learnt from texts about them, not from their labels alone.
    """

    def __init__(
        self,
        name: str,
        subwords: Subwords,
        packed: NDArray[np.uint8],
        scales: NDArray[np.float16],
        anchors: Anchors | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.folder = folder  # where it was loaded from, and another process can load it from
        self.dimension = 2 * int(packed.shape[1])
        self.anchors = anchors
        self._subwords = subwords
        self._packed = packed
        self._scales = scales
        self._seen: dict[str, int] = {}  # words met before → rows of `_kept`
        self._kept = np.empty((_REMEMBERED, self.dimension), dtype=np.float32)  # takes memory as it is filled
        self._learning = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> StaticEncoder:
        """The model in `folder`, its files checked against the manifest. Raises NotFound or DamagedData."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NotFound(f"There is no model in {folder}.", "Name a folder that 'make encoder' wrote.") from error
        except ValueError as error:
            raise DamagedData(f"{folder / 'manifest.json'} is damaged.", "Install filiere again.") from error
        for name, digest in manifest["sha256"].items():
            path = folder / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                raise DamagedData(f"{path} does not match the model's manifest.", "Install filiere again.")
        if manifest["format"] != FORMAT:
            raise DamagedData(f"{folder} holds a model of format {manifest['format']}.", "Upgrade filiere.")
        return cls(
            manifest["name"],
            Subwords.read(folder / "tokenizer.json", int(manifest["buckets"])),
            np.load(folder / "vectors.npy", mmap_mode="r"),
            np.load(folder / "scales.npy"),
            Anchors.load(folder) if (folder / "anchors.npz").is_file() else None,
            folder,
        )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of length 1."""
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            found = [words(text) for text in texts[start : start + _TEXTS_AT_A_TIME]]
            said = [word for parts in found for word in parts]
            if said:
                vectors, places = self._vectors(said)
                weights = np.concatenate([position_weights(len(parts)) for parts in found])
                sizes = [len(parts) for parts in found]
                rows[start : start + len(found)] = matrices.sums(vectors, places, weights, sizes)
        return normalise(rows)

    def _vectors(self, said: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(vectors, the row of each word); words met before are remembered, up to a bound."""
        with self._learning:
            seen = self._seen
            fresh = list(dict.fromkeys(word for word in said if word not in seen))
            if fresh and len(seen) + len(fresh) > len(self._kept):
                fresh = list(dict.fromkeys(said))
                seen = self._seen = {}  # another thread goes on with the rows it has
                self._kept = np.empty((max(_REMEMBERED, len(fresh)), self.dimension), dtype=np.float32)
            for start in range(0, len(fresh), _WORDS_AT_A_TIME):
                part = fresh[start : start + _WORDS_AT_A_TIME]
                self._kept[len(seen) : len(seen) + len(part)] = self._learnt(part)
                seen |= {word: len(seen) + number for number, word in enumerate(part)}
            return self._kept, np.array([seen[word] for word in said], dtype=np.int64)

    def _learnt(self, fresh: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of words [n, dimension]: their parts added up."""
        parts = self._subwords.of(fresh)
        flat = np.concatenate(parts)
        packed = self._packed[flat]
        half = packed.shape[1]
        unpacked = np.empty((len(flat), 2 * half), dtype=np.float32)
        unpacked[:, :half] = packed & 15
        unpacked[:, half:] = packed >> 4
        unpacked -= 8
        return matrices.sums(unpacked, np.arange(len(flat)), self._scales[flat].astype(np.float32), [*map(len, parts)])


def position_weights(count: int) -> NDArray[np.float32]:
    """How much each word of a text counts [count]: what it is about is said first, the rest goes into details."""
    return np.minimum(1.0, np.sqrt(_FULL_WEIGHT / np.arange(1, count + 1))).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Unit vectors [n, d] of concepts by `scheme:notation`."""

    vectors: NDArray[np.float32]
    place: dict[str, int]

    @classmethod
    def load(cls, folder: Path) -> Anchors:
        """What is in `anchors.npz`: int8 rows, whose length says nothing, and their codes."""
        with np.load(folder / "anchors.npz") as found:
            vectors = found["vectors"].astype(np.float32)
            place = {str(code): number for number, code in enumerate(found["codes"])}
        return cls(normalise(vectors), place)


def load_encoder(name: str | None = None) -> Encoder:
    """The packaged model (None), "hashing", a folder with a static model, or any sentence-transformers model.

    Raises MissingExtra, with the line to install it, when the last is asked for and the extra is not there.
    """
    if name in (None, "", "static"):
        return StaticEncoder.load(PACKAGED)
    assert name is not None
    if name == "hashing":
        return HashingEncoder()
    if (Path(name) / "manifest.json").is_file() and (Path(name) / "vectors.npy").is_file():
        return StaticEncoder.load(Path(name))
    try:
        from search.sentence_encoder import SentenceEncoder
    except ImportError as error:
        raise MissingExtra(
            f"The model {name!r} needs sentence-transformers, which is not installed.",
            "Install it with: pip install 'filiere[models]'",
        ) from error
    return cast(Encoder, SentenceEncoder(name))
