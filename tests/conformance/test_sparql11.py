"""The W3C's tests of SPARQL 1.1: each gives what the standard says, but for those of differences.toml."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
import rdflib

from tests.conformance import answers, manifest
from tests.conformance.doors import DEFAULT, JSON, NOTHING, Doors, read
from tests.conformance.endpoints import Endpoints
from tests.conformance.manifest import Case

CASES = manifest.cases()
DIFFERENCES: dict[str, str] = tomllib.loads(Path(__file__).with_name("differences.toml").read_text(encoding="utf-8"))
LOSSLESS = ("application/sparql-results+xml", "text/tab-separated-values")
MEDIA = {".srx": "application/sparql-results+xml", ".srj": JSON, ".tsv": "text/tab-separated-values"}
GRAPHS = {".ttl": "turtle", ".rdf": "xml"}


def listed(cases: list[Case]) -> list[object]:
    """The cases as parameters; one that is known to differ must differ, or it is to be taken off the list."""
    return [
        pytest.param(
            case, id=case.id, marks=[pytest.mark.xfail(strict=True, raises=AssertionError, reason=DIFFERENCES[case.id])]
            if case.id in DIFFERENCES else []
        )
        for case in cases
    ]  # fmt: skip


def of(*kinds: str, federated: bool | None = None) -> list[object]:
    found = [case for case in CASES if case.kind in kinds]
    return listed([case for case in found if federated in (None, case.id.startswith("service/"))])


def test_the_suite_is_there_and_every_listed_difference_is_one_of_its_tests() -> None:
    if not CASES:
        reason = f"The W3C's tests are not at {manifest.FOLDER}; set FILIERE_SHARED to the data folder beside them."
        if os.environ.get("FILIERE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    assert len(CASES) > 500
    assert not set(DIFFERENCES) - {case.id for case in CASES}


@pytest.fixture(scope="module")
def queried(doors: Doors) -> Doors:
    """The doors of a service that holds all data of the query tests, each file in a graph of its own."""
    datasets = [case.data for case in CASES if case.kind in ("query", "csv")]
    named = {manifest.local(name) for data in datasets for name, _ in data.named}
    doors.keep(sorted({file for data in datasets for file in data.default} | named))
    return doors


def given(case: Case) -> tuple[list[str], list[str]]:
    """The dataset of a query as the protocol names it; a query that names its own is given none."""
    if re.search(r"\bFROM\b", case.text, re.IGNORECASE):
        return [], []
    return [manifest.address(file) for file in case.data.default] or [NOTHING], [name for name, _ in case.data.named]


@pytest.mark.parametrize("case", of("query", federated=False))
def test_a_query_gives_what_the_standard_says(queried: Doors, case: Case) -> None:
    assert case.result is not None
    wanted, graph = expected(case.result)
    if wanted is None:
        answer = queried.query(case.text, "application/n-triples", *given(case))
        assert answer.status_code == 200, answer.text
        assert not answers.graph_difference(graph, read(answer.content, "nt"))
        return
    ordered = re.search(r"ORDER\s+BY[^{}]*$", case.text, re.IGNORECASE) is not None
    for accept in (JSON, *LOSSLESS):
        assert not answers.difference(wanted, solutions(queried, case, accept), ordered=ordered)


def expected(file: Path) -> tuple[answers.Solutions | None, rdflib.Graph]:
    """The solutions in a result file, or the graph where it holds none."""
    if file.suffix in MEDIA:
        return answers.solutions(file.read_bytes(), MEDIA[file.suffix]), rdflib.Graph()
    graph = read(file.read_bytes(), GRAPHS[file.suffix], manifest.address(file))
    return answers.solutions_of(graph), graph


def solutions(doors: Doors, case: Case, accept: str) -> answers.Solutions:
    """What the service answers, in the form asked for; a boolean has no table, so it comes as JSON."""
    asks = re.search(r"^\s*ASK\b", case.text, re.IGNORECASE | re.MULTILINE)
    accept = JSON if asks and accept == "text/tab-separated-values" else accept
    answer = doors.query(case.text, accept, *given(case))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(accept)
    return answers.solutions(answer.content, accept)


@pytest.mark.parametrize("case", of("csv"))
def test_a_csv_table_gives_what_the_standard_says(queried: Doors, case: Case) -> None:
    assert case.result is not None
    answer = queried.query(case.text, "text/csv", *given(case))
    assert not answers.cells_differ(case.result.read_bytes(), answer.content)


@pytest.mark.parametrize("case", of("query", federated=True))
def test_a_federated_query_gives_what_the_standard_says(doors: Doors, endpoints: Endpoints, case: Case) -> None:
    assert case.result is not None

    def moved(text: str) -> str:
        return endpoints.moved(case, text)

    doors.hold(case.data, moved)
    answer = doors.query(moved(case.text), JSON, [DEFAULT])
    assert answer.status_code == 200, answer.text
    wanted = answers.solutions(moved(case.result.read_text(encoding="utf-8")).encode(), MEDIA[case.result.suffix])
    assert not answers.difference(wanted, answers.solutions(answer.content, JSON))


@pytest.mark.parametrize("case", of("update"))
def test_an_update_leaves_what_the_standard_says(doors: Doors, case: Case) -> None:
    doors.hold(case.data)
    answer = doors.update(case.text)
    assert answer.is_success, answer.text
    named = dict(case.after.named)
    assert doors.named() <= set(named)
    for name, files in {DEFAULT: case.after.default, **{name: (file,) for name, file in named.items()}}.items():
        graph = rdflib.Graph()
        for file in files:
            graph += read(file.read_bytes(), "turtle", manifest.address(file))
        assert not answers.graph_difference(graph, doors.graph(name)), name


@pytest.mark.parametrize("case", of("query syntax", "update syntax"))
def test_what_the_grammar_allows_is_understood(doors: Doors, case: Case) -> None:
    answer = doors.query(case.text, "*/*") if case.kind == "query syntax" else doors.update(case.text)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("case", of("wrong query", "wrong update"))
def test_what_the_grammar_forbids_is_refused_with_the_reason(doors: Doors, case: Case) -> None:
    answer = doors.query(case.text, "*/*") if case.kind == "wrong query" else doors.update(case.text)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"] and answer.json()["mend"]


@pytest.mark.parametrize("case", of("description"))
def test_the_service_describes_itself(doors: Doors, case: Case) -> None:
    answer = doors.description()
    assert answer.status_code == 200, answer.text
    graph = read(answer.content, "turtle", str(answer.url))
    described = "http://www.w3.org/ns/sparql-service-description#"
    assert len(graph) > 0
    if case.id.endswith("has-endpoint-triple"):
        endpoints = {str(o) for _, p, o in graph if str(p) == described + "endpoint"}
        assert str(answer.url) in endpoints
    if case.id.endswith("conforms-to-schema"):
        terms = {str(term) for triple in graph for term in triple if str(term).startswith(described)}
        assert described + "Service" in terms
        assert terms <= {described + name for name in DESCRIBED}


# Source: SPARQL 1.1 Service Description, section 3.
DESCRIBED = (
    "Service", "Feature", "Language", "Function", "Aggregate", "EntailmentRegime", "EntailmentProfile",
    "GraphCollection", "Dataset", "Graph", "NamedGraph", "DereferencesURIs", "UnionDefaultGraph", "RequiresDataset",
    "EmptyGraphs", "BasicFederatedQuery", "SPARQL10Query", "SPARQL11Query", "SPARQL11Update", "endpoint", "feature",
    "defaultEntailmentRegime", "entailmentRegime", "defaultSupportedEntailmentProfile", "supportedEntailmentProfile",
    "extensionFunction", "extensionAggregate", "languageExtension", "supportedLanguage", "propertyFeature",
    "defaultDataset", "availableGraphs", "resultFormat", "inputFormat", "defaultGraph", "namedGraph", "name", "graph",
)  # fmt: skip
