"""A process that imports files and says how long it took and how much memory it held, as JSON.

python -m tests.benchmarks.load DATA FILE…

One file is imported as anybody would. Of several, each becomes a source of its own, and the views are brought up once
at the end: an import holds its whole batch in memory until it is checked.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from api.engine import Engine
from kg import garbage
from kg.model import Source


def load(data: Path, files: list[Path]) -> dict[str, float]:
    """Seconds until everything is searchable, seconds of processors, of building the index again, MiB held at most."""
    started = time.perf_counter()
    with Engine.open(data, write=True, create=True, catch_up=len(files) == 1) as engine:
        for file in files:
            engine.import_files([file], Source(file.stem), later=len(files) > 1)
        if len(files) > 1:
            engine.bring_up()
        seconds = time.perf_counter() - started
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        work = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        started = time.perf_counter()
        engine.index.rebuild()
        return {"seconds": seconds, "work": work, "index": time.perf_counter() - started, "peak": own.ru_maxrss / 1024}


if __name__ == "__main__":
    garbage.seldom()  # as the command does
    print(json.dumps(load(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])))
