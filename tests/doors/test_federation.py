"""SERVICE to other endpoints: two real services on loopback, one asking the other, and endpoints that fail."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.engine import Engine
from kg import vocabulary as v
from tests.doors.conftest import ROOT, Process

HEAD = f"PREFIX filiere: <{v.NS}> PREFIX skos: <{v.SKOS}> "


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[str]:
    """The address of a data folder served by a process of its own."""
    log = folder.parent / f"{folder.name}.log"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **settings}
    with log.open("w") as stream:
        command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data", str(folder)]
        popen = subprocess.Popen(command, env=environment, stderr=stream)
        try:
            end = time.monotonic() + 30
            while not (found := re.search(r"at (http://\S+)", log.read_text())):
                assert popen.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            url = found.group(1).rstrip("/")
            while httpx.get(url + "/health/ready").status_code != 200:
                time.sleep(0.05)
            yield url
        finally:
            popen.terminate()
            popen.wait(timeout=20)


@pytest.fixture(scope="module")
def asking(process: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second node, which holds one actor and may ask the first node by its address and as urn:fr."""
    folder = tmp_path_factory.mktemp("asking") / "data"
    file = folder.parent / "own.jsonl"
    file.write_text('{"id": "own", "name": "Own", "makes": ["gel"], "country": "FR"}\n', encoding="utf-8")
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        engine.import_files([file], engine.described("own"))
    allowed = f"{process.url}/sparql urn:fr={process.url}/sparql http://127.0.0.1:1/sparql"
    with served(folder, FILIERE_SERVICES=allowed, FILIERE_MODEL="hashing", FILIERE_QUERY_SECONDS="5") as url:
        yield url


def answer(url: str, query: str) -> httpx.Response:
    return httpx.get(url + "/sparql", params={"query": HEAD + query}, timeout=30)


def rows(url: str, query: str) -> list[dict[str, str]]:
    found = answer(url, query)
    assert found.status_code == 200, found.text
    return [{name: cell["value"] for name, cell in row.items()} for row in found.json()["results"]["bindings"]]


def test_another_node_is_asked_by_its_address_or_alias(asking: str, process: Process) -> None:
    pattern = "?c a filiere:Cluster ; skos:prefLabel ?name"
    direct = {row["name"] for row in rows(process.url, f"SELECT ?name {{ {pattern} }}")}
    for name in (f"<{process.url}/sparql>", "<urn:fr>"):
        through = rows(asking, f"SELECT ?name ?mine {{ SERVICE {name} {{ {pattern} }} ?mine a filiere:Firm }}")
        assert {row["name"] for row in through} == direct and len(direct) > 100
        assert {row["mine"] for row in through} == {"https://w3id.org/filiere/id/own/actor/own"}


def test_the_endpoint_may_be_a_variable_with_a_value(asking: str, process: Process) -> None:
    query = f"""SELECT ?e ?c {{ VALUES ?e {{ <urn:fr> <{process.url}/sparql> }}
        SERVICE ?e {{ SELECT ?c {{ ?c a filiere:Cluster }} ORDER BY ?c LIMIT 3 }} }}"""
    found = rows(asking, query)
    assert len(found) == 6 and {row["e"] for row in found} == {"urn:fr", f"{process.url}/sparql"}


def test_meaning_crosses_the_wire_as_an_ordinary_service(asking: str, process: Process) -> None:
    triples = '?m filiere:need "gel hydroalcoolique"@fr ; filiere:actor ?actor ; filiere:score ?score ; filiere:limit 5'
    wanted = {row["actor"] for row in rows(process.url, f"SELECT ?actor {{ SERVICE filiere:search {{ {triples} }} }}")}
    assert {row["actor"] for row in rows(asking, f"SELECT * {{ SERVICE <urn:fr> {{ {triples} }} }}")} == wanted != set()


@pytest.mark.parametrize("silent", [False, True])
def test_an_endpoint_that_fails_is_named_unless_it_is_silent(asking: str, silent: bool) -> None:
    word = "SILENT" if silent else ""
    found = answer(
        asking, f"SELECT * {{ ?a a filiere:Firm SERVICE {word} <http://127.0.0.1:1/sparql> {{ ?s ?p ?o }} }}"
    )
    if silent:
        assert len(found.json()["results"]["bindings"]) == 1
    else:
        assert found.status_code in (400, 502) and "127.0.0.1:1" in found.json()["detail"]


@pytest.mark.parametrize(
    "service",
    [
        "SERVICE <http://127.0.0.1:2/sparql> { ?s ?p ?o }",
        "SERVICE SILENT <http://127.0.0.1:2/sparql> { ?s ?p ?o }",
        "VALUES ?e { <http://127.0.0.1:2/> } SERVICE SILENT ?e { ?s ?p ?o }",
        "FILTER EXISTS { SERVICE <http://169.254.169.254/latest> { ?s ?p ?o } }",
        "SERVICE <urn:fr> { SERVICE <http://127.0.0.1:2/> { ?s ?p ?o } }",
    ],
)
def test_nobody_else_is_asked(asking: str, service: str) -> None:
    found = answer(asking, f"SELECT * {{ {service} }}")
    assert found.status_code in (400, 403) and found.json()["mend"]


def test_the_answer_is_that_of_one_snapshot_and_in_time(asking: str) -> None:
    started = time.monotonic()
    found = answer(asking, "SELECT * { SERVICE <urn:fr> { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } }")
    body: dict[str, Any] = found.json()
    assert found.status_code in (400, 413, 502, 503) and body["mend"]
    assert time.monotonic() - started < 8
