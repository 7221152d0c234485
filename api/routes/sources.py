"""/sources: who publishes what; PUT a file to make it a source's new version, DELETE to take a source out."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.commands.writing import SOURCE_COLUMNS
from api.negotiation import csv_bytes, form_of, json_bytes, split_suffix
from api.outcomes import UnsupportedMedia
from api.pages import render
from api.routes.context import Context, accept, respond
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput, UserError, storage_error
from kg.readers.job import RECORD_KINDS

_SUFFIXES = {
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/json": ".jsonl",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "text/turtle": ".ttl",
    "application/n-triples": ".nt",
    "application/n-quads": ".nq",
    "application/trig": ".trig",
    "application/ld+json": ".jsonld",
    "application/rdf+xml": ".rdf",
}
_FILENAME = re.compile(r"^[\w][\w.-]{0,80}\.[a-z0-9.]{2,12}$", re.IGNORECASE)


def router(context: Context) -> APIRouter:
    """The doors of sources."""
    doors = APIRouter(tags=["sources"])

    @doors.get("/sources", response_class=Response)
    @doors.get("/sources.{suffix}", include_in_schema=False, response_class=Response)
    def sources(request: Request, suffix: str = "") -> Response:
        """Every source: publisher, licence, number of records, date."""
        return listing(request, suffix)

    def listing(request: Request, suffix: str) -> Response:
        form = form_of(accept(request), suffix, ("json", "html", "csv"))
        found, seq = context.engine.sources(), context.engine.seq
        if form == "csv":
            return respond(request, csv_bytes([asdict(s) for s in found], SOURCE_COLUMNS), form, seq)
        if form == "html":
            ui = request.query_params.get("ui", "")
            shown = {"records": found, "published": context.publishing.sources(), "path": "/sources"}
            html = render.page("sources.html", request.headers, ui, harvests=context.harvesting.public(), **shown)
            return respond(request, html, form, 0)  # a harvest that changes nothing has an outcome too
        return respond(request, json_bytes(found), form, seq)

    @doors.get("/sources/{name}", response_class=Response)
    def source(request: Request, name: str) -> Response:
        """One source."""
        wanted, _ = split_suffix(name)
        for found in context.engine.sources():
            if found.id in (wanted, name):
                return respond(request, json_bytes(found), "json", context.engine.seq)
        raise NotFound(f"There is no source {name[:64]!r}.", "See /sources.")

    @doors.put("/sources/{name}", response_class=Response)
    async def put(
        request: Request,
        name: str,
        filename: Annotated[
            str, Query(max_length=100, description="Says the format where Content-Type does not.")
        ] = "",
        record: Annotated[str, Query(description="What a row of a table is.")] = "actor",
        title: Annotated[str | None, Query(max_length=500)] = None,
        publisher: Annotated[str | None, Query(max_length=500)] = None,
        licence: Annotated[str | None, Query(max_length=500)] = None,
        url: Annotated[str | None, Query(max_length=2000)] = None,
        issued: Annotated[str | None, Query(max_length=10)] = None,
        strict: bool = False,
        dry_run: bool = False,
        partial: bool = False,
        allow_deletions: bool = False,
    ) -> Response:
        """Makes the file in the body the source's new complete version. Needs a token that may write to it."""
        await run_in_threadpool(context.tokens.authorise, request.headers.get("authorization", ""), name)
        v.check_source_name(name)
        engine = context.ready()
        if record not in RECORD_KINDS or record == "concept":
            raise UserError(f"record is {record[:40]!r}.", f"Use one of: {', '.join(RECORD_KINDS[:-1])}.")
        described = {"title": title, "publisher": publisher, "licence": licence, "url": url, "issued": issued}
        options = {"strict": strict, "dry_run": dry_run, "partial": partial, "allow_deletions": allow_deletions}
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=engine.folder.path) as scratch:
            file = Path(scratch) / _file_name(name, filename, request.headers.get("content-type", ""))
            await _receive(request, file)
            report = await run_in_threadpool(_import, context, file, name, record, described, options)
        return respond(request, json_bytes(report.as_dict()), "json", 0)

    @doors.delete("/sources/{name}", response_class=Response)
    def delete(request: Request, name: str) -> Response:
        """Takes everything a source said out of every view. Needs a token that may write to it."""
        context.tokens.authorise(request.headers.get("authorization", ""), name)
        removed = context.ready().remove_source(name)
        return respond(request, json_bytes({"source": name, "deleted": removed, "seq": context.engine.seq}), "json", 0)

    return doors


def _import(
    context: Context, file: Path, name: str, record: Any, described: dict[str, str | None], options: dict[str, Any]
) -> Any:
    about = context.engine.described(name, **described)
    return context.engine.import_files([file], about, record=record, **options)


def _file_name(source: str, filename: str, content_type: str) -> str:
    """The name the body is stored under, whose suffix says its format. Raises UnsupportedMedia."""
    if filename:
        if not _FILENAME.match(filename):
            raise UserError(
                f"filename is {filename[:80]!r}.", "Use letters, digits, '.', '_' and '-', as in members.csv."
            )
        return filename
    media = content_type.partition(";")[0].strip().lower()
    if media not in _SUFFIXES:
        raise UnsupportedMedia(
            f"A body of the type {media[:80]!r} cannot be read.",
            f"Send one of: {', '.join(_SUFFIXES)}, or give filename=.",
        )
    return source + _SUFFIXES[media]


async def _receive(request: Request, file: Path) -> None:
    try:
        with file.open("wb") as stream:
            async for chunk in request.stream():
                stream.write(chunk)
    except OSError as error:
        raise storage_error(error, file.parent) from error
    if file.stat().st_size == 0:
        raise RefusedInput("The body is empty.", "Send the file as the body of the request.")
