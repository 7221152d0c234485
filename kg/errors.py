"""Errors, named by whose fault they are; phrased once here, given a status or an exit code at the edge."""

from __future__ import annotations

import errno
from pathlib import Path


class FiliereError(Exception):
    """Base of every error Filière raises on purpose.

    `problem` says what is wrong and where, `mend` what the reader can do about it; `str()` gives both.
    """

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.problem} {self.mend}".strip()


class UserError(FiliereError):
    """What was asked or given cannot be used as it is: a bad argument, query or file."""


class RefusedInput(UserError):
    """A file, row or body was refused; nothing of it was kept."""


class Malformed(RefusedInput):
    """A body is not what its type says it is."""


class TooLarge(RefusedInput):
    """An input passed a limit on size, depth, memory or time."""


class NotFound(UserError):
    """No such actor, source, competency or file."""


class MissingExtra(UserError):
    """An optional package is not installed; `mend` is the line that installs it."""


class Forbidden(UserError):
    """The token is missing, unknown, or does not allow this."""


class Held(UserError):
    """A change was held back for a person to confirm; nothing was written."""


class DataFolderError(FiliereError):
    """The data folder is missing, empty, foreign, or not writable."""


class Busy(DataFolderError):
    """Another process is writing to this data folder."""


class DamagedData(FiliereError):
    """Stored data does not match its checksum or its manifest; a rebuild from the journal mends it."""


class StorageFull(FiliereError):
    """The disk is full or read-only; what was acknowledged before is safe."""


class OntologyError(FiliereError):
    """The packaged ontology, a shape, a check or a scheme is wrong; the file and the culprit are named."""


class RefusedAddress(UserError):
    """An address that Filière does not go to: no plain http(s) URL, or a private one that no operator named."""


class Unreachable(FiliereError):
    """Another server could not be reached, or its answer was late, cut, too large or wrong; nothing of it was kept."""


class Late(Unreachable):
    """Another server gave no whole answer in the time it had."""


class Unsound(Unreachable):
    """Another server's answer was cut, too large or not well-formed."""


class QueryRefused(UserError):
    """A SPARQL query was refused before or while it ran: syntax, a forbidden form, or a budget."""


class QueryTimeout(QueryRefused):
    """A SPARQL query used up its time or memory and was stopped; no partial answer is given."""


def storage_fault(error: Exception, path: Path) -> StorageFull | DataFolderError | None:
    """What an error of the operating system says of the disk below `path`; None when it says nothing of it."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return StorageFull(
            f"The disk that holds {path} is full.", "Free some space and repeat; what was stored is safe."
        )
    if code == errno.EROFS or "Read-only file system" in str(error):
        return StorageFull(f"The disk that holds {path} is read-only.", "Mount it for writing, or name another --data.")
    if code in (errno.EACCES, errno.EPERM):
        return DataFolderError(
            f"No permission to write below {path}.", "Change its owner or rights, or name another --data."
        )
    return None


def storage_error(error: OSError | RuntimeError, path: Path) -> StorageFull | DataFolderError:
    """The error of the house for an error of the operating system while writing below `path`."""
    return storage_fault(error, path) or DataFolderError(
        f"Cannot write below {path}: {getattr(error, 'strerror', None) or error}.", "See to the disk, then repeat."
    )
