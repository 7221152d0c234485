"""Sparse matrices by row; the only module that imports scipy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph

_FEW_SUMS = 24
Matrix = sparse.csr_array


def matrix(cells: Iterable[tuple[int, int]], values: ArrayLike, shape: tuple[int, int], kind: DTypeLike) -> Matrix:
    """A matrix from (row, column) cells, each once, and their values."""
    places = np.array(list(cells), dtype=np.int32).reshape(-1, 2).T
    return filled(places[0], places[1], np.asarray(values, dtype=kind), shape)


def filled(rows: NDArray[np.int32], columns: NDArray[np.int32], values: NDArray[Any], shape: tuple[int, int]) -> Matrix:
    """The same from arrays of equal length."""
    found = sparse.csr_array((values, (rows, columns)), shape=shape)
    found.sort_indices()
    return found


def row(found: Matrix, number: int) -> tuple[NDArray[np.int32], NDArray[np.generic]]:
    """(columns, values) of one row."""
    start, end = found.indptr[number], found.indptr[number + 1]
    return found.indices[start:end], found.data[start:end]


def cell(found: Matrix, number: int, column: int) -> float:
    """One value; 0 where the matrix says nothing."""
    columns, values = row(found, number)
    at = int(np.searchsorted(columns, column))
    return float(values[at]) if at < len(columns) and columns[at] == column else 0.0


def transposed(found: Matrix) -> Matrix:
    """The matrix with rows and columns changed over."""
    return sparse.csr_array(found.T.tocsr())


def rows(found: Matrix, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """(places in `data` and `indices`, which of `numbers` each is of) of all the cells of some rows."""
    starts = found.indptr[numbers].astype(np.int64)
    counts = found.indptr[numbers + 1] - starts
    which = np.repeat(np.arange(len(numbers)), counts)
    return np.arange(len(which)) + (starts - (np.cumsum(counts) - counts))[which], which


def components(count: int, links: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """Numbers [count] of things that hang together by links between them, however far around."""
    ends = [np.concatenate(side) for side in zip(*links, strict=True)]
    graph = sparse.csr_array((np.ones(len(ends[0]), dtype=np.float32), (ends[0], ends[1])), shape=(count, count))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], dtype=np.int64)


def sums(
    table: NDArray[np.float32], places: NDArray[np.int64], weights: NDArray[np.float32], sizes: Sequence[int]
) -> NDArray[np.float32]:
    """Weighted sums of rows of a table [n, d]: the first sizes[0] of `places` make the first sum, and so on."""
    ends = np.concatenate([[0], np.cumsum(sizes)])
    if len(sizes) <= _FEW_SUMS:  # making a matrix would take longer than the sums
        parts = [slice(first, last) for first, last in pairwise(ends.tolist())]
        return np.stack([weights[part] @ table[places[part]] for part in parts])
    picked = sparse.csr_array((weights, places, ends), shape=(len(sizes), len(table)))
    return np.asarray(picked @ table, dtype=np.float32)


def write(path: Path, found: Matrix) -> None:
    """Writes a matrix as its three arrays."""
    np.savez(path, data=found.data, indices=found.indices, indptr=found.indptr, shape=np.array(found.shape))


def read(path: Path) -> Matrix:
    """The matrix that `write` wrote."""
    found = np.load(path)
    rows, columns = (int(n) for n in found["shape"])
    return sparse.csr_array((found["data"], found["indices"], found["indptr"]), shape=(rows, columns))
