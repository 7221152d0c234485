"""One file to rows: what its name says it is, unpacked within bounds, and read by the reader of that format."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from kg import mapping
from kg.errors import RefusedInput, TooLarge
from kg.findings import Finding, Row
from kg.model import Entity, Source
from kg.readers.job import MIB, RECORD_KINDS, Job, Limits
from kg.readers.records import Builder
from kg.terms import to_payload

TABLES = (".csv", ".tsv", ".xlsx")
LINES = (".jsonl", ".ndjson")
GRAPHS = (".ttl", ".nt", ".nq", ".trig", ".jsonld", ".rdf", ".xml", ".owl")
SUFFIXES = (*TABLES, *LINES, *GRAPHS)
_EPO = b"http://data.europa.eu/a4g/ontology#Winner"
# Repetitive N-Triples pack about 30 to 1, a gzip bomb up to 1,030 to 1; below 8 MiB no ratio does harm.
_RATIO = 200
_HARMLESS = 8 * MIB


class Bounded(io.RawIOBase):
    """A gzip file being unpacked: reading raises TooLarge once it grows past the limits, RefusedInput when damaged."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = gzip.GzipFile(path, "rb")
        self._most = min(limits.unpacked_bytes, max(_HARMLESS, _RATIO * path.stat().st_size))
        self._done = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fills the buffer; the number of bytes, 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            block = self._file.read(len(view))
        except (EOFError, OSError, zlib.error) as error:
            raise RefusedInput(f"The gzip file is damaged ({error}).", "Pack it again.") from error
        self._done += len(block)
        if self._done > self._most:
            raise TooLarge(
                f"The file unpacks to more than {self._most:,} bytes.", "Unpack it and look at what it holds."
            )
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Closes the file below."""
        self._file.close()
        super().close()


def kind_of(path: Path) -> str:
    """The suffix that says the format, without .gz. Raises RefusedInput for one that is not known."""
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in SUFFIXES:
        raise RefusedInput(
            f"{path.name}: the format of {suffix or 'a file without a suffix'} is not known.",
            f"Use one of: {', '.join(SUFFIXES)}; each may be packed as .gz.",
        )
    return suffix


def check(job: Job, limits: Limits) -> None:
    """Raises NotFound-like RefusedInput for what cannot be opened, TooLarge for what is too big, before it is read."""
    path = job.path
    if job.record not in RECORD_KINDS:
        raise RefusedInput(
            f"There are no records of the kind {job.record!r}.", f"Use one of: {', '.join(RECORD_KINDS)}."
        )
    if path.is_dir():
        raise RefusedInput(f"{path} is a folder, not a file.", "Name the files in it.")
    if not path.exists():
        raise RefusedInput(f"There is no file {path}.", "Check the path.")
    if not path.is_file():
        raise RefusedInput(f"{path} is not a regular file.", "Save it as a file first.")
    kind_of(path)
    size = path.stat().st_size
    if size == 0:
        raise RefusedInput(f"{path.name} is empty.", "Check that the export or download worked.")
    if size > limits.file_bytes:
        raise TooLarge(f"{path.name} holds {size:,} bytes; at most {limits.file_bytes:,} are read.", "Split it.")
    if kind_of(path) in LINES and job.record not in ("actor", "cluster"):
        raise RefusedInput(f"{path.name}: JSON Lines hold actors, not records of the kind {job.record!r}.", "Use CSV.")


def read(job: Job, source: Source, limits: Limits) -> Iterator[Row]:
    """The rows of the file. Raises RefusedInput or TooLarge when it cannot be read at all or grows past a limit."""
    check(job, limits)
    suffix = kind_of(job.path)
    builder = Builder(job.path.name, source, limits.cell_bytes)
    with _opened(job.path, limits) as stream:
        if job.form:
            from kg.readers import federated

            yield from _limited(federated.read(job, stream, suffix, source, limits), limits)
            return
        if suffix in LINES:
            from kg.readers import jsonl

            yield from _limited(
                _rows(jsonl.read(stream, builder, limits, job.record == "cluster"), builder, job.path.name), limits
            )
            return
        data = stream.read()
    if not data.strip():
        raise RefusedInput("The file is empty.", "Check that the export or download worked.")
    yield from _limited(_whole(data, suffix, job, source, limits, builder), limits)


def _opened(path: Path, limits: Limits) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return io.BufferedReader(Bounded(path, limits), MIB)
    return path.open("rb")


def _whole(data: bytes, suffix: str, job: Job, source: Source, limits: Limits, builder: Builder) -> Iterator[Row]:
    name = job.path.name
    if suffix in GRAPHS:
        if _EPO in data:
            from kg.readers import epo

            yield from _rows(epo.read(data, suffix, limits, builder), builder, name)
            return
        from kg.readers import rdf

        yield from rdf.read(data, suffix, job, source, limits)
        return
    from kg.readers import concepts, csv, table, xlsx

    rows = xlsx.rows(data, limits) if suffix == ".xlsx" else csv.rows(data)
    if job.record == "concept":
        yield from _rows(concepts.read(rows, job, builder), builder, name)
    else:
        yield from _rows(table.read(rows, job, source, builder), builder, name)


def _rows(found: Iterable[tuple[int | None, Entity | None]], builder: Builder, name: str) -> Iterator[Row]:
    for number, entity in found:
        if entity is None:
            yield Row(name, number, builder.entity, "", tuple(builder.findings))
            continue
        assert not isinstance(entity, Source)  # no reader makes one
        try:
            payload = to_payload(mapping.to_statements(entity))
        except ValueError as error:
            finding = Finding(
                name, number, "", entity.iri, f"The record cannot be written as RDF: {error}.", "Correct it."
            )
            yield Row(name, number, entity.iri, "", (*builder.findings, finding))
            continue
        yield Row(name, number, entity.iri, payload, tuple(builder.findings))


def _limited(rows: Iterable[Row], limits: Limits) -> Iterator[Row]:
    for count, row in enumerate(rows, 1):
        if count > limits.rows:
            raise TooLarge(f"The file holds more than {limits.rows:,} records.", "Split it.")
        yield row
