"""/tags: the competencies actors are tagged with; PUT a verdict to confirm or reject one, DELETE to withdraw it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.negotiation import csv_bytes, form_of, json_bytes
from api.pages import render
from api.routes import verdicts
from api.routes.context import Context, accept, respond
from api.tagging import MOST_OFFSET, MOST_TAGS, STATES, TAG_COLUMNS
from kg import vocabulary as v
from kg.model import VERDICTS

_NAMES = ("an actor and a competency", "/tags/ACTOR/COMPETENCY")  # what the path names, and how


def router(context: Context) -> APIRouter:
    """The doors of tags."""
    doors = APIRouter(tags=["tags"])

    @doors.get("/tags", response_class=Response)
    @doors.get("/tags.{suffix}", include_in_schema=False, response_class=Response)
    def tags(
        request: Request,
        suffix: str = "",
        actor: Annotated[str, Query(max_length=2000, description="Id or IRI of an actor.")] = "",
        competency: Annotated[str, Query(max_length=2000, description="Short id, code or IRI.")] = "",
        state: Annotated[str, Query(description=f"{', '.join(STATES)}.")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_TAGS)] = 100,
        offset: Annotated[int, Query(ge=0, le=MOST_OFFSET)] = 0,
    ) -> Response:
        """What persons decided, newest first, then what is suggested, each with its confidence and words."""
        form = form_of(accept(request), suffix, ("json", "csv"))
        lang = render.language(request.headers, request.query_params.get("ui", ""))
        found = context.ready().tags(actor, competency, state, limit=limit, offset=offset, lang=lang)
        if form == "csv":
            return respond(request, csv_bytes([asdict(row) for row in found.tags], TAG_COLUMNS), form, 0)
        return respond(request, json_bytes(found), form, 0)

    @doors.put("/tags/{actor}/{competency}", response_class=Response)
    async def put(request: Request) -> Response:
        """Confirms or rejects that an actor has a competency. Needs a token with the scope write:decisions."""
        token = await run_in_threadpool(_authorise, context, request)
        actor, competency = verdicts.named(request, *_NAMES)
        verdict, note = verdicts.verdict(await request.body(), VERDICTS)
        who = token.note or f"token {token.id}"
        row = await run_in_threadpool(context.ready().decide, actor, competency, verdict, who=who, note=note)
        return respond(request, json_bytes({**asdict(row), "seq": context.engine.seq}), "json", 0)

    @doors.delete("/tags/{actor}/{competency}", response_class=Response)
    def delete(request: Request) -> Response:
        """Takes a decision back, so that the index alone speaks again. Needs a token with the scope write:decisions."""
        _authorise(context, request)
        decision = context.ready().withdraw(*verdicts.named(request, *_NAMES))
        said = {"actor": decision.actor, "competency": decision.competency, "withdrawn": decision.verdict}
        return respond(request, json_bytes({**said, "seq": context.engine.seq}), "json", 0)

    # An IRI in the path holds encoded slashes, which reach the routes decoded: these take what the two above miss.
    doors.add_api_route("/tags/{rest:path}", put, methods=["PUT"], include_in_schema=False, response_class=Response)
    doors.add_api_route(
        "/tags/{rest:path}", delete, methods=["DELETE"], include_in_schema=False, response_class=Response
    )
    return doors


def _authorise(context: Context, request: Request) -> Any:
    return context.tokens.authorise(request.headers.get("authorization", ""), v.DECISIONS)
