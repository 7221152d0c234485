"""The nodes that are asked live: a list kept in peers.json, each with what its own document says of it."""

from __future__ import annotations

import fcntl
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kg import disk
from kg.addresses import read_url
from kg.errors import DamagedData, NotFound, RefusedAddress, RefusedInput, Unreachable
from kg.federation import node as nodes
from kg.federation.node import Node
from kg.fetch import MIB, fetch

MOST_PEERS = 50
_LONGEST = 2_000  # characters of a base address
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SECONDS = 10.0  # that a new peer may take to say what it is
_MOST_BYTES = 4 * MIB  # of its document
_MOST_NAMESPACES = 1_000
_PREFIX = re.compile(r"https?://[^\s/]+/\S*[/#]")  # a namespace ends where a name begins: /a must not cover /ab


@dataclass(frozen=True, slots=True)
class Peer:
    """A node that is asked live. `namespaces` is None while its document has not been read, or where it has none."""

    name: str
    url: str  # its base address, with the last slash
    allow_private: bool = False
    added: str = ""
    title: str = ""
    search: str = ""  # the address of its search; "" for `search` below its base
    namespaces: tuple[str, ...] | None = None
    own: tuple[str, ...] = ()  # those of them that it was the first to publish
    described: str = ""  # when its document was last read, ISO 8601 in UTC

    @property
    def allow(self) -> frozenset[str]:
        """The private address that it may have."""
        return frozenset({read_url(self.url).authority}) if self.allow_private else frozenset()

    @property
    def endpoint(self) -> str:
        """The address of its search, without a query: ours is the only one, so that no question is passed on by it."""
        scheme, host, path, _, _ = urlsplit(self.search or self.url + "search")
        return urlunsplit((scheme, host, path, "", ""))


def base(url: str) -> str:
    """A node's base address in one spelling. Raises RefusedAddress."""
    if len(url) > _LONGEST:
        raise RefusedAddress(f"The address has {len(url):,} characters.", f"At most {_LONGEST:,} are taken.")
    parts = urlsplit(read_url(url).url)
    path = parts.path.removesuffix(nodes.WELL_KNOWN).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path + "/", "", ""))


def describe(peer: Peer, seconds: float = _SECONDS) -> Peer:
    """The peer with what its document says now; a node without one is searched below its base address.

    Raises RefusedAddress, Unreachable, or RefusedInput for a document that is none.
    """
    address = peer.url + nodes.WELL_KNOWN.lstrip("/")
    found = fetch(address, seconds=seconds, most_bytes=_MOST_BYTES, allow=peer.allow)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if found.status in (404, 410):
        return replace(peer, search="", namespaces=None, own=(), described=now)
    if found.status != 200:
        raise Unreachable(f"{address} answers with the status {found.status}.", "Ask its operator, or try later.")
    return _described(peer, nodes.from_json(found.body, found.url), now)


def _described(peer: Peer, node: Node, now: str) -> Peer:
    named = [source for source in node.sources if _PREFIX.fullmatch(source.namespace)][:_MOST_NAMESPACES]
    search = node.endpoints.get("search", "")
    return replace(
        peer,
        title=node.title[:200],
        search=read_url(search).url if search else "",
        namespaces=tuple(sorted({source.namespace for source in named})),
        own=tuple(sorted({source.namespace for source in named if source.origin.startswith(node.node)})),
        described=now,
    )


class Peers:
    """The peers of a data folder; what another process changes is seen at the next look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._seen: tuple[Peer, ...] = ()
        self._reading = threading.Lock()

    def all(self) -> tuple[Peer, ...]:
        """Every peer, in the order they were added. Raises DamagedData."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return ()
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        with self._reading:
            if stamp != self._stamp:
                self._seen, self._stamp = self._read(), stamp
            return self._seen

    def _read(self) -> tuple[Peer, ...]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))["peers"]
            return tuple(_peer(row) for row in rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            mend = "Remove it and add the peers again, or restore it from a backup."
            raise DamagedData(f"{self._path} cannot be read.", mend) from error

    def get(self, name: str) -> Peer:
        """One peer. Raises NotFound."""
        for peer in self.all():
            if peer.name == name:
                return peer
        raise NotFound(f"There is no peer {name[:80]!r}.", "See 'filiere peers list'.")

    def add(self, name: str, url: str, allow_private: bool = False) -> tuple[Peer, str]:
        """Adds a node, or gives the one of that name another address; and why its document was not read yet, or "".

        Raises RefusedInput for a name or document that is none, RefusedAddress for an address we do not go to.
        """
        if not _NAME.fullmatch(name):
            raise RefusedInput(
                f"{name[:80]!r} cannot be the name of a peer.",
                "Use at most 64 lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit.",
            )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        peer, trouble = Peer(name, base(url), allow_private, now), ""
        try:
            peer = describe(peer)
        except RefusedAddress as error:
            mend = error.mend if allow_private else "If a private address is meant, add it with --allow-private."
            raise RefusedAddress(error.problem, mend) from error
        except Unreachable as error:
            trouble = error.problem
        with self._changing() as known:
            kept = tuple(replace(peer, added=old.added) if old.name == name else old for old in known)
            if peer.name not in {old.name for old in known}:
                if len(known) >= MOST_PEERS:
                    raise RefusedInput(f"There are {MOST_PEERS} peers already.", "Remove one first.")
                kept = (*kept, peer)
            self._write(kept)
        return peer, trouble

    def learn(self, peer: Peer) -> None:
        """Keeps what a peer's document says now, unless it was removed or changed meanwhile."""
        with self._changing() as known:
            self._write(tuple(peer if (old.name, old.url) == (peer.name, peer.url) else old for old in known))

    def remove(self, name: str) -> Peer:
        """Asks a node no more. Raises NotFound."""
        with self._changing() as known:
            for peer in known:
                if peer.name == name:
                    self._write(tuple(other for other in known if other is not peer))
                    return peer
        raise NotFound(f"There is no peer {name[:80]!r}.", "See 'filiere peers list'.")

    @contextmanager
    def _changing(self) -> Iterator[tuple[Peer, ...]]:
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.all()

    def _write(self, peers: tuple[Peer, ...]) -> None:
        said = {"peers": [asdict(peer) for peer in peers]}
        disk.save(self._path, json.dumps(said, indent=1).encode())


def _peer(row: Mapping[str, Any]) -> Peer:
    known = {item.name for item in fields(Peer)}
    given: dict[str, Any] = {
        name: tuple(item) if isinstance(item, list) else item for name, item in row.items() if name in known
    }
    return Peer(**given)
