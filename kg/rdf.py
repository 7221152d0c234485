"""The only module that imports pyoxigraph: parsing, serialising, and small stores in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyoxigraph as ox
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple

from kg.errors import OntologyError
from kg.terms import Statement, Term, datatype, language, literal, value
from kg.vocabulary import GENID, SYSTEM_GRAPH

__all__ = ["BlankNode", "DefaultGraph", "Literal", "NamedNode", "Quad", "RdfFormat", "Store", "Triple"]

_STRING = NamedNode("http://www.w3.org/2001/XMLSchema#string")
FORMATS = {
    ".ttl": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".trig": RdfFormat.TRIG,
    ".jsonld": RdfFormat.JSON_LD,
    ".rdf": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".owl": RdfFormat.RDF_XML,
}
MEDIA_TYPES = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/n-quads": RdfFormat.N_QUADS,
    "application/trig": RdfFormat.TRIG,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
}


def parse(data: bytes, form: RdfFormat, *, base: str | None = None) -> Iterator[tuple[Term, Term, Term, Term]]:
    """(subject, predicate, object, graph) as N-Triples terms; graph is "" for the default graph.

    Blank nodes come as `_:name`. Raises SyntaxError or ValueError with the line where the parser gave up.
    """
    for quad in ox.parse(data, format=form, base_iri=base):
        graph = "" if isinstance(quad.graph_name, DefaultGraph) else str(quad.graph_name)
        yield str(quad.subject), str(quad.predicate), str(quad.object), graph


def check_payload(payload: str) -> None:
    """Raises ValueError naming the first statement of N-Triples text that no store would take, and why."""
    try:
        for _ in ox.parse(payload.encode(), format=RdfFormat.N_TRIPLES):
            pass
    except (SyntaxError, ValueError) as error:
        line = payload.split("\n")[(getattr(error, "lineno", None) or 1) - 1]
        _, predicate, target = line.split(" ", 2)
        why = str(error).rpartition(": ")[2]
        raise ValueError(f"{predicate.rsplit('/')[-1][:-1]} {target[:120].removesuffix(' .')} ({why})") from error


def read_turtle(file: Path) -> list[Statement]:
    """The statements of a packaged Turtle file. Raises OntologyError naming the file and the line."""
    try:
        return [(s, p, o) for s, p, o, _ in parse(file.read_bytes(), RdfFormat.TURTLE)]
    except (SyntaxError, ValueError) as error:
        raise OntologyError(f"{file.name} is not Turtle: {error}.", "Correct that line.") from error


def to_term(term: Term) -> NamedNode | BlankNode | Literal:
    """A term of pyoxigraph from its N-Triples form."""
    if term.startswith("<"):
        return NamedNode(term[1:-1])
    if term.startswith("_:"):
        return BlankNode(term[2:])
    if tag := language(term):
        return Literal(value(term), language=tag)
    return Literal(value(term), datatype=NamedNode(datatype(term)))


@lru_cache(maxsize=65_536)
def stored_form(term: Term) -> Term:
    """The term as a store gives it back: "01"^^xsd:integer comes back as "1"^^xsd:integer."""
    store, name = Store(), NamedNode("x:x")
    store.add(Quad(name, name, to_term(term), DefaultGraph()))
    return next(str(quad.object) for quad in store)


def quads(payload: str, graph: str) -> list[Quad]:
    """The quads of N-Triples text in one named graph, as a store gives them back.

    An IRI that stands for a blank node comes as one.
    """
    name = NamedNode(graph)
    found = ox.parse(payload.encode(), format=RdfFormat.N_TRIPLES)
    subject = _blank if GENID in payload else (lambda term: term)
    return [Quad(subject(quad.subject), quad.predicate, subject(_stored(quad.object)), name) for quad in found]


def _stored(term: Any) -> Any:
    if not isinstance(term, Literal) or term.language or term.datatype == _STRING:
        return term
    return to_term(stored_form(str(term)))


def _blank(term: Any) -> Any:
    if isinstance(term, NamedNode) and term.value.startswith(GENID):
        return BlankNode(term.value.removeprefix(GENID))
    return term


def spelled(term: object) -> Term:
    """A term of a store as the journal spells it: a blank node by the IRI that stands for it."""
    return f"<{GENID}{term.value}>" if isinstance(term, BlankNode) else str(term)


def memory(statements: Iterable[Statement]) -> Store:
    """A store in memory that holds the statements in its default graph."""
    text = "".join(f"{s} {p} {o} .\n" for s, p, o in statements)
    store = Store()
    store.bulk_load(text.encode(), format=RdfFormat.N_TRIPLES)
    return store


def select(store: Store, query: str) -> Iterator[dict[str, Term]]:
    """The rows of a SELECT of our own over a store of our own, as variable → term."""
    solutions = store.query(query)
    assert isinstance(solutions, ox.QuerySolutions)
    names = [variable.value for variable in solutions.variables]
    for solution in solutions:
        yield {name: str(solution[name]) for name in names if solution[name] is not None}


def query_error(query: str) -> str:
    """What is wrong with the syntax of a query of our own, or an empty string."""
    try:
        Store().query(query)
    except SyntaxError as error:
        return str(error)
    return ""


def read_solutions(body: bytes, form: str, most_variables: int) -> tuple[list[str], Iterator[dict[str, Term]]]:
    """The variables and rows of SPARQL results ("json" or "xml"), as N-Triples terms; rows are read as they are taken.

    The parser dies of deep nesting: the caller bounds it. Raises SyntaxError or ValueError, here or at a row.
    """
    found = ox.parse_query_results(body, format=_RESULTS[form])
    if not isinstance(found, ox.QuerySolutions):
        raise ValueError("yes or no, where rows were asked for")
    names = [variable.value for variable in found.variables]
    if len(names) > most_variables:
        raise ValueError(f"more than {most_variables} variables")
    return names, _rows(names, found)


def _rows(names: Sequence[str], solutions: ox.QuerySolutions) -> Iterator[dict[str, Term]]:
    for solution in solutions:
        yield {name: _term(found) for name, found in zip(names, solution, strict=True) if found is not None}


def _term(found: NamedNode | BlankNode | Literal | Triple) -> Term:
    if isinstance(found, Triple):
        raise ValueError("a statement about a statement")
    if not isinstance(found, Literal):
        return str(found)
    return literal(found.value, found.language or "", "" if found.language else found.datatype.value)


def converted(body: bytes, form: str) -> bytes:
    """SPARQL results in JSON in another form, as our own engine writes it. Raises ValueError or SyntaxError."""
    out = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON).serialize(format=_RESULTS[form])
    assert out is not None
    return out


def evaluated(query: str, form: str) -> bytes:
    """The solutions of a SELECT of our own that holds its own data: form is json, xml, csv or tsv."""
    from kg import geo

    lost: list[Exception] = []
    solutions = Store().query(query, custom_functions=geo.functions(lost))
    assert isinstance(solutions, ox.QuerySolutions)
    body = solutions.serialize(format=_RESULTS[form])
    if lost:
        raise lost[0]
    assert body is not None
    return body


def header(query: str) -> list[str] | None:
    """The variables of a SELECT in their order; None for another form or a mistake. It is planned, over no data."""
    from kg import geo

    try:
        solutions = Store().query(query, custom_functions=geo.functions([]))
    except SyntaxError:
        return None
    return [variable.value for variable in solutions.variables] if isinstance(solutions, ox.QuerySolutions) else None


_RESULTS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
_GRAPHS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "rdf": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
    "trig": RdfFormat.TRIG,
    "nq": RdfFormat.N_QUADS,
}


class Dataset(NamedTuple):
    """What a query reads: graphs for its default graph and graphs it may name, None for those the store has."""

    default: Sequence[str] | None = None
    named: Sequence[str] | None = None

    def options(self) -> dict[str, Any]:
        """As a store's query takes them."""
        found = {"default_graph": self.default, "named_graphs": self.named}
        return {name: [NamedNode(one) for one in graphs] for name, graphs in found.items() if graphs is not None}


def graph_names(store: Store) -> list[str]:
    """The named graphs of a store, the one with its marker left out."""
    found = (graph.value for graph in store.named_graphs() if isinstance(graph, NamedNode))
    return sorted(name for name in found if name != SYSTEM_GRAPH)


def answer(store: Store, query: str, form: str, out: Any, dataset: Dataset) -> None:
    """Evaluates a query and writes its result to `out`. Raises SyntaxError for one that cannot be parsed."""
    from kg import geo

    lost: list[Exception] = []
    found = store.query(query, custom_functions=geo.functions(lost), **dataset.options())
    if isinstance(found, ox.QueryTriples):
        found.serialize(out, format=_GRAPHS[form])
    else:
        found.serialize(out, format=_RESULTS[form])
    if lost:
        raise lost[0]


def solutions(store: Store, query: str, dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The solutions of a SELECT, variable → term, each without what is unbound."""
    from kg import geo

    found = store.query(query, custom_functions=geo.functions([]), **dataset.options())
    assert isinstance(found, ox.QuerySolutions)
    names = [variable.value for variable in found.variables]
    for solution in found:
        yield {name: solution[name] for name in names if solution[name] is not None}


def check_update(update: str) -> None:
    """Raises SyntaxError for text that is no SPARQL update, naming the place."""
    try:
        Store().update(update)
    except SyntaxError:
        raise
    except (OSError, ValueError, RuntimeError):
        return  # it was understood, and failed on an empty store


def serialise(statements: Iterable[Statement], form: RdfFormat, prefixes: dict[str, str]) -> bytes:
    """The statements in an RDF form that names no graphs."""
    triples = (Triple(NamedNode(s[1:-1]), NamedNode(p[1:-1]), to_term(o)) for s, p, o in statements)
    text = ox.serialize(triples, format=form, prefixes=prefixes)
    assert text is not None
    return text


def rewritten(data: bytes, form: RdfFormat, wanted: RdfFormat) -> bytes:
    """A dataset of our own in another form."""
    text = ox.serialize(ox.parse(data, format=form), format=wanted)
    assert text is not None
    return text
