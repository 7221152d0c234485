"""What the graph holds, in numbers: counted by SPARQL over a snapshot, in the background, once a seq."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kg import vocabulary as v
from kg.errors import FiliereError

if TYPE_CHECKING:
    from kg.sparql.pool import QueryResult

_PATIENCE = 0.5  # seconds that a door waits for numbers that are being counted; the sample takes 0.2
_AGAIN = 60.0  # seconds after which what was stopped is tried again: the machine may have been busy
_SYSTEM = f"FILTER (?g != <{v.SYSTEM_GRAPH}>)"
# Links are counted where they are made, not by looking at every object.
_LINKS = (
    *(v.SKOS + name for name in ("exactMatch", "closeMatch", "broadMatch")),
    *(v.NS + name for name in ("code", "nuts", "competency", "suggestedCompetency")),
)
TARGETS = {scheme: v.CODE_PREFIXES[scheme] for scheme in ("cpv", "nace", "esco", "nuts")}
_LINKING, _SPACES = (" ".join(f"<{name}>" for name in names) for names in (_LINKS, TARGETS.values()))
# At 60,000 actors (3.3 million statements): the first four a tenth of a second each, the others 1 to 4 seconds.
_QUERIES = {
    "classes": "SELECT ?k (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?k } GROUP BY ?k",
    "classes_of": f"SELECT ?g ?k (COUNT(?s) AS ?n) WHERE {{ GRAPH ?g {{ ?s a ?k }} {_SYSTEM} }} GROUP BY ?g ?k",
    "examples": "SELECT ?g (MIN(STR(?s)) AS ?k) (COUNT(?s) AS ?n) WHERE "
    f"{{ GRAPH ?g {{ ?s a <{v.NS}Actor> }} }} GROUP BY ?g",
    "entities": "SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s a ?any }",
    "properties_of": f"SELECT ?g ?k (COUNT(*) AS ?n) WHERE {{ GRAPH ?g {{ ?s ?k ?o }} {_SYSTEM} }} GROUP BY ?g ?k",
    "properties": "SELECT ?k (COUNT(*) AS ?n) WHERE { ?s ?k ?o } GROUP BY ?k",
    "links": f"SELECT ?k ?to (COUNT(*) AS ?n) WHERE {{ VALUES ?k {{ {_LINKING} }} VALUES ?to {{ {_SPACES} }} ?s ?k ?o "
    "FILTER (STRSTARTS(STR(?o), STR(?to))) } GROUP BY ?k ?to",
    "subjects": "SELECT (COUNT(DISTINCT ?s) AS ?n) WHERE { ?s ?p ?o }",
    "objects": "SELECT (COUNT(DISTINCT ?o) AS ?n) WHERE { ?s ?p ?o }",
}
_Row = tuple[str, str, int]  # (?g or ?to, ?k, ?n), each "" or 0 where the query has none


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of one seq; a query that has not answered, or was stopped, is missing from `found`."""

    seq: int = -1
    found: dict[str, tuple[_Row, ...]] = field(default_factory=dict)
    done: bool = False

    def number(self, query: str) -> int | None:
        """The one number of "entities", "subjects" or "objects", or None while it is not known."""
        rows = self.found.get(query)
        return rows[0][2] if rows else None

    def by_key(self, query: str) -> dict[str, int]:
        """Class or property → number, of the whole: "classes" or "properties"."""
        return {key: count for _, key, count in self.found.get(query, ())}

    def of(self, query: str, graph: str) -> dict[str, int]:
        """Class or property → number within one graph: "classes_of" or "properties_of"."""
        return {key: count for name, key, count in self.found.get(query, ()) if name == graph}

    def examples(self) -> list[str]:
        """An actor of each source that has any, by IRI."""
        return sorted(key for _, key, _ in self.found.get("examples", ()))

    def links(self) -> list[tuple[str, str, int]]:
        """(property, namespace it points into, number), the most first."""
        return sorted(((key, to, n) for to, key, n in self.found.get("links", ())), key=lambda link: -link[2])

    @property
    def triples(self) -> int | None:
        """Statements of the whole, or None while they are not known."""
        return sum(self.by_key("properties").values()) if "properties" in self.found else None

    def triples_of(self, graph: str) -> int | None:
        """Statements of one graph, or None while they are not known."""
        return sum(self.of("properties_of", graph).values()) if "properties_of" in self.found else None

    def graphs(self) -> list[str]:
        """The named graphs that hold anything, by IRI."""
        return sorted({graph for query in ("classes_of", "properties_of") for graph, _, _ in self.found.get(query, ())})


class Statistics:
    """Counts on demand: `query` answers a SPARQL query as JSON, `seq` says what the journal stands at."""

    def __init__(self, query: Callable[[str], QueryResult], seq: Callable[[], int]) -> None:
        self._query = query
        self._seq = seq
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._counts = Counts()
        self._tried = 0.0

    def known(self, patience: float = _PATIENCE) -> Counts:
        """The numbers of the current seq, counted now if need be; what takes longer than `patience` seconds is left.

        Until all are counted these are the last whole ones if there are any, else those that are there already.
        """
        with self._guard:
            if self._lacks() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._count, name="statistics", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(patience)
        return self._counts

    def _lacks(self) -> bool:
        if self._counts.seq != self._seq():
            return True
        return len(self._counts.found) < len(_QUERIES) and time.monotonic() - self._tried > _AGAIN

    def _count(self) -> None:
        before, counts = self._counts, Counts()
        if before.seq == self._seq():
            counts = Counts(before.seq, before.found)
        for name, query in _QUERIES.items():
            if name in counts.found:
                continue
            try:
                result = self._query(query)
            except (FiliereError, OSError, ValueError):
                continue  # too slow or too large for the limits of queries, or the service is closing
            seq = min(counts.seq, result.seq) if counts.found else result.seq  # the graph may move on meanwhile
            counts = Counts(seq, {**counts.found, name: _rows(result.body)})
            if not before.done:
                self._counts = counts
        self._tried = time.monotonic()
        self._counts = Counts(counts.seq, counts.found, done=True)


def _rows(body: bytes) -> tuple[_Row, ...]:
    bindings = json.loads(body)["results"]["bindings"]
    cells = ({name: term["value"] for name, term in binding.items()} for binding in bindings)
    return tuple((row.get("g") or row.get("to", ""), row.get("k", ""), int(row["n"])) for row in cells)
