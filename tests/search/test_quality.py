"""How good the answers are: figures below which no change may fall, on judged needs of the sample and of tenders."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from api.engine import Engine
from kg.model import Source
from search.encoder import PACKAGED, load_encoder
from search.evaluation import Evaluation, evaluate, read_needs, read_qrels
from search.query import Query

JUDGED = Path(__file__).with_name("judged")
PHRASES = ["hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken", "desinfecterende handgel voor de klas"]


@pytest.fixture(scope="module")
def judged(engine: Engine) -> Evaluation:
    return evaluate(engine.search, read_needs(JUDGED / "needs.json"), read_qrels(JUDGED / "qrels.trec"))


def test_the_needs_of_the_sample_are_answered_well_in_every_language(judged: Evaluation) -> None:
    every, *languages = judged.rows
    assert every.ndcg10 >= 0.80 and every.hit10 >= 0.94
    assert min(row.ndcg10 for row in languages if row.needs >= 7) >= 0.70


def test_who_asks_for_what_nobody_makes_is_told_so(judged: Evaluation) -> None:
    assert judged.none_needs == 101
    assert judged.none_refused is not None and judged.none_refused >= 0.85
    assert judged.rows[0].refused <= 0.03


def test_a_score_means_what_it_says(judged: Evaluation) -> None:
    assert judged.calibration_error is not None and judged.calibration_error <= 0.08
    high = [found for found in judged.reliability if found.low >= 0.8]
    assert sum(found.right * found.matches for found in high) >= 0.8 * sum(found.matches for found in high)


def test_a_need_has_much_the_same_answers_in_every_language(engine: Engine) -> None:
    answers: dict[str, dict[str, set[str]]] = {}
    for need in json.loads((JUDGED / "needs.json").read_text(encoding="utf-8")):
        if "group" in need:
            found = engine.search(Query(need["text"], lang=need["lang"])).results
            answers.setdefault(need["group"], {})[need["lang"]] = {match.actor.iri for match in found}
    assert len(answers) == 10
    shares = [
        len(found & spoken["en"]) / len(spoken["en"])
        for spoken in answers.values()
        for lang, found in spoken.items()
        if lang != "en"
    ]
    assert fmean(shares) >= 0.66


def test_tenders_find_who_won_the_like(shared_data: Path, tmp_path: Path) -> None:
    with Engine.open(tmp_path / "data", write=True, create=True) as engine:
        engine.add_vocabulary(shared_data / "vocabularies" / "cpv_23lang.tsv", "cpv")
        engine.import_files([shared_data / "ted" / "actors.jsonl"], Source("ted"))
        needs = read_needs(shared_data / "ted" / "needs.dev.json")
        found = evaluate(engine.search, needs, read_qrels(shared_data / "ted" / "qrels.dev.trec"))
    every, *languages = found.rows
    assert every.ndcg10 >= 0.50
    assert min(row.ndcg10 for row in languages if row.needs >= 20) >= 0.29
    assert every.refused <= 0.06
    assert found.calibration_error is not None and found.calibration_error <= 0.08


def test_the_model_is_small_and_encodes_a_need_at_once() -> None:
    import timeit

    assert sum(path.stat().st_size for path in PACKAGED.parent.rglob("*") if path.is_file()) <= 40_000_000
    encoder = load_encoder()
    encoder.encode(PHRASES)
    quickest = min(timeit.repeat(lambda: [encoder.encode([p]) for p in PHRASES], number=5, repeat=5)) / 5 / len(PHRASES)
    assert quickest <= 0.0006  # measured 0.05 ms; the bound leaves room for a busy machine
