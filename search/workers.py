"""Child processes that make actors ready beside us, so that building an index takes every core.

python -m search.workers reads an order and then runs of actors from standard input, and answers each with its piece.
Both sides are this program: what passes between them is pickled, and comes from no one else.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from kg.model import Actor
from search.concepts import Concepts
from search.encoder import Encoder, StaticEncoder
from search.pieces import Piece, Preparer, Verdicts

_RUN = 2048  # actors of a piece: some 15 MB while it is made
_ALONE = 2  # pieces that are made before a child is worth its start of half a second
_WAITING = 3  # pieces a child may be ahead of the one that is waited for
_MOST = 8  # children: more of them than this wait for the one process that joins the pieces
_ROOT = Path(__file__).resolve().parent.parent
Read = Callable[[Any], Actor | None]


class _Order(NamedTuple):
    """What a child needs to know: the folders of encoder and concepts, what was decided, how an item is read."""

    encoder: Path
    concepts: Path
    verdicts: Verdicts
    read: Read


def pieces(
    items: Iterable[Any], read: Read, concepts: Concepts, folder: Path, encoder: Encoder, verdicts: Verdicts
) -> Iterator[Piece]:
    """The pieces of all items that `read` takes for actors, in their order; `folder` holds the concepts as written.

    Children help a static encoder only: any other takes the memory of a whole model in each, and all cores already.
    `read` must be a function of a module.
    """
    preparer = Preparer(concepts, encoder, verdicts)
    left = iter(items)
    runs = iter(lambda: list(islice(left, _RUN)), [])
    home = encoder.folder if isinstance(encoder, StaticEncoder) else None
    children = min(_MOST, (os.cpu_count() or 1) - 1) if home else 0
    for run in islice(runs, _ALONE if children else None):
        yield preparer.piece(_actors(run, read))
    first = next(runs, None)
    if first is not None and home is not None:
        order = _Order(home, folder, verdicts, read)
        yield from _shared(first, runs, preparer, order, children)


def _shared(
    first: list[Any], runs: Iterator[list[Any]], preparer: Preparer, order: _Order, children: int
) -> Iterator[Piece]:
    """The pieces of the runs, made by children, and by us while they are busy."""
    made: deque[Piece | Future[Piece]] = deque()
    with _Children(order, children) as others:
        run: list[Any] | None = first
        while run is not None:
            if others.waiting() < children * _WAITING:
                made.append(others.submit(run, preparer))
            else:
                made.append(preparer.piece(_actors(run, order.read)))
            while made and (len(made) > (children + 1) * _WAITING or _ready(made[0])):
                yield _done(made.popleft())
            run = next(runs, None)
        while made:
            yield _done(made.popleft())


def _ready(piece: Piece | Future[Piece]) -> bool:
    return not isinstance(piece, Future) or piece.done()


def _done(piece: Piece | Future[Piece]) -> Piece:
    return piece.result() if isinstance(piece, Future) else piece


def _actors(run: Sequence[Any], read: Read) -> list[Actor]:
    return [actor for actor in map(read, run) if actor is not None]


class _Children:
    """Some children, each with a thread of ours that talks to it."""

    def __init__(self, order: _Order, count: int) -> None:
        self._order = order
        self._threads = ThreadPoolExecutor(count, initializer=self._begin)
        self._local = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []
        self._unanswered = 0
        self._counting = threading.Lock()

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._all:
            child.kill()
        self._threads.shutdown()
        for child in self._all:
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with suppress(OSError):
                    if pipe:
                        pipe.close()

    def waiting(self) -> int:
        """Runs that are not answered yet."""
        with self._counting:
            return self._unanswered

    def submit(self, run: list[Any], preparer: Preparer) -> Future[Piece]:
        """The piece of a run, made by one of the children; by us when that one is dead."""
        with self._counting:
            self._unanswered += 1
        return self._threads.submit(self._answer, run, preparer)

    def _begin(self) -> None:
        child = subprocess.Popen(
            [sys.executable, "-B", "-P", "-X", "utf8", "-m", "search.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(_ROOT), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"},
            close_fds=True,
        )
        self._local.child = child
        self._all.append(child)
        with suppress(OSError):
            _send(child, self._order)

    def _answer(self, run: list[Any], preparer: Preparer) -> Piece:
        child: subprocess.Popen[bytes] = self._local.child
        try:
            _send(child, run)
            assert child.stdout
            found: Piece = pickle.load(child.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):  # it died, perhaps for want of memory
            return preparer.piece(_actors(run, self._order.read))
        finally:
            with self._counting:
                self._unanswered -= 1
        return found


def _send(child: subprocess.Popen[bytes], what: object) -> None:
    assert child.stdin
    pickle.dump(what, child.stdin, protocol=5)
    child.stdin.flush()


def main() -> None:
    """Answers runs until there are no more."""
    gc.disable()  # pieces hold no cycles, and looking for them took a fifteenth of the time
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    order: _Order = pickle.load(questions)
    encoder = StaticEncoder.load(order.encoder)
    preparer = Preparer(Concepts.open(order.concepts, encoder), encoder, order.verdicts)
    while True:
        try:
            run = pickle.load(questions)
        except EOFError:
            return
        pickle.dump(preparer.piece(_actors(run, order.read)), answers, protocol=5)
        answers.flush()


if __name__ == "__main__":
    main()
