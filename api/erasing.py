"""Erasure in a data folder: the log first, then every view and file beside it; what was cut short is finished later.

A view may hold what the log no longer says, so each is made anew: Oxigraph keeps texts that no statement uses.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kg import disk, erasures
from kg.errors import UserError
from kg.faults import point

if TYPE_CHECKING:
    from api.engine import Engine
    from kg.erasures import Erased
    from kg.model import Erasure

_Progress = Callable[[str, int, int], None]
_CHUNK = 2**20
MOST_AT_ONCE = 1000
_KEPT = ("config.json", "state.json")  # of a harvested source: what the operator said, how far it is
_OUTCOMES = "outcomes.jsonl"
_UNDER_WAY = ("work", "held")  # a harvest that is not done: it begins anew
# Below the data folder; what is not named here is looked through for what is erased.
_VIEWS = ("graph", "snapshots", "snapshots-union", "index", "lock", "filiere.json", "tokens.json", "tokens.lock")


def names(engine: Engine, given: Iterable[str]) -> list[str]:
    """The IRIs that ids or IRIs mean; an IRI counts even when its record is gone. Raises NotFound or UserError."""
    found = [name if name.startswith(("http://", "https://")) else engine.the_actor(name).iri for name in given]
    if not found:
        raise UserError("Nothing is named.", "Name a record by its IRI, or an actor by its id.")
    if len(found) > MOST_AT_ONCE:
        raise UserError(f"{len(found):,} records are named at once.", f"Name at most {MOST_AT_ONCE:,}.")
    return found


def erase(engine: Engine, given: Iterable[str], reason: str, progress: _Progress | None = None) -> Erased:
    """Erases records here for good; see erasures.erase. The caller holds `writing()`."""
    iris = names(engine, given)
    marks = _forms(iris), _forms(erasures.names(engine.journal, iris))
    # Before, so that it is not forgotten should we be killed in between; after, for what came meanwhile.
    erased = erasures.erase(engine.journal, iris, reason, first=lambda: _sweep(engine.folder.path, *marks))
    _sweep(engine.folder.path, *marks)
    finish(engine, progress)
    return erased


def unfinished(engine: Engine) -> bool:
    """Whether views and files may still hold something that was erased."""
    last = erasures.last_seq(engine.journal)
    return last > 0 and _followed(engine.folder.erased) < last


def _followed(mark: Path) -> int:
    try:
        return int(json.loads(mark.read_text(encoding="utf-8"))["seq"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def finish(engine: Engine, progress: _Progress | None = None) -> None:
    """Makes every view anew from the log and writes the log's file anew. The caller holds `writing()`.

    While another process reads the log, its old bytes stay; then this is done again with the next write.
    """
    seq = erasures.last_seq(engine.journal)
    scrubbed = engine.journal.scrub()
    point("erasure.scrubbed")
    shutil.rmtree(engine.folder.published, ignore_errors=True)
    shutil.rmtree(engine.folder.reports, ignore_errors=True)
    engine.renew_graph(progress)
    point("erasure.graph")
    engine.index.rebuild(progress, kept=1)
    point("erasure.index")
    engine.catch_up(progress)
    if scrubbed:
        disk.save(engine.folder.erased, json.dumps({"seq": seq}).encode())


def clear_leftovers(folder: Path) -> None:
    """Removes what killed processes left of uploads and trials of updates. Nothing of the kind may be under way."""
    for pattern in (".incoming-*", ".update-*"):
        for leftover in folder.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)


def _forms(texts: Iterable[str]) -> list[bytes]:
    """The byte strings by which a file shows that it holds a text: as it stands, and as JSON."""
    forms = {form for text in texts for form in (text, json.dumps(text)[1:-1])}
    return sorted(form.encode("utf-8", "surrogatepass") for form in forms)


def _sweep(folder: Path, iris: list[bytes], names: list[bytes]) -> None:
    """Removes what speaks of what is erased, of the files beside the log and its views: reports, fetched copies, dumps.

    In a JSON file, which may describe a source, a name alone is no sign.
    """
    for path in list(_beside(folder)):
        marks = iris if path.suffix == ".json" else [*iris, *names]
        if path.name in _KEPT or not any(map(_in(path), marks)):
            continue
        if path.parent.name in _UNDER_WAY:
            shutil.rmtree(path.parent, ignore_errors=True)
        elif path.name == _OUTCOMES:
            _without(path, marks)
        else:
            path.unlink(missing_ok=True)


def _without(file: Path, marks: list[bytes]) -> None:
    """Takes the lines out of a file that hold one of the marks."""
    lines = file.read_bytes().split(b"\n")
    partial = file.with_suffix(".tmp")
    partial.write_bytes(b"\n".join(line for line in lines if not any(mark in line for mark in marks)))
    partial.replace(file)


def _beside(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in _VIEWS or entry.name.startswith(("journal.sqlite", ".update-", ".incoming-")):
            continue
        yield from (path for path in ([entry] if entry.is_file() else entry.rglob("*")) if path.is_file())


def _in(path: Path) -> Callable[[bytes], bool]:
    """Whether a file, packed or not, holds some bytes; one that cannot be read may hold anything."""

    def holds(mark: bytes) -> bool:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                before = b""
                while chunk := stream.read(_CHUNK):
                    if mark in before + chunk:
                        return True
                    before = chunk[-len(mark) :]
        except (OSError, EOFError, zlib.error):
            return path.suffix == ".gz"
        return False

    return holds


def lifted(engine: Engine, name: str) -> Erasure:
    """Lets what was erased be said again. The caller holds `writing()`. Raises NotFound or UserError."""
    found = erasures.lift(engine.journal, name)
    engine.catch_up()
    return found
