"""The matcher over the sample: constraints before ranking, pages that never overlap, counts that add up, reasons."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from api.engine import Engine
from kg import vocabulary as v
from kg.errors import UserError
from kg.rdf import DefaultGraph, NamedNode, Quad, to_term
from search.query import MOST_OFFSET, MOST_RESULTS, MOST_TEXT, Query
from search.results import Match, Matches

NEEDS = ["hydroalcoholic gel", "masques chirurgicaux", "Beatmungsgeräte", "3D printing", "textile"]
CONSTRAINTS: list[dict[str, Any]] = [
    {"country": ("FR",)},
    {"country": ("DE", "ES")},
    {"nuts": ("FRK",)},
    {"kind": ("cluster",)},
    {"kind": ("lab", "association")},
    {"size": ("small", "medium")},
    {"cluster": ("techtera",)},
    {"certificate": ("ISO",)},
    {"source": ("crisis2020",)},
    {"source": ("nobody",)},
    {"near": (45.76, 4.84), "within_km": 120.0},
    {"country": ("FR",), "kind": ("firm",), "near": (45.76, 4.84), "within_km": 300.0},
]


def everything(engine: Engine, query: Query) -> list[Match]:
    """All results of a need, page after page."""
    out: list[Match] = []
    while page := engine.search(replace(query, limit=MOST_RESULTS, offset=len(out))).results:
        out += page
    return out


def meets(match: Match, constraint: dict[str, Any]) -> bool:
    actor = match.actor
    told = {"country": actor.country, "kind": actor.kind, "size": actor.size}
    return (
        all(told[name] in wanted for name, wanted in constraint.items() if name in told)
        and ("nuts" not in constraint or actor.nuts.startswith(constraint["nuts"]))
        and ("cluster" not in constraint or bool(set(actor.clusters) & set(constraint["cluster"])))
        and ("source" not in constraint or constraint["source"] == ("crisis2020",))
    )


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=str)
def test_who_is_left_out_is_left_out_before_ranking(engine: Engine, constraint: dict[str, Any]) -> None:
    for need in NEEDS:
        free = everything(engine, Query(need))
        bound = everything(engine, Query(need, **constraint))
        assert all(meets(match, constraint) for match in bound)
        scores = {match.actor.iri: match.score for match in bound}
        if not {"near", "certificate"} & constraint.keys():
            # Nobody who was found without the constraint and meets it is lost, or ranked lower for it.
            kept = [match for match in free if meets(match, constraint)]
            assert all(scores[match.actor.iri] >= match.score - 1e-4 for match in kept)


@pytest.mark.parametrize("need", NEEDS)
def test_pages_of_any_size_are_pieces_of_one_list(engine: Engine, need: str) -> None:
    picker, whole = random.Random(need), [m.actor.iri for m in everything(engine, Query(need))]
    assert len(set(whole)) == len(whole)
    at = 0
    while at < len(whole):
        size = picker.randrange(1, 30)
        page = engine.search(Query(need, limit=size, offset=at))
        assert [m.actor.iri for m in page.results] == whole[at : at + size]
        assert page.total == len(whole)
        at += size
    assert engine.search(Query(need, offset=len(whole))).results == ()


@pytest.mark.parametrize("need", NEEDS)
def test_counts_add_up(engine: Engine, need: str) -> None:
    answer, found = engine.search(Query(need)), everything(engine, Query(need))
    for name in ("country", "kind", "size"):
        said = [getattr(match.actor, name) for match in found]
        assert answer.facets[name] == {word: said.count(word) for word in answer.facets[name]}
        assert sum(answer.facets[name].values()) + said.count("") == answer.total
    assert sum(answer.facets["source"].values()) == answer.total
    for facet in answer.facets.values():
        assert list(facet.values()) == sorted(facet.values(), reverse=True)


def test_the_same_question_has_the_same_answer(engine: Engine) -> None:
    def plain(answer: Matches) -> Matches:
        return replace(answer, took_ms=0)

    for need in NEEDS:
        assert plain(engine.search(Query(need))) == plain(engine.search(Query(need)))
        spaced = engine.search(Query(f"  {need} \n"))
        assert [m.actor.iri for m in spaced.results] == [m.actor.iri for m in engine.search(Query(need)).results]


def test_an_answer_is_what_its_best_result_says(engine: Engine) -> None:
    for need in [*NEEDS, "Klavierstimmer gesucht", "zzzz"]:
        answer = engine.search(Query(need))
        best = answer.results[0].level if answer.results else "none"
        assert answer.answer == best
        for match in answer.results:
            assert 0 <= match.score <= 1
            assert set(match.channels) == {"concepts", "text", "keywords"}
            assert all(0 <= share <= 1 for share in match.channels.values())
            assert 1 <= len(match.reasons) <= 3
            assert all(r.says.endswith(".") and r.source for r in match.reasons)
            assert len({r.quote.casefold() for r in match.reasons}) == len(match.reasons)


def test_a_reason_falls_with_any_triple_of_its_path(engine: Engine) -> None:
    store, graph = engine.graph.store, NamedNode(v.source_graph("crisis2020"))
    cut = 0
    for need in NEEDS:
        for reason in (r for m in engine.search(Query(need, limit=8)).results for r in m.reasons):
            path = " . ".join(" ".join(triple) for triple in reason.path)
            ask = f"ASK {{ {path} }}"
            assert store.query(ask), ask
            for s, p, o in reason.path:
                cited = Quad(NamedNode(s[1:-1]), NamedNode(p[1:-1]), to_term(o), graph)
                if cited not in store:
                    continue  # said by the packaged vocabulary
                held = [cited, Quad(cited.subject, cited.predicate, cited.object, DefaultGraph())]  # and in the union
                for quad in held:
                    store.remove(quad)
                assert not store.query(ask), ask
                store.extend(held)
                cut += 1
    assert cut > 30


@pytest.mark.parametrize(
    ("query", "word"),
    [
        (Query(""), "empty"),
        (Query(" \n\t"), "empty"),
        (Query("x" * (MOST_TEXT + 1)), "2,001 characters"),
        (Query("x", limit=0), "limit"),
        (Query("x", limit=MOST_RESULTS + 1), "limit"),
        (Query("x", offset=-1), "offset"),
        (Query("x", offset=MOST_OFFSET + 1), "offset"),
        (Query("x", within_km=5.0), "near"),
        (Query("x", near=(0.0, 0.0), within_km=0.0), "within_km"),
        (Query("x", near=(0.0, 0.0), within_km=float("nan")), "within_km"),
        (Query("x", near=(0.0, 0.0), within_km=float("inf")), "within_km"),
    ],
)
def test_a_question_out_of_bounds_is_refused_with_what_to_do(engine: Engine, query: Query, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        engine.search(query)
    assert caught.value.mend


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "😷", "a" * MOST_TEXT, "' OR 1=1 --", "\u202e gel", "*", "AND OR NOT", "((((", '"']
)
def test_odd_needs_are_answered(engine: Engine, text: str) -> None:
    assert engine.search(Query(text)).answer in ("match", "possible", "none")


def test_stuffing_words_does_not_make_an_actor_win(engine: Engine) -> None:
    once, often = engine.search(Query("gel")), engine.search(Query("gel " * 200))
    assert often.answer != "none"
    assert {m.actor.iri for m in once.results[:3]} & {m.actor.iri for m in often.results[:20]}
