"""/reconcile: the Reconciliation API, versions 0.2 and 1.0-draft, so that OpenRefine finds actors and competencies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.middleware import FRAMED
from api.negotiation import json_bytes
from api.pages import render
from api.reconciling import asked, properties, wire
from api.reconciling.found import TYPES
from api.routes.context import Context
from kg import names
from kg.errors import Malformed, NotFound, UserError
from kg.model import Actor

_BOTH = ("/reconcile", f"/reconcile/{wire.V10}")
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,63}(\.[A-Za-z_$][\w$]{0,63}){0,3}", re.ASCII)
_MOST_FIELDS = 50
_MOST_SKIPPED = 10_000
Prefix = Annotated[str, Query(max_length=500, description="How a word of the name begins.")]
Limit = Annotated[int, Query(ge=1, le=asked.MOST_CANDIDATES)]
Skipped = Annotated[int, Query(ge=0, le=_MOST_SKIPPED)]
TypeName = Annotated[str, Query(max_length=200, description=f"{', '.join(TYPES)}.")]


def router(context: Context) -> APIRouter:
    """The doors of reconciliation."""
    doors = APIRouter(tags=["reconcile"])

    def ask(given: Mapping[str, str], lang: str, base: str) -> dict[str, Any]:
        """What version 0.2 answers at its one address: queries, one query, a data extension, or the manifest."""
        if "queries" in given:
            batch = asked.batch_02(given["queries"])
            found = context.ready().reconciling.match(list(batch.values()), lang)
            return wire.results_02(dict(zip(batch, found, strict=True)), lang)
        if "query" in given:
            one = context.ready().reconciling.match([asked.single_02(given["query"])], lang)[0]
            return {"result": [wire.candidate(found, wire.V02, lang) for found in one]}
        if "extend" in given:
            extended = context.ready().reconciling.extend(asked.extension(given["extend"]), lang)
            return wire.extension(extended, wire.V02, lang)
        return wire.manifest(base, wire.V02, lang, _service())

    @doors.get("/reconcile", response_class=Response)
    def reconcile(request: Request) -> Response:
        """The service's manifest; with `queries` (JSON) the candidates of version 0.2, with `extend` the values."""
        return _respond(request, ask(request.query_params, _language(request), _base(context, request)))

    @doors.post("/reconcile", response_class=Response)
    async def post(request: Request) -> Response:
        """The same by a form: `queries=`, `query=` or `extend=`."""
        given = _form(await request.body(), request.headers.get("content-type", ""))
        if not {"queries", "query", "extend"} & set(given):
            raise UserError(
                "The form has none of `queries`, `query` and `extend`.", 'Send queries={"q0": {"query": "…"}}.'
            )
        said = await run_in_threadpool(ask, given, _language(request), _base(context, request))
        return _respond(request, said)

    @doors.get(_BOTH[1], response_class=Response)
    def manifest(request: Request) -> Response:
        """The manifest of version 1.0-draft, whose addresses are the same below `/reconcile`."""
        said = wire.manifest(_base(context, request), wire.V10, _language(request), _service())
        return _respond(request, said)

    async def match(request: Request) -> Response:
        """The candidates of a batch of version 1.0-draft: `{"queries": [{"conditions": […]}]}`."""
        batch, lang = asked.batch_10(await request.body()), _language(request)
        found = await run_in_threadpool(context.ready().reconciling.match, batch, lang)
        return _respond(request, wire.results_10(found, lang))

    async def extend(request: Request) -> Response:
        """The values of properties of entities, for version 1.0-draft: `{"ids": […], "properties": [{"id": …}]}`."""
        wanted, lang = asked.extension(await request.body()), _language(request)
        extended = await run_in_threadpool(context.ready().reconciling.extend, wanted, lang)
        return _respond(request, wire.extension(extended, wire.V10, lang))

    def propose(request: Request, type: TypeName = "", limit: Limit = asked.MOST_CANDIDATES) -> Response:
        """The properties that a spreadsheet can be extended by, for a type."""
        lang = _language(request)
        found = [wire.property_of(one, lang) for one in properties.proposed(type)[:limit]]
        return _respond(request, {"type": type, "limit": limit, "properties": found})

    def suggest_entity(
        request: Request, prefix: Prefix = "", type: TypeName = "", limit: Limit = asked.USUAL_CANDIDATES,
        offset: Skipped = 0,
    ) -> Response:  # fmt: skip
        """Actors and competencies one of whose words begins so."""
        lang, kinds = _language(request), (type,) if type else ()
        found = context.ready().reconciling.suggest(prefix, kinds, limit, offset, lang)
        return _respond(request, {"result": [wire.suggestion(one, lang) for one in found]})

    def suggest_type(
        request: Request, prefix: Prefix = "", limit: Limit = asked.MOST_CANDIDATES, offset: Skipped = 0
    ) -> Response:
        """The types of entities."""
        lang, wanted = _language(request), names.fold(prefix.strip())
        known = [
            id for id, (english, french, *_) in TYPES.items()
            if any(f" {names.fold(text)}".find(f" {wanted}") >= 0 for text in (id, english, french))
        ]  # fmt: skip
        found = [wire.type_of(id, lang, above=True) for id in known[offset : offset + limit]]
        return _respond(request, {"result": found})

    def suggest_property(
        request: Request, prefix: Prefix = "", limit: Limit = asked.MOST_CANDIDATES, offset: Skipped = 0
    ) -> Response:
        """The properties to match with, or to extend by."""
        lang = _language(request)
        found = properties.suggested(prefix, lang)[offset : offset + limit]
        return _respond(request, {"result": [wire.property_of(one, lang) for one in found]})

    def preview(request: Request, id: Annotated[str, Query(max_length=2000)]) -> Response:
        """A small page about an entity, which other pages may show in a frame."""
        html = _preview(context, request, id)
        headers = {"Content-Security-Policy": FRAMED.decode(), "Content-Type": "text/html; charset=utf-8"}
        return Response(html, headers={**headers, "Vary": "Accept-Language"})

    for base in _BOTH:
        shown = base == _BOTH[0]
        for path, door, method in (
            ("/match", match, "POST"), ("/extend", extend, "POST"), ("/extend/propose", propose, "GET"),
            ("/suggest/entity", suggest_entity, "GET"), ("/suggest/type", suggest_type, "GET"),
            ("/suggest/property", suggest_property, "GET"), ("/preview", preview, "GET"),
        ):  # fmt: skip
            doors.add_api_route(base + path, door, methods=[method], include_in_schema=shown, response_class=Response)

    @doors.get("/reconcile/flyout", include_in_schema=False, response_class=Response)
    def flyout(request: Request, id: Annotated[str, Query(max_length=2000)]) -> Response:
        return _respond(request, {"id": id, "html": _preview(context, request, id, "flyout.html")})

    @doors.get("/reconcile/view", response_class=Response)
    def view(request: Request, id: Annotated[str, Query(max_length=2000)]) -> Response:
        """Leads to the page of an entity."""
        entity = context.ready().reconciling.entity(id)
        return Response(status_code=303, headers={"Location": wire.view_path(entity.iri, isinstance(entity, Actor))})

    return doors


@cache
def _service() -> str:
    with suppress(PackageNotFoundError):
        return version("filiere")
    return "unknown"


def _base(context: Context, request: Request) -> str:
    """The address of this node: the one it is known by, else the one it was asked at."""
    return (getattr(context.settings, "url", "") or str(request.base_url)).rstrip("/")


def _language(request: Request) -> str:
    return render.language(request.headers, request.query_params.get("ui", ""))


def _form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form. Raises Malformed for another body."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise Malformed(
            f"The body is {kind[:60]!r}, not a form.",
            "Send queries=… as application/x-www-form-urlencoded; JSON goes to /reconcile/match.",
        )
    try:
        found = parse_qs(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError as error:
        raise Malformed(
            f"The body is not a form in UTF-8 ({error}).", "Percent-encode the value of queries=."
        ) from error
    return {name: texts[0] for name, texts in found.items()}


def _respond(request: Request, said: dict[str, Any]) -> Response:
    """An answer as JSON, or as a call of the function that an old client names in `callback`."""
    body = json_bytes(said)
    headers = {"Vary": "Accept-Language", "Content-Language": _language(request)}
    callback = request.query_params.get("callback", "")
    if not callback:
        return Response(body, headers=headers, media_type="application/json")
    if not _CALLBACK.fullmatch(callback):
        raise UserError("`callback` is not the name of a function.", "Leave it out; this service allows CORS.")
    script = b"/**/" + callback.encode() + b"(" + _script_safe(body) + b");"
    return Response(script, headers=headers, media_type="text/javascript; charset=utf-8")


def _script_safe(body: bytes) -> bytes:
    """JSON without what ends a script or a line of it."""
    text = body.decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode()


def _preview(context: Context, request: Request, id: str, template: str = "preview.html") -> str:
    engine = context.ready()
    entity = engine.reconciling.entity(id)
    lang = _language(request)
    shown: dict[str, Any] = {"actor": None, "concept": None, "above": [], "homes": []}
    if isinstance(entity, Actor):
        shown["actor"] = entity
        for home in entity.clusters:
            with suppress(NotFound):
                shown["homes"].append(engine.actor(home, entity.source).name)
    else:
        shown["concept"] = entity
        for iri in entity.broader:
            with suppress(NotFound):
                shown["above"].append(engine.concept(iri).label(lang))
    path = wire.view_path(entity.iri, isinstance(entity, Actor))
    return render.page(template, request.headers, request.query_params.get("ui", ""), path=path, **shown)
