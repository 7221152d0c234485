"""The graph follows the journal; any triple that is not the journal's is found; snapshots say at which seq."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import mapping, projection
from kg import vocabulary as v
from kg.graph import EmbeddedGraph
from kg.journal import Journal
from kg.model import Actor, Entity, Evidence, Source, Text
from kg.rdf import Literal, NamedNode, Quad
from kg.terms import to_payload

from .strategies import entities


def record(number: int, made: str) -> tuple[str, str]:
    actor = Actor(
        iri=f"https://example.org/actor/{number}",
        source="s",
        id=str(number),
        name=f"Firm {number}",
        latitude=45.50,
        longitude=5.0,
        makes=(Text(made, "en"), Text("a\u2028b\u0085c\ufffed", "fr")),
        evidence=(Evidence(title="T", text=made, lang="en", date="2020-03"),),
    )
    return actor.iri, to_payload(mapping.to_statements(actor))


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[EmbeddedGraph]:
    opened = EmbeddedGraph.open(tmp_path / "graph", create=True)
    yield opened
    opened.close()


@pytest.fixture
def filled(journal: Journal, graph: EmbeddedGraph) -> tuple[Journal, EmbeddedGraph]:
    journal.append("s", [record(n, f"thing {n}") for n in range(20)])
    journal.append("t", [record(99, "other thing")])
    projection.catch_up(journal, graph)
    return journal, graph


def test_the_graph_catches_up_whatever_has_happened_since(filled: tuple[Journal, EmbeddedGraph]) -> None:
    journal, graph = filled
    assert projection.check(journal, graph) == []
    for turn in range(3):
        journal.append("s", [record(turn, "changed"), record(100 + turn, "new")], [record(10 + turn, "")[0]])
        if turn:
            assert projection.catch_up(journal, graph) == journal.last_seq == graph.applied_seq()
    assert projection.check(journal, graph) == []
    assert projection.catch_up(journal, graph) == journal.last_seq


@given(st.lists(entities, max_size=6))
@settings(max_examples=15, deadline=None)
def test_whatever_records_say_the_graph_says_the_same(found: list[Entity]) -> None:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        journal = Journal.open(Path(folder) / "journal.sqlite", create=True)
        graph = EmbeddedGraph.open(Path(folder) / "graph", create=True)
        for entity in found:
            name = v.source_graph(entity.id) if isinstance(entity, Source) else entity.iri
            journal.append("s", [(name, to_payload(mapping.to_statements(entity)))])
            projection.catch_up(journal, graph)
        assert projection.check(journal, graph) == []
        assert journal.verify() == []
        journal.append("s", [], journal.current("s"))
        projection.catch_up(journal, graph)
        assert projection.check(journal, graph) == []
        assert len(graph) == 1  # the marker
        graph.close()
        journal.close()


def test_progress_is_told_and_chunks_are_whole(
    filled: tuple[Journal, EmbeddedGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, graph = filled
    monkeypatch.setattr(projection, "CHUNK", 3)
    journal.append("s", [record(n, "changed") for n in range(10)])
    told: list[tuple[str, int, int]] = []
    projection.catch_up(journal, graph, lambda *step: told.append(step))
    assert told == [("graph", 3, 10), ("graph", 6, 10), ("graph", 9, 10), ("graph", 10, 10)]
    assert projection.check(journal, graph) == []


def test_a_graph_behind_or_ahead_is_said_so(filled: tuple[Journal, EmbeddedGraph], tmp_path: Path) -> None:
    journal, graph = filled
    journal.append("s", [record(50, "late")])
    assert "stands at seq" in projection.check(journal, graph)[0]
    other = Journal.open(tmp_path / "other.sqlite", create=True)
    other.append("s", [record(1, "alone")])
    projection.catch_up(other, graph)  # it was ahead of this journal: built again
    assert projection.check(other, graph) == []
    other.close()


def test_any_one_triple_too_many_too_few_or_changed_is_found(filled: tuple[Journal, EmbeddedGraph]) -> None:
    journal, graph = filled
    picker = random.Random(20200325)
    found = sorted((q for q in graph.store if str(q.graph_name) != f"<{v.SYSTEM_GRAPH}>"), key=str)
    for number, chosen in enumerate(picker.sample(found, 60)):
        changed = Quad(chosen.subject, chosen.predicate, Literal(f"changed {number}"), chosen.graph_name)
        way = ("few", "many", "changed")[number % 3]
        if way != "many":
            graph.store.remove(chosen)
        if way != "few":
            graph.store.add(changed)
        problems = projection.check(journal, graph)
        assert len(problems) == 1, (way, chosen)
        graph_name = str(chosen.graph_name)
        wanted = repr(graph_name[1:-1].rsplit("/", 1)[-1]) if graph_name != "DEFAULT" else "default graph"
        assert wanted in problems[0]
        graph.store.remove(changed)
        graph.store.add(chosen)
        assert projection.check(journal, graph) == []
    graph.store.remove(found[0])
    projection.repair(journal, graph)
    assert projection.check(journal, graph) == []


def test_a_graph_of_a_source_that_nobody_knows_is_found(filled: tuple[Journal, EmbeddedGraph]) -> None:
    journal, graph = filled
    name = NamedNode(v.source_graph("stranger"))
    graph.store.add(Quad(name, name, name, name))
    assert "'stranger'" in projection.check(journal, graph)[0]


def test_a_load_that_was_cut_short_is_done_again(journal: Journal, graph: EmbeddedGraph) -> None:
    journal.append("s", [record(n, "thing") for n in range(5)])
    graph._bulk(list(journal.entities())[:2])  # what a killed load leaves: triples without a marker
    assert graph.applied_seq() == 0
    projection.catch_up(journal, graph)
    assert projection.check(journal, graph) == []


def test_a_snapshot_is_named_by_its_seq_and_does_not_move(
    filled: tuple[Journal, EmbeddedGraph], tmp_path: Path
) -> None:
    journal, graph = filled
    folder = tmp_path / "snapshots"
    assert projection.latest_snapshot(folder) is None
    first = projection.snapshot(graph, folder)
    assert projection.snapshot_seq(first) == graph.applied_seq() == EmbeddedGraph.applied_in(first)
    assert projection.snapshot(graph, folder) == first
    (folder / ".partial-12345").mkdir()
    for turn in range(3):
        journal.append("s", [record(1, f"turn {turn}")])
        projection.catch_up(journal, graph)
        newest = projection.snapshot(graph, folder)
        assert projection.latest_snapshot(folder) == newest
        assert projection.snapshot_seq(newest) == journal.last_seq == EmbeddedGraph.applied_in(newest)
    assert len(list(folder.iterdir())) == projection.KEPT
