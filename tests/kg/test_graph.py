"""The graph holds what it was given, in one update with the seq it stands at."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kg import vocabulary as v
from kg.errors import DamagedData
from kg.graph import EmbeddedGraph
from kg.journal import Change, Journal
from kg.rdf import BlankNode, DefaultGraph
from kg.terms import digest, literal, to_payload

A = "https://example.org/a"


def payload(name: str, *texts: str) -> str:
    return to_payload([(f"<{name}>", "<x:p>", literal(text, "en")) for text in texts])


def change(seq: int, text: str, before: str = "", *, name: str = A, source: str = "s") -> Change:
    said = payload(name, text) if text else ""
    old = payload(name, before) if before else ""
    return Change(seq, 1, "2020-03-25T00:00:00.000Z", source, name, "upsert" if text else "delete", "", said, old)


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[EmbeddedGraph]:
    opened = EmbeddedGraph.open(tmp_path / "graph", create=True)
    yield opened
    opened.close()


def lines(graph: EmbeddedGraph, source: str = "s") -> set[str]:
    return {str(q.object) for q in graph.store if str(q.graph_name) == f"<{v.source_graph(source)}>"}


def test_a_change_replaces_what_stood_there_and_moves_the_marker(graph: EmbeddedGraph) -> None:
    assert graph.applied_seq() == 0
    graph.apply([change(1, "one")])
    assert (lines(graph), graph.applied_seq()) == ({'"one"@en'}, 1)
    graph.apply([change(2, "two", "one"), change(3, "three", "two")])
    assert (lines(graph), graph.applied_seq()) == ({'"three"@en'}, 3)
    graph.apply([change(4, "", "three")])
    assert (lines(graph), graph.applied_seq()) == (set(), 4)
    graph.apply([])
    assert graph.applied_seq() == 4
    assert len(graph) == 1  # the marker alone


def test_the_same_changes_twice_say_the_same_as_once(graph: EmbeddedGraph) -> None:
    changes = [change(1, "one"), change(2, "two", "one"), change(3, "x", name=A + "b")]
    graph.apply(changes)
    once = graph.digest("s")
    graph.apply(changes)
    assert graph.digest("s") == once


def test_sources_keep_to_their_own_graphs(graph: EmbeddedGraph) -> None:
    graph.apply([change(1, "same"), change(2, "same", source="t")])
    assert graph.sources() == {"s", "t"}
    graph.apply([change(3, "", "same")])
    assert (lines(graph, "s"), lines(graph, "t")) == (set(), {'"same"@en'})
    assert "s" not in graph.sources() or lines(graph, "s") == set()


def union(graph: EmbeddedGraph) -> list[str]:
    return sorted(str(q.object) for q in graph.store if isinstance(q.graph_name, DefaultGraph))


def test_the_default_graph_says_once_what_any_source_says(graph: EmbeddedGraph) -> None:
    graph.apply([change(1, "same"), change(2, "same", source="t"), change(3, "more", source="t", name=A + "b")])
    assert union(graph) == ['"more"@en', '"same"@en'] and graph.union_stands()
    graph.apply([change(4, "", "same")])
    assert union(graph) == ['"more"@en', '"same"@en'] and graph.union_stands()
    graph.apply([change(5, "other", "same", source="t")])
    assert union(graph) == ['"more"@en', '"other"@en'] and graph.union_stands()
    graph.apply([change(6, "", "other", source="t"), change(7, "other", source="s")])
    assert union(graph) == ['"more"@en', '"other"@en'] and graph.union_stands()
    graph.change_suggested((), payload(A, "guess"), "mark")
    assert union(graph) == ['"guess"@en', '"more"@en', '"other"@en'] and graph.union_stands()


def test_a_blank_node_is_one_to_the_graph_and_keeps_its_name(graph: EmbeddedGraph, tmp_path: Path) -> None:
    node = f"<{v.GENID}b1>"
    said = to_payload([(f"<{A}>", "<x:p>", node), (node, "<x:p>", literal("kept"))])
    one = Change(1, 1, "2020-03-25T00:00:00.000Z", "s", A, "upsert", "", said)
    graph.apply([one])
    wanted = {("<https://example.org/a>", "_:b1"), ("_:b1", '"kept"')}
    named = [q for q in graph.store if str(q.graph_name) == f"<{v.source_graph('s')}>"]
    assert {(str(q.subject), str(q.object)) for q in named} == wanted
    assert graph.digest("s") == digest(said) and graph.union_stands()
    many = [change(n, f"text {n}", name=f"{A}{n}") for n in range(2, 300)]
    beside = EmbeddedGraph.open(tmp_path / "beside", create=True)
    beside.apply([one, *many])
    graph.apply(many)
    assert set(beside.store) == set(graph.store)
    graph.apply([replace(one, seq=300, op="delete", payload="", before=said)])
    assert not any(isinstance(q.object, BlankNode) for q in graph.store) and graph.union_stands()


def test_text_that_looks_like_sparql_stays_text(graph: EmbeddedGraph) -> None:
    nasty = '" } } ; DROP ALL ; INSERT DATA { <x:a> <x:b> "\\\' \u2028 \u0085 \ufffe \n\t 😷 ?x $y \\u0041'
    graph.apply([change(1, "one"), change(2, nasty, name=A + "b")])
    assert [q.object.value for q in graph.store if str(q.subject) == f"<{A}b>"] == [nasty] * 2  # in its graph, in all
    graph.apply([change(3, "", nasty, name=A + "b")])
    assert lines(graph) == {'"one"@en'}


def test_the_digest_is_that_of_the_sorted_lines(graph: EmbeddedGraph) -> None:
    graph.apply([change(1, "b"), change(2, "a", name=A + "0")])
    assert graph.digest("s") == digest(to_payload([(f"<{A}0>", "<x:p>", '"a"@en'), (f"<{A}>", "<x:p>", '"b"@en')]))
    assert graph.digest("nobody") == digest("")


def random_history(picker: random.Random, journal: Journal) -> None:
    names = [f"{A}{n}" for n in range(12)]
    for _ in range(12):
        source = picker.choice(["s", "t"])
        upserts = [
            (name, payload(name, *(f"t{picker.randrange(5)}" for _ in range(picker.randrange(1, 4)))))
            for name in picker.choices(names, k=picker.randrange(6))
        ]
        journal.append(source, upserts, picker.choices(names, k=picker.randrange(3)))


@pytest.mark.parametrize("seed", range(3))
def test_replaying_every_change_gives_what_loading_what_is_live_gives(
    seed: int, journal: Journal, tmp_path: Path
) -> None:
    picker = random.Random(seed)
    random_history(picker, journal)
    replayed = EmbeddedGraph.open(tmp_path / "replayed", create=True)
    changes = list(journal.read(0, with_before=True))
    while changes:
        cut = picker.randrange(1, len(changes) + 1)
        replayed.apply(changes[:cut])
        changes = changes[cut:]
    loaded = EmbeddedGraph.open(tmp_path / "loaded", create=True)
    loaded.load(journal.entities(), journal.last_seq)
    assert replayed.applied_seq() == loaded.applied_seq() == journal.last_seq
    assert set(replayed.store) == set(loaded.store)
    assert {s: replayed.digest(s) for s in ("s", "t")} == {s: loaded.digest(s) for s in ("s", "t")}


def test_many_changes_at_once_say_the_same_as_one_by_one(graph: EmbeddedGraph, tmp_path: Path) -> None:
    changes = [change(n, f"text {n}", name=f"{A}{n}", source="st"[n % 2]) for n in range(1, 301)]
    graph.apply(changes)
    beside = EmbeddedGraph.open(tmp_path / "beside", create=True)
    for one in changes:
        beside.apply([one])
    assert set(graph.store) == set(beside.store)
    beside.close()


def test_what_was_applied_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    graph = EmbeddedGraph.open(tmp_path / "g", create=True)
    graph.apply([change(1, "one")])
    graph.backup(tmp_path / "copy")
    graph.apply([change(2, "two", "one")])
    graph.close()
    again = EmbeddedGraph.open(tmp_path / "g")
    assert (lines(again), again.applied_seq()) == ({'"two"@en'}, 2)
    assert EmbeddedGraph.applied_in(tmp_path / "copy") == 1
    again.clear()
    assert (len(again), again.applied_seq()) == (0, 0)


def test_a_graph_that_is_not_there_is_said_so_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="no graph"):
        EmbeddedGraph.open(tmp_path / "nowhere")
    graph = EmbeddedGraph.open(tmp_path / "g", create=True)
    graph.apply([change(1, "one")])
    graph.close()
    del graph
    (tmp_path / "g" / "CURRENT").write_bytes(b"rubbish")
    mended = EmbeddedGraph.open(tmp_path / "g")
    assert mended.applied_seq() == 0
