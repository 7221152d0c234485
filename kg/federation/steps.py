"""A harvest under way: its files and the step it has reached, kept so that a restart goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kg import disk
from kg.federation import registry
from kg.federation.registry import Config
from kg.journal import now

STEPS = ("begun", "fetched", "parsed", "held")


class Ended(Exception):
    """A harvest ends here without anything to take: `outcome` (one of registry.OUTCOMES), why, and how to mend it.

    With `anew` the next harvest trusts nothing that is known and reads the whole.
    """

    def __init__(self, outcome: str, reason: str = "", mend: str = "", anew: bool = False) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.mend = mend
        self.anew = anew


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a run: its name in the folder, how it is read, and its SHA-256."""

    name: str
    form: str  # dump, feed, rdf or table: see kg/readers/federated.py
    sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """One harvest, as run.json keeps it."""

    id: str
    config: str  # fingerprint of the config it was begun under
    started: str
    step: str = "begun"
    kind: str = ""
    whole: bool = True  # the files are all that the source says, not what changed
    pieces: tuple[Piece, ...] = ()
    about: dict[str, str] = field(default_factory=dict)  # title, publisher, licence, origin, namespace … as it says
    seq: int = 0  # at the remote node
    entities: int = -1  # that the files should hold; -1 when nobody says
    feed: str = ""
    validators: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: int = 0
    rows: str = ""  # sha256 of rows.jsonl once parsed
    released: bool = False  # a person accepted it

    @property
    def sha256(self) -> str:
        """Of all that was fetched."""
        found = [piece.sha256 for piece in self.pieces]
        return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


class Work:
    """The folder of a run."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "work"
        self.held = place / "held"

    def begin(self, config: Config) -> Run:
        """A new run in an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        run = Run(secrets.token_hex(6), registry.fingerprint(config), now())
        self.save(run)
        return run

    def unfinished(self, config: Config) -> Run | None:
        """The run that a crash or a stop left, when it has fetched all and its files are whole; None for none."""
        run = _run(self.folder)
        if run is None or run.step == "begun" or run.config != registry.fingerprint(config):
            return None
        for piece in run.pieces:
            file = self.folder / piece.name
            if not file.is_file() or digest(file) != piece.sha256:
                return None
        return run

    def save(self, run: Run) -> None:
        """Writes how far the run is."""
        registry.save(self.folder / "run.json", asdict(run))

    def put(self, name: str, data: bytes, form: str) -> Piece:
        """Keeps a file of the run."""
        registry.save_bytes(self.folder / name, data)
        return Piece(name, form, hashlib.sha256(data).hexdigest())

    def hold(self, run: Run) -> None:
        """Puts the run where it waits for a person."""
        self.save(replace(run, step="held"))
        shutil.rmtree(self.held, ignore_errors=True)
        self.folder.rename(self.held)
        disk.sync(self.held.parent)

    def waiting(self) -> Run | None:
        """The run that waits for a person."""
        return _run(self.held)

    def release(self) -> Run | None:
        """The run that waited, accepted and back in work; None when none waits."""
        run = _run(self.held)
        if run is None:
            return None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.held.rename(self.folder)
        disk.sync(self.held.parent)
        run = replace(run, step="parsed" if run.rows else "fetched", released=True)
        self.save(run)
        return run

    def forget(self) -> None:
        """Takes what waits for a person away."""
        shutil.rmtree(self.held, ignore_errors=True)

    def clear(self) -> None:
        """Takes the run away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _run(folder: Path) -> Run | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        found: dict[str, Any] = json.loads((folder / "run.json").read_bytes())
        return Run(**{**found, "pieces": tuple(Piece(**piece) for piece in found["pieces"])})
    return None
