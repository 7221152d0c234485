"""The pages that are no resource of their own: the search, and the list of doors."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.outcomes import outcome, problem_of
from api.pages import render
from api.routes.asking import found
from api.routes.context import Context
from kg import vocabulary as v
from kg.errors import FiliereError
from kg.model import ACTOR_KINDS

EXAMPLES = (
    "hydroalcoholic gel",
    "pièces pour respirateurs",
    "FFP2-Masken",
    "mascarillas lavables",
    "tamponi per COVID-19",
)


def router(context: Context) -> APIRouter:
    """The pages."""
    doors = APIRouter(include_in_schema=False)

    @doors.get("/")
    def home(request: Request) -> HTMLResponse:
        given: dict[str, list[str]] = {}
        for name, text in request.query_params.multi_items():
            given.setdefault(name, []).append(text)
        shown: dict[str, Any] = {"matches": None, "problem": None}
        first = {name: values[0] for name, values in given.items()}
        status = 200
        if first.get("q", "").strip():
            try:
                shown["matches"], first = found(request, context, given)
            except FiliereError as error:
                shown["problem"], status = problem_of(error), outcome(error).status
        html = render.page(
            "search.html", request.headers, first.get("ui", ""), given=first, kinds=ACTOR_KINDS, examples=EXAMPLES,
            sources=_sources(context), offset=_offset(first), peers=len(context.engine.live.peers.all()), **shown,
        )  # fmt: skip
        return HTMLResponse(html, status)

    @doors.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        assert context.app is not None
        return HTMLResponse(
            render.page(
                "docs.html",
                request.headers,
                request.query_params.get("ui", ""),
                api=context.app.openapi(),
                base=str(request.base_url).rstrip("/"),
            )
        )

    return doors


def _offset(given: dict[str, str]) -> int:
    text = given.get("offset", "0")
    return int(text) if text.isdigit() and len(text) < 6 else 0


def _sources(context: Context) -> list[Any]:
    return [source for source in context.engine.sources() if source.id not in v.OURS]
