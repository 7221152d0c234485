"""A data folder served by a process of its own, for as long as it is measured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def served(data: Path, **settings: str) -> Iterator[int]:
    """A data folder served on the port that is given; settings are environment variables."""
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "serve", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **settings}
    )
    try:
        wait(lambda: urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).status == 200, 60)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait(ready: Callable[[], bool], seconds: float) -> None:
    """Waits until something is ready. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"not ready after {seconds} s")
