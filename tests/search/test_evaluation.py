"""Figures against values worked out by hand, and files that are not as they must be."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import RefusedInput
from search import evaluation
from search.evaluation import JudgedNeed, evaluate, ndcg, read_needs, read_qrels, trec_run
from search.query import Query
from search.results import ActorSummary, Match, Matches, Need


def answers(query: Query) -> Matches:
    """Says what the need's text says: ids in the order wanted, or nothing."""
    found = tuple(
        Match(ActorSummary(f"x:{i}", i, i, "firm", "", "", "", None, None, "", ""), 0.9 - n / 1000, "match", {})
        for n, i in enumerate(query.text.split())
        if i != "-"
    )
    return Matches(Need(query.text, query.lang), "match" if found else "none", found, len(found))


def test_ndcg_of_a_list_worked_out_by_hand() -> None:
    judged = {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1}
    # gains 0, 3, 0, 1 at ranks 1 to 4, against 3, 2, 1
    found = 3 / math.log2(3) + 1 / math.log2(5)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(["d", "a", "x", "c"], judged) == pytest.approx(found / ideal)
    assert ndcg(["a", "b", "c", "e"], judged) == pytest.approx(1.0)
    assert ndcg(["e"], judged) == 0.0  # less than nothing counts as nothing
    assert ndcg(["b", "a"], judged, cut=1) == pytest.approx(2 / 3)


def test_what_lies_below_the_cut_counts_neither_way() -> None:
    many = {f"a{n}": 1 for n in range(50)}
    assert ndcg(list(many), many) == pytest.approx(1.0)
    assert ndcg(["x"] * 10 + list(many), many) == 0.0


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-1, 3)), st.permutations("abcdefgh"))
def test_ndcg_lies_between_nothing_and_the_best_order(judged: dict[str, int], order: list[str]) -> None:
    best = sorted(order, key=lambda actor: -judged.get(actor, 0))
    assert 0 <= ndcg(order, judged) <= ndcg(best, judged) + 1e-12 <= 1 + 1e-9
    assert ndcg(best, judged) == pytest.approx(1.0 if any(r > 0 for r in judged.values()) else 0.0)


def test_the_figures_of_a_small_evaluation() -> None:
    needs = [
        JudgedNeed("n1", "a b", "fr"),  # right at rank 1
        JudgedNeed("n2", "x b", "en"),  # right at rank 2
        JudgedNeed("n3", "-", "en"),  # wrongly refused
        JudgedNeed("n4", "-", "de"),  # rightly refused: nobody meets it
        JudgedNeed("n5", "a", "de"),  # nobody meets it, and it is answered
    ]
    qrels = {"n1": {"a": 1}, "n2": {"b": 1}, "n3": {"a": 1}, "n5": {"a": 0}}
    steps: list[tuple[int, int]] = []
    found = evaluate(answers, needs, qrels, lambda *step: steps.append(step))
    rows = {row.language: row for row in found.rows}
    assert list(rows) == ["all", "en", "fr"]
    second = 1 / math.log2(3)
    assert rows["all"].ndcg10 == pytest.approx((1 + second + 0) / 3)
    assert rows["all"].hit10 == pytest.approx(2 / 3) and rows["all"].refused == pytest.approx(1 / 3)
    assert rows["en"].ndcg10 == pytest.approx(second / 2) and rows["en"].needs == 2
    assert (found.none_needs, found.none_refused) == (2, 0.5)
    assert set(found.run) == {"n1", "n2", "n5"}
    assert steps == [(n, 5) for n in range(1, 6)]
    assert "run" not in found.as_dict() and json.dumps(found.as_dict())


def test_an_evaluation_of_nothing_has_no_rows() -> None:
    found = evaluate(answers, [], {})
    assert (found.rows, found.none_needs, found.none_refused, found.run) == ((), 0, None, {})


def test_a_run_is_written_as_trec_reads_it() -> None:
    text = trec_run({"n1": [("a", 0.98765), ("b", 0.5)], "n2": [("c", 1.0)]})
    assert text == "n1 Q0 a 1 0.9877 filiere\nn1 Q0 b 2 0.5000 filiere\nn2 Q0 c 1 1.0000 filiere\n"
    assert trec_run({}) == ""


def test_good_files_are_read(tmp_path: Path) -> None:
    needs = tmp_path / "needs.json"
    needs.write_text(json.dumps([{"id": 7, "text": "gel", "lang": None, "more": 1}, {"id": "b", "text": "é"}]), "utf-8")
    assert read_needs(needs) == [JudgedNeed("7", "gel", ""), JudgedNeed("b", "é", "")]
    qrels = tmp_path / "q.trec"
    qrels.write_text("n1 0 a 1\n\nn1\t0\tb\t0\nn2 0 é -1\n", encoding="utf-8")
    assert read_qrels(qrels) == {"n1": {"a": 1, "b": 0}, "n2": {"é": -1}}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"[{]", "not JSON"),
        (b'{"id": 1}', "no list"),
        (b"null", "no list"),
        (b'["gel"]', "entry 1"),
        (b'[{"id": "a", "text": "x"}, {"id": "b"}]', "entry 2"),
        (b'[{"id": "a", "text": "  "}]', "entry 1"),
        (b'[{"id": "a b", "text": "x"}]', "space"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_wrong_file_of_needs_is_refused_with_its_entry(tmp_path: Path, text: bytes, word: str) -> None:
    file = tmp_path / "needs.json"
    file.write_bytes(text)
    with pytest.raises(RefusedInput, match=word) as caught:
        read_needs(file)
    assert str(file) in caught.value.problem and caught.value.mend


@pytest.mark.parametrize(
    ("text", "word"),
    [(b"n 0 a 1\nn 0 a\n", "line 2"), (b"n 0 a x\n", "line 1"), (b"n 0 a 1 b\n", "line 1"), (b"\xff", "UTF-8")],
)
def test_a_wrong_file_of_judgements_is_refused_with_its_line(tmp_path: Path, text: bytes, word: str) -> None:
    file = tmp_path / "q.trec"
    file.write_bytes(text)
    with pytest.raises(RefusedInput, match=word) as caught:
        read_qrels(file)
    assert str(file) in caught.value.problem and caught.value.mend


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for read in (read_needs, read_qrels):
        with pytest.raises(RefusedInput, match="no file"):
            read(tmp_path / "nowhere")


def test_a_need_is_put_in_its_language_and_to_its_full_depth() -> None:
    asked: list[Query] = []

    def search(query: Query) -> Matches:
        asked.append(query)
        return answers(query)

    evaluate(search, [JudgedNeed("n", "a", "pl")], {"n": {"a": 1}})
    assert [(q.text, q.lang, q.limit) for q in asked] == [("a", "pl", evaluation.DEPTH)]
