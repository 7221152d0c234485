"""Other nodes asked live: the registry, the breaker, and answers of strangers, read or refused."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kg.errors import DamagedData, NotFound, RefusedAddress, RefusedInput
from kg.federation.breaker import AT_ONCE, Breaker
from kg.federation.evidence import MOST_PIECES, from_result, from_row, to_row
from kg.federation.live import MARK, Asking, Heard, Question
from kg.federation.node import Node, Published, to_json
from kg.federation.peers import MOST_PEERS, Peer, Peers, base
from kg.mapping import from_statements, to_statements
from kg.model import Actor, Evidence, Text
from tests.kg.servers import Asked, Script, Server, answer, drips, redirects, says, serving

SPACE = "https://one.example.org/id/members/"
QUESTION = Question((("q", "gel"), ("country", "FR")), 10, ours=("https://ours.example.org/id/",))
ACTOR = Actor(
    SPACE + "actor/valmy", "members", "valmy", "Valmy", country="FR", city="Roanne", latitude=46.03, longitude=4.07,
    website="https://valmy.example/", makes=(Text("gel hydroalcoolique", "fr"), Text("masques", "fr")),
    clusters=("techtera",), codes=("cpv:33140000",), descriptions=(Text("Une PME."),),
    evidence=(Evidence("Gel", "Fourniture de gel", "fr", "2020-04-02", "CHU", "BOAMP", "https://example.org/n"),),
)  # fmt: skip
ROW = {"iri": SPACE + "actor/a", "source": "members", "id": "a", "name": "A", "makes": ["gel"]}


def said(**more: Any) -> bytes:
    """An answer with one actor, and whatever else."""
    sources = [{"id": "members", "status": "ok", "as_of": "2026-01-02T03:04:05+00:00", "count": 7}]
    whole = {"answer": "match", "results": [], "sources": sources, "complete": True, "evidence": [ROW]}
    return json.dumps({**whole, **more}).encode()


def node(script: Script, document: bytes | None = None) -> Script:
    """A script that answers the document of a node, or none, and every question by another script."""

    def both(send: Callable[[bytes], None], asked: Asked) -> None:
        if "/.well-known/" not in asked.line:
            script(send, asked)
        elif document is None:
            send(answer(b"", status="404 Not Found"))
        else:
            send(answer(document, media="application/json"))

    return both


def document(namespace: str = SPACE, **more: Any) -> bytes:
    """What a node says of itself."""
    source = Published("members", "https://one.example.org/graph/members", namespace, 1, 1)
    return json.dumps(to_json(Node("https://one.example.org/", 1, sources=(source,), **more))).encode()


def ask(server: Server, question: Question = QUESTION, seconds: float = 1.5, **given: Any) -> Heard:
    peer = Peer("one", server.url, **{"allow_private": True, **given})
    return Asking(seconds).ask([peer], question)[0]


def test_an_actor_arrives_as_it_was_sent() -> None:
    stored = from_statements(ACTOR.iri, ACTOR.source, to_statements(ACTOR))
    assert isinstance(stored, Actor)
    row = json.loads(json.dumps(to_row(stored)))
    found = from_row(row, [SPACE])
    assert found == stored and [e.iri for e in found.evidence] == [e.iri for e in stored.evidence]
    odd = replace(ACTOR, iri="https://one.example.org/id/members/elsewhere#x")  # as a graph may name it
    assert from_row(to_row(odd), [SPACE]).iri == odd.iri


def test_of_very_much_the_telling_pieces_are_sent() -> None:
    evidence = tuple(Evidence(title=f"contract {n}", iri=f"{SPACE}e{n}") for n in range(200))
    makes = tuple(Text(f"thing {n}") for n in range(200))
    row = to_row(replace(ACTOR, makes=makes, evidence=evidence), {f"<{SPACE}e150>"})
    assert "contract 150" in [e["title"] for e in row["evidence"]]
    assert len(row["makes"]) + len(row["evidence"]) <= MOST_PIECES
    from_row(row, [SPACE])


def test_a_result_without_evidence_is_rebuilt_from_its_quotes() -> None:
    result = {
        "actor": {"iri": SPACE + "actor/a", "id": "a", "name": "A", "kind": "firm", "country": "FR", "clusters": []},
        "score": 1e300, "reasons": [{"says": "x", "quote": "gel", "language": "fr", "date": "2020", "url": ""}],
    }  # fmt: skip
    found = from_result(result, [SPACE])
    assert (found.name, found.evidence[0].text, found.evidence[0].lang) == ("A", "gel", "fr")


UNSOUND = {
    "NaN": (node(says(answer(said(count=1).replace(b'"count": 1', b'"count": NaN')))), "invalid"),
    "nested very deeply": (node(says(answer(b"[" * 500_000))), "invalid"),
    "a page": (node(says(answer(b"<html><script>alert(1)</script></html>", media="text/html"))), "invalid"),
    "a list": (node(says(answer(b"[1, 2]"))), "invalid"),
    "another object": (node(says(answer(b'{"answer": "maybe", "results": []}'))), "invalid"),
    "no list of results": (node(says(answer(said(evidence={"a": 1})))), "invalid"),
    "100,000 results": (node(says(answer(said(evidence=[1] * 100_000)))), "invalid"),
    "an endless body": (node(drips(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536, 0)), "invalid"),
    "a bomb": (node(says(answer(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip"))), "invalid"),
    "cut short": (node(says(answer(said())[:-20])), "invalid"),
    "no HTTP": (node(says(b"hello\r\n\r\n")), "invalid"),
    "ten bytes a second": (node(drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.1)), "late"),
    "silence": (node(lambda send, asked: time.sleep(2)), "late"),
    "an error of its own": (node(says(answer(b"", status="500 Oops"))), "down"),
    "a refusal": (node(says(answer(b"", status="422 No"))), "refused"),
    "sent to a private address": (node(redirects("http://127.0.0.1:1/search")), "refused"),
    "sent to a file": (node(redirects("file:///etc/passwd")), "refused"),
    "a search elsewhere, private": (
        node(says(answer(said())), document(endpoints={"search": "http://127.0.0.1:1/search"})), "refused",
    ),
    "a search that is code": (
        node(says(answer(said())), document(endpoints={"search": "javascript:alert(1)"})), "refused",
    ),
    "a document that is none": (node(says(answer(said())), b"{}"), "invalid"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSOUND)
def test_what_is_no_answer_is_named_and_costs_no_more_time(case: str) -> None:
    script, status = UNSOUND[case]
    with serving(script) as server:
        began = time.monotonic()
        heard = ask(server, seconds=0.8)
        assert time.monotonic() - began < 1.3
    assert heard.status == status, heard
    assert heard.says and not heard.actors and not heard.complete and "<script" not in heard.says


ROWS: dict[str, dict[str, Any]] = {
    "an IRI of another namespace": {"iri": "https://other.example.org/id/x/actor/a"},
    "an IRI of a namespace that begins alike": {"iri": SPACE.rstrip("/") + "2/actor/a"},
    "one of our own": {"iri": "https://ours.example.org/id/members/actor/a"},
    "an IRI that is none": {"iri": SPACE + 'a"> <b'},
    "an IRI that reads backwards": {"iri": SPACE + "actor/\u202eb"},
    "an IRI that is code": {"iri": "javascript:alert(1)"},
    "a website that is code": {"website": "javascript:alert(1)"},
    "a link of evidence that is code": {"evidence": [{"text": "gel", "url": "javascript:alert(1)"}]},
    "a name that reads backwards": {"name": "A\u202eb"},
    "half a character": {"name": "\ud800"},
    "a name that is a list": {"name": ["A"]},
    "no name": {"name": ""},
    "a kind of its own": {"kind": "<b>king</b>"},
    "an infinite latitude": {"latitude": 1e308 * 10},
    "a latitude beyond the pole": {"latitude": 91},
    "a name as long as a book": {"name": "A" * 100_000},
    "a thousand claims": {"makes": [f"thing {n}" for n in range(1000)]},
    "texts that are numbers of objects": {"makes": [{"text": {"text": "gel"}}]},
    "a country that is none": {"country": "Atlantis"},
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_cannot_be_believed_is_left_out(case: str) -> None:
    rows = json.dumps([ROW, {**ROW, **ROWS[case]}]).replace("Infinity", "1e400")
    body = said().replace(json.dumps([ROW]).encode(), rows.encode())
    with serving(node(says(answer(body)), document())) as server:
        heard = ask(server)
    assert heard.status == "ok" and [actor.id for actor in heard.actors] == ["a"], heard
    assert heard.actors[0].website == "" and heard.actors[0].makes == (Text("gel"),)
    assert not heard.complete and heard.says.startswith("1 of its 2 results")


def test_a_sound_answer_is_taken_and_the_question_is_asked_once() -> None:
    with serving(node(says(answer(said())), document(endpoints={"search": "/find?sources=live"}))) as server:
        asking = Asking()
        peer = Peer("one", server.url, allow_private=True)
        heard = [asking.ask([peer], QUESTION)[0] for _ in range(2)][1]
    assert (heard.status, heard.as_of, heard.count, heard.complete) == ("ok", "2026-01-02T03:04:05+00:00", 7, True)
    assert heard.peer.own == (SPACE,)  # the source's origin lies below the node's own address
    lines = [asked.line for asked in server.asked]
    assert [line.split()[1] for line in lines] == [
        "/.well-known/filiere", *["/find?q=gel&country=FR&limit=10&evidence=true"] * 2,
    ]  # fmt: skip
    assert server.asked[1].headers[MARK.lower()] == "1"


def test_figures_that_make_no_sense_are_passed_over() -> None:
    sources = [{"as_of": "<script>", "count": -1}, {"as_of": 5, "count": 10**100}, 7, {"count": True}, {"count": 3}]
    with serving(node(says(answer(said(sources=sources, complete="yes"))))) as server:
        heard = ask(server)
    assert (heard.status, heard.as_of, heard.count, heard.complete) == ("ok", "", 3, False)


def test_a_node_that_does_not_say_its_namespaces_leaves_those_of_others_alone() -> None:
    with serving(node(says(answer(said())))) as server:
        assert ask(server).status == "ok"
        assert ask(server, replace(QUESTION, owned=(SPACE,))).status == "invalid"


def test_a_private_address_is_asked_only_when_that_was_allowed() -> None:
    with serving(node(says(answer(said())))) as server:
        assert ask(server, allow_private=False).status == "refused"
        assert not server.asked


def test_what_fails_while_an_answer_is_taken_costs_that_node_alone() -> None:
    def take(heard: Heard) -> None:
        if heard.peer.name == "one":
            raise ValueError

    with serving(node(says(answer(said())))) as server:
        peers = [Peer(name, server.url, allow_private=True) for name in ("one", "two")]
        assert [heard.status for heard in Asking().ask(peers, QUESTION, take)] == ["invalid", "ok"]


def test_a_breaker_opens_tries_once_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(3, 30.0, lambda: now[0])
    for _ in range(3):
        assert breaker.state == "closed" and breaker.admit() == ""
        breaker.done(False)
    assert breaker.state == "open" and breaker.admit() == "open"
    now[0] = 31
    assert breaker.state == "half-open" and breaker.admit() == "" and breaker.admit() == "open"
    breaker.done(False)
    assert breaker.state == "open"
    now[0] = 62
    assert breaker.admit() == ""
    breaker.done(True)
    assert breaker.state == "closed"
    assert [breaker.admit() for _ in range(AT_ONCE + 1)] == [""] * AT_ONCE + ["busy"]


def test_a_node_that_fails_is_left_alone_and_comes_back() -> None:
    well = threading.Event()

    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        send(answer(said()) if well.is_set() else answer(b"", status="503 Later"))

    with serving(node(script)) as server:
        asking, peer = Asking(1.0, failures=2, pause=0.4), Peer("one", server.url, allow_private=True)

        def status() -> str:
            return asking.ask([peer], QUESTION)[0].status

        assert [status() for _ in range(3)] == ["down", "down", "open"]
        seen = len(server.asked)
        assert status() == "open" and len(server.asked) == seen and asking.state(peer) == "open"
        well.set()
        time.sleep(0.45)
        assert asking.state(peer) == "half-open" and status() == "ok" and asking.state(peer) == "closed"


def test_the_registry_keeps_what_nodes_say_of_themselves(tmp_path: Path) -> None:
    peers = Peers(tmp_path / "peers.json")
    with serving(node(says(answer(said())), document(title="One", endpoints={"search": "search"}))) as server:
        with pytest.raises(RefusedAddress, match="this machine itself") as refused:
            peers.add("one", server.url)
        assert "--allow-private" in refused.value.mend and peers.all() == ()
        added, trouble = peers.add("one", server.url + ".well-known/filiere", allow_private=True)
    assert (added.url, added.title, added.namespaces, trouble) == (server.url, "One", (SPACE,), "")
    assert added.endpoint == server.url + ".well-known/search"  # addresses are relative to where the document lies
    away, trouble = peers.add("two", "http://127.0.0.1:1", allow_private=True)
    assert away.namespaces is None and not away.described and "cannot be reached" in trouble
    assert [peer.name for peer in Peers(tmp_path / "peers.json").all()] == ["one", "two"]
    assert not list(tmp_path.glob("*.tmp"))
    assert peers.remove("one") == added and [peer.name for peer in peers.all()] == ["two"]
    with pytest.raises(NotFound):
        peers.remove("one")
    with pytest.raises(NotFound):
        peers.get("one")


def test_what_cannot_be_a_peer_is_refused(tmp_path: Path) -> None:
    peers = Peers(tmp_path / "peers.json")
    with pytest.raises(RefusedInput, match="cannot be the name"):
        peers.add("../one", "https://example.org/")
    for url in ("ftp://example.org/", "javascript:alert(1)", "https://user:secret@example.org/", "x" * 3000):
        with pytest.raises(RefusedAddress):
            peers.add("one", url)
    with serving(says(answer(b'{"filiere": 1}'))) as server, pytest.raises(RefusedInput, match="missing"):
        peers.add("one", server.url, allow_private=True)
    for number in range(MOST_PEERS):
        peers.add(f"p{number}", "http://127.0.0.1:1", allow_private=True)
    with pytest.raises(RefusedInput, match="already"):
        peers.add("one", "http://127.0.0.1:1", allow_private=True)
    (tmp_path / "peers.json").write_text('{"peers": [{"nom": "x"}]}')
    with pytest.raises(DamagedData, match="peers"):
        peers.all()


def test_a_base_address_has_one_spelling() -> None:
    for url in ("https://Data.Example.org", "https://data.example.org:443/", "https://data.example.org/?a#b"):
        assert base(url) == "https://data.example.org/"
    assert base("https://example.org/node/.well-known/filiere") == "https://example.org/node/"
