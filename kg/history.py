"""What sources said before: their changes in pages, and what one said at a moment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from kg.errors import UserError
from kg.journal import Change, Journal

_AT_ONCE = 500  # payloads read with one question
_COLUMNS = "c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload"
_PAGE = 1000  # records read at a time
_FROM = f"SELECT {_COLUMNS} FROM changes c JOIN batches b ON b.number = c.batch"


class Version(NamedTuple):
    """One change of a record, as a feed tells it: `first` when nothing was live under its IRI before."""

    seq: int
    time: str
    iri: str
    payload: str  # "" when the record was deleted, or what it said was erased
    sha256: str
    first: bool


def versions(journal: Journal, source: str, without: str, after: int, limit: int) -> list[Version]:
    """The first `limit` changes of a source with seq > `after`, in order; those of the record `without` left out."""
    query = (
        "SELECT c.seq, b.time, c.iri, c.payload, c.sha256, c.before IS NULL FROM changes c "
        "JOIN batches b ON b.number = c.batch WHERE c.source = ? AND c.seq > ? AND c.iri <> ? ORDER BY c.seq LIMIT ?"
    )
    rows = journal.rows(query, (source, after, without, limit))
    return [Version(seq, time, iri, payload, sha256, bool(first)) for seq, time, iri, payload, sha256, first in rows]


def page_ends(journal: Journal, source: str, without: str, after: int, size: int) -> list[int]:
    """The seq of every `size`-th of those changes: where the full pages of a feed end."""
    query = (
        "SELECT seq FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM changes "
        "WHERE source = ? AND seq > ? AND iri <> ?) WHERE place % ? = 0"
    )
    return [int(row[0]) for row in journal.rows(query, (source, after, without, size))]


def live(journal: Journal, source: str, without: str) -> tuple[int, list[int]]:
    """(seq of the last change, seqs of the live records by IRI) of a source at one moment, without one record."""
    query = (
        "SELECT coalesce((SELECT max(seq) FROM changes WHERE source = ?1), 0), l.seq "
        "FROM (SELECT 1) LEFT JOIN live l ON l.source = ?1 AND l.iri <> ?2 ORDER BY l.iri"
    )
    rows = journal.rows(query, (source, without))
    return int(rows[0][0]), [int(seq) for _, seq in rows if seq is not None]


def count(journal: Journal, source: str, without: str) -> int:
    """The number of live records of a source, without one."""
    query = "SELECT count(*) FROM live WHERE source = ? AND iri <> ?"
    return int(journal.rows(query, (source, without))[0][0])


def payloads(journal: Journal, seqs: Sequence[int]) -> Iterator[str]:
    """What the changes of these seqs say, in that order."""
    for start in range(0, len(seqs), _AT_ONCE):
        part = seqs[start : start + _AT_ONCE]
        found = dict(journal.rows(f"SELECT seq, payload FROM changes WHERE seq IN ({','.join('?' * len(part))})", part))
        yield from (found[seq] for seq in part)


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
