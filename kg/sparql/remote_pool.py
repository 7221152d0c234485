"""Queries put to a remote graph store: the same refusals, SERVICE blocks and result forms as on our own snapshots.

The store has no snapshots. Its state is read before and after a query, and the query counts when both are whole and
the same; so `seq` names the one state that it saw. What goes out is SPARQL 1.1 alone: our own parser takes it,
comments are gone, strings are spelled anew, and calls of functions outside the standard, by which engines reach their
files or other servers, are refused. The dataset is named in the request, never in the text, and only graphs that are
ours may stand in it. Results come as JSON, and are written in the form the client wants by our own serialisers.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from kg import rdf
from kg import vocabulary as v
from kg.endpoint import Endpoint, RefusedThere, cut_answer, refused_query
from kg.errors import Busy, FiliereError, NotFound, QueryRefused, QueryTimeout, Unreachable
from kg.remote_graph import PAGE, UNION_GRAPH, State
from kg.sparql import faults, guard, results, rows, services
from kg.sparql.formats import form_for
from kg.sparql.pool import Budget, Endpoints, QueryPool, QueryResult, Search
from kg.sparql.reading import Prologue, Token, closing, tokens
from kg.terms import literal, value

_PATIENCE = 5.0  # seconds that a query waits for a state that is whole
_PAUSE = 0.1
_TRIES = 3
_AT_ONCE = 4  # queries that the store evaluates at the same time
_MOST_NAMED = 300  # named graphs of one request; with 3,000 Virtuoso takes seconds to read them
_NOWHERE = v.GRAPH + "system#nowhere"
_THEIRS = ("bif:", "sql:", "java:", "jar:", "file:")  # IRIs by which engines name what runs inside of them


class RemoteStore(Protocol):
    """What is asked of a remote graph."""

    endpoint: Endpoint

    def state(self, seconds: float) -> State:
        """What the store says that it holds."""


@dataclass(slots=True)
class _Asked:
    """A query taken apart: its text without FROM, and the graphs it names."""

    text: str
    defaults: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


class RemotePool(QueryPool):
    """Queries at a remote store. Updates and files are read by children here, as ever."""

    def __init__(
        self,
        graph: RemoteStore,
        budget: Budget | None = None,
        *,
        search: Search | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        self._empty = tempfile.TemporaryDirectory(prefix="filiere-", ignore_cleanup_errors=True)
        self.folder = Path(self._empty.name)
        self.graph = graph
        self._asking = threading.Semaphore(_AT_ONCE)
        super().__init__(self._nothing, budget, search=search, endpoints=endpoints)
        self._builder.close()  # an empty store has no columns

    def _nothing(self, seq: int | None) -> Path:
        """An empty store for the children that read files."""
        folder = self.folder / f"{0:012d}"
        if not folder.is_dir():
            rdf.Store(str(folder)).flush()
        return folder

    def warm(self) -> None:
        """Nothing waits here for queries."""

    def query(
        self,
        text: str,
        accept: str = "",
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        *,
        seq: int | None = None,
        max_rows: int | None = None,
    ) -> QueryResult:
        """The answer of the store, within the budget; see QueryPool.query.

        Raises NotFound for a `seq` that the store does not stand at, Busy while it is being written, and Unreachable.
        """
        deadline = time.monotonic() + self._budget.seconds
        shape = guard.check(text, services=True)
        media, form = form_for(accept, shape.kind)
        if max_rows is not None and shape.kind != "select":
            raise QueryRefused("max-rows is given for a query that has no rows.", "Leave it out, or use SELECT.")
        self._check_services(text)
        asked = portable(text)
        if default_graphs or named_graphs:
            asked.defaults, asked.named = list(default_graphs), list(named_graphs)
        if not self._asking.acquire(timeout=self._budget.seconds):
            raise QueryTimeout("Every query was busy for all of this query's time.", "Try again later.")
        try:
            for _ in range(_TRIES):
                before = self._whole(seq, deadline)
                found = _Call(self, asked, before, deadline, max_rows).answer(shape.kind, media, form)
                if self.graph.state(_left(deadline)) == before:
                    return replace(found, seq=before.seq)
        except RefusedThere as error:
            raise refused_query(error) from error
        except Unreachable as error:
            if time.monotonic() < deadline:
                raise
            raise QueryTimeout(
                f"The query was stopped after {self._budget.seconds:g} seconds; no partial answer is given.",
                "Add a LIMIT, join fewer patterns, or begin with the most selective one.",
            ) from error
        finally:
            self._asking.release()
        raise _written()

    def _whole(self, seq: int | None, deadline: float) -> State:
        ends = time.monotonic() + min(_PATIENCE, self._budget.seconds)
        while not (state := self.graph.state(_left(deadline))).whole:
            if time.monotonic() > ends:
                raise _written()
            time.sleep(_PAUSE)
        if seq is not None and seq != state.seq:
            raise NotFound(f"The graph store stands at seq {state.seq}, not {seq}.", "It keeps no snapshots.")
        return state

    def close(self) -> None:
        """Ends every child."""
        super().close()
        self._empty.cleanup()


class _Call:
    """One query at one state."""

    def __init__(self, pool: RemotePool, asked: _Asked, state: State, deadline: float, max_rows: int | None) -> None:
        self._pool, self._state, self._deadline = pool, state, deadline
        self._budget = pool._budget
        self._text = asked.text
        self._cut = max_rows is not None and max_rows <= self._budget.rows
        self._most = min(self._budget.rows, self._budget.rows if max_rows is None else max_rows)
        self._default, self._named = self._dataset(asked)

    def _dataset(self, asked: _Asked) -> tuple[str, list[str]]:
        """(default graph, named graphs): those asked for that are ours; by default the union, and all."""
        ours = sorted(self._state.graphs)
        if not asked.defaults and not asked.named:
            named = [*ours, _NOWHERE] if any(token.is_word("GRAPH") for token in tokens(asked.text)) else []
            if len(named) > _MOST_NAMED:
                raise QueryRefused(
                    f"GRAPH would look into {len(named):,} graphs; at most {_MOST_NAMED} fit.", "Name them: FROM NAMED."
                )
            return UNION_GRAPH, named
        if len(asked.defaults) > 1:
            raise QueryRefused(
                "The default graph is made of several graphs; the graph store may count twice what two of them say.",
                "Name one, or none for all of them.",
            )
        # A graph that is not there is empty, and one that is not ours is not there.
        default = next((name for name in asked.defaults if name in ours), _NOWHERE)
        return default, [*(name for name in asked.named if name in ours), _NOWHERE]

    def answer(self, kind: str, media: str, form: str) -> QueryResult:
        """The answer in a form."""
        text = services.resolve(self._text, self._select, self._ask)
        guard.check(text, most=guard.MOST_ANSWERED)
        self._pool._evaluated({"check": text}, None, self._deadline)
        if self._pool.graph.endpoint.server.startswith("Virtuoso"):
            faults.check(text)
        filled: dict[str, str] = {}
        if kind == "graph":
            prologue, template, rest = _construct(text)
            names = dict.fromkeys(t.text[1:] for t in tokens(template) if t.kind == "variable")
            text = f"{prologue}SELECT {' '.join(f'?{name}' for name in names) or '*'} {rest}"
            filled = {"prologue": prologue, "template": template}
        elif kind == "ask":
            text = _rows_of(text)
        body = self._results(_limited(text, 1 if kind == "ask" else self._most + 1))
        with tempfile.NamedTemporaryFile(dir=self._pool.folder) as file:
            file.write(body)
            file.flush()
            request = {
                "results": file.name, "kind": kind, "form": form, "media": media, "rows": self._most, "cut": self._cut,
                "body_bytes": self._budget.body_bytes, **filled,
            }  # fmt: skip
            return self._pool._evaluated(request, None, self._deadline)

    def _results(self, text: str) -> bytes:
        body, cut = self._pool.graph.endpoint.results(
            self._closed(text),
            self._default,
            self._named,
            seconds=_left(self._deadline),
            most_bytes=self._budget.body_bytes,
        )
        if cut:
            raise cut_answer()
        return body

    def _closed(self, text: str) -> str:
        """The text with nothing in place of graphs that are not in its dataset.

        Within EXISTS Virtuoso looks into any graph that is named, or that a filter names.
        """
        found, prologue = tokens(text), Prologue()
        prologue.take(text, found, 0)
        parts, at, closes = [], 0, 0
        for place, (word, name) in enumerate(pairwise(found)):
            if word.is_word("EXISTS") and name.text == "{":
                closes = max(closes, closing(found, place + 1))
            if word.is_word("GRAPH") and name.kind == "variable" and place < closes:
                raise QueryRefused(
                    f"GRAPH {name.text} stands in EXISTS; a graph store may look into graphs that are not ours there.",
                    "Name the graph, or join the pattern instead.",
                )
            if word.is_word("GRAPH") and name.kind != "variable" and prologue.iri(name) not in self._named:
                parts += [text[at : name.start], f"<{_NOWHERE}>"]
                at = name.end
        return "".join([*parts, text[at:]])

    def _select(self, query: str) -> Iterator[dict[str, Any]]:
        self._pool._evaluated({"check": query}, None, self._deadline)
        for row in rdf.read_solutions(results.told(self._results(query)), "json", guard.MOST_CHAIN)[1]:
            yield {name: rdf.to_term(term) for name, term in row.items()}

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._pool._reply(question, self._deadline)
        except FiliereError as error:
            return {"refused": error.problem, "mend": error.mend}


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _limited(text: str, most: int) -> str:
    """The text with a LIMIT; Virtuoso orders no more rows than it gives, so what it would refuse stays without."""
    return text if most > PAGE and any(t.is_word("ORDER") for t in tokens(text)) else rows.limited(text, most)


def _written() -> Busy:
    return Busy("The graph store is just being written.", "Ask again in some seconds.")


def _rows_of(text: str) -> str:
    """The SELECT that has rows when an ASK is true: in ASK Virtuoso looks into every graph, whatever the dataset."""
    found, prologue = tokens(text), Prologue()
    ask = found[prologue.take(text, found, 0)]
    return f"{text[: ask.start]}SELECT * {text[ask.end :]}"


def _construct(text: str) -> tuple[str, str, str]:
    """(prologue, template, what comes after it) of a CONSTRUCT. Raises QueryRefused for DESCRIBE."""
    found, prologue = tokens(text), Prologue()
    at = prologue.take(text, found, 0)
    if not found[at].is_word("CONSTRUCT"):
        raise QueryRefused(
            "DESCRIBE means another thing to each engine; a remote graph store is not asked for it.",
            "Write CONSTRUCT { <iri> ?p ?o } WHERE { <iri> ?p ?o }.",
        )
    if found[at + 1].text == "{":
        end = closing(found, at + 1)
        return prologue.text, text[found[at + 1].start : found[end].end], text[found[end].end :]
    opening = next(place for place in range(at, len(found)) if found[place].text == "{")
    template = text[found[opening].start : found[closing(found, opening)].end]
    return prologue.text, template, text[found[at + 1].start :]


def portable(text: str) -> _Asked:
    """The query as every engine reads it, its FROM taken out. Raises QueryRefused for what engines add to SPARQL."""
    plain = _plain(guard.unescape(text))
    found, prologue = tokens(plain), Prologue()
    start = prologue.take(plain, found, 0)
    out, pieces, at, depth = _Asked(""), [], 0, 0
    for place, token in enumerate(found):
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        following = found[place + 1].text if place + 1 < len(found) else ""
        _check_iri(token, following if place >= start else "", prologue)
        if depth == 0 and token.is_word("FROM"):
            named = found[place + 1].is_word("NAMED")
            last = found[place + (2 if named else 1)]
            (out.named if named else out.defaults).append(prologue.iri(last))
            pieces.append(plain[at : token.start])
            at = last.end
    out.text = " ".join([*pieces, plain[at:]])
    return out


def _check_iri(token: Token, following: str, prologue: Prologue) -> None:
    if token.kind not in ("iri", "name"):
        return
    name = token.text[1:-1] if token.kind == "iri" else ""
    if following == "(":
        name = prologue.iri(token)
        if not name.startswith(v.XSD):
            raise QueryRefused(
                f"<{name[:200]}> is called as a function; a remote graph store is asked for those of SPARQL 1.1 alone.",
                "Leave it out; write a list as rdf:first and rdf:rest. GeoSPARQL needs the embedded graph.",
            )
    if name.lower().startswith(_THEIRS):
        raise QueryRefused(f"<{name[:200]}> names what is inside an engine.", "Leave it out.")


def _plain(text: str) -> str:
    """The text without comments, each string spelled in one way, so that no engine reads it differently."""
    parts, at = [], 0
    for token in tokens(text):
        gap = text[at : token.start]
        parts.append(gap if not gap.strip() else "\n")
        if token.kind == "string":
            quotes = 3 if token.text[:3] in ('"""', "'''") else 1
            parts.append(literal(value(f'"{token.text[quotes:-quotes]}"')))
        else:
            parts.append(token.text)
        at = token.end
    return "".join(parts)
