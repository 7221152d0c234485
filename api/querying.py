"""SPARQL over a data folder: queries on snapshots, updates and graphs that go through the journal, and taking back."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from api.asked import query_of
from kg import vocabulary as v
from kg.journal import Batch

if TYPE_CHECKING:
    from api.engine import Engine
    from api.settings import Settings
    from kg.sparql.pool import Budget, Endpoints, QueryPool, QueryResult
    from kg.statements import Changed
    from kg.terms import Statement

Allowed = Callable[[str], Any]  # raises Forbidden when a source may not be written to
_MOST_MATCHES = 1000  # of one need in a query


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the journal's seq, the batches, and whether anything changed."""

    seq: int
    batches: tuple[Batch, ...]
    created: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        rows = [
            {"batch": b.number, "source": b.source, "written": b.upserts, "deleted": b.deletes} for b in self.batches
        ]
        return {"seq": self.seq, "batches": rows}


def _anyone(source: str) -> None:
    """Allows every source: for who owns the data folder."""


class Querying:
    """What the SPARQL doors do with an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool: QueryPool | None = None
        self._one_search = threading.Lock()  # queries may ask for thousands; whoever searches by hand comes between
        self.budget: Budget | None = None
        self.endpoints: Endpoints | None = None

    def configure(self, settings: Settings) -> None:
        """Takes the budget of queries and the allowed endpoints from the settings, before the first query.

        Raises UserError for an endpoint that cannot be one.
        """
        from kg.sparql import remote
        from kg.sparql.pool import Budget

        self.endpoints = remote.Endpoints(settings.services)
        self.budget = Budget(
            seconds=settings.query_seconds,
            memory_mb=settings.query_memory_mb,
            rows=settings.query_rows,
            cache_bytes=settings.query_cache_mb * 2**20,
        )

    @property
    def pool(self) -> QueryPool:
        """The children, made at the first need."""
        if self._pool is None:
            from kg.sparql.pool import QueryPool

            more: dict[str, Any] = {"search": self._search, "endpoints": self.endpoints}
            if self._engine.remote is None:
                self._pool = QueryPool(self._snapshot, self.budget, **more)
            else:
                from kg.sparql.remote_pool import RemotePool

                self._pool = RemotePool(self._engine.remote, self.budget, **more)
        return self._pool

    def close(self) -> None:
        """Ends the children."""
        if self._pool is not None:
            self._pool.close()

    def _snapshot(self, seq: int | None) -> Path:
        from kg.sparql.pool import snapshot_of

        return self._engine.snapshot() if seq is None else snapshot_of(self._engine.folder.snapshots, seq)

    def _search(self, need: str, constraints: dict[str, Any]) -> list[dict[str, Any]]:
        """The matches of a need, as rows for SERVICE filiere:search. Raises UserError for a wrong constraint."""
        told = dict(constraints)
        limit = max(0, min(int(float(told.pop("limit", 20))), _MOST_MATCHES))
        within = told.pop("within_km", None)
        query = query_of(need, within_km=float(within) if within else None, limit=limit, **told)
        with self._one_search:
            found = self._engine.search(query) if limit else None
        return [
            {
                "actor": match.actor.iri,
                "score": f"{match.score:.4f}",
                "level": match.level,
                "rank": rank,
                "concept": found.need.concepts[0].iri if found and found.need.concepts else "",
                **_reason(match),
            }
            for rank, match in enumerate(found.results if found else (), 1)
        ]

    def query(self, text: str, accept: str, defaults: Sequence[str], named: Sequence[str], **more: Any) -> QueryResult:
        """A query over a snapshot, in a child process, or at the graph store; see QueryPool.query."""
        self._engine.keep_up()
        return self.pool.query(text, accept, defaults, named, **more)

    def update(
        self,
        text: str,
        using: Sequence[str] = (),
        using_named: Sequence[str] = (),
        *,
        allowed: Allowed = _anyone,
        allow_deletions: bool = False,
    ) -> Written:
        """A SPARQL update, written through the journal: all of it or nothing.

        Raises QueryRefused, RefusedInput (a shape or a namespace), Forbidden, Held, Busy.
        """
        from kg import statements

        with self._engine.writing():
            with tempfile.TemporaryDirectory(prefix=".update-", dir=self._engine.folder.path) as scratch:
                copy = Path(scratch) / "graph"
                self._engine.copy_graph(copy)
                delta = self.pool.update(copy, text, using, using_named)
            changed = statements.edited(self._engine.journal, delta["removed"], delta["added"])
            return self._write(changed, allowed, f"update {uuid4()}", allow_deletions)

    def graphs(self) -> list[dict[str, Any]]:
        """The graphs that records stand in, with how many."""
        counts = self._engine.journal.counts()
        return [{"graph": v.source_graph(name), "source": name, "records": n} for name, n in counts.items()]

    def has_graph(self, name: str) -> bool:
        """Whether a graph was written and not taken out."""
        return bool(self._engine.journal.counts().get(v.source_of(name)))

    def statements_of(self, file: Path, base: str) -> list[Statement]:
        """The statements of an RDF file, read by a confined child. Raises RefusedInput or TooLarge."""
        return self.pool.parse(file, base)

    def put_graph(
        self,
        name: str,
        said: list[Statement],
        *,
        replace: bool,
        allowed: Allowed = _anyone,
        allow_deletions: bool = False,
    ) -> Written:
        """Makes the statements all that a graph says (`replace`), or adds them. Raises as `update` does."""
        from kg import statements

        with self._engine.writing():
            created = not self.has_graph(name)
            write = statements.replaced if replace else statements.merged
            changed = write(self._engine.journal, name, said)
            written = self._write(changed, allowed, f"graph {uuid4()}", allow_deletions)
        return Written(written.seq, written.batches, created)

    def delete_graph(self, name: str, *, allowed: Allowed = _anyone, allow_deletions: bool = False) -> Written:
        """Takes everything out that a graph says. Raises NotFound for one that was not written."""
        from kg import statements

        with self._engine.writing():
            changed = statements.removed(self._engine.journal, name)
            return self._write(changed, allowed, f"graph {uuid4()}", allow_deletions)

    def undo(self, number: int, *, allowed: Allowed = _anyone) -> Written:
        """Takes back a batch and those written together with it. Raises NotFound or Held."""
        from kg import statements

        with self._engine.writing():
            changed: statements.Changed = {}
            for batch in self._engine.journal.batch(number):
                for source, records in statements.undo(self._engine.journal, batch).items():
                    changed.setdefault(source, {}).update(records)
            return self._write(changed, allowed, f"undo {number} {uuid4()}", True)

    def _write(self, changed: Changed, allowed: Allowed, note: str, allow_deletions: bool) -> Written:
        from kg import statements
        from kg.validation import Validator

        for source in changed:
            allowed(source)
        batches = statements.write(
            self._engine.journal, changed, Validator.packaged(), note=note, allow_deletions=allow_deletions
        )
        self._engine.catch_up()
        return Written(self._engine.seq, tuple(batches))


def _reason(match: Any) -> dict[str, str]:
    """The first reason of a match, which weighs most."""
    if not match.reasons:
        return {}
    first = match.reasons[0]
    return {
        "reason": first.says,
        "quote": first.quote,
        "language": first.language,
        "source": first.source,
        "date": first.date,
        "url": first.url,
    }
