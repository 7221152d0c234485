"""/health: does the process live, and do its views stand at the journal's seq?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.negotiation import json_bytes
from api.outcomes import NotReady
from api.routes.context import Context, respond


def router(context: Context) -> APIRouter:
    """The doors for whoever watches the service."""
    doors = APIRouter(prefix="/health", tags=["health"])

    @doors.get("/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @doors.get("/ready", response_class=Response)
    def ready(request: Request) -> Response:
        """503 until every view stands at the journal's seq."""
        engine = context.ready()
        if not engine.ready:
            raise NotReady("A view is behind the journal.", "Try again in some seconds.")
        return respond(request, json_bytes({"status": "ready", "seq": engine.seq}), "json", 0)

    return doors
