"""/export: what sources say, with whom to name; /sources/{name}/past: what one said; restoring it for token holders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.exporting import FORMS, MEDIA, Export, Wanted, past, prepare
from api.negotiation import json_bytes
from api.routes.context import Context, respond
from kg.errors import UserError
from kg.sparql.formats import choose

_MOMENT = "A day (its end) or a time: 2020-03-25, 2020-03-25T10:00:00Z."


def router(context: Context) -> APIRouter:
    """The doors of exports and of the past."""
    doors = APIRouter(tags=["sources"])

    def prepared(
        request: Request, source: list[str], country: str, as_of: str, use: str, form: str
    ) -> tuple[Export, str]:
        form = _form(request, form)
        wanted = Wanted(tuple(source), country, as_of, use == "commercial")
        return prepare(context.ready(), wanted, private=False, tables=form in ("jsonl", "csv")), form

    @doors.get("/export", response_class=Response)
    def whole(
        request: Request,
        source: Annotated[list[str], Query(description="Names of sources; all that are public.")] = [],  # noqa: B006
        country: Annotated[str, Query(max_length=100, description="Code or name: only actors there.")] = "",
        as_of: Annotated[str, Query(max_length=40, description=_MOMENT)] = "",
        use: Annotated[Literal["", "commercial"], Query(alias="for", description="Refuse what forbids it.")] = "",
        form: Annotated[str, Query(max_length=10, description=f"{', '.join(FORMS)}; else by Accept.")] = "",
    ) -> Response:
        """What sources say: actors in jsonl and csv, every record in nt, nq and ttl; each row names its source."""
        found, chosen = prepared(request, source, country, as_of, use, form)
        return _streamed(found, chosen, f"/export/attributions?{urlencode(request.query_params.multi_items())}")

    @doors.get("/export/attributions", response_class=Response)
    def attributions(
        request: Request,
        source: Annotated[list[str], Query(description="Names of sources; all that are public.")] = [],  # noqa: B006
        country: Annotated[str, Query(max_length=100)] = "",
        as_of: Annotated[str, Query(max_length=40, description=_MOMENT)] = "",
        use: Annotated[Literal["", "commercial"], Query(alias="for")] = "",
        form: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        """Whom to name for the export of the same parameters: JSON, or text by Accept."""
        found, _ = prepared(request, source, country, as_of, use, form or "jsonl")
        if choose(request.headers.get("accept", ""), ["application/json", "text/plain"]) == "text/plain":
            return Response(found.text(), media_type="text/plain; charset=utf-8")
        said = {"seq": found.seq, "attributions": [asdict(told) for told in found.attributions], "text": found.text()}
        return respond(request, json_bytes(said), "json", 0)

    @doors.get("/sources/{name}/past", response_class=Response)
    def at(
        request: Request,
        name: str,
        at: Annotated[str, Query(max_length=40, description=_MOMENT)],
        form: Annotated[str, Query(max_length=10, description=f"{', '.join(FORMS)}; else by Accept.")] = "",
    ) -> Response:
        """What a source said at a moment; with a token that may write to it where it is private or removed."""
        engine = context.ready()
        if not any(source.id == name and source.public for source in engine.sources()):
            context.tokens.authorise(request.headers.get("authorization", ""), name)
        return _streamed(past(engine, name, at), _form(request, form), f"/sources/{quote(name, safe='')}")

    @doors.post("/sources/{name}/restore", response_class=Response)
    async def restore(
        request: Request, name: str, at: Annotated[str, Query(max_length=40, description=_MOMENT)]
    ) -> Response:
        """Makes what a source said at a moment its version again. Needs a token that may write to it."""
        await run_in_threadpool(context.tokens.authorise, request.headers.get("authorization", ""), name)
        records, changed = await run_in_threadpool(context.ready().restore_source, name, at)
        said = {"source": name, "records": records, "changed": changed, "seq": context.engine.seq}
        return respond(request, json_bytes(said), "json", 0)

    return doors


def _form(request: Request, form: str) -> str:
    """The form that is asked for, by its name or the Accept header. Raises UserError."""
    if form:
        if form not in FORMS:
            raise UserError(f"The form {form[:40]!r} is unknown.", f"Use one of: {', '.join(FORMS)}.")
        return form
    offered = {media.partition(";")[0]: name for name, media in MEDIA.items()}
    return offered.get(choose(request.headers.get("accept", ""), list(offered)) or "", "jsonl")


def _streamed(export: Export, form: str, attributions: str) -> Response:
    links = [f'<{attributions}>; rel="describedby"']
    links += [f'<{told.licence_iri}>; rel="license"' for told in export.attributions if told.licence_iri]
    headers = {
        "Link": ", ".join(dict.fromkeys(links)),
        "Content-Disposition": f'attachment; filename="filiere.{form}"',
        "Filiere-Seq": str(export.seq),
        "Vary": "Accept",
    }

    def body() -> Iterator[bytes]:
        for chunk in export.chunks(form):
            yield chunk.encode()

    return StreamingResponse(body(), headers=headers, media_type=MEDIA[form])
