"""Many small records in one file, read one at a time: JSON lines and the places where they begin."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT = 4096  # records kept as read, some 4 MB: an answer reads the same ones again for each of its reasons


class Records:
    """A list of JSON values, in memory or mapped from a file; who reads one does not change it."""

    def __init__(self, data: bytes | mmap.mmap, starts: NDArray[np.int64]) -> None:
        self._data = data
        self._starts = starts.view(np.ndarray)  # a memmap would make an object of its class of every slice
        self._kept: dict[int, Any] = {}

    @classmethod
    def of(cls, items: Iterable[Any]) -> Records:
        """The items, in memory."""
        lines = [json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() for item in items]
        return cls(b"".join(lines), np.cumsum([0, *map(len, lines)], dtype=np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Records]) -> Records:
        """The records of all the parts, in memory."""
        ends = np.cumsum([0, *(len(part._data) for part in parts)], dtype=np.int64)
        starts = [part._starts[:-1] + before for part, before in zip(parts, ends[:-1], strict=True)]
        return cls(b"".join([part._data[:] for part in parts]), np.concatenate([*starts, ends[-1:]]))

    @classmethod
    def open(cls, folder: Path, name: str) -> Records:
        """The records that `write` left in `folder`."""
        starts = np.load(folder / f"{name}.starts.npy", mmap_mode="r")
        with (folder / f"{name}.json").open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if starts[-1] else b""
        return cls(data, starts)

    def write(self, folder: Path, name: str) -> None:
        """Writes the two files."""
        (folder / f"{name}.json").write_bytes(self._data[:])
        np.save(folder / f"{name}.starts.npy", self._starts)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> Any:
        kept = self._kept  # another thread may put an empty one in its place
        if number in kept:
            return kept[number]
        if not 0 <= number < len(self):
            raise IndexError(number)
        start, end = self._starts[number : number + 2].tolist()
        found = json.loads(self._data[start:end])
        if len(kept) >= _KEPT:
            kept = self._kept = {}
        kept[number] = found
        return found
