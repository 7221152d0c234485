"""A small reader of Linked Data Event Streams: it follows links, knows no address, and keeps what it has replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pyoxigraph import RdfFormat
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from kg import rdf
from kg.terms import digest, to_payload, value

TREE, LDES = Namespace("https://w3id.org/tree#"), Namespace("https://w3id.org/ldes#")
AS = Namespace("https://www.w3.org/ns/activitystreams#")
Fetch = Callable[[str, str], bytes]  # (address, Accept) → body


@dataclass
class Replayed:
    """What a reader knows when it has read to the end."""

    live: dict[str, str] = field(default_factory=dict)
    seq: int = 0
    pages: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


def replay(fetch: Fetch, address: str, state: Mapping[str, str] | None = None, after: int = 0) -> Replayed:
    """Reads the feed whose root is at `address` from a seq on, over what was known then."""
    root = Graph().parse(data=fetch(address, "text/turtle"), format="turtle", publicID=address)
    here = URIRef(address)
    stream = root.value(predicate=TREE.view, object=here)
    assert stream is not None and (stream, RDF.type, LDES.EventStream) in root
    paths = {name: root.value(stream, LDES[name]) for name in ("versionOfPath", "sequencePath", "timestampPath")}
    deleted = root.value(stream, LDES.versionDeleteObject)
    out = Replayed(dict(state or {}), after)
    for page in _pages(root, here, after):
        out.pages.append(page)
        _read(fetch(page, "application/trig"), page, {k: str(p) for k, p in paths.items()}, str(deleted), out)
    return out


def _pages(root: Graph, here: URIRef, after: int) -> list[str]:
    """The pages that may hold a member with a greater seq, in the order of the seqs they begin after."""
    lower: dict[str, int] = {}
    upper: dict[str, int] = {}
    for relation in root.objects(here, TREE.relation):
        page, bound = str(root.value(relation, TREE.node)), root.value(relation, TREE.value)
        assert isinstance(bound, Literal)
        if (relation, RDF.type, TREE.GreaterThanRelation) in root:
            lower[page] = int(bound)
        else:
            assert (relation, RDF.type, TREE.LessThanOrEqualToRelation) in root
            upper[page] = int(bound)
    return sorted((page for page in lower if upper.get(page, after + 1) > after), key=lower.__getitem__)


def _read(body: bytes, page: str, paths: Mapping[str, str], deleted: str, out: Replayed) -> None:
    said: dict[str, dict[str, str]] = {}
    records: dict[str, list[tuple[str, str, str]]] = {}
    members: set[str] = set()
    for subject, predicate, target, graph in rdf.parse(body, RdfFormat.TRIG, base=page):
        if graph:
            records.setdefault(graph, []).append((subject, predicate, target))
        elif value(predicate) == str(TREE.member):
            members.add(target)
        else:
            said.setdefault(subject, {})[value(predicate)] = value(target)
    assert set(records) <= members
    for name in sorted(members, key=lambda member: int(said[member][paths["sequencePath"]])):
        member = said[name]
        seq, record = int(member[paths["sequencePath"]]), member[paths["versionOfPath"]]
        if seq <= out.seq:
            continue
        out.seq = seq
        kind = member[str(RDF.type)]
        out.kinds[kind.removeprefix(str(AS))] += 1
        payload = to_payload(records.get(name, []))
        assert member["https://w3id.org/filiere/ns#sha256"] == digest(payload)
        if kind == deleted:
            out.live.pop(record, None)
        else:
            out.live[record] = payload
