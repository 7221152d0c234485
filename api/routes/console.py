"""The page at /sparql: a query in, a table out, with and without script."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from api.middleware import SCRIPTED
from api.outcomes import outcome, problem_of
from api.pages import answers, render
from api.routes.context import accept, respond
from kg import examples
from kg.errors import FiliereError
from kg.sparql.formats import GRAPHS, SOLUTIONS, choose

if TYPE_CHECKING:
    from kg.sparql.pool import QueryResult

_FORMS = {
    "select": (("JSON", "json"), ("CSV", "csv"), ("TSV", "tsv"), ("XML", "xml")),
    "graph": (("Turtle", "turtle"), ("N-Triples", "ntriples"), ("JSON-LD", "jsonld"), ("RDF/XML", "rdfxml")),
}
_LONGEST_LINK = 6000  # characters of a query that an address holds everywhere
_FIRST = "actors_by_country_and_kind"  # what the text area holds before anything is asked
_MACHINES = [*dict.fromkeys([*SOLUTIONS, *GRAPHS])]


def wanted(request: Request, short: str = "") -> bool:
    """Whether the client is a browser: it prefers a page to every form of an answer, and has named none."""
    return not short and choose(accept(request), [*_MACHINES, "text/html"]) == "text/html"


def page(request: Request, query: str, run: Callable[[str, str], QueryResult], ui: str = "") -> Response:
    """The page, with the answer where there is a query. `run` takes a query and an Accept header."""
    given = request.query_params
    shown: dict[str, Any] = {"table": None, "problem": None, "took_ms": 0, "cut": None}
    status, seq, ui = 200, 0, ui or given.get("ui", "")
    try:
        if query.strip():
            started = time.perf_counter()
            result = run(query, answers.ACCEPT)
            shown["took_ms"] = round((time.perf_counter() - started) * 1000)
            shown["cut"] = result.cut
            shown["table"], seq = answers.read(result.body, result.form, result.seq, query), result.seq
        else:
            query = examples.example(given.get("example") or _FIRST).query
    except FiliereError as error:
        shown["problem"], status = problem_of(error), outcome(error).status
    html = render.page(
        "sparql.html", request.headers, ui, asked=query, chosen=given.get("example", ""), examples=examples.examples(),
        forms=_FORMS, most=answers.MOST_ROWS, short_enough=len(query) <= _LONGEST_LINK, **shown,
    )  # fmt: skip
    headers = {"Content-Security-Policy": SCRIPTED.decode(), "Filiere-Seq": str(seq), "Cache-Control": "no-cache"}
    response = respond(request, html, "html", 0, **headers)
    response.status_code = status
    return response
