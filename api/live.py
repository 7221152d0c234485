"""Live search: the nodes of the registry are asked beside our own index, and what they bring is judged by our model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kg import vocabulary as v
from kg.errors import UserError, storage_error

if TYPE_CHECKING:
    from api.engine import Engine
    from api.settings import Settings
    from kg.federation.live import Asking, Heard, Question
    from kg.federation.peers import Peer, Peers
    from kg.model import TagDecision
    from search.matcher import Matcher
    from search.pieces import Preparer
    from search.query import Query
    from search.results import Matches, SourceAnswer

PEER_COLUMNS = ("name", "url", "title", "state", "namespaces", "allow_private", "added", "described")
_AT_ONCE = 16  # live searches that wait for peers; a service has 40 threads for everything
_SPARE = 2  # places beyond those wanted that a node is asked for: some of several nodes will share one
_LISTS = ("country", "nuts", "size", "kind", "cluster", "certificate", "source")


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A node that is asked live, and how its breaker stands: closed, open or half-open."""

    name: str
    url: str
    title: str
    state: str
    namespaces: tuple[str, ...] | None
    allow_private: bool
    added: str
    described: str
    trouble: str = ""


class Live:
    """What the doors of live search do with an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._peers: Peers | None = None
        self._asking: Asking | None = None
        self._chosen: dict[str, Any] = {}
        self._prepares: tuple[Matcher, tuple[TagDecision, ...], Preparer] | None = None
        self._waiting = threading.BoundedSemaphore(_AT_ONCE)

    def configure(self, settings: Settings) -> None:
        """Takes the deadline of a node and the bounds of its breaker from the settings, before the first question."""
        self._chosen = {
            "seconds": settings.live_seconds, "failures": settings.live_failures, "pause": settings.live_pause,
        }  # fmt: skip

    @property
    def peers(self) -> Peers:
        """The registry."""
        if self._peers is None:
            from kg.federation.peers import Peers

            self._peers = Peers(self._engine.folder.peers)
        return self._peers

    @property
    def asking(self) -> Asking:
        """What asks, and remembers who failed."""
        if self._asking is None:
            from kg.federation.live import Asking

            self._asking = Asking(**self._chosen, learn=self._learn)
        return self._asking

    def _learn(self, peer: Peer) -> None:
        with suppress(OSError):  # a folder that cannot be written to is read all the same
            self.peers.learn(peer)

    # The registry

    def status(self) -> list[PeerStatus]:
        """Every peer, in the order they were added."""
        return [self._status(peer) for peer in self.peers.all()]

    def _status(self, peer: Peer, trouble: str = "") -> PeerStatus:
        said = (peer.namespaces, peer.allow_private, peer.added, peer.described)
        return PeerStatus(peer.name, peer.url, peer.title, self.asking.state(peer), *said, trouble)

    def add(self, name: str, url: str, allow_private: bool = False) -> PeerStatus:
        """Adds a node or changes its address; `trouble` says why its document could not be read yet.

        Raises RefusedInput or RefusedAddress.
        """
        try:
            return self._status(*self.peers.add(name, url, allow_private))
        except OSError as error:
            raise storage_error(error, self._engine.folder.path) from error

    def remove(self, name: str) -> Peer:
        """Asks a node no more. Raises NotFound."""
        try:
            return self.peers.remove(name)
        except OSError as error:
            raise storage_error(error, self._engine.folder.path) from error

    # Asking

    def search(self, query: Query) -> Matches:
        """The answer over our own index and all peers; `complete` only when every one answered wholly.

        Raises UserError beyond the bounds of a search, or of the places that peers are asked for.
        """
        from search.guests import Guests, prepared
        from search.matcher import check
        from search.query import MOST_RESULTS
        from search.results import Origin

        check(query)
        if query.offset + query.limit > MOST_RESULTS:
            raise UserError(
                f"Live search gives {MOST_RESULTS} places; offset and limit are {query.offset + query.limit}.",
                "Ask for fewer, add a constraint, or search here alone.",
            )
        started = time.perf_counter()
        matcher = self._engine.matcher()
        preparer = self._preparer(matcher)
        brought: dict[str, Guests] = {}

        def take(heard: Heard) -> None:
            origin = Origin(heard.peer.name, heard.peer.url)
            brought[heard.peer.name] = prepared(heard.actors, heard.peer.own, origin, preparer)

        peers = self.peers.all()
        answers = self._answers(peers, query, take)
        guests = [brought[heard.peer.name] for heard in answers if heard.status == "ok"]
        matches = self._engine.answered(matcher, query, guests)
        return replace(
            matches,
            sources=(*matches.sources, *map(_said, answers)),
            complete=matches.complete and all(heard.status == "ok" and heard.complete for heard in answers),
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def _preparer(self, matcher: Matcher) -> Preparer:
        """What makes actors ready as our index would; kept, since it remembers what it read, until that changes."""
        decisions = tuple(self._engine.decisions())
        known = self._prepares
        if known is None or known[0] is not matcher or known[1] != decisions:
            decided: dict[str, dict[str, bool]] = {}
            for decision in decisions:
                decided.setdefault(decision.actor, {})[decision.competency] = decision.verdict == "confirmed"
            known = self._prepares = (matcher, decisions, matcher.preparer(decided))
        return known[2]

    def _answers(self, peers: tuple[Peer, ...], query: Query, take: Callable[[Heard], None]) -> list[Heard]:
        """What the peers say; none is asked while as many searches wait for theirs as may, so that other doors open."""
        from kg.federation.live import Heard

        if not self._waiting.acquire(blocking=False):
            return [Heard(peer, "busy", "Too many searches wait for other nodes.") for peer in peers]
        try:
            return self.asking.ask(peers, self._question(query, peers), take)
        finally:
            self._waiting.release()

    def _question(self, query: Query, peers: tuple[Peer, ...]) -> Question:
        from kg.federation.live import Question
        from search.query import MOST_RESULTS

        parameters = [("q", query.text), *([("lang", query.lang)] if query.lang else [])]
        parameters += [(name, word) for name in _LISTS for word in getattr(query, name)]
        if query.near is not None:
            parameters.append(("near", f"{query.near[0]!r},{query.near[1]!r}"))
        if query.within_km is not None:
            parameters.append(("within_km", repr(query.within_km)))
        ours = [s.namespace for s in self._engine.sources() if not s.harvested_from and s.id not in v.OURS]
        owned = tuple(namespace for peer in peers for namespace in peer.own)
        wanted = query.offset + query.limit
        wanted = min(MOST_RESULTS, wanted + _SPARE + wanted // 10)
        return Question(tuple(parameters), wanted, tuple(ours), owned, self._holds)

    def _holds(self, iri: str) -> bool:
        """Whether an actor is held here, or was erased here, so that no node may tell of it."""
        from kg import erasures

        if not iri or self._engine.described_by(iri):
            return bool(iri)
        return erasures.covering(erasures.known(self._engine.journal), iri) is not None

    # Being asked

    def evidence(self, query: Query) -> list[dict[str, Any]]:
        """What we say of the best candidates for a need, for a node that judges by its own model: rows as in
        actors.jsonl with `iri` and `source`. Only of sources that are public, whether or not anybody is shown here."""
        from kg.federation.evidence import to_row

        public = {s.id for s in self._engine.sources() if s.public and s.id not in v.OURS and ":" not in s.id}
        wanted = tuple(name for name in query.source if name in public) if query.source else tuple(sorted(public))
        if not wanted:
            return []
        rows = []
        for iri, terms in self._engine.candidates(replace(query, source=wanted)):
            found = [actor for actor in self._engine.described_by(iri) if actor.source in public]
            rows += [to_row(actor, terms) for actor in found[:1]]
        return rows


def _said(heard: Heard) -> SourceAnswer:
    from search.results import SourceAnswer

    return SourceAnswer(
        id=heard.peer.name, status=heard.status, as_of=heard.as_of, count=heard.count, node=heard.peer.url,
        says=heard.says,
    )  # fmt: skip
