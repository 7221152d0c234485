"""Every door of the service on one page."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import errors
from api.engine import Engine
from api.middleware import Doorkeeper
from api.pages.render import FOLDER
from api.routes import (
    asking,
    describing,
    entities,
    erasures,
    examples,
    exporting,
    graphs,
    harvest,
    health,
    identity,
    pages,
    peers,
    publishing,
    reconcile,
    sources,
    sparql,
    tags,
)
from api.routes.context import Context
from api.security import Tokens
from api.settings import Settings


def create_app(engine: Engine, settings: Settings) -> FastAPI:
    """The service over an open engine; every view is brought to the journal's seq in the background."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context.starting = threading.Thread(target=context.bring_up, name="bring-up", daemon=True)
        context.starting.start()
        yield
        context.harvesting.stop()
        context.publishing.close()

    app = FastAPI(
        title="Filière",
        summary="Who can make, supply or do what we need, and how do we know?",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    engine.querying.configure(settings)
    engine.live.configure(settings)
    context = Context(engine, settings, Tokens(engine.folder.tokens))
    app.include_router(pages.router(context))  # /  /docs
    app.include_router(asking.router(context))  # /search
    app.include_router(entities.router(context))  # /actors /clusters /competencies /offers /needs /recipes
    app.include_router(sources.router(context))  # /sources, and PUT and DELETE for token holders
    app.include_router(tags.router(context))  # /tags, and PUT and DELETE for token holders
    app.include_router(peers.router(context))  # /peers, and PUT and DELETE for token holders
    app.include_router(reconcile.router(context))  # /reconcile
    app.include_router(identity.router(context))  # /identity, and PUT, DELETE and POST for token holders
    app.include_router(exporting.router(context))  # /export /sources/{name}/past, and restoring for token holders
    app.include_router(erasures.router(context))  # /erasures, and DELETE of an actor, for token holders
    app.include_router(sparql.router(context))  # /sparql
    app.include_router(examples.router(context))  # /sparql/examples
    app.include_router(describing.router(context))  # /.well-known/void
    app.include_router(publishing.router(context))  # /.well-known/filiere /dumps /feed
    app.include_router(harvest.router(context))  # /harvest
    app.include_router(graphs.router(context))  # /graphs /history
    app.include_router(health.router(context))  # /health/live /health/ready
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    errors.install(app)
    app.add_middleware(
        Doorkeeper, body_mb=settings.body_mb, seconds=settings.request_seconds, cors=settings.cors
    )  # fmt: skip
    context.app = app
    return app
