"""/sparql: the SPARQL 1.1 protocol for queries, read-only."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.outcomes import UnsupportedMedia
from api.routes.context import Context, accept
from kg.errors import QueryRefused, UserError

_SHORT = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdfxml": "application/rdf+xml",
}


def router(context: Context) -> APIRouter:
    """The SPARQL door."""
    doors = APIRouter(tags=["sparql"])

    def answer(query: str, wanted: str, defaults: list[str], named: list[str]) -> Response:
        settings = context.settings
        result = context.ready().sparql(
            query, wanted, defaults, named, seconds=settings.query_seconds, memory_mb=settings.query_memory_mb
        )
        headers = {"Filiere-Seq": str(result.seq), "Vary": "Accept", "Cache-Control": "no-cache"}
        return Response(result.body, headers=headers, media_type=result.media_type)

    def wanted_by(request: Request, short: str) -> str:
        if short and short not in _SHORT:
            raise UserError(f"format is {short[:40]!r}.", f"Use one of: {', '.join(_SHORT)}.")
        return _SHORT.get(short) or accept(request)

    @doors.get("/sparql", response_class=Response)
    def get(
        request: Request,
        query: str,
        default_graph_uri: Annotated[list[str], Query(alias="default-graph-uri")] = [],  # noqa: B006
        named_graph_uri: Annotated[list[str], Query(alias="named-graph-uri")] = [],  # noqa: B006
        format: str = "",
    ) -> Response:
        """Evaluates a query over one snapshot of the graph, whose seq is in the header Filiere-Seq."""
        return answer(query, wanted_by(request, format), default_graph_uri, named_graph_uri)

    @doors.post("/sparql", response_class=Response)
    async def post(request: Request) -> Response:
        """The same, with the query as a form (query=) or as the body (application/sparql-query)."""
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise QueryRefused("The body is not UTF-8.", "Send it as UTF-8.") from error
        if media == "application/sparql-query":
            given = parse_qs(request.url.query)
            given["query"] = [text]
        elif media == "application/x-www-form-urlencoded":
            given = parse_qs(text, max_num_fields=100)
        else:
            raise UnsupportedMedia(
                f"A query cannot come as {media[:80]!r}.",
                "Send application/sparql-query or application/x-www-form-urlencoded.",
            )
        if "update" in given or "query" not in given:
            raise QueryRefused("The request has no 'query'.", "Queries only read; write through PUT /sources/NAME.")
        if len(given["query"]) != 1:
            raise QueryRefused("The request has several queries.", "Send one.")
        wanted = wanted_by(request, given.get("format", [""])[0])
        defaults, named = given.get("default-graph-uri", []), given.get("named-graph-uri", [])
        return await run_in_threadpool(answer, given["query"][0], wanted, defaults, named)

    return doors
