"""A process that answers needs from memory and says how long it took and how much memory it holds, as JSON.

Ours also answers every need under a constraint (`bound`).

python -m tests.benchmarks.warm ours DATA NEEDS          one line
python -m tests.benchmarks.warm simple FOLDER NEEDS N…   one line for each number of actors
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kg import garbage
from tests.benchmarks import report

_WARM_UP = 10


def measure(search: Callable[[str], Any], needs: list[str]) -> dict[str, Any]:
    """Seconds of each need, seconds of processors for it, and MiB resident afterwards."""
    for need in needs[:_WARM_UP]:
        search(need)
    seconds, work = [], []
    for need in needs:
        started, busy = time.perf_counter(), time.process_time()
        search(need)
        seconds.append(time.perf_counter() - started)
        work.append(time.process_time() - busy)
    return {"seconds": seconds, "work": work, "resident": report.resident()}


def main() -> None:
    """Measures one side."""
    side, folder, needs = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    if side == "ours":
        from api.engine import Engine
        from search.query import Query

        with Engine.open(folder) as engine:
            free = measure(lambda need: engine.search(Query(need)), needs)
            bound = measure(lambda need: engine.search(Query(need, country=("FR",))), needs)
        print(json.dumps({**free, "bound": bound["seconds"]}))
        return
    from tests.benchmarks.simple import Simple

    other = Simple.open(folder)
    for count in map(int, sys.argv[4:]):
        other.grow(count)
        print(json.dumps(measure(other.search, needs)), flush=True)


if __name__ == "__main__":
    garbage.seldom()  # as the command does
    main()
