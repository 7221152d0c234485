"""/sparql: the SPARQL 1.1 protocol, for queries and for the updates of token holders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.negotiation import json_bytes
from api.outcomes import UnsupportedMedia
from api.routes import console, describing
from api.routes.context import Context, accept
from kg.errors import QueryRefused, UserError
from kg.sparql.rows import NOTE

if TYPE_CHECKING:
    from kg.sparql.pool import QueryResult

_SHORT = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdfxml": "application/rdf+xml",
    "trig": "application/trig",
    "nquads": "application/n-quads",
}
_FORM, _QUERY, _UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
_MOST_FIELDS = 1000
Given = dict[str, list[str]]


def router(context: Context) -> APIRouter:
    """The SPARQL door."""
    doors = APIRouter(tags=["sparql"])

    def asked(text: str, given: Given, wanted: str, seq: str) -> QueryResult:
        defaults, named = given.get("default-graph-uri", []), given.get("named-graph-uri", [])
        return context.ready().sparql(
            text,
            wanted,
            defaults,
            named,
            seq=_number(_one(given, "seq") or seq, "seq"),
            max_rows=_number(_one(given, "max-rows"), "max-rows"),
        )

    def answer(text: str, given: Given, wanted: str, seq: str) -> Response:
        result = asked(text, given, wanted, seq)
        headers = {"Filiere-Seq": str(result.seq), "Vary": "Accept", "Cache-Control": "no-cache"}
        if result.cut is not None:
            headers["Filiere-Cut"] = f"rows={result.cut}"
            headers["Link"] = f'<{NOTE}>; rel="type"'
        return Response(result.body, headers=headers, media_type=result.media_type)

    def change(text: str, given: Given, authorization: str) -> Response:
        written = context.ready().querying.update(
            text,
            given.get("using-graph-uri", []),
            given.get("using-named-graph-uri", []),
            allowed=lambda source: context.tokens.authorise(authorization, source),
            allow_deletions=_one(given, "allow_deletions") in ("true", "1"),
        )
        headers = {"Filiere-Seq": str(written.seq)}
        return Response(json_bytes(written.as_dict()), headers=headers, media_type="application/json")

    @doors.head("/sparql", include_in_schema=False, response_class=Response)
    @doors.get("/sparql", response_class=Response)
    def get(
        request: Request,
        query: Annotated[str, Query(description="The query; without one, the service description.")] = "",
        default_graph_uri: Annotated[list[str], Query(alias="default-graph-uri")] = [],  # noqa: B006
        named_graph_uri: Annotated[list[str], Query(alias="named-graph-uri")] = [],  # noqa: B006
        max_rows: Annotated[str, Query(alias="max-rows", description="Cuts a SELECT's result there and says so.")] = "",
        seq: Annotated[str, Query(description="Asks for the snapshot of this seq, while it is kept.")] = "",
        format: Annotated[str, Query(description="Instead of Accept: json, xml, csv, tsv, turtle …")] = "",
        filiere_seq: Annotated[str, Header()] = "",
    ) -> Response:
        """Evaluates a query over one snapshot of the graph, whose seq is in the header Filiere-Seq."""
        given = _fields(request.url.query)
        if "update" in given:
            raise QueryRefused("An update cannot come by GET.", "Send it by POST, with a bearer token.")
        if console.wanted(request, format) and len(given.get("query", [])) < 2:
            return console.page(request, query, lambda text, form: asked(text, given, form, filiere_seq), "")
        if "query" not in given:
            return describing.service(context, request, updates=True)
        return answer(_only(given, "query"), given, wanted_by(request, given), filiere_seq)

    @doors.post("/sparql", response_class=Response)
    async def post(request: Request, filiere_seq: Annotated[str, Header()] = "") -> Response:
        """A query or an update, as a form (query=, update=) or as the body; updates need a bearer token."""
        media, charset = _media(request)
        authorization = request.headers.get("authorization", "")
        if media == _UPDATE:
            await run_in_threadpool(context.tokens.known, authorization)
        text = _text(await request.body(), charset)
        given = _fields(request.url.query)
        if media == _FORM:
            for name, values in _fields(text).items():
                given.setdefault(name, []).extend(values)
        elif media in (_QUERY, _UPDATE):
            given["query" if media == _QUERY else "update"] = [text]
        else:
            raise UnsupportedMedia(
                f"A query cannot come as {media[:80] or 'nothing'!r}.", f"Send {_QUERY}, {_UPDATE} or {_FORM}."
            )
        if "update" in given and "query" in given:
            raise QueryRefused("The request has a query and an update.", "Send them one after the other.")
        if "update" in given:
            await run_in_threadpool(context.tokens.known, authorization)
            return await run_in_threadpool(change, _only(given, "update"), given, authorization)
        query = _only(given, "query")
        if console.wanted(request, _one(given, "format")):

            def run(asked_for: str, form: str) -> QueryResult:
                return asked(asked_for, given, form, filiere_seq)

            return await run_in_threadpool(console.page, request, query, run, _one(given, "ui"))
        return await run_in_threadpool(answer, query, given, wanted_by(request, given), filiere_seq)

    return doors


def wanted_by(request: Request, given: Given) -> str:
    """What the client accepts: `format`, or the Accept header."""
    short = _one(given, "format")
    if short and short not in _SHORT:
        raise UserError(f"format is {short[:40]!r}.", f"Use one of: {', '.join(_SHORT)}.")
    return _SHORT.get(short) or accept(request)


def _media(request: Request) -> tuple[str, str]:
    """(media type, charset) of a request's body."""
    media, *parameters = request.headers.get("content-type", "").split(";")
    charset = next((p.partition("=")[2].strip(' "') for p in parameters if p.strip().lower().startswith("charset")), "")
    return media.strip().lower(), charset.lower() or "utf-8"


def _text(body: bytes, charset: str) -> str:
    if charset not in ("utf-8", "utf8"):
        raise UnsupportedMedia(f"The body comes in {charset[:40]!r}.", "Send it as UTF-8.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise QueryRefused("The body is not UTF-8.", "Send it as UTF-8.") from error


def _fields(text: str) -> Given:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise QueryRefused(f"The request has over {_MOST_FIELDS} fields.", "Send fewer.") from error


def _only(given: Given, name: str) -> str:
    """The one value of a parameter. Raises QueryRefused for none or several."""
    found = given.get(name, [])
    if len(found) != 1:
        count = "no" if not found else "several"
        raise QueryRefused(f"The request has {count} {name!r}.", f"Send one {name}=.")
    return found[0]


def _one(given: Given, name: str) -> str:
    return given.get(name, [""])[0].strip()


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if not text.isdigit() or len(text) > 15:
        raise UserError(f"{name} is {text[:40]!r}, which is no number.", "Give a whole number, or leave it out.")
    return int(text)
