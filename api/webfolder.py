"""What a node publishes, as plain files that any static web server serves.

A file is replaced at once or left as it is: one that says the same keeps its time, so that servers answer 304. A list
of what was written is kept in the folder; nothing else in it is ever touched.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from api.folder import DataFolder
from api.negotiation import json_bytes
from api.publishing import Publishing
from kg import rdf
from kg.errors import Busy, RefusedInput, UserError, storage_error
from kg.federation import catalog, dump, feed
from kg.federation.layout import Layout
from kg.federation.node import Dump, Node, to_json
from kg.journal import Journal
from kg.terms import Statement

MANIFEST = ".filiere-published.json"
_ALWAYS = ("index.html", "catalog.ttl", "feed.ttl", ".well-known/filiere")
# Documents are made below this base, which no node can have, and then written relative to where they lie.
_NOWHERE = "https://node.invalid/"


@dataclass(slots=True)
class Written:
    """What a publication did: files by what became of them, and a row a source."""

    folder: Path
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # no longer published, but changed by somebody since
    sources: list[dict[str, Any]] = field(default_factory=list)


class WebFolder:
    """A folder that a web server serves, and what we wrote into it before."""

    def __init__(self, folder: Path, publishing: Publishing, journal: Journal, url: str = "") -> None:
        """`url` is the folder's address; without one the documents can be moved anywhere. Raises RefusedInput."""
        self._folder, self._publishing, self._journal, self._url = folder, publishing, journal, url
        self._known: dict[str, str] = {}
        self._dumped: dict[str, tuple[Dump, list[str]]] = {}
        self._written = Written(folder)
        self._sums: dict[str, str] = {}
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file.", "Name a folder.")
        self._read_manifest()

    def publish(self) -> Written:
        """Brings the folder to what is published now; the document of the node is written last.

        Raises UserError for a file that would be overwritten and is not ours, Busy, StorageFull or DataFolderError.
        """
        self._check()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._alone():
                node = self._write()
        except OSError as error:
            raise storage_error(error, self._folder) from error
        for source in node.sources:
            row = {"source": source.id, "entities": source.entities, "seq": source.seq}
            self._written.sources.append(row | {"dump_bytes": source.dump.bytes if source.dump else 0})
        return self._written

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the folder against another publication. Raises Busy."""
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Busy(f"Another process is publishing into {self._folder}.", "Wait until it has ended.") from error
        finally:
            os.close(handle)

    def _write(self) -> Node:
        dumps = {name: self._dump(name) for name in self._publishing.sources()}
        countries = {name: self._dumped[name][1] for name in dumps}
        for name in dumps:
            self._feed(name)
        at = self._layout(_NOWHERE)
        node = self._publishing.node(at, dumps)
        self._put("feed.ttl", self._turtle(self._publishing.feeds(at), "./", feed.PREFIXES))
        said = self._publishing.catalog(node, at, countries)
        self._put("catalog.ttl", self._turtle(said, "./", catalog.PREFIXES))
        self._put("index.html", _index(self._publishing.node(self._layout("./"), dumps)).encode())
        self._put(".well-known/filiere", json_bytes(to_json(self._publishing.node(self._layout("../"), dumps))))
        self._remove()
        self._note(self._sums)
        return node

    def _check(self) -> None:
        """Raises UserError for a folder that is somebody else's, before anything is written."""
        if DataFolder(self._folder).mark.is_file():
            raise UserError(f"{self._folder} is a data folder.", "Publish into a folder of its own.")
        for path in _ALWAYS:
            if path not in self._known and (self._folder / path).exists():
                raise _foreign(self._folder / path)

    def _layout(self, base: str) -> Layout:
        return Layout(self._url or base, files=True)

    def _turtle(self, statements: list[Statement], up: str, prefixes: dict[str, str]) -> bytes:
        """Statements as Turtle, with addresses relative to a document from which the folder is `up`."""
        body = rdf.serialise(statements, rdf.RdfFormat.TURTLE, prefixes)
        return body.replace(f"<{_NOWHERE}".encode(), f"<{up}".encode())

    def _feed(self, name: str) -> None:
        near, far = self._layout("../../"), self._layout(_NOWHERE)
        for page in self._publishing.pages(name):
            body, _ = self._publishing.feed_page(name, page.number, near)
            self._put(f"feed/{name}/{page.number}.trig", body)
        self._put(f"feed/{name}.ttl", self._turtle(self._publishing.feed_root(name, far), "../", feed.PREFIXES))

    def _dump(self, name: str) -> Dump:
        """The dump of a source; one of the same seq that is still whole is not made again."""
        path = f"dumps/{name}{dump.SUFFIX}"
        file = self._folder / path
        before = self._dumped.get(name)
        if before and before[0].seq == self._publishing.seq(name) and _sum(file) == before[0].sha256:
            self._sums[path] = before[0].sha256
            self._written.unchanged.append(path)
            return before[0]
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        try:
            found, countries = dump.write(self._journal, name, fresh)
            self._replace(path, fresh, found.sha256)
        finally:
            fresh.unlink(missing_ok=True)
        self._dumped[name] = (found, countries)
        return found

    def _put(self, path: str, body: bytes) -> None:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        try:
            fresh.write_bytes(body)
            self._replace(path, fresh, hashlib.sha256(body).hexdigest())
        finally:
            fresh.unlink(missing_ok=True)

    def _replace(self, path: str, fresh: Path, sha256: str) -> None:
        """Puts a file in its place, unless it says the same as the one that is there. Raises UserError."""
        file = self._folder / path
        there = _sum(file)
        self._sums[path] = sha256
        if there == sha256:
            self._written.unchanged.append(path)
            return
        if there and path not in self._known:
            raise _foreign(file)
        if path not in self._known:
            self._known[path] = sha256
            self._note(self._known)  # before it is there: what we write is known as ours whenever we are stopped
        if there and (before := file.stat().st_mtime) >= int(fresh.stat().st_mtime):
            os.utime(fresh, (before + 1, before + 1))  # web servers tell versions apart by the second
        fresh.replace(file)
        (self._written.changed if there else self._written.new).append(path)

    def _remove(self) -> None:
        """Takes away what we wrote before and publish no more, unless somebody has changed it."""
        for path, sha256 in self._known.items():
            file = self._folder / path
            if path in self._sums or not (there := _sum(file)):
                continue
            if there != sha256:
                self._written.kept.append(path)
                continue
            file.unlink()
            self._written.removed.append(path)
            with suppress(OSError):  # others have something in it
                file.parent.rmdir()

    def _read_manifest(self) -> None:
        file = self._folder / MANIFEST
        if not file.is_file():
            return
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            self._known = {str(path): str(sha256) for path, sha256 in said["files"].items()}
            for name, found in said["dumps"].items():
                self._dumped[name] = (Dump(**found["dump"]), [str(code) for code in found["countries"]])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            mend = "Remove that file and what was published into the folder, then publish again."
            raise RefusedInput(f"{file} cannot be read ({type(error).__name__}).", mend) from error
        if any(path.startswith("/") or ".." in Path(path).parts for path in self._known):
            raise RefusedInput(f"{file} names files outside the folder.", "Remove it, and publish again.")

    def _note(self, files: dict[str, str]) -> None:
        sources = self._publishing.sources()
        dumps = {n: {"dump": asdict(d), "countries": c} for n, (d, c) in self._dumped.items() if n in sources}
        file = self._folder / MANIFEST
        fresh = file.with_name(f"{MANIFEST}.new")
        text = json.dumps({"files": dict(sorted(files.items())), "dumps": dumps}, indent=0)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(file)


def _foreign(file: Path) -> UserError:
    return UserError(
        f"{file} is there already, and was not written by 'filiere publish'.",
        "Publish into a folder of its own, or move that file away.",
    )


def _sum(file: Path) -> str:
    """The SHA-256 of a file; "" when there is none."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _index(node: Node) -> str:
    """A page that names what is in the folder."""
    return "\n".join(_lines(node)) + "\n"


def _lines(node: Node) -> Iterator[str]:
    title = escape(node.title or "Filière")
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>"
    if node.publisher:
        yield f"<p>{escape(node.publisher)}</p>"
    if node.contact.startswith(("http://", "https://")):
        yield f'<p><a href="{escape(node.contact)}">Contact</a></p>'
    yield "<p>Open data about industrial clusters, firms and their competencies, for other nodes and for catalogues:"
    yield '<a href=".well-known/filiere">this node</a>, <a href="catalog.ttl">catalogue</a> (DCAT-AP),'
    yield '<a href="feed.ttl">feeds</a> (LDES).</p>\n<ul>'
    for source in node.sources:
        said = [escape(text) for text in (source.publisher, source.licence) if text]
        said += [f"{source.entities:,} records", f"as of {escape(source.as_of[:10])}"]
        links = f'<a href="dumps/{source.id}.nt.gz">all of it</a> · <a href="feed/{source.id}.ttl">changes</a>'
        yield f"<li>{escape(source.title or source.id)} ({'; '.join(said)}): {links}</li>"
    yield "</ul>\n</body>\n</html>"
