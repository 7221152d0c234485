"""Clients of a served data folder: each need's time with one client, and answers a second with several.

python -m tests.benchmarks.http_load HOST PORT NEEDS SECONDS CLIENTS   prints JSON
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote


def ask(connection: http.client.HTTPConnection, need: str) -> float:
    """Seconds until the whole answer is here. Raises RuntimeError when it is none."""
    started = time.perf_counter()
    connection.request("GET", f"/search?q={quote(need)}", headers={"Accept": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {body[:300]!r}")
    return time.perf_counter() - started


def alone(host: str, port: int, needs: list[str]) -> list[float]:
    """Seconds of each need, one after another over one connection."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    for need in needs[:10]:
        ask(connection, need)
    return [ask(connection, need) for need in needs]


def together(host: str, port: int, needs: list[str], seconds: float, clients: int) -> tuple[float, list[float]]:
    """(answers a second, seconds of each) of clients that ask without pause."""
    taken: list[list[float]] = [[] for _ in range(clients)]
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        at = number * 17
        while time.perf_counter() < end:
            taken[number].append(ask(connection, needs[at % len(needs)]))
            at += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [one for many in taken for one in many]
    return len(every) / (time.perf_counter() - started), every


def main() -> None:
    """Measures a service."""
    host, port, needs = sys.argv[1], int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    single = alone(host, port, needs)
    rate, several = together(host, port, needs, float(sys.argv[4]), int(sys.argv[5]))
    print(json.dumps({"alone": single, "rate": rate, "together": several}))


if __name__ == "__main__":
    main()
