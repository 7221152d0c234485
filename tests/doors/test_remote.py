"""A data folder whose graph Virtuoso keeps: the same doors, the same answers, and what is refused there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from kg.endpoint import Address
from kg.errors import Unreachable
from kg.remote_graph import RemoteGraph
from tests.doors.conftest import ROOT, Service

P = (
    "PREFIX fil: <https://w3id.org/filiere/ns#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
    "PREFIX dct: <http://purl.org/dc/terms/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
    "PREFIX g: <https://w3id.org/filiere/graph/> PREFIX : <https://w3id.org/filiere/ns#>\n"
)
SAME = [
    "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }",
    "SELECT ?k (COUNT(DISTINCT ?a) AS ?n) WHERE { ?a a ?k } GROUP BY ?k",
    "SELECT ?a ?n WHERE { ?a a :Cluster ; skos:prefLabel ?n } ORDER BY ?n LIMIT 500",
    "SELECT ?a ?n WHERE { ?a a :Firm ; skos:prefLabel ?n } ORDER BY DESC(?n)",
    "SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p HAVING (COUNT(*) > 100)",
    "SELECT ?a ?lat WHERE { ?a a :Firm ; <http://www.w3.org/2003/01/geo/wgs84_pos#lat> ?lat FILTER(?lat > 48.5) }",
    "SELECT ?a WHERE { ?a a :Firm FILTER NOT EXISTS { ?a <http://www.w3.org/2003/01/geo/wgs84_pos#lat> ?l } }",
    "SELECT ?s ?l WHERE { ?s skos:prefLabel ?l FILTER(LANG(?l) = 'fr') }",
    "SELECT ?s ?l WHERE { ?s skos:prefLabel ?l FILTER(CONTAINS(LCASE(STR(?l)), 'mask')) }",
    "SELECT ?c ?b WHERE { ?c skos:broader ?b . OPTIONAL { ?b skos:broader ?t } FILTER(!BOUND(?t)) }",
    "SELECT DISTINCT ?t WHERE { ?c skos:broader/skos:broader ?t }",
    "SELECT ?c WHERE { VALUES ?c { <https://w3id.org/filiere/competency/mask> <x:none> } ?c a ?k }",
    "SELECT ?g (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s a ?k } FILTER(?g != g:system) } GROUP BY ?g",
    "SELECT (COUNT(*) AS ?n) FROM g:crisis2020 WHERE { ?s ?p ?o }",
    "SELECT ?s ?d WHERE { ?s dct:issued ?d FILTER(STR(?d) > '2020-04') }",
    "SELECT ?a ?c WHERE { GRAPH g:suggested { ?t :actor ?a ; :concerns ?c ; :confidence ?q FILTER(?q >= 0.9) } }",
    "SELECT ?t ?w ?q WHERE { ?t :confidence ?q ; :words ?w }",
    "SELECT ?s WHERE { { ?s a :Lab } UNION { ?s a :Association } MINUS { ?s a :Firm } }",
    "ASK { ?a a :Cluster }",
    "SELECT (COUNT(*) * (2 + 3) AS ?n) WHERE { ?s a :Lab FILTER(STRLEN(STR(?s)) + 1 > (2) * 3) }",
    "ASK { ?a a <x:Nothing> }",
    "CONSTRUCT { ?a :calls ?n . ?a :has [ :place ?c ] } WHERE { ?a a :Lab ; skos:prefLabel ?n "
    "OPTIONAL { ?a <x:c> ?c } }",
    "CONSTRUCT WHERE { ?a a :Lab ; skos:prefLabel ?n }",
    "SELECT ?n ?score ?why WHERE { SERVICE :search { ?m :need 'gel hydroalcoolique'@fr ; :actor ?a ; :score ?score ; "
    ":reason ?why ; :country 'FR' ; :limit 9 } ?a skos:prefLabel ?n }",
    "SELECT ?a ?g WHERE { ?a a :Firm { SELECT ?a (SAMPLE(?n) AS ?g) WHERE { ?a skos:prefLabel ?n } GROUP BY ?a } }",
]
REFUSED = {
    "DESCRIBE <https://w3id.org/filiere/competency/mask>": "CONSTRUCT",
    "SELECT ?x WHERE { BIND(<bif:version>() AS ?x) }": "function",
    "PREFIX bif: <bif:> SELECT ?x WHERE { ?s ?p ?x . ?x bif:contains 'mask' }": "inside an engine",
    "DEFINE input:storage '' SELECT * WHERE { ?s ?p ?o }": "",
    "SELECT * FROM g:a FROM g:b WHERE { ?s ?p ?o }": "several graphs",
    "SELECT ?s ?p ?o WHERE { ?s ?p ?o }": "bound of its own",
    "SELECT * WHERE { ?s ?p }": "mistake",
    "ASK { ?s ?p ?o FILTER EXISTS { GRAPH ?g { ?s ?p ?o } FILTER(?g = <x:other>) } }": "EXISTS",
    "SELECT DISTINCT ?t WHERE { ?c skos:broader+ ?t }": "path",
    "SELECT ?t WHERE { <x:a> ^(skos:broader|skos:related)*/skos:prefLabel ?t }": "path",
    "SELECT ?a WHERE { ?a a :Lab MINUS { ?b a :Firm BIND(?b AS ?a) } }": "MINUS",
    "SELECT (BNODE() AS ?b) WHERE { }": "does not evaluate",
    "SELECT * WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }": "reaches out",
    "INSERT DATA { <x:a> <x:b> <x:c> }": "update",
}


@pytest.fixture(scope="module")
def elsewhere(endpoint: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("remote") / "data"
    with Engine.open(folder, write=True, create=True, graph=endpoint) as engine:
        assert engine.remote is not None
        engine.import_sample()
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
        settings = Settings(data=folder, query_seconds=10.0, query_memory_mb=512)
        with TestClient(create_app(engine, settings), raise_server_exceptions=False) as client:
            while client.get("/health/ready").status_code != 200:
                time.sleep(0.05)
            yield Service(client, engine, secret)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same data with an embedded graph, which no other module's tests have written to."""
    folder = tmp_path_factory.mktemp("embedded") / "data"
    with Engine.open(folder, write=True, create=True) as engine:
        engine.import_sample()
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
        with TestClient(create_app(engine, Settings(data=folder)), raise_server_exceptions=False) as client:
            while client.get("/health/ready").status_code != 200:
                time.sleep(0.05)
            yield Service(client, engine, secret)


def rows(service: Service, query: str, **more: Any) -> Any:
    """What a query answers, so that two engines can be compared: whatever order, names or spelling they choose."""
    graph = "CONSTRUCT" in query
    kind = "application/n-triples" if graph else "application/sparql-results+json"
    answer = service.client.post("/sparql", data={"query": P + query, **more}, headers={"Accept": kind})
    assert answer.status_code == 200, answer.text
    assert answer.headers["filiere-seq"] == str(service.engine.seq)
    if graph:
        return sorted(line if "_:" not in line else "blank" for line in answer.text.splitlines())
    found = answer.json()
    if "boolean" in found:
        return found["boolean"]
    return sorted(
        json.dumps({name: _term(b[name]) for name in found["head"]["vars"] if name in b})
        for b in found["results"]["bindings"]
    )


def _term(term: dict[str, str]) -> list[str]:
    number = term.get("datatype", "").endswith(("integer", "decimal"))
    return [f"{float(term['value']):.6g}" if number else term["value"], term.get("xml:lang", "")]


@pytest.mark.parametrize("query", SAME, ids=lambda q: q[:40])
def test_a_question_has_the_same_answer_wherever_the_graph_is(elsewhere: Service, service: Service, query: str) -> None:
    found = rows(elsewhere, query)
    assert found == rows(service, query)
    assert found or found is False


def test_nothing_is_found_wrong_and_what_is_changed_there_is_found_and_mended(elsewhere: Service) -> None:
    engine = elsewhere.engine
    assert engine.check() == [] and engine.ready
    remote = engine.remote
    assert isinstance(remote, RemoteGraph)
    remote.endpoint.update('INSERT DATA { GRAPH <https://w3id.org/filiere/graph/crisis2020> { <x:a> <x:b> "c" } }')
    assert [(problem.view, problem.repaired) for problem in engine.check(repair=True)] == [("graph", True)]
    assert engine.check() == []


@pytest.mark.parametrize("query", REFUSED, ids=lambda q: q[:40])
def test_what_the_store_cannot_answer_whole_or_must_not_be_asked_is_refused_with_a_reason(
    elsewhere: Service, query: str
) -> None:
    answer = elsewhere.client.post("/sparql", data={"query": P + query if "DEFINE" not in query else query})
    assert answer.status_code in (400, 403, 413), answer.text
    assert REFUSED[query] in str(answer.json()) and answer.json()["mend"]


def test_graphs_of_others_are_not_there(elsewhere: Service) -> None:
    remote = elsewhere.engine.remote
    assert isinstance(remote, RemoteGraph)
    remote.endpoint.update('INSERT DATA { GRAPH <https://others.example.org/g> { <x:other> <x:b> "secret" } }')
    for query in (
        "ASK { <x:other> ?p ?o }", "ASK { GRAPH ?g { <x:other> ?p ?o } }",
        "ASK { GRAPH <https://others.example.org/g> { ?s ?p ?o } }",
        "ASK { ?s ?p ?o FILTER EXISTS { GRAPH <https://others.example.org/g> { <x:other> ?b ?c } } }",
        "ASK { GRAPH ?g { ?s ?p ?o } FILTER(?g = <https://others.example.org/g>) }",
        "ASK FROM <https://others.example.org/g> { ?s ?p ?o }",
        "ASK FROM NAMED <https://others.example.org/g> { GRAPH ?g { ?s ?p ?o } }",
        "ASK { GRAPH ?g { ?s <https://w3id.org/filiere/ns#unionSeq> ?o } }",
    ):  # fmt: skip
        assert rows(elsewhere, query) is False, query
    given = {"default-graph-uri": "https://others.example.org/g"}
    assert rows(elsewhere, "ASK { ?s ?p ?o }", **given) is False


def test_rows_are_cut_where_asked_and_a_seq_is_the_one_there_is(elsewhere: Service) -> None:
    query = {"query": "SELECT ?s WHERE { ?s ?p ?o }", "max-rows": "7"}
    answer = elsewhere.client.get("/sparql", params=query, headers={"Accept": "text/csv"})
    assert answer.headers["filiere-cut"] == "rows=7" and len(answer.text.splitlines()) == 8
    now = elsewhere.engine.seq
    assert elsewhere.client.get("/sparql", params={"query": "ASK {}", "seq": str(now)}).status_code == 200
    gone = elsewhere.client.get("/sparql", params={"query": "ASK {}", "seq": str(now - 1)})
    assert gone.status_code == 404 and "snapshots" in gone.json()["mend"]


def test_an_update_goes_through_the_journal_and_is_there(elsewhere: Service) -> None:
    graph = "https://example.org/notes"
    text = P + (
        f"INSERT {{ GRAPH <{graph}> {{ ?a :seen true , '1.50'^^xsd:decimal , 'x'@en }} }} "
        "WHERE { GRAPH g:crisis2020 { ?a a :Lab } } ;\n"
        f"DELETE {{ GRAPH <{graph}> {{ ?a :seen true }} }} "
        f"WHERE {{ GRAPH <{graph}> {{ ?a :seen true }} GRAPH g:suggested {{ ?t :actor ?a }} }}"
    )
    done = elsewhere.client.post("/sparql", data={"update": text}, headers=elsewhere.auth)
    assert done.status_code == 200, done.text
    count = "SELECT (COUNT(*) AS ?n) WHERE { GRAPH <https://example.org/notes> { ?a :seen ?o } }"
    labs = json.loads(rows(elsewhere, "SELECT (COUNT(DISTINCT ?a) AS ?n) WHERE { ?a a :Lab }")[0])["n"][0]
    found = int(json.loads(rows(elsewhere, count)[0])["n"][0])
    assert 2 * int(labs) <= found < 3 * int(labs)
    assert elsewhere.engine.check() == []
    taken = elsewhere.client.post(f"/history/{done.json()['batches'][0]['batch']}/undo", headers=elsewhere.auth)
    assert taken.status_code == 200 and json.loads(rows(elsewhere, count)[0])["n"][0] == "0"


def test_while_it_is_written_queries_wait_and_then_are_refused(
    elsewhere: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kg.sparql import remote_pool

    remote = elsewhere.engine.remote
    assert isinstance(remote, RemoteGraph)
    monkeypatch.setattr(remote_pool, "_PATIENCE", 0.3)
    remote._change((), (), "<https://w3id.org/filiere/ns#other>", "")
    try:
        answer = elsewhere.client.get("/sparql", params={"query": "ASK {}"})
        assert answer.status_code == 503 and "written" in answer.json()["detail"]
    finally:
        remote._change((), (), "<https://w3id.org/filiere/ns#other>", "")
        remote.endpoint.update("DELETE WHERE { GRAPH ?g { ?s <https://w3id.org/filiere/ns#changing> ?o } }")


def run(endpoint: Address, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "FILIERE_MODEL": "hashing",
        "FILIERE_GRAPH_UPDATE": endpoint.update, "FILIERE_GRAPH_USER": endpoint.credentials.user,
        "FILIERE_GRAPH_PASSWORD": endpoint.credentials.password, "FILIERE_CRASH_AT": crash_at,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def test_a_process_killed_between_requests_is_mended_by_the_next(endpoint: Address, tmp_path: Path) -> None:
    data, rows = tmp_path / "data", tmp_path / "m.csv"
    where = ("--data", str(data), "--graph", endpoint.query)
    rows.write_text("id,name,country,makes\n" + "".join(f"f{n},Firm {n},FR,masques {n}\n" for n in range(300)))
    done = run(endpoint, "import", str(rows), "--source", "members", *where)
    assert done.returncode == 0, done.stderr
    rows.write_text("id,name,country,makes\n" + "".join(f"f{n},Firm {n},DE,gel {n}\n" for n in range(300)))
    for nth in (1, 2, 4):
        killed = run(endpoint, "import", str(rows), "--source", "members", *where, crash_at=f"graph.part:{nth}")
        assert killed.returncode == -signal.SIGKILL
        rows.write_text(rows.read_text().replace("gel", f"gel {nth}"))
    assert run(endpoint, "check", *where).returncode == 1  # it stands behind the journal
    query = "SELECT (COUNT(*) AS ?n) WHERE { ?a a <https://w3id.org/filiere/ns#Firm> }"
    asked = run(endpoint, "sparql", query, "--format", "csv", *where)
    assert asked.returncode == 0 and asked.stdout.split() == ["n", "300"], asked.stderr
    checked = run(endpoint, "check", *where)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    status = json.loads(run(endpoint, "status", "--format", "json", *where).stdout)
    assert status["graph"] == endpoint.query and status["graph_seq"] == status["journal_seq"]


def test_a_store_that_cannot_be_reached_holds_nothing_else_up(tmp_path: Path) -> None:
    nowhere = Address("http://127.0.0.1:9/sparql")
    with Engine.open(tmp_path / "data", write=True, create=True, model="hashing", graph=nowhere) as engine:
        with pytest.raises(Unreachable, match="journal and the index hold"):
            engine.import_sample()
        from search.query import Query

        assert engine.search(Query("masks")).results and not engine.ready
        with pytest.raises(Unreachable):
            engine.sparql("ASK {}")
    with Engine.open(tmp_path / "data", write=True, model="hashing") as engine:
        assert engine.check() == [] and engine.graph.applied_seq() == engine.seq
