"""Aggregates over groups of rows, exactly as SPARQL 1.1, section 18.5.1 and the engine have them, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.sparql.columns import DATE, DECIMAL, INTEGER, SCALE, STRING, Ids
from kg.sparql.joins import UNBOUND, Table, groups
from kg.sparql.plan import Aggregate, Declined
from kg.sparql.values import Values

_BITS = 21  # a number is summed in three parts of so many bits, each exact in a double up to 2^32 rows
_DECIMAL = b'"%s"^^<http://www.w3.org/2001/XMLSchema#decimal>'
_MOST_SUM = 2**63  # beyond, the engine's integers overflow


class Aggregates:
    """Groups of equal keys. Without keys there is one group, also of no rows."""

    def __init__(self, table: Table, keys: Sequence[str], values: Values) -> None:
        self._values = values
        self._columns = table.columns
        given = [table.columns.get(key, np.full(table.rows, UNBOUND, np.int64)) for key in keys]
        firsts, self._group = groups(given, table.rows)
        self.keys = [column[firsts] for column in given]
        self.count_of_groups = len(firsts) if keys else 1
        self._kept: NDArray[np.intp] | None = None
        self._counts: dict[str, NDArray[np.int64]] = {}

    def narrow(self, kept: NDArray[np.intp]) -> None:
        """Keeps only some groups for `keys` and `texts`."""
        self.keys = [column[kept] for column in self.keys]
        inside = np.full(self.count_of_groups, -1, np.intp)
        inside[kept] = np.arange(len(kept))
        group = inside[self._group]
        rows = group >= 0
        self._group = group[rows]
        self._columns = {name: column[rows] for name, column in self._columns.items()}
        self._counts = {name: counts[kept] for name, counts in self._counts.items()}
        self.count_of_groups = len(kept)

    def count(self, one: Aggregate) -> NDArray[np.int64]:
        """COUNT of each group."""
        if one.name not in self._counts:
            group, _ = self._rows(one)
            self._counts[one.name] = np.bincount(group, minlength=self.count_of_groups)
        return self._counts[one.name]

    def texts(self, one: Aggregate) -> Iterator[tuple[str, list[bytes]]]:
        """(variable, value of each group); AVG has two, its sum and its count, which the engine divides."""
        if one.function == "COUNT":
            yield one.name, [b"%d" % count for count in self.count(one).tolist()]
        elif one.function in ("SUM", "AVG"):
            group, ids = self._bound(one)
            counts = np.bincount(group, minlength=self.count_of_groups)
            yield (f"{one.name}_sum" if one.function == "AVG" else one.name), self._sums(group, ids, counts)
            if one.function == "AVG":
                yield one.name, [b"%d" % count for count in counts.tolist()]
        elif one.function == "SAMPLE":
            group, ids = self._bound(one)
            yield one.name, self._values.texts(self._placed(group, ids))
        else:
            yield one.name, self._values.texts(self._extreme(one))

    def _rows(self, one: Aggregate) -> tuple[NDArray[np.intp], Ids]:
        """(group, value) of each row that has a value, each pair once for DISTINCT."""
        if not one.variable:
            return self._group, self._group
        ids = self._columns.get(one.variable)
        if ids is None:
            raise Declined
        group, bound = self._group, ids >= 0
        if not bound.all():
            group, ids = group[bound], ids[bound]
        if one.distinct:
            width = int(ids.max(initial=0)) + 1
            pairs = np.sort(group * width + ids)
            pairs = pairs[np.diff(pairs, prepend=-1) != 0]
            group, ids = pairs // width, pairs % width
        return group, ids

    def _bound(self, one: Aggregate) -> tuple[NDArray[np.intp], Ids]:
        ids = self._columns.get(one.variable)
        if ids is None or (len(ids) and int(ids.min()) < 0):
            raise Declined
        return self._rows(one)

    def _sums(self, group: NDArray[np.intp], ids: Ids, counts: NDArray[np.int64]) -> list[bytes]:
        if not self._values.all_of(ids, (INTEGER, DECIMAL)):
            raise Declined
        columns, most = self._values.columns, self.count_of_groups
        numbers, fine = columns.numbers[ids], columns.kinds[ids] == DECIMAL
        mask = (1 << _BITS) - 1
        parts = (numbers >> 2 * _BITS, (numbers >> _BITS) & mask, numbers & mask)
        high, middle, low = (np.bincount(group, weights=part, minlength=most).tolist() for part in parts)
        decimals = np.bincount(group[fine], minlength=most).tolist()
        out = []
        for top, between, bottom, decimal in zip(high, middle, low, decimals, strict=True):
            total = (int(top) << 2 * _BITS) + (int(between) << _BITS) + int(bottom)
            if abs(total) >= _MOST_SUM * (SCALE if not decimal else 1_000):
                raise Declined
            out.append(_decimal(total) if decimal else b"%d" % (total // SCALE))
        return out

    def _extreme(self, one: Aggregate) -> Ids:
        group, ids = self._bound(one)
        if not len(ids):
            return np.full(self.count_of_groups, UNBOUND, np.int64)
        firsts, inverse = groups([ids], len(ids))
        different = ids[firsts]
        order = np.argsort(self._ranks(different), kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        best = np.full(self.count_of_groups, len(order) if one.function == "MIN" else -1, np.int64)
        (np.minimum if one.function == "MIN" else np.maximum).at(best, group, rank[inverse])
        return different[order[best]]

    def _ranks(self, ids: Ids) -> Ids:
        """Numbers that stand as the terms do; only within one kind is the order of terms plain."""
        values = self._values
        if any(values.all_of(ids, (kind,)) for kind in (INTEGER, DECIMAL, DATE)):
            return values.columns.numbers[ids]
        if not values.all_of(ids, (STRING,)):
            raise Declined
        texts = values.texts(ids)
        if any(b"\\" in text for text in texts):
            raise Declined
        place = {text: rank for rank, text in enumerate(sorted(text[1:-1] for text in texts))}
        return np.array([place[text[1:-1]] for text in texts], dtype=np.int64)

    def _placed(self, group: NDArray[np.intp], ids: Ids) -> Ids:
        out = np.full(self.count_of_groups, UNBOUND, np.int64)
        out[group] = ids
        return out


def _decimal(number: int) -> bytes:
    whole, fraction = divmod(abs(number), SCALE)
    return _DECIMAL % (b"-" * (number < 0) + b"%d.%09d" % (whole, fraction))
