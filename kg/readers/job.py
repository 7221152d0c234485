"""What is to be read and how: one file, the kind of its records, and the limits it must keep to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kg.errors import RefusedInput

RecordKind = Literal["actor", "cluster", "offer", "need", "exchange", "recipe", "claim", "figure", "concept"]
RECORD_KINDS: tuple[str, ...] = (
    "actor", "cluster", "offer", "need", "exchange", "recipe", "claim", "figure", "concept"
)  # fmt: skip

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take, in bytes, seconds, rows and levels."""

    file_bytes: int = 512 * MIB
    unpacked_bytes: int = 1024 * MIB
    memory_bytes: int = 4096 * MIB
    cell_bytes: int = 1 * MIB
    seconds: int = 900
    rows: int = 5_000_000
    depth: int = 64


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read."""

    path: Path
    record: str = "actor"
    mapping: Path | None = None
    scheme: str = ""
    form: str = ""  # "" for a file of somebody's, else what another node published: see federated.py
    after: int = 0  # of a page of a feed: members up to this seq are known


@dataclass(frozen=True, slots=True)
class TableMapping:
    """How the headings of a table become our columns."""

    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    record: str = ""


def read_mapping(path: Path, known: frozenset[str]) -> TableMapping:
    """A mapping file (TOML): `record`, [columns], [defaults], [languages]. Raises RefusedInput naming the culprit."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RefusedInput(f"There is no mapping file {path}.", "Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mend = 'Write lines such as "Nom" = "name" below [columns].'
        raise RefusedInput(f"{path} is not TOML: {error}.", mend) from error
    for section in found:
        if section not in ("record", "columns", "defaults", "languages"):
            raise RefusedInput(
                f"{path}: there is no section [{section}].", "Use record, [columns], [defaults] and [languages]."
            )
        if section != "record" and not isinstance(found[section], dict):
            raise RefusedInput(
                f"{path}: {section!r} is not a section.", f"Write [{section}] and one line a name below."
            )
    columns = {str(theirs): str(ours) for theirs, ours in found.get("columns", {}).items()}
    defaults = {str(name): str(text) for name, text in found.get("defaults", {}).items()}
    for name in [*columns.values(), *defaults]:
        if name and name not in known:
            raise RefusedInput(
                f"{path}: {name!r} is no column of ours.", f"Columns are: {', '.join(sorted(known))}; '' drops one."
            )
    languages = {str(name): str(text) for name, text in found.get("languages", {}).items()}
    return TableMapping(columns, defaults, languages, str(found.get("record", "")))
