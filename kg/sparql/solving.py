"""Solves a group graph pattern over columns: patterns in the order of what they really hold, then what comes later."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kg.sparql import joins
from kg.sparql.columns import Columns, Relation
from kg.sparql.joins import UNBOUND, Edge, Table
from kg.sparql.plan import Declined, Expression, Group, Pattern, variables
from kg.sparql.values import Values

_NOTHING = np.empty(0, np.int64)
_Index = NDArray[np.intp]


class Solver:
    """Solves groups over one snapshot's columns; `closures` keeps what paths of any length connect."""

    def __init__(self, columns: Columns, values: Values, closures: dict[int, Relation]) -> None:
        self._columns = columns
        self._values = values
        self._closures = closures

    def solve(self, group: Group, wanted: set[str]) -> Table:
        """The solutions with the variables that are wanted. Raises Declined."""
        wanted = wanted | {name for one in group.filters for name in one.variables} | group.mentioned
        for _, inner in group.tests:
            wanted |= variables(inner)
        for _, part, _ in group.later:
            wanted |= set(part.variables) if isinstance(part, Expression) else set()
        if group.branches:
            table, left = self._union(group, wanted)
        else:
            early = [one for one in group.filters if set(one.variables) <= group.certain]
            table, _ = self._join(group.patterns, None, early, wanted)
            left = [one for one in group.filters if one not in early]
        for kind, part, name in group.later:
            table = self._later(table, kind, part, name)
        for expression in left:
            table = table.take(self._values.mask(table, expression))
        for exists, inner in group.tests:
            table = table.take(self._test(table, inner) == exists)
        return table

    def steps(self, group: Group) -> float:
        """About how many solutions joining the patterns passes through, over all branches."""
        parts = [[*group.patterns, *branch.patterns] for branch in group.branches] or [group.patterns]
        return sum(self._steps([self._edge(one) for one in part]) for part in parts)

    def _steps(self, edges: list[Edge]) -> float:
        table, rows, total = Table({}, 0), 1.0, 0.0
        while edges:
            known, bound = table, bool(table.columns)
            best = min(
                edges, key=lambda edge: edge.fan_out(known, self._columns) if bound else edge.size(self._columns)
            )
            edges.remove(best)
            rows *= (
                min(best.fan_out(known, self._columns), best.size(self._columns)) if bound else best.size(self._columns)
            )
            total += rows
            table = Table({**table.columns, **dict.fromkeys(best.variables, _NOTHING)}, 0)
        return total

    def _edge(self, pattern: Pattern) -> Edge:
        subject, target = (
            end if end.startswith("?") else self._values.constant(end) for end in (pattern.subject, pattern.object)
        )
        term = pattern.path.term
        if term.startswith("?"):
            return Edge(subject, target, None, term)
        predicate = self._values.constant(term)
        relation = self._columns.relation(predicate) or Relation.of(_NOTHING, _NOTHING)
        if pattern.path.plus:
            if predicate not in self._closures:
                self._closures[predicate] = joins.closure(relation)
            relation = self._closures[predicate]
        return Edge(subject, target, relation)

    def _join(
        self, patterns: list[Pattern], seed: Table | None, filters: list[Expression], wanted: set[str]
    ) -> tuple[Table, _Index]:
        """The solutions, and the row of the seed that each came from; a filter goes as soon as it can."""
        edges, filters = [self._edge(pattern) for pattern in patterns], list(filters)
        if not edges:
            raise Declined
        if seed is None:
            first = min(edges, key=lambda edge: edge.size(self._columns))
            edges.remove(first)
            seed = joins.scan(first, self._columns)
        table, index = seed, np.arange(seed.rows)
        while True:
            for expression in [one for one in filters if set(one.variables) <= set(table.columns)]:
                filters.remove(expression)
                mask = self._values.mask(table, expression)
                table, index = table.take(mask), index[mask]
            table.keep(wanted.union(*(edge.variables for edge in edges)))
            if not edges:
                break
            following = table  # for the lambda below
            best = min(edges, key=lambda edge: edge.fan_out(following, self._columns))
            if not best.variables & set(table.columns):
                raise Declined
            edges.remove(best)
            table, rows = joins.join(table, best)
            index = index[rows]
        if filters:
            raise Declined
        return table, index

    def _union(self, group: Group, wanted: set[str]) -> tuple[Table, list[Expression]]:
        parts: list[Table] = []
        certain = {name for pattern in group.patterns for name in pattern.variables}
        early = [one for one in group.filters if set(one.variables) <= group.certain]
        for branch in group.branches:
            if branch.tests or branch.later or any(not set(f.variables) <= branch.certain for f in branch.filters):
                raise Declined
            table, _ = self._join([*group.patterns, *branch.patterns], None, [*early, *branch.filters], wanted)
            parts.append(table)
        names = {name for part in parts for name in part.columns} | (certain & wanted)
        whole = {
            name: np.concatenate([part.columns.get(name, np.full(part.rows, UNBOUND, np.int64)) for part in parts])
            for name in names
        }
        return Table(whole, sum(part.rows for part in parts)), [one for one in group.filters if one not in early]

    def _later(self, table: Table, kind: str, inner: Group | Expression, name: str) -> Table:
        if isinstance(inner, Expression):
            return Table({**table.columns, name: self._values.computed(table, inner)}, table.rows)
        if kind == "minus":
            if any(not set(one.variables) <= inner.certain for one in inner.filters):
                raise Declined
            return table.take(~self._test(table, inner))
        self._plain(table, inner)
        own = variables(inner)
        seed = Table({name: column for name, column in table.columns.items() if name in own}, table.rows)
        found, index = self._join(inner.patterns, seed, [], own)
        for expression in inner.filters:
            mask = self._values.mask(found, expression)
            found, index = found.take(mask), index[mask]
        alone = np.ones(table.rows, np.bool_)
        alone[index] = False
        rows = np.concatenate([index, np.flatnonzero(alone)])
        out = table.take(rows)
        nothing = np.full(len(rows) - len(index), UNBOUND, np.int64)
        for variable in found.columns:
            if variable not in out.columns:
                out.columns[variable] = np.concatenate([found.columns[variable], nothing])
        return out

    def _test(self, table: Table, inner: Group) -> NDArray[np.bool_]:
        """Which rows have a solution of the group that agrees with them."""
        self._plain(table, inner)
        own = sorted(variables(inner) & set(table.columns))
        firsts, inverse = joins.groups([table.columns[name] for name in own], table.rows)
        seed = Table({name: table.columns[name][firsts] for name in own}, len(firsts))
        found, index = self._join(inner.patterns, seed, [], variables(inner))
        for expression in inner.filters:
            mask = self._values.mask(found, expression)
            found, index = found.take(mask), index[mask]
        out = np.zeros(len(firsts), np.bool_)
        out[index] = True
        return out[inverse]

    def _plain(self, table: Table, inner: Group) -> None:
        """Only patterns and filters, joined to the table by variables that hold a term of the columns in every row."""
        if inner.branches or inner.later or inner.tests:
            raise Declined
        shared = inner.certain & set(table.columns)
        known = len(self._columns)
        if not shared or any(
            bool(((ids < 0) | (ids >= known)).any()) for ids in (table.columns[name] for name in shared)
        ):
            raise Declined


def named(names: Iterable[str], own: str) -> list[str]:
    """The variables of the query among some, in the order of their names."""
    return sorted(name for name in names if not name.startswith(f"?{own}"))
