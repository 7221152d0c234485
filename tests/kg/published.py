"""A small node as plain files: the document, a dump and a feed, as kg/federation/node.py and LDES 1.0 say."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kg import vocabulary as v
from kg.federation.node import Dump, Node, Published, to_json
from kg.mapping import to_statements
from kg.model import Actor, Text
from kg.terms import digest, to_payload
from tests.kg.servers import Asked, Script, Server, answer, serving

PREFIXES = """@prefix tree: <https://w3id.org/tree#> .
@prefix ldes: <https://w3id.org/ldes#> .
@prefix as: <https://www.w3.org/ns/activitystreams#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix fil: <https://w3id.org/filiere/ns#> .
"""


def actor(name: str, made: str = "masks", source: str = "members", **given: str) -> tuple[str, str]:
    """(IRI, payload) of an actor."""
    namespace = v.source_namespace(source)
    iri = v.mint(namespace, "actor", name)
    found = Actor(
        iri, source, name, given.pop("label", f"Firm {name}"), country="FR", makes=(Text(made, "en"),), **given
    )
    return iri, to_payload(to_statements(found))


class Folder:
    """A source published as files below a folder: what it says now, and every change with its seq."""

    def __init__(self, path: Path, source: str = "members", page: int = 10) -> None:
        self.path, self.source, self.page = path, source, page
        self.live: dict[str, str] = {}
        self.changes: list[tuple[int, str, str]] = []  # seq, IRI, payload or ""
        self.seq = 0
        self.published = Published(
            source, f"https://node.test/graph/{source}", v.source_namespace(source), 0, 0, title="Members",
            licence="https://creativecommons.org/licenses/by/4.0/",
        )  # fmt: skip
        path.mkdir(parents=True, exist_ok=True)

    def say(self, records: Mapping[str, str], *, seq: int | None = None) -> Folder:
        """Makes the records the source's new version, and writes all files."""
        for iri, payload in records.items():
            if self.live.get(iri) != payload:
                self.seq += 1
                self.changes.append((self.seq, iri, payload))
        for iri in [iri for iri in self.live if iri not in records]:
            self.seq += 1
            self.changes.append((self.seq, iri, ""))
        self.live = dict(records)
        self.write()
        return self

    def put(self, name: str, data: bytes) -> None:
        """One file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def write(self) -> None:
        """Writes document, dump and feed."""
        plain = "".join(sorted("".join(self.live.values()).splitlines(keepends=True))).encode()
        packed = gzip.compress(plain, mtime=0)
        self.put(f"dumps/{self.source}.nt.gz", packed)
        dump = Dump(
            f"../dumps/{self.source}.nt.gz", hashlib.sha256(packed).hexdigest(), len(packed), len(plain),
            len(self.live), plain.count(b"\n"), self.seq,
        )  # fmt: skip
        self.published = replace(
            self.published, seq=self.seq, entities=len(self.live), dump=dump, feed=f"../feed/{self.source}.ttl"
        )
        self.document()
        self.feed()

    def document(self, **changed: object) -> None:
        """Writes the document, with other fields of the source where a test says so."""
        node = Node("https://node.test/", self.seq, sources=(replace(self.published, **changed),))  # type: ignore[arg-type]
        self.put(".well-known/filiere", json.dumps(to_json(node)).encode())

    def feed(self) -> None:
        """Writes the root of the feed and its pages."""
        pages = [self.changes[at : at + self.page] for at in range(0, len(self.changes), self.page)]
        root = [PREFIXES, f"<{self.source}.ttl> a tree:Node"]
        for number, page in enumerate(pages, 1):
            after = 0 if number == 1 else pages[number - 2][-1][0]
            last = number == len(pages) and len(page) < self.page
            for kind, seq in (("GreaterThan", after), ("LessThanOrEqualTo", page[-1][0])):
                if kind == "GreaterThan" or not last:
                    root.append(
                        f"; tree:relation [ a tree:{kind}Relation ; tree:node <{self.source}/{number}.trig> ; "
                        f"tree:path fil:seq ; tree:value {seq} ]"
                    )
            self.put(f"feed/{self.source}/{number}.trig", self.members(page).encode())
        self.put(f"feed/{self.source}.ttl", "\n".join([*root, "."]).encode())

    def members(self, page: list[tuple[int, str, str]]) -> str:
        """A page as TriG."""
        out = [PREFIXES]
        for seq, iri, payload in page:
            member = f"<https://node.test/feed/{self.source}#{seq}>"
            kind = "Update" if payload else "Delete"
            checksum = f' ; fil:sha256 "{digest(payload)}"' if payload else ""
            out.append(f"{member} a as:{kind} ; dct:isVersionOf <{iri}> ; fil:seq {seq}{checksum} .")
            if payload:
                out.append(f"{member} {{\n{payload}}}")
        return "\n".join(out) + "\n"


@contextmanager
def publishing(path: Path) -> Iterator[Site]:
    """A web server over a folder, whose answers a test may replace by scripts, address by address."""
    scripts: dict[str, Script] = {}

    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        name = asked.line.split(" ")[1].split("?")[0].lstrip("/")
        if name in scripts:
            scripts[name](send, asked)
            return
        file = path / name
        if not file.is_file():
            send(answer(b"Not here.", status="404 Not Found"))
            return
        body = file.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if asked.headers.get("if-none-match") == tag:
            send(f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode())
            return
        media = _MEDIA.get(file.suffix, "application/octet-stream")
        send(answer(body, f"ETag: {tag}", media=media))

    with serving(script) as server:
        yield Site(server, scripts)


_MEDIA = {
    ".ttl": "text/turtle", ".trig": "application/trig", ".csv": "text/csv", ".rdf": "application/rdf+xml",
    ".jsonld": "application/ld+json", ".nt": "application/n-triples", ".html": "text/html",
}  # fmt: skip


@dataclass
class Site:
    """The server and its scripts: address without its first slash → script."""

    server: Server
    scripts: dict[str, Script]

    @property
    def url(self) -> str:
        return self.server.url

    def asked(self) -> list[str]:
        """The paths asked for since the last look."""
        out = [asked.line.split(" ")[1] for asked in self.server.asked]
        self.server.asked.clear()
        return out
