"""The page of measurements says what was measured."""

from __future__ import annotations

from tests.benchmarks.report import Growth


def test_growth_says_how_many_times_dearer_things_became() -> None:
    measures = (
        ("took", "import", "s", True, ""),
        ("rate", "actors a second", "", False, "≥ 3,000"),
        ("slow", "import, simple stack", "s", True, ""),
    )
    growth = Growth(measures)
    growth.figures[1000] = {"took": 2.0, "rate": 500.0, "slow": 10.0}
    growth.figures[10_000] = {"took": 10.0, "rate": 1000.0}
    lines = growth.markdown().splitlines()
    assert "| | 1,000 actors |  | 10,000 actors | budget |" in lines
    assert "| |  | 10 × the data |  | |" in lines
    assert "| import | 2 s | 5 × | 10 s |  |" in lines
    assert "| actors a second | 500 | 0.5 × | 1,000 | ≥ 3,000 |" in lines
    assert "| import, simple stack | 10 s | – | – |  |" in lines
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
