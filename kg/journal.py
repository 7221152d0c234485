"""The log: append a batch, read from a seq.

A batch is acknowledged when `append` returns: its transaction is on disk by then (WAL, synchronous=FULL).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kg import vocabulary as v
from kg.errors import DataFolderError, NotFound
from kg.faults import point
from kg.journal_file import read_address, translated
from kg.terms import digest

APPLICATION_ID = 0x46494C49  # "FILI", so that `file` and we know our own
FORMAT = 1
_PAGE = 2000  # rows read at a time, so that a long reading never holds back a checkpoint

_SCHEMA = """
CREATE TABLE batches (
    number INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, time TEXT NOT NULL,
    source TEXT NOT NULL, note TEXT NOT NULL, upserts INTEGER NOT NULL, deletes INTEGER NOT NULL
) STRICT;
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, source TEXT NOT NULL, iri TEXT NOT NULL,
    op TEXT NOT NULL CHECK (op IN ('upsert', 'delete')), sha256 TEXT NOT NULL, payload TEXT NOT NULL, before INTEGER
) STRICT;
CREATE TABLE live (
    source TEXT NOT NULL, iri TEXT NOT NULL, seq INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (source, iri)
) STRICT, WITHOUT ROWID;
CREATE INDEX live_iri ON live (iri);
CREATE UNIQUE INDEX live_seq ON live (seq);
CREATE INDEX batches_source ON batches (source, number);
"""
_LATER = "CREATE INDEX IF NOT EXISTS changes_source ON changes (source, seq)"  # older journals lack it


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log. `before` is the payload it replaced, when that was asked for."""

    seq: int
    batch: int
    time: str
    source: str
    iri: str
    op: str
    sha256: str
    payload: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one append wrote."""

    number: int
    first_seq: int
    last_seq: int
    time: str
    source: str
    note: str
    upserts: int
    deletes: int


Part = tuple[str, Iterable[tuple[str, str]], Iterable[str]]  # a source, what it says now as (IRI, payload), what goes


class Journal:
    """The system of record of a data folder."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        # Reads go through a connection of their own, which sees only what is committed, whatever a writer is doing.
        self._reader = connection

    @classmethod
    def open(cls, path: Path, *, create: bool = False, read_only: bool = False) -> Journal:
        """The journal at `path`. Raises DataFolderError (missing, foreign, newer), DamagedData or StorageFull."""
        if not path.is_file() and not create:
            raise DataFolderError(f"There is no journal at {path}.", "Restore a backup, or name another --data.")
        with translated(path):
            if read_only:
                connection = sqlite3.connect(read_address(path), uri=True, check_same_thread=False, timeout=10)
            else:
                connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            connection.isolation_level = None
            journal = cls(path, connection)
            try:
                journal._prepare(create and not read_only, read_only)
                if not read_only:
                    address = read_address(path)
                    journal._reader = sqlite3.connect(address, uri=True, check_same_thread=False, timeout=10)
            except BaseException:
                connection.close()
                raise
        return journal

    def _prepare(self, create: bool, read_only: bool) -> None:
        application = self._one("PRAGMA application_id")
        tables = self._one("SELECT count(*) FROM sqlite_master")
        if application == 0 and tables == 0 and create:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT}; COMMIT;"
            )
        elif application != APPLICATION_ID:
            raise DataFolderError(
                f"{self._path} is not a journal of Filière.", "Restore a backup, or name another data folder."
            )
        elif int(self._one("PRAGMA user_version")) > FORMAT:
            raise DataFolderError(f"{self._path} was written by a newer Filière.", "Upgrade filiere.")
        if not read_only:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
            self._connection.execute(_LATER)

    def _one(self, query: str, parameters: tuple[object, ...] = ()) -> int:
        row = self._connection.execute(query, parameters).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    @property
    def last_seq(self) -> int:
        """The seq of the last acknowledged change; 0 for an empty journal."""
        with translated(self._path):
            row = self._reader.execute("SELECT max(seq) FROM changes").fetchone()
            return int(row[0] or 0)

    def append(
        self, source: str, upserts: Iterable[tuple[str, str]], deletes: Iterable[str] = (), note: str = ""
    ) -> Batch | None:
        """Writes one batch and returns when it is on disk; None when nothing differs from what is live.

        `upserts` are (IRI, payload); `deletes` are IRIs of this source. Raises StorageFull, and then nothing of the
        batch was written.
        """
        written = self.append_all([(source, upserts, deletes)], note)
        return written[0] if written else None

    def append_all(self, parts: Iterable[Part], note: str = "") -> list[Batch]:
        """Writes a batch a source, all of them or none, and returns when they are on disk."""
        with translated(self._path), self._transaction():
            batches = self._append(parts, note)
        point("journal.committed")
        return batches

    def _append(self, parts: Iterable[Part], note: str) -> list[Batch]:
        batches: list[Batch] = []
        time = now()  # the same for all, by which they are known as written together
        first = self._one("SELECT max(seq) FROM changes") + 1
        number = self._one("SELECT max(number) FROM batches") + 1
        point("journal.begun")
        # Whoever writes has said before what was refused; this is the last gate, and it opens for nobody.
        kept = "SELECT iri FROM live WHERE source = ?"
        erased = {row[0].rpartition("/")[2] for row in self._connection.execute(kept, (v.ERASURES,))}
        for source, upserts, deletes in parts:
            query = "SELECT iri, seq, sha256 FROM live WHERE source = ?"
            live = {iri: (seq, sha) for iri, seq, sha in self._connection.execute(query, (source,))}
            said = ((iri, payload) for iri, payload in upserts if not erased or digest(iri) not in erased)
            rows = list(_differences(source, said, deletes, live, first, number))
            if not rows and not note:
                continue
            count = sum(row[4] == "upsert" for row in rows)
            batch = Batch(number, first, first + len(rows) - 1, time, source, note, count, len(rows) - count)
            self._write(batch, rows)
            batches.append(batch)
            first, number = first + len(rows), number + 1
        point("journal.written")
        return batches

    def erase(self, iris: Collection[str], parts: Iterable[Part]) -> list[Batch]:
        """Writes the parts and makes all that was ever said under these IRIs an empty deletion: both, or none.

        The bytes may lie in the file until `scrub`; whoever reads the log no longer comes by them.
        """
        with translated(self._path), self._transaction():
            batches = self._append(parts, "")
            self._connection.execute(
                "UPDATE changes SET op = 'delete', sha256 = ?, payload = '' "
                "WHERE payload <> '' AND iri IN (SELECT value FROM json_each(?))",
                (digest(""), json.dumps(list(iris))),
            )
            point("erasure.written")
        point("erasure.committed")
        return batches

    def scrub(self) -> bool:
        """Writes the file anew, so that no byte of what was erased is left; False while another process reads it."""
        with translated(self._path):
            self._connection.execute("VACUUM")
            busy = self._one("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    def _write(self, batch: Batch, rows: list[tuple[int, int, str, str, str, str, str, int | None]]) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        execute(
            "INSERT INTO batches VALUES (?,?,?,?,?,?,?,?)",
            (
                batch.number,
                batch.first_seq,
                batch.last_seq,
                batch.time,
                batch.source,
                batch.note,
                batch.upserts,
                batch.deletes,
            ),
        )
        many("INSERT INTO changes VALUES (?,?,?,?,?,?,?,?)", rows)
        many(
            "INSERT INTO live VALUES (?,?,?,?) ON CONFLICT (source, iri) DO UPDATE SET seq=excluded.seq, "
            "sha256=excluded.sha256",
            ((row[2], row[3], row[0], row[5]) for row in rows if row[4] == "upsert"),
        )
        many("DELETE FROM live WHERE source = ? AND iri = ?", ((row[2], row[3]) for row in rows if row[4] == "delete"))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def read(self, after: int, until: int | None = None, *, with_before: bool = False) -> Iterator[Change]:
        """Every change with after < seq ≤ until, in order."""
        end = self.last_seq if until is None else until
        before = (
            "(SELECT p.payload FROM changes p WHERE p.seq = c.before)" if with_before else "''"
        )  # what the change replaced
        query = (
            f"SELECT c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload, coalesce({before}, '') "
            "FROM changes c JOIN batches b ON b.number = c.batch WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq LIMIT ?"
        )
        while after < end:
            page = self.rows(query, (after, end, _PAGE))
            if not page:
                return
            for row in page:
                yield Change(*row)
            after = page[-1][0]

    def current(self, source: str) -> dict[str, str]:
        """IRI → sha256 of every live record of a source."""
        return dict(self.rows("SELECT iri, sha256 FROM live WHERE source = ?", (source,)))

    def entities(self, source: str | None = None) -> Iterator[Change]:
        """The live records, of one source or of all, in the order of their seq."""
        where = "AND l.source = ?" if source is not None else ""
        query = (
            "SELECT c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload FROM live l "
            "JOIN changes c ON c.seq = l.seq JOIN batches b ON b.number = c.batch "
            f"WHERE l.seq > ? {where} ORDER BY l.seq LIMIT {_PAGE}"
        )
        after = 0
        while page := self.rows(query, (after, source) if source is not None else (after,)):
            for row in page:
                yield Change(*row)
            after = page[-1][0]

    def entity(self, iri: str) -> list[Change]:
        """The live records with this IRI, one a source at most."""
        rows = self.rows(
            "SELECT c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload FROM live l "
            "JOIN changes c ON c.seq = l.seq JOIN batches b ON b.number = c.batch WHERE l.iri = ? ORDER BY l.seq",
            (iri,),
        )
        return [Change(*row) for row in rows]

    def below(self, source: str, beginning: str) -> list[Change]:
        """The live records of a source whose IRIs begin so; others are not read."""
        rows = self.rows(
            "SELECT c.seq, c.batch, b.time, c.source, c.iri, c.op, c.sha256, c.payload FROM live l "
            "JOIN changes c ON c.seq = l.seq JOIN batches b ON b.number = c.batch "
            "WHERE l.source = ? AND l.iri >= ? AND l.iri < ? ORDER BY l.iri",
            (source, beginning, beginning + chr(0x10FFFF)),
        )
        return [Change(*row) for row in rows]

    def payload(self, source: str, iri: str) -> str:
        """The live payload of one record of a source, or an empty string."""
        rows = self.rows(
            "SELECT c.payload FROM live l JOIN changes c ON c.seq = l.seq WHERE l.source = ? AND l.iri = ?",
            (source, iri),
        )
        return str(rows[0][0]) if rows else ""

    def counts(self) -> dict[str, int]:
        """Source → number of live records."""
        return dict(self.rows("SELECT source, count(*) FROM live GROUP BY source ORDER BY source"))

    def batches(self, source: str | None = None, limit: int = 50) -> list[Batch]:
        """The newest batches, newest first."""
        where, parameters = ("WHERE source = ?", (source,)) if source is not None else ("", ())
        rows = self.rows(f"SELECT * FROM batches {where} ORDER BY number DESC LIMIT ?", (*parameters, limit))
        return [Batch(*row) for row in rows]

    def batch(self, number: int) -> list[Batch]:
        """The batch of a number and those written together with it. Raises NotFound."""
        rows = self.rows("SELECT * FROM batches WHERE number = ?", (number,))
        if not rows:
            raise NotFound(f"There is no batch {number}.", "See 'filiere history'.")
        batch = Batch(*rows[0])
        if not batch.note:
            return [batch]
        rows = self.rows("SELECT * FROM batches WHERE note = ? AND time = ? ORDER BY number", (batch.note, batch.time))
        return [Batch(*row) for row in rows]

    def verify(self) -> list[str]:
        """What is wrong with the log: the file, a checksum, a gap, a live record that is not the last; [] if sound."""
        try:
            problems = [f"SQLite: {row[0]}" for row in self._reader.execute("PRAGMA integrity_check") if row[0] != "ok"]
            if problems:
                return problems
            expected = 1
            last: dict[tuple[str, str], tuple[int, str]] = {}
            for change in self.read(0):
                if change.seq != expected:
                    problems.append(f"seq {expected} is missing: the next is {change.seq}.")
                expected = change.seq + 1
                if digest(change.payload) != change.sha256:
                    problems.append(f"seq {change.seq}, {change.iri}: the payload does not match its checksum.")
                last[change.source, change.iri] = (change.seq, change.op)
            live = {(source, iri): seq for source, iri, seq in self.rows("SELECT source, iri, seq FROM live")}
            if live != {key: seq for key, (seq, op) in last.items() if op == "upsert"}:
                problems.append("The table of live records does not follow from the log.")
        except sqlite3.DatabaseError as error:
            return [f"SQLite: {error}"]
        return problems

    def backup(self, target: Path) -> None:
        """A consistent copy of the journal at `target`, taken while it is in use."""
        with translated(target):
            copy = sqlite3.connect(target)
            try:
                self._reader.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            finally:
                copy.close()

    def rows(self, query: str, parameters: Collection[object] = ()) -> list[Any]:
        """What a SELECT over the tables of the log gives; for kg/history.py."""
        with translated(self._path):
            return self._reader.execute(query, tuple(parameters)).fetchall()

    def close(self) -> None:
        """Lets go of the file."""
        self._reader.close()
        self._connection.close()


def _differences(
    source: str,
    upserts: Iterable[tuple[str, str]],
    deletes: Iterable[str],
    live: dict[str, tuple[int, str]],
    first: int,
    batch: int,
) -> Iterator[tuple[int, int, str, str, str, str, str, int | None]]:
    seq = first
    for iri, payload in upserts:
        sha = digest(payload)
        before, known = live.get(iri, (None, ""))
        if sha != known:
            yield seq, batch, source, iri, "upsert", sha, payload, before
            live[iri] = (seq, sha)
            seq += 1
    for iri in deletes:
        if iri in live:
            yield seq, batch, source, iri, "delete", digest(""), "", live.pop(iri)[0]
            seq += 1


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds, as the log has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
