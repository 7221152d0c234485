"""The same question to many nodes at once: each has its deadline, and whatever one does, the others are heard.

A node is asked one question, which it never passes on. Its answer is data of strangers: bounded, read field by field,
and believed only about actors that it may speak about; its own scores are not even read.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from kg.errors import FiliereError, Late, RefusedAddress, RefusedInput, Unreachable, Unsound
from kg.federation import peers as registry
from kg.federation.breaker import Breaker, State
from kg.federation.evidence import from_result, from_row
from kg.federation.peers import Peer
from kg.fetch import MIB, fetch
from kg.model import Actor

MARK = "Filiere-Live"  # the header of a question that is never passed on
SECONDS, FAILURES, PAUSE = 1.5, 3, 30.0
_GRACE = 0.2  # seconds beyond the deadline that a reader of a whole answer may still take
_MOST_BYTES = 4 * MIB
_MOST_PIECES, _PIECES_A_PLACE = 800, 15  # texts and pieces of evidence of one answer that are taken, at the least
_FRESH = 3600.0  # seconds after which a node's document is read again
_DATE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{5,20}(Z|[+-]\d\d:\d\d)")
_CONSEQUENCES = {"late", "down", "invalid"}  # what opens the breaker after some times; a refusal may be our fault


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the parameters of a search, of which the best `limit` places are wanted.

    `ours` are the namespaces that this node alone speaks about, `owned` those that some node was the first to publish:
    a node that does not say what it may speak about leaves them alone. Who `holds` says is held here is not taken.
    """

    parameters: tuple[tuple[str, str], ...]
    limit: int
    ours: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    holds: Callable[[str], bool] = lambda iri: False


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking one node.

    `status` is ok, late (no whole answer in time), down (not reached, or an error of its own), open (left alone by its
    breaker), busy (we ask it enough already), refused (it refuses the question, or we refuse its address) or invalid
    (no sound answer). `complete` is whether all it holds was searched and all it said was taken.
    """

    peer: Peer
    status: str
    says: str = ""
    actors: tuple[Actor, ...] = ()
    as_of: str = ""
    count: int = 0
    complete: bool = False


Take = Callable[[Heard], None]


@dataclass(slots=True)
class _Called:
    """A question under way; what comes after the deadline is not taken any more."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    heard: dict[str, Heard] = field(default_factory=dict)
    closed: bool = False


class Asking:
    """Asks nodes, and remembers of each how it answered and what it is."""

    def __init__(
        self,
        seconds: float = SECONDS,
        failures: int = FAILURES,
        pause: float = PAUSE,
        learn: Callable[[Peer], None] | None = None,
    ) -> None:
        self._seconds = seconds
        self._failures = failures
        self._pause = pause
        self._learn = learn or (lambda peer: None)
        self._lock = threading.Lock()
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._read: dict[tuple[str, str], tuple[float, Peer]] = {}

    def breaker(self, peer: Peer) -> Breaker:
        """The breaker of a node at its address."""
        with self._lock:
            found = self._breakers.get((peer.name, peer.url))
            if found is None:
                found = self._breakers[peer.name, peer.url] = Breaker(self._failures, self._pause)
            return found

    def state(self, peer: Peer) -> State:
        """How the breaker of a node stands."""
        return self.breaker(peer).state

    def ask(self, peers: Sequence[Peer], question: Question, take: Take = lambda heard: None) -> list[Heard]:
        """What every node answered, in the order of `peers`, within the seconds that each has and a little more.

        `take` is called with each sound answer as it comes, in a thread of its own; what it raises is that node's
        fault. It is part of the time that the node has.
        """
        called = _Called()
        deadline = time.monotonic() + self._seconds
        threads = [
            threading.Thread(target=self._one, args=(peer, question, take, called, deadline), daemon=True)
            for peer in peers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline + _GRACE - time.monotonic()))
        with called.lock:
            called.closed = True
            late = f"No whole answer within {self._seconds:g} seconds."
            return [called.heard.get(peer.name) or Heard(peer, "late", late) for peer in peers]

    def _one(self, peer: Peer, question: Question, take: Take, called: _Called, deadline: float) -> None:
        breaker = self.breaker(peer)
        if why := breaker.admit():
            said = "It failed several times and is left alone for a while." if why == "open" else "It is asked already."
            found = Heard(peer, why, said)
        else:
            found = Heard(peer, "late")
            try:
                found = self._heard(peer, question, deadline)
                if found.status == "ok":
                    take(found)
            except Exception as error:  # whatever strangers sent, it costs their answer and no more
                found = Heard(peer, "invalid", f"Its answer could not be read ({type(error).__name__}).")
            finally:
                breaker.done(found.status not in _CONSEQUENCES and not called.closed)
        with called.lock:
            if not called.closed:
                called.heard[peer.name] = found

    def _heard(self, peer: Peer, question: Question, deadline: float) -> Heard:
        try:
            known = self._known(peer, deadline)
            asked = urlencode([*question.parameters, ("limit", str(question.limit)), ("evidence", "true")])
            found = fetch(
                f"{known.endpoint}?{asked}", headers={"Accept": "application/json", MARK: "1"},
                seconds=deadline - time.monotonic(), most_bytes=_MOST_BYTES, most_redirects=1, allow=peer.allow,
            )  # fmt: skip
            if found.status != 200:
                status = "down" if found.status >= 500 or found.status in (404, 410) else "refused"
                return Heard(peer, status, f"It answers with the status {found.status}.")
            return read(known, found.body, question)
        except Late as error:
            return Heard(peer, "late", error.problem)
        except (Unsound, RefusedInput) as error:
            return Heard(peer, "invalid", error.problem)
        except RefusedAddress as error:
            return Heard(peer, "refused", error.problem)
        except (Unreachable, FiliereError) as error:
            return Heard(peer, "down", error.problem)

    def _known(self, peer: Peer, deadline: float) -> Peer:
        """The peer as its document describes it, read again when that was long ago, as far as time allows."""
        at, seen = self._read.get((peer.name, peer.url), (_age(peer), peer))
        if peer.described > seen.described:
            at, seen = _age(peer), peer
        seen = replace(seen, allow_private=peer.allow_private)
        if time.monotonic() - at < _FRESH:
            return seen
        try:
            seen = registry.describe(seen, max(0.05, deadline - time.monotonic()))
            self._learn(seen)
        except FiliereError:
            if not peer.described:  # what it may speak about is not known: it is not asked at all
                raise
        self._read[peer.name, peer.url] = (time.monotonic(), seen)
        return seen


def _age(peer: Peer) -> float:
    """When a peer's document was last read, on the monotonic clock; long ago when never."""
    try:
        ago = (datetime.now(UTC) - datetime.fromisoformat(peer.described)).total_seconds()
    except (ValueError, TypeError):
        ago = 2 * _FRESH
    return time.monotonic() - max(0.0, ago)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read(peer: Peer, body: bytes, question: Question) -> Heard:
    """A node's answer to a question. Raises RefusedInput when it is none."""
    try:
        found = json.loads(body, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedInput("Its answer is not JSON.", "Tell its operator.") from error
    if not isinstance(found, dict) or found.get("answer") not in ("match", "possible", "none"):
        raise RefusedInput("Its answer is no answer to a search.", "Check its address, or tell its operator.")
    build: Callable[[Any, Collection[str] | None, Collection[str]], Actor] = from_row
    rows = found.get("evidence")
    if rows is None:
        rows, build = found.get("results"), from_result
    if not isinstance(rows, list) or len(rows) > 2 * question.limit:
        raise RefusedInput(
            "Its answer has no list of results, or more of them than were asked for.", "Tell its operator."
        )
    forbidden = question.ours if peer.namespaces is not None else (*question.ours, *question.owned)
    actors: list[Actor] = []
    wrong: list[str] = []
    pieces = 0
    for row in rows:
        if question.holds(_iri(row)):
            continue
        try:
            actor = build(row, peer.namespaces, forbidden)
        except RefusedInput as error:
            wrong.append(error.problem)
            continue
        pieces += _pieces(actor)
        if pieces > max(_MOST_PIECES, _PIECES_A_PLACE * question.limit):
            wrong.append("What it says is more than is read.")
            break
        actors.append(actor)
    if wrong and not actors:
        raise RefusedInput(f"None of its results can be used. {wrong[0][:300]}", "Tell its operator.")
    says = f"{len(wrong)} of its {len(rows)} results were left out. {wrong[0][:300]}" if wrong else ""
    as_of, count = _sources(found.get("sources"))
    whole = found.get("complete") is True and not wrong
    return Heard(peer, "ok", says, tuple(actors), as_of, count, whole)


def _iri(row: Any) -> str:
    """The IRI that a row of evidence or a result names, "" for none."""
    told = row.get("actor", row) if isinstance(row, dict) else None
    found = told.get("iri") if isinstance(told, dict) else None
    return found if isinstance(found, str) and found.isprintable() else ""


def _pieces(actor: Actor) -> int:
    texts: Sequence[Collection[Any]] = (
        actor.makes, actor.processes, actor.certifications, actor.sectors, actor.descriptions, actor.evidence,
    )  # fmt: skip
    return sum(map(len, texts)) + 1


def _sources(rows: Any) -> tuple[str, int]:
    """(when the newest of its sources last changed, how many records they hold); what is unsound is passed over."""
    as_of, count = "", 0
    for row in rows[:1000] if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        said, held = row.get("as_of"), row.get("count")
        if isinstance(said, str) and _DATE.fullmatch(said):
            as_of = max(as_of, said)
        if isinstance(held, int) and not isinstance(held, bool) and 0 <= held < 2**31:
            count += held
    return as_of, count
