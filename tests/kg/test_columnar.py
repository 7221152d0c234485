"""Columns give the answers that the engine gives, or none."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from kg import rdf
from kg.rdf import RdfFormat, Store
from kg.sparql import columnar, columns
from tests.kg.queries import Chance

QUERIES = 100  # of each graph


class Collected:
    """What an answer writes."""

    def __init__(self) -> None:
        self.body = b""

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def answer(store: Store, query: str, form: str = "json") -> bytes:
    out = Collected()
    rdf.answer(store, query, form, out, [], [])
    return out.body


def rows(body: bytes, *, ordered: bool) -> tuple[list[str], object]:
    found = json.loads(body)
    lines = [json.dumps(row, sort_keys=True) for row in found["results"]["bindings"]]
    return found["head"]["vars"], lines if ordered else Counter(lines)


def graph(folder: Path, text: str, form: RdfFormat = RdfFormat.TURTLE) -> tuple[Store, columnar.Columnar | None]:
    """A snapshot that holds a graph in its default graph, and its columns."""
    live = Store(str(folder / "live"))
    live.bulk_load(text.encode(), format=form)
    snapshot = folder / "000000000001"
    live.backup(str(snapshot))
    columns.build(snapshot)
    return Store.read_only(str(snapshot)), columnar.opened_in(snapshot)


def compare(folder: Path, seed: int, count: int) -> tuple[int, int]:
    """(answered, asked) of random queries over one random graph; an answer that is not the engine's fails."""
    chance = Chance(seed)
    store, view = graph(folder, chance.graph())
    answered = 0
    if view is None:
        return 0, 0
    for _ in range(count):
        query, ordered = chance.query()
        rewritten = view.rewritten(query, few=-1)
        if rewritten is None:
            continue
        answered += 1
        ours = rows(answer(Store(), rewritten), ordered=ordered)
        assert ours == rows(answer(store, query), ordered=ordered), f"seed {seed}: {query}\n{rewritten}"
    return answered, count


@pytest.mark.parametrize("seed", range(30))
def test_random_queries_are_answered_as_the_engine_does(seed: int, tmp_path: Path) -> None:
    compare(tmp_path, seed, QUERIES)


def main() -> None:
    """A long run: python -m tests.kg.test_columnar FIRST_SEED SEEDS FOLDER."""
    answered = asked = 0
    for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
        folder = Path(sys.argv[3]) / str(seed)
        folder.mkdir(parents=True)
        more = compare(folder, seed, QUERIES)
        answered, asked = answered + more[0], asked + more[1]
    print(f"{answered} of {asked} answered, all as the engine does")


if __name__ == "__main__":
    main()
