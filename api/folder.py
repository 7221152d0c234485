"""A data folder on disk: what is in it, who may write to it, and whether it is one of ours."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kg import disk
from kg.errors import Busy, DataFolderError, storage_error

FORMAT = 1
_MARK = "filiere.json"
_HOW = "Make one with 'filiere demo' or 'filiere import FILE --source NAME', or name another with --data."


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places inside a data folder."""

    path: Path

    @property
    def journal(self) -> Path:
        """The log, one SQLite file."""
        return self.path / "journal.sqlite"

    @property
    def graph(self) -> Path:
        """The graph's store."""
        return self.path / "graph"

    @property
    def snapshots(self) -> Path:
        """The copies of the graph that queries read."""
        # Older versions kept theirs, whose default graph is empty, in "snapshots".
        return self.path / "snapshots-union"

    @property
    def index(self) -> Path:
        """The generations of the index."""
        return self.path / "index"

    @property
    def tokens(self) -> Path:
        """Hashes of the tokens that may write."""
        return self.path / "tokens.json"

    @property
    def peers(self) -> Path:
        """The nodes that are asked live."""
        return self.path / "peers.json"

    @property
    def reports(self) -> Path:
        """What imports found."""
        return self.path / "reports"

    @property
    def published(self) -> Path:
        """What is kept ready of what this node publishes; all of it can be made again."""
        return self.path / "published"

    @property
    def erased(self) -> Path:
        """The seq of the last erasure that every view and every file below has followed."""
        return self.path / "erased.json"

    @property
    def harvest(self) -> Path:
        """A folder a harvested source: where it comes from, how far its harvest is, and its outcomes."""
        return self.path / "harvest"

    @property
    def identity(self) -> Path:
        """What is compared of every actor, to find which are one."""
        return self.path / "identity.npz"

    @property
    def mark(self) -> Path:
        """The file that says this is a data folder, and of which format."""
        return self.path / _MARK


def existing(path: Path) -> DataFolder:
    """The data folder at `path`. Raises DataFolderError when there is none, or it is empty, foreign or newer."""
    if not path.is_dir():
        raise DataFolderError(f"There is no data folder at {path}.", _HOW)
    folder = DataFolder(path)
    if not folder.mark.is_file():
        entries = [entry.name for entry in path.iterdir() if entry.name != "lock"]
        if not entries:
            raise DataFolderError(f"The data folder {path} is empty.", _HOW)
        raise DataFolderError(
            f"{path} is not a data folder of Filière: it has no {_MARK} but {len(entries)} other entries.", _HOW
        )
    try:
        found = json.loads(folder.mark.read_text(encoding="utf-8"))
        version = int(found["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataFolderError(f"{folder.mark} cannot be read ({error}).", "Restore it from a backup.") from error
    if version > FORMAT:
        raise DataFolderError(
            f"{path} was written by a newer Filière (format {version}; this one knows {FORMAT}).", "Upgrade filiere."
        )
    if not folder.journal.is_file():
        raise DataFolderError(f"The journal of {path} is missing ({folder.journal.name}).", "Restore a backup.")
    return folder


def created(path: Path) -> DataFolder:
    """A new data folder at `path`, which must not exist or be empty; or the one that is there already."""
    if path.exists() and not path.is_dir():
        raise DataFolderError(f"{path} is a file, not a folder.", "Name a folder with --data.")
    if DataFolder(path).mark.is_file() and DataFolder(path).journal.is_file():
        return existing(path)
    leftover = {"lock", _MARK, "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"}
    if path.is_dir() and any(entry.name not in leftover for entry in path.iterdir()):
        return existing(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        folder = DataFolder(path)
        mark = {"format": FORMAT, "created": datetime.now(UTC).isoformat(timespec="seconds")}
        disk.save(folder.mark, json.dumps(mark).encode())
    except OSError as error:
        raise storage_error(error, path) from error
    return folder


class WriteLock:
    """One writer a data folder: an flock on `lock`, which the system lets go when the process ends, however it ends."""

    def __init__(self, folder: DataFolder) -> None:
        path = folder.path / "lock"
        try:
            self._stream = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise storage_error(error, folder.path) from error
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.seek(0)
            holder = self._stream.read().strip() or "unknown"
            self._stream.close()
            raise Busy(
                f"Another process (pid {holder}) is writing to {folder.path}.",
                "Write through the running service (PUT /sources/NAME, PUT /tags/ACTOR/COMPETENCY), or stop it first.",
            ) from error
        try:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(str(os.getpid()))
            self._stream.flush()
        except OSError:
            pass  # the lock holds without the note of who holds it

    def release(self) -> None:
        """Let the next writer in."""
        self._stream.close()
