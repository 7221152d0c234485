"""The sources that are harvested: where each comes from, how it stands, and what its harvests came to.

Each has a folder of its own: config.json (what the operator said), state.json (what we know of it), outcomes.jsonl
(the history), quarantine.json (what was set aside), work/ and held/ (a harvest under way, and one that waits for a
person). Every file is written whole beside its place, put on disk, and renamed.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from kg import disk
from kg import vocabulary as v
from kg.addresses import read_url
from kg.errors import DamagedData, NotFound, UserError, storage_error
from kg.readers.job import RECORD_KINDS

KINDS = ("filiere", "dump", "dcat", "sparql", "csv")
OUTCOMES = ("ok", "unchanged", "held", "quarantined", "stale", "gone", "refused")
GOOD = ("ok", "unchanged")  # nobody needs to look
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LEAST, _MOST = 1, 366 * 86_400  # seconds between two harvests
_HISTORY_BYTES = 1_000_000  # of outcomes.jsonl, above which the older half goes
_LONGEST = 100_000  # characters of a query or mapping
_SHORT = 2_000
_Kept = TypeVar("_Kept", "Config", "State", "Outcome")


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator said of a harvested source."""

    name: str
    url: str
    kind: str = ""  # one of KINDS; "" is found out from what the address answers
    part: str = ""  # id of the source at that node, or of the dataset in that catalogue
    mapping: str = ""  # the text of a mapping file, for tables
    query: str = ""  # a CONSTRUCT, for SPARQL endpoints
    record: str = "actor"
    namespace: str = ""  # "" takes the one the node declares, or what its records begin with
    title: str = ""
    publisher: str = ""
    licence: str = ""
    every: int = 3600  # seconds
    private: bool = False  # kept out of what we publish
    allow_private: bool = False  # the operator's consent to a private address
    paused: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What we know of a harvested source, written after each harvest."""

    config: str = ""  # fingerprint of the config this was learnt under
    kind: str = ""
    namespace: str = ""  # pinned at the first harvest
    origin: str = ""
    licence: str = ""  # as last accepted
    seq: int = 0  # at the remote node
    local_seq: int = 0  # of our journal's last change of this source, when it was ours
    feed: str = ""
    validators: dict[str, dict[str, str]] = field(default_factory=dict)  # URL → etag, modified, sha256
    outcome: str = ""
    reason: str = ""
    mend: str = ""
    checked: str = ""  # time of the last harvest, whatever it came to
    succeeded: str = ""  # time of the last one that reached the source
    held: str = ""  # the run that waits for a person
    quarantined: int = 0  # records that are set aside


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one harvest came to."""

    source: str
    outcome: str  # one of OUTCOMES
    time: str
    seconds: float = 0.0
    reason: str = ""
    mend: str = ""
    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    set_aside: int = 0
    seq: int = 0  # of our journal
    seq_there: int = 0
    requests: int = 0
    run: str = ""


def seconds(text: str) -> int:
    """The seconds of "30s", "15m", "1h" or "1d". Raises UserError."""
    match = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip().lower())
    found = int(match.group(1)) * _SECONDS[match.group(2)] if match else 0
    if not _LEAST <= found <= _MOST:
        raise UserError(f"{text[:40]!r} is no span of time.", "Write 30s, 15m, 1h or 1d; a year at most.")
    return found


def checked(config: Config) -> Config:
    """The config back. Raises UserError, RefusedInput or RefusedAddress naming what is wrong with it."""
    v.check_source_name(config.name)
    read_url(config.url)
    if config.kind and config.kind not in KINDS:
        raise UserError(f"There is no kind of source {config.kind[:40]!r}.", f"Kinds are: {', '.join(KINDS)}.")
    if config.record not in RECORD_KINDS or config.record == "concept":
        raise UserError(f"There are no records {config.record[:40]!r}.", f"Use one of: {', '.join(RECORD_KINDS[:-1])}.")
    if config.namespace and not re.fullmatch(r"https?://[^\s<>\"]+[/#]", config.namespace):
        raise UserError(f"{config.namespace[:80]!r} is no namespace.", "Write an IRI prefix that ends with / or #.")
    for name in ("mapping", "query"):
        if len(getattr(config, name)) > _LONGEST:
            raise UserError(f"The {name} has more than {_LONGEST:,} characters.", "Shorten it.")
    for name in ("url", "part", "namespace", "title", "publisher", "licence"):
        if len(getattr(config, name)) > _SHORT:
            raise UserError(f"{name} has more than {_SHORT:,} characters.", "Shorten it.")
    if config.query and not re.search(r"\bconstruct\b", config.query, re.IGNORECASE):
        raise UserError("The query is no CONSTRUCT.", "Write one that constructs the records.")
    if not _LEAST <= config.every <= _MOST:
        raise UserError(f"Every {config.every} seconds is out of range.", "Between a second and a year.")
    return config


class Registry:
    """The folder of the harvested sources."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> Path:
        """The folder of one source."""
        return self._folder / v.check_source_name(name)

    def names(self) -> list[str]:
        """The names of all sources that are harvested."""
        if not self._folder.is_dir():
            return []
        return sorted(path.parent.name for path in self._folder.glob("*/config.json"))

    def stamp(self) -> tuple[int, ...]:
        """Changes whenever how a source stands is written."""
        out: list[int] = []
        for file in sorted(self._folder.glob("*/state.json")):
            with suppress(OSError):  # removed just now
                out.append(file.stat().st_mtime_ns)
        return tuple(out)

    def config(self, name: str) -> Config:
        """What the operator said of a source. Raises NotFound or DamagedData."""
        file = self.place(name) / "config.json"
        if not file.is_file():
            raise NotFound(f"No source {name!r} is harvested.", f"Add it: filiere sources add {name} URL.")
        found = _read(Config, file)
        assert found is not None
        return found

    def state(self, name: str) -> State:
        """How a source stands; the blank state for one that was never harvested, or under another config."""
        config = self.config(name)
        found = _read(State, self.place(name) / "state.json") or State()
        mark = fingerprint(config)
        if found.config == mark:
            return found
        # What is pinned and what is ours stays; what the old address said of itself does not.
        return replace(found, config=mark, kind="", seq=0, feed="", validators={})

    def add(self, config: Config) -> bool:
        """Adds a source, or changes what was said of it; True when it is new."""
        place = self.place(checked(config).name)
        new = not (place / "config.json").is_file()
        save(place / "config.json", asdict(replace(config, url=read_url(config.url).url)))
        return new

    def remove(self, name: str) -> None:
        """Forgets that a source is harvested; what it said stays. Raises NotFound."""
        self.config(name)
        place = self.place(name)
        (place / "config.json").unlink()
        shutil.rmtree(place, ignore_errors=True)

    def keep(self, name: str, state: State) -> None:
        """Writes how a source stands."""
        save(self.place(name) / "state.json", asdict(state))

    def log(self, outcome: Outcome) -> None:
        """Adds an outcome to the history; one that says again what the last one said is not written again."""
        file = self.place(outcome.source) / "outcomes.jsonl"
        last = next(iter(self.outcomes(outcome.source, 1)), None)
        quiet = outcome.outcome not in ("ok", "quarantined")
        again = last is not None and bool(outcome.run) and last.run == outcome.run  # after a crash
        if last and _alike(last, outcome) and (quiet or again):
            return
        lines = file.read_bytes() if file.is_file() else b""
        if lines and not lines.endswith(b"\n"):  # a crash cut the last line
            lines = lines[: lines.rfind(b"\n") + 1]
        if len(lines) > _HISTORY_BYTES:
            lines = lines[lines.find(b"\n", len(lines) // 2) + 1 :]
        save_bytes(file, lines + json.dumps(asdict(outcome), ensure_ascii=False).encode() + b"\n")

    def outcomes(self, name: str, limit: int = 50) -> list[Outcome]:
        """The last outcomes of a source, the newest first."""
        file = self.place(name) / "outcomes.jsonl"
        if not file.is_file():
            return []
        found: list[Outcome] = []
        for line in reversed(file.read_bytes().split(b"\n")):
            if line and len(found) < limit:
                try:
                    found.append(_of(Outcome, json.loads(line)))
                except (ValueError, TypeError):
                    continue
        return found

    def quarantine(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """What is set aside: IRI of the record → findings."""
        file = self.place(name) / "quarantine.json"
        try:
            found = json.loads(file.read_bytes()) if file.is_file() else {}
        except ValueError:
            return {}  # it is a report; the next harvest of the whole writes it again
        return found if isinstance(found, dict) else {}

    def set_aside(self, name: str, findings: dict[str, list[dict[str, Any]]]) -> None:
        """Writes what is set aside."""
        save(self.place(name) / "quarantine.json", findings)


def fingerprint(config: Config) -> str:
    """Changes with what decides what is fetched and how it is read."""
    import hashlib

    parts = (config.url, config.kind, config.part, config.mapping, config.query, config.record, config.namespace)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def save(file: Path, content: Any) -> None:
    """JSON on disk in the place of what was there, or nothing changed."""
    save_bytes(file, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def save_bytes(file: Path, data: bytes) -> None:
    """Bytes on disk in the place of what was there, or nothing changed. Raises StorageFull or DataFolderError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.save(file, data)
    except OSError as error:
        raise storage_error(error, file) from error


def _alike(one: Outcome, other: Outcome) -> bool:
    return (one.outcome, one.reason) == (other.outcome, other.reason)


def _of(kind: type[_Kept], row: Any) -> _Kept:
    known = {item.name for item in fields(kind)}
    return kind(**{name: content for name, content in row.items() if name in known})


def _read(kind: type[_Kept], file: Path) -> _Kept | None:
    if not file.is_file():
        return None
    try:
        return _of(kind, json.loads(file.read_bytes()))
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{file} cannot be read.", "Remove it and add the source again, or restore it from a backup."
        ) from error


def all_of(registry: Registry) -> Iterator[tuple[Config, State]]:
    """Every harvested source and how it stands."""
    for name in registry.names():
        yield registry.config(name), registry.state(name)


def files(folder: Path) -> list[Path]:
    """What a backup takes: what the operator said, how each source stands, what is set aside, its outcomes."""
    names = ("config.json", "state.json", "quarantine.json", "outcomes.jsonl")
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    return [place / name for place in places for name in names if (place / name).is_file()]
