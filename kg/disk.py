"""Files put on disk whole: who reads one sees what was there before, or all of what is there now."""

from __future__ import annotations

import os
from pathlib import Path


def save(file: Path, data: bytes, mode: int = 0o666) -> None:
    """Writes beside the file, puts it on disk, renames it, and puts the name on disk too. Raises OSError.

    `mode` are the rights of the file, less those that the process gives nobody (umask).
    """
    partial = file.with_name(file.name + ".tmp")
    partial.unlink(missing_ok=True)  # what a killed process left may have other rights
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    sync(file.parent)


def sync(folder: Path) -> None:
    """Puts the names in a folder on disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
