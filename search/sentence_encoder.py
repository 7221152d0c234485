"""Any sentence-transformers model as an encoder, and the built-in encoder as such a model (extra [models])."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.input_module import InputModule

from kg.errors import NotFound
from search.encoder import PACKAGED, Anchors, StaticEncoder


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


class StaticModule(InputModule):  # type: ignore[misc, unused-ignore]
    """The built-in encoder as the one module of a sentence-transformers model."""

    def __init__(self, folder: Path = PACKAGED) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self._folder = folder
        self._encoder = StaticEncoder.load(folder)

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **options: Any) -> dict[str, Any]:
        """Texts to their vectors, at once; `forward` has nothing left to do."""
        rows = self._encoder.encode([(prompt or "") + str(text) for text in inputs])
        return {"sentence_embedding": torch.from_numpy(rows)}

    def forward(self, features: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The features as they are."""
        return features

    def get_embedding_dimension(self) -> int:
        """The length of a vector."""
        return self._encoder.dimension

    def save(self, output_path: str, *options: Any, **named: Any) -> None:
        """Copies the model's files to a folder that `SentenceTransformer(folder, trust_remote_code=True)` loads."""
        shutil.copytree(self._folder, output_path, dirs_exist_ok=True)

    @classmethod
    def load(  # type: ignore[override, unused-ignore]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> StaticModule:
        """The model in a folder."""
        return cls(Path(model_name_or_path) / subfolder)


def sentence_transformer(folder: Path = PACKAGED) -> SentenceTransformer:
    """The built-in encoder as a sentence-transformers model, to be used or distilled like any other."""
    return SentenceTransformer(modules=[StaticModule(folder)], device="cpu")
