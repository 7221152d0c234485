"""Whether another node is asked at all: one that failed some times in a row is left alone for a while, then tried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]
AT_ONCE = 4  # questions to one node at the same time, so that many who ask us are no flood for it


class Breaker:
    """Counts what one node did. Closed: it is asked. Open: it is not. Half-open: one question tries if it is back."""

    def __init__(self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = max(1, failures)
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._opened: float | None = None
        self._trying = False
        self._asking = 0

    @property
    def state(self) -> State:
        """How it stands now."""
        with self._lock:
            return self._state()

    def _state(self) -> State:
        if self._opened is None:
            return "closed"
        return "half-open" if self._clock() - self._opened >= self._pause else "open"

    def admit(self) -> str:
        """ "" when a question may go, which `done` must then follow; else why not: "open" or "busy"."""
        with self._lock:
            state = self._state()
            if state == "open" or (state == "half-open" and self._trying):
                return "open"
            if self._asking >= AT_ONCE:
                return "busy"
            self._trying = state == "half-open"
            self._asking += 1
            return ""

    def done(self, well: bool) -> None:
        """Tells how a question that was admitted ended."""
        with self._lock:
            self._asking -= 1
            self._trying = False
            if well:
                self._failed, self._opened = 0, None
                return
            self._failed += 1
            if self._failed >= self._most:
                self._opened = self._clock()
