"""Any sentence-transformers model as an encoder (extra [models])."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from kg.errors import NotFound
from search.encoder import Anchors


class SentenceEncoder:
    """A sentence-transformers model, named by its folder or by the name its hub gives it."""

    def __init__(self, name: str) -> None:
        try:
            self._model = SentenceTransformer(name, device="cpu")
        except (OSError, ValueError) as error:
            raise NotFound(f"The model {name!r} cannot be loaded ({error}).", "Name a folder that holds it.") from error
        self.name = f"sentence-transformers:{name}"
        self.dimension = len(self._model.encode("x"))
        self.anchors: Anchors | None = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)
