"""Clients that others wrote, as their users write with them: SPARQLWrapper, rdflib, pandas, Comunica."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import rdflib

from tests.served import ROOT, Served, served

NS = "https://w3id.org/filiere/ns#"
CLUSTERS = f"SELECT ?cluster WHERE {{ ?cluster a <{NS}Cluster> }}"
GRAPH = "https://example.org/graph/clients"
COMUNICA = ROOT / "build" / "comunica" / "node_modules" / ".bin" / "comunica-sparql"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("clients") / "data", {}, sample=True) as found:
        yield found


def test_sparqlwrapper_reads_every_form_and_writes_with_a_token(service: Served) -> None:
    from SPARQLWrapper import CSV, JSON, POST, POSTDIRECTLY, TURTLE, XML, SPARQLWrapper

    client = SPARQLWrapper(service.url + "/sparql")
    client.setQuery(CLUSTERS)
    client.setReturnFormat(JSON)
    assert len(client.queryAndConvert()["results"]["bindings"]) == 162
    client.setReturnFormat(XML)
    assert len(client.queryAndConvert().getElementsByTagName("result")) == 162
    client.setReturnFormat(CSV)
    assert len(list(csv.reader(io.StringIO(client.queryAndConvert().decode())))) == 163
    client.setQuery(f"CONSTRUCT {{ ?c a <{NS}Cluster> }} WHERE {{ ?c a <{NS}Cluster> }}")
    client.setReturnFormat(TURTLE)
    assert len(rdflib.Graph().parse(data=client.queryAndConvert(), format="turtle")) == 162

    writer = SPARQLWrapper(service.url + "/sparql")
    writer.addCustomHttpHeader("Authorization", f"Bearer {service.secret}")
    writer.setMethod(POST)
    writer.setQuery(f"INSERT DATA {{ GRAPH <{GRAPH}> {{ <x:wrapper> <x:says> 'one' }} }}")
    writer.query()
    writer.setRequestMethod(POSTDIRECTLY)
    writer.setQuery(f"INSERT DATA {{ GRAPH <{GRAPH}> {{ <x:wrapper> <x:says> 'two' }} }}")
    writer.query()
    client.setQuery(f"SELECT ?o {{ GRAPH <{GRAPH}> {{ <x:wrapper> ?p ?o }} }}")
    client.setReturnFormat(JSON)
    assert {row["o"]["value"] for row in client.queryAndConvert()["results"]["bindings"]} == {"one", "two"}


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflib_reads_the_service_as_a_graph_of_its_own(service: Served, method: str) -> None:
    from rdflib.plugins.stores.sparqlstore import SPARQLStore

    store = SPARQLStore(service.url + "/sparql", method=method, returnFormat="json")
    graph = rdflib.Graph(store)
    clusters = set(graph.subjects(rdflib.RDF.type, rdflib.URIRef(NS + "Cluster")))
    assert len(clusters) == 162
    assert {row.cluster for row in graph.query(CLUSTERS)} == clusters
    assert bool(graph.query(f"ASK {{ ?c a <{NS}Cluster> }}")) is True


def test_rdflib_writes_with_a_token(service: Served) -> None:
    from rdflib.plugins.stores.sparqlstore import SPARQLUpdateStore

    store = SPARQLUpdateStore(
        service.url + "/sparql", service.url + "/sparql", headers={"Authorization": f"Bearer {service.secret}"}
    )
    graph = rdflib.Graph(store, identifier=rdflib.URIRef(GRAPH))
    said = (rdflib.URIRef("x:rdflib"), rdflib.URIRef("x:says"), rdflib.Literal("été", lang="fr"))
    graph.add(said)
    assert set(graph.triples((said[0], None, None))) == {said}
    graph.remove(said)
    assert not set(graph.triples((said[0], None, None)))


def test_a_notebook_makes_a_table_of_actors_by_country(service: Served) -> None:
    import pandas as pd

    query = f"""
        PREFIX schema: <https://schema.org/>
        SELECT ?country (COUNT(?actor) AS ?actors) WHERE {{ ?actor a <{NS}Firm> ; schema:addressCountry ?country }}
        GROUP BY ?country ORDER BY DESC(?actors)"""
    answer = httpx.get(service.url + "/sparql", params={"query": query}, headers={"Accept": "text/csv"})
    table = pd.read_csv(io.StringIO(answer.text), keep_default_na=False)
    assert list(table.columns) == ["country", "actors"]
    assert table["actors"].is_monotonic_decreasing and table["actors"].sum() > 300
    again = pd.DataFrame(
        {name: cell["value"] for name, cell in row.items()}
        for row in httpx.get(service.url + "/sparql", params={"query": query}).json()["results"]["bindings"]
    )
    assert list(again["actors"].astype(int)) == list(table["actors"])


def test_comunica_queries_the_service(service: Served) -> None:
    if not shutil.which("node") or not COMUNICA.exists():
        reason = f"Comunica is not at {COMUNICA}: npm install --prefix build/comunica @comunica/query-sparql@^4."
        if os.environ.get("FILIERE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    endpoint = f"sparql@{service.url}/sparql"
    done = asked(endpoint, f"SELECT (COUNT(*) AS ?n) WHERE {{ ?c a <{NS}Cluster> }}", "text/csv")
    assert done.split() == ["n", "162"]
    # Joined by the client, which asks for each pattern what it needs.
    query = f"SELECT ?c ?name WHERE {{ ?c a <{NS}Cluster> . OPTIONAL {{ ?c <{NS}noSuchThing> ?name }} }}"
    assert len(asked(endpoint, query, "text/csv").split()) == 163
    assert (
        len(
            asked(
                endpoint, f"CONSTRUCT {{ ?c a <x:c> }} WHERE {{ ?c a <{NS}Cluster> }}", "application/n-triples"
            ).splitlines()
        )
        == 162
    )


def asked(endpoint: str, query: str, media: str) -> str:
    """What Comunica's command prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(Path(COMUNICA).parent), "NO_PROXY": "127.0.0.1"}
    command = [str(COMUNICA), endpoint, query, "-t", media]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout
