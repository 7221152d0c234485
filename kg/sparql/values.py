"""Expressions over columns: asked of the engine once for each different value, so that they mean what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kg import rdf
from kg.sparql import shortcuts
from kg.sparql.columns import BLANK, Columns, Ids
from kg.sparql.joins import UNBOUND, Table, groups
from kg.sparql.plan import OWN, Declined, Expression

MOST_ASKED = 40_000  # different values an expression is asked of; more take the engine as long as its own way
_PLAIN = re.compile(r"'[^'\"\\]*'|\"[^\"\\]*\"")


class Values:
    """Terms by number: those of the columns, and beyond them those that expressions made."""

    def __init__(self, columns: Columns, prologue: str) -> None:
        self.columns = columns
        self._prologue = prologue
        self._made: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def constant(self, text: str) -> int:
        """The number of a constant of the query, -1 where the columns hold no such term."""
        if text.startswith("<"):
            return self.columns.id_of(text.encode())
        if _PLAIN.fullmatch(text):
            if "\t" in text:
                raise Declined
            return self.columns.id_of(f'"{text[1:-1]}"'.encode())
        if "\\" in text or text.startswith(("'''", '"""')):
            raise Declined
        return self.columns.id_of(self.canonical(text))

    def canonical(self, text: str) -> bytes:
        """A constant of the query as the engine would store it, in N-Triples form."""
        asked = f"{self._prologue}SELECT ?x {{ VALUES ?x {{ {text} }} }}"
        return next(rdf.select(rdf.memory(()), asked))["x"].encode()

    def made(self, texts: Sequence[bytes]) -> Ids:
        """Numbers for terms that an expression made, in SPARQL's spelling."""
        known = len(self.columns)
        numbers = self._numbers
        for text in texts:
            if text not in numbers:
                numbers[text] = known + len(self._made)
                self._made.append(text)
        return np.array([numbers[text] for text in texts], dtype=np.int64)

    def texts(self, ids: Ids) -> list[bytes]:
        """SPARQL's spelling of terms, UNDEF where there is none. Raises Declined for what VALUES cannot hold."""
        known = len(self.columns)
        if not len(ids) or (int(ids.min()) >= 0 and int(ids.max()) < known):
            self._check(ids)
            return self.columns.texts(ids)
        stored = (ids >= 0) & (ids < known)
        self._check(ids[stored])
        texts = iter(self.columns.texts(ids[stored]))
        return [
            next(texts) if number < known and number >= 0 else b"UNDEF" if number < 0 else self._made[number - known]
            for number in ids.tolist()
        ]

    def _check(self, ids: Ids) -> None:
        kinds = self.columns.kinds[ids]
        if bool((kinds == BLANK).any()):
            raise Declined

    def mask(self, table: Table, expression: Expression) -> NDArray[np.bool_]:
        """The rows for which an expression is true; an error is not."""
        fast = shortcuts.mask(self, table, expression)
        if fast is not None:
            return fast
        names, rows, inverse = self._different(table, expression)
        passed = np.zeros(rows.rows, np.bool_)
        may = shortcuts.candidates(self, rows, expression)
        if may is not None:
            rows = rows.take(may)
        if rows.rows > MOST_ASKED:
            raise Declined
        asked = f"SELECT ?{OWN}i {{ {self._given(names, rows)} FILTER({expression.text}\n) }}"
        found = np.array(rdf.evaluated(self._prologue + asked, "csv").split()[1:], dtype=np.intp)
        passed[found if may is None else may[found]] = True
        return passed[inverse]

    def computed(self, table: Table, expression: Expression) -> Ids:
        """The value of an expression in each row, UNBOUND where it is an error."""
        fast = shortcuts.computed(self, table, expression)
        if fast is not None:
            return fast
        names, rows, inverse = self._different(table, expression)
        if rows.rows > MOST_ASKED:
            raise Declined
        asked = f"SELECT ?{OWN}i ?{OWN}v {{ {self._given(names, rows)} BIND({expression.text}\n AS ?{OWN}v) }}"
        out = np.full(rows.rows, UNBOUND, np.int64)
        for line in rdf.evaluated(self._prologue + asked, "tsv").split(b"\n")[1:-1]:
            place, _, term = line.partition(b"\t")
            if term.startswith((b"_:", b"<<")):
                raise Declined
            if term:
                out[int(place)] = self.made([term])[0]
        return out[inverse]

    def _different(self, table: Table, expression: Expression) -> tuple[list[str], Table, NDArray[np.intp]]:
        names = sorted(set(expression.variables) & set(table.columns))
        firsts, inverse = groups([table.columns[name] for name in names], table.rows)
        found = Table({name: table.columns[name][firsts] for name in names}, len(firsts))
        return names, found, inverse

    def _given(self, names: Sequence[str], rows: Table) -> str:
        return self.data([f"?{OWN}i", *names], [[b"%d" % n for n in range(rows.rows)], *self._columns(names, rows)])

    def _columns(self, names: Sequence[str], rows: Table) -> list[list[bytes]]:
        return [self.texts(rows.columns[name]) for name in names]

    @staticmethod
    def data(names: Sequence[str], columns: Sequence[Sequence[bytes]]) -> str:
        """VALUES of some columns."""
        rows = b") (".join(b" ".join(row) for row in zip(*columns, strict=True))
        return f"VALUES ({' '.join(names)}) {{ {f'({rows.decode()})' if rows else ''} }}"

    def all_of(self, ids: Ids, kinds: tuple[int, ...]) -> bool:
        """Whether every one is a term of the columns of one of these kinds."""
        if not len(ids):
            return True
        if int(ids.min()) < 0 or int(ids.max()) >= len(self.columns):
            return False
        return bool(np.isin(self.columns.kinds[ids], kinds).all())
