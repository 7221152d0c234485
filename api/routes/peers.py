"""/peers: the nodes that are asked live; PUT an address to add one, DELETE to ask it no more."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.live import PEER_COLUMNS
from api.negotiation import csv_bytes, form_of, json_bytes
from api.routes.context import Context, accept, respond
from kg.errors import Forbidden, RefusedInput

_HOW = 'Send {"url": "https://data.example.org/"}; "allow_private": true needs a token for write:*.'
_SCOPE = "peers"


def router(context: Context) -> APIRouter:
    """The doors of the registry."""
    doors = APIRouter(tags=["live search"])

    @doors.get("/peers", response_class=Response)
    @doors.get("/peers.{suffix}", include_in_schema=False, response_class=Response)
    def peers(request: Request, suffix: str = "") -> Response:
        """The nodes that are asked live, what each may speak about, and how its breaker stands."""
        form = form_of(accept(request), suffix, ("json", "csv"))
        rows = [asdict(row) for row in context.engine.live.status()]
        if form == "csv":
            return respond(request, csv_bytes(rows, PEER_COLUMNS), form, 0)
        return respond(request, json_bytes({"peers": rows}), form, 0)

    @doors.put("/peers/{name}", response_class=Response)
    async def put(request: Request, name: str) -> Response:
        """Adds a node by its base address, or changes it. Needs a token with the scope write:peers."""
        token = await run_in_threadpool(_authorise, context, request)
        url, private = _asked(await request.body())
        if private and "write:*" not in token.scopes:
            raise Forbidden("This token does not allow a private address.", _HOW)
        row = await run_in_threadpool(context.engine.live.add, name, url, private)
        return respond(request, json_bytes(row), "json", 0)

    @doors.delete("/peers/{name}", response_class=Response)
    def delete(request: Request, name: str) -> Response:
        """Asks a node no more. Needs a token with the scope write:peers."""
        _authorise(context, request)
        peer = context.engine.live.remove(name)
        return respond(request, json_bytes({"name": peer.name, "url": peer.url}), "json", 0)

    return doors


def _authorise(context: Context, request: Request) -> Any:
    return context.tokens.authorise(request.headers.get("authorization", ""), _SCOPE)


def _asked(body: bytes) -> tuple[str, bool]:
    """(address, whether it may be private) of the body. Raises RefusedInput."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedInput("The body is not JSON.", _HOW) from error
    if not isinstance(found, dict) or set(found) - {"url", "allow_private"}:
        raise RefusedInput("The body is not an object with a url.", _HOW)
    url, private = found.get("url"), found.get("allow_private", False)
    if not isinstance(url, str) or not isinstance(private, bool):
        raise RefusedInput("url is no text, or allow_private is neither true nor false.", _HOW)
    return url, private
