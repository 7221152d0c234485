"""The benchmark's actors are the same for the same seed, and are read without a finding."""

from __future__ import annotations

import json
from pathlib import Path

from kg.intake import parse
from kg.model import Source
from kg.readers.job import Job
from tests.benchmarks.generator import actors


def test_generated_actors_repeat_and_are_sound(tmp_path: Path) -> None:
    made = list(actors(200, seed=7))
    assert made == list(actors(200, seed=7)) != list(actors(200, seed=8))
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(actor) + "\n" for actor in made), encoding="utf-8")
    rows = list(parse([Job(file)], Source("generated")))
    assert len(rows) == 200
    assert not any(row.findings for row in rows)
