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
_MOST_RANGES = 100  # media ranges of one Accept header that are looked at


class NotAcceptableForm(QueryRefused):
    """None of the forms that the client accepts exists for this kind of query."""


def accepted(header: str) -> list[tuple[str, float]]:
    """(media range, q) of an Accept header, the most wanted first; an empty header accepts everything.

    A range that is more exact goes first where q is the same. Source: RFC 9110, section 12.5.1.
    """
    out: list[tuple[float, int, int, str]] = []
    for place, part in enumerate((header.strip() or "*/*").split(",")[:_MOST_RANGES]):
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
            out.append((quality, _exactness(name), -place, name.lower()))
    return [(name, quality) for quality, _, _, name in sorted(out, reverse=True)]


def _exactness(media_range: str) -> int:
    return 0 if media_range in ("*/*", "*") else 1 if media_range.endswith("/*") else 2


def choose(header: str, offered: list[str]) -> str | None:
    """The media type offered that an Accept header wants most, or None. What comes first is offered most gladly.

    The most exact range that fits a type says how much it is wanted; among equals the one named exactly, then the one
    named first, goes first.
    """
    ranges = accepted(header)
    best: tuple[tuple[float, int, int], str] | None = None
    for offer in offered:
        fitting = [
            (_exactness(name), quality, -place)
            for place, (name, quality) in enumerate(ranges)
            if name in ("*/*", "*", offer) or (name.endswith("/*") and offer.startswith(name[:-1]))
        ]
        if not fitting:
            continue
        exactness, quality, place = max(fitting)
        rank = (quality, exactness, place)
        if quality > 0 and (best is None or rank > best[0]):
            best = rank, offer
    return best[1] if best else None


def form_for(header: str, kind: str) -> tuple[str, str]:
    """(media type, short name) for a query of a kind: "select", "ask" or "graph". Raises NotAcceptableForm.

    `header` is an Accept header, or a short name alone: json xml csv tsv, or ttl nt rdf jsonld trig nq.
    """
    forms = GRAPHS if kind == "graph" else SOLUTIONS
    for media, short in forms.items():
        if header == short:
            return media, short
    found = choose(header, list(forms))
    if found is None:
        raise NotAcceptableForm(
            f"No form that was asked for ({header[:80]}) exists for this kind of query.",
            f"Accept one of: {', '.join(forms)}.",
        )
    return found, forms[found]
