"""How the numbers of a model are read as probabilities: fitted on judged needs, kept by the model's name.

`python -m search.training.calibrate` writes `models/calibrations.json`. A model that is not in it is read with the
defaults below, which keep its order but not its promise: a score of 0.8 may then be right more or less often, and no
need is refused as a whole.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent / "models" / "calibrations.json"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How cosines of a model are read: up to `floor` they say nothing, from `certain` on as much as the same words.

    A text of few words comes near to something by chance alone, one of many words seldom comes very near to anything:
    both bounds fall with the number of words, from the first value at `few` to the second at `many`.
    """

    floor: tuple[float, float] = (0.35, 0.15)
    certain: tuple[float, float] = (0.85, 0.6)
    few: int = 3
    many: int = 30
    sharpness: float = 24.0
    nothing: tuple[float, float] = (0.55, 0.3)

    def bounds(self, count: int) -> tuple[float, float]:
        """(floor, certain) for a text of so many words."""
        low, high = (self._between(*bound, count) for bound in (self.floor, self.certain))
        return low, high

    def background(self, count: int) -> float:
        """The cosine of "none of these" for a text of so many words."""
        return self._between(*self.nothing, count)

    def _between(self, first: float, last: float, count: int) -> float:
        return first + (last - first) * self.long(count)

    def long(self, count: int) -> float:
        """How long a text of so many words is, 0 to 1."""
        return min(1.0, math.log(max(count, self.few) / self.few) / math.log(self.many / self.few))


@dataclass(frozen=True, slots=True)
class Weights:
    """How the channels are fused and read as a probability."""

    concepts: float = 1.6
    text: float = 1.6
    long_text: float = 0.4
    keywords: float = 0.4
    intercept: float = 1.3
    # Whether anybody fits at all: logistic weights of ranking.GATE, and the probability below which nobody is shown.
    gate: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0)
    somebody: float = 0.5
    match: float = 0.5  # probability from which an actor is shown as a match
    possible: float = 0.15  # and from which it is shown at all, for a short need
    possible_long: float = 0.08  # and for a long one, whose meaning is spread over more

    def shown_from(self, long: float) -> float:
        """The least probability that is shown for a need that is so long, 0 to 1."""
        return self.possible + (self.possible_long - self.possible) * long


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one model is read."""

    tuning: Tuning = field(default_factory=Tuning)
    weights: Weights = field(default_factory=Weights)


@cache
def _table() -> dict[str, Calibration]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: _read(entry) for name, entry in found.items()}


def _read(entry: dict[str, dict[str, Any]]) -> Calibration:
    parts: tuple[dict[str, Any], ...] = tuple(
        {name: tuple(value) if isinstance(value, list) else value for name, value in entry[part].items()}
        for part in ("tuning", "weights")
    )
    return Calibration(Tuning(**parts[0]), Weights(**parts[1]))


def of(model: str) -> Calibration:
    """The calibration of a model by name."""
    return _table().get(model) or Calibration()
