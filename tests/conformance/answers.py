"""Solutions and graphs: read without our engine, and compared as the standard counts them equal.

Numbers, booleans and dates are compared by their value, since the engine keeps values and not how they were written:
"01"^^xsd:int comes back as "1"^^xsd:integer. A number keeps its class (integer, decimal, float, double).
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import rdflib
from rdflib.compare import to_canonical_graph

MOST_RENAMED = 100  # rows among which a renaming of blank nodes is looked for; every test of the W3C has fewer
XSD = "http://www.w3.org/2001/XMLSchema#"
_RS = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/result-set#")
_SRX = "{http://www.w3.org/2005/sparql-results#}"
_INTEGERS = {
    XSD + name
    for name in (
        "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
        "negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte",
    )
}  # fmt: skip


class Term(NamedTuple):
    """An IRI, a blank node or a literal: kind is "iri", "blank" or "literal"."""

    kind: str
    text: str
    datatype: str = ""
    language: str = ""


Row = tuple[Term | None, ...]


@dataclass(frozen=True, slots=True)
class Solutions:
    """Rows over variables in their order; a boolean has no variables and no row or an empty one."""

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    boolean: bool | None = None


def literal(text: str, datatype: str = "", language: str = "") -> Term:
    """A literal by its value; what has no value stays as it is written."""
    if language:
        return Term("literal", text, "", language.lower())
    kind = XSD + "integer" if datatype in _INTEGERS else datatype
    try:
        if kind == XSD + "integer":
            return Term("literal", str(int(text)), kind)
        if kind == XSD + "decimal":
            return Term("literal", str(Decimal(text).normalize() + 0), kind)
        if kind in (XSD + "double", XSD + "float"):
            return Term("literal", f"{float(text.replace('INF', 'inf')):.6g}", kind)
    except (ValueError, InvalidOperation):
        return Term("literal", text, kind)
    if kind == XSD + "dayTimeDuration" and text == "P0D":
        text = "PT0S"
    if kind == XSD + "boolean":
        text = {"1": "true", "0": "false"}.get(text, text)
    if kind in (XSD + "dateTime", XSD + "time"):
        text = re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text).replace(".Z", "Z").rstrip(".")
        text = re.sub(r"[+-]00:00$", "Z", text)
    return Term("literal", text, "" if kind == XSD + "string" else kind)


def of_rdflib(node: object) -> Term:
    """A term of rdflib's as one of ours."""
    if isinstance(node, rdflib.Literal):
        return literal(str(node), str(node.datatype or ""), node.language or "")
    return Term("blank" if isinstance(node, rdflib.BNode) else "iri", str(node))


def solutions(data: bytes, media: str) -> Solutions:
    """The solutions in a body of one of the lossless media types."""
    read = {
        "application/sparql-results+json": _json, "application/sparql-results+xml": _xml,
        "text/tab-separated-values": _tsv,
    }  # fmt: skip
    return read[media](data.decode("utf-8"))


def _json(text: str) -> Solutions:
    found = json.loads(text)
    if "boolean" in found:
        return Solutions((), (), found["boolean"])

    def term(one: dict[str, str] | None) -> Term | None:
        if one is None:
            return None
        if one["type"] in ("literal", "typed-literal"):
            return literal(one["value"], one.get("datatype", ""), one.get("xml:lang", ""))
        return Term({"uri": "iri", "bnode": "blank"}[one["type"]], one["value"])

    names = tuple(found["head"].get("vars", ()))
    return Solutions(names, tuple(tuple(term(r.get(n)) for n in names) for r in found["results"]["bindings"]))


def _xml(text: str) -> Solutions:
    root = ET.fromstring(text)
    if (boolean := root.find(_SRX + "boolean")) is not None:
        return Solutions((), (), (boolean.text or "").strip() == "true")

    def term(one: ET.Element) -> Term:
        said = one.text or ""
        if one.tag == _SRX + "literal":
            language = one.get("{http://www.w3.org/XML/1998/namespace}lang", "")
            return literal(said, one.get("datatype", ""), language)
        return Term({"uri": "iri", "bnode": "blank"}[one.tag.removeprefix(_SRX)], said)

    names = tuple(str(variable.get("name")) for variable in root.iter(_SRX + "variable"))
    rows = []
    for result in root.iter(_SRX + "result"):
        bound = {str(one.get("name")): term(one[0]) for one in result}
        rows.append(tuple(bound.get(name) for name in names))
    return Solutions(names, tuple(rows))


def _tsv(text: str) -> Solutions:
    head, *lines = text.removesuffix("\n").split("\n")
    names = tuple(name.removeprefix("?") for name in head.split("\t") if name)

    def term(cell: str) -> Term | None:
        if not cell:
            return None
        graph = rdflib.Graph()
        graph.parse(data=f"<x:x> <x:x> {cell} .", format="turtle")
        return of_rdflib(next(graph.objects()))

    return Solutions(names, tuple(tuple(map(term, line.split("\t")[: len(names)])) for line in lines))


def solutions_of(graph: rdflib.Graph) -> Solutions | None:
    """The solutions that a graph of the DAWG's result-set vocabulary describes; None for any other graph."""
    root = graph.value(None, rdflib.RDF.type, _RS.ResultSet)
    if root is None:
        return None
    names = tuple(sorted(str(name) for name in graph.objects(root, _RS.resultVariable)))
    rows = []
    places = graph.objects(root, _RS.solution)
    for place in sorted(places, key=lambda one: int(graph.value(one, _RS["index"], default=rdflib.Literal(0)))):
        bound = {
            str(graph.value(one, _RS.variable)): of_rdflib(graph.value(one, _RS.value))
            for one in graph.objects(place, _RS.binding)
        }
        rows.append(tuple(bound.get(name) for name in names))
    return Solutions(names, tuple(rows))


def difference(expected: Solutions, found: Solutions, *, ordered: bool = False) -> str:
    """What is different, or "": as multisets of rows, blank nodes being renamed one to one; in order if asked."""
    if expected.boolean != found.boolean:
        return f"expected {expected.boolean}, found {found.boolean}"
    if set(expected.variables) != set(found.variables):
        return f"expected the variables {expected.variables}, found {found.variables}"
    places = [found.variables.index(name) for name in expected.variables]
    rows = [tuple(row[place] for place in places) for row in found.rows]
    wanted = list(expected.rows)
    lost = Counter(map(veiled, wanted)) - Counter(map(veiled, rows))
    more = Counter(map(veiled, rows)) - Counter(map(veiled, wanted))
    if lost or more:
        return f"missing {list(lost.elements())[:3]}, too many {list(more.elements())[:3]}"
    if ordered and [veiled(row) for row in rows] != [veiled(row) for row in wanted]:
        return f"another order: {rows[:5]}"
    if len(rows) > MOST_RENAMED or _renamed(wanted, rows, {}, {}):
        return ""
    return f"blank nodes are shared otherwise: {rows[:5]}"


def veiled(row: Row) -> Row:
    """A row without the names of its blank nodes."""
    return tuple(Term("blank", "") if one is not None and one.kind == "blank" else one for one in row)


def _renamed(wanted: Sequence[Row], rows: list[Row], there: dict[str, str], back: dict[str, str]) -> bool:
    """Whether the rows are the wanted ones under some one-to-one renaming of blank nodes; tries all that fit."""
    if not wanted:
        return True
    first, rest = wanted[0], wanted[1:]
    for place, row in enumerate(rows):
        if veiled(row) != veiled(first) or rows.index(row) != place:
            continue
        pairs = [(a.text, b.text) for a, b in zip(first, row, strict=True) if a and b and a.kind == "blank"]
        onto, origin = dict(there), dict(back)
        fits = all(onto.setdefault(a, b) == b and origin.setdefault(b, a) == a for a, b in pairs)
        if fits and _renamed(rest, rows[:place] + rows[place + 1 :], onto, origin):
            return True
    return False


def cells_differ(expected: bytes, found: bytes) -> str:
    """What is different between two CSV tables, as rows in any order, numbers by value, blank nodes by place."""

    def read(data: bytes) -> Solutions:
        head, *rows = csv.reader(io.StringIO(data.decode("utf-8")))
        return Solutions(tuple(head), tuple(tuple(map(_cell, row)) for row in rows))

    return difference(read(expected), read(found))


def _cell(text: str) -> Term:
    if text.startswith("_:"):
        return Term("blank", text)
    try:
        return Term("literal", str(float(text)))
    except ValueError:
        return Term("literal", text)


def graph_difference(expected: rdflib.Graph, found: rdflib.Graph) -> str:
    """What is different between two graphs up to the names of blank nodes, or ""."""
    one, other = set(to_canonical_graph(_by_value(expected))), set(to_canonical_graph(_by_value(found)))
    return "" if one == other else f"missing {sorted(one - other)[:3]}, too many {sorted(other - one)[:3]}"


def _by_value(graph: rdflib.Graph) -> rdflib.Graph:
    def node(one: object) -> object:
        term = of_rdflib(one)
        if term.kind != "literal":
            return one
        datatype = rdflib.URIRef(term.datatype) if term.datatype else None
        return rdflib.Literal(term.text, datatype=datatype, lang=term.language or None, normalize=False)

    out = rdflib.Graph()
    for triple in graph:
        out.add(tuple(map(node, triple)))
    return out
