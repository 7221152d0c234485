"""A real served process over a data folder, for the suites that look at it from outside."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from api.engine import Engine
from api.security import Tokens
from tests.template import blank

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Served:
    """Its address without the last slash, its process id, the secret of a token that may write anything, its log."""

    url: str
    pid: int
    secret: str
    log: Path

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@contextmanager
def served(folder: Path, settings: Mapping[str, str], *, sample: bool) -> Iterator[Served]:
    """Serves a data folder on a free port until the block ends: one that is there, or a new one, with the sample or
    with nothing in it."""
    model = "" if sample or folder.is_dir() else "hashing"
    if sample:
        blank(folder)
    with Engine.open(folder, write=True, create=True, model=model) as engine:
        if sample:
            engine.import_sample()
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
    log = folder.parent / f"{folder.name}.log"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | dict(settings)
    with log.open("w") as stream:
        command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data", str(folder)]
        process = subprocess.Popen(command, env=environment, stderr=stream, text=True)
    try:
        url = _address(process, log)
        _wait(url, process)
        yield Served(url, process.pid, secret, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    for _ in range(1200):
        if found := re.search(r"at (http://\S+)", log.read_text(encoding="utf-8")):
            return found.group(1).rstrip("/")
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.05)
    raise AssertionError("The service does not say where it listens.")


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if httpx.get(url + "/health/ready", timeout=10).status_code == 200:
            return
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("The service does not become ready.")
