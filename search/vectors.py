"""Exact FAISS search over the vectors of allowed rows; the only module that imports faiss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kg.errors import DamagedData

# One query over few rows is done before a second thread has begun, and on busy cores it would be waited for.
_SHARED = 500_000
_CORES = faiss.omp_get_max_threads()
_Parameters: Any = faiss.SearchParameters  # takes keywords at run time, which its stubs do not know


class VectorIndex:
    """Unit vectors ranked by cosine: kept as half floats, or in full, which searches batches faster."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def of(cls, rows: NDArray[np.float32], *, full: bool = False) -> VectorIndex:
        """An index over rows [n, d] of length 1."""
        dimension, half = int(rows.shape[1]), faiss.ScalarQuantizer.QT_fp16
        inner = faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexFlatIP(dimension) if full else faiss.IndexScalarQuantizer(dimension, half, inner)
        index.add(np.ascontiguousarray(rows, dtype=np.float32))
        return cls(index)

    @classmethod
    def open(cls, path: Path, *, dimension: int) -> VectorIndex:
        """The index in a file, mapped. Raises DamagedData when it is none, or has another dimension."""
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            raise DamagedData(f"{path} is not a vector index.", "Run 'filiere check --repair'.") from error
        if index.d != dimension:
            raise DamagedData(
                f"{path} has vectors of {index.d} numbers, the model {dimension}.", "Run 'filiere check --repair'."
            )
        return cls(index)

    def write(self, path: Path) -> None:
        """Writes the index into one file."""
        faiss.write_index(self._index, str(path))

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of some rows [n, d]."""
        found: NDArray[np.float32] = self._index.reconstruct_batch(np.ascontiguousarray(numbers, dtype=np.int64))
        return found

    def search(
        self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(cosines, rows), both [q, count], of the nearest allowed rows, best first; row -1 where there are fewer."""
        count = min(count, len(self))
        if count == 0 or len(queries) == 0:
            empty = np.zeros((len(queries), 0))
            return empty.astype(np.float32), empty.astype(np.int64)
        alone = len(queries) == 1 and len(self) < _SHARED
        faiss.omp_set_num_threads(1 if alone else _CORES)
        if allowed is None:
            scores, rows = self._index.search(queries, count)
        else:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
            scores, rows = self._index.search(queries, count, params=_Parameters(sel=selector))
        return scores, rows
