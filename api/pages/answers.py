"""Answers to SPARQL queries as tables for people: IRIs short and linked, languages and datatypes shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from kg import rdf
from kg import vocabulary as v
from kg.terms import Term, datatype, is_iri, language, value

ACCEPT = "application/sparql-results+json, application/n-triples"  # what `read` reads
MOST_ROWS = 1000  # shown on a page
MOST_BYTES = 16 * 2**20  # of an answer that is read for a page; larger ones are there to be downloaded
_PREFIX = re.compile(r"\bPREFIX\s+([\w-]*):\s*<([^<>\"\s]+)>", re.IGNORECASE)
_LOCAL = re.compile(r"[\w.%-]*")
_PLAIN = (v.XSD + "string", v.XSD + "integer", v.XSD + "decimal", v.XSD + "double", v.RDF + "langString")
_RECORDS = v.BASE + "id/"
_LONGEST = 70  # characters of an IRI that are shown; its link holds the whole


@dataclass(frozen=True, slots=True)
class Cell:
    """A term as it is shown; `whole` is the whole IRI, or the datatype of a literal where it says more."""

    text: str
    href: str = ""
    lang: str = ""
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A page's worth of an answer. `form` is "select", "ask" or "graph"; `total` counts all rows, shown or not."""

    form: str
    seq: int
    heading: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    total: int = 0
    yes: bool = False
    too_large: bool = False


def read(body: bytes, form: str, seq: int, query: str) -> Table:
    """An answer in one of the forms of ACCEPT as a table; `query` lends its prefixes."""
    if len(body) > MOST_BYTES:
        return Table(form, seq, too_large=True)
    prefixes = {**v.PREFIXES, **dict(_PREFIX.findall(query))}
    if form == "graph":
        statements = [(s, p, o) for s, p, o, _ in rdf.parse(body, rdf.RdfFormat.N_TRIPLES)]
        rows = _cells(statements, prefixes)
        return Table(form, seq, ("subject", "predicate", "object"), rows, len(statements))
    found = json.loads(body)
    if form == "ask":
        return Table(form, seq, yes=bool(found["boolean"]), total=1)
    names: list[str] = found["head"]["vars"]
    bindings = found["results"]["bindings"]
    rows = tuple(
        tuple(_bound(binding[name], prefixes) if name in binding else Cell("") for name in names)
        for binding in bindings[:MOST_ROWS]
    )
    return Table(form, seq, tuple(names), rows, len(bindings))


def _cells(statements: Iterable[Sequence[Term]], prefixes: dict[str, str]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(_cell(term, prefixes) for term in s) for s in islice(statements, MOST_ROWS))


def _cell(term: Term, prefixes: dict[str, str]) -> Cell:
    if is_iri(term):
        return _named(value(term), prefixes)
    if not term.startswith('"'):
        return Cell(term)  # a blank node
    return _literal(value(term), language(term), datatype(term), prefixes)


def _bound(binding: dict[str, Any], prefixes: dict[str, str]) -> Cell:
    text = binding["value"]
    if binding["type"] == "uri":
        return _named(text, prefixes)
    if binding["type"] == "bnode":
        return Cell(f"_:{text}")
    if not isinstance(text, str):  # a triple as a term
        return Cell(json.dumps(text, ensure_ascii=False))
    return _literal(text, binding.get("xml:lang", ""), binding.get("datatype", ""), prefixes)


def _literal(text: str, lang: str, kind: str, prefixes: dict[str, str]) -> Cell:
    return Cell(text, lang=lang, whole="" if lang or kind in _PLAIN else short(kind, prefixes))


def _named(name: str, prefixes: dict[str, str]) -> Cell:
    href = address(name)
    return Cell(short(name, prefixes), href, whole=name) if href else Cell(name)


def short(name: str, prefixes: dict[str, str]) -> str:
    """An IRI with the prefix that leaves the least; a record's without what all records share; cut where long."""
    fitting = [
        (len(namespace), f"{prefix}:{name[len(namespace) :]}")
        for prefix, namespace in prefixes.items()
        if namespace and name.startswith(namespace) and _LOCAL.fullmatch(name[len(namespace) :])
    ]
    if fitting:
        return max(fitting)[1]
    shown = f"…/{name[len(_RECORDS) :]}" if name.startswith(_RECORDS) else name
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 20]}…{shown[-19:]}"


def address(name: str) -> str:
    """Where the thing of that name is shown: our page of it, what the graph says of it, or its own place on the web."""
    if name.startswith(_RECORDS) and re.fullmatch(r"[^/]+/actor/[^/]+", name[len(_RECORDS) :]):
        return f"/actors/{quote(name, safe='')}.html"
    if name.startswith(v.COMPETENCY):
        return f"/competencies/{quote(name, safe='')}.html"
    if name.startswith(v.BASE):
        return "/sparql?" + urlencode({"query": f"DESCRIBE <{name}>"})
    return name if name.lower().startswith(("http://", "https://")) else ""
