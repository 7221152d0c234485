"""A spreadsheet's rows matched without OpenRefine: CSV or XLSX in, the same rows with what they mean out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.reconciling.asked import BATCH, LONGEST_NAME, Asked, Condition
from api.reconciling.evidence import is_known
from api.reconciling.found import TYPES, known_type
from api.tagging import short
from kg import vocabulary as v
from kg.errors import RefusedInput, TooLarge, UserError
from kg.readers import csv, files, xlsx
from kg.readers.job import MIB, Job, Limits

if TYPE_CHECKING:
    from api.reconciling.desk import Desk

ADDED = ("matched_id", "matched_iri", "matched_name", "matched_score", "matched")
_LIMITS = Limits(file_bytes=64 * MIB, unpacked_bytes=256 * MIB)
_MOST_ROWS = 1_000_000
_CANDIDATES = 3  # of each row, for who reads JSON


@dataclass(frozen=True, slots=True)
class Table:
    """A heading and the rows below it, each as long as the heading."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read(path: Path) -> Table:
    """The table of a CSV, TSV or XLSX file. Raises RefusedInput or TooLarge naming the file and what to mend."""
    files.check(Job(path), _LIMITS)
    suffix = files.kind_of(path)
    if suffix not in files.TABLES or path.name.lower().endswith(".gz"):
        raise RefusedInput(f"{path.name} is no table.", "Save it as CSV UTF-8 or XLSX.")
    data = path.read_bytes()
    try:
        found = [cells for _, cells in (xlsx.rows(data, _LIMITS) if suffix == ".xlsx" else csv.rows(data))]
    except RefusedInput as error:
        raise type(error)(f"{path.name}: {error.problem}", error.mend) from error
    if not found or not any(cell.strip() for cell in found[0]):
        raise RefusedInput(f"{path.name} has no heading.", "Write the names of the columns in the first row.")
    if len(found) > _MOST_ROWS:
        raise TooLarge(f"{path.name} has {len(found):,} rows; at most {_MOST_ROWS:,} are taken.", "Split it.")
    heading = tuple(cell.strip() or f"column {number}" for number, cell in enumerate(found[0], 1))
    twice = next((name for name in heading if heading.count(name) > 1), "")
    if twice:
        raise RefusedInput(f"{path.name}: two columns are called {twice[:60]!r}.", "Rename one of them.")
    width = len(heading)
    rows = (tuple([*cells, *[""] * width][:width]) for cells in found[1:] if any(cell.strip() for cell in cells))
    return Table(heading, tuple(rows))


def queries(table: Table, column: str, type_: str, properties: Mapping[str, str]) -> list[Asked]:
    """One query a row; `properties` are columns by property. Raises UserError for a name that is none."""
    if type_ and not known_type(type_):
        raise UserError(f"There is no type {type_[:60]!r}.", f"Use one of: {', '.join(TYPES)}.")
    for name in properties:
        if not is_known(name):
            mend = "Use country, city, nuts, website, identifiers, clusters, kind, size or source."
            raise UserError(f"Nothing is matched by the property {name[:60]!r}.", mend)
    place = column_of(table, column)
    places = [(name, column_of(table, theirs)) for name, theirs in properties.items()]
    types = (type_,) if type_ else ()
    return [
        Asked(
            names=(row[place][:LONGEST_NAME],),
            types=types,
            limit=_CANDIDATES,
            conditions=tuple(Condition(name, _parts(row[at])) for name, at in places if row[at].strip()),
        )
        for row in table.rows
    ]


def column_of(table: Table, column: str) -> int:
    """The number of a column by its heading, whatever its case. Raises UserError naming those there are."""
    folded = [name.casefold() for name in table.heading]
    if column in table.heading:
        return table.heading.index(column)
    if column.strip().casefold() in folded:
        return folded.index(column.strip().casefold())
    seen = ", ".join(repr(name[:40]) for name in table.heading[:20])
    raise UserError(f"There is no column {column[:60]!r}.", f"The heading says {seen}.")


def _parts(cell: str) -> tuple[str, ...]:
    """The values of a cell; lists are separated by `;`."""
    return tuple(part.strip()[:LONGEST_NAME] for part in cell.split(";")[:50] if part.strip())


def match(
    desk: Desk, table: Table, asked: Sequence[Asked], progress: Callable[[str, int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Each row by its heading, with ADDED and `candidates`; empty where nothing is like it."""
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        for row, found in zip(table.rows[start : start + BATCH], desk.match(part), strict=True):
            out: dict[str, Any] = dict(zip(table.heading, row, strict=True))
            out |= dict.fromkeys(ADDED, "") | {"matched": False}
            if found:
                first = found[0]
                id = short(first.id) if "competency" in first.types else v.local_name(first.id)
                out |= dict(zip(ADDED, (id, first.id, first.name, first.score, first.match), strict=True))
            out["candidates"] = [
                {
                    "iri": one.id,
                    "name": one.name,
                    "description": one.description,
                    "score": one.score,
                    "match": one.match,
                }
                for one in found
            ]
            yield out
        if progress:
            progress("match", start + len(part), len(asked))
