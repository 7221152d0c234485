"""The service's side of a child that evaluates queries: started warm, asked under a deadline, killed without regret."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kg.errors import FiliereError
from kg.sparql import messages
from kg.sparql.cache import identity

_MIB = 2**20
_START_SECONDS = 10.0  # for a child to open the snapshot
Reply = Callable[[dict[str, Any], float], dict[str, Any]]  # what a child asks, and until when it may be answered


class Child:
    """A confined process over one folder of the graph. `ask` may be called by one thread at a time.

    With `writable` the folder is a copy of its own, which it may change. Raises EOFError or TimeoutError when it
    cannot open the folder.
    """

    def __init__(self, folder: Path, memory_mb: int, *, writable: bool = False) -> None:
        self.folder = folder
        self.identity = identity(folder)
        mode = "write" if writable else "read"
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-m", "kg.sparql.worker", str(folder.resolve()), str(memory_mb), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                "PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent),
                "LANG": "C.UTF-8",
                "OPENBLAS_NUM_THREADS": "1",  # each thread reserves memory that counts as the query's
            },
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
        """Its process id."""
        return self._process.pid

    def ask(self, request: dict[str, Any], deadline: float, reply: Reply) -> tuple[dict[str, Any], bytes]:
        """(head, body). What the child asks on its way is answered by `reply`.

        Raises EOFError when the child died, TimeoutError at the deadline.
        """
        self._send(request)
        while True:
            head, body = self._receive(deadline)
            if "ask" not in head:
                return head, body
            try:
                self._send(reply(head, deadline))
            except FiliereError as error:
                self._send({"refused": error.problem, "mend": error.mend})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(messages.packed(message))
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        length = messages.HEAD.unpack(self._exactly(messages.HEAD.size, deadline))[0]
        head: dict[str, Any] = json.loads(self._exactly(length, deadline))
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
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends it. The kernel takes its time to free a large memory; nobody waits for that."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):  # a half-written request to a child that is gone
                    stream.close()
        threading.Thread(target=self._process.wait, name="reaper", daemon=True).start()
