"""Tables of term numbers and how patterns are joined to them, whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.sparql.columns import Columns, Ids, Relation
from kg.sparql.plan import Declined

UNBOUND = -1
MOST_CELLS = 24_000_000  # of one table: 192 MB
_DENSE = 30  # a bisection costs about as much as so many places of an array
_WIDE = 200  # sorting a row costs about as much as passing over so many places of an array
_MOST_PAIRS = 2_000_000  # of a path of any length


@dataclass(slots=True)
class Table:
    """Solutions: a column a variable, UNBOUND where a solution has no value. `rows` counts also where none is left."""

    columns: dict[str, Ids]
    rows: int

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Table:
        """The rows of an index or a mask."""
        rows = int(np.count_nonzero(index)) if index.dtype == np.bool_ else len(index)
        if rows * max(1, len(self.columns)) > MOST_CELLS:
            raise Declined
        return Table({name: column[index] for name, column in self.columns.items()}, rows)

    def keep(self, names: Iterable[str]) -> None:
        """Forgets every other column."""
        wanted = set(names)
        self.columns = {name: column for name, column in self.columns.items() if name in wanted}


@dataclass(frozen=True, slots=True)
class Edge:
    """A pattern with its relation: each end is a variable or a term's number. `relation` is None for any predicate."""

    subject: str | int
    object: str | int
    relation: Relation | None
    predicate: str = ""

    @property
    def variables(self) -> set[str]:
        """The variables of the ends, and of the predicate."""
        return {end for end in (self.subject, self.object, self.predicate) if isinstance(end, str) and end}

    def size(self, columns: Columns) -> float:
        """How many solutions it has alone."""
        if self.relation is None:
            return columns.triples if isinstance(self.subject, str) and isinstance(self.object, str) else 0
        if isinstance(self.subject, int):
            low, high = _range(self.relation.so_s, self.subject)
            return high - low if isinstance(self.object, str) else min(1, high - low)
        if isinstance(self.object, int):
            low, high = _range(self.relation.os_o, self.object)
            return high - low
        return len(self.relation)

    def fan_out(self, table: Table, columns: Columns) -> float:
        """About how many solutions of it meet one row."""
        bound = self.variables & set(table.columns)
        if not bound:
            return float("inf")
        if self.relation is None:
            raise Declined
        if len(bound) == 2 or (bound and isinstance(self.object, int)) or (bound and isinstance(self.subject, int)):
            return self.size(columns) / max(1, len(columns)) if len(bound) == 1 else 0.5
        return len(self.relation) / (self.relation.subjects if self.subject in bound else self.relation.objects)


def scan(edge: Edge, columns: Columns) -> Table:
    """All solutions of one pattern."""
    subject, target, relation = edge.subject, edge.object, edge.relation
    if relation is None:
        return _any(edge, columns)
    if isinstance(subject, int):
        low, high = _range(relation.so_s, subject)
        found = _wide(relation.so_o[low:high])
        if isinstance(target, int):
            return Table({}, int(np.count_nonzero(found == target)))
        return Table({target: found}, len(found))
    if isinstance(target, int):
        low, high = _range(relation.os_o, target)
        return Table({subject: _wide(relation.os_s[low:high])}, high - low)
    subjects, objects = _wide(relation.so_s), _wide(relation.so_o)
    if subject == target:
        same = subjects[subjects == objects]
        return Table({subject: same}, len(same))
    return Table({subject: subjects, target: objects}, len(subjects))


def _any(edge: Edge, columns: Columns) -> Table:
    names = [edge.subject, edge.predicate, edge.object]
    variables = [name for name in names if isinstance(name, str)]
    if len(set(variables)) < len(variables):
        raise Declined
    parts = columns.all()
    rows = np.ones(len(parts[0]), np.bool_)
    table = Table({name: part for name, part in zip(names, parts, strict=True) if isinstance(name, str)}, len(parts[0]))
    for name, part in zip(names, parts, strict=True):
        if isinstance(name, int):
            rows &= part == name
    return table if len(variables) == len(names) else table.take(rows)


def join(table: Table, edge: Edge) -> tuple[Table, NDArray[np.intp]]:
    """The table with one more pattern, and for each new row the row it came from."""
    relation, subject, target = edge.relation, edge.subject, edge.object
    assert relation is not None
    if subject == target:
        raise Declined
    bound = [end for end in (subject, target) if isinstance(end, str) and end in table.columns]
    if len(bound) == 2:
        return _both(table, relation, table.columns[str(subject)], table.columns[str(target)])
    if bound[0] == target:
        relation, subject, target = relation.inverse(), target, subject
    keys = table.columns[str(subject)]
    if isinstance(target, int):
        low, high = _range(relation.os_o, target)
        index = np.flatnonzero(member(keys, relation.os_s[low:high]))
        return table.take(index), index
    index, at = matches(keys, relation.so_s)
    out = table.take(index)
    out.columns[str(target)] = _wide(relation.so_o[at] if len(at) else relation.so_o[:0])
    return out, index


def _both(table: Table, relation: Relation, subjects: Ids, objects: Ids) -> tuple[Table, NDArray[np.intp]]:
    if len(relation) / relation.subjects > len(relation) / relation.objects:
        relation, subjects, objects = relation.inverse(), objects, subjects
    index, at = matches(subjects, relation.so_s)
    index = index[relation.so_o[at] == objects[index]]
    return table.take(index), index


def matches(keys: Ids, among: NDArray[np.uint32] | Ids) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(row, place) of each meeting of a key with its like in a sorted column."""
    if not len(among) or not len(keys):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    low, counts = _places(keys, among)
    total = int(counts.sum())
    if total > MOST_CELLS:
        raise Declined
    if total == len(keys) and int(counts.max()) == 1:
        return np.arange(len(keys)), low
    if int(counts.max(initial=0)) <= 1:
        index = np.flatnonzero(counts)
        return index, low[index]
    index = np.repeat(np.arange(len(keys)), counts)
    ends = np.cumsum(counts)
    return index, np.arange(total) - np.repeat(ends - counts - low, counts)


def _places(keys: Ids, among: NDArray[np.uint32] | Ids) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each key begins in a sorted column, and how often it stands there.

    Many keys are looked up in an array over all numbers between, which is filled in one pass; few by bisection.
    """
    first, last = int(among[0]), int(among[-1])
    span = last - first + 1
    if span < _DENSE * len(keys):
        counted = np.bincount(among - among.dtype.type(first), minlength=span)
        starts = np.zeros(span + 1, np.intp)
        np.cumsum(counted, out=starts[1:])
        inside = (keys >= first) & (keys <= last)
        where = np.where(inside, keys - first, 0)
        return starts[where], np.where(inside, counted[where], 0)
    wanted = keys.clip(0).astype(among.dtype)
    low = np.searchsorted(among, wanted, "left")
    return low, np.where(keys < 0, 0, np.searchsorted(among, wanted, "right") - low)


def member(keys: Ids, among: NDArray[np.uint32] | Ids) -> NDArray[np.bool_]:
    """Which keys stand in a sorted column."""
    if not len(among) or not len(keys):
        return np.zeros(len(keys), np.bool_)
    return _places(keys, among)[1] > 0


def closure(relation: Relation) -> Relation:
    """Every pair that one or more steps connect, once."""
    width = int(max(relation.so_s.max(initial=0), relation.os_o.max(initial=0))) + 1
    known = np.unique(_wide(relation.so_s) * width + _wide(relation.so_o))
    new = known
    while len(new):
        index, at = matches(new % width, relation.so_s)
        reached = np.unique((new // width)[index] * width + _wide(relation.so_o[at] if len(at) else relation.so_o[:0]))
        new = np.setdiff1d(reached, known, assume_unique=True)
        known = np.union1d(known, new)
        if len(known) > _MOST_PAIRS:
            raise Declined
    return Relation.of(known // width, known % width)


def groups(columns: Sequence[Ids], rows: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(a row of each group, the group of each row) where equal rows of the columns are one group."""
    if not columns:
        return np.zeros(min(1, rows), np.intp), np.zeros(rows, np.intp)
    code = columns[0]
    for column in columns[1:]:
        code = _dense(code) * (int(column.max(initial=0)) + 2) + column + 1
    span = int(code.max(initial=0)) + 2
    if span < 1000 + _WIDE * rows:
        seen = np.zeros(span, np.bool_)
        seen[code + 1] = True
        different = np.flatnonzero(seen)
        place = np.empty(span, np.intp)
        place[different] = np.arange(len(different))
        inverse = place[code + 1]
        firsts = np.empty(len(different), np.intp)
        firsts[inverse] = np.arange(rows)
        return firsts, inverse
    _, firsts, inverse = np.unique(code, return_index=True, return_inverse=True)
    return firsts, inverse


def _dense(code: Ids) -> Ids:
    """The same groups with small numbers, so that the next column fits beside them in 63 bits."""
    if int(code.max(initial=0)) < 2**31:
        return code + 1
    return np.unique(code, return_inverse=True)[1].astype(np.int64)


def _range(among: NDArray[np.uint32], number: int) -> tuple[int, int]:
    wanted = among.dtype.type(number) if number >= 0 else None
    if wanted is None:
        return 0, 0
    return int(np.searchsorted(among, wanted, "left")), int(np.searchsorted(among, wanted, "right"))


def _wide(ids: NDArray[np.uint32] | Ids) -> Ids:
    return ids.astype(np.int64)
