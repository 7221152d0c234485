"""The page at /sparql: what a browser gets for a query, a mistake and an example, and what it must never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from api import errors
from api.pages import answers
from api.pages.words import WORDS
from api.routes import console
from kg import vocabulary as v
from kg.examples import example, examples
from tests.doors.conftest import Service

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
VALEO = v.BASE + "id/crisis2020/actor/valeo"


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    """A door that does nothing but show the page."""
    app = FastAPI()

    @app.get("/sparql")
    def page(request: Request, query: str = "", format: str = "") -> Response:
        if not console.wanted(request, format):
            return Response("for programs")
        most = int(request.query_params.get("max-rows", 0)) or None
        return console.page(request, query, lambda text, form: service.engine.sparql(text, form, max_rows=most))

    errors.install(app)
    with TestClient(app) as opened:
        yield opened


class Page(HTMLParser):
    """What matters of a page: cells as (text, address), labels, and the elements that have an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[tuple[str, str]] = []
        self.labels: set[str] = set()
        self.ids: dict[str, str] = {}
        self.addresses: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: content or "" for name, content in attrs}
        if "id" in given:
            self.ids[given["id"]] = tag
        if tag == "label":
            self.labels.add(given["for"])
        if tag == "td":
            self._in_cell = True
            self.cells.append(("", ""))
        if "href" in given:
            self.addresses.append(given["href"])
            if self._in_cell:
                self.cells[-1] = (self.cells[-1][0], given["href"])

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] = (self.cells[-1][0] + data, self.cells[-1][1])


def ask(client: TestClient, query: str, **more: str) -> tuple[Page, Response]:
    response = client.get("/sparql", params={"query": query, **more}, headers=BROWSER)
    return Page(response.text), response  # type: ignore[return-value]


def test_only_a_browser_gets_the_page(client: TestClient) -> None:
    for accept in ("*/*", "application/sparql-results+json", "text/csv, text/html;q=0.5", "text/turtle"):
        assert client.get("/sparql", headers={"Accept": accept}).text == "for programs"
    assert client.get("/sparql", params={"format": "csv"}, headers=BROWSER).text == "for programs"
    assert client.get("/sparql", headers=BROWSER).headers["content-type"].startswith("text/html")


def test_every_field_has_a_label_and_every_example_is_offered(client: TestClient) -> None:
    text = client.get("/sparql", headers=BROWSER).text
    page = Page(text)
    fields = {name for name, tag in page.ids.items() if tag in ("select", "textarea", "input")}
    assert fields == {"example", "query", "format"} <= page.labels
    assert all(f'value="{one.name}"' in text for one in examples())


def test_an_answer_is_a_table_with_its_iris_short_and_linked(client: TestClient, service: Service) -> None:
    query = f'SELECT ?a ?p ?says {{ BIND (<{VALEO}> AS ?a) ?a ?p ?says FILTER (LANG(?says) = "en") }}'
    page, response = ask(client, query)
    assert response.headers["filiere-seq"] == str(service.engine.seq)
    assert ("…/crisis2020/actor/valeo", f"/actors/{VALEO.replace(':', '%3A').replace('/', '%2F')}.html") in page.cells
    assert "fil:makes" in {text for text, _ in page.cells}
    assert 'lang="en"' in response.text
    downloads = [parse_qs(urlsplit(one).query) for one in page.addresses if "&format=" in one]
    assert {one["format"][0] for one in downloads} == {"json", "csv", "tsv", "xml"}
    assert all(one["query"] == [query] for one in downloads)


def test_prefixes_of_the_query_shorten_too(client: TestClient) -> None:
    page, _ = ask(client, "PREFIX mine: <https://example.org/a/>\nSELECT ?x { BIND (<https://example.org/a/b> AS ?x) }")
    assert page.cells == [("mine:b", "https://example.org/a/b")]


def test_a_graph_is_a_table_of_statements(client: TestClient) -> None:
    page, response = ask(client, example("describe_an_actor").query, ui="fr")
    assert ("fil:Firm", "/sparql?query=DESCRIBE+%3Chttps%3A%2F%2Fw3id.org%2Ffiliere%2Fns%23Firm%3E") in page.cells
    assert WORDS["statements"][1] in response.text
    assert any("format=turtle" in one for one in page.addresses)


@pytest.mark.parametrize(("query", "word"), [("ASK {}", "yes"), ("ASK { <x:a> <x:b> <x:c> }", "no")])
def test_ask_says_yes_or_no(client: TestClient, query: str, word: str) -> None:
    assert f"<h2>{WORDS[word][0]}</h2>" in ask(client, query)[1].text


def test_a_mistake_is_shown_with_its_mend_and_the_query_stays(client: TestClient) -> None:
    page, response = ask(client, "SELECT ?x WHERE { ?x a }")
    assert response.status_code == 400
    alert = re.search(r'role="alert">(.*?)</div>', response.text, re.DOTALL)
    assert alert and "mistake" in alert.group(1) and "Correct it there." in alert.group(1)
    assert "SELECT ?x WHERE { ?x a }" in response.text
    assert "textarea" in page.ids["query"]


def test_an_example_fills_the_text_and_an_unknown_one_is_a_mistake(client: TestClient) -> None:
    shown = client.get("/sparql", params={"example": "is_anything_contradicted"}, headers=BROWSER)
    assert "ASK {" in shown.text and 'value="is_anything_contradicted" selected' in shown.text
    assert client.get("/sparql", params={"example": "nothing"}, headers=BROWSER).status_code == 404


def test_what_data_or_queries_hold_is_never_run(client: TestClient) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    query = f'SELECT ?x ?y {{ BIND ("{hostile}" AS ?x) BIND (<javascript:alert(1)> AS ?y) }}'
    page, response = ask(client, query)
    assert hostile not in response.text
    assert (hostile, "") in page.cells
    assert ("javascript:alert(1)", "") in page.cells
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert re.findall(r"<script[^>]*>", response.text) == ['<script src="/static/sparql.js">']
    assert not re.search(r"\son\w+=", response.text)


def test_many_rows_are_counted_and_the_first_shown(client: TestClient) -> None:
    page, response = ask(client, "SELECT ?s { ?s ?p ?o } LIMIT 1234")
    assert len(page.cells) == answers.MOST_ROWS
    assert "1234" in response.text


def test_an_answer_that_was_cut_says_so(client: TestClient) -> None:
    query = "SELECT ?s { ?s ?p ?o }"
    assert WORDS["cut_as_asked"][0] in ask(client, query, **{"max-rows": "5"})[1].text
    assert WORDS["cut_as_asked"][0] not in ask(client, query + " LIMIT 5")[1].text


def test_an_answer_too_large_for_a_page_is_not_read() -> None:
    assert answers.read(b" " * (answers.MOST_BYTES + 1), "select", 1, "").too_large


def test_terms_of_every_kind_have_a_cell(service: Service) -> None:
    query = f'SELECT ("2020-04-01"^^<{v.XSD}date> AS ?day) (BNODE() AS ?blank) ?missing {{}}'
    found = service.engine.sparql(query, answers.ACCEPT)
    (row,) = answers.read(found.body, found.form, found.seq, query).rows
    assert row[0] == answers.Cell("2020-04-01", whole="xsd:date")
    assert row[1].text.startswith("_:") and row[2] == answers.Cell("")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (v.NS + "makes", "fil:makes"),
        (v.COMPETENCY + "ffp2-mask", "c:ffp2-mask"),
        (v.BASE + "id/a/actor/b", "…/a/actor/b"),
        (v.COMPETENCY + "a/b", v.COMPETENCY + "a/b"),
        ("https://example.org/" + "x" * 200, "https://example.org/" + "x" * 30 + "…" + "x" * 19),
    ],
)
def test_an_iri_is_shortened_only_where_it_can_be_read_back(name: str, shown: str) -> None:
    assert answers.short(name, v.PREFIXES) == shown
