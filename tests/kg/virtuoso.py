"""Debian's Virtuoso as an endpoint of the test's own: started in a folder, stopped and thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from kg.credentials import Credentials
from kg.endpoint import Address

MISSING = "Virtuoso is not installed (on Debian: apt-get install virtuoso-opensource)."
# ResultSetMaxRows is that of Debian's own configuration: answers are cut there.
_INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = .
NumberOfBuffers = 10000
MaxDirtyBuffers = 6000
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 5
[SPARQL]
ResultSetMaxRows = 10000
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def virtuoso(folder: Path) -> Iterator[Address]:
    """A running server: its open address for queries, and that for updates, which asks for a password (Digest)."""
    if not shutil.which("virtuoso-t"):
        if os.environ.get("FILIERE_REQUIRE_ALL") == "1":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    http = _free_port()
    (folder / "own.ini").write_text(_INI.format(sql=_free_port(), http=http), encoding="ascii")
    command = ["virtuoso-t", "+configfile", "own.ini", "+foreground"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{http}/sparql"
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "virtuoso.log").read_text()
            try:
                with urlopen(f"{url}?query=ASK%7B%7D", timeout=5) as answer:
                    assert answer.status == 200
                break
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        yield Address(url, f"{url}-auth", Credentials("dba", "dba"))
    finally:
        process.kill()  # it is thrown away, and a checkpoint at its end takes seconds
        process.wait(60)
