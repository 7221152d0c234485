"""Dumps: all that a source says, as one file of sorted N-Triples packed with gzip.

The same records give the same bytes, whoever packs them and whenever.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from kg import history
from kg import vocabulary as v
from kg.federation.node import Dump
from kg.journal import Journal

SUFFIX = ".nt.gz"
_RUN = 32 * 2**20  # bytes sorted in memory at a time; the rest waits in files
_COUNTRY = re.compile(f'<{re.escape(v.SCHEMA)}addressCountry> "([A-Z]{{2}})"')
_BLOCK = 2**18  # bytes packed at a time


class _Counted:
    """A file that keeps the length and the SHA-256 of what is written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.bytes += len(data)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def write(journal: Journal, source: str, target: Path) -> tuple[Dump, list[str]]:
    """Writes what a source says now to `target`, whole or not at all; what is in it, and the countries it names.

    The source's own record is left out: the document of the node says it.
    """
    seq, seqs = history.live(journal, source, v.source_graph(source))
    partial = target.with_name(f".{target.name}.tmp")
    triples = unpacked = 0
    countries: set[str] = set()
    with ExitStack() as stack, partial.open("wb") as stream:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".dump-", dir=target.parent)))
        counted = _Counted(stream)
        with gzip.GzipFile(filename="", mode="wb", fileobj=counted, mtime=0, compresslevel=6) as packed:
            block: list[bytes] = []
            size = 0
            for line in _sorted(_noted(history.payloads(journal, seqs), countries), scratch, stack):
                block.append(line)
                size += len(line)
                triples += 1
                if size >= _BLOCK:
                    packed.write(b"".join(block))
                    unpacked, block, size = unpacked + size, [], 0
            packed.write(b"".join(block))
            unpacked += size
    partial.replace(target)
    found = Dump("", counted.sha256.hexdigest(), counted.bytes, unpacked, len(seqs), triples, seq)
    return found, sorted(countries)


def _noted(payloads: Iterable[str], countries: set[str]) -> Iterator[str]:
    for payload in payloads:
        countries.update(_COUNTRY.findall(payload))
        yield payload


def _sorted(payloads: Iterable[str], scratch: Path, stack: ExitStack) -> Iterator[bytes]:
    """The lines of all payloads in order, each once; what is larger than one run is merged from files."""
    files: list[Path] = []
    run: list[bytes] = []
    size = 0
    for payload in payloads:
        data = payload.encode()
        run += data.split(b"\n")[:-1]
        size += len(data)
        if size >= _RUN:
            files.append(_spill(run, scratch / str(len(files))))
            run, size = [], 0
    last = (line + b"\n" for line in sorted(set(run)))
    streams = [stack.enter_context(file.open("rb")) for file in files]
    before = b""
    for line in heapq.merge(*streams, last):
        if line != before:
            yield line
        before = line


def _spill(run: list[bytes], file: Path) -> Path:
    with file.open("wb") as stream:
        stream.writelines(line + b"\n" for line in sorted(set(run)))
    return file
