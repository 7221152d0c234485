"""/actors, /clusters, /competencies, /offers, /needs, /recipes: one resource, many forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response

from api import provenance
from api.middleware import SCRIPTED
from api.negotiation import MEDIA, RDF_FORMS, csv_bytes, form_of, json_bytes, rdf_bytes, split_suffix
from api.pages import render
from api.places import country_code
from api.routes.context import Context, accept, respond
from kg.errors import NotFound
from kg.model import Actor, Concept, Exchange, Recipe

_ENTITY_FORMS = ("json", "html", *RDF_FORMS, "csv")
_LIST_FORMS = ("json", "html", "csv")
_SHOWN_TAGS = 60  # on the page of an actor
_ACTOR_COLUMNS = (
    *("iri", "source", "id", "name", "kind", "country", "nuts", "city", "latitude", "longitude", "size", "website"),
    *("identifiers", "makes", "processes", "certifications", "sectors", "clusters", "codes"),
)
_EXCHANGE_COLUMNS = (
    *("iri", "source", "id", "kind", "what", "actor", "who", "quantity", "unit", "place", "period", "note", "date"),
    "url",
)
_CONCEPT_COLUMNS = ("iri", "scheme", "notation", "kind", "preferred", "alternative", "broader", "related", "matches")
_RECIPE_COLUMNS = ("product", "kind", "what", "standard", "note", "url")


def _flat(record: Any) -> dict[str, Any]:
    """A record as cells: texts without their languages."""
    out = asdict(record)
    for name, content in out.items():
        if isinstance(content, list | tuple) and content and isinstance(content[0], dict) and "text" in content[0]:
            out[name] = [item["text"] for item in content]
        elif isinstance(content, dict) and "text" in content:
            out[name] = content["text"]
    return out


def router(context: Context) -> APIRouter:
    """The doors of actors, clusters, competencies, offers, needs and recipes."""
    doors = APIRouter(tags=["entities"])

    def entity(
        request: Request, record: Actor | Concept, suffix: str, columns: Sequence[str], template: str, **more: Any
    ) -> Response:
        form = form_of(accept(request), suffix, _ENTITY_FORMS)
        engine, link = context.ready(), {"Link": _links(request)}
        if form in RDF_FORMS:
            about = [
                s
                for source, found in engine.payloads(record.iri)
                for s in found
                if not more.get("source") or source == more["source"]
            ] + provenance.statements(record.iri, more.get("origins", []))
            return respond(request, rdf_bytes(about, form), form, engine.seq, **link)
        if form == "csv":
            return respond(request, csv_bytes([_flat(record)], columns), form, engine.seq, **link)
        if form == "html":
            html = render.page(
                template,
                request.headers,
                request.query_params.get("ui", ""),
                record=record,
                path=_path(request),
                **more,
            )
            policy = {"Content-Security-Policy": SCRIPTED.decode()} if template == "actor.html" else {}
            return respond(request, html, form, engine.seq, **link, **policy)
        said = asdict(record)
        if (merged := more.get("merged")) and merged.others:
            said["identity"] = asdict(merged)
        if "origins" in more:
            said["provenance"] = [asdict(told) for told in more["origins"]]
        return respond(request, json_bytes(said), form, engine.seq, **link)

    @doors.get("/actors/{id:path}", response_class=Response)
    def actor(request: Request, id: str, source: str = "") -> Response:
        """One actor as its source describes it; `id` is the one its source gave, or its IRI.

        Where others are the same actor, `identity` holds them, each as its own source describes it, and why.
        """
        name, suffix = _named(context, id, source)
        found = context.ready().actor(name, source)
        engine = context.ready()
        homes = [home for home in (_maybe(context, c, found.source) for c in found.clusters) if home]
        members = engine.members(found) if found.kind == "cluster" else []
        return entity(
            request, found, suffix, _ACTOR_COLUMNS, "actor.html", homes=homes, members=members,
            claims=engine.claims(found.id), exchanges=_exchanges(context, found.id), source=source,
            merged=engine.identity.merged(found.iri),
            tags=lambda lang: engine.tags(found.iri, limit=_SHOWN_TAGS, lang=lang),
            origins=provenance.of(engine, found.iri, source),
        )  # fmt: skip

    @doors.get("/clusters", response_class=Response)
    @doors.get("/clusters.{suffix}", include_in_schema=False, response_class=Response)
    def clusters(request: Request, country: str = "", suffix: str = "") -> Response:
        """The clusters, by country and name."""
        found = [c for c in context.ready().clusters() if not country or c.country == country_code(country)]
        return listing(request, found, _ACTOR_COLUMNS, "clusters.html", suffix)

    @doors.get("/clusters/{id:path}", response_class=Response)
    def cluster(request: Request, id: str, source: str = "") -> Response:
        """One cluster with its members."""
        return actor(request, id, source)

    def listing(
        request: Request, records: Sequence[Any], columns: Sequence[str], template: str, suffix: str = ""
    ) -> Response:
        form = form_of(accept(request), suffix, _LIST_FORMS if template else ("json", "csv"))
        seq = context.ready().seq
        if form == "csv":
            return respond(request, csv_bytes([_flat(record) for record in records], columns), form, seq)
        if form == "html":
            html = render.page(
                template, request.headers, request.query_params.get("ui", ""), records=records, path=_path(request)
            )
            return respond(request, html, form, seq)
        return respond(request, json_bytes(records), form, seq)

    @doors.get("/competencies/{id:path}", response_class=Response)
    def competency(request: Request, id: str) -> Response:
        """One competency, by its slug ("hydroalcoholic-gel"), code ("cpv:33140000") or IRI."""
        name, suffix = split_suffix(id)
        engine = context.ready()
        found = engine.concept(name)
        linked = {
            iri: _label(context, iri, render.language(request.headers, request.query_params.get("ui", "")))
            for iri in _neighbours(found)
        }
        return entity(
            request, found, suffix, _CONCEPT_COLUMNS, "competency.html", narrower=engine.narrower(found), linked=linked
        )

    @doors.get("/offers", response_class=Response)
    @doors.get("/offers.{suffix}", include_in_schema=False, response_class=Response)
    def offers(request: Request, suffix: str = "") -> Response:
        """Documented offers: who can give what, how much, where and when."""
        return listing(request, context.ready().exchanges("offer"), _EXCHANGE_COLUMNS, "", suffix)

    @doors.get("/needs", response_class=Response)
    @doors.get("/needs.{suffix}", include_in_schema=False, response_class=Response)
    def needs(request: Request, suffix: str = "") -> Response:
        """Documented needs: who seeks what, how much, where and when."""
        return listing(request, context.ready().exchanges("need"), _EXCHANGE_COLUMNS, "", suffix)

    @doors.get("/recipes", response_class=Response)
    @doors.get("/recipes.{suffix}", include_in_schema=False, response_class=Response)
    def recipes(request: Request, suffix: str = "") -> Response:
        """The products whose recipe is known."""
        return listing(request, context.ready().recipes(), ("iri", "source", "id", "product"), "", suffix)

    @doors.get("/recipes/{product:path}", response_class=Response)
    def recipe(request: Request, product: str) -> Response:
        """What it takes to make a product: inputs, processes, packaging, tests, standards."""
        name, suffix = split_suffix(product)
        found = context.ready().entity(name, "recipe")
        if not isinstance(found, Recipe):
            raise NotFound(f"There is no recipe {name[:80]!r}.", "See /recipes.")
        form = form_of(accept(request), suffix, ("json", *RDF_FORMS, "csv"))
        if form in RDF_FORMS:
            about = [s for _, statements in context.ready().payloads(found.iri) for s in statements]
            return respond(request, rdf_bytes(about, form), form, context.ready().seq)
        if form == "csv":
            rows = [{**_flat(step), "product": found.product.text} for step in found.steps]
            return respond(request, csv_bytes(rows, _RECIPE_COLUMNS), form, context.ready().seq)
        return respond(request, json_bytes(found), form, context.ready().seq)

    return doors


def _named(context: Context, id: str, source: str) -> tuple[str, str]:
    """(id, form): a suffix counts as a form unless there is an actor whose id ends so."""
    name, suffix = split_suffix(id)
    if suffix:
        try:
            context.ready().actor(id, source)
        except NotFound:
            return name, suffix
    return (id, "") if suffix else (name, suffix)


def _maybe(context: Context, id: str, source: str) -> Actor | None:
    try:
        return context.ready().actor(id, source)
    except NotFound:
        return None


def _exchanges(context: Context, actor: str) -> list[Exchange]:
    engine = context.ready()
    return [e for kind in ("offer", "need") for e in engine.exchanges(kind) if e.actor == actor]


def _neighbours(concept: Concept) -> list[str]:
    names = ("broader", "related", "inputs", "processes", "packaging", "standards", "substitutes", "convertible_to")
    return [iri for name in (*names, "matches") for iri in getattr(concept, name)]


def _label(context: Context, iri: str, lang: str) -> str:
    from kg import vocabulary as v

    try:
        return context.ready().concept(iri).label(lang)
    except NotFound:
        return v.code_of(iri)


def _path(request: Request) -> str:
    return split_suffix(request.url.path)[0]


def _links(request: Request) -> str:
    path = _path(request)
    return ", ".join(f'<{path}.{form}>; rel="alternate"; type="{MEDIA[form]}"' for form in RDF_FORMS)
