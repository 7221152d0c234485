"""The default graph of a snapshot as columns: terms numbered in the order of their text, triples as sorted numbers.

They lie in a folder inside the snapshot they were made from, so that they are whole, of its seq, and gone with it:
python -m kg.sparql.columns SNAPSHOT   builds them in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kg.rdf import DefaultGraph, RdfFormat, Store

Ids = NDArray[np.int64]
FOLDER = "columns"
OTHER, IRI, BLANK, STRING, SPOKEN, INTEGER, DECIMAL, DATE = range(8)
SCALE = 10**9  # numbers are kept as multiples of its inverse; what is finer, or beyond 9.2e9, is of kind OTHER
MOST_TRIPLES = 20_000_000  # above, building would take more than 4 GB
_FORMAT = 1
_KNOWN = 10_000  # constants of queries whose numbers are kept
_MOST = 2**63 - 1
_XSD = b"http://www.w3.org/2001/XMLSchema#"
_NUMBER = re.compile(rb'"([+-]?)(\d*)(?:\.(\d{1,9}))?"\^\^<' + re.escape(_XSD) + rb"(integer|decimal)>")
_DATE = re.compile(rb'"(\d{4})-(\d\d)-(\d\d)"\^\^<' + re.escape(_XSD) + rb"date>")
_ARRAYS = {
    "offsets": np.int64,  # where each term begins in terms.bin, and the end
    "kinds": np.uint8,
    "languages": np.uint16,  # of SPOKEN which of the tags in columns.json, from 1; else 0
    "numbers": np.int64,  # of INTEGER and DECIMAL the value × SCALE, of DATE yyyymmdd, else 0
    "predicates": np.int64,  # (term, first triple, triples, subjects, objects) one after another
    "so_s": np.uint32,  # triples of each predicate, sorted by subject and object
    "so_o": np.uint32,
    "os_o": np.uint32,  # the same, sorted by object and subject
    "os_s": np.uint32,
}


class Relation:
    """The pairs of one predicate, sorted both ways."""

    def __init__(self, so: tuple[Any, Any], os_: tuple[Any, Any], subjects: int, objects: int) -> None:
        self.so_s, self.so_o = so
        self.os_o, self.os_s = os_
        self.subjects = max(1, subjects)
        self.objects = max(1, objects)

    @classmethod
    def of(cls, subjects: Ids, objects: Ids) -> Relation:
        """A relation of pairs in no order, each as often as it is given."""
        by_s, by_o = np.lexsort((objects, subjects)), np.lexsort((subjects, objects))
        counts = np.unique(subjects).size, np.unique(objects).size
        return cls((subjects[by_s], objects[by_s]), (objects[by_o], subjects[by_o]), *counts)

    def __len__(self) -> int:
        return len(self.so_s)

    def inverse(self) -> Relation:
        """The same pairs the other way round."""
        return Relation((self.os_o, self.os_s), (self.so_s, self.so_o), self.objects, self.subjects)


class Columns:
    """Columns mapped from their folder; nothing is read before it is asked for."""

    def __init__(self, folder: Path, tags: list[str]) -> None:
        self.tags = tags
        self._terms = _mapped(folder / "terms.bin", np.uint8)
        self._blob = memoryview(self._terms.data)
        arrays = {name: _mapped(folder / name, kind) for name, kind in _ARRAYS.items()}
        self._offsets, self.kinds, self.numbers = arrays["offsets"], arrays["kinds"], arrays["numbers"]
        self.languages = arrays["languages"]
        self._so, self._os = (arrays["so_s"], arrays["so_o"]), (arrays["os_o"], arrays["os_s"])
        self._known: dict[bytes, int] = {}
        self._parts = {int(row[0]): [int(n) for n in row[1:]] for row in arrays["predicates"].reshape(-1, 5)}

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def triples(self) -> int:
        """How many triples there are."""
        return len(self._so[0])

    def id_of(self, term: bytes) -> int:
        """The number of a term in N-Triples form, or -1."""
        if (known := self._known.get(term)) is not None:
            return known
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._text(middle) < term:
                low = middle + 1
            else:
                high = middle
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[term] = low if low < len(self) and self._text(low) == term else -1
        return self._known[term]

    def texts(self, ids: Ids) -> list[bytes]:
        """The N-Triples forms of terms."""
        blob = self._blob
        ends = zip(self._offsets[ids].tolist(), self._offsets[ids + 1].tolist(), strict=True)
        return [bytes(blob[start:end]) for start, end in ends]

    def _text(self, number: int) -> bytes:
        return bytes(self._blob[int(self._offsets[number]) : int(self._offsets[number + 1])])

    def relation(self, predicate: int) -> Relation | None:
        """The triples of a predicate, or None where there are none."""
        part = self._parts.get(predicate)
        if part is None:
            return None
        start, count, subjects, objects = part
        here = slice(start, start + count)
        (so_s, so_o), (os_o, os_s) = self._so, self._os
        return Relation((so_s[here], so_o[here]), (os_o[here], os_s[here]), subjects, objects)

    def all(self) -> tuple[Ids, Ids, Ids]:
        """(subjects, predicates, objects) of all triples."""
        parts = sorted(self._parts.items(), key=lambda part: part[1][0])
        predicates = np.repeat([number for number, _ in parts], [part[1] for _, part in parts])
        return self._so[0].astype(np.int64), predicates.astype(np.int64), self._so[1].astype(np.int64)


def _mapped(file: Path, kind: type) -> NDArray[Any]:
    return np.memmap(file, dtype=kind, mode="r").view(np.ndarray)


def opened(snapshot: Path) -> Columns | None:
    """The columns inside a snapshot; None while there are none, or when a file of theirs is not what was written."""
    folder = snapshot / FOLDER
    try:
        told = json.loads((folder / "columns.json").read_text(encoding="ascii"))
        if told["format"] != _FORMAT or told["snapshot"] != snapshot.name:
            return None
        if any(_check(folder / name) != found for name, found in told["files"].items()):
            return None
        return Columns(folder, told["tags"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def build(snapshot: Path, store: Store | None = None) -> bool:
    """Writes the columns inside a snapshot; whether they then stand there. An empty graph has none.

    `store` is the snapshot's, where it is open already.
    """
    target, partial = snapshot / FOLDER, snapshot / f".{FOLDER}-{os.getpid()}"
    if target.is_dir():
        return True
    partial.mkdir()
    try:
        dump = partial / "dump"
        store = Store.read_only(str(snapshot)) if store is None else store
        store.dump(str(dump), format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
        with dump.open("rb") as stream:
            tags = _write(partial, stream)
        dump.unlink()
        if tags is None:
            return False
        files = {name: _check(partial / name) for name in ("terms.bin", *_ARRAYS)}
        told = {"format": _FORMAT, "snapshot": snapshot.name, "tags": tags, "files": files}
        (partial / "columns.json").write_text(json.dumps(told), encoding="ascii")
        partial.rename(target)
        return True
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, lines: IO[bytes]) -> list[str] | None:
    """Writes the arrays of N-Triples lines; returns the language tags, or None where there is nothing or too much."""
    terms, found = _numbered(lines)
    if not terms:
        return None
    (folder / "terms.bin").write_bytes(b"".join(terms))
    tags: dict[bytes, int] = {}
    described = np.array([_described(term, tags) for term in terms], dtype=np.int64)
    subjects, predicates, objects = found.T
    by_s = np.lexsort((objects, subjects, predicates))
    by_o = np.lexsort((subjects, objects, predicates))
    arrays = {
        "offsets": np.cumsum([0, *map(len, terms)], dtype=np.int64),
        "kinds": described[:, 0],
        "languages": described[:, 1],
        "numbers": described[:, 2],
        "predicates": np.array(list(_parts(predicates[by_s], subjects[by_s], objects[by_o])), dtype=np.int64),
        "so_s": subjects[by_s],
        "so_o": objects[by_s],
        "os_o": objects[by_o],
        "os_s": subjects[by_o],
    }
    for name, content in arrays.items():
        np.ascontiguousarray(content, dtype=_ARRAYS[name]).tofile(folder / name)
    return [tag.decode() for tag in tags]


def _numbered(lines: IO[bytes]) -> tuple[list[bytes], NDArray[np.uint32]]:
    """(terms in the order of their text, triples [n, 3] of their places); nothing where there is too much."""
    numbers: dict[bytes, int] = {}
    triples = array("I")
    for line in lines:
        subject, predicate, rest = line.split(b" ", 2)
        for term in (subject, predicate, rest[:-3]):
            triples.append(numbers.setdefault(term, len(numbers)))
        if len(triples) > 3 * MOST_TRIPLES:
            return [], np.empty((0, 3), np.uint32)
    terms = sorted(numbers)
    place = np.empty(len(terms), dtype=np.uint32)
    place[np.fromiter((numbers[term] for term in terms), dtype=np.int64, count=len(terms))] = np.arange(len(terms))
    return terms, place[np.frombuffer(triples, dtype=np.uint32).reshape(-1, 3)] if triples else np.empty(
        (0, 3), np.uint32
    )


def _parts(predicates: Any, subjects: Any, objects: Any) -> Iterator[tuple[int, ...]]:
    names, starts, counts = np.unique(predicates, return_index=True, return_counts=True)
    for name, start, count in zip(names.tolist(), starts.tolist(), counts.tolist(), strict=True):
        here = slice(start, start + count)
        yield name, start, count, np.unique(subjects[here]).size, np.unique(objects[here]).size


def _described(term: bytes, tags: dict[bytes, int]) -> tuple[int, int, int]:
    """(kind, language, number) of a term in N-Triples form."""
    if term.startswith(b"<"):
        return (BLANK if term.startswith(b"<<") else IRI), 0, 0  # VALUES holds neither blank nodes nor triples
    if term.startswith(b"_"):
        return BLANK, 0, 0
    if term.endswith(b'"'):
        return STRING, 0, 0
    if term.endswith(b">"):
        return number_of(term)
    tag = term.rpartition(b"@")[2]
    if b"--" in tag or len(tags) > 60_000:  # with a direction
        return OTHER, 0, 0
    return SPOKEN, tags.setdefault(tag, len(tags) + 1), 0


def number_of(term: bytes) -> tuple[int, int, int]:
    """(kind, 0, number) of a literal with a datatype."""
    if found := _NUMBER.fullmatch(term):
        sign, whole, fraction, kind = found.groups()
        number = int(whole or b"0") * SCALE + int((fraction or b"").ljust(9, b"0"))
        if number <= _MOST:
            return (INTEGER if kind == b"integer" else DECIMAL), 0, -number if sign == b"-" else number
    if found := _DATE.fullmatch(term):
        return DATE, 0, int(b"".join(found.groups()))
    return OTHER, 0, 0


def _check(file: Path) -> list[int]:
    """[size, CRC-32] of a file."""
    total = size = 0
    with file.open("rb") as stream:
        while data := stream.read(2**20):
            total, size = zlib.crc32(data, total), size + len(data)
    return [size, total]


if __name__ == "__main__":
    os.nice(15)  # before queries and searches it has no claim on the processor
    build(Path(sys.argv[1]))
