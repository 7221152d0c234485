"""The graph view in a SPARQL 1.1 store of any make, by its URL: what EmbeddedGraph does, in bounded requests.

Each source has its named graph; one more, …/graph/union, holds what all of them say, each statement once, and is the
default graph of queries, since what an engine takes for the default graph differs, and Virtuoso repeats what two
graphs say. The system graph names the graphs that are ours, so that a store may hold others beside them.

No request is assumed to be atomic. Before a change the system graph says what it will stand at when the change is
done; the marker moves last. Whoever reads the state before and after a query, and finds it whole and the same, has
read one state. A change that was cut short is made again from the journal: it takes out and puts in the same.
A node without an IRI goes by the IRI that the journal has for it (…/.well-known/genid/…), and is an IRI there.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from kg import rdf
from kg import vocabulary as v
from kg.endpoint import Endpoint, RefusedThere, Row
from kg.engine_terms import compared, restored, sent
from kg.errors import Unreachable
from kg.faults import point
from kg.journal import Change
from kg.rdf import Quad, spelled
from kg.terms import from_payload, literal

UNION_GRAPH = v.GRAPH + "union"
_SYSTEM, _OURS = f"<{v.SYSTEM_GRAPH}>", (v.SYSTEM_GRAPH, UNION_GRAPH)
_APPLIED, _FROM = f"<{v.NS}unionSeq>", f"<{v.NS}suggestedFrom>"
_CHANGING, _HOLDS = f"<{v.NS}changing>", f"<{v.NS}holdsGraph>"
_STATE_SECONDS = 20.0  # for the state, which is a few statements
_UNTIL_NEXT = "unfinished"  # what a change ends in that is one of several
# Statements of one request, each sent for its graph and for the union. Virtuoso's parser gives up between 4,000 and
# 5,000 lines; a store that takes less is sent half as much again and again.
_STATEMENTS, _CHARACTERS = 1000, 250_000
PAGE = 10_000  # rows of one answer; Virtuoso gives no more unless its configuration says so
_WITH = 'FILTER(STRSTARTS(MD5(CONCAT(STR(?s), " ", STR(?o))), "{}"))'
_DEEPEST = 3  # 4,096 parts
_SUBJECTS = 100  # asked for at a time
Line = tuple[str, str]  # (graph, statement as N-Triples in the form that is sent)


@dataclass(frozen=True, slots=True)
class State:
    """What the system graph says: the seq, the mark of the suggested graph, our graphs, and whether no change is on."""

    seq: int
    suggested: str
    graphs: frozenset[str]
    whole: bool


class RemoteGraph:
    """A graph behind an endpoint that one process writes to. Every method raises Unreachable."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._changing = threading.RLock()

    def state(self, seconds: float = _STATE_SECONDS) -> State:
        """What the system graph says now."""
        query = f"SELECT ?p ?o WHERE {{ {_SYSTEM} ?p ?o }}"
        rows, cut = self.endpoint.rows(query, v.SYSTEM_GRAPH, seconds=seconds)
        if cut:
            raise Unreachable("The graph store does not name all of our graphs.", "Raise its bound on rows.")
        said: dict[str, list[str]] = {}
        for row in rows:
            said.setdefault(row["p"], []).append(rdf.to_term(row["o"]).value)
        seq = max(map(int, said.get(_APPLIED, [])), default=0)
        mark = next(iter(said.get(_FROM, [])), "")
        stands = {f"{_APPLIED} {seq}", f"{_FROM} {mark}"}
        return State(seq, mark, frozenset(said.get(_HOLDS, [])), set(said.get(_CHANGING, [])) <= stands)

    def applied_seq(self) -> int:
        """The seq of the last change the graph holds; 0 for an empty one."""
        return self.state().seq

    def apply(self, changes: Sequence[Change]) -> None:
        """Takes out what each change replaced, puts in what it says, then moves the marker."""
        if not changes:
            return
        point("graph.before")
        last = {(change.source, change.iri): change for change in changes}
        removed = {line for c in changes if c.before for line in _lines(c.before, v.source_graph(c.source))}
        added = [line for c in last.values() if c.payload for line in _lines(c.payload, v.source_graph(c.source))]
        self._change(removed, added, _APPLIED, str(changes[-1].seq))
        point("graph.applied")

    def load(self, live: Iterable[Change], seq: int) -> None:
        """Fills an empty graph with live records; the marker comes last, so a load cut short lacks it."""
        point("graph.before")
        found = (line for change in live for line in _lines(change.payload, v.source_graph(change.source)))
        self._change((), found, _APPLIED, str(seq))
        point("graph.applied")

    def _change(self, removed: Iterable[Line], added: Iterable[Line], mark: str, value: str) -> None:
        """Statements out and in, in the graphs and their union; at the end `mark` has the value, or none when ""."""
        target = literal(f"{mark} {value or _UNTIL_NEXT}")
        with self._changing:
            going = (
                f"DELETE {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {_CHANGING} ?was }} }} WHERE {{ GRAPH {_SYSTEM} "
                f'{{ {_SYSTEM} {_CHANGING} ?was }} FILTER(STRSTARTS(STR(?was), "{mark}")) }}'
            )
            coming = f"INSERT DATA {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {_CHANGING} {target} }} }}"
            gone = f" ;\nDELETE WHERE {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {mark} ?was }} }}" if mark == _FROM else ""
            self.endpoint.update(f"{going} ;\n{coming}{gone}")
            known = set(self.state().graphs)
            if removed := list(removed):
                added = list(added)
                leaving = self._leaving(removed, added, known)
                self._send("DELETE", ((graph, line, line in leaving) for graph, line in removed))
            self._send("INSERT", ((graph, line, True) for graph, line in self._named(added, known)))
            if value:
                term = literal(value, "", "" if mark == _FROM else v.XSD + "integer")
                # First the new, then the old: a mark is never missing, and the seq is the greatest that stands.
                self.endpoint.update(
                    f"INSERT DATA {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {mark} {term} }} }} ;\n"
                    f"DELETE {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {mark} ?was }} }} "
                    f"WHERE {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {mark} ?was }} FILTER(?was != {term}) }}"
                )

    def _named(self, lines: Iterable[Line], known: set[str]) -> Iterator[Line]:
        """The lines, each graph named as ours before the first of them."""
        for graph, line in lines:
            if graph not in known:
                known.add(graph)
                self.endpoint.update(f"INSERT DATA {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {_HOLDS} <{graph}> }} }}")
            yield graph, line

    def _leaving(self, removed: Sequence[Line], added: Sequence[Line], known: Iterable[str]) -> set[str]:
        """The statements that no graph says any more when the one have left and the other come."""
        gone = {(graph, _compared(line)) for graph, line in removed}
        stays = {_compared(line) for _, line in added}
        subjects = sorted({line.split(" ", 1)[0] for _, line in removed})
        graphs = sorted(set(known) - set(_OURS))
        asked = [subjects[at : at + _SUBJECTS] for at in range(0, len(subjects), _SUBJECTS)] if graphs else []
        while asked:
            some = asked.pop()
            pattern = f"VALUES ?s {{ {' '.join(some)} }} GRAPH ?g {{ ?s ?p ?o }}"
            rows = self._all("?g ?s ?p ?o", pattern, named=graphs)
            if rows is None and len(some) == 1:
                raise _too_many(some[0])
            asked += [] if rows is not None else [some[: len(some) // 2], some[len(some) // 2 :]]
            stays.update(said for row in rows or () if (row["g"][1:-1], said := _said(row)) not in gone)
        return {line for _, line in removed if _compared(line) not in stays}

    def _send(self, verb: str, lines: Iterable[tuple[str, str, bool]]) -> None:
        """DELETE DATA or INSERT DATA of (graph, statement, whether in the union too), as many at a time as fit."""
        batch: list[tuple[str, str, bool]] = []
        size = 0
        for line in lines:
            batch.append(line)
            size += len(line[1])
            if len(batch) >= _STATEMENTS or size >= _CHARACTERS:
                self._sent(verb, batch)
                point("graph.part")
                batch, size = [], 0
        self._sent(verb, batch)

    def _sent(self, verb: str, batch: Sequence[tuple[str, str, bool]]) -> None:
        if not batch:
            return
        graphs: dict[str, list[str]] = {}
        for graph, line, whole in batch:
            for name in (graph, UNION_GRAPH) if whole else (graph,):
                graphs.setdefault(name, []).append(line)
        # One graph an operation: in DELETE DATA over two graphs Virtuoso leaves texts with a language where they are.
        operations = (
            f"{verb} DATA {{ GRAPH <{name}> {{\n{''.join(dict.fromkeys(said))}}} }}" for name, said in graphs.items()
        )
        try:
            self.endpoint.update(" ;\n".join(operations))
        except RefusedThere as error:
            if len(batch) == 1:
                raise RefusedThere(f"{error.problem} It was sent {batch[0][1][:200]!r}.", error.mend) from error
            middle = len(batch) // 2
            self._sent(verb, batch[:middle])
            self._sent(verb, batch[middle:])

    def _statements(self, graph: str) -> list[Row]:
        """Every statement of a graph, as ?s ?p ?o. Raises Unreachable when some do not come.

        What is more than one answer holds is asked for in parts, by predicate and then by checksum: Virtuoso orders no
        more rows than it gives, and without an order its pages overlap.
        """
        counted, _ = self.endpoint.rows("SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p", graph)
        counts = {row["p"]: int(rdf.to_term(row["n"]).value) for row in counted}
        if sum(counts.values()) <= PAGE and (found := self._part("?s ?p ?o", graph, sum(counts.values()))):
            return found
        out: list[Row] = []
        for predicate, wanted in counts.items():
            found = self._part(f"?s {predicate} ?o", graph, wanted) if wanted <= PAGE else None
            depth = 0
            while found is None:
                depth += 1
                prefixes = map("".join, product("0123456789abcdef", repeat=depth))
                parts = [self._part(f"?s {predicate} ?o {_WITH.format(prefix)}", graph) for prefix in prefixes]
                if None not in parts or depth == _DEEPEST:
                    found = _counted([row for part in parts for row in part or ()], wanted)
            out += ({**row, "p": predicate} for row in found)
        return out

    def _part(self, pattern: str, graph: str, wanted: int | None = None) -> list[Row] | None:
        """The solutions of a pattern of ?s, ?p and ?o in a graph, None when the store does not give them all."""
        names = "?s ?p ?o" if "?p" in pattern else "?s ?o"
        rows, cut = self.endpoint.rows(f"SELECT {names} WHERE {{ {pattern} }}", graph)
        if cut:
            return None
        return rows if wanted is None else _counted(rows, wanted)

    def _all(self, names: str, pattern: str, default: str = "", named: Sequence[str] = ()) -> list[Row] | None:
        """Every solution of a pattern, all of them different; None for more than one answer holds."""
        rows, cut = self.endpoint.rows(f"SELECT {names} WHERE {{ {pattern} }}", default, named)
        if cut:
            return None
        counted, _ = self.endpoint.rows(f"SELECT (COUNT(*) AS ?n) WHERE {{ {pattern} }}", default, named)
        return _counted(rows, int(rdf.to_term(counted[0]["n"]).value) if counted else 0)

    def clear(self) -> None:
        """Takes out all that is ours, and nothing else."""
        with self._changing:
            graphs = self._graphs()
            self.endpoint.update(f"DELETE WHERE {{ GRAPH {_SYSTEM} {{ {_SYSTEM} {_APPLIED} ?was }} }}")
            for graph in (*sorted(graphs - set(_OURS)), UNION_GRAPH, v.SYSTEM_GRAPH):
                self.endpoint.update(f"CLEAR SILENT GRAPH <{graph}>")

    def _graphs(self) -> set[str]:
        """Our graphs: those that the system graph names, and any of a name that is ours alone."""
        query = (
            f'SELECT DISTINCT ?g WHERE {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{v.GRAPH}")) }} LIMIT 5000'
        )
        rows, _ = self.endpoint.rows(query)
        return {row["g"][1:-1] for row in rows} | self.state().graphs

    def digest(self, source: str) -> str:
        """SHA-256 over the sorted lines of a source's graph, in the form of `stored`."""
        rows = self._statements(v.source_graph(source))
        return hashlib.sha256("".join(sorted({_said(row) for row in rows})).encode()).hexdigest()

    def stored(self, line: str) -> str:
        """A line of a payload as `digest` sees it."""
        return _compared(_sent(line))

    def sources(self) -> set[str]:
        """The sources that have a graph."""
        return {v.source_of(name) for name in self._graphs() if name not in (*_OURS, v.SUGGESTED_GRAPH)}

    def union_stands(self) -> bool:
        """Whether the default graph of our queries says what the named graphs say, and nothing else."""
        named = sorted(self._graphs() - set(_OURS))
        union = f"GRAPH <{UNION_GRAPH}> {{ ?s ?p ?o }}"
        other = f"GRAPH ?g {{ ?s ?p ?o FILTER(?g IN ({', '.join(f'<{name}>' for name in named)})) }}"
        if not named:
            return not self.endpoint.rows(f"SELECT ?s WHERE {{ {union} }} LIMIT 1")[0]
        wrong = f"{other} FILTER NOT EXISTS {{ {union} }}", f"{union} FILTER NOT EXISTS {{ {other} }}"
        return not any(self.endpoint.rows(f"SELECT ?s WHERE {{ {pattern} }} LIMIT 1")[0] for pattern in wrong)

    def suggested_from(self) -> str:
        """The mark of the suggested graph: what it was made from; "" while it is not whole."""
        return self.state().suggested

    def suggested_of(self, actor: str) -> list[Quad]:
        """What the suggested graph says of an actor."""
        direct = f"<{actor}> <{v.NS}suggestedCompetency> ?o"
        rows = self._all("?o", direct, v.SUGGESTED_GRAPH)
        tags = self._all("?s ?p ?o", f"?s <{v.NS}actor> <{actor}> . ?s ?p ?o", v.SUGGESTED_GRAPH)
        if rows is None or tags is None:
            raise _too_many(actor)
        said = [f"<{actor}> <{v.NS}suggestedCompetency> {row['o']} .\n" for row in rows]
        return rdf.quads("".join([*said, *map(_restored, tags)]), v.SUGGESTED_GRAPH)

    def suggested(self) -> Iterator[Quad]:
        """Everything that the suggested graph says."""
        rows = self._statements(v.SUGGESTED_GRAPH)
        return iter(rdf.quads("".join(map(_restored, rows)), v.SUGGESTED_GRAPH))

    def change_suggested(self, removed: Sequence[Quad], added: str, mark: str) -> None:
        """Statements out and in, then the mark; while it goes on, and without a mark, it counts as not whole."""
        gone = [
            (v.SUGGESTED_GRAPH, _sent(f"{spelled(q.subject)} {q.predicate} {spelled(q.object)} .")) for q in removed
        ]
        self._change(gone, _lines(added, v.SUGGESTED_GRAPH), _FROM, mark)

    def load_suggested(self, payloads: Iterable[str]) -> None:
        """Adds N-Triples to the suggested graph; the mark must be gone before and come after."""
        found = (line for payload in payloads for line in _lines(payload, v.SUGGESTED_GRAPH))
        self._change((), found, _FROM, "")

    def drop_suggested(self, live: Iterable[Change]) -> None:
        """Empties the suggested graph."""
        self.change_suggested(list(self.suggested()), "", "")

    def close(self) -> None:
        """Nothing is held open."""


def _counted(rows: list[Row], wanted: int) -> list[Row]:
    """The rows, when they are as many different ones as there are."""
    if len({tuple(row.values()) for row in rows}) != wanted:
        raise Unreachable(
            f"The graph store counts {wanted:,} statements and gave {len(rows):,}.",
            "Let nobody write to it meanwhile, and raise its bound on rows (ResultSetMaxRows in Virtuoso).",
        )
    return rows


def _too_many(subject: str) -> Unreachable:
    return Unreachable(
        f"The graph store says more of {subject[:200]} than it gives in one answer.",
        "Raise its bound on rows (ResultSetMaxRows in Virtuoso).",
    )


def _lines(payload: str, graph: str) -> list[Line]:
    return [(graph, _sent(f"{s} {p} {o} .")) for s, p, o in from_payload(payload)]


def _spelled(quad: Quad) -> str:
    return f"{spelled(quad.subject)} {quad.predicate} {spelled(quad.object)} .\n"


def _sent(line: str) -> str:
    subject, predicate, target = line.split(" ", 2)
    return f"{sent(subject)} {sent(predicate)} {sent(target.rstrip().removesuffix(' .'))} .\n"


def _compared(line: str) -> str:
    subject, predicate, target = line.split(" ", 2)
    return f"{subject} {predicate} {compared(target[:-3])} .\n"


def _said(row: Row) -> str:
    return f"{row['s']} {row['p']} {compared(row['o'])} .\n"


def _restored(row: Row) -> str:
    return f"{row['s']} {row['p']} {restored(row['o'])} .\n"
