"""/graphs and updates: what is written goes through the journal, is checked, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from kg import vocabulary as v
from tests.doors.conftest import Service

G = "http://example.org/g"
TURTLE = {"Content-Type": "text/turtle"}
UPDATE = {"Content-Type": "application/sparql-update"}
FIL = f"PREFIX fil: <{v.NS}> PREFIX skos: <{v.SKOS}> PREFIX : <http://example.org/> "


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("small") / "data"
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
        with TestClient(create_app(engine, Settings(data=folder)), raise_server_exceptions=False) as client:
            while client.get("/health/ready").status_code != 200:
                pass
            yield Service(client, engine, secret)


@pytest.fixture
def empty(small: Service) -> Service:
    for row in small.client.get("/graphs").json()["graphs"]:
        if row["source"] not in (v.PACKAGED, v.DECISIONS):
            params = {"graph": row["graph"], "allow_deletions": "true"}
            assert small.client.delete("/graphs", params=params, headers=small.auth).status_code == 200
    return small


def update(service: Service, text: str, expect: int = 200, **params: Any) -> dict[str, Any]:
    answer = service.client.post("/sparql", content=FIL + text, headers=service.auth | UPDATE, params=params)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


def ask(service: Service, pattern: str, **params: Any) -> bool:
    answer = service.client.get("/sparql", params={"query": f"{FIL} ASK {{ {pattern} }}", **params})
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["boolean"])


def rows(service: Service, query: str) -> list[dict[str, str]]:
    answer = service.client.get("/sparql", params={"query": FIL + query})
    assert answer.status_code == 200, answer.text
    return [{name: cell["value"] for name, cell in row.items()} for row in answer.json()["results"]["bindings"]]


def test_a_graph_is_put_read_added_to_and_deleted(empty: Service) -> None:
    client, params = empty.client, {"graph": G}
    assert client.get("/graphs", params=params).status_code == 404
    put = client.put("/graphs", params=params, content='<x:a> <x:p> "é"@fr .', headers=empty.auth | TURTLE)
    assert (put.status_code, put.headers["location"]) == (201, G)
    again = client.put("/graphs", params=params, content='<x:a> <x:p> "b" .', headers=empty.auth | TURTLE)
    assert again.status_code == 200 and again.headers["filiere-seq"] > put.headers["filiere-seq"]
    added = client.post("/graphs", params=params, content="<x:a> <x:p> 1, 2 .", headers=empty.auth | TURTLE)
    assert added.status_code == 200
    got = client.get("/graphs", params=params, headers={"Accept": "application/n-triples"})
    assert sorted(line.split(" ", 2)[2] for line in got.text.splitlines()) == sorted(
        ['"b" .', f'"1"^^<{v.XSD}integer> .', f'"2"^^<{v.XSD}integer> .']
    )
    head = client.head("/graphs", params=params)
    assert head.status_code == 200 and head.content == b"" and head.headers["etag"]
    assert client.delete("/graphs", params=params, headers=empty.auth).status_code == 200
    assert client.get("/graphs", params=params).status_code == 404
    assert client.delete("/graphs", params=params, headers=empty.auth).status_code == 404


def test_an_empty_graph_is_there_and_the_same_again_changes_nothing(empty: Service) -> None:
    client, params = empty.client, {"graph": G}
    assert client.put("/graphs", params=params, content="", headers=empty.auth | TURTLE).status_code == 201
    assert client.get("/graphs", params=params).status_code == 200
    body = "[] <x:p> [ <x:q> 1 ] . <x:a> <x:p> _:c ."
    first = client.put("/graphs", params=params, content=body, headers=empty.auth | TURTLE)
    again = client.put("/graphs", params=params, content=body, headers=empty.auth | TURTLE)
    assert first.headers["filiere-seq"] == again.headers["filiere-seq"] and again.json()["batches"] == []


def test_blank_nodes_stay_blank_nodes(empty: Service) -> None:
    for name in (G, G + "2"):
        empty.client.put("/graphs", params={"graph": name}, content="[] <x:p> [] .", headers=empty.auth | TURTLE)
    assert ask(empty, f"GRAPH <{G}> {{ ?s <x:p> ?o FILTER(isBlank(?s) && isBlank(?o)) }}")
    assert not ask(empty, f"GRAPH <{G}> {{ ?s <x:p> ?o }} GRAPH <{G}2> {{ ?s <x:p> ?o }}")
    update(empty, f"DELETE WHERE {{ GRAPH <{G}> {{ ?s <x:p> ?o }} }}")
    assert not ask(empty, f"GRAPH <{G}> {{ ?s ?p ?o }}") and ask(empty, "?s <x:p> ?o")


def test_a_graph_without_a_name_gets_one_and_an_address_names_itself(empty: Service) -> None:
    client = empty.client
    new = client.post("/graphs", content="<> <x:p> 1 .", headers=empty.auth | TURTLE)
    assert new.status_code == 201
    assert client.get(new.headers["location"]).status_code == 200
    own = "/graphs/persons/1.ttl"
    assert client.put(own, content="<> <x:p> 1 .", headers=empty.auth | TURTLE).status_code == 201
    assert own in client.get(own, headers={"Accept": "text/turtle"}).text


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        ("<x:a> <x:p> 1 .", "application/rdf+xml", 400),
        ("<x:a> <x:p>", "text/turtle", 400),
        ("{ <x:g> { <x:a> <x:p> 1 } }", "application/trig", 400),
        ("<x:a> <x:p> 1 .", "image/png", 415),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a/>', "application/rdf+xml", 422),
    ],
)
def test_a_body_that_is_not_what_it_says_writes_nothing(empty: Service, body: str, media: str, status: int) -> None:
    headers = empty.auth | {"Content-Type": media}
    answer = empty.client.put("/graphs", params={"graph": G}, content=body, headers=headers)
    assert answer.status_code == status and answer.json()["mend"]
    assert empty.client.get("/graphs", params={"graph": G}).status_code == 404


def test_a_form_sends_files(empty: Service) -> None:
    files = {
        "a": ("a.ttl", "<x:a> <x:p> 1 .", "text/turtle"),
        "b": ("b.nt", "<x:b> <x:p> <x:c> .", "application/n-triples"),
    }
    assert empty.client.post("/graphs", params={"graph": G}, files=files, headers=empty.auth).status_code == 201
    assert ask(empty, f"GRAPH <{G}> {{ <x:a> ?p 1 . <x:b> ?p ?o }}")


def test_writing_needs_a_token_that_allows_it(empty: Service) -> None:
    client = empty.client
    _, narrow = Tokens(empty.engine.folder.tokens).create(("write:members",))
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {narrow}"}, 403)):
        calls = [
            client.put("/graphs", params={"graph": G}, content="<x:a> <x:p> 1 .", headers=headers | TURTLE),
            client.post("/sparql", content="INSERT DATA { <x:a> <x:p> 1 }", headers=headers | UPDATE),
            client.post("/sparql", data={"update": "INSERT DATA { <x:a> <x:p> 1 }"}, headers=headers),
        ]
        assert [call.status_code for call in calls] == [status] * 3
    assert not ask(empty, "<x:a> <x:p> ?o")


def test_the_default_graph_of_an_update_is_one_of_its_own(empty: Service) -> None:
    update(empty, f"INSERT DATA {{ :a :p 1 . GRAPH <{G}> {{ :b :p 2 }} }}")
    update(empty, "INSERT { ?s :seen true } WHERE { ?s :p ?o }")
    assert ask(empty, ":a :seen true") and not ask(empty, ":b :seen true")
    assert empty.client.get("/graphs?default", headers={"Accept": "text/csv, text/turtle"}).text.count("seen") == 1
    update(empty, f"WITH <{G}> DELETE {{ ?s :p ?o }} INSERT {{ ?s :q ?o }} WHERE {{ ?s :p ?o }}")
    assert ask(empty, f"GRAPH <{G}> {{ :b :q 2 }}") and ask(empty, ":a :p 1")


def test_operations_see_what_those_before_them_did(empty: Service) -> None:
    update(
        empty, "INSERT DATA { :a :n 1 } ; DELETE { ?s :n ?n } INSERT { ?s :n ?m } WHERE { ?s :n ?n BIND(?n + 1 AS ?m) }"
    )
    assert rows(empty, "SELECT ?n { :a :n ?n }") == [{"n": "2"}]
    update(empty, f"COPY DEFAULT TO <{G}> ; CLEAR DEFAULT ; INSERT DATA {{ :b :n 3 }}")
    assert ask(empty, f"GRAPH <{G}> {{ :a :n 2 }} :b :n 3")


def test_templates_make_new_blank_nodes_for_each_solution(empty: Service) -> None:
    update(empty, "INSERT DATA { :a :p 1, 2 } ; INSERT { ?s :node [ :of ?o ; :list (1 ?o) ] } WHERE { ?s :p ?o }")
    assert rows(empty, "SELECT (COUNT(DISTINCT ?b) AS ?n) { :a :node ?b }") == [{"n": "2"}]
    assert ask(empty, ":a :node [ :of 2 ; :list (1 2) ]")


def test_what_changed_nothing_writes_nothing(empty: Service) -> None:
    seq = update(empty, "INSERT DATA { :a :p 1 }")["seq"]
    assert update(empty, "INSERT DATA { :a :p 1 }") == {"seq": seq, "batches": []}
    assert update(empty, "DELETE DATA { :x :y 1 } ; CLEAR SILENT GRAPH :none")["batches"] == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("INSERT DATA { :a :p }", 400),
        ("INSERT { ?s :p 1 } WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 403),
        ("LOAD <http://127.0.0.1:1/x>", 400),
        (f"INSERT DATA {{ GRAPH <{v.source_graph(v.PACKAGED)}> {{ :a :p 1 }} }}", 403),
        (f"CLEAR GRAPH <{v.SYSTEM_GRAPH}> ; INSERT DATA {{ GRAPH <{v.SYSTEM_GRAPH}> {{ :a :p 1 }} }}", 403),
        (f"INSERT DATA {{ GRAPH <{v.source_graph('mine')}> {{ :a :p 1 }} }}", 422),
        ("SELECT * { ?s ?p ?o }", 400),
        ("COPY GRAPH :none TO :other", 400),
    ],
)
def test_an_update_that_may_not_be_writes_nothing(empty: Service, text: str, status: int) -> None:
    before = empty.engine.seq
    answer = update(empty, text, status)
    assert answer["mend"] and empty.engine.seq == before


def test_what_is_said_of_a_source_is_checked_as_an_import_is(empty: Service) -> None:
    graph, actor = v.source_graph("mine"), v.source_namespace("mine") + "actor/one"
    good = f'<{actor}> a fil:Firm, fil:Actor ; <{v.DCT}identifier> "one" ; skos:prefLabel "One" ; fil:makes "gel"@en'
    update(empty, f"INSERT DATA {{ GRAPH <{graph}> {{ {good} }} }}")
    assert [actor.id for actor in empty.engine.actors()] == ["one"]
    wrong = update(empty, f"DELETE DATA {{ GRAPH <{graph}> {{ <{actor}> skos:prefLabel 'One' }} }}", 422)
    assert "name" in wrong["detail"] or "prefLabel" in wrong["detail"]
    copy = update(empty, f"INSERT DATA {{ GRAPH <{G}> {{ {good} }} }}", 422)
    assert "another source" in copy["detail"]
    update(empty, f"INSERT DATA {{ GRAPH <{G}> {{ <{actor}> :note 'seen' }} }}")  # a note on it is one's own business
    assert [actor.name for actor in empty.engine.actors()] == ["One"]


def test_a_mass_deletion_is_held_until_it_is_confirmed(empty: Service) -> None:
    graph, space = v.source_graph("mine"), v.source_namespace("mine")
    many = " ".join(
        f'<{space}actor/{n}> a fil:Firm, fil:Actor ; <{v.DCT}identifier> "{n}" ; skos:prefLabel "Firm {n}" .'
        for n in range(9)
    )
    update(empty, f"INSERT DATA {{ GRAPH <{graph}> {{ {many} }} }}")
    assert "9 of 9" in update(empty, f"CLEAR GRAPH <{graph}>", 409)["detail"]
    assert len(list(empty.engine.actors())) == 9
    update(empty, f"CLEAR GRAPH <{graph}>", allow_deletions="true")
    assert not list(empty.engine.actors())


def test_a_batch_can_be_taken_back_with_those_written_together(empty: Service) -> None:
    update(empty, "INSERT DATA { :a :p 1 }")
    done = update(empty, f"DELETE {{ :a :p 1 }} INSERT {{ :a :p 2 . GRAPH <{G}> {{ :b :p 3 }} }} WHERE {{}}")
    assert len(done["batches"]) == 2
    undone = empty.client.post(f"/history/{done['batches'][0]['batch']}/undo", headers=empty.auth)
    assert undone.status_code == 200
    assert ask(empty, ":a :p 1") and not ask(empty, ":a :p 2") and not ask(empty, ":b :p 3")
    newest = empty.client.get("/history", params={"limit": 2}).json()
    assert {batch["note"].split()[0] for batch in newest} == {"undo"}
    again = empty.client.post(f"/history/{done['batches'][0]['batch']}/undo", headers=empty.auth)
    assert again.status_code == 409
    assert empty.client.post("/history/999999/undo", headers=empty.auth).status_code == 404


def test_using_graphs_choose_what_an_update_reads(empty: Service) -> None:
    update(empty, f"INSERT DATA {{ GRAPH <{G}> {{ :a :p 1 }} GRAPH <{G}2> {{ :a :p 2 }} }}")
    update(empty, "INSERT { :found :p ?o } WHERE { ?s :p ?o }", **{"using-graph-uri": G + "2"})
    assert rows(empty, "SELECT ?o { :found :p ?o }") == [{"o": "2"}]
    both = {"using-graph-uri": G}
    assert "USING" in update(empty, f"INSERT {{ :x :p ?o }} USING <{G}2> WHERE {{ ?s :p ?o }}", 400, **both)["detail"]


def test_numbers_and_dates_are_deleted_by_their_value(empty: Service) -> None:
    body = f'<x:a> <x:p> "01"^^<{v.XSD}integer>, "x"@EN .'
    empty.client.put("/graphs", params={"graph": G}, content=body, headers=empty.auth | TURTLE)
    update(empty, f"DELETE WHERE {{ GRAPH <{G}> {{ ?s ?p ?o }} }}")
    assert not ask(empty, "<x:a> ?p ?o")


def test_a_snapshot_can_be_asked_for_by_its_seq(empty: Service) -> None:
    first = update(empty, "INSERT DATA { :a :p 1 }")["seq"]
    assert ask(empty, ":a :p 1")
    second = update(empty, "DELETE DATA { :a :p 1 }")["seq"]
    assert not ask(empty, ":a :p 1")
    assert ask(empty, ":a :p 1", seq=str(first)) and not ask(empty, ":a :p 1", seq=str(second))
    answer = empty.client.get("/sparql", params={"query": "ASK {}", "seq": "1"})
    assert answer.status_code == 404 and str(second) in answer.json()["mend"]


def test_the_ways_of_the_protocol_that_are_wrong_are_refused(empty: Service) -> None:
    client, auth = empty.client, empty.auth
    query, change = "ASK {}", "CLEAR DEFAULT"
    calls = [
        (client.put("/sparql", params={"query": query}), {405}),
        (client.get("/sparql", params={"query": [query, query]}), {400}),
        (client.get("/sparql", params={"update": change}, headers=auth), {400}),
        (client.post("/sparql", content=query, headers={"Content-Type": "text/plain"}), {415}),
        (client.post("/sparql", content="query=ASK%20%7B%7D", headers={"Content-Type": ""}), {415}),
        (
            client.post(
                "/sparql", content="ASK {}", headers={"Content-Type": "application/sparql-query;charset=utf-16"}
            ),
            {415},
        ),
        (
            client.post(
                "/sparql", content=b"ASK { <x:\xff> ?p ?o }", headers={"Content-Type": "application/sparql-query"}
            ),
            {400},
        ),
        (client.post("/sparql", data={"query": query, "update": change}, headers=auth), {400}),
        (client.post("/sparql", data={"update": [change, change]}, headers=auth), {400}),
        (client.post("/sparql", data={}, headers=auth), {400, 415}),
        (client.put("/graphs", params={"graph": "not an iri"}, content="", headers=auth | TURTLE), {400, 422}),
        (client.put("/graphs?default&graph=x:y", content="", headers=auth | TURTLE), {422}),
        (client.put("/graphs", content="", headers=auth | TURTLE), {422}),
    ]
    for answer, status in calls:
        assert answer.status_code in status, (answer.request.url, answer.status_code)
        assert answer.json()["title"]


def test_other_pages_may_ask_first(empty: Service) -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    answer = empty.client.options("/sparql", headers=headers)
    assert answer.status_code == 204
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_writes_survive_a_restart(empty: Service, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        engine.querying.update(FIL + f"INSERT DATA {{ :a :p [ :q 1 ] . GRAPH <{G}> {{ :b :p '01' }} }}")
    (folder / "graph").rename(folder / "gone")
    with Engine.open(folder, write=True, model="hashing") as engine:
        assert engine.check() == []
        assert b"true" in engine.sparql(FIL + "ASK { :a :p [ :q 1 ] }").body
