"""Crash cycles on a real data folder: python -m tests.api.crash --cycles 500 [--seed N].

A child process imports small versions of sources and says on its output which batch was acknowledged; it is killed
(SIGKILL) at a named point of the write path or at a random moment. The parent then opens the folder and asks: is every
acknowledged batch there, is nothing there that was never sent, do all views stand at the same seq?
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from api.engine import Engine
from kg import projection
from kg.faults import POINTS
from kg.model import Actor

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("alpha", "beta", "gamma")
_MOST = 25  # actors a version has
_WORDS = ("masks", "gel", "valves", "gowns", "visors", "swabs", "reagents", "bottles")


@dataclass
class Sent:
    """What the parent knows: the version of each source that was acknowledged, and the one sent after it, if any."""

    acknowledged: dict[str, dict[str, str]] = field(default_factory=dict)
    pending: tuple[str, dict[str, str]] | None = None


def version(seed: int, source: str, number: int) -> dict[str, str]:
    """Actor id → what it makes, for one version of a source; each differs from the one before."""
    picker = random.Random(f"{seed} {source} {number}")
    ids = picker.sample(range(40), picker.randint(3, _MOST))
    return {f"{source}-{n}": f"{picker.choice(_WORDS)} {number}" for n in sorted(ids)}


def write(folder: Path, seed: int, first: int) -> None:
    """The child: imports version after version until it is killed, saying what it sends and what was acknowledged."""
    from kg.model import Source

    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        for number in range(first, first + 1000):
            source = SOURCES[number % len(SOURCES)]
            actors = version(seed, source, number)
            file = folder.parent / f"{source}.jsonl"
            file.write_text(
                "".join(json.dumps({"id": i, "name": i, "makes": [made]}) + "\n" for i, made in actors.items()),
                encoding="utf-8",
            )
            print(json.dumps({"sent": source, "actors": actors, "number": number}), flush=True)
            engine.import_files([file], Source(source), allow_deletions=True)
            if number % 4 == 3:
                projection.snapshot(engine.graph, engine.folder.snapshots)
            print(json.dumps({"acknowledged": source, "number": number}), flush=True)


def cycle(folder: Path, seed: int, first: int, crash_at: str, sent: Sent, picker: random.Random) -> int:
    """One run of the child until it dies. Returns the number of the next version."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CRASH_AT": crash_at}
    command = [
        sys.executable,
        "-m",
        "tests.api.crash",
        "--child",
        str(folder),
        "--seed",
        str(seed),
        "--first",
        str(first),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert child.stdout is not None
    deadline = time.monotonic() + picker.uniform(0.3, 2.0)
    number = first
    for line in child.stdout:
        said = json.loads(line)
        if "sent" in said:
            sent.pending = (said["sent"], said["actors"])
            number = said["number"] + 1
        else:
            assert sent.pending is not None
            sent.acknowledged[sent.pending[0]] = sent.pending[1]
            sent.pending = None
        if not crash_at and time.monotonic() > deadline:
            time.sleep(picker.uniform(0, 0.08))
            child.send_signal(signal.SIGKILL)
            break
    for line in child.stdout:  # what was said before the signal came is said
        said = json.loads(line)
        if "sent" in said:
            sent.pending = (said["sent"], said["actors"])
            number = said["number"] + 1
        elif sent.pending:
            sent.acknowledged[sent.pending[0]] = sent.pending[1]
            sent.pending = None
    status = child.wait(timeout=120)
    assert status == -signal.SIGKILL, f"the child ended with {status} at {crash_at or 'a random moment'}"
    return number


def check(folder: Path, sent: Sent) -> None:
    """Opens the folder as a user would and compares every view with what was sent. Raises AssertionError."""
    with Engine.open(folder, write=True, model="hashing") as engine:
        seq = engine.seq
        if sent.pending is not None:
            source, actors = sent.pending
            live = _held(engine, source)
            before = sent.acknowledged.get(source, {})
            assert live in (actors, before), f"half of a batch of {source}: {live}"
            if live == actors:
                sent.acknowledged[source] = actors
            sent.pending = None
        for source in SOURCES:
            held, wanted = _held(engine, source), sent.acknowledged.get(source, {})
            assert held == wanted, (
                f"{source}: lost {wanted.items() - held.items()}, ghosts {held.items() - wanted.items()}"
            )
        assert engine.graph.applied_seq() == seq
        assert engine.index.seq == seq
        assert engine.check() == []
        everyone = {f"{i}" for actors in sent.acknowledged.values() for i in actors}
        generation = engine.index.open()
        assert generation is not None
        found = {
            part.summary(n).id
            for part, standing in generation.segments()
            for n in range(len(part))
            if standing is None or standing[n]
        }
        assert found == everyone, f"index: lost {everyone - found}, ghosts {found - everyone}"


def _held(engine: Engine, source: str) -> dict[str, str]:
    return {a.id: a.makes[0].text for a in engine.actors() if isinstance(a, Actor) and a.source == source}


def run(cycles: int, seed: int) -> dict[str, int]:
    """So many cycles; returns how often each point was died at ("random" for a random moment)."""
    picker = random.Random(seed)
    sent, first, counts = Sent(), 0, dict.fromkeys((*POINTS, "random"), 0)
    with tempfile.TemporaryDirectory(prefix="filiere-crash-") as scratch:
        folder = Path(scratch) / "data"
        with Engine.open(folder, write=True, create=True, model="hashing"):
            pass
        for number in range(cycles):
            point = POINTS[number % len(POINTS)] if number % 5 != 4 else ""
            crash_at = f"{point}:{picker.randint(1, 2)}" if point else ""
            first = cycle(folder, seed, first, crash_at, sent, picker)
            counts[point or "random"] += 1
            check(folder, sent)
    return counts


def main() -> None:
    """Reads the arguments; `--child` is the process that gets killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--child", type=Path)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    if given.child:
        from kg import faults

        if crash_at := os.environ.get("CRASH_AT", ""):
            name, _, nth = crash_at.partition(":")
            faults.arm(name, int(nth))
        write(given.child, given.seed, given.first)
        return
    print(f"seed {given.seed}", flush=True)
    started = time.monotonic()
    counts = run(given.cycles, given.seed)
    print(f"{given.cycles} crashes in {time.monotonic() - started:.0f} s, nothing lost, no ghosts: {counts}")


if __name__ == "__main__":
    main()
