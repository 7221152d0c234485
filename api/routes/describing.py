"""/.well-known/void: what data there is, in the terms of VoID; and the service's description for /sparql."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import describing
from api.negotiation import form_of, rdf_bytes
from api.routes.context import Context, accept, respond

_FORMS = ("ttl", "jsonld", "nt", "rdf")  # Turtle first: it is what who names none gets


def router(context: Context) -> APIRouter:
    """The door of the dataset's description."""
    doors = APIRouter(tags=["sparql"])

    @doors.get("/.well-known/void", response_class=Response)
    @doors.get("/.well-known/void.{suffix}", include_in_schema=False, response_class=Response)
    def void(request: Request, suffix: str = "") -> Response:
        """The data in numbers, source by source, as linked data; browsers are shown the list of sources.

        At a size where counting takes long, numbers that are not there yet come with a later request.
        """
        form = form_of(accept(request), suffix, (*_FORMS, "html"))
        if form == "html":
            return Response(status_code=303, headers={"Location": "/sources.html", "Vary": "Accept"})
        counts = context.statistics.known()
        about = describing.void(context.ready(), context.publishing.layout(str(request.base_url)).base, counts)
        return respond(request, rdf_bytes(about, form), form, counts.seq if counts.done else 0)

    return doors


def service(context: Context, request: Request, *, updates: bool = False) -> Response:
    """The description of the SPARQL service, for GET /sparql without a query. Raises NotAcceptable."""
    form = form_of(accept(request), "", _FORMS)
    counts = context.statistics.known()
    about = describing.service_description(
        context.ready(), context.settings, str(request.base_url), counts, updates=updates
    )
    return respond(request, rdf_bytes(about, form), form, counts.seq if counts.done else 0)
