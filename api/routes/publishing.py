"""What other nodes read: /.well-known/filiere, /dumps, /feed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.negotiation import content_type, form_of, json_bytes, split_suffix
from api.routes.context import Context, accept, respond
from kg import rdf
from kg.errors import NotFound
from kg.federation import catalog, feed
from kg.federation.dump import SUFFIX
from kg.federation.node import to_json

_FORMS = {
    "ttl": rdf.RdfFormat.TURTLE,
    "jsonld": rdf.RdfFormat.JSON_LD,
    "nt": rdf.RdfFormat.N_TRIPLES,
    "rdf": rdf.RdfFormat.RDF_XML,
}
_PAGE_FORMS = {"trig": rdf.RdfFormat.TRIG, "nq": rdf.RdfFormat.N_QUADS, "jsonld": rdf.RdfFormat.JSON_LD}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # it may be kept, and is asked about before it is used
_BLOCK = 2**18
_READ = ["GET", "HEAD"]


def router(context: Context) -> APIRouter:
    """The doors of what is published."""
    doors = APIRouter(tags=["publishing"])

    @doors.api_route("/.well-known/filiere", methods=_READ, response_class=Response)
    def node(request: Request) -> Response:
        """The node: who it is, its public sources with licence, dump and feed, its endpoints."""
        found = context.publishing.node(context.publishing.layout(str(request.base_url)))
        return _tagged(request, json_bytes(to_json(found)), "json", _ASK_AGAIN)

    @doors.api_route("/dumps/{name}", methods=_READ, response_class=Response)
    def dump(request: Request, name: str) -> Response:
        """All that a public source says (`NAME.nt.gz`): sorted N-Triples, packed with gzip; its ETag is its SHA-256."""
        if not name.endswith(SUFFIX):
            raise NotFound(f"There is no dump {name[:80]!r}.", "Dumps are named SOURCE.nt.gz.")
        return _dump(request, context, name.removesuffix(SUFFIX))

    @doors.api_route("/catalog", methods=_READ, response_class=Response)
    @doors.api_route("/catalog.{suffix}", methods=_READ, include_in_schema=False, response_class=Response)
    def catalogue(request: Request, suffix: str = "") -> Response:
        """The catalogue (DCAT-AP 3.0.1): each public source with its dump and feed; browsers are shown the sources."""
        form = form_of(accept(request), suffix, (*_FORMS, "html"))
        if form == "html":
            return Response(status_code=303, headers={"Location": "/sources.html", "Vary": "Accept"})
        at = context.publishing.layout(str(request.base_url))
        said = context.publishing.catalog(context.publishing.node(at), at)
        return _tagged(request, rdf.serialise(said, _FORMS[form], catalog.PREFIXES), form, _ASK_AGAIN)

    @doors.get("/graph/{name}", include_in_schema=False, response_class=Response)
    def dataset(name: str) -> Response:
        """The IRI of a source, which is described in the catalogue."""
        context.publishing.source(name)
        return Response(status_code=303, headers={"Location": "/catalog"})

    @doors.api_route("/feed", methods=_READ, response_class=Response)
    @doors.api_route("/feed.{suffix}", methods=_READ, include_in_schema=False, response_class=Response)
    def feeds(request: Request, suffix: str = "") -> Response:
        """The feeds, one a public source (Linked Data Event Streams)."""
        form = form_of(accept(request), suffix, tuple(_FORMS))
        said = context.publishing.feeds(context.publishing.layout(str(request.base_url)))
        return _tagged(request, rdf.serialise(said, _FORMS[form], feed.PREFIXES), form, _ASK_AGAIN)

    @doors.api_route("/feed/{name}", methods=_READ, response_class=Response)
    def root(request: Request, name: str) -> Response:
        """The root of a source's feed: how it is read, its pages and their bounds. Its ETag is the source's seq."""
        source, suffix = _named(context, name)
        form = form_of(accept(request), suffix, tuple(_FORMS))
        seq = context.publishing.seq(source)
        waiting = respond(request, b"", form, seq, **{"Cache-Control": _ASK_AGAIN})
        if waiting.status_code == 304:
            return waiting
        said = context.publishing.feed_root(source, context.publishing.layout(str(request.base_url)))
        body = rdf.serialise(said, _FORMS[form], feed.PREFIXES)
        return respond(request, body, form, seq, **{"Cache-Control": _ASK_AGAIN})

    @doors.api_route("/feed/{name}/{number}", methods=_READ, response_class=Response)
    def page(request: Request, name: str, number: str) -> Response:
        """A page of a source's feed: 1,000 changes; one that is full never changes."""
        wanted, suffix = split_suffix(number)
        form = form_of(accept(request), suffix, tuple(_PAGE_FORMS))
        if not wanted.isdecimal() or len(wanted) > 9:
            raise NotFound(f"The feed of {name[:64]!r} has no page {number[:20]!r}.", "Its root lists them.")
        at = context.publishing.layout(str(request.base_url))
        body, found = context.publishing.feed_page(name, int(wanted), at)
        if form != "trig":
            body = rdf.rewritten(body, rdf.RdfFormat.TRIG, _PAGE_FORMS[form])
        return _tagged(request, body, form, _FOREVER if found.full else _ASK_AGAIN)

    return doors


def _named(context: Context, name: str) -> tuple[str, str]:
    """(source, suffix): a name that is a source's is taken whole."""
    if name in context.publishing.sources():
        return name, ""
    return split_suffix(name)


def _tagged(request: Request, body: bytes, form: str, caching: str) -> Response:
    """A body whose ETag is its own checksum; 304 when the client has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": caching}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers={"Content-Type": content_type(form), **headers})


def _dump(request: Request, context: Context, name: str) -> Response:
    found, file = context.publishing.dump(name)
    try:
        stream = file.open("rb")
    except FileNotFoundError:  # a newer one took its place in between
        found, file = context.publishing.dump(name)
        stream = file.open("rb")
    headers = {
        "ETag": f'"{found.sha256}"',
        "Last-Modified": context.publishing.changed(name),
        "Cache-Control": _ASK_AGAIN,
        "Filiere-Seq": str(found.seq),
    }
    if found.sha256 in request.headers.get("if-none-match", ""):
        stream.close()
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Length": str(found.bytes), "Content-Type": "application/gzip"}
    if request.method == "HEAD":
        stream.close()
        return Response(headers=headers)
    return StreamingResponse(_blocks(stream), headers=headers)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while block := stream.read(_BLOCK):
            yield block
