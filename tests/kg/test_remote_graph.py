"""One contract, two engines: the embedded graph and Virtuoso by its URL; and what is peculiar to the latter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import mapping, projection, rdf, remote_graph
from kg import vocabulary as v
from kg.credentials import Credentials
from kg.endpoint import Address, Endpoint
from kg.engine_terms import compared, restored, sent
from kg.errors import Unreachable
from kg.graph import EmbeddedGraph, Graph
from kg.journal import Journal
from kg.model import Entity, Source
from kg.remote_graph import RemoteGraph
from kg.terms import literal, to_payload

from .strategies import entities
from .test_graph import A, change, payload, random_history

ENGINES = ("embedded", "virtuoso")


@dataclass
class World:
    """A graph of one of the engines, and what it says as the journal spells it."""

    graph: Graph

    def said(self, name: str) -> set[str]:
        """The statements of a named graph, or of the default graph with "union"."""
        if isinstance(self.graph, RemoteGraph):
            rows = self.graph._statements(v.source_graph(name))
            return {f"{row['s']} {row['p']} {restored(row['o'])}" for row in rows}
        assert isinstance(self.graph, EmbeddedGraph)
        wanted = "DEFAULT" if name == "union" else f"<{v.source_graph(name)}>"
        found = [q for q in self.graph.store if str(q.graph_name) == wanted]
        return {f"{rdf.spelled(q.subject)} {q.predicate} {rdf.spelled(q.object)}" for q in found}

    def texts(self, name: str = "s") -> list[str]:
        return sorted(line.split(" ", 2)[2] for line in self.said(name))

    def tamper(self, removed: str, added: str, source: str) -> None:
        """Takes a statement out of a graph and puts another in, past everything that knows of it."""
        if isinstance(self.graph, RemoteGraph):
            for verb, line in (("DELETE", removed), ("INSERT", added)):
                if line:
                    self.graph.endpoint.update(f"{verb} DATA {{ GRAPH <{v.source_graph(source)}> {{ {line} . }} }}")
            return
        assert isinstance(self.graph, EmbeddedGraph)
        for quad in rdf.quads(f"{removed} .\n" if removed else "", v.source_graph(source)):
            self.graph.store.remove(quad)
        self.graph.store.extend(rdf.quads(f"{added} .\n" if added else "", v.source_graph(source)))


@pytest.fixture
def remote(endpoint: Address) -> RemoteGraph:
    graph = RemoteGraph(Endpoint(endpoint))
    graph.clear()
    return graph


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "virtuoso":
        yield World(request.getfixturevalue("remote"))
        return
    graph = EmbeddedGraph.open(tmp_path / "graph", create=True)
    yield World(graph)
    graph.close()


def test_a_change_replaces_what_stood_there_and_moves_the_marker(world: World) -> None:
    graph = world.graph
    assert graph.applied_seq() == 0
    graph.apply([change(1, "one")])
    assert (world.texts(), graph.applied_seq()) == (['"one"@en'], 1)
    graph.apply([change(2, "two", "one"), change(3, "three", "two")])
    assert (world.texts(), graph.applied_seq()) == (['"three"@en'], 3)
    graph.apply([change(4, "", "three")])
    assert (world.texts(), world.texts("union"), graph.applied_seq()) == ([], [], 4)
    graph.apply([])
    assert graph.applied_seq() == 4
    graph.clear()
    assert (graph.applied_seq(), graph.sources()) == (0, set())


def test_the_same_changes_twice_say_the_same_as_once(world: World) -> None:
    changes = [change(1, "one"), change(2, "two", "one"), change(3, "x", name=A + "b")]
    world.graph.apply(changes)
    once = world.graph.digest("s")
    world.graph.apply(changes)
    assert world.graph.digest("s") == once and len(world.texts()) == 2


def test_the_default_graph_says_once_what_any_source_says(world: World) -> None:
    graph = world.graph
    graph.apply([change(1, "same"), change(2, "same", source="t"), change(3, "more", source="t", name=A + "b")])
    assert world.texts("union") == ['"more"@en', '"same"@en'] and graph.union_stands()
    assert graph.sources() == {"s", "t"}
    graph.apply([change(4, "", "same")])
    assert world.texts("union") == ['"more"@en', '"same"@en'] and graph.union_stands()
    graph.apply([change(5, "other", "same", source="t")])
    assert world.texts("union") == ['"more"@en', '"other"@en'] and graph.union_stands()
    graph.apply([change(6, "", "other", source="t"), change(7, "other", source="s")])
    assert world.texts("union") == ['"more"@en', '"other"@en'] and graph.union_stands()
    graph.change_suggested((), payload(A, "guess"), "mark")
    assert world.texts("union") == ['"guess"@en', '"more"@en', '"other"@en'] and graph.union_stands()
    world.tamper("", '<x:s> <x:p> "stray"', "union" if isinstance(graph, RemoteGraph) else "s")
    assert not graph.union_stands()


def test_suggestions_are_swapped_marked_and_dropped(world: World, journal: Journal) -> None:
    graph = world.graph
    journal.append("s", [(A, payload(A, "one"))])
    projection.catch_up(journal, graph)
    tag = to_payload(
        [
            (f"<{A}>", f"<{v.NS}suggestedCompetency>", "<x:c>"),
            (f"<{A}/tag/1>", f"<{v.NS}actor>", f"<{A}>"),
            (f"<{A}/tag/1>", f"<{v.NS}confidence>", f'"0.95"^^<{v.XSD}decimal>'),
            (f"<{A}/tag/1>", f"<{v.NS}words>", literal("masques «FFP2»", "fr")),
        ]
    )
    graph.load_suggested([tag, tag.replace("0.95", "1").replace(A, A + "2")])
    assert graph.suggested_from() == ""
    graph.change_suggested((), "", "1 made 00")
    assert graph.suggested_from() == "1 made 00" and len(list(graph.suggested())) == 8
    found = graph.suggested_of(A)
    assert to_payload([(str(q.subject), str(q.predicate), str(q.object)) for q in found]) == tag
    graph.change_suggested(found, "", "2 made 01")
    assert graph.suggested_of(A) == [] and len(list(graph.suggested())) == 4 and graph.union_stands()
    graph.drop_suggested(journal.entities())
    assert list(graph.suggested()) == [] and projection.check(journal, graph) == []


def test_text_that_looks_like_sparql_stays_text(world: World) -> None:
    nasty = '" } } ; DROP ALL ; INSERT DATA { <x:a> <x:b> "\\\' \u2028 \u0085 \ufffe \n\t 😷 ?x $y \\u0041 `x` %s ??'
    world.graph.apply([change(1, "one"), change(2, nasty, name=A + "b")])
    assert world.texts() == sorted(['"one"@en', literal(nasty, "en")])
    world.graph.apply([change(3, "", nasty, name=A + "b")])
    assert world.texts() == ['"one"@en']


def test_replaying_every_change_gives_what_loading_what_is_live_gives(world: World, journal: Journal) -> None:
    picker = random.Random(20200325)
    random_history(picker, journal)
    changes = list(journal.read(0, with_before=True))
    while changes:
        cut = picker.randrange(1, len(changes) + 1)
        world.graph.apply(changes[:cut])
        changes = changes[cut:]
    replayed = {name: world.said(name) for name in ("s", "t", "union")}
    assert projection.check(journal, world.graph) == []
    projection.repair(journal, world.graph)
    assert {name: world.said(name) for name in ("s", "t", "union")} == replayed
    assert projection.check(journal, world.graph) == []


def test_any_one_triple_too_many_too_few_or_changed_is_found(world: World, journal: Journal) -> None:
    journal.append("s", [(f"{A}{n}", payload(f"{A}{n}", f"text {n}", "more")) for n in range(9)])
    projection.catch_up(journal, world.graph)
    picker = random.Random(1)
    for number, chosen in enumerate(picker.sample(sorted(world.said("s")), 6)):
        way = ("few", "many", "changed")[number % 3]
        changed = f'{" ".join(chosen.split(" ")[:2])} "x{number}"'
        gone, come = "" if way == "many" else chosen, "" if way == "few" else changed
        world.tamper(gone, come, "s")
        problems = projection.check(journal, world.graph)
        assert len(problems) == 1 and "'s'" in problems[0], (way, chosen)
        world.tamper(come, gone, "s")
        assert projection.check(journal, world.graph) == []
    world.tamper("", '<x:s> <x:p> "x"', "stranger")
    assert "'stranger'" in projection.check(journal, world.graph)[0]
    projection.repair(journal, world.graph)
    assert projection.check(journal, world.graph) == []


# What is peculiar to a store of another make

KINDS = [v.XSD + kind for kind in (
    "integer", "decimal", "boolean", "double", "float", "date", "dateTime", "gYear", "gYearMonth", "duration", "time",
    "anyURI", "int", "nonNegativeInteger", "token", "base64Binary", "hexBinary", "gMonth", "language", "QName",
)] + [v.GEO + "wktLiteral", v.RDF + "JSON", "urn:dt", "http://www.openlinksw.com/schemas/virtrdf#Geometry"]  # fmt: skip
FORMS = [
    *("0", "1", "-1", "01", "1.0", "1.50", "-0.5", "+3", ".5", "true", "false", "2020", "2020-03", "2020-03-25"),
    *("2020-13-45", "2020-02-30", "2020-03-25Z", "2020-03-25T10:00:00", "2020-03-25T10:00:00+02:00", "1e3", "INF"),
    *("NaN", "abc", "P1Y", "POINT(1.50 2)", "9223372036854775808", "999999999999999999", "0.123456789012345", "-0"),
    *("123456789012345.123456789012345", "-0.0", "--03", "0044", "-0044", "http://example.org/é", "", " 1 "),
]
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
terms = st.one_of(
    st.builds(lambda text, kind: literal(text, "", kind), st.sampled_from(FORMS) | anything, st.sampled_from(KINDS)),
    st.builds(literal, anything, st.sampled_from(["", "fr", "en-gb", "sr-latn"])),
)


def said_and_unsaid(graph: RemoteGraph, journal: Journal, records: Sequence[tuple[str, str]]) -> None:
    """The store says what records say; and nothing once they are gone."""
    graph.clear()
    projection.catch_up(journal, graph)
    for record in records:
        journal.append("s", [record])
        projection.catch_up(journal, graph)
    assert projection.check(journal, graph) == []
    journal.append("s", [], journal.current("s"))
    projection.catch_up(journal, graph)
    assert projection.check(journal, graph) == []
    assert World(graph).said("s") == World(graph).said("union") == set()


@given(st.lists(terms, min_size=1, max_size=40), st.lists(entities, max_size=2))
@settings(max_examples=12, deadline=None)
def test_whatever_literals_and_records_say_the_store_says_the_same(
    endpoint: Address, tmp_path_factory: pytest.TempPathFactory, found: list[str], records: list[Entity]
) -> None:
    journal = Journal.open(tmp_path_factory.mktemp("odd") / "journal.sqlite", create=True)
    odd = (A, to_payload([(f"<{A}>", "<x:p>", term) for term in found]))
    known = [
        (v.source_graph(e.id) if isinstance(e, Source) else e.iri, to_payload(mapping.to_statements(e)))
        for e in records
    ]
    said_and_unsaid(RemoteGraph(Endpoint(endpoint)), journal, [odd, *known])
    journal.close()


def test_what_the_store_would_change_comes_back_as_it_was(remote: RemoteGraph) -> None:
    kept = [
        '"POINT(1.50 2)"^^<' + v.GEO + "wktLiteral>", '"P1Y"^^<' + v.XSD + "duration>", '"abc"^^<' + v.XSD + "integer>",
        '"9223372036854775808"^^<' + v.XSD + "integer>", '"NaN"^^<' + v.XSD + "double>",
        '"2020-03"^^<' + v.XSD + "gYearMonth>",
        '"a\\u0001\\u007F\\uFFFE\\nb"', '"x"@sr-latn', f"<{v.GENID}b1>",
    ]  # fmt: skip
    long = [literal("é" * 1_200_000, "fr"), f"<https://example.org/{'a' * 3000}>"]
    said = to_payload([(f"<{A}>", "<x:p>", term) for term in [*kept, *long]])
    one = change(1, "x")
    remote.apply([type(one)(1, 1, one.time, "s", A, "upsert", "", said)])
    back = {restored(row["o"]) for row in remote._statements(v.source_graph("s"))}
    assert back == {*kept, *map(sent, long)}
    assert all("urn:filiere:long:" in sent(term) and len(sent(term)) < 100 for term in long)


def test_numbers_are_compared_by_value_and_nothing_else_is() -> None:
    def same(*given: str) -> int:
        return len({compared(sent(term)) for term in given})

    number = [f'"{text}"^^<{v.XSD}{kind}>' for text, kind in (("1", "integer"), ("1.0", "decimal"), ("01", "integer"))]
    assert same(*number) == 1
    assert same(f'"true"^^<{v.XSD}boolean>', f'"1"^^<{v.XSD}boolean>') == 1
    assert same('"1"', '"1"@en', number[0], f'"1"^^<{v.XSD}double>', '"1"^^<urn:dt>', f'"1"^^<{v.XSD}boolean>') == 6
    assert same('"a"@en', '"a"@fr', '"a"', '"A"') == 4


def test_graphs_of_others_in_the_same_store_are_left_alone(remote: RemoteGraph, journal: Journal) -> None:
    theirs = "https://others.example.org/graph"
    remote.endpoint.update(f'INSERT DATA {{ GRAPH <{theirs}> {{ <x:a> <x:b> "theirs" }} }}')
    journal.append("s", [(A, payload(A, "ours"))])
    journal.append("https://example.org/free", [(A + "f", payload(A + "f", "free"))])
    projection.catch_up(journal, remote)
    assert projection.check(journal, remote) == []
    assert remote.sources() == {"s", "https://example.org/free"}
    assert World(remote).texts("union") == ['"free"@en', '"ours"@en']
    remote.clear()
    assert remote.sources() == set() and World(remote).texts("https://example.org/free") == []
    assert World(remote).texts(theirs) == ['"theirs"']


@pytest.mark.parametrize("after", range(1, 9))
def test_a_change_cut_short_is_seen_and_made_again(
    remote: RemoteGraph, journal: Journal, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(remote_graph, "_STATEMENTS", 3)
    names = [f"{A}{n}" for n in range(6)]
    journal.append("s", [(name, payload(name, "old", "kept")) for name in names])
    projection.catch_up(journal, remote)
    journal.append("t", [(A, payload(A, "old"))])
    journal.append("s", [(name, payload(name, "new", "kept")) for name in names[:3]], names[3:])
    done, real = 0, remote.endpoint.update

    def update(text: str) -> None:
        nonlocal done
        done += 1
        if done > after:
            raise Unreachable("cut")
        real(text)

    monkeypatch.setattr(remote.endpoint, "update", update)
    with pytest.raises(Unreachable, match="cut"):
        projection.catch_up(journal, remote)
    monkeypatch.setattr(remote.endpoint, "update", real)
    assert not remote.state().whole and remote.applied_seq() < journal.last_seq
    projection.catch_up(journal, remote)
    assert remote.state().whole and projection.check(journal, remote) == []


def test_much_goes_in_requests_that_the_store_takes_and_comes_back_in_pages(
    remote: RemoteGraph, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append("s", [(f"{A}{n}", payload(f"{A}{n}", *(f"text {n} {m}" for m in range(10)))) for n in range(1100)])
    monkeypatch.setattr(remote_graph, "_STATEMENTS", 6000)  # more than it takes: halved until it does
    monkeypatch.setattr(remote_graph, "_CHARACTERS", 10**9)
    projection.catch_up(journal, remote)
    assert projection.check(journal, remote) == []
    assert len(World(remote).said("s")) == 11_000  # over ResultSetMaxRows


def test_rows_that_do_not_come_are_missed(remote: RemoteGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.apply([change(n, f"text {n}", name=f"{A}{n}") for n in range(1, 6)])
    real = remote.endpoint.rows
    monkeypatch.setattr(remote.endpoint, "rows", lambda query, *more: (real(query, *more)[0][:4], False))
    with pytest.raises(Unreachable, match="5 statements and gave 4"):
        remote.digest("s")


def test_who_may_not_write_is_told_what_to_set(endpoint: Address, remote: RemoteGraph) -> None:
    for credentials in (Credentials(), Credentials("dba", "wrong")):
        stranger = RemoteGraph(Endpoint(Address(endpoint.query, endpoint.update, credentials)))
        assert stranger.applied_seq() == 0
        with pytest.raises(Unreachable, match="401") as told:
            stranger.apply([change(1, "x")])
        assert "FILIERE_GRAPH_USER" in told.value.mend and "wrong" not in str(told.value)
    assert "secret" not in repr(Credentials("me", "secret"))


def test_challenges_are_answered_as_the_standards_ask() -> None:
    who = Credentials("Aladdin", "open sesame")
    assert who.answer('Basic realm="x"', "POST", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Credentials().answer('Basic realm="x"', "POST", "/") == ""
    assert who.answer('Digest realm="x", nonce="n", algorithm=ROT13, qop="auth"', "POST", "/") == ""
    told = who.answer(
        'Digest realm="a, b", nonce="n", qop="auth,auth-int", opaque="o", algorithm=SHA-256', "GET", "/p?q"
    )
    assert 'realm="a, b"' in told and 'opaque="o"' in told and 'uri="/p?q"' in told and "algorithm=SHA-256" in told
