"""FAISS search over the vectors of allowed rows; the only module that imports faiss."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kg.errors import DamagedData

# One query over few rows is done before a second thread has begun, and on busy cores it would be waited for.
_SHARED = 4_000_000
# Rows from which a query looks first through four bits for each two numbers (PQ "fast scan"), which reads an eighth of
# the memory, 32 rows an instruction: over 160,000 rows of 256 numbers 0.8 ms instead of 5.5.
_SKETCHED = 20_000
_WIDER = 3  # rows compared exactly for each that is asked for; of the 600 nearest 99.5 % are among them
_FEWEST = 64  # rows compared exactly however few are asked for
_TRAINED = 10_000  # rows from which the sixteen places of each pair of numbers are learnt
_ROUNDS = 10  # of that learning; 3 or 25 find as many of the nearest
# What a row costs, in the time of one row of the sketch: compared exactly where it lies, and kept by the sketch.
_EXACT, _KEPT = 60, 20
_BATCH = 16  # queries from which whole matrices are multiplied, which takes full floats
_AT_A_TIME = 65_536
_Parameters: Any = faiss.SearchParameters  # takes keywords at run time, which its stubs do not know
_CORES = faiss.omp_get_max_threads()


class VectorIndex:
    """Unit vectors ranked by cosine, kept as half floats, and as two bits a number beside them when there are many."""

    def __init__(self, index: faiss.Index, sketch: faiss.Index | None = None) -> None:
        self._index = index
        self._sketch = sketch

    @classmethod
    def empty(cls, dimension: int) -> VectorIndex:
        """An index without rows; `finished` is called when all are added."""
        half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        return cls(faiss.IndexScalarQuantizer(dimension, half, inner))

    @classmethod
    def of(cls, rows: NDArray[np.float32]) -> VectorIndex:
        """An index over rows [n, d] of length 1."""
        index = cls.empty(int(rows.shape[1]))
        index.add(rows)
        return index.finished()

    def add(self, rows: NDArray[np.float32]) -> None:
        """Adds rows [n, d]."""
        if len(rows):
            self._index.add(np.ascontiguousarray(rows, dtype=np.float32))

    def finished(self) -> VectorIndex:
        """The index with all that a search needs."""
        if len(self) < _SKETCHED or self.dimension % 2:
            return self
        sketch: Any = faiss.IndexPQFastScan(self.dimension, self.dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
        sketch.pq.cp.niter = _ROUNDS
        step = max(1, len(self) // _TRAINED)
        sketch.train(self.rows(np.arange(0, len(self), step)))
        for start in range(0, len(self), _AT_A_TIME):
            sketch.add(self._index.reconstruct_n(start, min(_AT_A_TIME, len(self) - start)))
        return VectorIndex(self._index, sketch)

    @classmethod
    def open(cls, path: Path, *, dimension: int) -> VectorIndex:
        """The index in a file, mapped. Raises DamagedData when it is none, or has another dimension."""
        index, sketch = _read(path), _read(_beside(path)) if _beside(path).is_file() else None
        if index.d != dimension:
            raise DamagedData(
                f"{path} has vectors of {index.d} numbers, the model {dimension}.", "Run 'filiere check --repair'."
            )
        if sketch is not None and sketch.ntotal != index.ntotal:
            raise DamagedData(f"{_beside(path)} is not of {path}.", "Run 'filiere check --repair'.")
        return cls(index, sketch)

    def write(self, path: Path) -> None:
        """Writes the index into one file, and what is beside it into another."""
        faiss.write_index(self._index, str(path))
        if self._sketch is not None:
            faiss.write_index(self._sketch, str(_beside(path)))

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of some rows [n, d]."""
        # Not reconstruct_batch, which takes eight times as long.
        return np.take(self._words, numbers, axis=0).view(np.float16).astype(np.float32)

    @cached_property
    def _words(self) -> NDArray[np.uint64]:
        """The half floats as they lie in the index, four to a word [n, d / 4]."""
        index: Any = self._index  # its stubs do not know the codes
        codes: NDArray[np.uint8] = faiss.rev_swig_ptr(index.codes.data(), len(self) * int(index.code_size))
        return codes.view(np.uint64).reshape(len(self), -1)

    def search(
        self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(cosines, rows), both [q, count], of the nearest allowed rows, best first; row -1 where there are fewer.

        Of many rows, and many allowed ones, a few of the farther ones may be missed; cosines are always exact.
        """
        count = min(count, len(self))
        if count == 0 or len(queries) == 0:
            empty = np.zeros((len(queries), 0))
            return empty.astype(np.float32), empty.astype(np.int64)
        faiss.omp_set_num_threads(1 if len(queries) == 1 and len(self) < _SHARED else _CORES)
        if self._sketch is not None and (wide := self._wide(count, allowed)):
            scores, rows = self._by_sketch(queries, count, wide, allowed)
            short = np.flatnonzero(rows[:, -1] < 0)  # what is near is not allowed
            if len(short):
                scores[short], rows[short] = self._exactly(queries[short], count, allowed)
            return scores, rows
        return self._exactly(queries, count, allowed)

    def _exactly(
        self, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if allowed is None and len(queries) >= _BATCH:
            scores, rows = self._full.search(queries, count)
            return scores, rows
        selector = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        scores, rows = self._index.search(queries, count, params=_Parameters(sel=selector))
        return scores, rows

    def _wide(self, count: int, allowed: NDArray[np.bool_] | None) -> int:
        """How many rows the sketch is asked for, so that enough of them are allowed; 0 where comparing exactly takes
        less time."""
        wanted = max(_FEWEST, count * _WIDER)
        standing = len(self) if allowed is None else int(np.count_nonzero(allowed))
        wide = wanted * len(self) // max(1, standing)
        return wide if wide < len(self) and len(self) + _KEPT * wide + _EXACT * wanted < _EXACT * standing else 0

    @cached_property
    def _full(self) -> faiss.Index:
        index = faiss.IndexFlatIP(self.dimension)
        index.add(self._index.reconstruct_n(0, len(self)))
        return index

    def _by_sketch(
        self, queries: NDArray[np.float32], count: int, wide: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        assert self._sketch is not None
        scores = np.full((len(queries), count), -np.inf, dtype=np.float32)
        rows = np.full((len(queries), count), -1, dtype=np.int64)
        _, near = self._sketch.search(queries, wide)
        for number, line in enumerate(near):
            found = np.sort(line if allowed is None else line[allowed[line]])  # in the order of the file
            if not len(found):
                continue
            cosines, places = self._some(found).search(queries[number : number + 1], min(count, len(found)))
            best = np.lexsort((places[0], -cosines[0]))
            scores[number, : len(best)], rows[number, : len(best)] = cosines[0, best], found[places[0, best]]
        return scores, rows

    def _some(self, numbers: NDArray[np.int64]) -> Any:
        """An index of some rows. FAISS multiplies half floats as they are; numpy would widen them first and wait for a
        second thread, which takes ten times as long."""
        index: Any = type(self).empty(self.dimension)._index
        index.add_sa_codes(np.take(self._words, numbers, axis=0).view(np.uint8))
        return index


def _beside(path: Path) -> Path:
    return path.with_suffix(".bits.faiss")


def _read(path: Path) -> faiss.Index:
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    except RuntimeError as error:
        raise DamagedData(f"{path} is not a vector index.", "Run 'filiere check --repair'.") from error
