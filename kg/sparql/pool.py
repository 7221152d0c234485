"""Warm, disposable children that evaluate queries; a query over its time or memory costs one child and nothing else."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import QueryRefused, QueryTimeout, TooLarge
from kg.projection import snapshot_seq
from kg.sparql import guard
from kg.sparql.formats import NotAcceptableForm, form_for

_MIB = 2**20
_CLASSES = {cls.__name__: cls for cls in (QueryRefused, QueryTimeout, TooLarge, NotAcceptableForm)}
_START_SECONDS = 10.0  # for a child to open the snapshot


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A complete answer. `seq` names the snapshot it was taken from; `form` is "select", "ask" or "graph"."""

    body: bytes
    media_type: str
    seq: int
    form: str


class _Lost(QueryTimeout):
    """The child died: of its query's memory, or while it waited for one."""


class _Worker:
    def __init__(self, snapshot: Path, memory_mb: int) -> None:
        self.snapshot = snapshot
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-m", "kg.sparql.worker", str(snapshot.resolve()), str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent), "LANG": "C.UTF-8"},
            cwd="/",
        )
        try:
            head, _ = self._receive(time.monotonic() + _START_SECONDS)
        except BaseException:
            self.kill()
            raise
        self.confined, self.network = str(head["ready"]), str(head["network"])

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """(head, body). Raises EOFError when the child died, TimeoutError at the deadline."""
        assert self._process.stdin is not None
        text = json.dumps(request).encode()
        try:
            self._process.stdin.write(struct.pack(">I", len(text)) + text)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        return self._receive(deadline)

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        head: dict[str, Any] = json.loads(self._exactly(struct.unpack(">I", self._exactly(4, deadline))[0], deadline))
        return head, self._exactly(int(head.get("length", 0)), deadline)

    def _exactly(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while count:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            data = os.read(descriptor, min(count, _MIB))
            if not data:
                raise EOFError
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):  # a half-written request to a child that is gone
                    stream.close()
        self._process.wait()


class QueryPool:
    """Up to `workers` children over the newest snapshot. Safe to use from several threads."""

    def __init__(
        self,
        snapshot: Callable[[], Path],
        *,
        seconds: float = 10.0,
        memory_mb: int = 1024,
        workers: int = 2,
        body_bytes: int = 256 * _MIB,
    ) -> None:
        self._snapshot = snapshot
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._body_bytes = body_bytes
        self._idle: list[_Worker] = []
        self._guard = threading.Lock()
        self._free = threading.Semaphore(workers)
        self._closed = False
        self.sandbox = ""

    def query(
        self, text: str, accept: str = "", default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
    ) -> QueryResult:
        """The complete answer, within `seconds`. Raises QueryRefused, QueryTimeout, TooLarge or NotAcceptableForm."""
        deadline = time.monotonic() + self._seconds
        form_for(accept, guard.check(text).kind)
        if not self._free.acquire(timeout=self._seconds):
            raise QueryTimeout("Every query process was busy for all of this query's time.", "Try again later.")
        try:
            request = {
                "query": text,
                "accept": accept,
                "body_bytes": self._body_bytes,
                "default_graphs": list(default_graphs),
                "named_graphs": list(named_graphs),
            }
            worker, fresh = self._worker()
            try:
                return self._run(worker, request, deadline)
            except _Lost:
                if fresh:
                    raise
            return self._run(self._worker(new=True)[0], request, deadline)  # it had died while it waited
        finally:
            self._free.release()

    def _run(self, worker: _Worker, request: dict[str, Any], deadline: float) -> QueryResult:
        try:
            head, body = worker.ask(request, deadline)
        except TimeoutError:
            worker.kill()
            raise QueryTimeout(
                f"The query was stopped after {self._seconds:g} seconds; no partial answer is given.",
                "Add a LIMIT, join fewer patterns, or begin with the most selective one.",
            ) from None
        except EOFError:
            worker.kill()
            raise _Lost(
                f"The query took more than {self._memory_mb} MiB, or broke its process; no partial answer is given.",
                "Add a LIMIT, or ask for less at a time.",
            ) from None
        except BaseException:
            worker.kill()
            raise
        with self._guard:
            if self._closed:
                worker.kill()
            else:
                self._idle.append(worker)
        if "refused" in head:
            raise _CLASSES.get(head["class"], QueryRefused)(head["refused"], head["mend"])
        return QueryResult(body, head["media"], snapshot_seq(worker.snapshot), head["form"])

    def _worker(self, new: bool = False) -> tuple[_Worker, bool]:
        """A child over the newest snapshot, and whether it was just made; those over an older one are let go."""
        newest = self._snapshot()
        with self._guard:
            stale = [w for w in self._idle if w.snapshot != newest or not w.alive()]
            fresh = [w for w in self._idle if w not in stale]
            taken = fresh.pop() if fresh and not new else None
            self._idle = fresh
        for worker in stale:
            worker.kill()
        made = taken is None
        if taken is None:
            try:
                taken = _Worker(newest, self._memory_mb)
            except (EOFError, TimeoutError) as error:
                mend = "Give it more memory (FILIERE_QUERY_MEMORY_MB), or run 'filiere check --repair'."
                raise QueryRefused("The query process could not open the graph.", mend) from error
        self.sandbox = taken.confined
        return taken, made

    def pids(self) -> list[int]:
        """The process ids of the children that wait for a query."""
        with self._guard:
            return [worker.pid for worker in self._idle]

    def close(self) -> None:
        """Ends every child."""
        with self._guard:
            self._closed, idle, self._idle = True, self._idle, []
        for worker in idle:
            worker.kill()
