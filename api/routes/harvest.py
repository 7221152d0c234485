"""/harvest: the sources that are harvested, how each stands; PUT to add one, POST to run, release, pause or resume."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.harvesting import REPORT_COLUMNS, STATUS_COLUMNS, Standing, config_of, report
from api.negotiation import csv_bytes, form_of, json_bytes, split_suffix
from api.routes.context import Context, accept, respond
from kg.errors import Forbidden, NotFound, RefusedInput, UserError

_DOES = ("run", "release", "pause", "resume")
_HISTORY = 50


def router(context: Context) -> APIRouter:
    """The doors of harvesting."""
    doors = APIRouter(tags=["harvesting"])

    @doors.get("/harvest", response_class=Response)
    @doors.get("/harvest.{suffix}", include_in_schema=False, response_class=Response)
    def all_sources(request: Request, suffix: str = "") -> Response:
        """Every harvested source that is public: where it is harvested from and how it stands."""
        form = form_of(accept(request), suffix, ("json", "csv"))
        rows = [standing.row() for standing in context.harvesting.all() if _may_see(context, request, standing)]
        if form == "csv":
            return respond(request, csv_bytes(rows, STATUS_COLUMNS), form, 0)
        return respond(request, json_bytes(rows), form, 0)

    @doors.get("/harvest/{name}", response_class=Response)
    def source(request: Request, name: str) -> Response:
        """One harvested source, with its last outcomes, the newest first."""
        wanted, _ = split_suffix(name)
        found = _seen(context, request, name if name in context.harvesting.registry.names() else wanted)
        outcomes = [asdict(outcome) for outcome in context.harvesting.registry.outcomes(found.config.name, _HISTORY)]
        return respond(request, json_bytes({**found.row(), "outcomes": outcomes}), "json", 0)

    @doors.get("/harvest/{name}/report", response_class=Response)
    @doors.get("/harvest/{name}/report.{suffix}", include_in_schema=False, response_class=Response)
    def quarantined(request: Request, name: str, suffix: str = "") -> Response:
        """What is set aside of a source and how its owner mends it, a finding a row."""
        form = form_of(accept(request), suffix, ("json", "csv"))
        _seen(context, request, name)
        rows = report(context.harvesting.registry, name)
        body = csv_bytes(rows, REPORT_COLUMNS) if form == "csv" else json_bytes(rows)
        return respond(request, body, form, 0)

    @doors.put("/harvest/{name}", response_class=Response)
    async def put(request: Request, name: str) -> Response:
        """Says that a source is harvested from an address. Needs a token that may write to it."""
        token = await run_in_threadpool(_authorise, context, request, name)
        config = config_of(name, _given(await request.body()))
        if config.allow_private and "write:*" not in token.scopes:
            mend = "Ask the operator (filiere sources add … --allow-private)."
            raise Forbidden("Only a token for all sources consents to a private address.", mend)
        new = await run_in_threadpool(context.harvesting.registry.add, config)
        return Response(json_bytes(config), 201 if new else 200, {"Content-Type": "application/json"})

    @doors.post("/harvest/{name}/{does}", response_class=Response)
    async def act(request: Request, name: str, does: str) -> Response:
        """`run` harvests now, `release` accepts what is held, `pause` and `resume` its schedule. Needs a token."""
        await run_in_threadpool(_authorise, context, request, name)
        if does not in _DOES:
            raise NotFound(f"A source cannot {does[:20]!r}.", f"Post to one of: {', '.join(_DOES)}.")
        said = await run_in_threadpool(_act, context, name, does)
        return respond(request, json_bytes(said), "json", 0)

    @doors.delete("/harvest/{name}", response_class=Response)
    def delete(request: Request, name: str) -> Response:
        """A source is harvested no more; what it said stays until it is removed. Needs a token."""
        _authorise(context, request, name)
        context.harvesting.registry.remove(name)
        return respond(request, json_bytes({"source": name, "harvested": False}), "json", 0)

    return doors


def _act(context: Context, name: str, does: str) -> Any:
    context.ready()
    if does == "run":
        return asdict(context.harvesting.run([name])[0])
    if does == "release":
        return asdict(context.harvesting.release(name))
    context.harvesting.pause(name, does == "pause")
    return context.harvesting.one(name).row()


def _authorise(context: Context, request: Request, name: str) -> Any:
    return context.tokens.authorise(request.headers.get("authorization", ""), name)


def _may_see(context: Context, request: Request, standing: Standing) -> bool:
    """A source that is kept private is shown to who may write to it."""
    if not standing.config.private:
        return True
    try:
        _authorise(context, request, standing.config.name)
    except Forbidden:
        return False
    return True


def _seen(context: Context, request: Request, name: str) -> Standing:
    if name not in context.harvesting.registry.names() or not _may_see(
        context, request, found := context.harvesting.one(name)
    ):
        raise NotFound(f"No source {name[:64]!r} is harvested.", "See /harvest.")
    return found


def _given(body: bytes) -> dict[str, Any]:
    """The body of a PUT. Raises RefusedInput."""
    how = 'Send {"url": "https://…", "part": "…", "every": "1h"}.'
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"The body is not JSON ({error}).", how) from error
    if not isinstance(found, dict):
        raise UserError("The body is no object.", how)
    return found
