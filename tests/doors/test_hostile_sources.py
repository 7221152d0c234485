"""Hostile and broken sources: what each sends, what its harvest comes to, and that nobody else notices."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kg import vocabulary as v
from kg.federation import harvest
from kg.federation.node import Dump
from kg.federation.steps import Work
from kg.terms import digest
from search.query import Query
from tests.doors.alliance import Alliance
from tests.kg.published import Folder, actor
from tests.kg.servers import answer, drips, redirects, says

COUNT = 20


class Case(NamedTuple):
    """What is done to a node that was harvested well before, and what its next harvest comes to."""

    does: Callable[[Alliance, Folder], Any]
    outcome: str
    said: str


@dataclass
class Attacked:
    """The alliance, its nodes by name, and what a source that did nothing holds."""

    alliance: Alliance
    nodes: dict[str, Folder]
    victim: dict[str, str]
    packaged: str
    whole: Path  # the files of the node that cases share


def packed(node: Folder, data: bytes, plain: bytes, entities: int, **lies: Any) -> None:
    """Publishes a dump of our making and no feed."""
    node.put(f"dumps/{node.source}.nt.gz", data)
    said = Dump(
        f"../dumps/{node.source}.nt.gz", hashlib.sha256(data).hexdigest(), len(data), len(plain), entities,
        plain.count(b"\n"), node.seq + 1,
    )  # fmt: skip
    node.document(feed="", seq=node.seq + 1, dump=replace(said, **lies))


def dumped(node: Folder, *payloads: str, **lies: Any) -> None:
    """Publishes what is live and some more as a dump alone."""
    lines = sorted("".join([*node.live.values(), *payloads]).splitlines(keepends=True))
    plain = "".join(lines).encode()
    packed(node, gzip.compress(plain, mtime=0), plain, lies.pop("entities", len(node.live) + len(payloads)), **lies)


def changed(node: Folder, name: str, payload: str) -> None:
    """Publishes one more record by the feed."""
    payload = "".join(sorted(payload.splitlines(keepends=True)))
    node.say({**node.live, v.mint(node.published.namespace, "actor", name): payload})


def victim(name: str = "f0") -> str:
    return actor(name, source="victim")[0]


def more(node: Folder, name: str, *statements: str) -> str:
    """The payload of one more actor with more statements about it."""
    iri, payload = actor(name, "odd things", node.source)
    extra = [f"<{iri}> {statement} .\n" for statement in statements]
    return "".join(sorted([*payload.splitlines(keepends=True), *extra]))


def script(alliance: Alliance, node: Folder, what: Any, path: str = ".well-known/filiere") -> None:
    alliance.site.scripts[f"{node.source}/{path}"] = what


def page(node: Folder, text: Callable[[str], str]) -> None:
    """Another text for the last page of the feed, after a change."""
    changed(node, "late", more(node, "late"))
    file = node.path / "feed" / node.source / f"{(len(node.changes) - 1) // node.page + 1}.trig"
    file.write_text(text(file.read_text(encoding="utf-8")), encoding="utf-8")


def other(alliance: Alliance, node: Folder, name: str, data: bytes, **given: Any) -> None:
    """Has the source harvested from a file instead."""
    node.put(name, data)
    alliance.add(node.source, f"{node.source}/{name}", **given)


def bomb(a: Alliance, n: Folder) -> None:
    packed(n, gzip.compress(b"\0" * 30_000_000), b"\n" * 30, COUNT)


def packed_answer(a: Alliance, n: Folder) -> None:
    body = gzip.compress(b" " * 40_000_000)
    script(a, n, says(answer(body, "Content-Encoding: gzip", media="application/json")))


def cut(a: Alliance, n: Folder) -> None:
    plain = "".join(n.live.values()).encode()
    packed(n, gzip.compress(plain)[:-30], plain, COUNT)


def lied(a: Alliance, n: Folder) -> None:
    changed(n, "late", more(n, "late"))
    n.put(f"feed/{n.source}/3.trig", n.members([(n.seq + 40, *n.changes[-1][1:])]).encode())
    root = (n.path / "feed" / f"{n.source}.ttl").read_text(encoding="utf-8")
    closing = f"; tree:relation [ a tree:LessThanOrEqualToRelation ; tree:node <{n.source}/3.trig> ; "
    root = root.rstrip()[:-1] + closing + f"tree:path fil:seq ; tree:value {n.seq} ] .\n"
    n.put(f"feed/{n.source}.ttl", root.encode())


def itself(a: Alliance, n: Folder) -> None:
    changed(n, "late", more(n, "late"))
    relation = "tree:relation [ a tree:GreaterThanRelation ; tree:path fil:seq ; tree:value 0 ; tree:node <> ]"
    root = (n.path / "feed" / f"{n.source}.ttl").read_text(encoding="utf-8")
    n.put(f"feed/{n.source}.ttl", f"{root.split('<' + n.source)[0]}<{n.source}.ttl> {relation} .".encode())


def clones(a: Alliance, n: Folder) -> None:
    iri, payload = actor("clone", "masks", n.source, label="Clone")
    said = [payload.replace(iri, f"{iri}{k}").replace('"clone"', f'"clone{k}"') for k in range(10_000)]
    dumped(n, *said)


XML = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "%s"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>&b;</rdf:Description></rdf:RDF>"""
CONTEXT = b'{"@context": "http://127.0.0.1:1/context", "@id": "https://x.test/a", "@type": "Organization"}'

CASES: dict[str, Case] = {
    "gzip bomb": Case(bomb, "refused", "unpacks to more than"),
    "gzip bomb on the wire": Case(packed_answer, "stale", "more than"),
    "endless body": Case(
        lambda a, n: script(a, n, drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 999, 0.01)), "stale", "within"
    ),
    "ten bytes a second": Case(
        lambda a, n: script(a, n, drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", 0.1)),
        "stale", "within 1 seconds",
    ),
    "wrong checksum": Case(lambda a, n: dumped(n, sha256="0" * 64), "refused", "checksum"),
    "seq going back": Case(lambda a, n: _back(n), "held", "seq went back from 20 to 3"),
    "empty dump": Case(lambda a, n: packed(n, gzip.compress(b"", mtime=0), b"", 0), "stale", "no records"),
    "truncated dump": Case(cut, "refused", "was cut"),
    "fewer statements than said": Case(lambda a, n: dumped(n, triples=9), "refused", "as it says"),
    "not canonical": Case(lambda a, n: _lines(n, "_:x <http://a.test/p> _:y .\n"), "refused", "statement"),
    "foreign namespace": Case(
        lambda a, n: dumped(n, actor("f0", "evil", "victim")[1]), "quarantined", "only speak about"
    ),
    "foreign graph": Case(
        lambda a, n: page(n, lambda text: text + f"<{v.source_graph('victim')}> {{ <{victim()}> a <urn:evil> }}\n"),
        "quarantined", "belongs to no member",
    ),
    "a record about another's": Case(
        lambda a, n: changed(n, "late", f"<{victim()}> <{v.SKOS}prefLabel> \"evil\" .\n" + more(n, "late")),
        "quarantined", "more than itself",
    ),
    "statements about another's": Case(
        lambda a, n: _lines(n, f"<{victim()}> <{v.SKOS}prefLabel> \"evil\" .\n"), "quarantined", "no record of this"
    ),
    "a concept of the thesaurus": Case(
        lambda a, n: changed(n, "late", more(n, "late", f"<{v.TYPE}> <{v.SKOS}Concept>")), "quarantined", "concept"
    ),
    "entity bomb": Case(lambda a, n: other(a, n, "d.rdf", XML % (b"x" * 9999), kind="dump"), "refused", "DOCTYPE"),
    "redirect to a private address": Case(
        lambda a, n: script(a, n, redirects("http://127.0.0.1:1/")), "refused", "this machine itself"
    ),
    "redirect without end": Case(
        lambda a, n: script(a, n, redirects("/" + n.source + "/.well-known/filiere")), "stale", "redirects more than"
    ),
    "licence removed": Case(lambda a, n: dumped(n) or _says(n, licence=""), "held", "and is now not said"),
    "licence changed": Case(lambda a, n: dumped(n) or _says(n, licence="None of it"), "held", "now None of it"),
    "another origin": Case(lambda a, n: dumped(n) or _says(n, origin="https://evil.test/g"), "held", "the origin was"),
    "another's namespace": Case(
        lambda a, n: dumped(n) or _says(n, namespace=v.source_namespace("victim")), "held", "the namespace was"
    ),
    "ten thousand clones": Case(clones, "held", "say the same as"),
    "sameAs hijack": Case(
        lambda a, n: changed(n, "late", more(n, "late", f"<{v.OWL}sameAs> <{victim()}>")), "ok", ""
    ),
    "mass deletion": Case(lambda a, n: n.say(dict(list(n.live.items())[:9])), "held", "would be deleted"),
    "threefold growth": Case(
        lambda a, n: n.say(n.live | dict(actor(f"g{k}", f"thing {k}", n.source) for k in range(41))),
        "held", "would become",
    ),
    "404": Case(lambda a, n: script(a, n, says(answer(b"", status="404 Not Found"))), "gone", "no longer there"),
    "410": Case(lambda a, n: script(a, n, says(answer(b"", status="410 Gone"))), "gone", "no longer there"),
    "500": Case(lambda a, n: script(a, n, says(answer(b"Oops", status="500 Oops"))), "stale", "HTTP 500"),
    "403": Case(lambda a, n: script(a, n, says(answer(b"No", status="403 No"))), "stale", "HTTP 403"),
    "nobody listens": Case(
        lambda a, n: a.add(n.source, "http://127.0.0.1:1/", kind="filiere"), "stale", "cannot be reached"
    ),
    "an answer broken off": Case(
        lambda a, n: script(a, n, says(answer(b"{" * 99)[:-50])), "stale", "broke its answer off"
    ),
    "empty answer": Case(lambda a, n: script(a, n, says(answer(b" "))), "stale", "empty answer"),
    "the source is published no more": Case(lambda a, n: n.document(id="another"), "gone", "no longer publishes"),
    "HTML instead of a node": Case(lambda a, n: n.put(".well-known/filiere", b"<html>Hello"), "refused", "not JSON"),
    "HTML instead of data": Case(
        lambda a, n: other(a, n, "d.csv", b"<!DOCTYPE html><p>Sign in", kind="csv"), "refused", "a page (HTML)"
    ),
    "wrong media type": Case(
        lambda a, n: other(a, n, "d", b"x", kind="dump") or script(a, n, says(answer(b"x", media="image/png")), "d"),
        "refused", "image/png",
    ),
    "deep JSON-LD": Case(
        lambda a, n: other(a, n, "d.jsonld", b'{"@graph":' * 9000 + b"{}" + b"}" * 9000, kind="dump"),
        "refused", "levels deep",
    ),
    "a context elsewhere": Case(lambda a, n: other(a, n, "d.jsonld", CONTEXT, kind="dump"), "refused", "@context"),
    "bidirectional override": Case(
        lambda a, n: changed(n, "late", more(n, "late", f'<{v.RDFS}comment> "\u202egnihton"')), "quarantined", "U+202E"
    ),
    "NUL": Case(
        lambda a, n: changed(n, "late", more(n, "late", f'<{v.RDFS}comment> "a\\u0000b"')), "quarantined", "U+0000"
    ),
    "an IRI that runs code": Case(
        lambda a, n: changed(n, "late", more(n, "late", f"<{v.FOAF}homepage> <javascript:alert(1)>")),
        "quarantined", "run code",
    ),
    "huge literal": Case(
        lambda a, n: changed(n, "late", more(n, "late", f'<{v.RDFS}comment> "{"x" * 2_000_000}"')),
        "quarantined", "at most",
    ),
    "a record that does not match its checksum": Case(
        lambda a, n: page(n, lambda text: text.replace("odd things", "evil things")), "quarantined", "checksum"
    ),
    "a feed that links to itself": Case(itself, "ok", ""),
    "a page that lies about seq": Case(lied, "refused", "holds a member of seq"),
    "a feed that leaves a change out": Case(
        lambda a, n: page(n, lambda text: text.replace("as:Update", "as:Other")), "quarantined", "no member"
    ),
    "a feed that leaves a record out": Case(
        lambda a, n: page(n, lambda text: text[: text.index("<https://node.test/feed")]), "stale", "Its dump is read"
    ),
    "fewer records than said": Case(lambda a, n: dumped(n, entities=22), "refused", "not 22 as the node says"),
    "a page that is no TriG": Case(lambda a, n: page(n, lambda text: "{{{"), "refused", "not TriG"),
    "a newer format": Case(lambda a, n: _edit(n, filiere=99), "refused", "newer format"),
    "a seq that is no number": Case(lambda a, n: _edit(n, seq="many"), "refused", "seq"),
}  # fmt: skip


ELSEWHERE = (  # cases that name another address
    "entity bomb", "nobody listens", "HTML instead of data", "wrong media type", "deep JSON-LD", "a context elsewhere",
)  # fmt: skip


def _says(node: Folder, **changes: Any) -> None:
    file = node.path / ".well-known" / "filiere"
    found = json.loads(file.read_text(encoding="utf-8"))
    found["sources"][0].update(changes)
    file.write_text(json.dumps(found), encoding="utf-8")


def _edit(node: Folder, **changes: Any) -> None:
    file = node.path / ".well-known" / "filiere"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def _back(node: Folder) -> None:
    dumped(node, more(node, "x"))
    file = node.path / ".well-known" / "filiere"
    found = json.loads(file.read_text(encoding="utf-8"))
    found["sources"][0]["seq"] = found["sources"][0]["dump"]["seq"] = 3
    file.write_text(json.dumps(found), encoding="utf-8")


def _lines(node: Folder, text: str) -> None:
    plain = ("".join(node.live.values()) + text).encode()
    packed(node, gzip.compress(plain, mtime=0), plain, COUNT)


def moves(case: str) -> bool:
    """Whether a case changes what is harvested, so that it needs a node of its own."""
    return CASES[case].outcome in ("ok", "quarantined") or case in ELSEWHERE


@pytest.fixture(scope="module")
def attacked(alliance: Alliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Every node as it was while it was good, harvested once; cases that change nothing here share one."""
    names = {case: "".join(c if c.isalnum() else "-" for c in case.lower()) for case in CASES if moves(case)}
    nodes = {case: alliance.node(name, COUNT, part=name) for case, name in names.items()}
    shared = alliance.node("shared", COUNT, part="shared")
    alliance.node("victim", COUNT)
    outcomes = alliance.harvesting.run(["victim", "shared", *names.values()], jobs=2)
    assert {outcome.outcome for outcome in outcomes} == {"ok"}
    alliance.harvesting._seconds = 1.0
    packaged = "".join(c.payload for c in alliance.engine.journal.entities(v.PACKAGED))
    nodes |= {case: shared for case in CASES if not moves(case)}
    whole = tmp_path_factory.mktemp("whole") / "shared"
    shutil.copytree(shared.path, whole)
    yield Attacked(alliance, nodes, alliance.live("victim"), digest(packaged), whole)
    alliance.site.scripts.clear()


@pytest.fixture
def node(attacked: Attacked, request: pytest.FixtureRequest) -> Iterator[Folder]:
    """The node of a case; the one that several share is put right again."""
    found = attacked.nodes[request.getfixturevalue("case")]
    if found.source != "shared":
        yield found
        return
    kept = attacked.alliance.harvesting.registry
    state, said = kept.state("shared"), (dict(found.live), list(found.changes), found.seq, found.published)
    yield found
    found.live, found.changes, found.seq, found.published = said
    shutil.rmtree(found.path)
    shutil.copytree(attacked.whole, found.path)
    attacked.alliance.site.scripts.clear()
    Work(kept.place("shared")).forget()
    kept.keep("shared", state)


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_source_harms_nobody(attacked: Attacked, node: Folder, case: str) -> None:
    alliance = attacked.alliance
    before, name = alliance.live(node.source), node.source
    CASES[case].does(alliance, node)
    outcome = alliance.harvest(name)
    assert outcome.outcome == CASES[case].outcome and CASES[case].said in outcome.reason, outcome
    assert outcome.mend or outcome.outcome in ("ok", "quarantined")
    if outcome.outcome not in ("ok", "quarantined"):
        assert alliance.live(name) == before, "what was known stays as it was"
        assert alliance.harvesting.one(name).state.seq in (COUNT, 0), "0 under another address"
    assert all(iri.startswith(v.source_namespace(name)) for iri in alliance.live(name))
    said = "".join(alliance.live(name).values())
    assert "sameAs" not in said and "evil" not in said and "javascript" not in said
    assert alliance.live("victim") == attacked.victim
    packaged = "".join(c.payload for c in alliance.engine.journal.entities(v.PACKAGED))
    assert digest(packaged) == attacked.packaged
    assert alliance.engine.search(Query(text="product 3 of victim")).results


def test_a_source_that_recovers_is_taken_again(attacked: Attacked) -> None:
    alliance, node = attacked.alliance, attacked.nodes["500"]
    assert alliance.harvest(node.source).outcome == "unchanged"
    changed(node, "late", more(node, "late"))
    assert alliance.harvest(node.source).outcome == "ok"


def test_a_name_that_changes_its_mind_leads_nowhere(alliance: Alliance) -> None:
    alliance.add("fickle", "http://fickle.test/node/", kind="filiere", allow_private=False)
    asked: list[str] = []

    def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) > 1 else ["203.0.113.7", "127.0.0.1"]

    for _ in range(2):
        kept, journal = alliance.harvesting.registry, alliance.engine.journal
        ready = harvest.prepare(kept, journal, "fickle", seconds=1.0, resolve=resolve)
        outcome = harvest.finish(journal, kept, ready)
        assert outcome.outcome == "refused" and "fickle.test:80 has the address" in outcome.reason
    assert asked == ["fickle.test", "fickle.test"]


def test_a_private_address_needs_the_operators_consent(alliance: Alliance) -> None:
    alliance.add("near", "near/", kind="filiere", allow_private=False)
    outcome = alliance.harvest("near")
    assert outcome.outcome == "refused" and "--allow-private" in outcome.mend
