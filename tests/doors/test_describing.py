"""The data and the SPARQL service describe themselves: valid by shape, and every number is the graph's own."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from api import describing
from api.negotiation import rdf_bytes
from api.settings import Settings
from api.statistics import Counts, Statistics
from kg import vocabulary as v
from kg.errors import QueryTimeout
from kg.sparql.pool import QueryResult
from tests.doors.conftest import Service

VOID, SD, DCT = Namespace(v.VOID), Namespace(v.SD), Namespace(v.DCT)
SHAPES = str(Path(__file__).parent / "void_shapes.ttl")
JSON = "application/sparql-results+json"
BASE = "https://example.org/"
PATIENCE = 60.0


@pytest.fixture
def counts(service: Service) -> Counts:
    found = Statistics(lambda query: service.engine.sparql(query, JSON), lambda: service.engine.seq).known(PATIENCE)
    assert found.done
    return found


def graph_of(statements: list[tuple[str, str, str]]) -> Graph:
    return Graph().parse(data=rdf_bytes(statements, "nt"), format="nt")


def number(service: Service, query: str) -> int:
    return int(json.loads(service.engine.sparql(query, JSON).body)["results"]["bindings"][0]["n"]["value"])


def check(graph: Graph) -> None:
    conforms, _, report = validate(graph, shacl_graph=SHAPES)
    assert conforms, report


def test_the_description_of_the_data_is_valid_void(service: Service, counts: Counts) -> None:
    graph = graph_of(describing.void(service.engine, BASE, counts))
    check(graph)
    sources = {URIRef(v.source_graph(source.id)) for source in service.engine.sources() if source.public}
    assert sources <= set(graph.objects(URIRef(BASE + ".well-known/void#dataset"), VOID.subset))
    linked = {str(graph.value(target, VOID.uriSpace)) for target in graph.objects(None, VOID.objectsTarget)}
    assert {v.CODE_PREFIXES[scheme] for scheme in ("cpv", "nace", "nuts")} <= linked


def test_a_shape_that_is_broken_is_noticed(service: Service, counts: Counts) -> None:
    graph = graph_of(describing.void(service.engine, BASE, counts))
    graph.remove((None, VOID.linkPredicate, None))
    assert validate(graph, shacl_graph=SHAPES)[0] is False


def test_the_numbers_are_those_of_the_graph(service: Service, counts: Counts) -> None:
    graph = graph_of(describing.void(service.engine, BASE, counts))
    whole = URIRef(BASE + ".well-known/void#dataset")
    for predicate, query in (
        (VOID.triples, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"),
        (VOID.distinctObjects, "SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?o { ?s ?p ?o } }"),
        (VOID.distinctSubjects, "SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?s { ?s ?p ?o } }"),
        (VOID.entities, "SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?s { ?s a ?o } }"),
    ):
        assert graph.value(whole, predicate) == Literal(number(service, query)), predicate
    parts = list(graph.objects(whole, VOID.classPartition))
    clusters = next(part for part in parts if graph.value(part, VOID["class"]) == URIRef(v.NS + "Cluster"))
    assert int(str(graph.value(clusters, VOID.entities))) == len(service.engine.clusters())
    source = v.source_graph("crisis2020")
    counted = number(service, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{source}> {{ ?s ?p ?o }} }}")
    assert graph.value(URIRef(source), VOID.triples) == Literal(counted)
    of_parts = [graph.value(part, VOID.triples) for part in graph.objects(URIRef(source), VOID.propertyPartition)]
    assert sum(int(str(part)) for part in of_parts) == counted
    cpv = next(
        links
        for links in graph.subjects(VOID.linkPredicate, URIRef(v.SKOS + "exactMatch"))
        if str(graph.value(links, VOID.objectsTarget)).endswith("#cpv")
    )
    query = (
        f'SELECT (COUNT(*) AS ?n) {{ ?s <{v.SKOS}exactMatch> ?o FILTER (STRSTARTS(STR(?o), "{v.PREFIXES["cpv"]}")) }}'
    )
    assert graph.value(cpv, VOID.triples) == Literal(number(service, query))


def test_the_description_of_the_service_is_valid_and_says_only_what_is_true(service: Service, counts: Counts) -> None:
    graph = graph_of(describing.service_description(service.engine, Settings(), BASE, counts))
    check(graph)
    here = URIRef(BASE + "sparql")
    assert set(graph.objects(here, SD.feature)) == {SD.UnionDefaultGraph}
    assert set(graph.objects(here, SD.propertyFeature)) == {URIRef(v.NS + "need")}
    assert set(graph.objects(here, SD.supportedLanguage)) == {SD.SPARQL11Query}
    names = {str(name) for name in graph.objects(None, SD.name)}
    assert {v.source_graph("crisis2020"), v.SUGGESTED_GRAPH} <= names
    assert v.SYSTEM_GRAPH not in names
    for graph_iri in names:
        counted = number(service, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{graph_iri}> {{ ?s ?p ?o }} }}")
        assert graph.value(URIRef(graph_iri), VOID.triples) == Literal(counted)


def test_what_is_allowed_is_said(service: Service) -> None:
    said = describing.service_description(
        service.engine, Settings(services="https://query.wikidata.org/sparql"), BASE, Counts(), updates=True
    )
    graph = graph_of(said)
    here = URIRef(BASE + "sparql")
    assert SD.BasicFederatedQuery in set(graph.objects(here, SD.feature))
    assert SD.SPARQL11Update in set(graph.objects(here, SD.supportedLanguage))


def test_the_functions_are_those_of_the_engine(service: Service) -> None:
    graph = graph_of(describing.service_description(service.engine, Settings(), BASE, Counts()))
    known = import_module("kg.geo").functions() if find_spec("kg.geo") else ()
    said = set(graph.objects(URIRef(BASE + "sparql"), SD.extensionFunction))
    assert said == {URIRef(str(getattr(name, "value", name))) for name in known}
    assert said == set(graph.subjects(RDF.type, SD.Function))


@pytest.mark.parametrize(("suffix", "form"), [("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")])
def test_the_door_speaks_every_form(service: Service, suffix: str, form: str) -> None:
    answer = service.client.get(f"/.well-known/void.{suffix}")
    graph = Graph().parse(data=answer.content, format=form)
    assert (None, RDF.type, VOID.DatasetDescription) in graph
    assert set(graph.objects(None, VOID.sparqlEndpoint)) == {URIRef(str(service.client.base_url) + "/sparql")}


def test_the_door_gives_turtle_unless_asked_and_sends_browsers_to_the_sources(service: Service) -> None:
    client = service.client
    assert client.get("/.well-known/void").headers["content-type"].startswith("text/turtle")
    shown = client.get("/.well-known/void", headers={"Accept": "text/html,*/*;q=0.8"}, follow_redirects=False)
    assert (shown.status_code, shown.headers["location"]) == (303, "/sources.html")
    assert client.get("/.well-known/void", headers={"Accept": "image/png"}).status_code == 406


def test_a_door_waits_no_longer_than_its_patience_and_keeps_what_is_counted(service: Service) -> None:
    go_on, seq, asked = threading.Event(), [service.engine.seq], []

    def query(text: str) -> QueryResult:
        asked.append(text)
        if "DISTINCT ?o" in text:
            assert go_on.wait(PATIENCE)
        return replace(service.engine.sparql(text, JSON), seq=seq[0])

    statistics = Statistics(query, lambda: seq[0])
    early = statistics.known(0.1)
    assert not early.done and early.number("objects") is None
    go_on.set()
    whole = statistics.known(PATIENCE)
    assert whole.done and whole.number("objects")
    count = len(asked)
    assert statistics.known() is whole and len(asked) == count, "counted again at the same seq"
    go_on.clear()
    seq[0] += 1
    assert statistics.known(0.1) is whole, "the last whole numbers stand until there are newer ones"
    go_on.set()
    assert statistics.known(PATIENCE).seq == seq[0]


def test_a_number_that_takes_too_long_is_left_out(service: Service) -> None:
    def query(text: str) -> QueryResult:
        if "DISTINCT ?s) AS ?n) WHERE { ?s ?p" in text:
            raise QueryTimeout("The query was stopped.", "Ask for less.")
        return service.engine.sparql(text, JSON)

    found = Statistics(query, lambda: service.engine.seq).known(PATIENCE)
    assert found.done and found.number("subjects") is None and found.number("objects")
    assert describing.void(service.engine, BASE, found)


def test_what_was_stopped_is_tried_again_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def query(text: str) -> QueryResult:
        asked.append(text)
        if "DISTINCT ?o" in text and asked.count(text) == 1:
            raise QueryTimeout("The query was stopped.", "Ask for less.")
        return service.engine.sparql(text, JSON)

    statistics = Statistics(query, lambda: service.engine.seq)
    assert statistics.known(PATIENCE).number("objects") is None
    count = len(asked)
    assert statistics.known(PATIENCE).number("objects") is None and len(asked) == count
    monkeypatch.setattr("api.statistics._AGAIN", 0.0)
    assert statistics.known(PATIENCE).number("objects")
    assert len(asked) == count + 1
