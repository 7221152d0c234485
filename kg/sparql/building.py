"""Columns beside a snapshot: built in the background once they are worth it, read as soon as they stand."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kg.sparql.columnar import Columnar

_WORTH = 5  # queries over one snapshot after which its columns are built
_REST = 4  # times as long as the last build took until the next begins, so that writers do not pay for readers
_FOLDER = "columns"


class Builder:
    """Builds the columns of snapshots, one at a time, in a process behind all others. Safe to use from threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._snapshot = Path()
        self._asked = 0
        self._began = self._rest_until = 0.0
        self._closed = False

    def asked(self, snapshot: Path) -> None:
        """Notes that a query read a snapshot; the fifth one starts the build."""
        with self._guard:
            if snapshot != self._snapshot:
                if self._running():
                    return
                self._snapshot, self._asked = snapshot, 0
            self._asked += 1
            if self._asked >= _WORTH:
                self._start()

    def start(self, snapshot: Path) -> None:
        """Builds the columns of a snapshot that is going to be asked a lot."""
        with self._guard:
            if not self._running():
                self._snapshot, self._asked = snapshot, _WORTH
                self._start()

    def _running(self) -> bool:
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        self._process = None
        self._rest_until = time.monotonic() + _REST * (time.monotonic() - self._began)
        return False

    def _start(self) -> None:
        if self._closed or self._running() or time.monotonic() < self._rest_until:
            return
        if (self._snapshot / _FOLDER).is_dir() or not self._snapshot.is_dir():
            return
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-m", "kg.sparql.columns", str(self._snapshot.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent), "LANG": "C.UTF-8"},
            cwd="/",
        )

    def close(self) -> None:
        """Ends a build that runs, and removes what it left."""
        with self._guard:
            self._closed = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()
                for leftover in self._snapshot.glob(f".{_FOLDER}-*"):
                    shutil.rmtree(leftover, ignore_errors=True)


class Standing:
    """The columns of one snapshot, for the process that evaluates queries over it."""

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._looked = False
        self._view: Columnar | None = None
        self.look()

    def look(self) -> None:
        """Opens the columns when they have come to stand. Damaged ones are left alone."""
        if not self._looked and (self._snapshot / _FOLDER).is_dir():
            self._looked = True
            from kg.sparql import columnar

            self._view = columnar.opened_in(self._snapshot)

    def rewritten(self, query: str) -> str | None:
        """See Columnar.rewritten; None while there are no columns. Nothing that goes wrong in it is the query's."""
        self.look()
        if self._view is None:
            return None
        try:
            return self._view.rewritten(query)
        except Exception:  # the engine's own way is always open
            return None
