"""How good the answers are on judged needs: nDCG@10, hit@10, refusals, and the TREC run they come from.

Judgements are TREC qrels (need, iteration, actor id, relevance). Source of nDCG: Järvelin and Kekäläinen 2002,
gain = relevance, discount = log2(rank + 1), as trec_eval computes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kg.errors import RefusedInput
from search.query import Query
from search.results import Matches

DEPTH = 100  # actors a need has in a run
_CUT = 10
_COUNTED = 20  # matches of a need that the reliability table counts; few read further
_TAG = "filiere"


@dataclass(frozen=True, slots=True)
class JudgedNeed:
    """One need of an evaluation."""

    id: str
    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class Row:
    """Figures over the needs of one language, or of all ("all"). `refused` is the share answered `none`."""

    language: str
    needs: int
    ndcg10: float
    hit10: float
    refused: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Matches shown with about the same score: how many, the mean score, and the share of them that are right."""

    low: float
    high: float
    matches: int
    score: float
    right: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over the needs somebody can meet, by language; and how many of the others were rightly refused.

    `reliability` counts the first 20 matches of every need, and so does `calibration_error`, the expected calibration
    error (Naeini et al. 2015): the mean distance between a bin's score and the share that is right, by its matches.
    """

    rows: tuple[Row, ...]
    none_needs: int
    none_refused: float | None  # share of the needs nobody meets that were answered `none`
    reliability: tuple[Bin, ...]
    calibration_error: float | None  # None when nothing was shown
    run: dict[str, list[tuple[str, float]]]

    def as_dict(self) -> dict[str, Any]:
        """The figures without the run."""
        return {name: content for name, content in asdict(self).items() if name != "run"}


def read_needs(path: Path) -> list[JudgedNeed]:
    """A JSON list of {id, text, lang}; other keys are passed over. Raises RefusedInput naming the entry."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RefusedInput(f"There is no file {path}.", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"{path} is not JSON: {error}.", "Write a list of {id, text, lang}.") from error
    if not isinstance(found, list):
        raise RefusedInput(f"{path} holds no list.", "Write a list of {id, text, lang}.")
    out: list[JudgedNeed] = []
    for number, entry in enumerate(found, 1):
        if (
            not isinstance(entry, dict)
            or not str(entry.get("id", "")).strip()
            or not str(entry.get("text", "")).strip()
        ):
            raise RefusedInput(f"{path}: entry {number} lacks 'id' or 'text'.", "Write a list of {id, text, lang}.")
        if any(c.isspace() for c in str(entry["id"])):
            raise RefusedInput(f"{path}: the id of entry {number} holds a space.", "A TREC run cannot hold it.")
        out.append(JudgedNeed(str(entry["id"]), str(entry["text"]), str(entry.get("lang") or "")))
    return out


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Need → actor id → relevance. Raises RefusedInput naming the line."""
    out: dict[str, dict[str, int]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise RefusedInput(f"There is no file {path}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise RefusedInput(f"{path} is not UTF-8.", "Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if not parts:
            continue
        try:
            need, _, actor, relevance = parts
            out.setdefault(need, {})[actor] = int(relevance)
        except ValueError as error:
            raise RefusedInput(
                f"{path}, line {number} is no judgement: {line[:80]!r}.", "Write: need 0 actor relevance."
            ) from error
    return out


def evaluate(
    search: Callable[[Query], Matches],
    needs: Sequence[JudgedNeed],
    qrels: Mapping[str, Mapping[str, int]],
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Puts every need to `search` and compares the answers with the judgements."""
    run: dict[str, list[tuple[str, float]]] = {}
    refused: set[str] = set()
    for number, need in enumerate(needs, 1):
        answer = search(Query(need.text, lang=need.lang, limit=DEPTH))
        if answer.answer == "none":
            refused.add(need.id)
        else:
            run[need.id] = [(match.actor.id, match.score) for match in answer.results]
        if progress:
            progress(number, len(needs))
    good = [need for need in needs if any(r > 0 for r in qrels.get(need.id, {}).values())]
    others = [need.id for need in needs if need not in good]
    languages = sorted({need.lang for need in good})
    groups = [("all", good), *((lang, [n for n in good if n.lang == lang]) for lang in languages)]
    rows = tuple(_row(name, group, run, qrels, refused) for name, group in groups if group)
    share = fmean(need in refused for need in others) if others else None
    bins = reliability(run, qrels)
    shown = sum(found.matches for found in bins)
    error = sum(found.matches * abs(found.score - found.right) for found in bins) / shown if shown else None
    return Evaluation(rows, len(others), share, bins, error, run)


def reliability(
    run: Mapping[str, Sequence[tuple[str, float]]], qrels: Mapping[str, Mapping[str, int]], depth: int = _COUNTED
) -> tuple[Bin, ...]:
    """The first `depth` matches of every need by tenths of their score, bins without a match left out."""
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for need, actors in run.items():
        for actor, score in actors[:depth]:
            right = qrels.get(need, {}).get(actor, 0) > 0
            tenths.setdefault(min(9, int(score * 10)), []).append((score, right))
    return tuple(
        Bin(tenth / 10, (tenth + 1) / 10, len(found), fmean(s for s, _ in found), fmean(r for _, r in found))
        for tenth, found in sorted(tenths.items())
    )


def _row(
    name: str,
    needs: Sequence[JudgedNeed],
    run: Mapping[str, Sequence[tuple[str, float]]],
    qrels: Mapping[str, Mapping[str, int]],
    refused: set[str],
) -> Row:
    ranked = [([actor for actor, _ in run.get(need.id, ())], qrels[need.id]) for need in needs]
    return Row(
        name,
        len(needs),
        fmean(ndcg(actors, judged) for actors, judged in ranked),
        fmean(any(judged.get(actor, 0) > 0 for actor in actors[:_CUT]) for actors, judged in ranked),
        fmean(need.id in refused for need in needs),
    )


def ndcg(actors: Sequence[str], judged: Mapping[str, int], cut: int = _CUT) -> float:
    """nDCG at a cut of a ranked list of actor ids, 0 to 1."""
    best = sorted((r for r in judged.values() if r > 0), reverse=True)[:cut]
    ideal = sum(r / math.log2(place + 2) for place, r in enumerate(best))
    found = sum(max(0, judged.get(actor, 0)) / math.log2(place + 2) for place, actor in enumerate(actors[:cut]))
    return found / ideal if ideal else 0.0


def trec_run(run: Mapping[str, Iterable[tuple[str, float]]]) -> str:
    """The lines of a TREC run: need Q0 actor rank score tag."""
    return "".join(
        f"{need} Q0 {actor} {rank} {score:.4f} {_TAG}\n"
        for need, actors in run.items()
        for rank, (actor, score) in enumerate(actors, 1)
    )
