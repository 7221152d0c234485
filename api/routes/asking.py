"""/search: a need in, actors and reasons out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.asked import query_of
from api.commands.asking import MATCH_COLUMNS, match_rows
from api.negotiation import csv_bytes, form_of, json_bytes
from api.printing import members
from api.routes.context import Context, accept, respond
from kg.errors import UserError
from kg.federation.live import MARK
from search.query import MOST_OFFSET, MOST_RESULTS, MOST_TEXT
from search.query import Query as Asked
from search.results import Matches


def router(context: Context) -> APIRouter:
    """The doors that answer needs."""
    doors = APIRouter(tags=["search"])

    def search(
        request: Request,
        q: Annotated[str, Query(max_length=MOST_TEXT, description="The need, in any European language.")],
        suffix: str = "",
        lang: Annotated[
            str, Query(max_length=10, description="Its language, such as fr; guessed when not given.")
        ] = "",
        country: Annotated[list[str], Query(description="Codes or names of countries.")] = [],  # noqa: B006
        nuts: Annotated[list[str], Query(description="NUTS codes or their beginnings.")] = [],  # noqa: B006
        near: Annotated[str, Query(max_length=200, description="Town ('Valence, FR') or latitude,longitude.")] = "",
        within_km: Annotated[float | None, Query(gt=0, le=20_100, allow_inf_nan=False)] = None,
        size: Annotated[list[str], Query(description="micro, small, medium, sme, large.")] = [],  # noqa: B006
        kind: Annotated[list[str], Query(description="firm, cluster, lab, association, public.")] = [],  # noqa: B006
        cluster: Annotated[list[str], Query(description="Ids of clusters.")] = [],  # noqa: B006
        certificate: Annotated[list[str], Query(description="Words of certificates.")] = [],  # noqa: B006
        source: Annotated[list[str], Query(description="Names of sources.")] = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=MOST_RESULTS)] = 10,
        offset: Annotated[int, Query(ge=0, le=MOST_OFFSET)] = 0,
        sources: Annotated[str, Query(max_length=10, description="live asks the nodes of /peers too.")] = "",
        evidence: Annotated[bool, Query(description="Adds what the best candidates say of themselves.")] = False,
    ) -> Response:
        """The actors that can meet the need, best first, each with its reasons."""
        form = form_of(accept(request), suffix, ("json", "csv", "html"))
        query = query_of(
            q, lang=lang, country=country, nuts=nuts, near=near, within_km=within_km, size=size, kind=kind,
            cluster=cluster, certificate=certificate, source=source, limit=limit, offset=offset,
        )  # fmt: skip
        if form == "html":
            return Response(status_code=303, headers={"Location": f"/?{request.url.query}"})
        matches = _answer(context, query, sources, request)
        if form == "csv":
            return respond(request, csv_bytes(match_rows(matches, offset), MATCH_COLUMNS), form, 0)
        more = {"evidence": context.ready().live.evidence(query)} if evidence else {}
        return respond(request, json_bytes({**members(matches), **more}), form, 0)

    @doors.get("/why-not", response_class=Response)
    def why_not(
        request: Request,
        q: Annotated[str, Query(max_length=MOST_TEXT, description="The need.")],
        actor: Annotated[str, Query(max_length=2000, description="Id or IRI of the actor.")],
        lang: str = "",
        country: Annotated[list[str], Query()] = [],  # noqa: B006
        nuts: Annotated[list[str], Query()] = [],  # noqa: B006
        near: Annotated[str, Query(max_length=200)] = "",
        within_km: Annotated[float | None, Query(gt=0, le=20_100, allow_inf_nan=False)] = None,
        size: Annotated[list[str], Query()] = [],  # noqa: B006
        kind: Annotated[list[str], Query()] = [],  # noqa: B006
        cluster: Annotated[list[str], Query()] = [],  # noqa: B006
        certificate: Annotated[list[str], Query()] = [],  # noqa: B006
        source: Annotated[list[str], Query()] = [],  # noqa: B006
    ) -> Response:
        """Why an actor is not among the answers: the constraint failed, or its rank and what one fact would change."""
        query = query_of(
            q, lang=lang, country=country, nuts=nuts, near=near, within_km=within_km, size=size, kind=kind,
            cluster=cluster, certificate=certificate, source=source,
        )  # fmt: skip
        found = context.ready().why_not(query, actor)
        return respond(request, json_bytes(found), "json", 0)

    doors.add_api_route("/search", search, methods=["GET"], response_class=Response)
    doors.add_api_route("/search.{suffix}", search, methods=["GET"], include_in_schema=False, response_class=Response)
    return doors


def _answer(context: Context, query: Asked, sources: str, request: Request) -> Matches:
    """The answer of this node, or with `live` of its peers too. A question from another node is never passed on."""
    if sources not in ("", "local", "live"):
        raise UserError(f"sources is {sources!r}.", "Say live to ask the nodes of /peers too, or leave it out.")
    if sources == "live" and MARK.lower() not in request.headers:
        return context.ready().live.search(query)
    return context.ready().search(query)


def found(request: Request, context: Context, given: dict[str, list[str]]) -> tuple[object, dict[str, str]]:
    """(matches, parameters as the form shows them) for the page; a single value of each parameter is shown."""
    first = {name: values[0].strip() for name, values in given.items() if values and values[0].strip()}
    numbers = {name: first.get(name, "") for name in ("limit", "offset", "within_km")}
    query = query_of(
        first.get("q", ""),
        lang=first.get("lang", ""),
        near=first.get("near", ""),
        within_km=_number(numbers["within_km"], "within_km"),
        limit=int(_number(numbers["limit"], "limit") or 10),
        offset=int(_number(numbers["offset"], "offset") or 0),
        **{
            name: given.get(name, [])
            for name in ("country", "nuts", "size", "kind", "cluster", "certificate", "source")
        },
    )
    return _answer(context, query, first.get("sources", ""), request), first


def _number(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError as error:
        raise UserError(f"{name} is {text[:40]!r}, which is no number.", "Correct it.") from error
    if not 0 <= number < 1e6:
        raise UserError(f"{name} is {text[:40]!r}, which is out of range.", "Correct it.")
    return number
