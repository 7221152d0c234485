"""What a node publishes of its public sources: who it is, dumps, feeds, a catalogue."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.dumps import Dumps
from api.outcomes import NotReady
from api.places import long_codes
from api.reader import Reader, SourceStatus
from api.settings import Settings
from kg import history
from kg import vocabulary as v
from kg.errors import FiliereError, NotFound, UserError
from kg.federation import catalog, feed
from kg.federation.layout import Layout
from kg.federation.node import Dump, Node, Published
from kg.terms import Statement, iri

if TYPE_CHECKING:
    from pathlib import Path

    from api.folder import DataFolder

_FIRST_PATIENCE = 5.0  # seconds that the document waits for the first dumps
_PATIENCE = 0.5  # and for newer ones: until one is built the one before it is named, with its seq
_DUMP_PATIENCE = 120.0
DELETION_POLICY = (
    "A record that is deleted stays in the feed as a deletion. A record that is erased goes from every page and dump; "
    "only its deletion stays. A source that is withdrawn is no longer listed."
)


class Publishing:
    """The documents of a node, made from its journal when they are asked for."""

    def __init__(self, reader: Reader, folder: DataFolder, settings: Settings, endpoints: Sequence[str] = ()) -> None:
        """`endpoints` are further doors that the node names. Raises UserError for a setting that is wrong."""
        self._reader = reader
        self._journal = reader.journal
        self._settings = settings
        self._base = base_of(settings.url)
        if settings.node_contact and not _is_page(settings.node_contact):
            mend = "Give the https address of a page (FILIERE_NODE_CONTACT)."
            raise UserError(f"{settings.node_contact[:80]!r} cannot be where the node's operator is reached.", mend)
        self._endpoints = tuple(endpoints)
        self.dumps = Dumps(reader.journal, folder.published)
        self._seen: tuple[int, dict[str, SourceStatus]] = (-1, {})
        self._ends: dict[str, list[int]] = {}
        self._pages: dict[str, tuple[int, list[feed.Page]]] = {}  # as they were at a seq
        self._since: dict[str, str] = {}
        self._counting = threading.Lock()

    def layout(self, asked: str) -> Layout:
        """Below the setting `url`, or where none is set, below the address a request came to."""
        return Layout(self._base or asked)

    def sources(self) -> dict[str, SourceStatus]:
        """The sources that are published, by id."""
        seq = self._journal.last_seq
        if self._seen[0] != seq:
            found = {status.id: status for status in self._reader.sources() if is_published(status)}
            self._seen = (seq, found)
            self.dumps.keep(found)
        return self._seen[1]

    def source(self, name: str) -> SourceStatus:
        """One of them. Raises NotFound, for a private one too."""
        found = self.sources().get(name)
        if found is None:
            raise NotFound(f"No source {name[:64]!r} is published here.", "See /.well-known/filiere.")
        return found

    def seq(self, name: str) -> int:
        """The seq of the last change of a published source. Raises NotFound."""
        return history.last_seq(self._journal, self.source(name).id)

    # Who the node is

    def node(self, at: Layout, dumps: Mapping[str, Dump] | None = None) -> Node:
        """The node's own description; a dump that is being built is named when it is there."""
        dumps = self._dumps() if dumps is None else dumps
        sources = tuple(published(self._reader, status, at, dumps.get(status.id)) for status in self.sources().values())
        endpoints = {"catalog": at.catalog, "feed": at.feeds} | ({} if at.files else {"void": at.void})
        endpoints |= {name: at.base + name for name in self._endpoints}
        return described(self._settings, at, sources, endpoints)

    def _dumps(self) -> dict[str, Dump]:
        """The newest dumps there are within the patience of a request, by source."""
        wanted = {name: self.seq(name) for name in self.sources()}
        started, out = time.monotonic(), dict[str, Dump]()
        for patience in (0.0, _PATIENCE, _FIRST_PATIENCE):  # all are begun, then waited for together
            for name, seq in wanted.items():
                if name not in out or (out[name].seq < seq and patience == _PATIENCE):
                    left = max(0.0, started + patience - time.monotonic())
                    with suppress(FiliereError):  # the feed says all that the dump would
                        if found := self.dumps.known(name, seq, left):
                            out[name] = found
        return out

    def dump(self, name: str) -> tuple[Dump, Path]:
        """A source's newest dump and its file. Raises NotFound, NotReady, StorageFull or DataFolderError."""
        seq = self.seq(name)
        found = self.dumps.known(name, seq, _PATIENCE) or self.dumps.known(name, seq, _DUMP_PATIENCE)
        if found is None:
            raise NotReady(f"The dump of {name!r} is still being written.", "Try again in a minute, or read its feed.")
        return found, self.dumps.file(name, found)

    def changed(self, name: str) -> str:
        """When a source last changed, as HTTP writes a date."""
        return format_datetime(datetime.fromisoformat(self.source(name).as_of), usegmt=True)

    def catalog(self, node: Node, at: Layout, countries: Mapping[str, Sequence[str]] | None = None) -> list[Statement]:
        """The catalogue; `countries` are those that its dumps name, where they are not this folder's own."""
        if countries is None:
            countries = {source.id: self.dumps.countries(source.id) for source in node.sources}
        countries = {name: long_codes(codes) for name, codes in countries.items()}
        issued = min((found for source in node.sources if (found := self.since(source.id))), default="")
        return catalog.catalog(node, at, issued, countries)

    # Feeds

    def since(self, name: str) -> str:
        """When a source first said something, itself aside; "" when it never did."""
        if name not in self._since:
            first = history.versions(self._journal, name, v.source_graph(name), 0, 1)
            if not first:
                return ""
            self._since[name] = first[0].time
        return self._since[name]

    def pages(self, name: str) -> list[feed.Page]:
        """The pages of a source's feed as they are now."""
        own, seq = v.source_graph(name), history.last_seq(self._journal, name)
        if (known := self._pages.get(name)) and known[0] == seq:
            return known[1]
        with self._counting:
            ends = self._ends.setdefault(name, [])
            ends += history.page_ends(self._journal, name, own, ends[-1] if ends else 0, feed.SIZE)
            ends = list(ends)
        out = [
            feed.Page(number, after, until, True)
            for number, (after, until) in enumerate(zip([0, *ends], ends, strict=False), 1)
        ]
        after = ends[-1] if ends else 0
        if history.versions(self._journal, name, own, after, 1):
            out.append(feed.Page(len(ends) + 1, after, seq, False))
        self._pages[name] = (seq, out)
        return out

    def feed_root(self, name: str, at: Layout) -> list[Statement]:
        """The root of a source's feed. Raises NotFound."""
        status = self.source(name)
        stream = feed.Stream(
            at.feed(name), status.title or name, self.since(name), status.licence, at.dataset(name), self.seq(name)
        )
        return feed.root(stream, [(at.page(name, page.number), page) for page in self.pages(name)])

    def feed_page(self, name: str, number: int, at: Layout) -> tuple[bytes, feed.Page]:
        """A page of a source's feed as TriG. Raises NotFound."""
        self.source(name)
        pages = self.pages(name)
        if not 1 <= number <= len(pages):
            raise NotFound(f"The feed of {name!r} has no page {number}.", f"Its root at /feed/{name} lists them.")
        page = pages[number - 1]
        members = history.versions(self._journal, name, v.source_graph(name), page.after, feed.SIZE)
        return feed.page_trig(at.feed(name), at.page(name, number), page, members), page

    def feeds(self, at: Layout) -> list[Statement]:
        """The list of the feeds."""
        streams = [feed.Stream(at.feed(s.id), s.title or s.id, licence=s.licence) for s in self.sources().values()]
        return feed.listing(at.feeds, streams)

    def close(self) -> None:
        """Lets what is being written come to its end."""
        self.dumps.close()


def is_published(status: SourceStatus) -> bool:
    """Whether a source may be seen by other nodes: public, and not one that Filière itself writes."""
    return status.public and ":" not in status.id and status.id not in v.RESERVED


def base_of(url: str) -> str:
    """The base address of a setting, with its last `/`; "" for none. Raises UserError for what is no address."""
    if not url:
        return ""
    if not _is_page(url) or "?" in url or "#" in url:
        raise UserError(
            f"{url[:80]!r} cannot be the address of a node.",
            "Give one such as https://data.example.org/ (FILIERE_URL).",
        )
    return url if url.endswith("/") else url + "/"


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(iri(url)) and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def described(settings: Settings, at: Layout, sources: tuple[Published, ...], endpoints: dict[str, str]) -> Node:
    """A node with its sources; its seq is that of its last published change."""
    return Node(
        node=at.base,
        seq=max((source.seq for source in sources), default=0),
        title=settings.node_title,
        publisher=settings.node_publisher,
        contact=settings.node_contact,
        software=_software(),
        shapes=_shapes(),
        deletion_policy=DELETION_POLICY,
        endpoints=endpoints,
        sources=sources,
    )


def published(reader: Reader, status: SourceStatus, at: Layout, dump: Dump | None) -> Published:
    """One source, as the node's document says it."""
    return Published(
        id=status.id,
        origin=status.origin or at.dataset(status.id),
        namespace=status.namespace,
        seq=history.last_seq(reader.journal, status.id),
        entities=history.count(reader.journal, status.id, v.source_graph(status.id)),
        title=status.title,
        publisher=status.publisher,
        licence=status.licence,
        attribution=status.attribution,
        url=status.url,
        issued=status.issued,
        as_of=status.as_of,
        feed=at.feed(status.id),
        dump=dump and Dump(at.dump(status.id), *[getattr(dump, name) for name in Dump.__slots__ if name != "url"]),
    )


@cache
def _shapes() -> str:
    return "sha256:" + hashlib.sha256((v.ontology_folder() / "shapes.ttl").read_bytes()).hexdigest()


@cache
def _software() -> str:
    try:
        return f"filiere {version('filiere')}"
    except PackageNotFoundError:
        return "filiere"
