"""What a child makes of the results that another store gave: an answer in the form that the client wants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kg import rdf
from kg.engine_terms import WRAPPED
from kg.errors import QueryRefused, TooLarge
from kg.sparql import rows, services

_TYPED = re.compile(rb'("datatype"\s*:\s*")' + WRAPPED.encode())
_YES = re.compile(rb'("datatype"\s*:\s*"http://www\.w3\.org/2001/XMLSchema#boolean"\s*,\s*"value"\s*:\s*")([01])"')
_MOST_VARIABLES = 2000


def told(body: bytes) -> bytes:
    """Results in JSON as they were before they were sent: datatypes, and truth that came as a number."""
    return _YES.sub(lambda m: m[1] + (b'true"' if m[2] == b"1" else b'false"'), _TYPED.sub(rb"\1", body))


def written(request: dict[str, Any], out: Any) -> dict[str, str]:
    """Writes the answer to a query of a kind from the results (JSON) in a file; the head of the answer.

    The request is {results, kind, form, media, rows, cut}, for a graph also {prologue, template}, which is filled here:
    Virtuoso cuts a graph and does not say so. Raises TooLarge, QueryRefused, SyntaxError or ValueError.
    """
    body, kind, form, most = (
        told(Path(request["results"]).read_bytes()),
        request["kind"],
        request["form"],
        request["rows"],
    )
    head = {"media": request["media"], "form": kind}
    if kind == "graph":
        _fill(body, request, out)
        return head
    body = rdf.converted(body if kind == "select" else _boolean(body), form)
    if kind == "select" and rows.count(body, form) > most:
        if not request["cut"]:
            raise TooLarge(f"The result has over {most:,} rows.", "Add a LIMIT, or ask for max-rows=.")
        body, head["cut"] = rows.cut(body, form, most), str(most)
    out.write(body)
    return head


def _boolean(body: bytes) -> bytes:
    """The answer to ASK, which was put as a SELECT: whether there are rows."""
    _, found = rdf.read_solutions(body, "json", _MOST_VARIABLES)
    return b'{"head":{},"boolean":%s}' % (b"true" if any(True for _ in found) else b"false")


def _fill(body: bytes, request: dict[str, Any], out: Any) -> None:
    names, solutions = rdf.read_solutions(body, "json", _MOST_VARIABLES)
    found = list(solutions)
    if len(found) > request["rows"]:
        raise TooLarge(f"The graph comes from over {request['rows']:,} solutions.", "Add a LIMIT.")
    if any(term.startswith("_:") for row in found for term in row.values()):
        raise QueryRefused("The query makes blank nodes in its solutions.", "Make them in the template.")
    values = services.values(names, found) if found else "{ FILTER(false) }"
    text = f"{request['prologue']}CONSTRUCT {request['template']} WHERE {{ {values} }}"
    rdf.answer(rdf.Store(), text, request["form"], out, rdf.Dataset())
