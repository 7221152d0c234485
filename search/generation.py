"""An immutable, checksummed index folder, and the exact buffer of what is fresher than it.

A generation is written beside its final name, every file flushed, a manifest with their checksums last, then renamed.
One that is damaged, or was made by another model, is refused and never served.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.errors import DamagedData, storage_fault
from kg.model import Actor, Concept
from search import decided as decisions
from search import duplicates, workers
from search.concepts import Concepts
from search.decided import Decided, Labels
from search.encoder import Encoder
from search.pieces import Verdicts
from search.segment import Done, Segment

FORMAT = 7
_MANIFEST = "manifest.json"
_MEND = "Run 'filiere check --repair'."
_Step = Callable[[str], None]


class Part(NamedTuple):
    """A segment, which of its actors still stand [n] (None: all of them), and the group of each among its like [n]
    (0: alone; None: all of them), the same number in every part."""

    segment: Segment
    standing: NDArray[np.bool_] | None
    groups: NDArray[np.int64] | None


class Generation:
    """An index as it stands: one segment on disk, and one in memory with the actors that changed since."""

    def __init__(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        concepts: Concepts,
        base: Segment,
        encoder: Encoder,
        decided: Decided | None = None,
    ) -> None:
        self.folder = folder
        self.base_seq = int(manifest["seq"])
        self.model = str(manifest["model"])
        self.predicates: dict[str, str] = dict(manifest["predicates"])
        self.concepts = concepts
        self.base = base
        # Swapped as one, so that a search never sees half of a change: actors of `base` that were replaced, the
        # segment of fresh ones, the groups of both, and the seq that they stand at.
        self._decided = Labels(base, decided or Decided())
        self._state: tuple[tuple[Part, ...], int] = (_parts(self._decided, base), self.base_seq)
        self._encoder = encoder
        self._fresh_actors: dict[str, Actor] = {}
        self._fresh_verdicts: dict[str, Mapping[str, bool]] = {}
        # Generations of the same words were made by the same encoder from the same concepts.
        self.made_by = f"{_mark(encoder)}-{manifest['concepts']['key'][:16]}"
        self._gone: set[str] = set()

    @property
    def seq(self) -> int:
        """The journal's number of the last change that a search sees."""
        return self._state[1]

    @property
    def fresh(self) -> Segment | None:
        """The actors that changed since the generation was built."""
        parts = self.parts()
        return parts[1].segment if len(parts) > 1 else None

    @property
    def actor_count(self) -> int:
        """How many actors can be found."""
        return sum(len(part.segment) if part.standing is None else int(part.standing.sum()) for part in self.parts())

    def parts(self) -> tuple[Part, ...]:
        """The segments as they stand at one moment."""
        return self._state[0]

    def segments(self) -> list[tuple[Segment, NDArray[np.bool_] | None]]:
        """Each segment with the actors in it that still stand [n] (None: all of them)."""
        return [(part.segment, part.standing) for part in self.parts()]

    def add_fresh(
        self,
        actors: Sequence[Actor],
        gone: Collection[str],
        until: int,
        verdicts: Verdicts | None = None,
        decided: Decided | None = None,
    ) -> None:
        """Puts changed actors beside the generation and takes those that are gone out, up to the seq `until`.

        `verdicts` are all that stand on these actors; `decided` is, when it has changed, who is one and who is not.
        """
        if decided is not None:
            self._decided = Labels(self.base, decided)
        self._fresh_verdicts |= {actor.iri: (verdicts or {}).get(actor.iri, {}) for actor in actors}
        self._fresh_actors |= {actor.iri: actor for actor in actors}
        for iri in gone:
            self._fresh_actors.pop(iri, None)
        self._gone |= set(gone) | {actor.iri for actor in actors}
        hidden = np.zeros(len(self.base), dtype=bool)
        hidden[self.base.find(self._gone)] = True
        fresh = list(self._fresh_actors.values())
        built = Segment.build(fresh, self.concepts, self._encoder, verdicts=self._fresh_verdicts) if fresh else None
        self._state = (_parts(self._decided, self.base, ~hidden, built), until)

    @property
    def decided_seq(self) -> int:
        """The seq of the last decision on who is one that a search sees."""
        return self._decided.decided.seq


def _parts(
    decided: Labels, base: Segment, standing: NDArray[np.bool_] | None = None, fresh: Segment | None = None
) -> tuple[Part, ...]:
    """The base and what is fresher than it, with groups across both."""
    keys = base.columns.keys if standing is None else base.columns.keys * standing[:, None]
    labels, apart = decided.across(standing, fresh)
    if fresh is None:
        return (Part(base, standing, duplicates.groups(keys, labels, apart)),)
    found = duplicates.groups(np.concatenate([keys, fresh.columns.keys]), labels, apart)
    first, last = (None, None) if found is None else (found[: len(base)], found[len(base) :])
    return Part(base, standing, first), Part(fresh, None, last)


def as_it_is(actor: Actor) -> Actor:
    """What reads an actor that is one already."""
    return actor


def build(
    folder: Path,
    *,
    actors: Iterable[Any],
    read: workers.Read = as_it_is,
    concepts: Sequence[Concept] | Callable[[], Sequence[Concept]],
    encoder: Encoder,
    seq: int,
    predicates: Mapping[str, str],
    concepts_key: str = "",
    verdicts: Verdicts | None = None,
    decided: Decided | None = None,
    on_step: _Step = lambda name: None,
    progress: Done | None = None,
) -> Generation:
    """Writes a generation below `folder` and opens it. Raises StorageFull when the disk is full or read-only.

    `actors` are read once, in order; `read`, a function of a module, makes an actor of each, or None of what is none.
    `predicates` are the IRIs that the fields of actors, evidence and concepts have in the graph, for the reasons.
    `concepts_key` changes whenever the concepts do: with the same key those of the newest generation are taken over,
    and `concepts`, when it is a function, is not called. `verdicts` are what persons decided on tags, `decided` is who
    is one and who is not.
    """
    partial = folder / f".partial-{os.getpid()}"
    target = folder / _name(seq, encoder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        on_step("index.begun")
        known = _unchanged(folder, concepts_key, encoder)
        if known is None:
            known = _concepts(concepts, concepts_key, encoder)
        known.write(partial)
        concept_files = _files(partial)
        pieces = workers.pieces(actors, read, known, partial, encoder, verdicts or {})
        segment = Segment.joined(pieces, len(known), encoder.dimension, partial, progress)
        segment.write(partial)
        decisions.write(partial, decided or Decided())
        on_step("index.written")
        _seal(partial, seq, encoder, len(segment), predicates, {"key": concepts_key, "files": concept_files})
        on_step("index.manifest")
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
        _flush_folder(folder)
        on_step("index.renamed")
    except (OSError, RuntimeError, ValueError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        fault = storage_fault(error, folder)
        if fault is None:
            raise
        raise fault from error
    return open_generation(target, encoder)


def _seal(
    folder: Path, seq: int, encoder: Encoder, actors: int, predicates: Mapping[str, str], concepts: Mapping[str, Any]
) -> None:
    """Writes the manifest, with the checksums of all files, and flushes everything."""
    manifest = {
        "format": FORMAT,
        "seq": seq,
        "model": encoder.name,
        "dimension": encoder.dimension,
        "actors": actors,
        "predicates": dict(predicates),
        "concepts": concepts,
        "sha256": {name: _digest(folder / name) for name in _files(folder)},
    }
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (folder / _MANIFEST).write_text(f"{_checksum(text)}\n{text}\n", encoding="utf-8")
    _flush(folder)


def _unchanged(folder: Path, key: str, encoder: Encoder) -> Concepts | None:
    """The concepts of the newest generation when they are these very ones and whole; they need no encoding again."""
    if not key:
        return None
    for previous in sorted(folder.glob(f"[0-9]*-{_mark(encoder)}"))[-1:]:
        try:
            manifest = _manifest(previous)
            if manifest["concepts"]["key"] != key or manifest["model"] != encoder.name:
                return None
            for name in manifest["concepts"]["files"]:
                if _digest(previous / name) != manifest["sha256"][name]:
                    return None
            return Concepts.open(previous, encoder)
        except (DamagedData, OSError, KeyError, ValueError):
            return None
    return None


def _concepts(concepts: Sequence[Concept] | Callable[[], Sequence[Concept]], key: str, encoder: Encoder) -> Concepts:
    """The concepts, their labels encoded; the last ones are kept at hand, since data folders mostly hold the same."""
    if key and (key, encoder.name) in _LAST_BUILT:
        return _LAST_BUILT[key, encoder.name]
    built = Concepts.build(concepts() if callable(concepts) else concepts, encoder)
    _LAST_BUILT.clear()
    _LAST_BUILT[key, encoder.name] = built
    return built


_LAST_BUILT: dict[tuple[str, str], Concepts] = {}


def _name(seq: int, encoder: Encoder) -> str:
    return f"{seq:012d}-{_mark(encoder)}"


def _mark(encoder: Encoder) -> str:
    """What tells the generations of two models apart by their folder's name."""
    return hashlib.sha256(f"{FORMAT} {encoder.dimension} {encoder.name}".encode()).hexdigest()[:12]


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if not name.endswith(".lock") and name != _MANIFEST)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_latest(folder: Path, *, encoder: Encoder) -> Generation | None:
    """The newest generation that this encoder made, or None. Raises DamagedData naming the file that is wrong."""
    found = sorted(folder.glob(f"[0-9]*-{_mark(encoder)}"))
    return open_generation(found[-1], encoder) if found else None


def open_generation(folder: Path, encoder: Encoder) -> Generation:
    """The generation in a folder, every file compared with its checksum. Raises DamagedData."""
    manifest = _manifest(folder)
    if manifest["model"] != encoder.name or manifest["dimension"] != encoder.dimension:
        raise DamagedData(
            f"{folder} was made by the model {manifest['model']} ({manifest['dimension']} numbers a text), "
            f"not by {encoder.name} ({encoder.dimension}).",
            _MEND,
        )
    for name, digest in manifest["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise DamagedData(f"{path} is missing.", _MEND)
        if _digest(path) != digest:
            raise DamagedData(f"{path} does not match its checksum.", _MEND)
    try:
        concepts = Concepts.open(folder, encoder)
        segment = Segment.open(folder, encoder.dimension)
        decided = decisions.read(folder)
    except (KeyError, ValueError, OSError) as error:  # files that are whole, but not as this version writes them
        raise DamagedData(f"{folder} cannot be opened ({error}).", _MEND) from error
    return Generation(folder, manifest, concepts, segment, encoder, decided)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        checksum, _, text = path.read_bytes().decode("utf-8").partition("\n")
        if checksum != _checksum(text.removesuffix("\n")) or not text.endswith("\n"):
            raise ValueError("it does not match its checksum")
        found: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise DamagedData(f"{path} is damaged or missing ({error}).", _MEND) from error
    if found["format"] != FORMAT:
        raise DamagedData(f"{folder} has the format {found['format']}, not {FORMAT}.", _MEND)
    return found


def remove_stale(folder: Path, keep: int, on_step: _Step = lambda name: None) -> None:
    """Removes all but the newest generations, and what writers that were killed left behind."""
    found = sorted(folder.glob("[0-9]*-*"), key=lambda path: (path.name.partition("-")[0], path.stat().st_mtime))
    leftover = [path for path in folder.glob(".partial-*") if path.name != f".partial-{os.getpid()}"]
    for path in [*found[:-keep], *leftover]:
        shutil.rmtree(path, ignore_errors=True)
    on_step("index.pruned")
