"""The process that reads files can do nothing else, and never outlives the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parent.parent.parent)
_ENVIRONMENT = {"PYTHONPATH": ROOT, "LANG": "C.UTF-8"}
_CONFINED = """
import os, socket, subprocess, sys
from kg.intake import _confine
from kg.readers.job import Limits
_confine(Limits(), 1, os.getppid())
try:
    {action}
except OSError as error:
    print(type(error).__name__)
else:
    print("done")
"""
_PARENT = """
import os, sys
from pathlib import Path
from kg.intake import parse
from kg.model import Source
from kg.readers.job import Job
rows = parse([Job(Path(sys.argv[1]))], Source(id="world"))
next(rows)
children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
print(*children, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "action",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
        "open('written.txt', 'w').write('x' * 100000)",
    ],
)
def test_a_reader_cannot(action: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-B", "-c", _CONFINED.format(action=action)],
        cwd=tmp_path,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() in ("PermissionError", "OSError"), ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="dying with the parent is asked of Linux (prctl)")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n" + b"".join(b"%d,a\n" % number for number in range(200_000)))
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(path)], env=_ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _runs(child):
        assert time.monotonic() < deadline, "the reader outlived its parent"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
