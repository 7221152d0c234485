"""Filière beside the simple stack, in one run, as ratios: python -m tests.benchmarks [--sizes 2000 10000 60000]."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from api.engine import Engine
from kg import sample
from kg.model import Source
from search import evaluation
from tests.benchmarks import generator, report, simple
from tests.benchmarks.report import Row, Section
from tests.benchmarks.serving import served

ROOT = Path(__file__).resolve().parent.parent.parent
ENCODED = 2_000  # actors that the simple stack encodes; its time for more is in proportion
NEEDS = (
    "hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken", "guanti in nitrile", "batas quirúrgicas",
    "maski chirurgiczne", "injection moulding of plastic parts", "désinfectant de surface", "Schutzbrillen", "swabs",
)  # fmt: skip


def main() -> None:
    """Runs the sections, prints them as Markdown and writes RESULTS.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[2_000, 10_000, 60_000], help="synthetic actors")
    given = parser.parse_args()
    if not simple.available():
        sys.exit(simple.MISSING)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="filiere-bench-") as scratch:
        place = Path(scratch)
        (place / "needs.json").write_text(json.dumps(NEEDS), encoding="utf-8")
        sections = [first_answer(place), *(at_size(place, count) for count in given.sizes)]
    text = report.page(sections, time.perf_counter() - started)
    print(text)
    (Path(__file__).parent / "RESULTS.md").write_text(text, encoding="utf-8")


def run(*command: str) -> str:
    """What a module of ours printed."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout


def first_answer(place: Path) -> Section:
    """The sample: one answer from the shell with nothing in memory, and how good answers are."""
    data, folder = place / "sample", place / "simple"
    needs, qrels = evaluation.read_needs(sample.needs()), evaluation.read_qrels(sample.qrels())
    with Engine.open(data, write=True, create=True) as engine:
        engine.import_sample()
        ours = evaluation.evaluate(engine.search, needs, qrels).rows[0].ndcg10
        other = simple.Simple.build(list(engine.actors()))
    other.save(folder)
    good = [need for need in needs if any(grade > 0 for grade in qrels.get(need.id, {}).values())]
    found = [evaluation.ndcg([i for i, _ in other.search(need.text)], qrels[need.id]) for need in good]
    shell = report.timed(lambda: run("api.cli", "search", NEEDS[0], "--data", str(data)), 7)
    stack = report.timed(lambda: run("tests.benchmarks.simple", str(folder), NEEDS[0]), 3)
    return Section(
        "The sample",
        [
            Row("first answer from the shell, cold", "s", shell, stack, budget="≤ 1 s"),
            Row(f"nDCG@10, {len(good)} judged needs", "", ours, sum(found) / len(found), less=False),
        ],
    )


def at_size(place: Path, count: int) -> Section:
    """Import, search, memory and size with so many synthetic actors."""
    file, data, folder = place / f"{count}.jsonl", place / f"data-{count}", place / f"simple-{count}"
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(a, ensure_ascii=False) + "\n" for a in generator.actors(count, seed=1))
    started = time.perf_counter()
    with Engine.open(data, write=True, create=True) as engine:
        engine.import_files([file], Source("generated"))
        seconds = time.perf_counter() - started
        few = [actor for actor, _ in zip(engine.actors(), range(ENCODED), strict=False)]
    lines = [line for line, _ in zip(file.open(encoding="utf-8"), range(len(few)), strict=False)]
    started = time.perf_counter()
    other = simple.Simple.build(few)
    simple.parse_graph(lines)
    slow = (time.perf_counter() - started) * count / len(few)
    other.save(folder)
    ours = json.loads(run("tests.benchmarks.warm", "ours", str(data), str(place / "needs.json")))
    theirs = json.loads(run("tests.benchmarks.warm", "simple", str(folder), str(place / "needs.json"), str(count)))
    fast, plain = report.percentiles(ours["seconds"]), report.percentiles(theirs["seconds"])
    served = over_http(place, data)
    return Section(
        f"{count:,} synthetic actors",
        [
            Row("import until searchable, actors a second", "", count / seconds, count / slow, less=False),
            Row("search in process, p50", "ms", fast[0], plain[0]),
            Row("search in process, p99", "ms", fast[1], plain[1]),
            Row("search over HTTP, one client, p50", "ms", report.percentiles(served["alone"])[0]),
            Row("search over HTTP, 8 clients, answers a second", "", served["rate"], less=False),
            Row("search over HTTP, 8 clients, p99", "ms", report.percentiles(served["together"])[1]),
            Row("memory of the searching process", "MiB", ours["resident"], theirs["resident"]),
            Row("index on disk", "MiB", report.folder_size(data / "index")),
        ],
        [f"The simple stack encoded {len(few):,} actors; its import is that in proportion."] if count > ENCODED else [],
    )


def over_http(place: Path, data: Path) -> dict[str, Any]:
    """What clients of a served data folder measured."""
    with served(data) as port:
        return dict(
            json.loads(run("tests.benchmarks.http_load", "127.0.0.1", str(port), str(place / "needs.json"), "5", "8"))
        )


if __name__ == "__main__":
    main()
