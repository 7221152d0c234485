"""Live search over real services on loopback: equal to a search over their union, in time, and never misled."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import pytest
from click.testing import CliRunner, Result

from api.archive import read_archive
from api.cli import cli
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from kg import sample
from kg.errors import NotFound, RefusedAddress
from kg.federation.live import MARK
from kg.federation.peers import Peers
from kg.intake import parse
from kg.mapping import from_statements
from kg.model import Actor
from kg.terms import from_payload
from search import evaluation
from search.query import Query
from tests.doors.nodes import empty, filled, node
from tests.doors.test_cli import filiere
from tests.kg.servers import Asked, Script, answer, drips, says, serving
from tests.kg.test_live import document

PARTS = ("fr", "es", "it", "rest")
NEEDS = [
    ("gel hydroalcoolique pour un hôpital", "fr"), ("FFP2-Masken", "de"), ("mascarillas lavables", "es"),
    ("tamponi per COVID-19", "it"), ("ventilator parts", "en"), ("plexiglass screens", "en"),
]  # fmt: skip


class Alliance(NamedTuple):
    """Four nodes that hold the sample by country; one that holds nothing and asks them; and one that holds it all."""

    parts: dict[str, str]  # name → base address
    url: str
    asking: Engine
    union: Engine
    secret: str
    bare: Path  # a data folder that holds nothing


def sample_actors() -> Iterator[Actor]:
    """Every actor of the sample."""
    for row in parse(sample.jobs(), sample.SOURCE):
        found = from_statements(row.iri, "members", from_payload(row.payload)) if row.payload else None
        if isinstance(found, Actor):
            yield found


@pytest.fixture(scope="module")
def alliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    root = tmp_path_factory.mktemp("alliance")
    bare = empty(root / "bare")
    held: dict[str, list[Actor]] = {name: [] for name in PARTS}
    for actor in sample_actors():
        held[actor.country.lower() if actor.country in ("FR", "ES", "IT") else "rest"].append(actor)
    with ExitStack() as stack:
        parts: dict[str, str] = {}
        for name, some in held.items():
            filled(bare, root / name, {f"members-{name}": some})
            parts[name] = stack.enter_context(node(root / name))[0]
        filled(bare, root / "union", {f"members-{name}": some for name, some in held.items()})
        filled(bare, root / "asking", {})
        url, asking = stack.enter_context(node(root / "asking", Settings(data=root / "asking", live_seconds=5.0)))
        _, secret = Tokens(asking.folder.tokens).create(("write:*",))
        for name, address in parts.items():
            asking.live.add(name, address, allow_private=True)
        yield Alliance(parts, url, asking, stack.enter_context(Engine.open(root / "union")), secret, bare)


def test_live_search_equals_a_search_over_the_union(alliance: Alliance) -> None:
    """The same places but for ties: whoever is among the first ten has, in the union, a score of the ten's least."""
    needs = [(need.text, need.lang) for need in evaluation.read_needs(sample.needs())]
    overlap: list[float] = []
    for text, lang in needs:
        live, whole = (
            alliance.asking.live.search(Query(text, lang)),
            alliance.union.search(Query(text, lang, limit=100)),
        )
        assert live.complete and [s.status for s in live.sources] == ["ok"] * 4, live.sources
        assert live.answer == whole.answer and live.need == whole.need
        scores = {match.actor.iri: match.score for match in whole.results}
        first = whole.results[:10]
        assert len(live.results) == len(first)
        for ours, theirs in zip(live.results, first, strict=True):
            assert abs(ours.score - theirs.score) <= 0.01, (text, ours.actor.iri, theirs.actor.iri)
            assert ours.actor.iri in scores or ours.score - whole.results[-1].score < 0.01  # one of a long tie
            assert abs(ours.score - scores.get(ours.actor.iri, ours.score)) <= 0.01
        both = {m.actor.iri for m in live.results} & {m.actor.iri for m in first}
        overlap.append(len(both) / max(1, len(first)))
    assert sum(overlap) / len(overlap) >= 0.8
    assert any(live_none(alliance, text) for text in ("a spaceship to Mars", "quantum annealing solver licence"))


def live_none(alliance: Alliance, text: str) -> bool:
    found = alliance.asking.live.search(Query(text))
    return found.answer == "none" and not found.results and found.complete


def test_constraints_and_reasons_reach_across(alliance: Alliance) -> None:
    query = Query("hydroalcoholic gel", country=("ES", "IT"), limit=5)
    live, whole = alliance.asking.live.search(query), alliance.union.search(query)
    assert {match.actor.country for match in live.results} <= {"ES", "IT"}
    assert [m.actor.name for m in live.results][:3] == [m.actor.name for m in whole.results][:3]
    for ours, theirs in zip(live.results[:3], whole.results[:3], strict=True):
        assert ours.node and ours.node.url == alliance.parts[ours.node.name]
        assert [(r.says, r.quote, r.path) for r in ours.reasons] == [(r.says, r.quote, r.path) for r in theirs.reasons]
    second = alliance.asking.live.search(Query("hydroalcoholic gel", country=("ES", "IT"), limit=5, offset=5))
    assert not {m.actor.iri for m in live.results} & {m.actor.iri for m in second.results}
    near = alliance.asking.live.search(Query("masks", near=(45.76, 4.84), within_km=100.0))
    assert near.results and {match.actor.country for match in near.results} <= {"FR", "CH"}


def test_every_door_searches_live(alliance: Alliance) -> None:
    asked = {"q": "gel hydroalcoolique", "sources": "live", "limit": "3"}
    found = httpx.get(alliance.url + "search", params=asked, timeout=30).json()
    assert [source["id"] for source in found["sources"]] == list(PARTS) and found["complete"]
    assert all(re.match(r"\d{4}-", source["as_of"]) and source["count"] > 10 for source in found["sources"])
    assert {match["node"]["name"] for match in found["results"]} <= set(PARTS)
    alone = httpx.get(alliance.url + "search", params={"q": "gel hydroalcoolique"}, timeout=30).json()
    assert alone["answer"] == "none" and alone["sources"] == [] and alone["complete"]
    csv = httpx.get(alliance.url + "search.csv", params=asked, timeout=30).text
    assert alliance.parts["fr"] in csv
    page = httpx.get(alliance.url, params=asked, timeout=30).text
    assert "Asked live" in page and 'value="live" checked' in page
    first = found["results"][0]
    assert f"{first['node']['url']}actors/" in page and f">{first['node']['name']}</a>" in page
    for wrong in ({**asked, "sources": "all"}, {**asked, "offset": "99"}):
        refused = httpx.get(alliance.url + "search", params=wrong, timeout=30)
        assert refused.status_code == 422 and refused.json()["mend"]


def test_the_command_line_searches_live(alliance: Alliance) -> None:
    data = str(alliance.asking.folder.path)
    done = filiere("search", "gel hydroalcoolique", "--live", "--limit", "2", "--data", data)
    assert done.returncode == 0, done.stderr
    assert f"fr ({alliance.parts['fr']}): ok" in done.stdout and " at fr]" in done.stdout

    def peers(*words: str) -> Result:
        return CliRunner().invoke(cli, ["peers", *words, "--data", data])

    assert [row["name"] for row in json.loads(peers("list", "--format", "json").output)] == list(PARTS)
    assert isinstance(refused := peers("add", "home", "http://127.0.0.1:9/").exception, RefusedAddress)
    assert "--allow-private" in refused.mend
    assert "could not be read yet" in peers("add", "home", "http://127.0.0.1:9/", "--allow-private").output
    assert "not asked any more" in peers("remove", "home").output
    assert isinstance(peers("remove", "home").exception, NotFound)


def test_the_registry_over_http(alliance: Alliance) -> None:
    auth = {"Authorization": f"Bearer {alliance.secret}"}
    door = alliance.url + "peers"
    body = {"url": "http://127.0.0.1:9/", "allow_private": True}
    assert httpx.put(door + "/gone", json=body).status_code == 401
    _, narrow = Tokens(alliance.asking.folder.tokens).create(("write:peers",))
    assert httpx.put(door + "/gone", json=body, headers={"Authorization": f"Bearer {narrow}"}).status_code == 403
    assert httpx.put(door + "/gone", json={"url": body["url"]}, headers=auth).status_code == 403
    for wrong in (b"{", b"[]", b'{"url": 5}', b'{"url": "https://example.org/", "more": 1}'):
        assert httpx.put(door + "/gone", content=wrong, headers=auth).status_code == 422
    added = httpx.put(door + "/gone", json=body, headers=auth).json()
    assert added["name"] == "gone" and "cannot be reached" in added["trouble"]
    rows = httpx.get(door).json()["peers"]
    assert [row["name"] for row in rows] == [*PARTS, "gone"] and {row["state"] for row in rows} == {"closed"}
    assert httpx.get(door + ".csv").text.startswith("name,url,")
    found = httpx.get(alliance.url + "search", params={"q": "masks", "sources": "live"}, timeout=30).json()
    assert [s["status"] for s in found["sources"]] == ["ok"] * 4 + ["down"] and not found["complete"]
    assert httpx.delete(door + "/gone", headers=auth).status_code == 200
    assert httpx.delete(door + "/gone", headers=auth).status_code == 404


def test_a_question_from_another_node_is_never_passed_on(alliance: Alliance) -> None:
    asked = {"q": "gel hydroalcoolique", "sources": "live"}
    found = httpx.get(alliance.url + "search", params=asked, headers={MARK: "1"}, timeout=30).json()
    assert found["sources"] == [] and found["answer"] == "none"
    alliance.asking.live.add("self", alliance.url, allow_private=True)
    try:
        found = httpx.get(alliance.url + "search", params=asked, timeout=30).json()
    finally:
        alliance.asking.live.remove("self")
    assert [source["status"] for source in found["sources"]] == ["ok"] * 5


def test_evidence_is_what_a_source_says_in_public(alliance: Alliance) -> None:
    asked = {"q": "gel hydroalcoolique", "evidence": "true", "limit": "4"}
    found = httpx.get(alliance.parts["fr"] + "search", params=asked, timeout=30).json()
    assert 4 <= len(found["evidence"]) <= 8
    assert [row["iri"] for row in found["evidence"][:4]] == [match["actor"]["iri"] for match in found["results"]]
    nothing = httpx.get(alliance.parts["it"] + "search", params={**asked, "q": "xqzzyv"}, timeout=30).json()
    assert nothing["answer"] == "none" and nothing["evidence"] == []


def test_a_backup_holds_the_peers(alliance: Alliance, tmp_path: Path) -> None:
    archive = alliance.asking.backup(tmp_path / "backup.tar.gz")
    read_archive(archive, tmp_path / "restored")
    assert [peer.name for peer in Peers(tmp_path / "restored" / "peers.json").all()] == list(PARTS)


# Ten peers: two are services, five say again what a service said, three are dead, slow and hostile


def recorded(answers: dict[str, bytes], need: list[str]) -> Script:
    """A node that gives the answer a real one gave to the need that is asked just now."""

    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        if "/.well-known/" in asked.line:
            send(answer(b"", status="404 Not Found"))
        else:
            send(answer(answers[need[0]], media="application/json"))

    return script


def test_ten_peers_of_which_three_are_lost_answer_in_time_and_are_named(alliance: Alliance, tmp_path: Path) -> None:
    filled(alliance.bare, tmp_path / "data", {})
    need = [NEEDS[0][0]]
    with ExitStack() as stack:
        engine = stack.enter_context(Engine.open(tmp_path / "data", write=True))
        engine.live.configure(Settings(live_pause=600.0))
        for name in ("fr", "es"):
            engine.live.add(name, alliance.parts[name], allow_private=True)
        for number in range(5):
            base = alliance.parts[PARTS[2 + number % 2]]  # what nodes publish that are not asked themselves
            answers = {
                text: httpx.get(
                    f"{base}search", params={"q": text, "lang": lang, "evidence": "true"}, timeout=30
                ).content
                for text, lang in NEEDS
            }
            server = stack.enter_context(serving(recorded(answers, need)))
            engine.live.add(f"recorded-{number}", server.url, allow_private=True)
        slow = stack.enter_context(serving(drips(b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.1)))
        hostile = stack.enter_context(serving(says(answer(b"[" * 1_000_000))))
        lost = {"dead": "http://127.0.0.1:1/", "slow": slow.url, "hostile": hostile.url}
        for name, url in lost.items():
            _known(engine, name, url)
        engine.live.search(Query("warm"))
        took: list[float] = []
        for number in range(30):
            need[0], lang = NEEDS[number % len(NEEDS)]
            began = time.monotonic()
            found = engine.live.search(Query(need[0], lang))
            took.append(time.monotonic() - began)
            status = {source.id: source.status for source in found.sources}
            assert status.pop("dead") in ("down", "open") and status.pop("hostile") in ("invalid", "open")
            assert status.pop("slow") in ("late", "open") and not found.complete
            assert set(status.values()) == {"ok"}, [(s.id, s.status, s.says) for s in found.sources]
            assert found.answer == "match" and len(found.results) >= 9  # copies share places
        assert sorted(took)[28] <= 2.0, took  # of 30, the 95th in a hundred
        assert median(took[5:]) < 1.4  # the breakers are open: nobody waits for who is lost
        assert {row.name: row.state for row in engine.live.status() if row.name in lost} == dict.fromkeys(lost, "open")


def _known(engine: Engine, name: str, url: str) -> None:
    """Adds a peer that was sound when it was added, and is lost now."""
    with serving(says(answer(b"", status="404 Not Found"))) as sound:
        engine.live.add(name, sound.url, allow_private=True)
        peers = engine.folder.peers
        peers.write_text(peers.read_text().replace(sound.url, url))


# A hostile peer beside a sound one


def told(rows: list[dict[str, Any]], **more: Any) -> Script:
    """A node that says what it may speak about, and gives these rows for every need."""
    body = json.dumps({"answer": "match", "results": [], "complete": True, "evidence": rows, **more}).encode()
    space = "https://evil.example.org/id/x/"

    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        send(answer(document(space) if "/.well-known/" in asked.line else body, media="application/json"))

    return script


def test_hostile_rows_mislead_nobody(alliance: Alliance) -> None:
    query = Query("gel hydroalcoolique pour un hôpital", "fr")
    before = alliance.asking.live.search(query)
    first = before.results[0].actor
    space = "https://evil.example.org/id/x/actor/"
    stuffed = [{"text": f"thing number {n}"} for n in range(30)] + [{"text": "gel " * 500}]
    rows = [
        {"iri": first.iri, "id": first.id, "name": "Taken over", "makes": ["gel hydroalcoolique"]},
        {"iri": space + "script", "id": "script", "name": "<script>alert(1)</script>", "score": 99,
         "makes": [{"text": "gel hydroalcoolique pour un hôpital", "lang": "fr"}]},
        {"iri": space + "code", "id": "code", "name": "Code", "website": "javascript:alert(1)", "makes": ["gel"]},
        {"iri": space + "stuffed", "id": "stuffed", "name": "Stuffed", "score": 1e9, "makes": stuffed},
        *({"iri": f"{space}clone-{n}", "id": f"clone-{n}", "name": f"Clone {n}", "country": "FR", "city": "Lyon",
           "descriptions": ["Nous fabriquons du gel hydroalcoolique en grande quantité à Lyon, pour les hôpitaux de la "
                            "région et au-delà, depuis 2020, dans notre usine."]} for n in range(10)),
        {"iri": space + "off", "id": "off", "name": "Off", "makes": ["banana bread recipes"], "score": 1.0},
    ]  # fmt: skip
    with serving(told(rows, score=1e9)) as server:
        alliance.asking.live.add("evil", server.url, allow_private=True)
        try:
            found = alliance.asking.live.search(query)
            page = httpx.get(alliance.url, params={"q": query.text, "sources": "live"}, timeout=30).text
        finally:
            alliance.asking.live.remove("evil")
    evil = [match for match in found.results if match.node and match.node.name == "evil"]
    names = [match.actor.name for match in found.results]
    assert "Taken over" not in names and first.iri in {match.actor.iri for match in found.results}
    assert not {"Code", "Stuffed", "Off"} & set(names)
    assert sum(name.startswith("Clone") for name in names) <= 1  # copies share one place
    assert all(0 <= match.score <= 1 for match in evil) and len(evil) <= 2
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    said = next(source for source in found.sources if source.id == "evil")
    assert said.status == "ok" and "2 of its" in said.says and not found.complete
    kept = [match for match in found.results if match not in evil]
    assert [(m.actor.iri, m.score) for m in kept] == [(m.actor.iri, m.score) for m in before.results][: len(kept)]


def test_who_is_held_here_is_not_shown_twice(alliance: Alliance) -> None:
    query = Query("gel hydroalcoolique pour un hôpital", "fr")
    for name in ("fr", "es"):
        alliance.union.live.add(name, alliance.parts[name], allow_private=True)
    live, alone = alliance.union.live.search(query), alliance.union.search(query)
    assert [(m.actor.iri, m.score, m.node) for m in live.results] == [
        (m.actor.iri, m.score, None) for m in alone.results
    ]
    assert live.complete and live.total == alone.total
