"""/erasures: records erased at their owner's request; for holders of a token with the scope write:erasures."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.erasing import MOST_AT_ONCE
from api.negotiation import json_bytes
from api.routes.context import Context, respond
from kg import vocabulary as v
from kg.errors import RefusedInput

_HOW = 'Send {"names": ["IRI or id of an actor", …], "reason": "…"}.'


def router(context: Context) -> APIRouter:
    """The doors of erasures."""
    doors = APIRouter(tags=["erasures"])

    def authorise(request: Request) -> None:
        context.tokens.authorise(request.headers.get("authorization", ""), v.ERASURES)

    @doors.get("/erasures", response_class=Response)
    def erasures(request: Request) -> Response:
        """What was erased: the SHA-256 of its IRI, when, from which sources, why. Needs a token for write:erasures."""
        authorise(request)
        return respond(request, json_bytes([asdict(found) for found in context.ready().erasures()]), "json", 0)

    @doors.post("/erasures", response_class=Response)
    async def erase(request: Request) -> Response:
        """Erases records from every source, view and past version, for good. Needs a token for write:erasures."""
        await run_in_threadpool(authorise, request)
        names, reason = _asked(await request.body())
        erased = await run_in_threadpool(context.ready().erase, names, reason=reason)
        return respond(request, json_bytes(erased), "json", 0)

    @doors.delete("/erasures/{name:path}", response_class=Response)
    def lift(request: Request, name: str) -> Response:
        """Lifts an erasure, named by its hash or the IRI: it may be said again. Needs a token for write:erasures."""
        authorise(request)
        return respond(request, json_bytes({"lifted": asdict(context.ready().lift_erasure(name))}), "json", 0)

    @doors.delete("/actors/{id:path}", response_class=Response)
    def delete(request: Request, id: str, reason: str = "") -> Response:
        """Erases an actor, named by its id or IRI, as POST /erasures does. Needs a token for write:erasures."""
        authorise(request)
        erased = context.ready().erase([id], reason=reason)
        return respond(request, json_bytes(erased), "json", 0)

    return doors


def _asked(body: bytes) -> tuple[list[str], str]:
    """(names, reason) of the body. Raises RefusedInput."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"The body is not JSON ({error}).", _HOW) from error
    if not isinstance(found, dict) or set(found) - {"names", "reason"}:
        raise RefusedInput("The body is not an object with names and a reason.", _HOW)
    names, reason = found.get("names"), found.get("reason", "")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > MOST_AT_ONCE:
        raise RefusedInput(f"The names are no list of at most {MOST_AT_ONCE:,} texts.", _HOW)
    if not isinstance(reason, str):
        raise RefusedInput("The reason is no text.", _HOW)
    return names, reason
