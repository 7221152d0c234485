"""Harvesting: what is published elsewhere comes in, and only that; what goes wrong is said and loses nothing."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.engine import Engine
from api.harvesting import Harvesting, config_of
from api.publishing import Publishing
from api.settings import Settings
from api.webfolder import WebFolder
from kg import vocabulary as v
from kg.endpoint import Address, Endpoint
from kg.errors import NotFound, RefusedAddress, UserError
from kg.faults import HARVEST_POINTS
from kg.federation import sources_sparql
from kg.model import Source
from search.query import Query
from tests.doors.alliance import MODEL, Alliance
from tests.kg.published import Folder, actor, publishing
from tests.kg.virtuoso import virtuoso
from tests.served import ROOT, served


def test_a_node_is_harvested_by_its_dump_then_by_its_feed(alliance: Alliance) -> None:
    node = alliance.node("steady", 12)
    first = alliance.harvest("steady")
    assert (first.outcome, first.written, first.seq_there) == ("ok", 12, 12)
    assert alliance.live("steady") == node.live
    before = alliance.rows()
    alliance.site.asked()
    assert alliance.harvest("steady").outcome == "unchanged"
    assert alliance.site.asked() == ["/steady/.well-known/filiere"] and alliance.rows() == before
    records = dict(node.live)
    gone, changed = sorted(records)[:2]
    del records[gone]
    records[changed] = actor(v.local_name(changed), "something else", "steady")[1]
    records |= dict([actor("new", "a new thing", "steady")])
    node.say(records)
    alliance.site.asked()
    second = alliance.harvest("steady")
    assert (second.outcome, second.written, second.deleted) == ("ok", 2, 1)
    asked = alliance.site.asked()
    assert "/steady/feed/steady/2.trig" in asked and not [path for path in asked if "dumps" in path or "1.trig" in path]
    assert alliance.live("steady") == node.live
    status = next(s for s in alliance.engine.sources() if s.id == "steady")
    assert status.origin == "https://node.test/graph/steady" and status.licence and status.harvested_from


def test_a_harvest_is_a_prov_activity_and_can_be_undone(alliance: Alliance) -> None:
    node = alliance.node("undone")
    alliance.harvest("undone")
    before = alliance.live("undone")
    records = dict(node.live) | dict([actor("late", "late things", "undone")])
    node.say(records)
    outcome = alliance.harvest("undone")
    batch = alliance.engine.journal.batches("undone", 1)[0]
    activity = next(c.payload for c in alliance.engine.journal.entities(v.HARVESTS) if f"undone-{outcome.run}" in c.iri)
    for said in ("prov#Activity", "prov#used", "graph/undone", "startedAtTime", "endedAtTime", 'outcome> "ok"'):
        assert said in activity
    alliance.engine.querying.undo(batch.number)
    assert alliance.live("undone") == before
    assert not any(f"undone-{outcome.run}" in c.iri for c in alliance.engine.journal.entities(v.HARVESTS))
    records |= dict([actor("later", "later things", "undone")])
    node.say(records)
    assert alliance.harvest("undone").outcome == "ok"
    assert alliance.live("undone") == records, "what was undone comes again once the source says something new"


def test_a_table_is_harvested_with_a_mapping(alliance: Alliance) -> None:
    file = alliance.path / "members.csv"
    file.write_text("id,Nom,Produits,country\na,Alpha,masques,FR\nb,Beta,gel,FR\n", encoding="utf-8")
    mapping = '[columns]\n"Nom" = "name"\n"Produits" = "makes"\n'
    alliance.add("table", "members.csv", mapping=mapping, licence="CC-BY-4.0")
    assert alliance.harvest("table").outcome == "ok"
    assert [alliance.engine.actor(name, "table").name for name in ("a", "b")] == ["Alpha", "Beta"]
    assert alliance.harvest("table").outcome == "unchanged"
    file.write_text("id,Nom,Produits,country\na,Alpha,masques,FR\nb,Beta,valves,FR\n", encoding="utf-8")
    outcome = alliance.harvest("table")
    assert (outcome.outcome, outcome.written, outcome.unchanged) == ("ok", 1, 1)
    assert alliance.harvesting.one("table").state.kind == "csv"


CATALOGUE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://cat.test/set/firms> a dcat:Dataset ; dct:identifier "firms" ; dct:title "Firms"@en ;
  dct:license <https://creativecommons.org/publicdomain/zero/1.0/> ; dcat:distribution <https://cat.test/d/1>, [
    dcat:downloadURL <firms.ttl> ; dcat:mediaType <https://www.iana.org/assignments/media-types/text/turtle> ] .
<https://cat.test/d/1> dcat:downloadURL <firms.csv> ; dct:format "CSV" .
<https://cat.test/set/other> a dcat:Dataset ; dct:identifier "other" ; dcat:distribution [ dcat:accessURL <o.csv> ] .
"""
FIRMS = """@prefix org: <http://www.w3.org/ns/org#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix schema: <https://schema.org/> . @prefix fil: <https://w3id.org/filiere/ns#> .
<https://firms.test/org/1> a org:Organization ; skos:prefLabel "One" ; schema:addressCountry "FR" ; fil:makes "masks" .
<https://firms.test/org/2> a org:Organization ; skos:prefLabel "Two" ; schema:addressCountry "FR" ; fil:makes "gel" .
"""


def test_a_catalogue_gives_the_dataset_that_is_meant(alliance: Alliance) -> None:
    (alliance.path / "catalogue.ttl").write_text(CATALOGUE, encoding="utf-8")
    (alliance.path / "firms.ttl").write_text(FIRMS, encoding="utf-8")
    alliance.add("catalogue", "catalogue.ttl")
    several = alliance.harvest("catalogue")
    assert several.outcome == "refused" and "firms" in several.mend
    alliance.add("catalogue", "catalogue.ttl", part="firms")
    assert alliance.harvest("catalogue").outcome == "ok"
    assert sorted(alliance.live("catalogue")) == ["https://firms.test/org/1", "https://firms.test/org/2"]
    state = alliance.harvesting.one("catalogue").state
    assert (state.kind, state.namespace) == ("dcat", "https://firms.test/org/")
    assert state.licence == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert alliance.harvest("catalogue").outcome == "unchanged"
    (alliance.path / "firms.ttl").write_text(FIRMS.replace("gel", "soap"), encoding="utf-8")
    assert alliance.harvest("catalogue").written == 1


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Address]:
    """A Virtuoso that holds nothing of other tests."""
    with virtuoso(tmp_path / "virtuoso") as address:
        yield address


def test_an_endpoint_is_harvested_page_by_page(
    alliance: Alliance, endpoint: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources_sparql, "_SUBJECTS", 2)
    monkeypatch.setattr(sources_sparql, "_SELECT", sources_sparql._SELECT.replace("LIMIT 200", "LIMIT 2"))
    store, graph = Endpoint(endpoint), "https://endpoint.test/graph"
    firms = "".join(
        f'<https://endpoint.test/org/{n}> a <{v.ORG}Organization> ; <{v.SKOS}prefLabel> "Firm {n}" ; '
        f'<{v.NS}makes> "gel {n}" ; <{v.SCHEMA}location> <https://endpoint.test/org/{n}/place> . '
        f'<https://endpoint.test/org/{n}/place> <{v.RDFS}label> "Place {n}" . '
        for n in range(5)
    )
    store.update(f"INSERT DATA {{ GRAPH <{graph}> {{ {firms} }} }}")
    try:
        alliance.add("endpoint", endpoint.query)
        outcome = alliance.harvest("endpoint")
        assert (outcome.outcome, outcome.written) == ("ok", 5), outcome
        assert alliance.harvesting.one("endpoint").state.kind == "sparql"
        found = alliance.live("endpoint")
        assert sorted(found) == [f"https://endpoint.test/org/{n}" for n in range(5)]
        assert all("Place" in payload for payload in found.values()), "with their parts"
        assert alliance.harvest("endpoint").outcome == "unchanged"
        monkeypatch.setattr(sources_sparql, "_SOLUTIONS", 7)
        query = (
            f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o FILTER(!isBlank(?o) && !isBlank(?s)) }} }}"
        )
        alliance.add("written", endpoint.query, kind="sparql", query=query)
        refused = alliance.harvest("written")
        assert refused.outcome == "refused" and "overlaps that of the source" in refused.reason
        alliance.engine.remove_source("endpoint")
        outcome = alliance.harvest("written")
        assert (outcome.outcome, outcome.written) == ("ok", 5), outcome
        store.update(f'DELETE DATA {{ GRAPH <{graph}> {{ <https://endpoint.test/org/1> <{v.NS}makes> "gel 1" }} }}')
        assert alliance.harvest("written").written == 1
    finally:
        store.update(f"CLEAR GRAPH <{graph}>")
    assert alliance.harvest("written").outcome == "stale" and len(alliance.live("written")) == 5


def test_what_is_held_waits_for_a_person(alliance: Alliance) -> None:
    node = alliance.node("held", 10)
    alliance.harvest("held")
    before = alliance.live("held")
    node.say(dict(sorted(node.live.items())[:3]))
    rows = alliance.rows()
    outcome = alliance.harvest("held")
    assert outcome.outcome == "held" and "7 of 10 records would be deleted" in outcome.reason
    assert alliance.live("held") == before and alliance.rows() == rows
    assert alliance.harvest("held").outcome == "held", "it goes on waiting"
    released = alliance.harvesting.release("held")
    assert (released.outcome, released.deleted) == ("ok", 7)
    assert alliance.live("held") == node.live
    assert alliance.harvest("held").outcome == "unchanged"
    with pytest.raises(UserError, match="Nothing of held is held"):
        alliance.harvesting.release("held")
    shown = [o.outcome for o in alliance.harvesting.registry.outcomes("held")]
    assert shown == ["unchanged", "ok", "held", "ok"], "an outcome that repeats is told once"


def test_a_bad_record_is_set_aside_until_it_comes_good(alliance: Alliance) -> None:
    node = alliance.node("partly", 20)
    alliance.harvest("partly")
    good = dict(node.live)
    first = sorted(good)[0]
    node.say(good | {first: good[first].replace('"FR"', '"France, la douce"')})
    outcome = alliance.harvest("partly")
    assert (outcome.outcome, outcome.set_aside) == ("quarantined", 1) and first in outcome.reason
    assert alliance.live("partly") == good, "the version before stays"
    assert list(alliance.harvesting.registry.quarantine("partly")) == [first]
    node.say(good)
    assert alliance.harvest("partly").outcome == "unchanged"
    assert alliance.harvesting.registry.quarantine("partly") == {}


def test_a_search_names_the_sources_that_are_stale(alliance: Alliance) -> None:
    node = alliance.node("ageing")
    alliance.harvest("ageing")
    (node.path / ".well-known" / "filiere").unlink()
    assert alliance.harvest("ageing").outcome == "gone"
    found = alliance.engine.search(Query(text="product 3 of ageing"))
    assert found.results and {s.id: s.status for s in found.sources}["ageing"] == "gone"
    node.write()
    assert alliance.harvest("ageing").outcome == "unchanged"
    assert {s.id: s.status for s in alliance.engine.search(Query(text="gel")).sources}["ageing"] == "ok"


def test_what_was_erased_does_not_come_back_and_holds_nothing_up(alliance: Alliance) -> None:
    node = alliance.node("forgetful", 8)
    alliance.harvest("forgetful")
    first, second = sorted(node.live)[:2]
    alliance.engine.erase([first], reason="asked by letter")
    assert first not in alliance.live("forgetful")
    again = {number: actor(f"forgetful{number}", "something else", "forgetful")[1] for number in (0, 1)}
    node.say(node.live | {first: again[0], second: again[1]})
    assert alliance.harvest("forgetful").outcome == "ok"
    assert alliance.live("forgetful") == {name: said for name, said in node.live.items() if name != first}


def test_loops_and_copies_are_known_by_their_origin(alliance: Alliance) -> None:
    alliance.node("first")
    assert alliance.harvest("first").outcome == "ok"
    copy = Folder(alliance.path / "copy", "first")
    copy.say(dict(actor(f"first{n}", f"product {n} of first", "first") for n in range(8)))
    alliance.add("second", "copy/", kind="filiere")
    outcome = alliance.harvest("second")
    assert outcome.outcome == "refused" and "first has the same origin" in outcome.reason
    copy.document(origin="https://elsewhere.test/graph/first")
    outcome = alliance.harvest("second")
    assert outcome.outcome == "refused" and "overlaps that of the source first" in outcome.reason
    mine = Harvesting(alliance.engine, ours="https://elsewhere.test/graph/")
    assert "loop" in mine.run(["second"])[0].mend
    assert alliance.live("second") == {}


def test_what_was_added_wrongly_is_refused(alliance: Alliance) -> None:
    for name, given in (
        ("Bad Name", {"url": "https://a.test/"}), ("decisions", {"url": "https://a.test/"}),
        ("a", {"url": "https://a.test/", "kind": "ftp"}), ("a", {"url": "https://a.test/", "every": "soon"}),
        ("a", {"url": "https://a.test/", "namespace": "nowhere"}), ("a", {"url": "https://a.test/", "colour": "red"}),
        ("a", {}), ("a", {"url": "https://a.test/", "query": "SELECT * {}"}),
    ):  # fmt: skip
        with pytest.raises(UserError):
            alliance.harvesting.registry.add(config_of(name, given))
    with pytest.raises(RefusedAddress):
        alliance.harvesting.registry.add(config_of("a", {"url": "file:///etc/passwd"}))
    with pytest.raises(NotFound):
        alliance.harvest("nobody")


def cli(folder: Path, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **MODEL}
    if crash_at:
        environment["FILIERE_CRASH_AT"] = crash_at
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments, "--data", str(folder)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory, blank: Path) -> Iterator[tuple[Path, Folder]]:
    """A data folder that harvested a node once, by the command line; the node has something new since."""
    path = tmp_path_factory.mktemp("crashing")
    node = Folder(path / "web" / "node")
    node.say(dict(actor(f"f{n}", f"product {n}") for n in range(12)))
    shutil.copytree(blank, path / "data")
    with publishing(path / "web") as site:
        added = cli(path / "data", "sources", "add", "members", site.url + "node/", "--allow-private")
        assert added.returncode == 0, added.stderr
        done = cli(path / "data", "harvest")
        assert done.returncode == 0 and "members: ok (written 12" in done.stdout, done.stderr
        node.say(dict(list(node.live.items())[1:]) | dict([actor("f3", "valves"), actor("new", "gowns")]))
        yield path, node


@pytest.mark.parametrize("point", [*HARVEST_POINTS, "journal.written", "journal.committed"])
def test_a_harvest_that_was_killed_goes_on_where_it_stopped(crashing: tuple[Path, Folder], point: str) -> None:
    path, node = crashing
    folder = path / point
    shutil.copytree(path / "data", folder)
    died = cli(folder, "harvest", crash_at=point)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Engine.open(folder, write=True, model="hashing") as engine:
        harvesting = Harvesting(engine)
        outcome = harvesting.run(["members"])[0]
        after = point in ("harvest.logged", "harvest.cleared", "harvest.kept")
        assert outcome.outcome in (("ok", "unchanged") if after else ("ok",)), outcome
        own = v.source_graph("members")
        assert {c.iri: c.payload for c in engine.journal.entities("members") if c.iri != own} == node.live
        assert [(c.op, v.local_name(c.iri)) for c in engine.journal.read(0) if c.source == "members"][13:] == [
            ("upsert", "f3"), ("upsert", "new"), ("delete", "f0")
        ]  # fmt: skip
        assert len([c for c in engine.journal.entities(v.HARVESTS) if "prov#Activity" in c.payload]) == 2
        assert [o.outcome for o in harvesting.registry.outcomes("members")][:2] in (["ok", "ok"], ["unchanged", "ok"])
        assert engine.ready and not (folder / "harvest" / "members" / "work").exists()


def test_the_command_line_tells_and_shows_what_came_of_it(tmp_path: Path, blank: Path) -> None:
    shutil.copytree(blank, tmp_path / "data")
    node = Folder(tmp_path / "web" / "node").say(dict([actor("a"), actor("b", "gel")]))
    with publishing(tmp_path / "web") as site:
        for name, address in (("members", site.url + "node/"), ("lost", site.url + "nowhere.csv")):
            assert cli(tmp_path / "data", "sources", "add", name, address, "--allow-private").returncode == 0
        done = cli(tmp_path / "data", "harvest", "--format", "json")
    assert done.returncode == 1, "one of them needs a person"
    assert {row["source"]: row["outcome"] for row in json.loads(done.stdout)} == {"lost": "gone", "members": "ok"}
    shown = json.loads(cli(tmp_path / "data", "sources", "show", "members", "--format", "json").stdout)
    assert shown["outcome"] == "ok" and shown["seq"] == node.seq and shown["outcomes"][0]["written"] == 2
    assert "no longer there" in cli(tmp_path / "data", "sources", "show", "lost").stdout
    assert cli(tmp_path / "data", "sources", "remove", "members", "--yes").returncode == 0
    assert cli(tmp_path / "data", "sources", "show", "members").returncode == 1
    assert cli(tmp_path / "data", "sources", "release", "lost").returncode == 2


def put(service: Any, name: str, text: str) -> httpx.Response:
    headers = {**service.auth, "Content-Type": "text/csv"}
    return httpx.put(f"{service.url}/sources/{name}", content=text.encode(), headers=headers, timeout=30)


def until(true: Any, seconds: float = 20.0) -> float:
    """Seconds until something is true."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds
        time.sleep(0.1)
    return time.monotonic() - started


def test_a_change_at_a_node_is_searchable_upstream(tmp_path: Path, blank: Path) -> None:
    for name in ("node", "hub"):
        shutil.copytree(blank, tmp_path / name)
    rows = "id,name,country,makes\n" + "".join(f"f{n},Firm {n},FR,gel {n}\n" for n in range(9))
    with served(tmp_path / "node", MODEL, sample=False) as node, served(tmp_path / "hub", MODEL, sample=False) as hub:
        assert put(node, "members", rows).status_code == 200
        config = {"url": node.url, "every": "2s", "allow_private": True}
        assert httpx.put(f"{hub.url}/harvest/fr", json=config).status_code == 401
        assert httpx.put(f"{hub.url}/harvest/fr", json={"every": "2s"}, headers=hub.auth).status_code == 422
        slow = {"url": "http://192.0.2.1/", "every": "2s", "private": True}
        assert httpx.put(f"{hub.url}/harvest/slow", json=slow, headers=hub.auth).status_code == 201
        assert httpx.put(f"{hub.url}/harvest/fr", json=config, headers=hub.auth).status_code == 201

        def named(need: str) -> list[str]:
            found = httpx.get(f"{hub.url}/search", params={"q": need}, timeout=20).json()
            return [result["actor"]["name"] for result in found["results"]]

        until(lambda: "Firm 3" in named("gel 3"))
        assert put(node, "members", rows + "z,Zeta,FR,bathyscaphes\n").status_code == 200
        assert until(lambda: "Zeta" in named("bathyscaphes")) < 10
        shown = httpx.get(f"{hub.url}/harvest/fr").json()
        assert shown["kind"] == "filiere" and shown["outcomes"][-1]["written"] == 9
        assert [row["name"] for row in httpx.get(f"{hub.url}/harvest").json()] == ["fr"], "the private one is not told"
        assert httpx.get(f"{hub.url}/harvest/slow").status_code == 404
        page = httpx.get(f"{hub.url}/sources", headers={"Accept": "text/html", "Accept-Language": "fr"}).text
        assert "Moisson" in page and "à jour" in page
        assert httpx.post(f"{hub.url}/harvest/fr/pause", headers=hub.auth).json()["paused"] is True
        ran = until(lambda: httpx.post(f"{hub.url}/harvest/fr/run", headers=hub.auth).status_code == 200)
        assert ran < 10
        assert httpx.post(f"{hub.url}/harvest/fr/release", headers=hub.auth).status_code == 422
        assert httpx.get(f"{hub.url}/harvest/fr/report.csv").text.startswith("severity,")
        assert httpx.delete(f"{hub.url}/harvest/fr", headers=hub.auth).status_code == 200


def test_a_loop_of_three_nodes_settles(tmp_path: Path, blank: Path) -> None:
    """Each harvests the one before it, the first the last: what came from itself is refused, and nothing grows."""
    names, engines, apps = ("one", "two", "three"), {}, {}
    rows = "id,name,country,makes\n" + "".join(f"f{n},Firm {n},FR,gel {n}\n" for n in range(5))
    (tmp_path / "members.csv").write_text(rows, encoding="utf-8")
    with ExitStack() as stack:
        for name in names:
            shutil.copytree(blank, tmp_path / name)
            engines[name] = stack.enter_context(Engine.open(tmp_path / name, write=True, model="hashing"))
            apps[name] = stack.enter_context(served_here(engines[name]))
        engines["one"].import_files([tmp_path / "members.csv"], Source("members"))
        ring = {"two": "one", "three": "two", "one": "three"}
        for name, before in ring.items():
            part = "members" if before == "one" else f"from-{ring[before]}"
            given = {"url": apps[before], "part": part, "allow_private": True, "paused": True}  # not by the schedule
            Harvesting(engines[name]).registry.add(config_of(f"from-{before}", given))
        seen = []
        for _ in range(3):
            outcomes = {name: Harvesting(engines[name]).run([f"from-{before}"])[0] for name, before in ring.items()}
            seen.append([outcomes[name].outcome for name in ring])
            sizes = {name: engine.journal.last_seq for name, engine in engines.items()}
        assert seen == [["ok", "ok", "refused"], ["unchanged", "unchanged", "refused"], ["unchanged"] * 2 + ["refused"]]
        assert sizes == {name: engine.journal.last_seq for name, engine in engines.items()}
        origins = {s.origin for name in names for s in engines[name].sources() if s.id.startswith("from-")}
        assert origins == {f"{apps['one']}/graph/members"}, "it is known by where it was published first"


@contextmanager
def served_here(engine: Engine) -> Iterator[str]:
    """The address of a service over an engine, in a thread of this process."""
    config = uvicorn.Config(create_app(engine, Settings(data=engine.folder.path)), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def test_a_folder_that_a_plain_web_server_serves_is_a_node(alliance: Alliance, tmp_path: Path, blank: Path) -> None:
    shutil.copytree(blank, tmp_path / "node")
    file = tmp_path / "static.csv"
    rows = "id,name,country,makes\n" + "".join(f"f{n},Firm {n},FR,gel {n}\n" for n in range(9))
    with Engine.open(tmp_path / "node", write=True, model="hashing") as engine:
        publishing = Publishing(engine, engine.folder, Settings(), ())

        def publish(text: str) -> dict[str, str]:
            file.write_text(text, encoding="utf-8")
            engine.import_files([file], Source("static", licence="CC0-1.0"))
            WebFolder(alliance.path / "static", publishing, engine.journal).publish()
            own = v.source_graph("static")
            return {c.iri: c.payload for c in engine.journal.entities("static") if c.iri != own}

        said = publish(rows)
        alliance.add("static", "static/")
        assert alliance.harvest("static").outcome == "ok" and alliance.live("static") == said
        assert alliance.harvest("static").outcome == "unchanged"
        said = publish(rows.replace("gel 4", "valves") + "z,Zeta,FR,gowns\n")
        alliance.site.asked()
        outcome = alliance.harvest("static")
        assert (outcome.outcome, outcome.written, outcome.unchanged) == ("ok", 2, 0), "by its feed"
        assert alliance.live("static") == said and not any("dump" in path for path in alliance.site.asked())
        publishing.close()


def test_a_backup_takes_along_what_is_harvested(alliance: Alliance, tmp_path: Path) -> None:
    alliance.node("kept")
    alliance.harvest("kept")
    archive = alliance.engine.backup(tmp_path / "all.tar.gz")
    Engine.restore(archive, tmp_path / "restored", model="hashing")
    with Engine.open(tmp_path / "restored", write=True, model="hashing") as engine:
        again = Harvesting(engine)
        assert again.one("kept") == alliance.harvesting.one("kept")
        assert again.run(["kept"])[0].outcome == "unchanged"
