"""Answers kept for who asks the same again, as long as the graph says the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from kg.sparql import guard

_PASSING = frozenset({"RAND", "NOW", "UUID", "STRUUID", "BNODE", "SERVICE"})  # another answer each time
_SHARE = 8  # the largest answer that is kept takes this part of the room
_OVERHEAD = 1000  # bytes that an entry takes beside its answer


class Sized(Protocol):
    """What is kept."""

    @property
    def body(self) -> bytes:
        """What takes the room."""


class Cache:
    """The answers asked for last, up to so many bytes; with 0 none is kept. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._guard = threading.Lock()
        self._kept: OrderedDict[Hashable, Sized] = OrderedDict()

    def takes(self, query: str) -> bool:
        """Whether an answer to a query may be kept at all."""
        if not self._most:
            return False
        return not any(kind == "word" and text.upper() in _PASSING for kind, text, _ in guard.tokens(query))

    def get(self, key: Hashable) -> Sized | None:
        """The answer kept under a key."""
        with self._guard:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, answer: Sized) -> None:
        """Keeps an answer that is not too large; those asked for longest ago make room."""
        if len(answer.body) + _OVERHEAD > self._most // _SHARE:
            return
        with self._guard:
            gone = self._kept.pop(key, None)
            self._left += len(gone.body) + _OVERHEAD if gone else 0
            self._kept[key] = answer
            self._left -= len(answer.body) + _OVERHEAD
            while self._left < 0:
                _, oldest = self._kept.popitem(last=False)
                self._left += len(oldest.body) + _OVERHEAD


def identity(snapshot: Path) -> tuple[str, int, int]:
    """What no two snapshots share; one of the same seq is made anew when the suggested tags change."""
    known = (snapshot / "CURRENT").stat()  # written by the copy; the folder itself changes when columns come
    return snapshot.name, known.st_ino, known.st_mtime_ns
