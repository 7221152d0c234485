"""The short form of `make random-queries`."""

from __future__ import annotations

import random
from pathlib import Path

from tests.conformance.random_queries import run

COUNT = 300


def test_random_queries_are_answered_as_rdflib_answers_them(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    print(f"seed {seed}")
    outcome = run(COUNT, seed, tmp_path)
    assert not outcome.different, f"seed {seed}: {outcome.different[0]}"
    assert outcome.same - outcome.empty > COUNT / 4
    assert outcome.same > COUNT * 0.9
