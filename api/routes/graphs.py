"""/graphs: the SPARQL 1.1 Graph Store Protocol; /history: what was written, and taking it back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.negotiation import json_bytes
from api.outcomes import UnsupportedMedia
from api.querying import Written
from api.routes.context import Context, accept
from api.security import Token
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput, UserError, storage_error
from kg.terms import Statement

_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_SUFFIXES = {
    "text/turtle": ".ttl",
    "application/x-turtle": ".ttl",
    "application/n-triples": ".nt",
    "text/plain": ".nt",
    "application/n-quads": ".nq",
    "application/trig": ".trig",
    "application/ld+json": ".jsonld",
    "application/rdf+xml": ".rdf",
    "": ".rdf",  # what the protocol takes a body without a type for
}


def router(context: Context) -> APIRouter:
    """The doors of graphs and of the history."""
    doors = APIRouter(tags=["sparql"])

    def allowed(request: Request) -> Callable[[str], Token]:
        header = request.headers.get("authorization", "")
        context.tokens.known(header)
        return lambda source: context.tokens.authorise(header, source)

    def get(request: Request) -> Response:
        """What a graph says (graph=IRI, or default); without a name, the list of graphs."""
        engine = context.ready()
        if not _names(request):
            return Response(json_bytes({"graphs": engine.querying.graphs()}), media_type="application/json")
        name = _name(request)
        if not engine.querying.has_graph(name) and name != v.source_graph(v.DEFAULT):
            raise NotFound(f"There is no graph {name[:200]}.", "See /graphs.")
        result = engine.sparql(_ALL, accept(request), [name])
        headers = {"Filiere-Seq": str(result.seq), "Vary": "Accept", "ETag": f'W/"{result.seq}-{result.media_type}"'}
        return Response(result.body, headers=headers, media_type=result.media_type)

    async def write(request: Request, *, replace: bool) -> Response:
        may = await run_in_threadpool(allowed, request)
        engine = context.ready()
        minted = not replace and not _names(request)
        name = f"{request.base_url}graphs/{uuid4()}" if minted else _name(request)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=engine.folder.path) as scratch:
            files = await _receive(request, Path(scratch))
            statements: list[Statement] = []
            for file in files:
                statements += await run_in_threadpool(engine.querying.statements_of, file, name)
        sure = request.query_params.get("allow_deletions", "") in ("true", "1")
        written = await run_in_threadpool(
            engine.querying.put_graph, name, statements, replace=replace, allowed=may, allow_deletions=sure
        )
        return _report(written, name)

    async def put(request: Request) -> Response:
        """Makes the body all that a graph says. Needs a token that may write to it."""
        return await write(request, replace=True)

    async def post(request: Request) -> Response:
        """Adds what the body says to a graph; without a name, to a new one. Needs a token that may write to it."""
        return await write(request, replace=False)

    def delete(request: Request) -> Response:
        """Takes out everything that a graph says. Needs a token that may write to it."""
        may, name = allowed(request), _name(request)
        sure = request.query_params.get("allow_deletions", "") in ("true", "1")
        return _report(context.ready().querying.delete_graph(name, allowed=may, allow_deletions=sure), name)

    for path, shown in (("/graphs", True), ("/graphs/{rest:path}", False)):
        doors.add_api_route(path, get, methods=["GET"], include_in_schema=shown, response_class=Response)
        doors.add_api_route(path, get, methods=["HEAD"], include_in_schema=False, response_class=Response)
        doors.add_api_route(path, put, methods=["PUT"], include_in_schema=shown, response_class=Response)
        doors.add_api_route(path, post, methods=["POST"], include_in_schema=shown, response_class=Response)
        doors.add_api_route(path, delete, methods=["DELETE"], include_in_schema=shown, response_class=Response)

    @doors.get("/history", response_class=Response)
    def history(
        source: Annotated[str, Query(max_length=2000)] = "", limit: Annotated[int, Query(ge=1, le=1000)] = 50
    ) -> Response:
        """The newest batches of the journal, newest first."""
        found = context.engine.journal.batches(source or None, limit)
        return Response(json_bytes(found), media_type="application/json")

    @doors.post("/history/{batch}/undo", response_class=Response)
    def undo(request: Request, batch: int) -> Response:
        """Takes back a batch and those written together with it. Needs a token that may write to its sources."""
        may = allowed(request)
        written = context.ready().querying.undo(batch, allowed=may)
        return _report(written, "")

    return doors


def _names(request: Request) -> bool:
    return bool({"graph", "default"} & set(request.query_params)) or request.url.path.rstrip("/") != "/graphs"


def _name(request: Request) -> str:
    """The graph that a request is about: graph=IRI, default, or the address itself."""
    given = request.query_params.getlist("graph")
    if len(given) + ("default" in request.query_params) > 1:
        raise UserError("The request names several graphs.", "Give graph=IRI or default, once.")
    if "default" in request.query_params:
        return v.source_graph(v.DEFAULT)
    if given:
        return given[0]
    if request.url.path.rstrip("/") == "/graphs":
        raise UserError("The request names no graph.", "Add ?graph=IRI, or ?default.")
    return str(request.url.replace(query="", fragment=""))


def _report(written: Written, name: str) -> Response:
    headers = {"Filiere-Seq": str(written.seq)}
    if written.created:
        headers["Location"] = name
    body = json_bytes({"graph": name, **written.as_dict()} if name else written.as_dict())
    return Response(body, 201 if written.created else 200, headers, media_type="application/json")


async def _receive(request: Request, folder: Path) -> list[Path]:
    """The body in files whose suffixes say their form. Raises UnsupportedMedia."""
    content_type = request.headers.get("content-type", "")
    media = content_type.partition(";")[0].strip().lower()
    file = folder / "body"
    try:
        with file.open("wb") as stream:
            async for chunk in request.stream():
                stream.write(chunk)
        if media == "multipart/form-data":
            return _parts(content_type, file, folder)
    except OSError as error:
        raise storage_error(error, folder.parent) from error
    return [file.rename(folder / f"body{_suffix(media)}")]


def _suffix(media: str) -> str:
    if media not in _SUFFIXES:
        raise UnsupportedMedia(
            f"A graph cannot come as {media[:80]!r}.", f"Send one of: {', '.join(name for name in _SUFFIXES if name)}."
        )
    return _SUFFIXES[media]


def _parts(content_type: str, file: Path, folder: Path) -> list[Path]:
    """The files of a multipart body, as a web form sends them."""
    from email import message_from_bytes

    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + file.read_bytes())
    if not message.is_multipart():
        raise RefusedInput("The multipart body has no parts.", "Send the file as a form field.")
    out = []
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        out.append(folder / f"part{number}{_suffix(part.get_content_type())}")
        out[-1].write_bytes(content)
    return out
