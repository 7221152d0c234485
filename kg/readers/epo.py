"""TED's eProcurement Ontology: winners become firms, what they were awarded becomes evidence."""

from __future__ import annotations

from collections.abc import Iterator

from kg.model import Actor, Source
from kg.readers.job import Limits
from kg.readers.records import Builder


def read(
    data: bytes, suffix: str, source: Source, limits: Limits, builder: Builder
) -> Iterator[tuple[int | None, Actor | None]]:
    """(None, firm) for each winner."""
    yield from ()
