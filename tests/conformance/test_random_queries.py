"""The short form of `make random-queries`."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.random_queries import run

COUNT, SEED = 300, 2026  # the same queries each time; the long form draws a seed of its own and prints it


def test_random_queries_are_answered_as_rdflib_answers_them(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    outcome = run(COUNT, SEED, tmp_path)
    assert not outcome.different, outcome.different[0]
    assert outcome.same - outcome.empty > COUNT / 4
    assert outcome.same > COUNT * 0.9
