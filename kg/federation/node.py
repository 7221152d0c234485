"""What a node says of itself and of each source it publishes: the document at /.well-known/filiere, both directions.

Addresses in the document may be relative to where it lies, so that a folder of plain files can be moved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import urljoin

from kg.errors import RefusedInput

WELL_KNOWN = "/.well-known/filiere"
FORMAT = 1  # of the document; a reader refuses a newer one
MOST_SOURCES = 10_000
_LONGEST = 4_000  # characters of one text
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEND = "Tell the operator of that node."


@dataclass(frozen=True, slots=True)
class Dump:
    """All that a source says at one seq: sorted N-Triples, packed with gzip."""

    url: str
    sha256: str  # of the packed file, in hexadecimal
    bytes: int  # of the packed file
    unpacked_bytes: int
    entities: int
    triples: int
    seq: int


@dataclass(frozen=True, slots=True)
class Published:
    """One source that a node publishes, by its own word or as it harvested it."""

    id: str  # at that node
    origin: str  # IRI of the source at the node that published it first: this node's own, when it did
    namespace: str  # the IRI prefix it may speak about
    seq: int  # of the last change, counted by this node
    entities: int
    title: str = ""
    publisher: str = ""
    licence: str = ""
    attribution: str = ""
    url: str = ""
    issued: str = ""
    as_of: str = ""  # time of the last change, ISO 8601 in UTC
    feed: str = ""
    dump: Dump | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the federation."""

    node: str  # its base address, which is its identity: https://data.clusters.fr/
    seq: int
    title: str = ""
    publisher: str = ""
    contact: str = ""  # an address of a page, never of a person
    software: str = ""
    shapes: str = ""  # which version of the shapes its data keeps to
    deletion_policy: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)  # catalog, feed, sparql, search, reconcile, void → address
    sources: tuple[Published, ...] = ()

    def source(self, name: str) -> Published | None:
        """The source with an id at this node."""
        return next((source for source in self.sources if source.id == name), None)


def to_json(node: Node) -> dict[str, Any]:
    """The document, as it is written."""
    return {"filiere": FORMAT, **asdict(node)}


def from_json(data: bytes, address: str) -> Node:
    """The node that a document found at `address` describes, its addresses made absolute.

    Raises RefusedInput when it is no such document, naming what is wrong.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"{address} is not JSON.", "Check the address; it must be that of a node.") from error
    if not isinstance(found, dict) or not isinstance(found.get("filiere"), int):
        raise RefusedInput(f"{address} does not describe a node of Filière.", "Check the address.")
    if found["filiere"] > FORMAT:
        raise RefusedInput(f"{address} is of a newer format ({found['filiere']}).", "Upgrade filiere.")
    rows = found.get("sources", [])
    if not isinstance(rows, list) or len(rows) > MOST_SOURCES:
        raise RefusedInput(f"{address}: sources is no list of at most {MOST_SOURCES:,}.", _MEND)
    sources = tuple(_published(row, address, number) for number, row in enumerate(rows))
    endpoints = found.get("endpoints", {})
    if not isinstance(endpoints, dict) or not all(isinstance(url, str) for url in endpoints.values()):
        raise RefusedInput(f"{address}: endpoints is no table of addresses.", _MEND)
    absolute = {str(name)[:40]: urljoin(address, url) for name, url in list(endpoints.items())[:40]}
    given = _given(Node, found, address, "", ("endpoints", "sources"))
    return Node(**{**given, "node": urljoin(address, given["node"])}, endpoints=absolute, sources=sources)


def _published(row: Any, address: str, number: int) -> Published:
    where = f"sources[{number}]."
    if not isinstance(row, dict):
        raise RefusedInput(f"{address}: {where[:-1]} is no object.", _MEND)
    dump = row.get("dump")
    read: Dump | None = None
    if isinstance(dump, dict):
        read = Dump(**_given(Dump, dump, address, f"{where}dump.", ()))
        read = Dump(**{**asdict(read), "url": urljoin(address, read.url)})
        if not _SHA256.fullmatch(read.sha256):
            raise RefusedInput(f"{address}: {where}dump.sha256 is no SHA-256 in hexadecimal.", _MEND)
    elif dump is not None:
        raise RefusedInput(f"{address}: {where}dump is no object.", _MEND)
    given = _given(Published, row, address, where, ("dump",))
    feed = urljoin(address, given["feed"]) if given.get("feed") else ""
    return Published(**{**given, "origin": urljoin(address, given["origin"]), "feed": feed}, dump=read)


def _given(kind: Any, row: Mapping[str, Any], address: str, where: str, others: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a class that a JSON object gives, each of its type; what we do not know is passed over."""
    out: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in others:
            continue
        if item.name not in row:
            if item.default == "":
                continue
            raise RefusedInput(f"{address}: {where}{item.name} is missing.", _MEND)
        content = row[item.name]
        wanted = int if item.type == "int" else str
        if not isinstance(content, wanted) or isinstance(content, bool):
            raise RefusedInput(f"{address}: {where}{item.name} is no {wanted.__name__}.", _MEND)
        if isinstance(content, str) and len(content) > _LONGEST:
            raise RefusedInput(f"{address}: {where}{item.name} has more than {_LONGEST:,} characters.", _MEND)
        if isinstance(content, int) and not 0 <= content < 2**63:
            raise RefusedInput(f"{address}: {where}{item.name} is out of range.", _MEND)
        out[item.name] = content
    return out
