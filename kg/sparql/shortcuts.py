"""Expressions of a few plain forms, read straight from the columns; of every other one this says None.

Where a form can only be narrowed down, the engine is asked about what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg.sparql.columns import BLANK, DATE, DECIMAL, INTEGER, IRI, OTHER, Ids, number_of
from kg.sparql.joins import UNBOUND, Table
from kg.sparql.plan import Expression

if TYPE_CHECKING:
    from kg.sparql.values import Values

_COMPARE = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_PARTS = {"YEAR": (10_000, 100_000), "MONTH": (100, 100), "DAY": (1, 100)}  # of yyyymmdd: divisor, then modulus
_SIGN = r"(=|!=|<=|>=|<|>)"
_CONSTANT = re.compile(rf"V{_SIGN}(?:N|S\^\^Q)|(?:N|S\^\^Q){_SIGN}V")
_BOTH = re.compile(r"V(=|!=)V")
_SPOKEN = re.compile(r"LANG\(V\)=S|S=LANG\(V\)")
_PART = re.compile(r"(YEAR|MONTH|DAY|LANG)\(V\)")
_HOLDS = re.compile(r"(?:CONTAINS|STRSTARTS|STRENDS)\((LCASE\()?(?:V|STR\(V\))(?(1)\)),S\)")
_MATCHES = re.compile(r"REGEX\((?:V|STR\(V\)),S(?:,S)?\)")
_NEEDLE = re.compile(r"[ !#-&(-\[\]-~]+")  # printable ASCII without quotes and backslash
_PATTERN = re.compile(r"\^?[A-Za-z0-9 ]+(?:\.\*[A-Za-z0-9 ]+)*\$?")
# Letters outside ASCII that are equal to one of ASCII when case does not count: İ, ſ and the Kelvin sign.
_FOLDED = re.compile(rb"\xc4\xb0|\xc5\xbf|\xe2\x84\xaa")


def _shape(expression: Expression) -> str:
    signs = {"variable": "V", "number": "N", "string": "S", "name": "Q", "iri": "Q"}
    return "".join(signs.get(kind, text.upper()) for kind, text in expression.tokens)


def _first(expression: Expression, kind: str) -> str:
    return next(text for found, text in expression.tokens if found == kind)


def mask(values: Values, table: Table, expression: Expression) -> NDArray[np.bool_] | None:
    """The rows for which a comparison is true: with a number, a date or a language, or of two IRIs."""
    shape = _shape(expression)
    if _BOTH.fullmatch(shape):
        one, two = (table.columns.get(f"?{text[1:]}") for kind, text in expression.tokens if kind == "variable")
        if one is None or two is None or not (values.all_of(one, (IRI,)) and values.all_of(two, (IRI,))):
            return None
        return np.asarray((one == two) == (shape == "V=V"), dtype=np.bool_)
    ids = table.columns.get(expression.variables[0]) if len(expression.variables) == 1 else None
    if ids is None:
        return None
    if found := _CONSTANT.fullmatch(shape):
        sign = found.group(1) or _TURNED.get(found.group(2), found.group(2))
        return _compared(values, ids, sign, _constant(expression))
    if _SPOKEN.fullmatch(shape):
        text = _first(expression, "string")
        if not text[1:-1].replace("-", "").isalnum() or not _stored(values, ids) or _has(values, ids, OTHER):
            return None
        tags = values.columns.tags
        wanted = tags.index(text[1:-1]) + 1 if text[1:-1] in tags else -1
        return np.asarray(values.columns.languages[ids] == wanted, dtype=np.bool_)
    return None


def _constant(expression: Expression) -> str:
    return "".join(text for kind, text in expression.tokens if kind not in ("variable", "operator"))


def _compared(values: Values, ids: Ids, sign: str, text: str) -> NDArray[np.bool_] | None:
    kind, _, number = number_of(values.canonical(text))
    kinds = (DATE,) if kind == DATE else (INTEGER, DECIMAL)
    if kind not in kinds or not values.all_of(ids, kinds):
        return None
    return np.asarray(_COMPARE[sign](values.columns.numbers[ids], number), dtype=np.bool_)


def computed(values: Values, table: Table, expression: Expression) -> Ids | None:
    """YEAR, MONTH and DAY of dates, and LANG of what is no OTHER."""
    found = _PART.fullmatch(_shape(expression))
    ids = table.columns.get(expression.variables[0]) if found else None
    if found is None or ids is None:
        return None
    columns, name = values.columns, found.group(1)
    if name == "LANG":
        if not _stored(values, ids) or _has(values, ids, OTHER):
            return None
        made = values.made([f'"{tag}"'.encode() for tag in ("", *columns.tags)])
        kinds = columns.kinds[ids]
        return np.where((kinds == IRI) | (kinds == BLANK), UNBOUND, made[columns.languages[ids]])
    if not values.all_of(ids, (DATE,)):
        return None
    divisor, modulus = _PARTS[name]
    parts = columns.numbers[ids] // divisor % modulus
    different, inverse = np.unique(parts, return_inverse=True)
    return values.made([b"%d" % part for part in different.tolist()])[inverse]


def candidates(values: Values, rows: Table, expression: Expression) -> NDArray[np.intp] | None:
    """The rows that may hold what a search in a text looks for; all others surely do not."""
    shape = _shape(expression)
    ids = rows.columns.get(expression.variables[0]) if len(expression.variables) == 1 else None
    if ids is None or not _stored(values, ids):
        return None
    strings = [text[1:-1] for kind, text in expression.tokens if kind == "string"]
    if found := _HOLDS.fullmatch(shape):
        needles, fold = strings, found.group(1) is not None
    elif _MATCHES.fullmatch(shape) and _PATTERN.fullmatch(strings[0]) and strings[1:] in ([], ["i"]):
        needles, fold = [part for part in re.split(r"\.\*|[$^]", strings[0]) if part], len(strings) > 1
    else:
        return None
    if not all(_NEEDLE.fullmatch(needle) for needle in needles):
        return None
    texts = values.columns.texts(ids)
    wanted = [(needle.lower() if fold else needle).encode() for needle in needles]
    low = map(bytes.lower, texts) if fold else iter(texts)
    hits: Iterator[bool]
    if len(wanted) == 1 and not fold:
        hits = (wanted[0] in text for text in low)
    else:
        hits = (all(w in text for w in wanted) or (fold and bool(_FOLDED.search(text))) for text in low)
    return np.flatnonzero(np.fromiter(hits, dtype=np.bool_, count=len(texts)))


def _stored(values: Values, ids: Ids) -> bool:
    return not len(ids) or (int(ids.min()) >= 0 and int(ids.max()) < len(values.columns))


def _has(values: Values, ids: Ids, kind: int) -> bool:
    return bool((values.columns.kinds[ids] == kind).any())
