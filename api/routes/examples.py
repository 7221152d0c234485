"""/sparql/examples: the example queries, as a page, as linked data, as the text of a query."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api.negotiation import RDF_FORMS, form_of, json_bytes, rdf_bytes, split_suffix
from api.pages import render
from api.routes.context import Context, accept, respond
from kg import examples
from kg.examples import Example

_LIST_FORMS = ("json", "html", *RDF_FORMS)
_ONE_FORMS = ("rq", "json", "html", *RDF_FORMS)


def router(context: Context) -> APIRouter:
    """The doors of example queries."""
    doors = APIRouter(tags=["sparql"])

    @doors.get("/sparql/examples", response_class=Response)
    @doors.get("/sparql/examples.{suffix}", include_in_schema=False, response_class=Response)
    def listing(request: Request, suffix: str = "") -> Response:
        """Example queries by name: the question, what it shows, keywords and the query."""
        form = form_of(accept(request), suffix, _LIST_FORMS)
        found = examples.examples()
        if form == "html":
            return _page(request, "examples.html", records=found, path="/sparql/examples")
        return _answer(request, form, found, [_plain(one) for one in found])

    @doors.get("/sparql/examples/{name}", response_class=Response)
    def one(request: Request, name: str) -> Response:
        """One example query; its text is what `Accept: application/sparql-query` or `.rq` gives."""
        stem, suffix = split_suffix(name)
        found = examples.example(stem)
        form = form_of(accept(request), suffix, _ONE_FORMS)
        if form == "rq":
            return respond(request, found.text.encode(), form, 0)
        if form == "html":
            return _page(request, "example.html", record=found, path=f"/sparql/examples/{found.name}")
        return _answer(request, form, [found], _plain(found))

    return doors


def _plain(one: Example) -> dict[str, Any]:
    names = ("name", "iri", "question", "question_fr", "says", "keywords", "form", "reaches", "query")
    return {name: getattr(one, name) for name in names}


def _page(request: Request, template: str, **content: Any) -> Response:
    html = render.page(template, request.headers, request.query_params.get("ui", ""), **content)
    return respond(request, html, "html", 0)


def _answer(request: Request, form: str, found: Any, plain: Any) -> Response:
    if form == "json":
        return respond(request, json_bytes(plain), form, 0)
    about = examples.statements(found, f"{request.base_url}sparql")
    return respond(request, rdf_bytes(about, form), form, 0)
