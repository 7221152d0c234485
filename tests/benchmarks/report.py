"""Rows of measurements, the machine they were taken on, and the Markdown page they become."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured: `ours` and `theirs` in `unit`; None where a side has no figure. `less` is better, or more."""

    what: str
    unit: str
    ours: float | None
    theirs: float | None = None
    less: bool = True
    budget: str = ""

    def cells(self) -> list[str]:
        """The cells of the table; the ratio says how many times better ours is."""
        ratio = NOTHING
        if self.ours and self.theirs:
            ratio = f"{self.theirs / self.ours if self.less else self.ours / self.theirs:.3g} ×"
        return [self.what, _figure(self.ours, self.unit), _figure(self.theirs, self.unit), ratio, self.budget]


@dataclass(slots=True)
class Section:
    """Rows about one question, and the sentences that say how they were taken."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [f"## {self.title}", "", "| | Filière | simple stack | better by | budget |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(row.cells())} |" for row in self.rows]
        return "\n".join([*lines, *(["", *self.notes] if self.notes else []), ""])


@dataclass(slots=True)
class Growth:
    """What costs how much at each size: `figures` are those of each size by the names of `measures`.

    A measure is its name, what it is, its unit, whether less of it is better, and its budget.
    """

    measures: Sequence[tuple[str, str, str, bool, str]]
    figures: dict[int, dict[str, float | None]] = field(default_factory=dict)

    def markdown(self) -> str:
        """The table: a column a size, and between them how many times dearer everything became."""
        sizes = sorted(self.figures)
        heads = [f"{sizes[0]:,} actors", *(cell for size in sizes[1:] for cell in ("", f"{size:,} actors"))]
        more = ["", *(cell for a, b in pairwise(sizes) for cell in (f"{b / a:.3g} × the data", ""))]
        lines = [f"| | {' | '.join(heads)} | budget |", "|---" * (len(heads) + 2) + "|", f"| | {' | '.join(more)} | |"]
        for name, what, unit, less, budget in self.measures:
            cells = [_figure(self.figures[sizes[0]].get(name), unit)]
            for a, b in pairwise(sizes):
                before, after = self.figures[a].get(name), self.figures[b].get(name)
                ratio = (after / before if less else before / after) if before and after else None
                cells += [NOTHING if ratio is None else f"{ratio:.3g} ×", _figure(after, unit)]
            lines.append(f"| {what} | {' | '.join(cells)} | {budget} |")
        return "\n".join(["## How cost grows", "", *lines, ""])


def _figure(number: float | None, unit: str) -> str:
    if number is None:
        return NOTHING
    text = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return f"{text} {unit}".strip()


def page(sections: Iterable[Section | Growth], seconds: float) -> str:
    """The whole page."""
    head = [
        "# Filière beside the simple stack",
        "",
        "Written by `make bench` or `make bench-large`, in one run, both sides on the same machine and the same data.",
        "The simple stack is what everyone would build: sentence-transformers MiniLM vectors of whole actors in a flat",
        "FAISS index, and an rdflib graph. Figures are medians unless they say otherwise; “better by” is the ratio of",
        "the two; the ratio between two sizes says how many times dearer things became.",
        "",
        f"{machine()} The run took {seconds:.0f} s.",
        "",
    ]
    return "\n".join([*head, *(section.markdown() for section in sections)])


def machine() -> str:
    """The machine, in words, and how busy it was."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB of memory, Python {platform.python_version()}, "
        f"no GPU used; load average at the end {load:.1f} (above {os.cpu_count()}, others were at work too)."
    )


def timed(work: Callable[[], Any], times: int) -> float:
    """Median seconds of a piece of work."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return median(taken)


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """(p50, p99) in milliseconds."""
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return float(p50), float(p99)


def resident() -> float:
    """MiB that this process holds in memory, what it has mapped and read included."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def folder_size(folder: Path) -> float:
    """MiB of the files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
