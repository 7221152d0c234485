"""Journal → graph: catching up, checking, repairing, and the immutable snapshots that queries read."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from kg.faults import point
from kg.graph import EmbeddedGraph, Graph
from kg.journal import Change, Journal

CHUNK = 5000  # changes in one update: about 125,000 triples of firms with contracts, some 200 MB while it is written
KEPT = 4  # snapshots kept: the newest, and those that a query may still read or ask for by their seq

_Progress = Callable[[str, int, int], None]


def catch_up(journal: Journal, graph: Graph, progress: _Progress | None = None) -> int:
    """Applies what the graph lacks, in atomic chunks; returns the seq reached. A graph ahead of the journal is rebuilt.

    A graph without a marker is loaded in bulk from the live records: what a killed load left is cleared first.
    """
    start, end = graph.applied_seq(), journal.last_seq
    if start > end or start == 0:
        graph.clear()
        graph.load(journal.entities(), end)
        return end
    done = start
    for chunk in _chunks(journal.read(start, end, with_before=True)):
        graph.apply(chunk)
        done = chunk[-1].seq
        if progress:
            progress("graph", done - start, end - start)
    return done


def _chunks(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while chunk := list(islice(changes, CHUNK)):
        yield chunk


def check(journal: Journal, graph: Graph) -> list[str]:
    """What the graph says otherwise than the journal: its seq, its sources, and each source's content by checksum."""
    if graph.applied_seq() != journal.last_seq:
        return [f"The graph stands at seq {graph.applied_seq()}, the journal at {journal.last_seq}."]
    problems: list[str] = []
    sources = set(journal.counts())
    for source in sorted(graph.sources() | sources):
        lines: set[str] = set()
        for change in journal.entities(source):
            # Not splitlines: a text may hold U+2028 and its like, which N-Triples does not escape.
            lines.update(graph.stored(f"{line}\n") for line in change.payload.split("\n") if line)
        expected = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
        try:
            found = graph.digest(source)
        except (OSError, RuntimeError) as error:
            return [f"The graph cannot be read ({error})."]
        if found != expected:
            problems.append(f"The graph of the source {source!r} does not hold what the journal says.")
    if not problems and not graph.union_stands():
        problems.append("The default graph does not hold what the sources' graphs say.")
    return problems


def repair(journal: Journal, graph: Graph) -> None:
    """Builds the graph again from the whole journal."""
    graph.clear()
    catch_up(journal, graph)


def snapshot(graph: EmbeddedGraph, folder: Path) -> Path:
    """The snapshot of the graph's seq below `folder`, made when there is none; older ones are removed."""
    standing = folder / f"{graph.applied_seq():012d}"
    if standing.is_dir():
        return standing
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    graph.backup(partial)
    point("snapshot.copied")
    # The graph may have moved on meanwhile: the copy itself says at which seq it was taken.
    target = folder / f"{EmbeddedGraph.applied_in(partial):012d}"
    if not target.is_dir():
        partial.rename(target)
    point("snapshot.renamed")
    for old in sorted(folder.glob("[0-9]*"))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    for leftover in folder.glob(".partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    return target


def drop_snapshot(folder: Path, seq: int) -> None:
    """Removes the snapshot of a seq, because the graph is about to say something else at the same seq."""
    shutil.rmtree(folder / f"{seq:012d}", ignore_errors=True)


def latest_snapshot(folder: Path) -> Path | None:
    """The newest snapshot below `folder`, or None."""
    found = sorted(folder.glob("[0-9]*"))
    return found[-1] if found else None


def snapshot_seq(snapshot_folder: Path) -> int:
    """The seq at which a snapshot was taken."""
    return int(snapshot_folder.name)
