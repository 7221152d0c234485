"""Texts to unit vectors: the encoder contract, a small true engine without a model, and the packaged static model.

The static model keeps one vector a subword token; a text's vector is the sum over its tokens, normalised. It needs
numpy and tokenizers alone, and the only module that imports tokenizers is this one.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from kg.errors import DamagedData, MissingExtra, NotFound

MOST_CHARACTERS = 4000  # of a text that are encoded; what a need or a quote is about is said long before
PACKAGED = Path(__file__).resolve().parent / "models" / "static"
FORMAT = 1
_ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff\u20d0-\u20ff]")  # combining marks
_SURROGATE = re.compile("[\ud800-\udfff\x00]")


class Encoder(Protocol):
    """Texts to unit vectors. `name` is written into every artefact and changes whenever the vectors would."""

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension], rows of length 1; a text without a known token gives a row of zeros."""


def normalise(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by their lengths [n, d]; rows of zeros stay as they are."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    out: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return out


def fold(text: str) -> str:
    """Case-folded text without accents: what keywords, labels and the hashing encoder compare."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def _clean(text: str) -> str:
    text = text[:MOST_CHARACTERS]
    return _SURROGATE.sub(" ", text) if _SURROGATE.search(text) else text


class HashingEncoder:
    """Signed feature hashing of words and of their character 3- to 5-grams: no meaning, but true to spelling."""

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hashing-{dimension}"

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
    """One int8 vector a token with a float scale, summed and normalised. About 0.1 ms a query."""

    def __init__(
        self, name: str, tokenizer_json: str, vectors: NDArray[np.int8], scales: NDArray[np.float32], unknown: int
    ) -> None:
        from tokenizers import Tokenizer

        self.name = name
        self.dimension = int(vectors.shape[1])
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._vectors = vectors
        self._scales = scales
        self._unknown = unknown

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
            (folder / "tokenizer.json").read_text(encoding="utf-8"),
            np.load(folder / "vectors.npy", mmap_mode="r"),
            np.load(folder / "scales.npy"),
            int(manifest["unknown"]),
        )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of length 1."""
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return rows
        found = self._tokenizer.encode_batch_fast([_clean(text) for text in texts], add_special_tokens=False)
        for row, encoding in zip(rows, found, strict=True):
            ids = np.asarray(encoding.ids, dtype=np.int64)
            ids = ids[ids != self._unknown]
            if len(ids):
                row[:] = self._scales[ids] @ self._vectors[ids].astype(np.float32)
        return normalise(rows)


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
