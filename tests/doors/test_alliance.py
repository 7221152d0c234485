"""The alliance's node sees what its members publish: the same answers as over the union, soon, and at little cost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from api.engine import Engine
from kg import vocabulary as v
from search.query import Query
from tests.doors.associations import CC_BY, Alliance, alliance, filiere

NEEDS = (
    "hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken", "guanti in nitrile", "batas quirúrgicas",
    "maseczki chirurgiczne", "3D printing", "swabs for tests", "roupa de proteção", "textile coating",
)  # fmt: skip


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    with alliance(tmp_path_factory.mktemp("alliance")) as found:
        yield found


def test_every_member_is_held_with_its_licence_and_where_it_comes_from(members: Alliance) -> None:
    sources = {row["id"]: row for row in httpx.get(f"{members.url}/sources").json()}
    for name in members.members:
        with Engine.open(members.union) as engine:
            assert sources[name]["entities"] == engine.journal.counts()[name], name
        assert sources[name]["licence"] == CC_BY
        assert sources[name]["harvested_from"].startswith("http://127.0.0.1:")
    assert sources["fr"]["origin"].endswith("/graph/fr") and sources["fr"]["namespace"] == "https://fr.example/id/"


@pytest.mark.parametrize("need", NEEDS)
def test_a_search_equals_one_over_the_union(members: Alliance, need: str) -> None:
    found = httpx.get(f"{members.url}/search", params={"q": need, "limit": 50}).json()
    with Engine.open(members.union) as engine:
        wanted = engine.search(Query(need, limit=50))
    assert found["total"] == wanted.total and found["answer"] == wanted.answer
    ours = {match["actor"]["iri"]: match["score"] for match in found["results"]}
    theirs = {match.actor.iri: match.score for match in wanted.results}
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert {s["id"] for s in found["sources"]} >= set(members.members) and found["complete"] is True


def test_a_change_at_a_member_is_searchable_upstream_within_ten_seconds(members: Alliance) -> None:
    line = '{"id": "new-firm", "name": "Neuwerk Sprühtechnik", "country": "ES", "makes": ["hydroalcoholic gel"]}\n'
    sent = httpx.put(
        f"{members.members['es']}/sources/es",
        params={"partial": "true"},
        content=line.encode(),
        headers={"Authorization": f"Bearer {members.secrets['es']}", "Content-Type": "application/x-ndjson"},
    )
    assert sent.status_code == 200, sent.text
    started = time.monotonic()
    wanted = "https://es.example/id/actor/new-firm"
    while time.monotonic() - started < 10:
        found = httpx.get(
            f"{members.url}/search", params={"q": "hydroalcoholic gel", "country": "ES", "limit": 100}
        ).json()
        if any(match["actor"]["iri"] == wanted for match in found["results"]):
            break
        time.sleep(0.2)
    took = time.monotonic() - started
    assert took < 10
    print(f"a change was searchable after {took:.1f} s")


def test_a_change_says_which_harvest_brought_it(members: Alliance) -> None:
    query = f"""SELECT ?harvest ?end WHERE {{ GRAPH <{v.source_graph(v.HARVESTS)}> {{
        ?harvest a <{v.PROV}Activity> ; <{v.PROV}generated> <{v.source_graph("fr")}> ;
                 <{v.PROV}endedAtTime> ?end }} }}"""
    rows = httpx.get(f"{members.url}/sparql", params={"query": query}).json()["results"]["bindings"]
    assert len(rows) == 1


def test_an_unchanged_source_costs_one_conditional_request_and_no_row(members: Alliance) -> None:
    before = httpx.get(f"{members.url}/history").headers.get("x-filiere-seq")
    for name, asked in (("static", members.static_asked), ("south", members.catalogue_asked)):
        asked.clear()
        token = _token(members)
        ran = httpx.post(f"{members.url}/harvest/{name}/run", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert ran.status_code in (200, 202), ran.text
        end = time.monotonic() + 10
        while not asked and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        statuses = [status for _, status in asked]
        assert statuses == [304] if name == "static" else set(statuses) == {304}, (name, asked)
    after = httpx.get(f"{members.url}/history").headers.get("x-filiere-seq")
    assert before == after


def _token(members: Alliance) -> str:
    done = filiere("token", "create", "--scope", "write:*", "--data", str(members.data))
    return done.stdout.strip()


def test_the_outcomes_are_told(members: Alliance) -> None:
    rows = {row["name"]: row for row in httpx.get(f"{members.url}/harvest").json()}
    assert set(rows) == set(members.members)
    assert {row["outcome"] for row in rows.values()} <= {"ok", "unchanged"}
