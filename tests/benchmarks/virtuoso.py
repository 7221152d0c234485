"""Debian's Virtuoso as a SPARQL endpoint of its own (package virtuoso-opensource-7), started, loaded and stopped."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.benchmarks.serving import free_port, wait

MISSING = "Virtuoso is not installed (on Debian: apt install virtuoso-opensource-7), so its columns are left out."
GRAPH = "https://w3id.org/filiere/graph/union"
# The buffers are those that Virtuoso's own configuration file advises for 2 GB of memory. Its bounds on answers and
# on estimated cost are lifted, since they would cut answers short.
_INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = .
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
MaxQueryMem = 2G
VectorSize = 1000
MaxVectorSize = 1000000
ThreadsPerQuery = 4
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 10
MaxKeepAlives = 10
KeepAliveTimeout = 600
[SPARQL]
ResultSetMaxRows = 10000000
MaxQueryCostEstimationTime = 0
MaxQueryExecutionTime = 0
"""


def available() -> bool:
    """Whether the server and its command line are installed."""
    return bool(shutil.which("virtuoso-t") and shutil.which("isql-vt"))


@contextmanager
def served(folder: Path, triples: Path) -> Iterator[tuple[int, float]]:
    """(port of http://127.0.0.1:PORT/sparql, seconds of the load); `triples` is N-Triples, loaded into GRAPH."""
    sql, port = free_port(), free_port()
    folder.mkdir(parents=True)
    (folder / "own.ini").write_text(_INI.format(sql=sql, http=port), encoding="ascii")
    shutil.copy(triples, folder / "union.nt")
    # As far back in line for the processor as our query processes are (kg/sparql/sandbox.py): it counts only on a
    # machine with other work, where the one in front would win by that alone.
    command = ["nice", "-n", "10", "virtuoso-t", "+configfile", "own.ini", "+foreground"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: urlopen(f"http://127.0.0.1:{port}/sparql?query=ASK%7B%7D", timeout=5).status == 200, 60)
        started = time.perf_counter()
        for statement in (
            f"ld_dir('.', 'union.nt', '{GRAPH}');",
            "rdf_loader_run();",
            "checkpoint;",
            "select ll_error from DB.DBA.load_list where ll_error is not null;",
        ):
            said = _isql(sql, statement)
            if "*** Error" in said or ("ll_error" in statement and "\n0 Rows" not in said):
                raise RuntimeError(said)
        yield port, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(60)


def _isql(port: int, statement: str) -> str:
    done = subprocess.run(
        ["isql-vt", f"127.0.0.1:{port}", "dba", "dba", f"exec={statement}"], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
