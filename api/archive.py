"""Backups: one .tar.gz with the journal, the tokens, the peers and what is harvested, written and read with checks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from api import folder as folders
from kg.errors import DamagedData, DataFolderError, RefusedInput, storage_error
from kg.federation import registry as harvest
from kg.journal import Journal

_NAMES = ("filiere.json", "journal.sqlite", "tokens.json", "peers.json")
_MANIFEST = "manifest.json"
_HARVEST = "harvest"
_HARVESTED = re.compile(
    r"harvest/[a-z0-9][a-z0-9._-]{0,63}/(config|state|quarantine)\.json|harvest/[a-z0-9][a-z0-9._-]{0,63}/outcomes\.jsonl"
)
_MOST = 64 * 2**30  # bytes one member may unpack to; a journal of 1,000,000 actors takes about 5 GiB


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_archive(folder: folders.DataFolder, journal: Journal, target: Path) -> Path:
    """Writes the archive beside its final name, then renames it, so a half-written backup is never taken for one."""
    if target.is_dir():
        target = target / f"filiere-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    if target.exists():
        raise RefusedInput(f"{target} exists already.", "Name another file; a backup never overwrites one.")
    try:
        with tempfile.TemporaryDirectory(prefix=".filiere-backup-", dir=target.parent) as scratch:
            harvested = _copied(folder, Path(scratch))  # first: what they know must not be newer than the journal
            copy = Path(scratch) / "journal.sqlite"
            journal.backup(copy)
            members = {"journal.sqlite": copy, "filiere.json": folder.mark}
            if folder.tokens.is_file():
                members["tokens.json"] = folder.tokens
            if folder.peers.is_file():
                members["peers.json"] = folder.peers
            members |= harvested
            manifest = {"seq": journal.last_seq, "sha256": {name: _digest(path) for name, path in members.items()}}
            partial = Path(scratch) / "archive"
            with tarfile.open(partial, "w:gz", compresslevel=6) as archive:
                data = json.dumps(manifest).encode()
                head = tarfile.TarInfo(_MANIFEST)
                head.size = len(data)
                archive.addfile(head, io.BytesIO(data))
                for name, path in members.items():
                    archive.add(path, arcname=name)
            partial.chmod(0o600)  # it may hold the hashes of tokens
            with partial.open("rb") as stream:
                os.fsync(stream.fileno())
            partial.rename(target)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    return target


def _copied(folder: folders.DataFolder, scratch: Path) -> dict[str, Path]:
    """Copies of what is kept of the harvested sources: name in the archive → file."""
    out: dict[str, Path] = {}
    for file in harvest.files(folder.harvest):
        name = f"{_HARVEST}/{file.parent.name}/{file.name}"
        out[name] = scratch / name
        out[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, out[name])
    return out


def read_archive(archive: Path, data: Path) -> None:
    """Unpacks a backup into `data`, which must not exist or be empty, once every member matches its checksum."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise DataFolderError(f"{data} exists already and is not empty.", "Restore into a new folder.")
    if not archive.is_file():
        raise RefusedInput(f"There is no file {archive}.", "Name an archive that 'filiere backup' made.")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".filiere-restore-", dir=data.parent) as scratch:
            _unpack(archive, Path(scratch))
            data.mkdir(parents=True, exist_ok=True)
            if (Path(scratch) / _HARVEST).is_dir():
                shutil.move(Path(scratch) / _HARVEST, data / _HARVEST)
            for name in reversed(_NAMES):  # the mark comes last: without it the folder is not taken for one
                if (Path(scratch) / name).is_file():
                    shutil.move(Path(scratch) / name, data / name)
    except (tarfile.TarError, EOFError) as error:
        raise DamagedData(f"{archive} is damaged or not an archive ({error}).", "Use another backup.") from error
    except OSError as error:
        raise storage_error(error, data) from error


def _unpack(archive: Path, scratch: Path) -> None:
    with tarfile.open(archive, "r:gz") as members:
        manifest: dict[str, dict[str, str]] = {}
        for member in members:
            stream = members.extractfile(member) if member.isreg() else None
            ours = member.name in (*_NAMES, _MANIFEST) or _HARVESTED.fullmatch(member.name)
            if stream is None or not ours or member.size > _MOST:
                raise DamagedData(f"{archive} holds {member.name!r}, which no backup has.", "Use another backup.")
            if member.name == _MANIFEST:
                manifest = json.loads(stream.read(2**20))
                continue
            (scratch / member.name).parent.mkdir(parents=True, exist_ok=True)
            with (scratch / member.name).open("wb") as target:
                shutil.copyfileobj(stream, target, 2**20)
    wanted = manifest.get("sha256", {})
    if "journal.sqlite" not in wanted:
        raise DamagedData(f"{archive} has no manifest, so it cannot be checked.", "Use another backup.")
    for name, digest in wanted.items():
        if not (scratch / name).is_file() or _digest(scratch / name) != digest:
            raise DamagedData(f"{archive}: {name} does not match its checksum.", "Use another backup.")
