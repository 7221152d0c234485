"""A researcher's questions over a million triples, side by side with Virtuoso and rdflib: make bench-sparql.

python -m tests.benchmarks.sparql [--actors 24000] [--data FOLDER] [--times 7] [--without-rdflib]
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from api.engine import Engine
from kg import projection
from kg.model import Source
from kg.rdf import DefaultGraph, RdfFormat, Store
from kg.sparql import columns
from tests.benchmarks import answers, generator, report, virtuoso
from tests.benchmarks.researcher import QUESTIONS, Question
from tests.benchmarks.serving import ROOT, served

LONG = 1.0  # seconds from which three runs are enough


@dataclass(slots=True)
class Measured:
    """Seconds of each engine for one question; None where it has no answer."""

    question: Question
    ours: float
    theirs: float | None = None
    cached: float | None = None
    rdflib: float | None = None
    rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Our time by Virtuoso's."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def ratio_rdflib(self) -> float | None:
        """Our time by rdflib's."""
        return self.ours / self.rdflib if self.rdflib else None


class Door:
    """An endpoint asked over one connection that is kept open."""

    def __init__(self, port: int, parameters: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._parameters = parameters or {}

    def ask(self, query: str, graph: bool) -> tuple[float, bytes]:
        """(seconds until the whole answer is here, its body). Raises RuntimeError when it is none."""
        accept = "application/n-triples, text/plain;q=0.5" if graph else "application/sparql-results+json"
        path = "/sparql?" + urlencode({"query": query, **self._parameters})
        started = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept": accept})
        answer = self._connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - started
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {body[:300]!r}")
        return taken, body


def main() -> None:
    """Runs everything, prints the table and writes SPARQL.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actors", type=int, default=24_000, help="synthetic actors")
    parser.add_argument("--data", type=Path, help="a data folder that holds them already")
    parser.add_argument("--times", type=int, default=7, help="runs of each question and engine")
    parser.add_argument("--budget", type=int, default=60, help="seconds that rdflib gets for one question")
    parser.add_argument("--without-rdflib", action="store_true", help="rdflib takes most of the time")
    parser.add_argument("--only", default="", help="questions whose name holds this")
    given = parser.parse_args()
    questions = [question for question in QUESTIONS if given.only in question.name]
    with tempfile.TemporaryDirectory(prefix="filiere-bench-") as scratch:
        place = Path(scratch)
        data = given.data or imported(place, given.actors)
        triples = place / "union.nt"
        count, seconds = exported(data, triples)
        measured, notes = side_by_side(place, data, triples, questions, given.times)
        notes.append(f"Our columns took {seconds:.0f} s to build, in the background of what is served.")
        if not given.without_rdflib:
            beside_rdflib(measured, place, triples, given.budget)
    text = page(measured, count, given.actors, notes)
    print(text)
    if not given.only:
        (Path(__file__).parent / "SPARQL.md").write_text(text, encoding="utf-8")


def imported(place: Path, actors: int) -> Path:
    """A data folder into which the synthetic actors were imported."""
    file, data = place / "actors.jsonl", place / "data"
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(generator.lines(actors))
    with Engine.open(data, write=True, create=True) as engine:
        engine.import_files([file], Source("generated"))
    return data


def exported(data: Path, triples: Path) -> tuple[int, float]:
    """Writes the union of all graphs, as our queries see it, as N-Triples: (how many, seconds until columns stand)."""
    with Engine.open(data, write=True) as engine:
        engine.sparql("ASK {}")
        snapshot = projection.latest_snapshot(engine.folder.snapshots)
    assert snapshot is not None
    Store.read_only(str(snapshot)).dump(str(triples), format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
    started = time.perf_counter()
    columns.build(snapshot)
    seconds = time.perf_counter() - started
    with triples.open("rb") as stream:
        return sum(1 for _ in stream), seconds


def side_by_side(
    place: Path, data: Path, triples: Path, questions: list[Question], times: int
) -> tuple[list[Measured], list[str]]:
    """Each question to both services by turns; then ours with its cache on."""
    notes: list[str] = []
    with ExitStack() as open_services:
        ours = Door(open_services.enter_context(served(data, FILIERE_QUERY_CACHE_MB="0")))
        theirs = None
        if virtuoso.available():
            port, seconds = open_services.enter_context(virtuoso.served(place / "virtuoso", triples))
            theirs = Door(port, {"default-graph-uri": virtuoso.GRAPH})
            notes.append(f"Virtuoso took {seconds:.0f} s to load the triples.")
        else:
            notes.append(virtuoso.MISSING)
        measured = [measure(question, ours, theirs, times) for question in questions]
    with served(data) as port:
        cached = Door(port)
        for one in measured:
            taken = [cached.ask(one.question.query, one.question.graph)[0] for _ in range(times + 1)]
            one.cached = median(taken[1:])
    return measured, notes


def measure(question: Question, ours: Door, theirs: Door | None, times: int) -> Measured:
    """One question, warm, by turns."""
    graph = question.graph
    read = answers.of_triples if graph else answers.of_results
    first, body = ours.ask(question.query, graph)
    found = read(body)
    out = Measured(question, first, rows=sum(count for _, count in found))
    other: Door | None = None if question.ours_only else theirs
    if other is not None:
        try:
            said = read(other.ask(question.query, graph)[1])
        except RuntimeError as error:
            out.notes.append(f"Virtuoso refuses: {str(error)[:160]}")
            other = None
        else:
            out.notes += differences(question, found, said, "Virtuoso")
    taken: tuple[list[float], list[float]] = [], []
    for _ in range(3 if first > LONG else times):
        taken[0].append(ours.ask(question.query, graph)[0])
        if other is not None:
            taken[1].append(other.ask(question.query, graph)[0])
    out.ours = median(taken[0])
    out.theirs = median(taken[1]) if taken[1] else None
    return out


def differences(question: Question, found: answers.Canonical, said: answers.Canonical, who: str) -> list[str]:
    """What two answers do not have in common, in a sentence."""
    if found == said:
        return []
    if question.differs:
        return [f"{who} answers otherwise: {question.differs}."]
    mine = [row for row in found if row not in said][:2]
    other = [row for row in said if row not in found][:2]
    return [f"{who} answers otherwise: ours alone {str(mine)[:300]}; theirs alone {str(other)[:300]}"]


def beside_rdflib(measured: list[Measured], place: Path, triples: Path, budget: int) -> None:
    """rdflib's times, in a process of its own, one question after another."""
    asked = [one for one in measured if not one.question.ours_only]
    file = place / "questions.json"
    file.write_text(json.dumps([one.question.query for one in asked]), encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.answers", str(triples), str(file), str(budget)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for one, line in zip(asked, done.stdout.splitlines(), strict=True):
        told: dict[str, Any] = json.loads(line)
        one.rdflib = told["seconds"]
        if "error" in told:
            one.notes.append(f"rdflib fails: {told['error']}")
        elif told["answer"] is None:
            one.notes.append(f"rdflib was stopped after {budget} s, which counts as its time")


def mean(ratios: Iterator[float | None]) -> float | None:
    """The geometric mean of what there is."""
    known = [ratio for ratio in ratios if ratio]
    return exp(sum(map(log, known)) / len(known)) if known else None


def page(measured: list[Measured], count: int, actors: int, notes: list[str]) -> str:
    """The table and what stands above and below it."""
    lines = [
        "# Filière beside Virtuoso and rdflib",
        "",
        "Written by `make bench-sparql`. The same triples, the union of all graphs, in each engine; ours and Virtuoso",
        "asked by turns over HTTP (`/sparql`, one connection kept open, warm, medians), rdflib in process and in",
        "memory. Below 1 ours is faster. No answer came from our cache of answers, except in the column that says so.",
        "",
        f"{count:,} triples of {actors:,} synthetic actors. {report.machine()} {' '.join(notes)}",
        "",
        "| question | family | rows | Filière, ms | Virtuoso, ms | ratio | rdflib, ms | ratio | cached, ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        cells = [one.question.name, one.question.family, f"{one.rows:,}", _ms(one.ours), _ms(one.theirs)]
        cells += [_ratio(one.ratio), _ms(one.rdflib), _ratio(one.ratio_rdflib), _ms(one.cached)]
        lines.append(f"| {' | '.join(cells)} |")
    geometric = [mean(one.ratio for one in measured), mean(one.ratio_rdflib for one in measured)]
    lines.append(f"| **geometric mean** | | | | | **{_ratio(geometric[0])}** | | **{_ratio(geometric[1])}** | |")
    worst: Callable[[Measured], float] = lambda one: one.ratio or 0.0  # noqa: E731
    slowest = max(measured, key=worst)
    lines += ["", f"Worst beside Virtuoso: {slowest.question.name}, {_ratio(slowest.ratio)}.", ""]
    lines += [f"- {one.question.name}: {note}" for one in measured for note in one.notes]
    lines += [
        f"- {one.question.name}: only ours, {one.question.ours_only}" for one in measured if one.question.ours_only
    ]
    return "\n".join([*lines, ""])


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return report.NOTHING
    return f"{seconds * 1000:,.0f}" if seconds >= 0.1 else f"{seconds * 1000:.3g}"


def _ratio(ratio: float | None) -> str:
    return report.NOTHING if ratio is None else f"{ratio:.2g}" if ratio >= 0.1 else f"{ratio:.1g}"


if __name__ == "__main__":
    main()
