"""Answers a proven subset of SELECT from a snapshot's columns, as a query without patterns that has the same answer.

Joins, groups, counts and sums are done here, whole columns at a time. What remains, the expressions of the projection,
HAVING, ORDER BY, DISTINCT and the slice, is written around VALUES of the rows and left to the engine, and so is how
the answer is spelt. Whatever is not certain to be right, or not worth it, is declined.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import rdf
from kg.sparql import joins, plan, selects
from kg.sparql.aggregates import Aggregates
from kg.sparql.columns import DATE, DECIMAL, INTEGER, Columns, Ids, Relation, opened
from kg.sparql.joins import Table
from kg.sparql.plan import OWN, Declined, Plan
from kg.sparql.solving import Solver, named
from kg.sparql.values import Values

MOST_ROWS = 60_000  # of an answer: more take VALUES as long as the engine's own way
FEW = 150  # solutions passed through up to which the engine's own way, a few microseconds each, is the fastest
_LONGEST = 20_000  # characters of a query that is looked at


class Columnar:
    """The columns of one snapshot."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._closures: dict[int, Relation] = {}

    def rewritten(self, query: str, *, few: int = FEW) -> str | None:
        """A query without patterns that has the same answer; None for one that is not ours.

        The answer is the same solutions; their order is where ORDER BY gives one, and any otherwise. `few` is for
        tests, which also try what is not worth it.
        """
        if len(query) > _LONGEST:
            return None
        try:
            read = selects.read(query)
            solver = Solver(self._columns, values := Values(self._columns, read.prologue), self._closures)
            if not read.grouped and solver.steps(read.where) <= few:
                return None
            # Whatever is a mistake to the engine stays one: it plans the query over no data before we answer.
            header = rdf.header(query)
            if header is None:
                return None
            return self._grouped(read, solver, values) if read.grouped else self._plain(read, solver, values, header)
        except (Declined, RecursionError, MemoryError):
            return None

    def _grouped(self, read: Plan, solver: Solver, values: Values) -> str:
        wanted = {*read.keys, *(one.variable for one in read.aggregates)} - {""}
        table = solver.solve(read.where, wanted)
        grouped = Aggregates(table, read.keys, values)
        names = list(read.keys)
        counts: dict[str, NDArray[np.int64]] = {}
        for one in read.aggregates:
            if one.function == "COUNT":
                counts[one.name] = grouped.count(one)
        kept = _best(read, counts) if grouped.count_of_groups > (read.limit or 0) else None
        if kept is not None:
            grouped.narrow(kept)
        if grouped.count_of_groups > MOST_ROWS:
            raise Declined
        columns = [values.texts(column) for column in grouped.keys]
        for one in read.aggregates:
            for name, texts in grouped.texts(one):
                names.append(name)
                columns.append(texts)
        if not names:
            raise Declined
        return _final(read, read.projection, values.data(names, columns))

    def _plain(self, read: Plan, solver: Solver, values: Values, header: list[str]) -> str:
        every = read.projection == "*"
        wanted = {f"?{name}" for name in header} if every else set(read.projected)
        wanted |= plan.named_in(read.order)
        table = solver.solve(read.where, wanted)
        table.keep(wanted)
        names = named(table.columns, OWN)
        if not names:
            raise Declined
        if read.distinct == "DISTINCT":
            firsts, _ = joins.groups([table.columns[name] for name in names], table.rows)
            table = table.take(firsts)
        elif read.limit is not None:
            table = self._first(read, table, values)
        if table.rows > MOST_ROWS:
            raise Declined
        projection = " ".join(f"?{name}" for name in header) if every else read.projection
        return _final(read, projection, values.data(names, [values.texts(table.columns[name]) for name in names]))

    def _first(self, read: Plan, table: Table, values: Values) -> Table:
        """The rows that may be among the first ones asked for."""
        count = (read.limit or 0) + read.offset
        if count >= table.rows:
            return table
        if not read.order:
            return table.take(np.arange(count))
        name, falls = read.ordered[0] if read.ordered else ("", False)
        ids = table.columns.get(name)
        if ids is None or not (values.all_of(ids, (INTEGER, DECIMAL)) or values.all_of(ids, (DATE,))):
            return table
        return table.take(first(self._columns.numbers[ids], count, falls))


def opened_in(snapshot: Path) -> Columnar | None:
    """The columns inside a snapshot, or None while there are none that are whole."""
    columns = opened(snapshot)
    return None if columns is None else Columnar(columns)


def first(numbers: Ids, count: int, falls: bool) -> NDArray[np.intp]:
    """The places of the `count` smallest numbers, or largest, and of all that equal the last of them."""
    if count == 0:
        return np.empty(0, np.intp)
    if falls:
        return np.flatnonzero(numbers >= np.partition(numbers, len(numbers) - count)[len(numbers) - count])
    return np.flatnonzero(numbers <= np.partition(numbers, count - 1)[count - 1])


def _best(read: Plan, counts: dict[str, NDArray[np.int64]]) -> NDArray[np.intp] | None:
    """The groups that may be among the first ones asked for; None where that is not known."""
    if read.limit is None or read.having or read.distinct or not read.ordered:
        return None
    name, falls = read.ordered[0]
    found = counts.get(read.aliases.get(name, name))
    count = read.limit + read.offset
    return None if found is None or count >= len(found) else first(found, count, falls)


def _final(read: Plan, projection: str, data: str) -> str:
    limit = "" if read.limit is None else f" LIMIT {read.limit}"
    offset = f" OFFSET {read.offset}" if read.offset else ""
    head = f"{read.prologue}SELECT {read.distinct} {projection} WHERE {{ {data}{read.having} }}"
    return f"{head} {read.order}{limit}{offset}"
