"""Identity over the command line and HTTP, as real processes and requests: run, listed, confirmed, rejected, undone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from kg import vocabulary as v
from kg.model import Source
from tests.doors.conftest import Service
from tests.doors.test_cli import filiere

FRENCH = (
    "id,name,country,city,identifiers,makes\nvalmy,Valmy SAS,FR,Roanne,732829320,masks\n"
    "nord,Chimie du Nord,FR,Lille,,gel\n"
)
OTHERS = (
    "id,name,country,city,identifiers,makes\nv1,Valmy <b>Masques</b>,FR,Paris,73282932000074,masks\n"
    "n1,Chimie du Nord et de Picardie,FR,Lille,,gel\n"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identity")
    with Engine.open(folder / "data", write=True, create=True) as engine:
        for name, text in (("fr", FRENCH), ("eu", OTHERS)):
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
            engine.import_files([folder / f"{name}.csv"], Source(name))
    return folder / "data"


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Service]:
    """The same folder, served after the commands have gone over it."""
    with Engine.open(data, write=True) as engine:
        _, secret = Tokens(engine.folder.tokens).create(("write:identities",), note="desk")
        with TestClient(create_app(engine, Settings(data=data)), raise_server_exceptions=False) as client:
            while client.get("/health/ready").status_code != 200:
                pass
            yield Service(client, engine, secret)


def test_commands(data: Path) -> None:
    dry = filiere("identity", "run", "--dry-run", "--format", "json", "--data", data)
    assert json.loads(dry.stdout)["same"] == 1
    done = filiere("identity", "run", "--data", data)
    assert "1 same, 1 to review" in done.stdout and "1 pairs wait" in done.stdout
    rows = list(csv.DictReader(io.StringIO(filiere("identity", "list", "--format", "csv", "--data", data).stdout)))
    assert [(r["one_id"], r["other_id"], r["verdict"], r["by"]) for r in rows] == [
        ("n1", "nord", "review", "rule"),
        ("v1", "valmy", "same", "rule"),
    ]
    table = filiere("identity", "list", "--state", "review", "--data", data).stdout
    assert "Chimie" in table and "Valmy" not in table
    assert "1" in filiere("status", "--format", "csv", "--data", data).stdout
    said = filiere("identity", "confirm", "nord", "n1", "--who", "desk", "--note", "one house", "--data", data)
    assert said.returncode == 0 and "share one place" in said.stdout
    assert filiere("identity", "reject", "valmy", "v1", "--data", data).returncode == 0
    listed = json.loads(filiere("identity", "list", "--format", "json", "--data", data).stdout)
    assert {(p["one_id"], p["verdict"], p["by"]) for p in listed["pairs"]} == {
        ("n1", "same", "person"),
        ("v1", "different", "person"),
    }
    for one, other in (("nord", "n1"), ("valmy", "v1")):
        undone = filiere("identity", "undo", one, other, "--data", data)
        assert undone.returncode == 0 and "by a person" in undone.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("confirm", "valmy", "nobody"), 1, "There is no actor 'nobody'"),
        (("confirm", "valmy", "valmy"), 2, "name the same record"),
        (("undo",), 2, "Name two actors"),
        (("undo", "valmy"), 2, "Name two actors"),
        (("undo", "valmy", "v1", "--rules"), 2, "Name two actors"),
        (("undo", "valmy", "nord"), 1, "Nothing was decided"),
        (("list", "--state", "sure"), 2, "Use one of: same, different, review"),
        (("list", "--limit", "0"), 2, "limit is 0"),
    ],
)
def test_commands_that_cannot_be_followed(data: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = filiere("identity", *arguments, "--data", data)
    assert done.returncode == code and words in done.stderr


def test_doors(served: Service) -> None:
    client, auth = served.client, served.auth
    pairs = client.get("/identity?state=same").json()
    assert pairs["total"] == 1 and pairs["pairs"][0]["one_id"] == "v1"
    assert client.get("/identity.csv").text.startswith("one_id,one_name")
    put = client.put("/identity/nord/n1", json={"verdict": "same", "note": "seen"}, headers=auth)
    assert put.status_code == 200 and put.json()["who"] == "desk" and put.json()["seq"] == served.engine.seq
    actor = client.get("/actors/nord.json").json()
    assert [other["id"] for other in actor["identity"]["others"]] == ["n1"]
    assert actor["identity"]["decisions"][0]["note"] == "seen"
    whole = quote(v.mint(v.source_namespace("fr"), "actor", "nord"), safe="")
    gone = client.delete(f"/identity/{whole}/n1", headers=auth)
    assert gone.status_code == 200 and gone.json()["undone"] == "same"
    assert "identity" not in client.get("/actors/nord.json").json()
    ran = client.post("/identity/run?whole=true", headers=auth).json()
    assert (ran["actors"], ran["same"], ran["review"], ran["written"]) == (4, 1, 1, 0)


def test_pages(served: Service) -> None:
    page = served.client.get("/identity.html?ui=fr").text
    assert "Qui est qui" in page and "à examiner" in page and "both are SIREN 732829320" in page
    assert "<b>Masques" not in page and "&lt;b&gt;Masques" in page
    actor = served.client.get("/actors/valmy.html?ui=en").text
    assert "What each source says" in actor and "73282932000074" in actor and "732829320" in actor
    for lang in ("en", "fr"):
        assert "same" in served.client.get(f"/identity.html?ui={lang}&state=review").text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/identity/valmy/nord", b"{", 422),
        ("/identity/valmy/nord", b'{"verdict": "review"}', 422),
        ("/identity/valmy/nord", b'{"verdict": "same", "x": 1}', 422),
        ("/identity/valmy/nord", b'{"verdict": ["same"]}', 422),
        ("/identity/valmy/nobody", b'{"verdict": "same"}', 404),
        ("/identity/valmy", b'{"verdict": "same"}', 422),
        ("/identity/a/b/c", b'{"verdict": "same"}', 422),
        ("/identity/%ff/b", b'{"verdict": "same"}', 422),
        ("/identity/valmy/nord", json.dumps({"verdict": "same", "note": "x" * 3000}).encode(), 422),
    ],
)
def test_doors_refuse_what_they_cannot_follow(served: Service, path: str, body: bytes, status: int) -> None:
    seq = served.engine.seq
    answer = served.client.put(path, content=body, headers=served.auth)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"] and answer.json()["mend"]
    assert served.engine.seq == seq


def test_only_who_may_decide_decides(served: Service) -> None:
    for answer in (
        served.client.put("/identity/valmy/v1", json={"verdict": "different"}),
        served.client.delete("/identity/valmy/v1"),
        served.client.post("/identity/run"),
    ):
        assert answer.status_code == 401
    _, other = Tokens(served.engine.folder.tokens).create(("write:fr",))
    headers = {"Authorization": f"Bearer {other}"}
    assert served.client.post("/identity/run", headers=headers).status_code == 403
    assert served.client.get("/identity?limit=0").status_code == 422
    assert served.client.get("/identity.ttl").status_code == 406
