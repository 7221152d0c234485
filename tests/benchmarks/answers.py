"""Answers of different engines as values that can be compared, and rdflib's answers with their times.

As a command: python -m tests.benchmarks.answers TRIPLES QUESTIONS SECONDS   prints one line of JSON a question
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Any

from kg import rdf

Canonical = list[list[Any]]  # rows in no order: [[value of each variable …], how often]


def value(text: str, lang: str = "") -> str:
    """A term without what engines spell differently: datatypes, and digits beyond a double's."""
    if lang:
        return f"{text}@{lang.lower()}"
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.9g}" if len(text) <= 40 and isfinite(number) else text


def canonical(rows: list[list[str]]) -> Canonical:
    """Rows as a sorted multiset."""
    return sorted([list(row), count] for row, count in Counter(tuple(row) for row in rows).items())


def of_results(body: bytes) -> Canonical:
    """SPARQL results in JSON."""
    found = json.loads(body)
    if "boolean" in found:
        return [[["true" if found["boolean"] else "false"], 1]]
    names = sorted(found["head"]["vars"])
    if names == ["__ASK_RETVAL"]:  # how Virtuoso 7.2.5 answers an ASK
        return [[["true" if found["results"]["bindings"] else "false"], 1]]
    return canonical(
        [
            [value(row[name]["value"], row[name].get("xml:lang", "")) if name in row else "" for name in names]
            for row in found["results"]["bindings"]
        ]
    )


def of_triples(body: bytes) -> Canonical:
    """N-Triples."""
    return canonical([list(triple[:3]) for triple in rdf.parse(body, rdf.RdfFormat.N_TRIPLES)])


def _stop(*_: object) -> None:
    raise TimeoutError


def _rdflib(graph: Any, query: str, seconds: int) -> tuple[float, Canonical | None]:
    signal.alarm(seconds)
    started = time.perf_counter()
    try:
        found = graph.query(query)
        if found.type == "SELECT":
            rows = [dict(row.asdict()) for row in found]
            names = sorted(str(name) for name in found.vars)
            out = [
                [value(str(row[n]), getattr(row[n], "language", "") or "") if n in row else "" for n in names]
                for row in rows
            ]
        elif found.type == "ASK":
            out = [["true" if found.askAnswer else "false"]]
        else:
            out = [[term.n3() for term in triple] for triple in found.graph]
        taken = time.perf_counter() - started
    except TimeoutError:
        return time.perf_counter() - started, None
    finally:
        signal.alarm(0)
    return taken, canonical(out)


def main() -> None:
    """Answers each question a first time; then, when that was quick, twice more for its median."""
    from rdflib import Graph

    graph = Graph()
    with Path(sys.argv[1]).open("rb") as stream:
        graph.parse(stream, format="nt")
    signal.signal(signal.SIGALRM, _stop)
    for query in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        try:
            taken, found = _rdflib(graph, query, int(sys.argv[3]))
            if found is not None and taken < 2:
                taken = sorted([taken, *(_rdflib(graph, query, 60)[0] for _ in range(2))])[1]
            print(json.dumps({"seconds": taken, "answer": found}), flush=True)
        except Exception as error:  # what it cannot evaluate is a row of the table
            print(json.dumps({"seconds": None, "answer": None, "error": repr(error)[:200]}), flush=True)


if __name__ == "__main__":
    main()
