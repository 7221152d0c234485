"""Tags over the command line and HTTP, as real processes and requests: listed, confirmed, rejected, withdrawn."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.engine import Engine
from api.security import Tokens
from kg import vocabulary as v
from tests.doors.conftest import Process, Service
from tests.doors.test_cli import ROOT, filiere

GEL = v.COMPETENCY + "hydroalcoholic-gel"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tags") / "data"
    with Engine.open(folder, write=True, create=True) as engine:
        engine.import_sample()
    return folder


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


def listed(data: Path, *arguments: str) -> list[dict[str, Any]]:
    done = filiere("tags", *arguments, "--format", "json", "--data", data)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["tags"]
    return found


def reasons(data: Path, need: str, actor: str) -> str:
    answer = json.loads(filiere("search", need, "--limit", "100", "--format", "json", "--data", data).stdout)
    match = next((m for m in answer["results"] if m["actor"]["id"] == actor), None)
    return " ".join(reason["says"] for reason in match["reasons"]) if match else ""


def test_tags_are_listed_for_people_and_programs(data: Path) -> None:
    table = filiere("tags", "valeo", "--data", data)
    assert "suggested" in table.stdout and "ventilator" in table.stdout
    rows = listed(data, "valeo", "--state", "suggested")
    assert all(row["actor_id"] == "valeo" and 0 < row["confidence"] <= 1 for row in rows)
    assert all(row["words"] and row["field"] for row in rows)
    cells = list(csv.DictReader(io.StringIO(filiere("tags", "--limit", "5", "--format", "csv", "--data", data).stdout)))
    assert len(cells) == 5
    assert cells[0].keys() == rows[0].keys()
    assert "of" in filiere("tags", "--limit", "2", "--data", data).stdout.splitlines()[-1]
    assert {row["competency"] for row in listed(data, "--competency", "hydroalcoholic-gel")} == {GEL}
    assert listed(data, "--state", "rejected") == []
    assert filiere("tags", "--state", "rejected", "--data", data).stdout.strip() == "Nothing to show."


def test_a_tag_is_confirmed_rejected_and_withdrawn_from_the_shell(data: Path) -> None:
    before = reasons(data, "hydroalcoholic gel", "lehning")
    assert "Makes or does it: hydroalcoholic gel." in before
    done = filiere("tags", "reject", "lehning", "hydroalcoholic-gel", "--note", "sold", "--who", "desk", "--data", data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Rejected: ")
    assert "Makes or does it: hydroalcoholic gel." not in reasons(data, "hydroalcoholic gel", "lehning")
    (row,) = listed(data, "--state", "rejected")
    assert (row["actor_id"], row["who"], row["note"]) == ("lehning", "desk", "sold")
    assert filiere("tags", "confirm", "valeo", GEL, "--data", data).returncode == 0
    assert "Confirmed by a person" in reasons(data, "hydroalcoholic gel", "valeo")
    sources = json.loads(filiere("sources", "--format", "json", "--data", data).stdout)
    assert {s["id"]: s["entities"] for s in sources}["decisions"] == 3
    for actor in ("lehning", "valeo"):
        done = filiere("tags", "withdraw", actor, "hydroalcoholic-gel", "--data", data)
        assert done.returncode == 0 and done.stdout.startswith("Withdrawn: "), done.stderr
    assert reasons(data, "hydroalcoholic gel", "lehning") == before
    assert filiere("check", "--data", data).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["nobody"], 1, "no actor 'nobody'"),
        (["--competency", "glovs"], 1, "Did you mean"),
        (["--state", "odd"], 2, "suggested, confirmed, rejected"),
        (["--limit", "0"], 2, "between 1 and"),
        (["confirm", "valeo"], 2, "Missing argument 'COMPETENCY'"),
        (["confirm", "nobody", "hydroalcoholic-gel"], 1, "no actor"),
        (["reject", "valeo", "cpv:1"], 1, "no competency 'cpv:1'"),
        (["withdraw", "valeo", "hydroalcoholic-gel"], 1, "Nobody has decided"),
        (["reject", "valeo", "hydroalcoholic-gel", "--note", "x" * 3000], 1, "2,000 characters"),
        (["reject", "\udcff", "hydroalcoholic-gel"], 1, "no actor"),
        (["reject", "valeo", "\udcff"], 1, "no competency"),
    ],
)
def test_wrong_words_are_explained(made: Path, arguments: list[str], code: int, word: str) -> None:
    done = filiere("tags", *arguments, "--data", made)
    assert done.returncode == code, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr


POINTS = {
    "journal.begun": False,
    "journal.written": False,
    "journal.committed": True,
    "graph.before": True,
    "graph.applied": True,
    "suggested.begun": True,
    "suggested.written": True,
}


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_a_decision_and_its_views_loses_nothing(data: Path, point: str) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "LANG": "C.UTF-8", "FILIERE_CRASH_AT": point}
    command = [sys.executable, "-m", "api.cli", "tags", "reject", "lehning", "hydroalcoholic-gel", "--data", str(data)]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = POINTS[point]
    says = reasons(data, "hydroalcoholic gel", "lehning")
    assert ("Makes or does it: hydroalcoholic gel." in says) is not kept
    query = (
        f"SELECT ?a WHERE {{ GRAPH <{v.SUGGESTED_GRAPH}> {{ ?a <{v.NS}suggestedCompetency> <{GEL}> }} "
        "FILTER(STRENDS(STR(?a), '/lehning')) }"
    )
    done = filiere("sparql", query, "--format", "csv", "--data", data)
    assert ("lehning" in done.stdout) is not kept, done.stderr
    with Engine.open(data, write=True) as engine:
        assert engine.ready
        assert engine.check() == []
        assert len(engine.decisions()) == kept


def test_tags_over_http_have_pages_and_forms(service: Service) -> None:
    answer = service.client.get("/tags", params={"actor": "valeo", "limit": 3}).json()
    assert list(answer) == ["total", "tags"]
    assert len(answer["tags"]) == 3 < answer["total"]
    table = list(csv.DictReader(io.StringIO(service.client.get("/tags.csv?actor=valeo&limit=3").text)))
    assert [row["competency"] for row in table] == [row["competency"] for row in answer["tags"]]
    by_accept = service.client.get("/tags", headers={"Accept": "text/csv"})
    assert by_accept.headers["content-type"].startswith("text/csv")
    french = service.client.get("/tags?competency=hydroalcoholic-gel&limit=1&ui=fr").json()
    assert french["tags"][0]["label"] == "gel hydroalcoolique"


def test_a_verdict_is_put_and_deleted_with_a_token_of_its_scope(service: Service) -> None:
    client = service.client
    _, secret = Tokens(service.engine.folder.tokens).create(("write:decisions",), "review desk")
    auth = {"Authorization": f"Bearer {secret}"}
    iri = service.engine.actor("anios").iri
    for actor, competency in (("anios", "hydroalcoholic-gel"), (quote(iri, safe=""), quote(GEL, safe=""))):
        path = f"/tags/{actor}/{competency}"
        put = client.put(path, json={"verdict": "rejected", "note": "no longer"}, headers=auth)
        assert put.status_code == 200, put.text
        row = put.json()
        assert (row["actor"], row["competency"], row["state"]) == (iri, GEL, "rejected")
        assert (row["who"], row["note"], row["seq"]) == ("review desk", "no longer", service.engine.seq)
        found = client.get("/search", params={"q": "hydroalcoholic gel", "limit": 100}).json()
        says = [r["says"] for m in found["results"] if m["actor"]["id"] == "anios" for r in m["reasons"]]
        assert not any(text.startswith("Makes or does it: hydroalcoholic gel") for text in says)
        assert [t["actor_id"] for t in client.get("/tags?state=rejected").json()["tags"]] == ["anios"]
        assert client.get("/health/ready").status_code == 200
        query = f"ASK {{ GRAPH <{v.SUGGESTED_GRAPH}> {{ <{iri}> <{v.NS}suggestedCompetency> <{GEL}> }} }}"
        assert client.get("/sparql", params={"query": query}).json()["boolean"] is False
        gone = client.delete(path, headers=auth)
        assert gone.json()["withdrawn"] == "rejected"
        assert client.delete(path, headers=auth).status_code == 404
        assert client.get("/sparql", params={"query": query}).json()["boolean"] is True
    assert client.put("/tags/anios/hydroalcoholic-gel", json={"verdict": "confirmed"}).status_code == 401
    _, other = Tokens(service.engine.folder.tokens).create(("write:members",))
    narrow = {"Authorization": f"Bearer {other}"}
    assert client.put("/tags/anios/x", json={"verdict": "confirmed"}, headers=narrow).status_code == 403
    assert client.delete("/tags/anios/hydroalcoholic-gel").status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/tags/anios/hydroalcoholic-gel", b'{"verdict": "perhaps"}', 422, "confirmed, rejected"),
        ("/tags/anios/hydroalcoholic-gel", b"{}", 422, "confirmed, rejected"),
        ("/tags/anios/hydroalcoholic-gel", b"", 422, "not JSON"),
        ("/tags/anios/hydroalcoholic-gel", b"\xff", 422, "not JSON"),
        ("/tags/anios/hydroalcoholic-gel", b"[" * 100_000, 422, "not JSON"),
        ("/tags/anios/hydroalcoholic-gel", b"[1]", 422, "not an object"),
        ("/tags/anios/hydroalcoholic-gel", b'{"verdict": 1}', 422, "texts"),
        ("/tags/anios/hydroalcoholic-gel", b'{"verdict": "rejected", "note": "\\ud800"}', 422, "cannot be stored"),
        ("/tags/anios/hydroalcoholic-gel", b'{"verdict": "rejected", "who": "me"}', 422, "not an object"),
        ("/tags/nobody/hydroalcoholic-gel", b'{"verdict": "rejected"}', 404, "nobody"),
        ("/tags/anios/nothing-such", b'{"verdict": "rejected"}', 404, "nothing-such"),
        ("/tags/anios", b'{"verdict": "rejected"}', 422, "percent-encoded"),
        ("/tags/a/b/c", b'{"verdict": "rejected"}', 422, "percent-encoded"),
        ("/tags/%FF/hydroalcoholic-gel", b'{"verdict": "rejected"}', 422, "percent-encoded"),
        ("/tags/%00/%22%3E%3Cscript%3E", b'{"verdict": "rejected"}', 404, "no actor"),
        ("/tags//hydroalcoholic-gel", b'{"verdict": "rejected"}', 404, "no actor"),
        ("/tags/anios/hydroalcoholic-gel", b'{"verdict": "' + b"x" * (2 * 2**20) + b'"}', 413, "MiB"),
    ],
)
def test_bad_verdicts_are_refused_with_the_reason(
    service: Service, path: str, body: bytes, status: int, word: str
) -> None:
    seq = service.engine.seq
    response = service.client.put(path, content=body, headers=service.auth)
    assert response.status_code == status, response.text
    problem = response.json()
    assert word in problem["detail"] + problem["mend"]
    assert service.engine.seq == seq


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/tags?actor=nobody", 404, "nobody"),
        ("/tags?competency=nothing-such", 404, "nothing-such"),
        ("/tags?state=odd", 422, "odd"),
        ("/tags?limit=0", 422, "limit"),
        ("/tags?limit=1001", 422, "limit"),
        ("/tags?offset=-1", 422, "offset"),
        ("/tags.pdf", 406, "pdf"),
    ],
)
def test_bad_questions_about_tags_are_explained(service: Service, path: str, status: int, word: str) -> None:
    response = service.client.get(path)
    assert response.status_code == status
    assert word in response.json()["detail"]
    assert response.json()["mend"]


def test_the_page_of_an_actor_lists_its_competencies_with_state_confidence_and_words(service: Service) -> None:
    note = '"><script>alert(1)</script>'
    put = service.client.put(
        "/tags/valeo/hydroalcoholic-gel", json={"verdict": "confirmed", "note": note}, headers=service.auth
    )
    assert put.status_code == 200, put.text
    page = service.client.get("/actors/valeo.html").text
    assert "<h2>Competencies" in page
    assert re.search(r"electronics</a> <q[^>]*>automotive electronics.*suggested 0\.\d\d", page)
    assert re.search(r"hydroalcoholic gel</a>\s*<span[^>]*>confirmed 1\.00", page)
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/decide.js" defer>']
    french = service.client.get("/actors/valeo.html?ui=fr").text
    assert "gel hydroalcoolique" in french and "confirmée" in french and "suggérée" in french
    assert service.client.delete("/tags/valeo/hydroalcoholic-gel", headers=service.auth).status_code == 200


def test_iris_pass_through_a_real_server(process: Process) -> None:
    headers = {"Authorization": f"Bearer {process.secret}"}
    found = httpx.get(process.url + "/tags?actor=anios&competency=hydroalcoholic-gel", timeout=10).json()["tags"][0]
    path = f"{process.url}/tags/{quote(found['actor'], safe='')}/{quote(found['competency'], safe='')}"
    put = httpx.put(path, json={"verdict": "confirmed"}, headers=headers, timeout=20)
    assert put.status_code == 200, put.text
    assert put.json()["state"] == "confirmed"
    assert httpx.delete(path, headers=headers, timeout=20).status_code == 200
    busy = filiere("tags", "confirm", "anios", "hydroalcoholic-gel", "--data", str(process.log.parent / "data"))
    assert busy.returncode == 1
    assert "PUT /tags" in busy.stderr
