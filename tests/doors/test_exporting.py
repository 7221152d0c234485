"""Exports name the source, licence and attribution of every row, and put together only what may be."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from rdflib import Dataset, Graph

from api.app import create_app
from api.cli import cli
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from kg import vocabulary as v
from kg.model import Source
from search.query import Query
from tests.doors.conftest import Service

LICENCES = {
    "by": "https://creativecommons.org/licenses/by/4.0/", "lo": "etalab-2.0", "sa": "CC BY-SA 4.0",
    "ncsa": "CC-BY-NC-SA-4.0", "nd": "CC BY-ND 4.0", "none": "",
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {
        "id": "full", "name": "=cmd|' /C calc'!A0", "kind": "lab", "country": "FR", "nuts": "FRK2", "city": "Lyon",
        "latitude": 45.7640001, "longitude": -4.8357, "size": "small", "identifiers": ["FR12345678901", "x"],
        "website": "https://example.org/a", "descriptions": [{"text": "Élan\n\"vital\"\u2028é", "lang": "fr"},
                                                               {"text": "Elan"}],
        "makes": [{"text": "masks", "lang": "en"}, {"text": "masques", "lang": "fr"}, {"text": "Masken"}],
        "processes": [{"text": "sewing", "lang": "en"}], "certifications": [{"text": "ISO 13485"}],
        "sectors": [{"text": "health", "lang": "en"}], "clusters": ["other"], "network": "EEN",
        "codes": ["cpv:33140000", "nace:2042", "mine:a b"],
        "evidence": [
            {"title": "T", "text": "Q", "lang": "en", "date": "2020-03", "buyer": "CHU", "source": "ted",
             "url": "https://example.org/e", "status": "awarded", "codes": ["cpv:33140000"]},
            {"text": "another", "date": "2021"},
        ],
    },
    {"id": "other", "name": "Other", "country": "DE", "makes": ["pipes"]},
]  # fmt: skip


def put(engine: Engine, name: str, rows: list[dict[str, Any]], later: bool = False, **described: Any) -> None:
    file = engine.folder.path.parent / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    engine.import_files([file], engine.described(name, **described), allow_deletions=True, later=later)


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("exporting") / "data"
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        for name, licence in LICENCES.items():
            rows = ROWS if name == "by" else [{"id": name, "name": f"Firm {name}", "country": "IT", "makes": ["gel"]}]
            put(engine, name, rows, later=True, licence=licence, title=f"Title {name}", publisher="ACME")
        put(engine, "hidden", [{"id": "h", "name": "Hidden", "makes": ["gel"]}], licence="CC0", public=False)
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
        settings = Settings(data=folder, body_mb=2)
        with TestClient(create_app(engine, settings), raise_server_exceptions=False) as client:
            while client.get("/health/ready").status_code != 200:
                time.sleep(0.05)
            yield Service(client, engine, secret)


def run(service: Service, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli, [*arguments, "--data", str(service.engine.folder.path)], obj=Settings(model="hashing"),
        env={"FILIERE_MODEL": "hashing"},
    )  # fmt: skip


def test_actors_come_back_as_they_went(exporting: Service, tmp_path: Path) -> None:
    file = tmp_path / "by.jsonl"
    done = run(exporting, "export", str(file), "--source", "by")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    assert {(row["source"], row["licence"]) for row in rows} == {("by", "CC BY 4.0")}
    assert all(row["attribution"].startswith("Title by, ACME – CC BY 4.0 http") for row in rows)
    assert "by: Title by, ACME" in (tmp_path / "by.jsonl.attributions.txt").read_text(encoding="utf-8")
    with Engine.open(tmp_path / "again", write=True, create=True, model="hashing") as again:
        report = again.import_files([file], exporting.engine.described("by"), strict=True)
        assert report.findings == ()
        assert again.journal.current("by") == exporting.engine.journal.current("by")
        assert report.written == len(ROWS) + 1


def test_a_table_names_its_source_in_every_row_and_runs_nothing(exporting: Service) -> None:
    answer = exporting.client.get("/export?form=csv&source=by&source=lo")
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["id"], row["source"], row["licence"]) for row in rows] == [
        ("full", "by", "CC BY 4.0"), ("other", "by", "CC BY 4.0"), ("lo", "lo", "Licence Ouverte 2.0"),
    ]  # fmt: skip
    assert rows[0]["name"] == "'" + ROWS[0]["name"]
    assert (rows[0]["latitude"], rows[0]["longitude"]) == ("45.7640001", "-4.8357")
    assert (rows[0]["makes"], rows[0]["evidence_buyer"]) == ("Masken; masks; masques", "CHU") or rows[0][
        "evidence_text"
    ]
    links = answer.headers["link"]
    assert 'rel="describedby"' in links and 'authority/licence/CC_BY_4_0>; rel="license"' in links
    told = exporting.client.get(links.partition("<")[2].partition(">")[0]).json()
    assert [row["source"] for row in told["attributions"]] == ["by", "lo"]
    assert told["attributions"][0]["asks"] == ["attribution"]
    text = exporting.client.get("/export/attributions?source=by", headers={"Accept": "text/plain"}).text
    assert text.startswith("Exported from Filière at seq") and "Together they may bear" in text


@pytest.mark.parametrize("form", ["nt", "nq", "ttl"])
def test_rdf_holds_every_record_and_says_where_it_is_from(exporting: Service, form: str) -> None:
    answer = exporting.client.get(f"/export?form={form}&source=by&source=lo")
    assert answer.text.startswith("# Exported from Filière") and "# lo: Title lo, ACME" in answer.text
    graph: Graph = Dataset(default_union=True) if form == "nq" else Graph()
    graph.parse(data=answer.text, format={"ttl": "turtle", "nq": "nquads"}.get(form, form))
    assert {str(row[0]) for row in graph.query(f"SELECT ?a {{ ?a a <{v.NS}Actor> }}")} == {
        v.mint(v.source_namespace(name), "actor", id) for name, id in (("by", "full"), ("by", "other"), ("lo", "lo"))
    }  # fmt: skip
    named = f"?s <{v.DCT}license> ?l"
    ask = (
        f"GRAPH ?s {{ ?a a <{v.NS}Actor> . {named} }}" if form == "nq" else f"?a <{v.PROV}wasDerivedFrom> ?s . {named}"
    )
    assert len(list(graph.query(f"SELECT ?a {{ {ask} }}"))) == 3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("source=sa&source=ncsa", ("CC BY-SA 4.0 (sa), CC BY-NC-SA 4.0 (ncsa)", "--each")),
        ("source=nd&source=by", ("CC BY-ND 4.0 (nd) forbids", "--source by")),
        ("source=none&source=by", ("the licence of none is not known", "sources describe none --licence")),
        ("", ("the licence of none is not known", "--source by --source lo")),
        ("source=ncsa&for=commercial", ("CC BY-NC-SA 4.0 (ncsa) forbids commercial use",)),
        ("source=none&for=commercial", ("nothing known allows commercial use of none",)),
    ],
)
def test_licences_that_exclude_one_another_are_not_put_together(
    exporting: Service, asked: str, words: tuple[str, ...]
) -> None:
    for path in ("/export", "/export/attributions"):
        answer = exporting.client.get(f"{path}?{asked}")
        assert answer.status_code == 409
        assert all(word in answer.json()["detail"] + answer.json()["mend"] for word in words), answer.json()


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ("source=nobody", 404, "no source 'nobody'"),
        ("source=decisions", 404, "no source"),
        ("source=hidden", 403, "not public"),
        ("form=xls", 422, "Use one of"),
        ("source=by&as_of=yesterday", 422, "no moment"),
        ("source=by&country=Atlantis", 422, "Atlantis"),
        ("source=by&as_of=2020-13-45", 422, "no moment"),
        ("for=fun", 422, "for"),
    ],
)
def test_what_cannot_be_exported_says_why(exporting: Service, asked: str, status: int, word: str) -> None:
    answer = exporting.client.get(f"/export?{asked}")
    assert answer.status_code == status and word in answer.text


def test_each_source_has_a_file_of_its_own(exporting: Service, tmp_path: Path) -> None:
    done = run(exporting, "export", str(tmp_path / "firms.csv"), "--each")
    assert done.exit_code == 0, done.output
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"firms-{name}.csv{end}" for name in LICENCES for end in ("", ".attributions.txt")}
    refused = run(exporting, "export", str(tmp_path / "all.csv"))
    assert refused.exit_code != 0 and not (tmp_path / "all.csv").exists()
    only = run(exporting, "export", str(tmp_path / "fr.jsonl"), "--country", "France")
    assert only.exit_code == 0, "the sources that have nobody there do not stand in the way"
    assert [json.loads(line)["id"] for line in (tmp_path / "fr.jsonl").open(encoding="utf-8")] == ["full"]
    assert run(exporting, "export", str(tmp_path / "firms.doc")).exit_code != 0


def test_every_answer_of_a_search_names_its_sources_and_their_licences(exporting: Service) -> None:
    found = exporting.engine.search(Query("gel", limit=10))
    told = {source.id: source for source in found.sources}
    assert found.results and all(match.sources and told[match.sources[0]].attribution for match in found.results)
    assert told["ncsa"].licence == "CC BY-NC-SA 4.0" and told["none"].licence == "unknown"
    rows = list(csv.DictReader(io.StringIO(exporting.client.get("/search.csv?q=gel").text)))
    assert all(row["sources"] and row["licence"] and row["attribution"] for row in rows)


def test_an_actor_says_where_it_is_from(exporting: Service) -> None:
    (told,) = exporting.client.get("/actors/full.json").json()["provenance"]
    assert (told["source"], told["licence"], told["publisher"]) == ("by", "CC BY 4.0", "ACME")
    graph = Graph().parse(data=exporting.client.get("/actors/full.ttl").text, format="turtle")
    prov = f"?a <{v.PROV}wasDerivedFrom> <{v.source_graph('by')}> ; <{v.PROV}generatedAtTime> ?t ."
    assert len(list(graph.query(f"SELECT ?t {{ {prov} <{v.source_graph('by')}> <{v.DCT}license> ?l }}"))) == 1
    page = exporting.client.get("/actors/full.html?ui=fr").text
    assert "Title by</a>, ACME" in page and "CC BY 4.0</a>, repris le 20" in page
    listed = {row["id"]: row for row in exporting.client.get("/sources.json").json()}
    assert listed["by"]["licence_name"] == "CC BY 4.0" and listed["by"]["licence_iri"].endswith("CC_BY_4_0")
    assert "CC BY-SA 4.0" in exporting.client.get("/sources.html").text


def test_what_a_source_said_is_shown_and_restored_and_taken_back(exporting: Service) -> None:
    client, engine = exporting.client, exporting.engine
    put(engine, "past", [{"id": "a", "name": "Before"}, {"id": "b", "name": "Gone"}], licence="CC0", title="Past")
    time.sleep(0.01)
    moment = engine.journal.batches("past")[0].time
    put(engine, "past", [{"id": "a", "name": "After"}])
    assert client.delete("/sources/past", headers=exporting.auth).status_code == 200
    assert engine.journal.current("past") == {}
    assert client.get(f"/sources/past/past?at={moment}").status_code == 401, "it was withdrawn"
    shown = client.get(f"/sources/past/past?at={moment}", headers=exporting.auth)
    assert [json.loads(line)["name"] for line in shown.text.splitlines()] == ["Before", "Gone"]
    assert "CC0" in shown.text
    quads = client.get(f"/sources/past/past?at={moment}&form=nq", headers=exporting.auth).text
    assert quads.count(f"<{v.source_graph('past')}> .") == quads.count(" .\n")
    assert client.post(f"/sources/past/restore?at={moment}").status_code == 401
    back = client.post(f"/sources/past/restore?at={moment}", headers=exporting.auth).json()
    assert (back["records"], back["changed"]) == (3, 3)
    assert engine.actor("a").name == "Before" and engine.check() == []
    number = engine.journal.batches("past")[0].number
    assert client.post(f"/history/{number}/undo", headers=exporting.auth).status_code == 200
    assert engine.journal.current("past") == {}
    assert client.post("/sources/past/restore?at=1999-01-01", headers=exporting.auth).status_code == 404
    assert client.post("/sources/decisions/restore?at=2090-01-01", headers=exporting.auth).status_code == 404
    assert client.get("/sources/by/past?at=1999-01-01").status_code == 404
    today = client.get(f"/sources/by/past?at={moment[:10]}&form=csv")
    assert len(list(csv.DictReader(io.StringIO(today.text)))) == len(ROWS)


def test_erasing_over_http_needs_its_token(exporting: Service) -> None:
    client, engine = exporting.client, exporting.engine
    put(engine, "gone", [{"id": "zed", "name": "Zed Leaving"}, {"id": "y", "name": "Yan"}], licence="CC0")
    _, weak = Tokens(engine.folder.tokens).create(("write:gone",))
    weakly = {"Authorization": f"Bearer {weak}"}
    for call in (
        lambda auth: client.delete("/actors/zed", headers=auth), lambda auth: client.get("/erasures", headers=auth),
        lambda auth: client.post("/erasures", json={"names": ["zed"]}, headers=auth),
        lambda auth: client.delete("/erasures/" + "0" * 64, headers=auth),
    ):  # fmt: skip
        assert (call({}).status_code, call(weakly).status_code) == (401, 403)
    for body in (
        b"{",
        b"[]",
        b'{"names": "zed"}',
        b'{"names": [1]}',
        b'{"names": [], "reason": 1}',
        b'{"who": 1}',
        b'{"names": []}',
    ):
        assert client.post("/erasures", content=body, headers=exporting.auth).status_code == 422, body
    done = client.post("/erasures", json={"names": ["zed"], "reason": "asked"}, headers=exporting.auth)
    assert done.status_code == 200 and done.json()["sources"] == ["gone"]
    assert client.get("/actors/zed").status_code == 404
    (erasure,) = client.get("/erasures", headers=exporting.auth).json()
    sent = client.put(
        "/sources/gone?partial=true", content='{"id": "zed", "name": "Zed"}\n',
        headers={**exporting.auth, "Content-Type": "application/jsonl"},
    )  # fmt: skip
    assert sent.status_code == 422 and "erased here on" in sent.text
    assert client.delete("/actors/zed", headers=exporting.auth).status_code == 404
    assert client.delete(f"/erasures/{erasure['id']}", headers=exporting.auth).status_code == 200
    assert client.get("/erasures", headers=exporting.auth).json() == []


def test_the_source_model_is_what_describing_changes(exporting: Service) -> None:
    said = exporting.engine.describe_source("lo", attribution="© Lo 2026", licence="CC0")
    assert isinstance(said, Source) and (said.attribution, said.title) == ("© Lo 2026", "Title lo")
    row = next(json.loads(line) for line in exporting.client.get("/export?source=lo").text.splitlines())
    assert (row["licence"], row["attribution"][:9]) == ("CC0 1.0", "© Lo 2026")
