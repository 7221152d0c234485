"""Fits how a model's numbers are read as probabilities, on judged needs: search/models/calibrations.json.

    python -m search.training.calibrate --judged INDEX NEEDS QRELS --coded INDEX TEXTS

INDEX is the folder `index` of a data folder. NEEDS and QRELS are what `filiere evaluate` reads. TEXTS are notices with
their CPV codes, of which those kept aside from training are taken: an actor is right that bears such a code, a narrower
one or one of its class, and the actors that the notice itself speaks of are left out.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from search import calibration, matrices, ranking
from search.calibration import Calibration, Tuning, Weights
from search.encoder import load_encoder
from search.evaluation import read_needs, read_qrels
from search.generation import Generation, open_latest
from search.matcher import Matcher
from search.query import Query
from search.spread import BESIDE
from search.training.corpus import is_aside, said

_SHOWN = 30  # actors of a need, best first, that are learnt from
_ROUNDS = 50  # of Newton's method, which needs about ten
_RIDGE = 1e-3
_SHARPNESS = (16.0, 20.0, 24.0, 28.0)
_NOTHING = ((0.45, 0.3), (0.5, 0.3), (0.55, 0.3), (0.6, 0.35), (0.65, 0.35))
_REFUSED_WRONGLY = 0.02  # share of the needs somebody meets that may be answered "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """A need put to one index: its text and language, and which actors by number are right [n]."""

    text: str
    lang: str
    right: NDArray[np.bool_]
    left_out: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """An index and the needs judged over it."""

    generation: Generation
    matcher: Matcher
    needs: Sequence[Judged]


def judged(index: Path, needs: Path, qrels: Path) -> World:
    """Needs with judgements of people."""
    generation, matcher = _opened(index)
    names = [generation.base.actors[n]["id"] for n in range(len(generation.base))]
    found = read_qrels(qrels)
    nobody = np.zeros(len(names), dtype=bool)
    return World(
        generation,
        matcher,
        [
            Judged(need.text, need.lang, np.array([found.get(need.id, {}).get(n, 0) > 0 for n in names]), nobody)
            for need in read_needs(needs)
        ],
    )


def coded(index: Path, texts: Path, most: int = 400) -> World:
    """Notices kept aside from training, judged by their codes."""
    generation, matcher = _opened(index)
    base, place = generation.base, generation.concepts.by_code()
    sources: dict[str, set[int]] = {}
    for number in range(len(base.owners)):
        sources.setdefault(base.passage(number).source.rpartition(" ")[2], set()).add(int(base.owners[number]))
    out = []
    rows = [row for row in json.loads(texts.read_text(encoding="utf-8")) if is_aside(row) and said(row)]
    rows.sort(key=lambda row: zlib.crc32(said(row).encode()))
    for row in rows[:most]:
        codes = [place[f"cpv:{code}"] for code in row["cpv"] if f"cpv:{code}" in place]
        right = np.zeros(len(base), dtype=bool)
        for code in codes:
            columns, weights = generation.concepts.neighbours(code)
            cells, _ = matrices.rows(base.bearers, columns[weights >= BESIDE].astype(np.int64))
            right[base.bearers.indices[cells]] = True
        aside = np.zeros(len(base), dtype=bool)
        aside[sorted(sources.get(row["notice"].lstrip("0"), ()))] = True
        out.append(Judged(said(row), row["lang"], right & ~aside, aside))
    return World(generation, matcher, out)


def _opened(index: Path) -> tuple[Generation, Matcher]:
    encoder = load_encoder()
    generation = open_latest(index, encoder=encoder)
    assert generation is not None, f"{index} holds no index of {encoder.name}"
    return generation, Matcher(generation, encoder)


Rows = list[tuple[NDArray[np.float32], NDArray[np.bool_], bool]]  # channels [n, 3], right [n], can anybody meet it


def channels(worlds: Sequence[World], tuning: Tuning) -> list[Rows]:
    """What every need's leading actors have in each channel, world by world."""
    out: list[Rows] = []
    for world in worlds:
        world.generation.concepts.tuning = tuning
        rows: Rows = []
        for need in world.needs:
            asked = world.matcher.understand(Query(need.text[:2000], lang=need.lang))
            scored = ranking.score(asked, world.generation.base, None, Weights(), world.generation.concepts)
            kept = np.flatnonzero(~need.left_out[scored.actors])
            lead = kept[np.argsort(-scored.scores[kept], kind="stable")[:_SHOWN]]
            rows.append((scored.channels[lead], need.right[scored.actors[lead]], bool(need.right.any())))
        out.append(rows)
    return out


def fitted(found: Sequence[Rows]) -> tuple[Weights, float]:
    """(weights, mean log loss a need): a logistic regression in which every world and every need counts the same."""
    parts = list(_flat(found))
    x = np.concatenate([features for features, _, _ in parts])
    y = np.concatenate([right for _, right, _ in parts]).astype(np.float64)
    share = np.concatenate([np.full(len(features), weight) for features, _, weight in parts])
    beta = np.zeros(4)
    free = np.ones(4, dtype=bool)
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-x @ beta))
        gradient = x.T @ (share * (p - y)) + _RIDGE * beta
        curve = (x * (share * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(4)
        step = np.zeros(4)
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], gradient[free])
        beta = beta - step
        if (beta[:3] < 0).any():  # a channel never speaks against an actor
            free[:3] &= beta[:3] >= 0
            beta[:3] = np.maximum(beta[:3], 0)
    p = np.clip(1 / (1 + np.exp(-x @ beta)), 1e-6, 1 - 1e-6)
    loss = float(-(share * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum())
    concepts, text, keywords, intercept = (round(float(b), 3) for b in beta)
    return Weights(concepts=concepts, text=text, keywords=keywords, intercept=intercept), loss


def _flat(found: Sequence[Rows]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_], float]]:
    for rows in found:
        for lines, right, _ in rows:
            if len(lines):
                yield ranking.features(lines), right, 1 / (len(found) * len(rows) * len(lines))


def refusing(found: Sequence[Rows], weights: Weights) -> float:
    """The least score that is shown: as high as it may be without refusing too many needs that somebody meets."""
    best = np.array([_best(lines, weights) for rows in found for lines, _, good in rows if good])
    return round(float(np.clip(np.quantile(best, _REFUSED_WRONGLY), 0.05, 0.45)), 3)


def _best(lines: NDArray[np.float32], weights: Weights) -> float:
    return float(ranking.fuse(lines, weights).max()) if len(lines) else 0.0


def fit(worlds: Sequence[World], step: Callable[[str], None]) -> Calibration:
    """The tuning and weights with the least loss over a grid of tunings."""
    best: tuple[float, Calibration] | None = None
    grid = list(product(_SHARPNESS, _NOTHING))
    for sharpness, nothing in tqdm(grid, desc="calibrate", disable=None):
        tuning = Tuning(sharpness=sharpness, nothing=nothing)
        found = channels(worlds, tuning)
        weights, loss = fitted(found)
        weights = replace(weights, possible=refusing(found, weights))
        step(f"sharpness {sharpness}, nothing {nothing}: loss {loss:.4f} {weights}")
        if best is None or loss < best[0]:
            best = loss, Calibration(tuning, weights)
    assert best is not None
    return best[1]


def main() -> None:
    """Reads the arguments, fits, and writes the built-in model's calibration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--judged", nargs=3, type=Path, action="append", default=[], metavar=("INDEX", "NEEDS", "QRELS")
    )
    parser.add_argument("--coded", nargs=2, type=Path, action="append", default=[], metavar=("INDEX", "TEXTS"))
    parser.add_argument("--out", type=Path, default=calibration.FILE)
    given = parser.parse_args()
    worlds = [judged(*one) for one in given.judged] + [coded(*one) for one in given.coded]
    found = fit(worlds, print)
    kept = json.loads(given.out.read_text(encoding="utf-8")) if given.out.is_file() else {}
    kept[load_encoder().name] = kept["*"] = asdict(found)
    given.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
