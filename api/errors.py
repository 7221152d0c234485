"""Errors over HTTP: RFC 9457 problem details for programs, the same words on a page for people."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from api.outcomes import problem, problem_of
from api.pages import render
from kg.errors import FiliereError
from kg.sparql.formats import choose

_TITLES = {404: "Not found", 405: "Method not allowed", 400: "Bad request", 415: "Unsupported media type"}
_MENDS = {
    404: "Look at /docs for the doors there are.",
    405: "Look at /docs for the methods of this door.",
}


def respond(request: Request, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """A problem as JSON, or as a page when the client is a browser."""
    status = int(body["status"])
    wanted = choose(request.headers.get("accept", ""), ["application/problem+json", "application/json", "text/html"])
    if wanted == "text/html":
        return HTMLResponse(render.page("error.html", request.headers, problem=body), status, headers)
    data = json.dumps(body, ensure_ascii=False)
    return Response(data, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error of the app come out in one shape."""

    @app.exception_handler(FiliereError)
    async def of_the_house(request: Request, error: FiliereError) -> Response:
        body = problem_of(error)
        headers = {"WWW-Authenticate": "Bearer"} if body["status"] == 401 else None
        return respond(request, body, headers)

    @app.exception_handler(RequestValidationError)
    async def of_validation(request: Request, error: RequestValidationError) -> Response:
        wrong = [{"name": str(e["loc"][-1]), "reason": str(e["msg"])} for e in error.errors()]
        first = wrong[0] if wrong else {"name": "request", "reason": "not understood"}
        detail = f"The parameter {first['name']!r} cannot be used: {first['reason']}."
        return respond(request, problem(422, "Cannot be used as given", detail, "Correct it.", parameters=wrong))

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        title = _TITLES.get(error.status_code, "Error")
        mend = _MENDS.get(error.status_code, "")
        detail = f"There is no door {request.url.path[:120]!r}." if error.status_code == 404 else f"{title}."
        if error.status_code == 405:
            detail = f"{request.method} is not possible at {request.url.path[:120]!r}."
        return respond(request, problem(error.status_code, title, detail, mend), dict(error.headers or {}))
