"""Another node of Filière: its dump first, then the pages of its feed after what is known."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

from kg import vocabulary as v
from kg.errors import FiliereError, RefusedInput, Unreachable
from kg.federation import node as nodes
from kg.federation.asking import MOST_BYTES, MOST_DOCUMENT, RDF, Asking, sha256, suffix, validators
from kg.federation.node import Dump, Node, Published
from kg.federation.registry import Config, State
from kg.federation.steps import Ended, Piece, Run, Work
from kg.fetch import Fetched
from kg.intake import parse
from kg.model import Source
from kg.readers.job import MIB, Job, Limits
from kg.terms import from_payload, value

_MOST_PAGES = 5_000
_PAGE_BYTES = 64 * MIB
_JSON = "application/json"
_LIMITS = Limits(seconds=120)


class _Unbroken(Exception):
    """The feed does not lead from what is known to now; the dump does."""


@dataclass(frozen=True, slots=True)
class _Page:
    url: str
    after: int  # members have a greater seq
    until: int | None  # and one no greater than this; None for the last page


def fetch(asking: Asking, work: Work, run: Run, config: Config, state: State, untouched: bool) -> Run:
    """The run with its files: a dump, or pages of the feed. Raises Ended."""
    root: Fetched | None = None
    if state.feed and (known := state.validators.get(state.feed)):
        root = asking.get(state.feed, RDF, known, MOST_DOCUMENT)
        if root is None:
            raise Ended("unchanged")
    address = _address(config.url)
    known = state.validators.get(address, {})
    document = asking.get(address, _JSON, known if root is None else None, MOST_DOCUMENT)
    if document is None:
        raise Ended("unchanged")
    part = _part(_read(document), config, bool(state.origin))
    mark = sha256(repr(part).encode())
    if root is None and known.get("part") == mark:  # another source of that node changed
        raise Ended("unchanged")
    run = replace(run, about=_about(part), seq=part.seq, entities=part.entities)
    run = replace(run, validators={address: validators(document) | {"part": mark}})
    if part.feed and (root is None or part.feed != state.feed):
        root = asking.get(part.feed, RDF, None, MOST_DOCUMENT)
    if root is not None:
        run = replace(run, feed=part.feed)
        if "filiere-seq" in root.headers and "etag" in (found := validators(root)):
            # The tag is the seq; of a plain file it would not change with the last page, whose bounds are open.
            run = replace(run, validators={**run.validators, part.feed: {"etag": found["etag"]}})
    if root is not None and state.seq and untouched and part.seq >= state.seq:
        try:
            return _pages(asking, work, run, root, state.seq)
        except _Unbroken:
            pass
    if part.dump is None and root is not None and not state.seq:  # it is being written; the feed says all of it
        try:
            return _pages(asking, work, run, root, 0)
        except _Unbroken:
            pass
    if part.dump is None:
        raise Ended("refused", f"{config.url} publishes no dump of {part.id}.", "Ask its operator for one.")
    return _dump(asking, work, run, part.dump)


def find(asking: Asking, url: str) -> bool:
    """Whether a node answers at a URL."""
    try:
        document = asking.get(_address(url), _JSON, None, MOST_DOCUMENT)
        return document is not None and bool(_read(document))
    except Ended as ended:
        if isinstance(ended.__cause__, Unreachable):  # nobody answers anything there
            raise
        return False


def _address(url: str) -> str:
    """Where a node describes itself: the URL itself, or below it."""
    if url.endswith(nodes.WELL_KNOWN.lstrip("/")) or url.endswith(".json"):
        return url
    return urljoin(url if url.endswith("/") else f"{url}/", nodes.WELL_KNOWN.lstrip("/"))


def _read(document: Fetched) -> Node:
    try:
        return nodes.from_json(document.body, document.url)
    except RefusedInput as error:
        raise Ended("refused", error.problem, error.mend) from error


def _part(node: Node, config: Config, known: bool) -> Published:
    """The source that is meant. Raises Ended when there is none such, or several and none was named."""
    if config.part:
        found = node.source(config.part)
        if found is None:
            reason = f"{node.node} no longer publishes {config.part}; what it said before is kept."
            raise Ended("gone" if known else "refused", reason, f"It publishes: {_names(node.sources)}.")
        return found
    meant = [source for source in node.sources if not source.id.startswith("vocabulary-")]
    if len(meant) == 1:
        return meant[0]
    if not meant and known:
        raise Ended("gone", f"{node.node} publishes no source any more; what it said before is kept.", "Ask it why.")
    reason = f"{node.node} publishes {len(meant)} sources." if meant else f"{node.node} publishes no source."
    raise Ended("refused", reason, f"Name one with --part: {_names(meant)}." if meant else "Ask its operator.")


def _names(sources: object) -> str:
    names = [source.id[:64] for source in sources if isinstance(source, Published)]  # type: ignore[attr-defined]
    return ", ".join(names[:20]) or "nothing"


def _about(part: Published) -> dict[str, str]:
    names = ("origin", "namespace", "title", "publisher", "licence", "attribution", "url", "issued")
    return {name: getattr(part, name) for name in names}


def _dump(asking: Asking, work: Work, run: Run, dump: Dump) -> Run:
    if dump.bytes > MOST_BYTES:
        raise Ended("refused", f"{dump.url} holds {dump.bytes:,} bytes; at most {MOST_BYTES:,} are taken.", "Split it.")
    found = asking.get(dump.url, "application/gzip, */*;q=0.5", None, max(dump.bytes, 1))
    assert found is not None
    if len(found.body) != dump.bytes or sha256(found.body) != dump.sha256:
        reason = f"{dump.url} does not match its checksum ({len(found.body):,} of {dump.bytes:,} bytes)."
        raise Ended("refused", f"{reason} What it said before is kept.", "Harvest again later, or tell its operator.")
    _check(found.body, dump)
    piece = work.put("dump.nt.gz", found.body, "dump")
    if dump.seq != run.seq:  # the dump is older than the feed, whose pages bring the rest next time
        run = replace(run, validators={})
    return replace(run, whole=True, pieces=(piece,), seq=dump.seq, entities=dump.entities, step="fetched")


def _check(packed: bytes, dump: Dump) -> None:
    """Unpacks without keeping: as many bytes and lines as the node says. Raises Ended."""
    most = _LIMITS.unpacked_bytes
    stream, left, lines, count = zlib.decompressobj(16 + zlib.MAX_WBITS), packed, 0, 0
    try:
        while left:
            block = stream.decompress(left, MIB)
            count, lines, left = count + len(block), lines + block.count(b"\n"), stream.unconsumed_tail
            if count > min(most, dump.unpacked_bytes):
                reason = f"{dump.url} unpacks to more than the {dump.unpacked_bytes:,} bytes it says."
                raise Ended("refused", reason, "Tell its operator.")
    except zlib.error as error:
        raise Ended("refused", f"{dump.url} is damaged ({error}).", "Tell its operator.") from error
    if not stream.eof or count != dump.unpacked_bytes or lines != dump.triples:
        reason = f"{dump.url} holds {lines:,} statements in {count:,} bytes, not {dump.triples:,} in "
        raise Ended("refused", f"{reason}{dump.unpacked_bytes:,} as it says: it was cut.", "Tell its operator.")


def _pages(asking: Asking, work: Work, run: Run, root: Fetched, known: int) -> Run:
    """The pages of the feed after what is known. Raises Ended, or _Unbroken when they do not begin there."""
    work.put("root" + suffix(root, wanted=".ttl"), root.body, "")
    pages = _relations(work.folder / ("root" + suffix(root, wanted=".ttl")), root.url)
    wanted = [page for page in pages if page.until is None or page.until > known]
    if not pages or (wanted and wanted[0].after > known) or (not wanted and run.seq > known and pages[-1].until):
        raise _Unbroken
    for one, other in pairwise(wanted):
        if one.until is None or other.after > one.until:
            raise _Unbroken
    pieces: list[Piece] = []
    for page in wanted:
        found = asking.get(page.url, "application/trig, */*;q=0.5", None, _PAGE_BYTES)
        assert found is not None
        name = f"page-{len(pieces) + 1:05}-{page.after}-{page.until or 0}{suffix(found, wanted='.trig')}"
        pieces.append(work.put(name, found.body, "feed"))
    return replace(run, whole=False, pieces=tuple(pieces), step="fetched")


def _root(file: Path, url: str) -> list[tuple[str, str, str]]:
    """The statements of the root of a feed; whatever needs a parser is read in a child process. Raises Ended."""
    if file.suffix == ".nt":
        try:
            return from_payload(file.read_text(encoding="utf-8"))
        except ValueError:
            pass  # not line by line as we write it
    out: list[tuple[str, str, str]] = []
    try:
        for row in parse([Job(file, form="statements")], Source("feed", url=url), _LIMITS):
            for line in filter(None, row.payload.split("\n")):
                s, p, o = line.split(" ", 2)
                out.append((s, p, o[:-2]))
    except FiliereError as error:
        raise Ended("refused", f"The feed {url} cannot be read: {error.problem}", error.mend) from error
    return out


def _relations(file: Path, url: str) -> list[_Page]:
    """The pages that the root of a feed links to, in order. Raises Ended."""
    nodes: dict[str, dict[str, list[str]]] = {}
    for s, p, o in _root(file, url):
        nodes.setdefault(s, {}).setdefault(p, []).append(o)
    bounds: dict[str, dict[str, int]] = {}
    for said in nodes.values():
        target, number = said.get(f"<{v.TREE}node>"), said.get(f"<{v.TREE}value>")
        if not target or not number or said.get(f"<{v.TREE}path>") != [f"<{v.NS}seq>"]:
            continue
        text = value(number[0])
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Ended("refused", f"The feed {url} names {text[:40]!r} as a seq.", "Tell its operator.")
        page = bounds.setdefault(value(target[0]), {})
        for kind in said.get(f"<{v.TYPE}>", ()):
            if kind in (f"<{v.TREE}GreaterThanRelation>", f"<{v.TREE}GreaterThanOrEqualToRelation>"):
                page["after"] = int(text) - (kind == f"<{v.TREE}GreaterThanOrEqualToRelation>")
            elif kind in (f"<{v.TREE}LessThanRelation>", f"<{v.TREE}LessThanOrEqualToRelation>"):
                page["until"] = int(text) - (kind == f"<{v.TREE}LessThanRelation>")
    pages = [_Page(page, said.get("after", 0), said.get("until")) for page, said in bounds.items() if page != url]
    if len(pages) > _MOST_PAGES:
        raise Ended("refused", f"The feed {url} has more than {_MOST_PAGES:,} pages.", "Tell its operator.")
    return sorted(pages, key=lambda page: (page.after, page.until or 2**63))


def bounds(piece: Piece) -> tuple[int, int | None]:
    """(after, until) of a page of the feed, as its root said."""
    after, until = piece.name.partition(".")[0].split("-")[2:4]
    return int(after), int(until) or None
