"""The journal of a source as a Linked Data Event Stream: a root that lists pages, and pages of members.

A member is one change of one record: who has replayed all of them holds what the source says now, deletions included.
Source of the terms: Linked Data Event Streams 1.0 and TREE (SEMIC).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kg import vocabulary as v
from kg.history import Version
from kg.terms import Statement, digest, iri, literal

SIZE = 1000  # members a page
POLLING_SECONDS = 5
_INTEGER, _TIME, _BOOLEAN = v.XSD + "integer", v.XSD + "dateTime", v.XSD + "boolean"
PREFIXES = {
    "as": v.ACTIVITIES, "dct": v.DCT, "fil": v.NS, "foaf": v.FOAF, "ldes": v.LDES, "rdf": v.RDF, "rdfs": v.RDFS,
    "sh": v.SHACL, "tree": v.TREE, "xsd": v.XSD,
}  # fmt: skip
RETENTION = {
    "en": "Every change since the first is kept. Of a record that was erased, only its deletion is.",
    "fr": "Tous les changements depuis le premier sont gardés. D'une fiche effacée, il ne reste que la suppression.",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a feed: its number, the seq it begins after, and the seq of its last member."""

    number: int
    after: int
    until: int
    full: bool  # and so never another again


@dataclass(frozen=True, slots=True)
class Stream:
    """The feed of one source: where its root and its pages are, and what it is called."""

    root: str
    title: str
    since: str = ""  # time of its first change
    licence: str = ""
    dataset: str = ""  # IRI of the source
    seq: int = 0  # of its last change

    @property
    def name(self) -> str:
        """The IRI of the event stream itself."""
        return f"{self.root}#stream"


def root(stream: Stream, pages: Sequence[tuple[str, Page]]) -> list[Statement]:
    """What the root says: the stream, how it is to be read, and each page (by its address) with its bounds."""
    out: list[Statement] = []
    root, name, shape, policy = (stream.root, stream.name, f"{stream.root}#member", f"{stream.root}#retention")

    def say(subject: str, predicate: str, *targets: str) -> None:
        out.extend((iri(subject), iri(predicate), target) for target in targets)

    say(name, v.TYPE, iri(v.LDES + "EventStream"))
    say(name, v.DCT + "title", literal(stream.title))
    if stream.licence.startswith(("http://", "https://")):
        say(name, v.DCT + "license", iri(stream.licence))
    if stream.dataset:
        say(name, v.DCT + "source", iri(stream.dataset))
    for path, target in (
        ("timestampPath", v.DCT + "created"), ("sequencePath", v.NS + "seq"), ("versionOfPath", v.DCT + "isVersionOf"),
        ("versionCreatePath", v.TYPE), ("versionCreateObject", v.ACTIVITIES + "Create"),
        ("versionUpdatePath", v.TYPE), ("versionUpdateObject", v.ACTIVITIES + "Update"),
        ("versionDeletePath", v.TYPE), ("versionDeleteObject", v.ACTIVITIES + "Delete"),
    ):  # fmt: skip
        say(name, v.LDES + path, iri(target))
    say(name, v.LDES + "pollingInterval", literal(str(POLLING_SECONDS), datatype=_INTEGER))
    say(name, v.TREE + "shape", iri(shape))
    say(name, v.TREE + "view", iri(root))
    say(root, v.TYPE, iri(v.TREE + "Node"))
    # Who has a copy sees by it that the last page has grown, on a server that only knows whether a file changed, too.
    say(root, v.NS + "seq", literal(str(stream.seq), datatype=_INTEGER))
    say(root, v.LDES + "retentionPolicy", iri(policy))
    say(policy, v.TYPE, iri(v.LDES + "RetentionPolicy"))
    say(policy, v.RDFS + "comment", *(literal(text, lang) for lang, text in RETENTION.items()))
    if stream.since:
        say(policy, v.LDES + "startingFrom", literal(stream.since, datatype=_TIME))
    for address, page in pages:
        bounds = [("after", "GreaterThanRelation", page.after)]
        if page.full:
            bounds.append(("until", "LessThanOrEqualToRelation", page.until))
        for bound, kind, seq in bounds:
            relation = f"{root}#page-{page.number}-{bound}"
            say(root, v.TREE + "relation", iri(relation))
            say(relation, v.TYPE, iri(v.TREE + kind))
            say(relation, v.TREE + "path", iri(v.NS + "seq"))
            say(relation, v.TREE + "value", literal(str(seq), datatype=_INTEGER))
            say(relation, v.TREE + "node", iri(address))
    return [*out, *_shape(shape)]


def listing(document: str, streams: Iterable[Stream]) -> list[Statement]:
    """What a document that lists feeds says: each stream, its title, licence and root."""
    out: list[Statement] = []
    for stream in streams:
        name = iri(stream.name)
        out.append((iri(document), iri(v.FOAF + "topic"), name))
        out.append((name, iri(v.TYPE), iri(v.LDES + "EventStream")))
        out.append((name, iri(v.DCT + "title"), literal(stream.title)))
        if stream.licence.startswith(("http://", "https://")):
            out.append((name, iri(v.DCT + "license"), iri(stream.licence)))
        out.append((name, iri(v.TREE + "view"), iri(stream.root)))
        out.append((iri(stream.root), iri(v.TYPE), iri(v.TREE + "Node")))
    return [(iri(document), iri(v.TYPE), iri(v.FOAF + "Document")), *out]


def _shape(shape: str) -> list[Statement]:
    """What every member has, in the terms of SHACL."""
    out = [(iri(shape), iri(v.TYPE), iri(v.SHACL + "NodeShape"))]
    for path, constraint, target in (
        ("isVersionOf", "nodeKind", iri(v.SHACL + "IRI")), ("created", "datatype", iri(_TIME)),
        ("seq", "datatype", iri(_INTEGER)),
    ):  # fmt: skip
        part = f"{shape}-{path}"
        property_path = v.NS + path if path == "seq" else v.DCT + path
        out.append((iri(shape), iri(v.SHACL + "property"), iri(part)))
        out.append((iri(part), iri(v.SHACL + "path"), iri(property_path)))
        out.append((iri(part), iri(v.SHACL + constraint), target))
        out += [
            (iri(part), iri(v.SHACL + bound), literal("1", datatype=_INTEGER)) for bound in ("minCount", "maxCount")
        ]
    return out


def page_trig(root: str, address: str, page: Page, members: Iterable[Version]) -> bytes:
    """A page as TriG: each change in the default graph, what the record then says in a graph named by the change.

    `root` and `address` may be relative to where the page lies.
    """
    prefixes = {name: PREFIXES[name] for name in ("as", "dct", "fil", "ldes", "tree", "xsd")}
    head = [f"@prefix {name}: <{space}> .\n" for name, space in prefixes.items()]
    immutable = " ; ldes:immutable true" if page.full else ""
    head.append(f"<{address}> a tree:Node{immutable} .\n<{root}#stream> a ldes:EventStream ; tree:view <{root}> .\n")
    out: list[str] = []
    for member in members:
        name = f"<{root}#{member.seq}>"
        kind = "Delete" if not member.payload else "Create" if member.first else "Update"
        sha256 = member.sha256 if member.payload else digest("")
        out.append(
            f"<{root}#stream> tree:member {name} .\n{name} a as:{kind} ; dct:isVersionOf {iri(member.iri)} ; "
            f'dct:created "{member.time}"^^xsd:dateTime ; fil:seq {member.seq} ; fil:sha256 "{sha256}" .\n'
        )
        if member.payload:
            out.append(f"{name} {{\n{member.payload}}}\n")
    return "".join(head + out).encode()
