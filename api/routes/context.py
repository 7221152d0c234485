"""What every door shares: the engine, the settings, the tokens, and whether the views are ready."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from api.engine import Engine
from api.harvesting import Harvesting
from api.negotiation import content_type
from api.outcomes import NotReady
from api.publishing import Publishing, base_of
from api.security import Tokens
from api.settings import Settings
from api.statistics import Statistics
from kg.errors import FiliereError

if TYPE_CHECKING:
    from kg.sparql.pool import QueryResult


@dataclass(slots=True)
class Context:
    """The service's state."""

    engine: Engine
    settings: Settings
    tokens: Tokens
    app: FastAPI | None = None
    starting: threading.Thread | None = None
    trouble: FiliereError | None = None
    statistics: Statistics = field(init=False)
    publishing: Publishing = field(init=False)
    harvesting: Harvesting = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = Statistics(self._count, lambda: self.engine.seq)
        self.publishing = Publishing(self.engine, self.engine.folder, self.settings, ("search", "sparql", "reconcile"))
        base = base_of(self.settings.url)
        ours = f"{base}graph/" if base else ""
        self.harvesting = Harvesting(self.engine, seconds=self.settings.harvest_seconds, ours=ours)

    def _count(self, query: str) -> QueryResult:
        return self.ready().sparql(query, "application/sparql-results+json")

    def bring_up(self) -> None:
        """Brings every view to the journal's seq; what stops it is kept for /health/ready to say."""
        try:
            self.engine.bring_up()
            self.trouble = None
            self.harvesting.start()
            threading.Thread(target=self._warm, name="warm-up", daemon=True).start()
        except FiliereError as error:
            self.trouble = error
            print(json.dumps({"level": "error", "error": error.problem, "mend": error.mend}), file=sys.stderr)

    def _warm(self) -> None:
        """Starts the children that evaluate queries; the first query would start them otherwise."""
        with suppress(FiliereError, OSError, RuntimeError):  # the query says what is wrong
            self.engine.querying.pool.warm()

    def ready(self) -> Engine:
        """The engine, once every view stands. Raises NotReady until then, or what stopped it."""
        if self.trouble is not None:
            raise self.trouble
        if self.starting is not None and self.starting.is_alive():
            raise NotReady("The views are still being brought to the journal's seq.", "Try again in some seconds.")
        return self.engine


def respond(request: Request, body: bytes | str, form: str, seq: int, **headers: str) -> Response:
    """A body in a form, with the seq it was taken at; 304 when the client has it already."""
    tag = f'W/"{seq}-{form}"'
    shared = {"Vary": "Accept, Accept-Language", "Filiere-Seq": str(seq), **headers}
    if seq and request.method in ("GET", "HEAD"):
        shared["ETag"] = tag
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=shared)
    return Response(body, headers={"Content-Type": content_type(form), **shared})


def accept(request: Request) -> str:
    """The Accept header."""
    found: Any = request.headers.get("accept", "")
    return str(found)
