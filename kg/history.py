"""What sources said before: their changes in pages, and what one said at a moment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from kg.errors import UserError
from kg.journal import Change, Journal

_COLUMNS = "c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload"
_PAGE = 1000  # records read at a time
_FROM = f"SELECT {_COLUMNS} FROM changes c JOIN batches b ON b.number = c.batch"


def changes(journal: Journal, source: str, after: int, limit: int) -> list[Change]:
    """The first `limit` changes of a source with seq > `after`, in order."""
    query = f"{_FROM} WHERE c.source = ? AND c.seq > ? ORDER BY c.seq LIMIT ?"
    return [Change(*row) for row in journal.rows(query, (source, after, limit))]


def last_seq(journal: Journal, source: str) -> int:
    """The seq of the last change of a source; 0 when it never said anything."""
    rows = journal.rows("SELECT max(seq) FROM changes WHERE source = ?", (source,))
    return int(rows[0][0] or 0)


def seq_at(journal: Journal, time: str) -> int:
    """The seq of the last change written at or before an ISO 8601 time in UTC; 0 when there is none.

    A date alone means its end: "2020-03-25" takes in all of that day.
    """
    until = time if "T" in time else f"{time}T23:59:59.999Z"
    rows = journal.rows("SELECT max(last_seq) FROM batches WHERE time <= ?", (until,))
    return int(rows[0][0] or 0)


def moment(text: str) -> str:
    """A day or a time as a person writes it, as `seq_at` takes it: in UTC where a zone is given. Raises UserError."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text).isoformat()
        found = datetime.fromisoformat(text)
        if "T" not in text.upper() and " " not in text:
            raise ValueError
    except ValueError as error:
        raise UserError(
            f"{text[:40]!r} is no moment.", "Write a day, 2020-03-25, or a time, 2020-03-25T10:00:00Z."
        ) from error
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_of(journal: Journal, source: str, seq: int) -> Iterator[Change]:
    """The records of a source as they were live after `seq`, by IRI."""
    query = (
        "SELECT seq FROM changes c JOIN (SELECT max(seq) AS last FROM changes WHERE source = ? AND seq <= ? "
        "GROUP BY iri) ON c.seq = last WHERE c.op = 'upsert' ORDER BY c.iri"
    )
    yield from _of(journal, query, (source, seq))


def standing(journal: Journal, source: str) -> Iterator[Change]:
    """The live records of a source by IRI, as they stand when the first is asked for, whatever is written meanwhile."""
    yield from _of(journal, "SELECT seq FROM live WHERE source = ? ORDER BY iri", (source,))


def _of(journal: Journal, query: str, parameters: tuple[object, ...]) -> Iterator[Change]:
    """The changes whose seqs a query gives, in its order; only the seqs are held in memory."""
    seqs = [row[0] for row in journal.rows(query, parameters)]
    for first in range(0, len(seqs), _PAGE):
        page = seqs[first : first + _PAGE]
        rows = journal.rows(f"{_FROM} WHERE c.seq IN (SELECT value FROM json_each(?))", (json.dumps(page),))
        found = {row[0]: Change(*row) for row in rows if row[5] == "upsert"}  # one may be erased meanwhile
        yield from (found[seq] for seq in page if seq in found)
