"""Filière beside the simple stack, in one run, as ratios: python -m tests.benchmarks [--long]."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from api.engine import Engine
from kg import sample
from kg.model import Source
from search import evaluation
from search.query import Query
from tests.benchmarks import generator, simple

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDS = (
    "hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken", "guanti in nitrile", "batas quirúrgicas",
    "maski chirurgiczne", "injection moulding of plastic parts", "désinfectant de surface", "Schutzbrillen", "swabs",
)  # fmt: skip
Row = tuple[str, str, str, str]  # what, ours, simple stack, ratio


def main() -> None:
    """Runs the rows and prints them as a Markdown table; also writes RESULTS.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="also 60,000 actors")
    given = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="filiere-bench-") as scratch:
        place = Path(scratch)
        for add in (cold, quality, lambda p: scale(p, 2_000, encode=2_000), lambda p: scale(p, 10_000, encode=2_000)):
            rows += add(place)
        if given.long:
            rows += scale(place, 60_000, encode=2_000)
    lines = [
        "| | Filière | simple stack | ratio |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    text = "\n".join([*lines, machine(), ""])
    print(text)
    (Path(__file__).parent / "RESULTS.md").write_text("# Measured by `make bench`\n\n" + text, encoding="utf-8")


def machine() -> str:
    """The machine, in words."""
    cpu = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), "?"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, Python {platform.python_version()}, no GPU."


def timed(work: Callable[[], Any], times: int) -> float:
    """Median seconds of a piece of work."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def less(what: str, unit: str, ours: float, theirs: float) -> Row:
    """A row where less is better: how many times less ours is."""
    return what, f"{ours:.3g} {unit}", f"{theirs:.3g} {unit}", f"{theirs / ours:.3g} × less"


def more(what: str, unit: str, ours: float, theirs: float) -> Row:
    """A row where more is better."""
    return what, f"{ours:.3g}{unit}", f"{theirs:.3g}{unit}", f"{ours / theirs:.3g} ×"


def sample_actors(engine: Engine) -> list[dict[str, Any]]:
    """The sample in the form of actors.jsonl."""
    return [
        {
            "id": a.id,
            "name": a.name,
            "makes": [{"text": t.text, "lang": t.lang} for t in (*a.makes, *a.processes, *a.sectors)],
            "evidence": [{"title": e.title, "text": e.text} for e in a.evidence]
            + [{"title": "", "text": t.text} for t in a.descriptions],
        }
        for a in engine.actors()
    ]


def cold(place: Path) -> list[Row]:
    """One answer from the shell, from nothing in memory."""
    data = place / "sample"
    with Engine.open(data, write=True, create=True) as engine:
        engine.import_sample()
        simple.Simple(sample_actors(engine)).save(place)

    def run(*command: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)

    ours = timed(run("api.cli", "search", NEEDS[0], "--data", str(data)), 5)
    theirs = timed(run("tests.benchmarks.simple", str(place), NEEDS[0]), 3)
    return [less("first answer from the shell, sample", "s", ours, theirs)]


def quality(place: Path) -> list[Row]:
    """nDCG@10 on the sample's judged needs."""
    needs, qrels = evaluation.read_needs(sample.needs()), evaluation.read_qrels(sample.qrels())
    with Engine.open(place / "sample") as engine:
        ours = evaluation.evaluate(engine.search, needs, qrels).rows[0].ndcg10
        other = simple.Simple(sample_actors(engine))
    good = [need for need in needs if any(r > 0 for r in qrels.get(need.id, {}).values())]
    found = [evaluation.ndcg([i for i, _ in other.search(need.text)], qrels[need.id]) for need in good]
    return [more(f"nDCG@10, {len(good)} judged needs of the sample", "", ours, sum(found) / len(found))]


def scale(place: Path, count: int, encode: int) -> list[Row]:
    """Import, search and size with so many synthetic actors; the simple stack encodes `encode` of them, scaled up."""
    actors = list(generator.actors(count, seed=1))
    file = place / f"{count}.jsonl"
    file.write_text("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in actors), encoding="utf-8")
    data = place / f"data-{count}"
    started = time.perf_counter()
    with Engine.open(data, write=True, create=True) as engine:
        engine.import_files([file], Source("generated"))
        seconds = time.perf_counter() - started
        latency = sorted(timed(lambda need=need: engine.search(Query(need)), 7) for need in NEEDS)  # type: ignore[misc]
    started = time.perf_counter()
    other = simple.Simple(actors[:encode])
    simple.graph_of(actors[:encode])
    slow = (time.perf_counter() - started) * count / encode
    for start in range(encode, count, encode):
        other.index.add(other.index.reconstruct_n(0, min(encode, count - start)))
    other.ids = [actor["id"] for actor in actors]
    theirs = sorted(timed(lambda need=need: other.search(need), 7) for need in NEEDS)  # type: ignore[misc]
    index = sum(f.stat().st_size for f in (data / "index").rglob("*") if f.is_file()) / 2**20
    return [
        more(f"import to searchable, {count:,} actors", " / s", count / seconds, count / slow),
        less(f"search in process, p50, {count:,} actors", "ms", 1000 * median(latency), 1000 * median(theirs)),
        less(f"search in process, slowest need, {count:,} actors", "ms", 1000 * latency[-1], 1000 * theirs[-1]),
        (
            f"index on disk, {count:,} actors",
            f"{index:.0f} MiB",
            f"{count * 384 * 4 / 2**20:.0f} MiB (vectors alone)",
            "",
        ),
    ]


if __name__ == "__main__":
    main()
