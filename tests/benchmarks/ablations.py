"""What each part of the matching is worth: every part switched off in turn, on judged needs.

    python -m tests.benchmarks.ablations [--shared ../shared/data] [--out tests/benchmarks/ABLATIONS.md]

Needs the sample and its judged needs, and, where the shared data is there, the tenders of TED with CPV loaded. What
belongs to the index is switched off while it is built, what belongs to the question while it is asked.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from api.engine import Engine
from kg.model import Source
from search import calibration
from search.evaluation import Evaluation, evaluate, read_needs, read_qrels
from search.matcher import Matcher

JUDGED = Path(__file__).resolve().parents[1] / "search" / "judged"
TEXT = (Path(__file__).with_name("ablations.head.md")).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the matching: what it is, and what is put in its place (dotted name → value)."""

    name: str
    instead: dict[str, Any]
    rebuild: bool = False  # whether the index is built without it


def _whole(count: int) -> NDArray[np.float32]:
    return np.ones(count, dtype=np.float32)


def _without(**weights: float) -> Any:
    real = calibration.of

    def of(model: str) -> calibration.Calibration:
        found = real(model)
        return replace(found, weights=replace(found.weights, **weights))

    return of


PARTS = (
    Part("everything", {}),
    Part("without the concept channel", {"search.calibration.of": _without(concepts=0.0)}),
    Part("without the text channel", {"search.calibration.of": _without(text=0.0)}),
    Part("without the keyword channel", {"search.calibration.of": _without(keywords=0.0)}),
    Part("needs not drawn to their competencies", {"search.understanding._GROUND": 0.0}),
    Part("only the likeliest meaning of a need", {"search.understanding._MOST": 1}),
    Part("the best of an actor's competencies alone", {"search.ranking._WEIGHED": 1}),
    Part("no second opinion of another scheme", {"search.understanding._SECOND_OPINION": 0.0}),
    Part("every word of a need counts the same", {"search.encoder.position_weights": _whole}, rebuild=True),
    Part("labels not looked for in the text", {"search.concepts.Concepts._by_label": lambda self, text: []}, True),
    Part("codes by their labels, not by their anchors", {"search.concepts._anchored": lambda *_: {}}, True),
    Part("no character n-grams", {"search.subwords.Subwords._grams": lambda self, word: []}, True),
    Part("one vector a competency", {"search.concepts._far": lambda *_: []}, True),
    Part("a class's codes do not answer for each other", {"search.spread._LARGEST_CLASS": 0}, True),
)


@contextmanager
def replaced(part: Part) -> Iterator[None]:
    """While it lasts, the part is replaced."""
    with ExitStack() as stack:
        for name, value in part.instead.items():
            module, _, attribute = name.rpartition(".")
            try:
                owner: Any = importlib.import_module(module)
            except ImportError:
                outer, _, inner = module.rpartition(".")
                owner = getattr(importlib.import_module(outer), inner)
            stack.enter_context(patch.object(owner, attribute, value))
        yield


@dataclass(frozen=True, slots=True)
class World:
    """A data folder and the needs judged over it."""

    name: str
    engine: Engine
    needs: Path
    qrels: Path

    def measured(self, part: Part) -> Evaluation:
        """The figures with the part replaced."""
        with replaced(part):
            if part.rebuild:
                self.engine.index._encoder = None  # it remembers the words it has met
                with patch("search.generation._unchanged", lambda *_: None), patch("search.generation._LAST_BUILT", {}):
                    self.engine.index.rebuild()
            generation = self.engine.index.open()
            assert generation is not None
            matcher = Matcher(generation, self.engine.index.encoder)
            return evaluate(matcher.search, read_needs(self.needs), read_qrels(self.qrels))


def worlds(shared: Path, folder: Path, stack: ExitStack) -> Iterator[World]:
    """The sample, and TED's firms with CPV where the shared data is there."""
    crisis = stack.enter_context(Engine.open(folder / "crisis", write=True, create=True))
    crisis.import_sample()
    yield World("sample", crisis, JUDGED / "needs.json", JUDGED / "qrels.trec")
    if (shared / "ted").is_dir():
        ted = stack.enter_context(Engine.open(folder / "ted", write=True, create=True))
        ted.add_vocabulary(shared / "vocabularies" / "cpv_23lang.tsv", "cpv")
        ted.import_files([shared / "ted" / "actors.jsonl"], Source("ted"))
        yield World("tenders", ted, shared / "ted" / "needs.dev.json", shared / "ted" / "qrels.dev.trec")


def figures(found: Evaluation) -> tuple[str, str, str]:
    """nDCG@10, needs refused although somebody meets them, and needs nobody meets that were refused."""
    every = found.rows[0]
    refused = "–" if found.none_refused is None else f"{found.none_refused:.0%}"
    return f"{every.ndcg10:.3f}", f"{every.refused:.0%}", refused


def page(names: Sequence[str], rows: Sequence[tuple[str, list[tuple[str, str, str]]]]) -> str:
    """The page: what is measured, then a row a part."""
    heads = [f"{name}: {what}" for name in names for what in ("nDCG@10", "refused wrongly", "refused rightly")]
    lines = [TEXT.rstrip(), "", "| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    lines += ["| " + " | ".join([part, *(cell for found in cells for cell in found)]) + " |" for part, cells in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures every part and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("ABLATIONS.md"))
    given = parser.parse_args()
    table: dict[str, list[tuple[str, str, str]]] = {part.name: [] for part in PARTS}
    names = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for world in worlds(given.shared, Path(folder), stack):
            names.append(world.name)
            for part in PARTS:
                table[part.name].append(figures(world.measured(part)))
                print(json.dumps([world.name, part.name, table[part.name][-1]]), flush=True)
    given.out.write_text(page(names, list(table.items())), encoding="utf-8")


if __name__ == "__main__":
    main()
