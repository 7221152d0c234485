"""Figures of the linkage on pairs read by hand and on harmed copies, beside two simple baselines; the weights anew.

python -m tests.kg.identity --shared ../shared/data [--learn]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz

from kg.identity.linkage import REVIEW, SAME, WEIGHTS, Comparison
from kg.model import Actor
from tests.kg.identity.corruptions import actors, copies
from tests.kg.identity.world import compared, labelled

Pair = tuple[str, str]
_COPIES = 2000
_SEEDS = {"held": (1, 2), "tuning": (11, 12)}
_PULL = 60.0  # how hard the weights are held to those set by reason before any were learnt


def _same_name(one: Actor, other: Actor) -> bool:
    return one.country == other.country and one.name.casefold() == other.name.casefold()


def _near_name(one: Actor, other: Actor) -> bool:
    return one.country == other.country and fuzz.ratio(one.name.casefold(), other.name.casefold()) >= 90


def _line(what: str, found: Callable[[Pair], str], same: Iterable[Pair], different: Iterable[Pair]) -> str:
    same, different = list(same), list(different)
    right = sum(found(pair) == SAME for pair in same)
    wrong = sum(found(pair) == SAME for pair in different)
    reached = sum(found(pair) in (SAME, REVIEW) for pair in same)
    precision = right / (right + wrong) if right + wrong else 1.0
    return f"| {what} | {precision:.4f} | {right / len(same):.3f} | {reached / len(same):.3f} |"


def _report(firms: list[Actor]) -> None:
    pairs = labelled()
    known = {p for pair in pairs if pair.verdict == "same" for p in (pair.one, pair.other)}
    by_iri = {firm.iri: firm for firm in firms}
    print("| on | precision of automatic merges | recall alone | recall with review |\n|---|---|---|---|")
    found = compared(firms)
    for part in ("tuning", "held"):
        chosen = [p for p in pairs if p.part == part]
        same = [(p.one, p.other) for p in chosen if p.verdict == "same"]
        different = [(p.one, p.other) for p in chosen if p.verdict == "different"]
        _three(f"{len(chosen)} pairs read by hand, {part}", found, by_iri, same, different)
    for part, seeds in _SEEDS.items():
        for seed in seeds:
            harmed = list(copies([firm for firm in firms if firm.iri not in known], _COPIES, seed))
            of = {copy.iri: firm for copy, firm in harmed}
            everybody = by_iri | {copy.iri: copy for copy, _ in harmed}
            said = compared(everybody.values())
            truth = [(min(copy.iri, firm), max(copy.iri, firm)) for copy, firm in harmed]
            read = {(p.one, p.other) for p in pairs if p.verdict == "same"}
            others = [(a, b) for a, b in said if of.get(a, a) != of.get(b, b) and (a, b) not in read]
            _three(f"{_COPIES} harmed copies, seed {seed}, {part}", said, everybody, truth, others)


def _three(
    what: str, found: dict[Pair, Comparison], by_iri: dict[str, Actor], same: list[Pair], different: list[Pair]
) -> None:
    print(_line(what, lambda pair: found[pair].verdict if pair in found else "", same, different))
    for name, rule in (("the same name and country", _same_name), ("names 90 % alike, same country", _near_name)):
        merged = {pair for pair in (*same, *different) if rule(by_iri[pair[0]], by_iri[pair[1]])}
        print(_line(f"– {name}", lambda pair, merged=merged: SAME if pair in merged else "", same, different))  # type: ignore[misc]


def _learn(firms: list[Actor]) -> None:
    """Weights that make the truth of the tuning part likeliest, held to what was set by reason."""
    names = [name for name in WEIGHTS if name != "start"]
    by_pair = {(p.one, p.other): p for p in labelled()}
    known = {iri for pair, p in by_pair.items() if p.verdict == "same" for iri in pair}
    rows, truth, counts = [], [], []
    for seed in _SEEDS["tuning"]:
        harmed = list(copies([firm for firm in firms if firm.iri not in known], _COPIES, seed))
        of = {copy.iri: firm for copy, firm in harmed}
        for (a, b), said in compared([*firms, *(copy for copy, _ in harmed)]).items():
            read = by_pair.get((a, b))
            by_number = said.because[:1] and said.because[0].startswith(("registered apart", "both are"))
            if by_number or (read and read.part == "held"):
                continue
            rows.append([name in said.found for name in names] + [True])
            truth.append(of.get(a, a) == of.get(b, b) or bool(read and read.verdict == "same"))
            counts.append(20 if read else 1)
    x, y, w = np.array(rows, float), np.array(truth, float), np.array(counts, float)
    prior = np.array([WEIGHTS[name] for name in names] + [WEIGHTS["start"]])
    weights = prior.copy()
    for _ in range(60):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (w * (p - y)) + _PULL * (weights - prior)
        weights -= np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + _PULL * np.eye(len(prior)), slope)
    for name, weight in zip([*names, "start"], weights, strict=True):
        print(f'    "{name}": {weight:.1f},')


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--learn", action="store_true", help="print the weights learnt anew")
    given = parser.parse_args()
    (_learn if given.learn else _report)(actors(given.shared / "ted" / "actors.jsonl"))
