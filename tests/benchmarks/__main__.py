"""Filière beside the simple stack, in one run, as ratios, and how its cost grows.

python -m tests.benchmarks [--sizes 1000 10000 60000] [--large 1000000]

`--large` are sizes at which Filière is measured alone, imported as sources of 50,000 actors.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from api.engine import Engine
from kg import sample
from search import evaluation
from tests.benchmarks import generator, report, simple
from tests.benchmarks.report import Growth, Row, Section
from tests.benchmarks.serving import served

ROOT = Path(__file__).resolve().parent.parent.parent
ENCODED = 2_000  # actors that the simple stack encodes; its time for more is in proportion
SOURCE = 50_000  # actors of one source of the large sizes
ASKED = 100  # different needs that are asked
NEEDS = (
    "hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken", "guanti in nitrile", "batas quirúrgicas",
    "maski chirurgiczne", "injection moulding of plastic parts", "désinfectant de surface", "Schutzbrillen", "swabs",
)  # fmt: skip
MEASURES = (
    ("import", "import until searchable", "s", True, ""),
    ("rate", "the same, actors a second", "", False, "≥ 3,000"),
    ("work", "the same, processor time of every process", "s", True, ""),
    ("slow", "import, simple stack", "s", True, ""),
    ("built", "building the index", "s", True, ""),
    ("peak", "memory of the importing process at most", "MiB", True, ""),
    ("resident", "memory of the searching process", "MiB", True, "≤ 8,192 at 1,000,000"),
    ("held", "the same, simple stack", "MiB", True, ""),
    ("p50", "search in process, p50", "ms", True, "≤ 100 at 1,000,000"),
    ("p99", "search in process, p99", "ms", True, ""),
    ("cpu50", "the same, processor time, p50", "ms", True, ""),
    ("plain", "search in process, p50, simple stack", "ms", True, ""),
    ("bound50", "search in one country, p50", "ms", True, ""),
    ("bound99", "search in one country, p99", "ms", True, ""),
    ("http50", "search over HTTP, one client, p50", "ms", True, "≤ 10 at 60,000"),
    ("http99", "search over HTTP, one client, p99", "ms", True, "≤ 50 at 60,000"),
    ("served", "search over HTTP, 8 clients, answers a second", "", False, "≥ 300 at 60,000"),
    ("index", "index on disk", "MiB", True, ""),
    ("kept", "journal and graph on disk", "MiB", True, ""),
)


def main() -> None:
    """Runs the sections and writes RESULTS.md beside this file, after each size what is known by then; prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 60_000], help="synthetic actors")
    parser.add_argument("--large", type=int, nargs="*", default=[], help="sizes at which Filière is measured alone")
    given = parser.parse_args()
    if not simple.available():
        sys.exit(simple.MISSING)
    started, text = time.perf_counter(), ""
    with tempfile.TemporaryDirectory(prefix="filiere-bench-") as scratch:
        place = Path(scratch)
        (place / "needs.json").write_text(json.dumps(needs()), encoding="utf-8")
        sections = [first_answer(place)]
        growth = Growth(MEASURES)
        for count in [*given.sizes, *given.large]:
            growth.figures[count] = figures = ours(place, count)
            if count in given.sizes:
                figures |= theirs(place, count)
                sections.append(beside(count, figures))
            shutil.rmtree(place / f"data-{count}")
            for file in place.glob("generated-*"):
                file.unlink()
            text = report.page([*sections, growth], time.perf_counter() - started)
            (Path(__file__).parent / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


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


def needs() -> list[str]:
    """What is asked: some needs as people say them, and competencies by their labels in every language."""
    labels = sorted({text for field in generator.fields() for texts in field.labels.values() for text in texts})
    return [*NEEDS, *labels[:: len(labels) // (ASKED - len(NEEDS))]][:ASKED]


def written(place: Path, count: int) -> list[Path]:
    """Files of so many synthetic actors: one, or several of SOURCE actors."""
    made = generator.actors(count, seed=1)
    part = count if count <= 2 * SOURCE else SOURCE
    files = [place / f"generated-{count}-{number}.jsonl" for number in range(-(-count // part))]
    for file in files:
        with file.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(actor, ensure_ascii=False) + "\n" for actor in islice(made, part))
    return files


def ours(place: Path, count: int) -> dict[str, float | None]:
    """What so many synthetic actors cost us, by the names of MEASURES."""
    data = place / f"data-{count}"
    files = written(place, count)
    loaded = json.loads(run("tests.benchmarks.load", str(data), *map(str, files)))
    warm = json.loads(run("tests.benchmarks.warm", "ours", str(data), str(place / "needs.json")))
    free, bound = report.percentiles(warm["seconds"]), report.percentiles(warm["bound"])
    asked = over_http(place, data)
    alone, together = report.percentiles(asked["alone"]), report.percentiles(asked["together"])
    newest = sorted((data / "index").iterdir())[-1]  # the one before it is kept for who still reads it
    return {
        "import": loaded["seconds"],
        "rate": count / loaded["seconds"],
        "built": loaded["index"],
        "work": loaded["work"],
        "peak": loaded["peak"],
        "resident": warm["resident"],
        "p50": free[0],
        "p99": free[1],
        "cpu50": report.percentiles(warm["work"])[0],
        "bound50": bound[0],
        "bound99": bound[1],
        "http50": alone[0],
        "http99": alone[1],
        "served": asked["rate"],
        "together99": together[1],
        "index": report.folder_size(newest),
        "kept": report.folder_size(data / "graph") + (data / "journal.sqlite").stat().st_size / 2**20,
    }


def theirs(place: Path, count: int) -> dict[str, float | None]:
    """What the same actors cost the simple stack, which encodes ENCODED of them; the rest is in proportion."""
    folder, each = encoded(place, min(count, ENCODED))
    warm = json.loads(run("tests.benchmarks.warm", "simple", str(folder), str(place / "needs.json"), str(count)))
    plain = report.percentiles(warm["seconds"])
    return {"slow": each * count, "held": warm["resident"], "plain": plain[0], "plain99": plain[1]}


@cache
def encoded(place: Path, count: int) -> tuple[Path, float]:
    """The simple stack over the first actors, which are the same at every size, and its seconds for each of them."""
    folder, data = place / f"simple-{count}", next(place.glob("data-*"))
    with Engine.open(data) as engine:
        few = sorted(engine.actors(), key=lambda actor: actor.id)[:count]
    with next(place.glob("generated-*-0.jsonl")).open(encoding="utf-8") as stream:
        lines = list(islice(stream, count))
    started = time.perf_counter()
    other = simple.Simple.build(few)
    simple.parse_graph(lines)
    seconds = time.perf_counter() - started
    other.save(folder)
    return folder, seconds / count


def beside(count: int, figures: dict[str, float | None]) -> Section:
    """The two sides at one size."""
    f = figures
    slow = f["slow"]
    return Section(
        f"{count:,} synthetic actors",
        [
            Row("import until searchable, actors a second", "", f["rate"], slow and count / slow, less=False),
            Row("search in process, p50", "ms", f["p50"], f["plain"]),
            Row("search in process, p99", "ms", f["p99"], f["plain99"]),
            Row("search over HTTP, one client, p50", "ms", f["http50"]),
            Row("search over HTTP, 8 clients, answers a second", "", f["served"], less=False),
            Row("search over HTTP, 8 clients, p99", "ms", f["together99"]),
            Row("memory of the searching process", "MiB", f["resident"], f["held"]),
            Row("index on disk", "MiB", f["index"]),
        ],
        [f"The simple stack encoded {ENCODED:,} actors; its import is that in proportion."] if count > ENCODED else [],
    )


def over_http(place: Path, data: Path) -> dict[str, Any]:
    """What clients of a served data folder measured."""
    with served(data) as port:
        return dict(
            json.loads(run("tests.benchmarks.http_load", "127.0.0.1", str(port), str(place / "needs.json"), "5", "8"))
        )


if __name__ == "__main__":
    main()
