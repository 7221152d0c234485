"""/tags: the competencies actors are tagged with; PUT a verdict to confirm or reject one, DELETE to withdraw it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.negotiation import csv_bytes, form_of, json_bytes
from api.pages import render
from api.routes.context import Context, accept, respond
from api.tagging import MOST_OFFSET, MOST_TAGS, STATES, TAG_COLUMNS
from kg import vocabulary as v
from kg.errors import RefusedInput, UserError
from kg.model import VERDICTS

_HOW = f'Send {{"verdict": "{VERDICTS[0]}", "note": "…"}}; the verdict is one of: {", ".join(VERDICTS)}.'


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
        return respond(request, json_bytes(asdict(found)), form, 0)

    @doors.put("/tags/{actor}/{competency}", response_class=Response)
    async def put(request: Request) -> Response:
        """Confirms or rejects that an actor has a competency. Needs a token with the scope write:decisions."""
        token = await run_in_threadpool(_authorise, context, request)
        actor, competency = _named(request)
        verdict, note = _verdict(await request.body())
        who = token.note or f"token {token.id}"
        row = await run_in_threadpool(context.ready().decide, actor, competency, verdict, who=who, note=note)
        return respond(request, json_bytes({**asdict(row), "seq": context.engine.seq}), "json", 0)

    @doors.delete("/tags/{actor}/{competency}", response_class=Response)
    def delete(request: Request) -> Response:
        """Takes a decision back, so that the index alone speaks again. Needs a token with the scope write:decisions."""
        _authorise(context, request)
        decision = context.ready().withdraw(*_named(request))
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


def _named(request: Request) -> tuple[str, str]:
    """(actor, competency) of the path as it was sent. Raises UserError when it does not have these two parts."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    parts = path.partition(b"?")[0].decode("latin-1").split("/")[2:]
    try:
        actor, competency = (unquote(part, errors="strict") for part in parts)
    except ValueError as error:  # more or fewer parts, or bytes that are no UTF-8
        raise UserError(
            "The address does not name an actor and a competency.",
            "Write /tags/ACTOR/COMPETENCY, each percent-encoded as a whole, with %2F for / in an IRI.",
        ) from error
    return actor, competency


def _verdict(body: bytes) -> tuple[str, str]:
    """(verdict, note) of the body. Raises RefusedInput."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"The body is not JSON ({error}).", _HOW) from error
    if not isinstance(found, dict) or set(found) - {"verdict", "note"}:
        raise RefusedInput("The body is not an object with a verdict and a note.", _HOW)
    verdict, note = found.get("verdict", ""), found.get("note", "")
    if not isinstance(verdict, str) or not isinstance(note, str):
        raise RefusedInput("The verdict and the note are texts.", _HOW)
    return verdict, note
