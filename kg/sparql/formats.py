"""Result forms of SPARQL and which one a client gets."""

from __future__ import annotations

from kg.errors import QueryRefused

SOLUTIONS = {
    "application/sparql-results+json": "json",
    "application/sparql-results+xml": "xml",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
GRAPHS = {
    "text/turtle": "ttl",
    "application/n-triples": "nt",
    "application/rdf+xml": "rdf",
    "application/ld+json": "jsonld",
    "application/trig": "trig",
    "application/n-quads": "nq",
    "text/plain": "nt",
}


class NotAcceptableForm(QueryRefused):
    """None of the forms that the client accepts exists for this kind of query."""


def accepted(header: str) -> list[tuple[str, float]]:
    """(media range, q) of an Accept header, the most wanted first; an empty header accepts everything.

    A range that is more exact goes first where q is the same. Source: RFC 9110, section 12.5.1.
    """
    out: list[tuple[float, int, int, str]] = []
    for place, part in enumerate((header or "*/*").split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, text = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    quality = min(1.0, max(0.0, float(text)))
                except ValueError:
                    quality = 0.0
        if name:
            exact = 0 if name == "*/*" else 1 if name.endswith("/*") else 2
            out.append((quality, exact, -place, name.lower()))
    return [(name, quality) for quality, _, _, name in sorted(out, reverse=True)]


def choose(header: str, offered: list[str]) -> str | None:
    """The media type offered that an Accept header wants most, or None. What comes first is offered most gladly."""
    ranges = accepted(header)
    refused = {name for name, quality in ranges if quality == 0}
    for name, quality in ranges:
        if quality == 0:
            continue
        for offer in offered:
            fits = name in ("*/*", offer) or (name.endswith("/*") and offer.startswith(name[:-1]))
            if fits and offer not in refused:
                return offer
    return None


def form_for(header: str, kind: str) -> tuple[str, str]:
    """(media type, short name) for a query of a kind: "select", "ask" or "graph". Raises NotAcceptableForm."""
    forms = GRAPHS if kind == "graph" else SOLUTIONS
    found = choose(header, list(forms))
    if found is None:
        raise NotAcceptableForm(
            f"No form that was asked for ({header[:80]}) exists for this kind of query.",
            f"Accept one of: {', '.join(forms)}.",
        )
    return found, forms[found]
