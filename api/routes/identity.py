"""/identity: which actors are one; PUT a verdict on two, DELETE to take it back, POST /identity/run for the rules."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.identity import IDENTITY_COLUMNS, MOST_OFFSET, MOST_PAIRS, STATES, VERDICTS
from api.middleware import SCRIPTED
from api.negotiation import csv_bytes, form_of, json_bytes
from api.pages import render
from api.routes import verdicts
from api.routes.context import Context, accept, respond
from kg import vocabulary as v

_NAMES = ("two actors", "/identity/ACTOR/OTHER")  # what the path names, and how


def router(context: Context) -> APIRouter:
    """The doors of identity."""
    doors = APIRouter(tags=["identity"])

    @doors.get("/identity", response_class=Response)
    @doors.get("/identity.{suffix}", include_in_schema=False, response_class=Response)
    def identity(
        request: Request,
        suffix: str = "",
        state: Annotated[str, Query(description=f"{', '.join(STATES)}.")] = "",
        actor: Annotated[str, Query(max_length=2000, description="Id or IRI of an actor.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_PAIRS)] = 100,
        offset: Annotated[int, Query(ge=0, le=MOST_OFFSET)] = 0,
    ) -> Response:
        """The pairs of actors that wait for a person, likeliest first, then those that were decided on."""
        form = form_of(accept(request), suffix, ("json", "html", "csv"))
        engine = context.ready()
        found = engine.identity.list(state, actor, limit=limit, offset=offset)
        if form == "csv":
            return respond(request, csv_bytes([asdict(row) for row in found.pairs], IDENTITY_COLUMNS), form, 0)
        if form == "html":
            html = render.page(
                "identity.html", request.headers, request.query_params.get("ui", ""), found=found, states=STATES,
                state=state, actor=actor, limit=limit, offset=offset, behind=engine.identity.behind(), path="/identity",
            )  # fmt: skip
            return respond(request, html, form, 0, **{"Content-Security-Policy": SCRIPTED.decode()})
        return respond(request, json_bytes(found), form, 0)

    @doors.post("/identity/run", response_class=Response)
    def run(request: Request, whole: bool = False, dry_run: bool = False) -> Response:
        """Lets the rules compare who changed (with `whole`, everybody). Needs a token with write:identities."""
        _authorise(context, request)
        done = context.ready().identity.run(whole=whole, dry_run=dry_run)
        said = {name: content for name, content in asdict(done).items() if name != "decisions"}
        return respond(request, json_bytes({**said, "seq": context.engine.seq}), "json", 0)

    @doors.put("/identity/{one}/{other}", response_class=Response)
    async def put(request: Request) -> Response:
        """Says that two actors are the same, or different. Needs a token with the scope write:identities."""
        token = await run_in_threadpool(_authorise, context, request)
        one, other = verdicts.named(request, *_NAMES)
        verdict, note = verdicts.verdict(await request.body(), VERDICTS)
        who = token.note or f"token {token.id}"
        row = await run_in_threadpool(context.ready().identity.decide, one, other, verdict, who=who, note=note)
        return respond(request, json_bytes({**asdict(row), "seq": context.engine.seq}), "json", 0)

    @doors.delete("/identity/{one}/{other}", response_class=Response)
    def delete(request: Request) -> Response:
        """Takes the decision on two actors back. Needs a token with the scope write:identities."""
        _authorise(context, request)
        row = context.ready().identity.undo(*verdicts.named(request, *_NAMES))
        said = {"one": row.one, "other": row.other, "by": row.by, "undone": row.verdict}
        return respond(request, json_bytes({**said, "seq": context.engine.seq}), "json", 0)

    # An IRI in the path holds encoded slashes, which reach the routes decoded: these take what the two above miss.
    path = "/identity/{rest:path}"
    doors.add_api_route(path, put, methods=["PUT"], include_in_schema=False, response_class=Response)
    doors.add_api_route(path, delete, methods=["DELETE"], include_in_schema=False, response_class=Response)
    return doors


def _authorise(context: Context, request: Request) -> Any:
    return context.tokens.authorise(request.headers.get("authorization", ""), v.IDENTITIES)
