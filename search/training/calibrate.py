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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

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
from search.spread import BESIDE, NARROWER
from search.training.corpus import is_aside, said

_LEADING = 80  # actors of a need, best first, whose order is learnt
_SHOWN = 30  # and whose scores are
# Weights that are tried beside a concept channel of 1. Words in common may only decide between what is else alike:
# a need must rank alike in every language.
_STEPS = {
    1: (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0),
    2: (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75),
    3: (0.0, 0.05, 0.1, 0.2),
}
_ROUNDS = 50  # of Newton's method, which needs about ten
_RIDGE = 1e-3
_SHARPNESS = (20.0, 24.0)
_NOTHING = ((0.7, 0.4),)
_REFUSED_WRONGLY = 0.03  # share of the needs of a world that somebody meets which may be answered "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """A need put to one index: its text and language, and how far each actor is right, 0 to 2 [n]."""

    text: str
    lang: str
    relevance: NDArray[np.int8]
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
            Judged(
                need.text, need.lang, np.array([found.get(need.id, {}).get(n, 0) for n in names], dtype=np.int8), nobody
            )
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
        right = np.zeros(len(base), dtype=np.int8)
        for code, (least, relevance) in product(codes, ((BESIDE, 1), (NARROWER * 0.9, 2))):
            columns, weights = generation.concepts.neighbours(code)
            cells, _ = matrices.rows(base.bearers, columns[weights >= least].astype(np.int64))
            right[base.bearers.indices[cells]] = np.maximum(right[base.bearers.indices[cells]], relevance)
        aside = np.zeros(len(base), dtype=bool)
        aside[sorted(sources.get(row["notice"].lstrip("0"), ()))] = True
        out.append(Judged(said(row), row["lang"], np.where(aside, 0, right).astype(np.int8), aside))
    return World(generation, matcher, out)


def _opened(index: Path) -> tuple[Generation, Matcher]:
    encoder = load_encoder()
    generation = open_latest(index, encoder=encoder)
    assert generation is not None, f"{index} holds no index of {encoder.name}"
    return generation, Matcher(generation, encoder)


class Line(NamedTuple):
    """A need: its leading actors' channels [n, 3], their relevance [n], the ideal order's, how long it is,
    and what tells whether anybody fits."""

    channels: NDArray[np.float32]
    relevance: NDArray[np.int8]
    ideal: NDArray[np.int8]
    long: float
    gate: NDArray[np.float64]


def lines(worlds: Sequence[World], tuning: Tuning) -> list[list[Line]]:
    """What every need's leading actors have in each channel, world by world."""
    out: list[list[Line]] = []
    for world in worlds:
        world.generation.concepts.tuning = tuning
        found: list[Line] = []
        for need in world.needs:
            asked = world.matcher.understand(Query(need.text[:2000], lang=need.lang))
            free = None if not need.left_out.any() else ~need.left_out
            scored = ranking.score(asked, world.generation.base, free, Weights(), world.generation.concepts)
            kept = np.flatnonzero(~need.left_out[scored.actors])
            lead = kept[np.argsort(-scored.scores[kept], kind="stable")[:_LEADING]]
            ideal = np.sort(need.relevance)[::-1][:10]
            long = tuning.long(asked.words)
            told = ranking.gate(asked, [scored], long)
            found.append(Line(scored.channels[lead], need.relevance[scored.actors[lead]], ideal, long, told))
        out.append(found)
    return out


def gain(found: Sequence[Sequence[Line]], mixed: NDArray[np.float64]) -> float:
    """nDCG@10 of an order, the mean over worlds."""
    means = []
    for world in found:
        per = []
        for line in world:
            if not line.ideal.any():
                continue
            order = np.argsort(-(ranking.features(line.channels, line.long) @ mixed), kind="stable")[:10]
            per.append(_dcg(line.relevance[order]) / _dcg(line.ideal))
        means.append(float(np.mean(per)))
    return float(np.mean(means))


def _dcg(relevance: NDArray[np.int8]) -> float:
    return float((relevance / np.log2(np.arange(len(relevance)) + 2)).sum())


def mixed(found: Sequence[Sequence[Line]]) -> tuple[NDArray[np.float64], float]:
    """(how the channels are mixed beside a concept channel of 1, nDCG@10 with it): a search one weight at a time."""
    best = np.array([1.0, 0.5, 0.1, 0.1, 0.0])
    reached = gain(found, best)
    for _ in range(2):
        for place in (1, 2, 3):
            for value in _STEPS[place]:
                tried = best.copy()
                tried[place] = value
                if (got := gain(found, tried)) > reached + 1e-5:
                    best, reached = tried, got
    return best, reached


def scaled(found: Sequence[Sequence[Line]], mix: NDArray[np.float64]) -> tuple[Weights, float]:
    """(weights, mean log loss a need): the mix read as a probability (Platt 1999); worlds and needs count the same."""
    parts = [(world, line) for world in found for line in world if len(line.channels)]
    kept = [np.argsort(-(ranking.features(line.channels, line.long) @ mix))[:_SHOWN] for _, line in parts]
    x = np.concatenate(
        [ranking.features(line.channels[k], line.long) @ mix for (_, line), k in zip(parts, kept, strict=True)]
    )
    y = np.concatenate([line.relevance[k] > 0 for (_, line), k in zip(parts, kept, strict=True)]).astype(np.float64)
    share = np.concatenate(
        [np.full(len(k), 1 / (len(found) * len(w) * len(k))) for (w, _), k in zip(parts, kept, strict=True)]
    )
    design = np.stack([x, np.ones(len(x))], axis=1)
    beta = _logistic(design, y, share)
    p = np.clip(1 / (1 + np.exp(-design @ beta)), 1e-6, 1 - 1e-6)
    loss = float(-(share * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum())
    concepts, text, long, keywords = (round(float(b), 3) for b in beta[0] * mix[:4])
    intercept = round(float(beta[1]), 3)
    return Weights(concepts=concepts, text=text, long_text=long, keywords=keywords, intercept=intercept), loss


def gated(found: Sequence[Sequence[Line]]) -> tuple[tuple[float, ...], float]:
    """(weights of the gate, least probability): needs that somebody meets count as much as the others together."""
    parts = [line for world in found for line in world]
    x = np.stack([line.gate for line in parts])
    y = np.array([line.ideal.any() for line in parts], dtype=np.float64)
    worth = np.array([1 / len(world) for world in found for _ in world])
    share = np.where(y > 0, worth / worth[y > 0].sum(), worth / max(worth[y == 0].sum(), 1e-9)) / 2
    beta = _logistic(x, y, share)
    p = 1 / (1 + np.exp(-x @ beta))
    least = min(np.quantile(p[[w is world for w in found for _ in w] & (y > 0)], _REFUSED_WRONGLY) for world in found)
    return tuple(round(float(b), 3) for b in beta), round(float(least), 3)


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights [n] of a logistic regression by Newton's method, each row counting by its share."""
    beta = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-x @ beta))
        curve = (x * (share * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(x.shape[1])
        beta = beta - np.linalg.solve(curve, x.T @ (share * (p - y)) + _RIDGE * beta)
    return beta


def fit(worlds: Sequence[World], step: Callable[[str], None]) -> Calibration:
    """The tuning and weights that rank best, with a little regard to the loss, over a grid of tunings."""
    best: tuple[float, Calibration] | None = None
    grid = list(product(_SHARPNESS, _NOTHING))
    for sharpness, nothing in tqdm(grid, desc="calibrate", disable=None):
        tuning = Tuning(sharpness=sharpness, nothing=nothing)
        found = lines(worlds, tuning)
        mix, reached = mixed(found)
        weights, loss = scaled(found, mix)
        gate, least = gated(found)
        weights = replace(weights, gate=gate, somebody=least)
        step(f"sharpness {sharpness}, nothing {nothing}: nDCG {reached:.4f}, loss {loss:.4f}, {weights}")
        if best is None or loss - reached < best[0]:
            best = loss - reached, Calibration(tuning, weights)
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
    kept[load_encoder().name] = asdict(found)
    given.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
