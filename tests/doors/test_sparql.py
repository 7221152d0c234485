"""/sparql: the protocol for queries, and what hurts an engine."""

from __future__ import annotations

import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kg.sparql.formats import GRAPHS
from tests.doors.conftest import Process, Service

COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?a a <https://w3id.org/filiere/ns#Cluster> }"
PAIR = "{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


def test_a_query_comes_by_get_form_or_body(service: Service) -> None:
    client = service.client
    answers = [
        client.get("/sparql", params={"query": COUNT}),
        client.post("/sparql", data={"query": COUNT}),
        client.post("/sparql", content=COUNT, headers={"Content-Type": "application/sparql-query"}),
    ]
    for answer in answers:
        assert answer.headers["content-type"].startswith("application/sparql-results+json")
        assert answer.headers["filiere-seq"] == str(service.engine.seq)
        assert answer.json()["results"]["bindings"][0]["n"]["value"] == "162"


@pytest.mark.parametrize(
    ("accept", "begins"),
    [
        ("application/sparql-results+xml", b"<?xml"),
        ("text/csv", b"n\r\n162"),
        ("text/tab-separated-values", b"?n\n162"),
        ("text/turtle;q=0.1, text/csv;q=0.5", b"n\r\n"),
    ],
)
def test_solutions_come_in_the_form_asked_for(service: Service, accept: str, begins: bytes) -> None:
    assert service.client.get("/sparql", params={"query": COUNT}, headers={"Accept": accept}).content.startswith(begins)


@pytest.mark.parametrize("accept", list(GRAPHS)[:6])
def test_graphs_come_in_the_form_asked_for(service: Service, accept: str) -> None:
    query = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 5"
    answer = service.client.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(accept)


def test_a_form_that_does_not_exist_is_refused_with_the_list(service: Service) -> None:
    answer = service.client.get("/sparql", params={"query": COUNT}, headers={"Accept": "image/png"})
    assert answer.status_code in (400, 406)
    assert "text/csv" in answer.json()["mend"]


def test_a_graph_can_be_named_in_the_request(service: Service) -> None:
    elsewhere = {"query": "ASK { ?s ?p ?o }", "default-graph-uri": "https://example.org/none"}
    assert service.client.get("/sparql", params=elsewhere).json()["boolean"] is False


REFUSED = [
    "INSERT DATA { <x:a> <x:b> <x:c> }",
    "PREFIX x: <x:>\nDELETE WHERE { ?s ?p ?o }",
    "# SELECT\nCLEAR ALL",
    "LOAD <http://127.0.0.1/>",
    "SELECT * WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
    "SELECT * WHERE { service silent <http://127.0.0.1:1/> { ?s ?p ?o } }",
    "SELECT * WHERE { \\u0053ERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
    "SELECT * WHERE { { SELECT * { SERVICE?x { ?s ?p ?o } } } }",
    "SELECT * WHERE { ?s ?p 'unclosed }",
    "SELECT ?x WHERE " + "{" * 2200 + "}" * 2200,
    "SELECT (" + "(" * 5000 + "1" + ")" * 5000 + " AS ?x) {}",
    "SELECT * { ?s ?p ?o FILTER(" + " || ".join(["true"] * 10_000) + ") }",
    "SELECT * { ?s " + "(" * 3000 + "<x:p>" + ")*" * 3000 + " ?o }",
    "",
    "\x00",
    "SELECT * { }" + " " * 300_000,
]


@pytest.mark.parametrize("query", REFUSED, ids=lambda q: q[:30])
def test_what_writes_reaches_out_or_hurts_the_parser_is_refused(service: Service, query: str) -> None:
    answer = service.client.post(
        "/sparql", content=query.encode(), headers={"Content-Type": "application/sparql-query"}
    )
    assert answer.status_code in (400, 403, 413), answer.text
    assert answer.json()["detail"] and answer.json()["mend"]


def test_words_inside_strings_comments_and_iris_are_only_words(service: Service) -> None:
    query = (
        '# SERVICE\nSELECT ("SERVICE <x> { INSERT }" AS ?x) { ?s <http://x/SERVICE> ?service . ?s ?p """LOAD \\" x""" }'
    )
    assert service.client.get("/sparql", params={"query": query}).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("update=CLEAR+ALL", "application/x-www-form-urlencoded"), ("CLEAR ALL", "application/sparql-update"),
        ("x", "text/plain"),
    ],
)  # fmt: skip
def test_updates_without_a_token_and_other_bodies_are_refused(service: Service, content: str, kind: str) -> None:
    answer = service.client.post("/sparql", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (401, 415)


DATES = {
    "gYear": "20{d}", "date": "20{d}-01-{d}", "dateTime": "20{d}-01-{d}T00:00:00", "double": "NaN",
    "duration": "P{n}D", "yearMonthDuration": "P{n}M",
}  # fmt: skip
HURTING = [
    f"SELECT * WHERE {PAIR} ORDER BY ?l LIMIT 1",
    f"SELECT (COUNT(*) AS ?n) WHERE {PAIR}",
    "SELECT ?x9 { BIND('" + "x" * 1000 + "' AS ?x0) "
    + " ".join(f"BIND(CONCAT(?x{n},?x{n},?x{n},?x{n},?x{n},?x{n},?x{n},?x{n}) AS ?x{n + 1})" for n in range(9)) + " }",
    "SELECT * { ?a (<x:p>|!<x:p>)* ?b . ?b (<x:p>|!<x:p>)* ?c . ?c (<x:p>|!<x:p>)* ?d }",
    "SELECT * { " + " . ".join(f"?s ?p{n} ?o{n}" for n in range(300)) + " }",
    "SELECT * WHERE { ?s ?p ?o . FILTER(REGEX(STR(?o), '(a+)+$')) ?x ?y ?z . ?u ?v ?w }",
]  # fmt: skip


def test_queries_that_hurt_end_in_time_and_the_service_never_notices(process: Process) -> None:
    def hurt(query: str) -> tuple[float, int]:
        started = time.monotonic()
        answer = httpx.post(process.url + "/sparql", data={"query": query}, timeout=30)
        return time.monotonic() - started, answer.status_code

    slowest, searches = 0.0, []
    with ThreadPoolExecutor(len(HURTING)) as pool:
        hurting = [pool.submit(hurt, query) for query in HURTING]
        while not all(h.done() for h in hurting):
            started = time.monotonic()
            assert httpx.get(process.url + "/health/live", timeout=10).status_code == 200
            slowest = max(slowest, time.monotonic() - started)
            searches.append(httpx.get(process.url + "/search", params={"q": "gel"}, timeout=10).status_code)
            time.sleep(0.05)
    for seconds, status in (h.result() for h in hurting):
        assert seconds < 3 + 0.5
        assert status in (200, 400, 413, 503)
    assert slowest < (0.5 if "PYTEST_XDIST_WORKER" in os.environ else 0.2)  # 0.2 of an undisturbed machine
    assert set(searches) == {200}
    assert process.popen.poll() is None
    assert httpx.post(process.url + "/sparql", data={"query": "ASK {}"}, timeout=10).json()["boolean"] is True


def test_a_child_has_no_network_and_its_death_costs_one_query(service: Service) -> None:
    service.client.get("/sparql", params={"query": "ASK {}"})
    pool = service.engine.querying._pool
    assert pool is not None
    assert pool.sandbox.startswith("seccomp")
    assert {worker.network for worker in pool._idle} == {"Operation not permitted"}
    for pid in pool.pids():
        os.kill(pid, 9)
    assert service.client.get("/sparql", params={"query": "ASK {}"}).status_code == 200


def test_a_result_too_large_is_refused_not_cut(service: Service) -> None:
    from kg.errors import TooLarge
    from kg.sparql.pool import Budget, QueryPool

    pool = QueryPool(lambda seq: service.engine.snapshot(), Budget(body_bytes=10_000))
    try:
        with pytest.raises(TooLarge, match="LIMIT"):
            pool.query("SELECT * { ?s ?p ?o }")
        assert json.loads(pool.query("SELECT * { ?s ?p ?o } LIMIT 3").body)["results"]["bindings"]
    finally:
        pool.close()


def test_an_order_that_breaks_the_engine_costs_one_child(service: Service) -> None:
    # Oxigraph's order of numbers, texts, dates and durations together is no total order; its sort notices and aborts.
    space = "http://www.w3.org/2001/XMLSchema#"
    kinds = ["'{n}'", "{n}", "<x:{n}>", "{n}.5", "'x{n}'^^<x:t>", "true", "'b{n}'@en"]
    kinds += [f"'{form}'^^<{space}{name}>" for name, form in DATES.items()]
    seen: set[int] = set()
    for seed in range(8):
        picker = random.Random(seed)
        numbers = [(picker.choice(kinds), picker.randrange(50), picker.randrange(10, 19)) for _ in range(3000)]
        terms = " ".join(kind.format(n=n, d=d) for kind, n, d in numbers)
        answer = service.client.post("/sparql", data={"query": f"SELECT ?x {{ VALUES ?x {{ {terms} }} }} ORDER BY ?x"})
        assert answer.status_code == 200 or "STR(?x)" in answer.json()["mend"]
        seen.add(answer.status_code)
    assert seen <= {200, 503}
    assert service.client.get("/sparql", params={"query": COUNT}).status_code == 200
