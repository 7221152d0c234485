"""One resource, many forms: by suffix, else by the Accept header."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from api.outcomes import NotAcceptable
from api.printing import as_csv, members
from kg import vocabulary as v
from kg.sparql.formats import choose
from kg.terms import Statement

MEDIA = {
    "json": "application/json",
    "html": "text/html",
    "jsonld": "application/ld+json",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "rdf": "application/rdf+xml",
    "trig": "application/trig",
    "nq": "application/n-quads",
    "csv": "text/csv",
    "rq": "application/sparql-query",
}
RDF_FORMS = ("jsonld", "ttl", "nt", "rdf")
_UTF8 = "; charset=utf-8"


def split_suffix(name: str) -> tuple[str, str]:
    """(name, form) of `name.form` where the form is one of ours, else (name, "")."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, suffix) if dot and stem and suffix in MEDIA else (name, "")


def form_of(accept: str, suffix: str, offered: Sequence[str]) -> str:
    """The form to answer in; the first one offered is given to who accepts anything. Raises NotAcceptable."""
    if suffix:
        if suffix in offered:
            return suffix
    else:
        found = choose(accept, [MEDIA[form] for form in offered])
        if found is not None:
            return next(form for form in offered if MEDIA[form] == found)
    exist = ", ".join(f"{MEDIA[form]} (.{form})" for form in offered)
    asked = f".{suffix}" if suffix else accept[:80]
    raise NotAcceptable(f"This resource has no form {asked!r}.", f"Forms are: {exist}.")


def content_type(form: str) -> str:
    """The Content-Type of a form."""
    return MEDIA[form] + _UTF8 if form in ("html", "csv", "ttl", "rq") else MEDIA[form]


def json_bytes(value: Any) -> bytes:
    """A value as JSON in UTF-8. Raises ValueError for a number JSON cannot hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=members).encode()


def rdf_bytes(statements: Iterable[Statement], form: str) -> bytes:
    """Statements in one of RDF_FORMS."""
    from kg import rdf

    forms = {
        "jsonld": rdf.RdfFormat.JSON_LD,
        "ttl": rdf.RdfFormat.TURTLE,
        "nt": rdf.RdfFormat.N_TRIPLES,
        "rdf": rdf.RdfFormat.RDF_XML,
    }
    return rdf.serialise(statements, forms[form], v.PREFIXES)


def csv_bytes(rows: Sequence[dict[str, Any]], heading: Sequence[str]) -> bytes:
    """Rows as CSV in UTF-8, safe to open in a spreadsheet."""
    return as_csv(rows, heading).encode()
