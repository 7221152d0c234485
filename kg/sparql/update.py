"""What an update would change, found by evaluating it on a copy of the graph.

The copy is thrown away; what it comes to goes through the journal like every other write. In an update the default
graph is a graph of its own, not the union of all. Source: W3C SPARQL 1.1 Update, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from kg import rdf
from kg import vocabulary as v
from kg.errors import QueryRefused, TooLarge
from kg.rdf import BlankNode, DefaultGraph, NamedNode, Quad, Store, spelled
from kg.sparql import guard
from kg.sparql.operations import ALL, DEFAULT, NAMED, Operation, split
from kg.sparql.reading import tokens

MOST_STATEMENTS = 1_000_000  # that one update may add or take out
_VARIABLE = "urn:filiere:variable:"
_OWN = v.GRAPH + v.DEFAULT
Resolve = Callable[[str], str]  # a query with its SERVICE blocks replaced by what they answer


@dataclass(slots=True)
class Delta:
    """The quads that leave and those that enter, each once."""

    removed: dict[Quad, None] = field(default_factory=dict)
    added: dict[Quad, None] = field(default_factory=dict)

    def as_json(self) -> dict[str, list[list[str]]]:
        """{removed, added}: [graph, subject, predicate, object] each, as the journal spells them."""
        return {
            name: [_row(quad) for quad in found] for name, found in (("removed", self.removed), ("added", self.added))
        }


def _row(quad: Quad) -> list[str]:
    graph = quad.graph_name
    assert isinstance(graph, NamedNode)
    return [graph.value, spelled(quad.subject), str(quad.predicate), spelled(quad.object)]


class Evaluation:
    """An update on a store that may be written to."""

    def __init__(self, store: Store, resolve: Resolve, using: Sequence[str] = (), named: Sequence[str] = ()) -> None:
        self._store = store
        self._resolve = resolve
        self._using = list(using)
        self._named = list(named)
        self.delta = Delta()

    def run(self, text: str) -> Delta:
        """Evaluates the operations in order. Raises SyntaxError, QueryRefused or TooLarge."""
        plain = guard.unescape(text)
        rdf.check_update(plain)
        operations = split(plain)
        if (self._using or self._named) and any(operation.names_its_dataset for operation in operations):
            raise QueryRefused(
                "The update has USING or WITH, and the request using-graph-uri.", "Say in one place what is read."
            )
        kinds = {
            "data": self._data, "modify": self._modify, "load": self._load, "clear": self._clear, "drop": self._clear,
            "create": self._create, "add": self._transfer, "copy": self._transfer, "move": self._transfer,
        }  # fmt: skip
        for operation in operations:
            kinds[operation.kind](operation)
        return self.delta

    def _remove(self, quads: Iterable[Quad]) -> None:
        for quad in quads:
            if quad in self._store:
                self._store.remove(quad)
                if quad in self.delta.added:
                    del self.delta.added[quad]
                else:
                    self.delta.removed[quad] = None
        self._bound()

    def _add(self, quads: Iterable[Quad]) -> None:
        for quad in quads:
            if quad not in self._store:
                self._store.add(quad)
                if quad in self.delta.removed:
                    del self.delta.removed[quad]
                else:
                    self.delta.added[quad] = None
        self._bound()

    def _bound(self) -> None:
        if len(self.delta.added) + len(self.delta.removed) > MOST_STATEMENTS:
            raise TooLarge(f"The update changes over {MOST_STATEMENTS:,} statements.", "Split it, or import a file.")

    def _data(self, operation: Operation) -> None:
        self._remove(_ground(operation.prologue, operation.delete, _OWN))
        self._add(_ground(operation.prologue, operation.insert, _OWN))

    def _modify(self, operation: Operation) -> None:
        home = operation.with_graph or _OWN
        leaving = _ground(operation.prologue, operation.delete, home)
        entering = _ground(operation.prologue, operation.insert, home)
        gone: dict[Quad, None] = {}
        come: dict[Quad, None] = {}
        for solution in self._solutions(operation, home):
            gone.update(dict.fromkeys(_filled(leaving, solution)))
            come.update(dict.fromkeys(_filled(entering, solution)))
            if len(gone) + len(come) > MOST_STATEMENTS:
                raise TooLarge(
                    f"The update changes over {MOST_STATEMENTS:,} statements.", "Split it, or import a file."
                )
        self._remove(gone)
        self._add(come)

    def _solutions(self, operation: Operation, home: str) -> Iterator[dict[str, Any]]:
        only = bool(operation.using or operation.using_named or self._using or self._named)
        defaults = [*operation.using, *self._using] if only else [home]
        named = [*operation.using_named, *self._named] if only else rdf.graph_names(self._store)
        query = f"{operation.prologue}SELECT * WHERE {operation.where}"
        guard.check(query, services=True)
        yield from rdf.solutions(self._store, self._resolve(query), rdf.Dataset(defaults, named))

    def _quads(self, graph: str) -> list[Quad]:
        return list(self._store.quads_for_pattern(None, None, None, NamedNode(_named(graph))))

    def _load(self, operation: Operation) -> None:
        if not operation.silent:
            raise QueryRefused(
                f"LOAD reaches out to another address ({operation.source[:200]}); that is not allowed here.",
                "Fetch the file and send it: PUT /graphs?graph=IRI, or 'filiere import'.",
            )

    def _clear(self, operation: Operation) -> None:
        if operation.target not in (NAMED, ALL):
            self._remove(self._quads(operation.target))
            return
        for graph in rdf.graph_names(self._store):
            if _writable(graph) and (operation.target == ALL or graph != _OWN):
                self._remove(self._quads(graph))

    def _create(self, operation: Operation) -> None:
        if not operation.silent and self._quads(operation.target):
            raise QueryRefused(f"The graph {operation.target[:200]} exists.", "Write CREATE SILENT, or leave it out.")

    def _transfer(self, operation: Operation) -> None:
        """ADD, COPY and MOVE."""
        found = self._quads(operation.source)
        if _named(operation.source) == _named(operation.target):
            return
        if not found and operation.source != DEFAULT:
            if operation.silent:
                return
            raise QueryRefused(f"The graph {operation.source[:200]} is empty.", "Check its name.")
        if operation.kind != "add":
            self._remove(self._quads(operation.target))
        target = NamedNode(_named(operation.target))
        self._add([Quad(quad.subject, quad.predicate, quad.object, target) for quad in found])
        if operation.kind == "move":
            self._remove(found)


def _writable(graph: str) -> bool:
    return v.source_of(graph) not in v.OURS and graph not in (v.SYSTEM_GRAPH, v.SUGGESTED_GRAPH)


def _named(graph: str) -> str:
    return _OWN if graph == DEFAULT else graph


def _ground(prologue: str, template: str, home: str) -> list[Quad]:
    """The quads of a template, its variables as IRIs that stand for them."""
    if not template:
        return []
    parts, at = [], 0
    for token in tokens(template):
        if token.kind == "variable":
            parts += [template[at : token.start], f"<{_VARIABLE}{token.text[1:]}>"]
            at = token.end
    text = "".join([*parts, template[at:]])
    store = Store()
    store.update(f"{prologue}INSERT DATA {text}")
    own = NamedNode(home)
    return [
        Quad(q.subject, q.predicate, q.object, own if isinstance(q.graph_name, DefaultGraph) else q.graph_name)
        for q in store
    ]


def _filled(template: list[Quad], solution: dict[str, Any]) -> Iterator[Quad]:
    """The quads of a template for one solution; those that a value is missing for, or that are none, are left out."""
    fresh: dict[Any, BlankNode] = {}

    def term(found: Any) -> Any:
        if isinstance(found, NamedNode) and found.value.startswith(_VARIABLE):
            return solution.get(found.value.removeprefix(_VARIABLE))
        if isinstance(found, BlankNode):
            return fresh.setdefault(found, BlankNode(f"g{uuid4().hex}"))
        return found

    for quad in template:
        subject, predicate, target, graph = map(term, (quad.subject, quad.predicate, quad.object, quad.graph_name))
        if (
            isinstance(subject, NamedNode | BlankNode)
            and isinstance(predicate, NamedNode)
            and target is not None
            and isinstance(graph, NamedNode)
        ):
            yield Quad(subject, predicate, target, graph)
