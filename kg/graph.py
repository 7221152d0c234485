"""The graph view: an embedded Oxigraph store, one named graph a source, with the applied seq written in each update.

Beside the sources' graphs stands one of what the index suggests; suggested.py says what is in it and when. The default
graph holds the union of them all, each statement once: Oxigraph's own union repeats what two graphs say.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from io import RawIOBase
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Protocol, cast

from kg import vocabulary as v
from kg.errors import DamagedData
from kg.faults import point
from kg.journal import Change
from kg.rdf import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, quads, spelled, stored_form

_MARKER = NamedNode(v.SYSTEM_GRAPH)
_APPLIED = NamedNode(v.NS + "unionSeq")  # named for what the store holds at that seq: the union in the default graph
_INTEGER = NamedNode(v.XSD + "integer")
_SUGGESTED = NamedNode(v.SUGGESTED_GRAPH)
_FROM = NamedNode(v.NS + "suggestedFrom")
_ACTOR, _SUGGESTS = NamedNode(v.NS + "actor"), NamedNode(v.NS + "suggestedCompetency")
_BULK = 200  # changes from which the bulk loader is faster than an update
_TEXTS = 50  # records handed over at a time


class Graph(Protocol):
    """What a projection needs of a graph store."""

    def applied_seq(self) -> int:
        """The seq of the last change the graph holds; 0 for an empty one."""

    def apply(self, changes: Sequence[Change]) -> None:
        """One atomic update: takes out what each change replaced, puts in what it says, moves the marker."""

    def load(self, live: Iterable[Change], seq: int) -> None:
        """Fills an empty graph with live records; the marker comes last."""

    def clear(self) -> None:
        """Empties the graph."""

    def digest(self, source: str) -> str:
        """SHA-256 over the sorted N-Triples lines of a source's graph, in the form of `stored`."""

    def stored(self, line: str) -> str:
        """A line of a payload as `digest` sees it: what the store keeps of it."""

    def sources(self) -> set[str]:
        """The sources that have a graph."""

    def union_stands(self) -> bool:
        """Whether the default graph says what the named graphs say, and nothing else."""

    def suggested_from(self) -> str:
        """The mark of the suggested graph: what it was made from; "" while it is not whole."""

    def suggested_of(self, actor: str) -> list[Quad]:
        """What the suggested graph says of an actor."""

    def suggested(self) -> Iterator[Quad]:
        """Everything that the suggested graph says."""

    def change_suggested(self, removed: Sequence[Quad], added: str, mark: str) -> None:
        """Statements out of the suggested graph, N-Triples in, then the mark; without one it counts as not whole."""

    def load_suggested(self, payloads: Iterable[str]) -> None:
        """Adds N-Triples to the suggested graph in bulk; the mark must be gone before and come after."""

    def drop_suggested(self, live: Iterable[Change]) -> None:
        """Empties the suggested graph, by itself or by filling the graph again with the live records."""

    def close(self) -> None:
        """Lets go of what is held open."""


class EmbeddedGraph:
    """A graph in a folder of its own. One process at a time may have it open."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._changing = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> EmbeddedGraph:
        """The store in `folder`; a damaged one is thrown away and made anew, since the journal holds everything."""
        if not folder.is_dir() and not create:
            raise DamagedData(f"There is no graph at {folder}.", "Run 'filiere check --repair'.")
        try:
            return cls(folder, Store(str(folder)))
        except (OSError, RuntimeError) as error:
            if not is_corruption(error):
                raise
            return cls.renewed(folder)

    @classmethod
    def renewed(cls, folder: Path) -> EmbeddedGraph:
        """An empty store in place of the one in `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        return cls(folder, Store(str(folder)))

    @property
    def store(self) -> Store:
        """The store itself, for queries of our own over a graph nobody writes to meanwhile."""
        return self._store

    def applied_seq(self) -> int:
        """The seq of the last change the graph holds; 0 for an empty one."""
        found = [quad.object for quad in self._store.quads_for_pattern(_MARKER, _APPLIED, None, _MARKER)]
        return max((int(term.value) for term in found if isinstance(term, Literal)), default=0)

    def apply(self, changes: Sequence[Change]) -> None:
        """One atomic update for all the changes, which carry what they replaced in `before`.

        Many changes that replace nothing are loaded in bulk first and the marker is written after them: should the
        process die in between, the same changes are applied again, and adding a triple twice adds it once.
        """
        if not changes:
            return
        point("graph.before")
        marker = _marker(changes[-1].seq)
        if len(changes) >= _BULK and not any(change.before for change in changes):
            self._bulk(change for change in changes if change.payload)
            self._change([], [], [marker], _APPLIED)
            point("graph.applied")
            return
        last = {(change.source, change.iri): change for change in changes}
        removed = [q for c in changes if c.before for q in quads(c.before, v.source_graph(c.source))]
        added = [q for c in last.values() if c.payload for q in quads(c.payload, v.source_graph(c.source))]
        self._change(removed, added, [marker], _APPLIED)
        point("graph.applied")

    def _change(self, removed: Sequence[Quad], added: Sequence[Quad], marker: Sequence[Quad], mark: NamedNode) -> None:
        """One atomic update of the named graphs, of their union and of the value of `mark`.

        Blank nodes cannot be named in an update; what they are in goes before it, and should the process die in
        between, the same change is made again and comes to the same.
        """
        leaving, entering = self._union(removed, added)
        removed, added = [*removed, *leaving], [*added, *entering]
        with self._changing:
            for quad in filter(_has_blank, removed):
                self._store.remove(quad)
            self._store.extend(filter(_has_blank, added))
            plain = [[q for q in some if not _has_blank(q)] for some in (removed, added)]
            self._store.update(_update(plain[0], [*plain[1], *marker], mark))

    def _union(self, removed: Sequence[Quad], added: Sequence[Quad]) -> tuple[list[Quad], list[Quad]]:
        """What leaves and what enters the default graph when these quads leave and enter the named ones."""
        entering = {Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in added}
        gone = set(removed).difference(added)
        leaving = []
        for triple in {Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in gone} - entering:
            said = self._store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
            if all(q in gone or q.graph_name in (DefaultGraph(), _MARKER) for q in said):
                leaving.append(triple)
        return leaving, list(entering)

    def load(self, live: Iterable[Change], seq: int) -> None:
        """Fills an empty graph with live records; the marker comes last, so a load cut short lacks it."""
        point("graph.before")
        for name, of_source in groupby(live, key=lambda change: change.source):
            self._load((change.payload for change in of_source), NamedNode(v.source_graph(name)))
        self._store.extend([_marker(seq)])
        point("graph.applied")

    def _bulk(self, changes: Iterable[Change]) -> None:
        graphs: dict[str, list[str]] = {}
        for change in changes:
            graphs.setdefault(v.source_graph(change.source), []).append(change.payload)
        for name, payloads in graphs.items():
            self._load(payloads, NamedNode(name))

    def _load(self, payloads: Iterable[str], graph: NamedNode) -> None:
        unnamed: list[str] = []  # a bulk load renames blank nodes
        stream = cast("IO[bytes]", _Stream(_both(payloads, graph, unnamed)))
        self._store.bulk_load(stream, format=RdfFormat.N_QUADS)
        added = quads("".join(unnamed), graph.value)
        self._store.extend([*added, *self._union([], added)[1]])

    def clear(self) -> None:
        """Empties the graph."""
        self._store.clear()

    def digest(self, source: str) -> str:
        """SHA-256 over the sorted N-Triples lines of a source's graph."""
        graph = NamedNode(v.source_graph(source))
        lines = sorted(
            f"{spelled(quad.subject)} {quad.predicate} {spelled(quad.object)} .\n"
            for quad in self._store.quads_for_pattern(None, None, None, graph)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def stored(self, line: str) -> str:
        """A line of a payload as the store gives it back: it keeps the value of a number or date, not its spelling."""
        if "^^<" not in line:
            return line
        subject, predicate, target = line.split(" ", 2)
        return f"{subject} {predicate} {stored_form(target[:-3])} .\n"

    def sources(self) -> set[str]:
        """The sources that have a graph."""
        names = (graph.value for graph in self._store.named_graphs() if isinstance(graph, NamedNode))
        return {v.source_of(name) for name in names if name not in (v.SYSTEM_GRAPH, v.SUGGESTED_GRAPH)}

    def union_stands(self) -> bool:
        """Whether the default graph says what the named graphs say, and nothing else."""
        union: set[int] = set()
        named: set[int] = set()
        for quad in self._store:
            if quad.graph_name != _MARKER:
                (union if isinstance(quad.graph_name, DefaultGraph) else named).add(hash(quad.triple))
        return union == named

    def suggested_from(self) -> str:
        """The mark of the suggested graph: what it was made from; "" while it is not whole."""
        found = self._store.quads_for_pattern(_MARKER, _FROM, None, _MARKER)
        return next((quad.object.value for quad in found if isinstance(quad.object, Literal)), "")

    def suggested_of(self, actor: str) -> list[Quad]:
        """What the suggested graph says of an actor."""
        subject = NamedNode(actor)
        out = list(self._store.quads_for_pattern(subject, _SUGGESTS, None, _SUGGESTED))
        for tag in list(self._store.quads_for_pattern(None, _ACTOR, subject, _SUGGESTED)):
            out += self._store.quads_for_pattern(tag.subject, None, None, _SUGGESTED)
        return out

    def suggested(self) -> Iterator[Quad]:
        """Everything that the suggested graph says."""
        return iter(self._store.quads_for_pattern(None, None, None, _SUGGESTED))

    def change_suggested(self, removed: Sequence[Quad], added: str, mark: str) -> None:
        """One atomic update of the suggested graph and its mark; without a mark it counts as not whole."""
        marker = [Quad(_MARKER, _FROM, Literal(mark), _MARKER)] if mark else []
        self._change(removed, quads(added, v.SUGGESTED_GRAPH), marker, _FROM)

    def load_suggested(self, payloads: Iterable[str]) -> None:
        """Adds N-Triples to the suggested graph in bulk; not atomic, so the mark must be gone before and come after."""
        self._load(payloads, _SUGGESTED)

    def drop_suggested(self, live: Iterable[Change]) -> None:
        """Empties the suggested graph by filling the whole store again.

        Clearing one named graph of Oxigraph takes longer (14 s against 7 s for 10,000 actors).
        """
        seq = self.applied_seq()
        self.clear()
        self.load(live, seq)

    @classmethod
    def applied_in(cls, folder: Path) -> int:
        """The seq that a copy made by `backup` holds."""
        return cls(folder, Store.read_only(str(folder))).applied_seq()

    def backup(self, folder: Path) -> None:
        """A copy of the store at this moment, made with hard links: immutable, cheap, safe to read beside us."""
        with self._changing:
            self._store.backup(str(folder))

    def __len__(self) -> int:
        return len(self._store)

    def close(self) -> None:
        """Writes what is pending and lets the folder go."""
        self._store.flush()
        del self._store


class _Stream(RawIOBase):
    """Texts one after the other as a file that is read once, so that one bulk load takes them all.

    Oxigraph sorts and stores a million triples at a time while it parses the next; loads of fewer lie over one another
    in its files and take half as long again.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = iter(texts)
        self._left = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, none at the end."""
        while not self._left and (some := list(islice(self._texts, _TEXTS))):  # texts may be empty; nothing ends it
            self._left = "".join(some).encode()
        out, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return out


def _both(payloads: Iterable[str], graph: NamedNode, unnamed: list[str]) -> Iterator[str]:
    """N-Quads that say the payloads in their graph and in the default graph; those with blank nodes are set aside."""
    named = f" {graph} .\n"
    for payload in payloads:
        if v.GENID in payload:
            unnamed.append(payload)
        else:
            yield payload
            yield payload.replace(" .\n", named)  # a line end within a text is escaped


def _has_blank(quad: Quad) -> bool:
    return isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode)


def is_corruption(error: Exception) -> bool:
    """Whether a store's error means that its files are damaged, rather than locked or out of room."""
    text = str(error).lower()
    return not any(word in text for word in ("lock", "no space", "read-only", "permission"))


def _marker(seq: int) -> Quad:
    return Quad(_MARKER, _APPLIED, Literal(str(seq), datatype=_INTEGER), _MARKER)


def _update(removed: Sequence[Quad], added: Sequence[Quad], mark: NamedNode) -> str:
    """SPARQL Update text, which Oxigraph runs as one transaction however many operations it has.

    What stood as the value of `mark` goes; a new value is one of `added`.
    """
    parts = [f"DELETE WHERE {{ GRAPH {_MARKER} {{ {_MARKER} {mark} ?mark }} }}"]
    if removed:
        parts.append(f"DELETE DATA {{ {''.join(_by_graph(removed))} }}")
    if added:
        parts.append(f"INSERT DATA {{ {''.join(_by_graph(added))} }}")
    return " ;\n".join(parts)


def _by_graph(found: Sequence[Quad]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for quad in found:
        name = "" if isinstance(quad.graph_name, DefaultGraph) else str(quad.graph_name)
        groups.setdefault(name, []).append(f"{quad.subject} {quad.predicate} {quad.object} .\n")
    for graph, lines in groups.items():
        yield f"GRAPH {graph} {{\n{''.join(lines)}}}\n" if graph else "".join(lines)
