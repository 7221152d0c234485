"""/sparql/examples and `filiere sparql --example`: the same queries for people, programs and the shell."""

from __future__ import annotations

import json

import pytest
from rdflib import Graph, URIRef
from rdflib.namespace import RDF

from kg.examples import example, examples
from tests.doors.conftest import Service
from tests.doors.test_cli import data, filiere

SH = "http://www.w3.org/ns/shacl#"
NAME = "figures_that_contradict"

__all__ = ["data"]  # a fixture


def test_the_list_comes_as_json_page_and_linked_data(service: Service) -> None:
    client = service.client
    assert [one["name"] for one in client.get("/sparql/examples").json()] == [one.name for one in examples()]
    page = client.get("/sparql/examples", headers={"Accept": "text/html", "Accept-Language": "fr"})
    assert example(NAME).question_fr in page.text
    for suffix, form in (("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")):
        graph = Graph().parse(data=client.get(f"/sparql/examples.{suffix}").content, format=form)
        assert len(set(graph.subjects(RDF.type, URIRef(SH + "SPARQLExecutable")))) == len(examples())
        target = set(graph.objects(None, URIRef("https://schema.org/target")))
        assert target == {URIRef(str(client.base_url) + "/sparql")}


def test_one_example_is_text_by_default_and_runs(service: Service) -> None:
    answer = service.client.get(f"/sparql/examples/{NAME}")
    assert answer.headers["content-type"].startswith("application/sparql-query")
    assert answer.text == example(NAME).text
    assert service.client.get("/sparql", params={"query": answer.text}).json()["results"]["bindings"]
    assert service.client.get(f"/sparql/examples/{NAME}.rq").text == answer.text
    assert service.client.get(f"/sparql/examples/{NAME}.json").json()["form"] == "select"


def test_the_page_of_an_example_shows_its_query_safely(service: Service) -> None:
    page = service.client.get("/sparql/examples/first_to_deliver", headers={"Accept": "text/html"}).text
    assert "&lt;= &#34;2020-04-30&#34;^^xsd:date" in page
    assert 'href="/sparql?query=PREFIX' in page


@pytest.mark.parametrize(("name", "mend"), [("xyz", "/sparql/examples"), (NAME[:-2], NAME)])
def test_an_unknown_example_is_not_found_with_a_mend(service: Service, name: str, mend: str) -> None:
    answer = service.client.get(f"/sparql/examples/{name}")
    assert answer.status_code == 404
    assert mend in answer.json()["mend"]


def test_the_shell_lists_and_runs_examples(data: object) -> None:
    listed = json.loads(filiere("sparql", "--examples", "--format", "json").stdout)
    assert [one["name"] for one in listed] == [one.name for one in examples()]
    turtle = filiere("sparql", "--examples", "--format", "turtle").stdout
    assert len(set(Graph().parse(data=turtle).subjects(RDF.type, URIRef(SH + "SPARQLExecutable")))) == len(examples())
    assert "80000" in filiere("sparql", "--example", NAME, "--data", str(data)).stdout


@pytest.mark.parametrize("arguments", [(), ("ASK {}", "--examples"), ("--examples", "--format", "pdf")])
def test_the_shell_says_what_it_takes(arguments: tuple[str, ...]) -> None:
    assert filiere("sparql", *arguments).returncode == 2
