"""What readers hand to ingestion: rows, and what was found wrong with them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, why, and how to mend it."""

    file: str
    row: int | None  # as a spreadsheet counts: the heading is row 1
    column: str
    entity: str
    reason: str
    mend: str
    severity: str = "error"  # "error": the row is set aside; "warning": it goes in


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: its IRI and payload (sorted N-Triples), or an empty payload when it could not be read."""

    file: str
    number: int | None
    iri: str
    payload: str
    findings: tuple[Finding, ...] = ()
