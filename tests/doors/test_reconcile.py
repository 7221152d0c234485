"""/reconcile as OpenRefine uses it, over a real service: manifest, batches, suggestions, previews, extension.

`messy.csv` holds 96 actors of the sample as people write them (typing errors, capitals, legal forms, countries in
French, words in another order) and 24 firms that are not in the sample but have names like some that are.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.reconciliation import VERSIONS, examples, faults
from tests.doors.test_cli import filiere
from tests.served import Served, served

HERE = Path(__file__).resolve().parent
MESSY = list(csv.DictReader((HERE / "messy.csv").open(encoding="utf-8"), delimiter=";"))
FACTS = (("country", "Pays"), ("city", "Ville"))
REGISTRY = """id,name,country,city,identifiers,website
old,Ateliers Mécaniques du Forez,FR,Montbrison,SIREN 552100554,https://amf-forez.fr
twin,Ateliers Mécaniques du Forez,FR,Feurs,SIREN 732829320,
a b,Espace Insécable,FR,Roanne,,
4711,Kölnisch Wasserwerke,DE,Köln,,
evil,<script>alert(1)</script> & Cie,FR,"<img src=x onerror=""alert(1)"">",,
"""


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> Path:
    folder = shared_data.parent / "conformance" / "reconciliation"
    if not folder.is_dir():
        pytest.skip(f"The schemas of the Reconciliation API are not at {folder}.")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reconcile") / "data"


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[Served]:
    with served(folder, {}, sample=True) as service:
        yield service


@pytest.fixture(scope="module")
def client(node: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=node.url, timeout=60) as found:
        put = found.put(
            "/sources/registry", content=REGISTRY.encode(), headers={"Content-Type": "text/csv", **node.auth}
        )
        assert put.status_code == 200, put.text
        yield found


def post(client: httpx.Client, **form: Any) -> Any:
    found = client.post("/reconcile", data={name: json.dumps(given) for name, given in form.items()})
    assert found.status_code == 200, found.text
    return found.json()


def local(iri: str) -> str:
    return iri.rsplit("/", 1)[-1]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_validators_take_the_examples(version: str, schemas: Path) -> None:
    seen = 0
    for name, path in examples(schemas, version):
        said = json.loads(path.read_text(encoding="utf-8"))
        assert faults(schemas, version, name, said) == [], path.name
        seen += 1
    assert seen > 20
    assert faults(schemas, version, "manifest", {"versions": [version]})


def test_openrefine_finds_the_actors_of_a_messy_spreadsheet(client: httpx.Client, schemas: Path) -> None:
    manifest = client.get("/reconcile").json()
    assert faults(schemas, "0.2", "manifest", manifest) == []
    assert manifest["versions"] == ["0.2", "1.0-draft"]
    size = manifest["batchSize"]
    found: dict[int, list[dict[str, Any]]] = {}
    for start in range(0, len(MESSY), min(size, 50)):
        queries = {
            f"q{start + at}": {
                "query": row["Nom"],
                "type": "actor",
                "type_strict": "should",
                "limit": 5,
                "properties": [{"pid": pid, "v": row[column]} for pid, column in FACTS if row[column]],
            }
            for at, row in enumerate(MESSY[start : start + min(size, 50)])
        }
        assert faults(schemas, "0.2", "reconciliation-query-batch", queries) == []
        answer = post(client, queries=queries)
        assert list(answer) == list(queries)
        assert faults(schemas, "0.2", "reconciliation-result-batch", answer) == []
        found |= {int(key[1:]): said["result"] for key, said in answer.items()}
    right = wrong = first = 0
    for at, row in enumerate(MESSY):
        results, truth = found[at], row["id juste"]
        assert len(results) <= 5
        assert [r["score"] for r in results] == sorted((r["score"] for r in results), reverse=True)
        sure = [local(r["id"]) for r in results if r["match"]]
        assert len(sure) <= 1
        right += sure == [truth]
        wrong += bool(sure) and sure != [truth]
        first += bool(results and truth) and local(results[0]["id"]) == truth
    there = sum(bool(row["id juste"]) for row in MESSY)
    assert len(MESSY) >= 60 and there == 96
    assert right / (right + wrong) >= 0.98
    assert right / there >= 0.9
    assert first / there >= 0.97
    one = next(r for results in found.values() for r in results if r["match"])
    assert {feature["id"] for feature in one["features"]} >= {"name", "same_name"}
    view = client.get(manifest["view"]["url"].replace("{{id}}", one["id"].replace("#", "%23")))
    assert view.status_code == 303
    assert one["name"] in client.get(view.headers["location"], headers={"Accept": "application/json"}).json()["name"]


def test_openrefine_suggests_previews_and_extends(client: httpx.Client, schemas: Path) -> None:
    manifest = client.get("/reconcile").json()
    offered = {what: said["service_url"] + said["service_path"] for what, said in manifest["suggest"].items()}
    entities = client.get(offered["entity"], params={"prefix": "euram", "type": "cluster"}).json()
    assert faults(schemas, "0.2", "suggest-entities-response", entities) == []
    assert [one["name"] for one in entities["result"]] == ["EuraMaterials"]
    iri = entities["result"][0]["id"]
    assert client.get(offered["entity"], params={"prefix": iri}).json()["result"][0]["id"] == iri
    types = client.get(offered["type"], params={"prefix": "fi"}).json()
    assert faults(schemas, "0.2", "suggest-types-response", types) == []
    assert [one["id"] for one in types["result"]] == ["firm"]
    known = client.get(offered["property"], params={"prefix": "pays"}).json()
    assert faults(schemas, "0.2", "suggest-properties-response", known) == []
    assert [one["id"] for one in known["result"]] == ["country"]

    preview = client.get(manifest["preview"]["url"].replace("{{id}}", iri))
    assert preview.status_code == 200 and "EuraMaterials" in preview.text
    assert "frame-ancestors *" in preview.headers["content-security-policy"]
    assert "x-frame-options" not in preview.headers
    assert client.get("/").headers["x-frame-options"] == "DENY"

    propose = manifest["extend"]["propose_properties"]
    proposed = client.get(propose["service_url"] + propose["service_path"], params={"type": "firm"}).json()
    assert faults(schemas, "0.2", "data-extension-property-proposal", proposed) == []
    ids = [one["id"] for one in proposed["properties"]]
    assert {"country", "city", "nuts", "website", "makes", "competencies", "latitude", "licence", "source"} <= set(ids)
    actors = [iri, client.get(offered["entity"], params={"prefix": "festo"}).json()["result"][0]["id"]]
    query = {"ids": [*actors, "nobody"], "properties": [{"id": one} for one in ids]}
    query["properties"].append({"id": "makes", "settings": {"limit": "1"}})
    assert faults(schemas, "0.2", "data-extension-query", query) == []
    answer = post(client, extend=query)
    assert faults(schemas, "0.2", "data-extension-response", answer) == []
    festo = answer["rows"][actors[1]]
    assert festo["country"] == [{"str": "DE"}] and festo["source"] == [{"str": "crisis2020"}]
    assert len(festo["makes"]) == 1 and festo["competencies"][0]["id"].startswith("https://w3id.org/filiere/comp")
    assert answer["rows"]["nobody"]["country"] == []


def test_the_draft_of_1_0_answers_alike(client: httpx.Client, schemas: Path) -> None:
    for base in ("/reconcile", "/reconcile/1.0-draft"):
        rows = MESSY[:40]
        batch = {
            "queries": [
                {
                    "type": "actor",
                    "limit": 3,
                    "conditions": [
                        {"matchType": "name", "propertyValue": row["Nom"]},
                        *(
                            {"matchType": "property", "propertyId": pid, "propertyValue": row[column]}
                            for pid, column in FACTS
                            if row[column]
                        ),
                    ],
                }
                for row in rows
            ]
        }
        assert faults(schemas, "1.0-draft", "reconciliation-query-batch", batch) == []
        answer = client.post(base + "/match", json=batch).json()
        assert faults(schemas, "1.0-draft", "reconciliation-result-batch", answer) == []
        assert len(answer["results"]) == len(rows)
        for row, said in zip(rows, answer["results"], strict=True):
            if row["id juste"]:
                assert local(said["candidates"][0]["id"]) == row["id juste"]
        for path, schema in (
            ("/suggest/entity?prefix=gel", "suggest-entities-response"),
            ("/suggest/type?prefix=", "suggest-types-response"),
            ("/suggest/property?prefix=", "suggest-properties-response"),
            ("/extend/propose?type=competency&limit=5", "data-extension-property-proposal"),
        ):
            said = client.get(base + path).json()
            assert faults(schemas, "1.0-draft", schema, said) == []
            assert said.get("result") or said.get("properties")
        assert client.get(base + "/preview", params={"id": "hydroalcoholic-gel"}).status_code == 200
        wanted = ["label:fr", "altLabel", "broader", "narrower", "matches", "notation", "scheme", "iri"]
        query = {"ids": ["hydroalcoholic-gel"], "properties": [{"id": one} for one in wanted]}
        extended = client.post(base + "/extend", json=query).json()
        assert faults(schemas, "1.0-draft", "data-extension-response", extended) == []
        values = {one["id"]: one["values"] for one in extended["rows"][0]["properties"]}
        assert values["label:fr"] == [{"str": "gel hydroalcoolique", "lang": "fr"}]
        assert values["broader"][0]["name"]
    manifest = client.get("/reconcile/1.0-draft", headers={"Accept-Language": "fr"})
    assert faults(schemas, "1.0-draft", "manifest", manifest.json()) == []
    assert manifest.json()["defaultTypes"][0]["name"] == "Acteur"
    assert manifest.headers["content-language"] == "fr"


@pytest.mark.parametrize(
    ("text", "competency"),
    [
        ("gel hydroalcoolique", "hydroalcoholic-gel"),
        ("Händedesinfektionsgel", "hydroalcoholic-gel"),
        ("GEL HIDROALCOHÓLICO", "hydroalcoholic-gel"),
        ("hydroalcoholc gel", "hydroalcoholic-gel"),
        ("hydroalcoholic-gel", "hydroalcoholic-gel"),
        ("https://w3id.org/filiere/competency/hydroalcoholic-gel", "hydroalcoholic-gel"),
        ("Schutzmasken", "mask"),
        ("moulage par injection", "injection-moulding"),
        ("stampaggio a iniezione", "injection-moulding"),
    ],
)
def test_competencies_are_found_in_any_language(client: httpx.Client, text: str, competency: str) -> None:
    best = post(client, queries={"q": {"query": text, "type": "competency"}})["q"]["result"][0]
    assert local(best["id"]) == competency and best["match"]
    assert {"id": "competency", "name": "Competency"} in best["type"]


def test_a_competency_of_another_kind_is_left_out(client: httpx.Client) -> None:
    queries = {
        kind: {"query": "injection moulding", "type": kind} for kind in ("process", "standard", "firm", "wizard")
    }
    answer = post(client, queries=queries)
    assert local(answer["process"]["result"][0]["id"]) == "injection-moulding"
    for kind in ("standard", "firm"):
        assert all(kind in [one["id"] for one in found["type"]] for found in answer[kind]["result"])
    assert answer["wizard"]["result"] == []


def test_an_identifier_decides_between_namesakes(client: httpx.Client) -> None:
    name = "Ateliers mecaniques du Forez SAS"

    def ask(**facts: str) -> tuple[list[str], list[str]]:
        properties = [{"pid": pid, "v": text} for pid, text in facts.items()]
        found = post(client, queries={"q": {"query": name, "type": "firm", "properties": properties}})["q"]["result"]
        return [local(one["id"]) for one in found[:2]], [local(one["id"]) for one in found if one["match"]]

    assert ask() == (["old", "twin"], [])
    assert ask(city="Feurs")[1] == ["twin"]
    assert ask(identifiers="732 829 320")[1] == ["twin"]
    assert ask(siret="73282932000074")[0][0] == "twin"
    assert ask(vat="FR 40 303 265 045")[1] == []  # of neither
    assert ask(website="www.amf-forez.fr/contact")[1] == ["old"]
    renamed = {"query": "AMF Groupe", "properties": [{"pid": "identifiers", "v": "552100554"}]}
    assert local(post(client, queries={"q": renamed})["q"]["result"][0]["id"]) == "old"
    alone = {"properties": [{"pid": "identifiers", "v": "552100554"}]}
    assert local(post(client, queries={"q": alone})["q"]["result"][0]["id"]) == "old"


def test_required_conditions_and_quantifiers_choose(client: httpx.Client) -> None:
    def ask(**more: Any) -> list[str]:
        facts = {"matchType": "property", "propertyId": "country", "propertyValue": ["France"], **more}
        conditions = [{"matchType": "name", "propertyValue": "Festo"}, facts]
        answer = client.post("/reconcile/match", json={"queries": [{"type": "firm", "conditions": conditions}]})
        return [local(one["id"]) for one in answer.json()["results"][0]["candidates"]]

    assert ask()[0] == "festo"
    assert "festo" not in ask(required=True)
    assert ask(required=True, matchQuantifier="none")[0] == "festo"
    assert ask(required=True, propertyValue=["FR", "DE"])[0] == "festo"
    assert ask(required=True, propertyId="colour") == []
    by_id = {"queries": [{"conditions": [{"matchType": "id", "propertyValue": "festo"}]}]}
    first = client.post("/reconcile/match", json=by_id).json()["results"][0]["candidates"][0]
    assert first["match"] and first["score"] == 100


def test_a_short_id_or_a_strange_country_makes_nobody_sure(client: httpx.Client) -> None:
    found = post(client, queries={"q": {"query": "4711", "type": "firm"}})["q"]["result"]
    assert local(found[0]["id"]) == "4711" and not found[0]["match"]
    for country, sure in (("Pays du Forez", True), ("Allemagne", True), ("Spain", False), ("", True)):
        facts = [{"pid": "country", "v": country}]
        found = post(client, queries={"q": {"query": "Kolnisch Wasserwerke AG", "properties": facts}})["q"]["result"]
        assert found[0]["match"] is sure, country


def test_an_id_may_come_with_its_encoding_undone(client: httpx.Client) -> None:
    for id in ("https://w3id.org/filiere/id/registry/actor/a%20b", "https://w3id.org/filiere/id/registry/actor/a b"):
        assert "Espace" in client.get("/reconcile/preview", params={"id": id}).text


def test_a_scheme_or_code_tells_competencies_apart(client: httpx.Client) -> None:
    def ask(**facts: str) -> dict[str, Any]:
        properties = [{"pid": pid, "v": text} for pid, text in facts.items()]
        query = {"query": "hydroalcoholic gel", "type": "competency", "properties": properties}
        found: dict[str, Any] = post(client, queries={"q": query})["q"]["result"][0]
        return found

    assert ask(scheme="competencies")["score"] > ask(scheme="cpv")["score"]
    conditions = [
        {"matchType": "name", "propertyValue": "hydroalcoholic gel"},
        {"matchType": "property", "propertyId": "scheme", "propertyValue": "cpv", "required": True},
    ]
    answer = client.post("/reconcile/match", json={"queries": [{"type": "competency", "conditions": conditions}]})
    assert answer.json() == {"results": [{"candidates": []}]}


def test_what_is_imported_is_found_at_once_and_what_is_removed_no_more(client: httpx.Client, node: Served) -> None:
    def ask() -> list[str]:
        found = post(client, queries={"q": {"query": "Zwirnerei Quastenflosser", "type": "firm"}})["q"]["result"]
        return [local(one["id"]) for one in found if one["match"]]

    assert ask() == []
    headers = {"Content-Type": "text/csv", **node.auth}
    client.put("/sources/brief", content=b"id,name\nzq,Zwirnerei Quastenflosser GmbH\n", headers=headers)
    assert ask() == ["zq"]
    assert client.get("/reconcile/suggest/entity?prefix=quasten").json()["result"][0]["name"].startswith("Zwirnerei")
    client.put("/sources/brief", content=b"id,name\nzq,Another Name\n", headers=headers)
    assert ask() == []
    client.delete("/sources/brief", headers=node.auth)
    assert "Another Name" not in client.get("/reconcile/suggest/entity?prefix=another%20name").text


def test_a_preview_runs_nothing_that_a_source_wrote(client: httpx.Client) -> None:
    iri = "https://w3id.org/filiere/id/registry/actor/evil"
    for path in ("/reconcile/preview", "/reconcile/flyout"):
        found = client.get(path, params={"id": iri})
        said = found.json()["html"] if path.endswith("flyout") else found.text
        assert found.status_code == 200 and "&lt;script&gt;" in said
        assert "<script" not in said and "<img" not in said
        assert "default-src 'none'" in found.headers["content-security-policy"]


def test_other_origins_may_ask_and_old_clients_too(client: httpx.Client) -> None:
    assert (
        client.get("/reconcile", headers={"Origin": "https://a.example"}).headers["access-control-allow-origin"] == "*"
    )
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/reconcile/match", headers=preflight).status_code == 204
    padded = client.get("/reconcile", params={"callback": "jQuery_1.call"})
    assert padded.headers["content-type"].startswith("text/javascript")
    match = re.fullmatch(r"/\*\*/jQuery_1\.call\((.*)\);", padded.text, re.DOTALL)
    assert match and json.loads(match.group(1))["name"]
    queried = {"queries": json.dumps({"q": {"query": "</script><b>"}}), "callback": "f"}
    assert "</script>" not in client.get("/reconcile", params=queried).text
    assert client.get("/reconcile", params={"query": "Festo"}).json()["result"][0]["match"]


def query(text: str) -> dict[str, Any]:
    return {"params": {"queries": '{"q": ' + text + "}"}}


def condition(said: Any) -> dict[str, Any]:
    return {"json": {"queries": [{"conditions": [said]}]}}


MANY = {"conditions": [{"matchType": "property", "propertyId": "city", "propertyValue": ["a"] * 40}]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "/reconcile", {"params": {"queries": "{"}}, 400),
        ("GET", "/reconcile", {"params": {"queries": "[]"}}, 400),
        ("GET", "/reconcile", query("1"), 422),
        ("GET", "/reconcile", query("{}"), 422),
        ("GET", "/reconcile", query('{"query": ["a"]}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "type": 3}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "limit": NaN}'), 400),
        ("GET", "/reconcile", query('{"query": "a", "limit": -1}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "limit": 1.5}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "limit": "many"}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "properties": [{"pid": 1}]}'), 422),
        ("GET", "/reconcile", query('{"query": "a", "properties": [{"pid": "x", "v": {}}]}'), 422),
        ("GET", "/reconcile", {"params": {"callback": "alert(1)//"}}, 422),
        ("GET", "/reconcile", {"params": {"callback": "a" * 500}}, 422),
        ("GET", "/reconcile", {"params": {"callback": "f\n"}}, 422),
        ("GET", "/reconcile", {"params": {"extend": "{}"}}, 400),
        ("GET", "/reconcile", {"params": {"extend": '{"ids": [], "properties": [{"id": "colour"}]}'}}, 422),
        ("GET", "/reconcile", {"params": {"extend": '{"ids": ["a"], "properties": [{"id": "label:"}]}'}}, 422),
        ("POST", "/reconcile", {"data": {"queries": json.dumps({f"q{n}": {"query": "a"} for n in range(101)})}}, 413),
        ("POST", "/reconcile", {"data": {"queries": json.dumps({"q": {"query": "a" * 5000}})}}, 413),
        ("POST", "/reconcile", {"data": {"queries": json.dumps({"q": {"query": "a" * 10_000_000}})}}, 413),
        ("POST", "/reconcile", {"data": {"queries": DEEP}}, 400),
        ("POST", "/reconcile", {"content": b"queries=%FF%FE", "headers": FORM}, 400),
        ("POST", "/reconcile", {"content": b"&".join([b"a=b"] * 1000), "headers": FORM}, 400),
        ("POST", "/reconcile", {"content": b"", "headers": FORM}, 422),
        ("POST", "/reconcile", {"json": {"queries": {}}}, 400),
        ("POST", "/reconcile/match", {"content": DEEP}, 400),
        ("POST", "/reconcile/match", {"content": b"\xff\xfe"}, 400),
        ("POST", "/reconcile/match", {"json": []}, 400),
        ("POST", "/reconcile/match", condition(None), 422),
        ("POST", "/reconcile/match", condition({"matchType": "magic"}), 422),
        ("POST", "/reconcile/match", condition(1), 422),
        ("POST", "/reconcile/match", condition({"matchType": "name", "propertyValue": ["a"] * 51}), 413),
        ("POST", "/reconcile/match", condition({"matchType": "name", "propertyValue": [[["a"]]]}), 422),
        ("POST", "/reconcile/match", {"json": {"queries": [MANY] * 100}}, 413),
        ("POST", "/reconcile/match", condition({"matchType": "property", "propertyValue": "a"}), 422),
        ("POST", "/reconcile/extend", {"json": {"ids": [1], "properties": []}}, 400),
        ("POST", "/reconcile/extend", {"json": {"ids": ["a"] * 1001, "properties": []}}, 413),
        ("POST", "/reconcile/extend", {"json": {"ids": [], "properties": [{"id": "city", "settings": [1]}]}}, 422),
        ("POST", "/reconcile/extend", {"json": {"ids": [], "properties": [{"id": "id", "settings": 3}]}}, 422),
        ("GET", "/reconcile/suggest/entity", {"params": {"prefix": "a", "limit": "NaN"}}, 422),
        ("GET", "/reconcile/suggest/entity", {"params": {"prefix": "a" * 501}}, 422),
        ("GET", "/reconcile/suggest/entity", {"params": {"prefix": "a", "offset": 10**12}}, 422),
        ("GET", "/reconcile/preview", {"params": {"id": "<script>"}}, 404),
        ("GET", "/reconcile/preview", {"params": {"id": "a" * 3000}}, 422),
        ("GET", "/reconcile/preview", {}, 422),
        ("GET", "/reconcile/view", {"params": {"id": "https://evil.example/"}}, 404),
    ],
)  # fmt: skip
def test_hostile_questions_get_problem_details(
    client: httpx.Client, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    found = client.request(method, path, **given)
    assert found.status_code == status, found.text[:300]
    assert found.headers["content-type"] == "application/problem+json"
    said = found.json()
    assert said["detail"] and said["mend"] and len(found.text) < 2000


@pytest.mark.parametrize(
    "name",
    ["", " ", "…", "\u0000", "\ud800", "a" * 1000, "a " * 500, "Ⅷ" * 300, "'; DROP TABLE live; --", "%00", "\u202egnp"],
)
def test_odd_names_are_answered(client: httpx.Client, name: str, schemas: Path) -> None:
    answer = post(client, queries={"q": {"query": name}})
    assert faults(schemas, "0.2", "reconciliation-result-batch", answer) == []
    assert not any(one["match"] for one in answer["q"]["result"])


def test_the_command_matches_a_spreadsheet(node: Served, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "matched.csv"
    given = ["--column", "Nom", "--type", "actor", "--property", "country=Pays", "--property", "city=Ville"]
    done = filiere("reconcile", HERE / "messy.csv", *given, "--out", out, "--format", "json", "--data", folder)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)[0]
    assert counts["rows"] == len(MESSY) == counts["matched"] + counts["to_review"] + counts["nothing_like_it"]
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    sure = [row for row in rows if row["matched"] == "yes"]
    assert len(sure) == counts["matched"] >= 86
    assert sum(row["matched_id"] == row["id juste"] for row in sure) / len(sure) >= 0.98
    assert rows[0].keys() >= {"Nom", "Pays", "matched_iri", "matched_name", "matched_score"}


def test_the_command_reads_xlsx_and_writes_no_formula(node: Served, folder: Path, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["Firm", "Note", None], ["Festo AG", "'=1+1", "x"], ["=HYPERLINK()", "+33", None]):
        book.active.append([cell.lstrip("'") if cell and cell != "'=1+1" else cell for cell in row])
    book.save(tmp_path / "firms.xlsx")
    done = filiere("reconcile", tmp_path / "firms.xlsx", "--column", "firm", "--format", "csv", "--data", folder)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert rows[0]["matched_id"] == "festo" and rows[0]["matched"] == "yes" and rows[0]["column 3"] == "x"
    assert not any(cell.startswith(("=", "+")) for row in rows for cell in row.values())
    table = filiere("reconcile", tmp_path / "firms.xlsx", "--column", "Firm", "--data", folder)
    assert "Festo AG" in table.stdout and "matched_score" in table.stdout


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        ("Nom\nFesto\n", ["--column", "Firme"], "There is no column 'Firme'"),
        ("Nom\nFesto\n", ["--column", "Nom", "--type", "wizard"], "There is no type 'wizard'"),
        ("Nom\nFesto\n", ["--column", "Nom", "--property", "colour=Nom"], "property 'colour'"),
        ("Nom\nFesto\n", ["--column", "Nom", "--property", "country"], "names no column"),
        ("Nom;Nom\nFesto;x\n", ["--column", "Nom"], "two columns are called 'Nom'"),
        ("Nom\nFest\udcff\n", ["--column", "Nom"], "not UTF-8"),
        ("", ["--column", "Nom"], "is empty"),
        ("\n\n", ["--column", "Nom"], "no heading"),
    ],
)
def test_the_command_says_what_is_wrong(
    node: Served, folder: Path, tmp_path: Path, content: str, arguments: list[str], says: str
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    done = filiere("reconcile", file, *arguments, "--data", folder)
    assert done.returncode in (1, 2) and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
