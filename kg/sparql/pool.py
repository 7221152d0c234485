"""Warm, disposable children that evaluate queries; a query over its time or memory costs one child and nothing else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from kg.errors import Forbidden, Malformed, NotFound, QueryRefused, QueryTimeout, RefusedInput, TooLarge
from kg.projection import snapshot_seq
from kg.sparql import guard, services
from kg.sparql.building import Builder
from kg.sparql.cache import Cache, identity
from kg.sparql.child import Child, Reply
from kg.sparql.formats import NotAcceptableForm, form_for
from kg.terms import Statement

_MIB = 2**20
MOST_WAITING = 24  # queries that wait for a child; a client that joins by itself sends a dozen at once
_SOONEST = 0.05  # seconds in which a query can be answered at all
_CLASSES = {
    cls.__name__: cls for cls in (QueryRefused, QueryTimeout, TooLarge, RefusedInput, Malformed, NotAcceptableForm)
}
Search = Callable[[str, dict[str, Any]], list[dict[str, Any]]]  # a need and its constraints → its matches


@dataclass(frozen=True, slots=True)
class QueryResult:
    """An answer. `seq` names the snapshot it was taken from; `form` is "select", "ask" or "graph".

    It is complete unless `cut` says after how many rows it was cut, which the client had asked for.
    """

    body: bytes
    media_type: str
    seq: int
    form: str
    cut: int | None = None


class Endpoints(Protocol):
    """The endpoints that a SERVICE may name."""

    def allows(self, iri: str) -> bool:
        """Whether it is one of them."""

    def solutions(self, iri: str, query: str, deadline: float) -> tuple[list[str], list[dict[str, str]]]:
        """(variables, rows of terms) that an endpoint answers before a moment of time.monotonic."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one query may take."""

    seconds: float = 10.0
    memory_mb: int = 1024
    rows: int = 1_000_000
    body_bytes: int = 256 * _MIB
    cache_bytes: int = 0  # of answers kept for who asks the same again, all together


class _Lost(QueryTimeout):
    """The child died: of its query's memory, or while it waited for one."""


class QueryPool:
    """Up to `workers` children over the newest snapshot. Safe to use from several threads."""

    def __init__(
        self,
        snapshot: Callable[[int | None], Path],
        budget: Budget | None = None,
        *,
        workers: int = 2,
        search: Search | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._budget = budget or Budget()
        self._search = search
        self._endpoints = endpoints
        self._builder = Builder()
        self._cache = Cache(self._budget.cache_bytes)
        self._idle: list[Child] = []
        self._guard = threading.Lock()
        self._workers = workers
        self._free = threading.Semaphore(workers)
        self._waiting = 0
        self._closed = False
        self.sandbox = ""

    def warm(self) -> None:
        """Starts the children before the first query comes."""
        newest = self._snapshot(None)
        for _ in range(self._workers - len(self._idle)):
            self._keep(self._start(newest))
        self._builder.start(newest)

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
        """The answer, within the budget: complete, or cut after `max_rows` where that is given.

        `seq` asks for the snapshot of that seq instead of the newest. Raises QueryRefused, QueryTimeout, TooLarge,
        NotFound (no such snapshot is kept), Forbidden (a SERVICE that is not allowed) or NotAcceptableForm.
        """
        deadline = time.monotonic() + self._budget.seconds
        shape = guard.check(text, services=True)
        _, form = form_for(accept, shape.kind)
        if max_rows is not None and shape.kind != "select":
            raise QueryRefused("max-rows is given for a query that has no rows.", "Leave it out, or use SELECT.")
        if shape.services or services.may_ask(text):
            self._check_services(text)
        request = {
            "query": text,
            "kind": shape.kind,
            "services": shape.services,
            "dataset": shape.dataset,
            "accept": accept,
            "body_bytes": self._budget.body_bytes,
            "default_graphs": list(default_graphs),
            "named_graphs": list(named_graphs),
            "rows": min(self._budget.rows, max_rows if max_rows is not None else self._budget.rows),
            "cut": max_rows is not None and max_rows <= self._budget.rows,
        }
        key = None
        if self._cache.takes(text):
            told = (form, tuple(default_graphs), tuple(named_graphs), max_rows, text)
            key = (*identity(self._snapshot(seq)), *told)
            if (kept := self._cache.get(key)) is not None:
                return cast(QueryResult, kept)
        found = self._evaluated(request, seq, deadline)
        if key is not None and key[0] == f"{found.seq:012d}":
            self._cache.put(key, found)
        return found

    def _evaluated(self, request: dict[str, Any], seq: int | None, deadline: float) -> QueryResult:
        busy = QueryTimeout("Every query process was busy for all of this query's time.", "Try again later.")
        if not self._free.acquire(blocking=False) and not self._waited(deadline):
            raise busy
        try:
            if time.monotonic() >= deadline - _SOONEST:
                raise busy  # starting a child for it would only make the answer late
            child, fresh = self._child(seq)
            try:
                return self._run(child, request, deadline)
            except _Lost:
                if fresh:
                    raise
            return self._run(self._child(seq, new=True)[0], request, deadline)  # it had died while it waited
        finally:
            self._free.release()

    def _waited(self, deadline: float) -> bool:
        """Waits for a child until the deadline. Raises QueryTimeout at once when enough others wait.

        Each that waits holds a thread of the service, which has 40 for searches and everything else.
        """
        with self._guard:
            if self._waiting >= MOST_WAITING:
                raise QueryTimeout("Every query process is busy, and many queries wait already.", "Try again later.")
            self._waiting += 1
        try:
            return self._free.acquire(timeout=max(0.0, deadline - time.monotonic()))
        finally:
            with self._guard:
                self._waiting -= 1

    def update(
        self, copy: Path, text: str, using: Sequence[str] = (), using_named: Sequence[str] = ()
    ) -> dict[str, list[list[str]]]:
        """What an update would change, tried on a copy of the graph that is thrown away afterwards.

        {"removed", "added"}: [graph, subject, predicate, object] each. Raises as `query` does.
        """
        deadline = time.monotonic() + self._budget.seconds
        guard.check_update(text)
        self._check_services(text)
        child = self._start(copy, writable=True)
        try:
            request = {"update": text, "using": list(using), "using_named": list(using_named)}
            _, body = self._asked(child, request, deadline)
        finally:
            child.kill()
        found: dict[str, list[list[str]]] = json.loads(body)
        return found

    def parse(self, file: Path, base: str) -> list[Statement]:
        """The statements of an RDF file, whose suffix says its form, read by a child; blank nodes come as _:name."""
        deadline = time.monotonic() + self._budget.seconds
        child, _ = self._child(None)
        try:
            _, body = self._asked(child, {"parse": str(file.resolve()), "base": base}, deadline)
        finally:
            child.kill()  # what a hostile file did to it nobody else shall meet
        return [(s, p, o) for s, p, o in json.loads(body)]

    def _check_services(self, text: str) -> None:
        """Refuses, before anything is evaluated, a SERVICE that is neither our search nor an allowed endpoint."""
        for iri in services.endpoints(text):
            if iri and iri != services.SEARCH:
                self._check_endpoint(iri)

    def _check_endpoint(self, iri: str) -> None:
        if self._endpoints is None or not self._endpoints.allows(iri):
            raise Forbidden(
                f"SERVICE reaches out to <{iri[:200]}>; that is not allowed here.",
                "Ask whoever runs this service to name it in FILIERE_SERVICES, or import the data as a source.",
            )

    def _reply(self, question: dict[str, Any], deadline: float) -> dict[str, Any]:
        """What a child wants to know that only the service can find out."""
        if question["ask"] == "search":
            if self._search is None:
                raise QueryRefused("There is no index to search here.", "Leave out SERVICE filiere:search.")
            return {"matches": self._search(question["need"], question["constraints"])}
        iri = question["endpoint"]
        try:
            self._check_endpoint(iri)
        except Forbidden as error:
            return {"refused": error.problem, "mend": error.mend, "forbidden": True}
        assert self._endpoints is not None
        variables, rows = self._endpoints.solutions(iri, question["query"], deadline)
        return {"variables": variables, "rows": rows}

    def _run(self, child: Child, request: dict[str, Any], deadline: float) -> QueryResult:
        try:
            head, body = self._asked(child, request, deadline)
        except QueryTimeout:
            raise
        except (QueryRefused, RefusedInput):
            self._keep(child)
            raise
        except BaseException:
            child.kill()
            raise
        self._keep(child)
        self._builder.asked(child.folder)
        cut = int(head["cut"]) if "cut" in head else None
        return QueryResult(body, head["media"], snapshot_seq(child.folder), head["form"], cut)

    def _asked(self, child: Child, request: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """What a child answers; one that is over its time or memory is killed."""
        reply: Reply = self._reply
        try:
            head, body = child.ask(request, deadline, reply)
        except TimeoutError:
            child.kill()
            raise QueryTimeout(
                f"The query was stopped after {self._budget.seconds:g} seconds; no partial answer is given.",
                "Add a LIMIT, join fewer patterns, or begin with the most selective one.",
            ) from None
        except EOFError:
            child.kill()
            raise _Lost(
                f"The query took more than {self._budget.memory_mb} MiB, or broke its process; "
                "no partial answer is given.",
                "Add a LIMIT, ask for less at a time, or order values of several kinds by STR(?x).",
            ) from None
        if "refused" in head:
            raise _CLASSES.get(head["class"], QueryRefused)(head["refused"], head["mend"])
        return head, body

    def _keep(self, child: Child) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(child)
                return
        child.kill()

    def _child(self, seq: int | None, new: bool = False) -> tuple[Child, bool]:
        """A child over a snapshot, and whether it was just made; those over older ones are let go."""
        wanted = self._snapshot(seq)
        known = identity(wanted)
        with self._guard:
            fresh = [child for child in self._idle if child.identity == known and child.alive()]
            taken = fresh[-1] if fresh and not new else None
            others = [child for child in self._idle if child is not taken]
            gone = [child for child in others if seq is None and (child not in fresh)]
            self._idle = [child for child in others if child not in gone]
        for child in gone:
            child.kill()
        return (taken, False) if taken else (self._start(wanted), True)

    def _start(self, folder: Path, *, writable: bool = False) -> Child:
        try:
            child = Child(folder, self._budget.memory_mb, writable=writable)
        except (EOFError, TimeoutError) as error:
            mend = "Give it more memory (FILIERE_QUERY_MEMORY_MB), or run 'filiere check --repair'."
            raise QueryRefused("The query process could not open the graph.", mend) from error
        self.sandbox = child.confined
        return child

    def pids(self) -> list[int]:
        """The process ids of the children that wait for a query."""
        with self._guard:
            return [child.pid for child in self._idle]

    def close(self) -> None:
        """Ends every child, and what is built beside them."""
        self._builder.close()
        with self._guard:
            self._closed, idle, self._idle = True, self._idle, []
        for child in idle:
            child.kill()


def snapshot_of(folder: Path, seq: int) -> Path:
    """The snapshot of a seq below `folder`. Raises NotFound, naming those that are kept."""
    found = folder / f"{seq:012d}"
    if found.is_dir():
        return found
    kept = ", ".join(str(snapshot_seq(path)) for path in sorted(folder.glob("[0-9]*"))) or "none"
    raise NotFound(f"No snapshot of seq {seq} is kept.", f"Those kept: {kept}.")
