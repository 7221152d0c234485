"""The file of the log: how it is opened for reading, and SQLite's errors as the house's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kg.errors import DamagedData, DataFolderError, StorageFull

_LEAST_FREE = 65_536  # bytes; SQLite needs as much for the smallest write or the index of its WAL


def read_address(path: Path) -> str:
    """The URI that opens a journal for reading.

    Reading a journal in WAL mode writes beside it; on a read-only disk nobody can change it, so it is opened as
    immutable, unless the last writer was killed and left changes in the WAL: then it must be opened for writing once.
    """
    wal = path.with_name(path.name + "-wal")
    immutable = _is_read_only(path) and not (wal.is_file() and wal.stat().st_size)
    return f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if immutable else "")


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)


def _is_full(path: Path) -> bool:
    return os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize < _LEAST_FREE


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as the house's, by whose fault they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        unopened = name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR"))
        if name.startswith("SQLITE_FULL") or "disk is full" in str(error) or (unopened and _is_full(path)):
            raise StorageFull(
                f"The disk that holds {path} is full.", "Free some space and repeat; what was stored is safe."
            ) from error
        if name.startswith("SQLITE_READONLY") or (unopened and _is_read_only(path)):
            raise StorageFull(f"{path} is on a read-only disk.", "Mount it for writing, once at least.") from error
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise DamagedData(f"The journal {path} is damaged ({error}).", "Restore the newest backup.") from error
        if unopened:
            raise StorageFull(f"{path} cannot be read or written ({error}).", "See to the disk.") from error
        raise DataFolderError(f"{path}: {error}.", "Another process may hold it; try again.") from error
