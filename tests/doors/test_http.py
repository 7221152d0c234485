"""Every door over HTTP, in every form it has, and every way to be refused."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import threading
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.doors.conftest import Process, Service

FORMS = {
    "json": "application/json",
    "html": "text/html",
    "jsonld": "application/ld+json",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "rdf": "application/rdf+xml",
    "csv": "text/csv",
}
ENTITIES = ["/actors/valeo", "/clusters/silver-valley", "/competencies/hydroalcoholic-gel"]
LISTS = ["/clusters", "/sources", "/offers", "/needs", "/recipes"]


def media(response: Any) -> str:
    return str(response.headers["content-type"].partition(";")[0])


@pytest.mark.parametrize("path", ENTITIES)
@pytest.mark.parametrize("form", FORMS)
def test_an_entity_has_every_form_by_suffix_and_by_accept(service: Service, path: str, form: str) -> None:
    by_suffix = service.client.get(f"{path}.{form}")
    by_accept = service.client.get(path, headers={"Accept": FORMS[form]})
    assert by_suffix.status_code == by_accept.status_code == 200
    assert media(by_suffix) == media(by_accept) == FORMS[form]
    assert by_accept.content and "Accept" in by_accept.headers["vary"]
    assert by_accept.headers["filiere-seq"] == str(service.engine.seq)


@pytest.mark.parametrize("path", LISTS)
def test_lists_come_as_json_and_csv(service: Service, path: str) -> None:
    rows = service.client.get(path).json()
    table = list(csv.DictReader(io.StringIO(service.client.get(path + ".csv").text)))
    assert len(rows) == len(table) > 0


def test_the_sample_is_counted_as_it_is(service: Service) -> None:
    assert len(service.client.get("/clusters").json()) == 162
    assert len(service.client.get("/offers").json()) + len(service.client.get("/needs").json()) == 312
    assert len(service.client.get("/recipes").json()) == 25


def test_turtle_says_what_json_says(service: Service) -> None:
    from kg.rdf import RdfFormat, parse

    turtle = list(parse(service.client.get("/actors/valeo.ttl").content, RdfFormat.TURTLE))
    assert any(o == '"Valeo"' for _, _, o, _ in turtle)
    assert service.client.get("/actors/valeo.json").json()["name"] == "Valeo"


def test_the_best_form_by_q_wins_and_an_unknown_one_is_refused_with_the_list(service: Service) -> None:
    client = service.client
    best = client.get("/actors/valeo", headers={"Accept": "text/turtle;q=0.4, text/csv;q=0.9, */*;q=0.1"})
    assert media(best) == "text/csv"
    assert media(client.get("/actors/valeo", headers={"Accept": "*/*, application/json;q=0"})) == "text/html"
    refused = client.get("/actors/valeo", headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert "text/turtle" in refused.json()["mend"]


def test_an_unchanged_resource_is_not_sent_again(service: Service) -> None:
    first = service.client.get("/actors/valeo.json")
    again = service.client.get("/actors/valeo.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content


def test_search_answers_in_the_shape_that_was_promised(service: Service) -> None:
    answer = service.client.get("/search", params={"q": "pièces pour respirateurs", "limit": 3}).json()
    assert list(answer) == [
        "need", "answer", "results", "total", "facets", "seq", "model", "sources", "complete", "took_ms",
    ]  # fmt: skip
    assert list(answer["need"]) == ["text", "language", "concepts"]
    assert answer["need"]["language"] == "fr"
    assert list(answer["need"]["concepts"][0]) == ["iri", "label", "matched_label", "matched_language", "score"]
    assert answer["answer"] == "match"
    assert len(answer["results"]) == 3
    match = answer["results"][0]
    assert list(match) == ["actor", "score", "level", "channels", "reasons", "also", "also_count", "node", "sources"]
    assert list(match["actor"]) == [
        "iri", "id", "name", "kind", "country", "nuts", "city", "latitude", "longitude", "size", "website", "clusters",
    ]  # fmt: skip
    assert 0 <= match["score"] <= 1
    assert set(match["channels"]) == {"concepts", "text", "keywords"}
    reason = match["reasons"][0]
    assert list(reason) == ["says", "path", "quote", "language", "source", "date", "url"]
    assert all(len(triple) == 3 for triple in reason["path"])
    assert reason["quote"] and reason["source"].startswith("crisis2020")
    assert answer["complete"] is True
    assert answer["sources"][0]["id"] == "crisis2020"


@pytest.mark.parametrize(
    "given",
    [
        {"country": "France"}, {"country": "FR,DE"}, {"nuts": "FRK"}, {"kind": "lab"}, {"size": "large"},
        {"near": "Lyon, FR", "within_km": "80"}, {"near": "45.76,4.84"}, {"cluster": "techtera"},
        {"source": "crisis2020"},
    ],
)  # fmt: skip
def test_constraints_choose_before_ranking(service: Service, given: dict[str, str]) -> None:
    found = service.client.get("/search", params={"q": "masks", "limit": 50, **given}).json()
    everything = service.client.get("/search", params={"q": "masks"}).json()
    assert 0 < found["total"] <= everything["total"]
    for match in found["results"]:
        actor = match["actor"]
        assert "country" not in given or actor["country"] in ("FR", "DE")
        assert "nuts" not in given or actor["nuts"].startswith("FRK")
        assert "kind" not in given or actor["kind"] == "lab"
        assert "size" not in given or actor["size"] == "large"
        assert "cluster" not in given or "techtera" in actor["clusters"]


def test_pages_do_not_overlap_and_facets_count_everything(service: Service) -> None:
    pages = [
        service.client.get("/search", params={"q": "masks", "limit": 20, "offset": start}).json()
        for start in (0, 20, 40)
    ]
    ids = [match["actor"]["iri"] for page in pages for match in page["results"]]
    assert len(ids) == len(set(ids)) == 60
    assert sum(pages[0]["facets"]["kind"].values()) == pages[0]["total"]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/search", 422, "'q'"),
        ("/search?q=", 422, "empty"),
        ("/search?q=x&limit=101", 422, "limit"),
        ("/search?q=x&limit=-1", 422, "limit"),
        ("/search?q=x&offset=99999", 422, "offset"),
        ("/search?q=x&within_km=nan&near=Lyon", 422, "within_km"),
        ("/search?q=x&within_km=inf&near=Lyon", 422, "within_km"),
        ("/search?q=x&within_km=5", 422, "near"),
        ("/search?q=x&near=Nowhereville", 422, "Nowhereville"),
        ("/search?q=x&near=99,200", 422, "Earth"),
        ("/search?q=x&country=Narnia", 422, "Narnia"),
        ("/search?q=x&kind=wizard", 422, "wizard"),
        ("/search?q=x&size=tiny", 422, "tiny"),
        ("/search?q=" + "x" * 2001, 422, "'q'"),
        ("/search.pdf?q=x", 406, "pdf"),
        ("/actors/nobody", 404, "nobody"),
        ("/competencies/nothing", 404, "nothing"),
        ("/recipes/nothing", 404, "nothing"),
        ("/sources/nothing", 404, "nothing"),
        ("/nowhere", 404, "/nowhere"),
        ("/sparql?query=SELEC", 400, "SELECT"),
        ("/why-not?q=gel&actor=nobody", 404, "nobody"),
    ],
)
def test_errors_are_problem_details_that_say_how_to_mend(service: Service, path: str, status: int, word: str) -> None:
    response = service.client.get(path)
    assert response.status_code == status
    assert media(response) == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"] and problem["type"]
    assert word in problem["detail"]
    assert problem["mend"]


def test_a_wrong_method_is_a_problem_too(service: Service) -> None:
    response = service.client.post("/search")
    assert response.status_code == 405
    assert response.json()["mend"]


def test_a_browser_gets_errors_as_a_page(service: Service) -> None:
    response = service.client.get("/actors/nobody", headers={"Accept": "text/html,*/*;q=0.1"})
    assert response.status_code == 404
    assert media(response) == "text/html"
    assert "nobody" in response.text


@pytest.mark.parametrize("path", ["/", "/search?q=gel", "/actors/valeo", "/nowhere", "/static/filiere.css"])
def test_every_answer_has_the_headers_that_protect_a_browser(service: Service, path: str) -> None:
    headers = service.client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-request-id"]


class _Tags(html.parser.HTMLParser):
    VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert tag != "script" or str(named.get("src")).startswith("/static/")  # a file of ours, never a text
        assert not any(name.startswith("on") or name == "style" for name in named)
        if tag in ("link", "img"):
            self.outside += [v for k, v in named.items() if k in ("href", "src") and v and v.startswith("http")]
        if tag == "a":
            self.links.append(named.get("href") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


PAGES = [
    "/", "/?q=masques&country=FR", "/?q=asdkjh+qwelkj", "/?q=x&near=Nowhereville", "/docs", "/clusters.html",
    "/sources.html",
    "/actors/valeo.html", "/clusters/techtera.html", "/competencies/hydroalcoholic-gel.html", "/?q=gel&ui=fr&offset=10",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_need_no_script_and_nothing_from_elsewhere(service: Service, path: str) -> None:
    response = service.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code in (200, 422)
    tags = _Tags()
    tags.feed(response.text)
    assert tags.open == []
    assert tags.outside == []
    assert all(link.startswith(("/", "#", "?", "http://", "https://")) or link.endswith(".html") for link in tags.links)
    assert re.search(r'<html lang="(en|fr)">', response.text)


def test_the_page_speaks_french_to_who_prefers_it(service: Service) -> None:
    assert "De quoi avez-vous besoin" in service.client.get("/", headers={"Accept-Language": "fr-FR,en;q=0.5"}).text
    assert "What do you need" in service.client.get("/", headers={"Accept-Language": "de,en;q=0.5"}).text
    assert "De quoi avez-vous besoin" in service.client.get("/?ui=fr").text


def actor(**fields: Any) -> bytes:
    return (json.dumps({"id": "x", "name": "X", "makes": ["gel"], **fields}) + "\n").encode()


JSONL = {"Content-Type": "application/x-ndjson"}


def test_a_put_makes_a_source_searchable_at_once_and_a_delete_takes_it_out(service: Service) -> None:
    body = actor(id="quokka", name="Quokka Works", makes=["quokka-proof umbrellas"])
    report = service.client.put("/sources/zoo?title=Zoo", content=body, headers=service.auth | JSONL)
    assert report.status_code == 200, report.text
    assert report.json()["written"] == 2
    found = service.client.get("/search", params={"q": "quokka-proof umbrellas"}).json()
    assert found["results"][0]["actor"]["id"] == "quokka"
    assert service.client.get("/sources/zoo").json()["title"] == "Zoo"
    again = service.client.put("/sources/zoo", content=body, headers=service.auth | JSONL).json()
    assert again["written"] == 0
    gone = service.client.delete("/sources/zoo", headers=service.auth)
    assert gone.json()["deleted"] == 2
    assert service.client.get("/sources/zoo").status_code == 404
    left = service.client.get("/search", params={"q": "quokka-proof umbrellas"}).json()
    assert all(match["actor"]["id"] != "quokka" for match in left["results"])


def test_writing_needs_a_token_that_allows_it(service: Service) -> None:
    client = service.client
    missing = client.put("/sources/zoo", content=actor(), headers=JSONL)
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
    assert (
        client.put("/sources/zoo", content=actor(), headers=JSONL | {"Authorization": "Bearer no"}).status_code == 401
    )
    from api.security import Tokens

    _, secret = Tokens(service.engine.folder.tokens).create(("write:other",))
    narrow = {"Authorization": f"Bearer {secret}"}
    assert client.put("/sources/zoo", content=actor(), headers=JSONL | narrow).status_code == 403
    assert client.delete("/sources/crisis2020", headers=narrow).status_code == 403
    assert client.delete("/sources/crisis2020").status_code == 401


@pytest.mark.parametrize(
    ("name", "body", "kind", "status", "word"),
    [
        ("zoo", b"", "text/csv", 422, "empty"),
        ("zoo", b"x", "image/png", 415, "image/png"),
        ("zoo", b"id,name\n\xff\xfe,x\n", "text/csv", 422, "UTF-8"),
        ("zoo", b"name\nx\n", "text/csv", 422, "'id'"),
        ("zoo", b"<<>>", "text/turtle", 422, "Turtle"),
        ("filiere", b"id,name\na,b\n", "text/csv", 422, "reserved"),
        ("Zoo", b"id,name\na,b\n", "text/csv", 422, "lower-case"),
        ("zoo", b"x" * (2 * 2**20 + 1), "text/csv", 413, "2 MiB"),
    ],
)
def test_bad_bodies_are_refused_with_the_reason(
    service: Service, name: str, body: bytes, kind: str, status: int, word: str
) -> None:
    seq = service.engine.seq
    response = service.client.put(f"/sources/{name}", content=body, headers=service.auth | {"Content-Type": kind})
    assert response.status_code == status, response.text
    assert word in response.json()["detail"] + response.json()["mend"]
    assert service.engine.seq == seq


def test_good_rows_go_in_bad_rows_are_reported_and_strict_refuses_all(service: Service) -> None:
    body = actor(id="good") + actor(id="bad", latitude=999)
    strict = service.client.put("/sources/mix?strict=true", content=body, headers=service.auth | JSONL)
    assert strict.status_code == 422
    dry = service.client.put("/sources/mix?dry_run=true", content=body, headers=service.auth | JSONL).json()
    assert dry["dry_run"] is True
    assert service.client.get("/sources/mix").status_code == 404
    report = service.client.put("/sources/mix", content=body, headers=service.auth | JSONL).json()
    assert report["set_aside"] == 1
    (finding,) = [f for f in report["findings"] if f["severity"] == "error"]
    assert (finding["row"], finding["column"]) == (2, "latitude")
    assert finding["mend"]


def test_a_mass_deletion_is_held(service: Service) -> None:
    many = b"".join(actor(id=f"a{n}") for n in range(40))
    assert service.client.put("/sources/many", content=many, headers=service.auth | JSONL).status_code == 200
    held = service.client.put("/sources/many", content=actor(id="a0"), headers=service.auth | JSONL)
    assert held.status_code == 409
    assert len([a for a in service.engine.actors() if a.source == "many"]) == 40
    freed = service.client.put("/sources/many?allow_deletions=1", content=actor(id="a0"), headers=service.auth | JSONL)
    assert freed.json()["deleted"] == 39


HOSTILE = '"><script>alert(1)</script>'


def test_hostile_names_never_become_markup_links_or_formulas(service: Service) -> None:
    body = actor(id="=1+1", name=HOSTILE, makes=[HOSTILE, "=cmd|' /C calc'!A0"], website="https://ok.example/")
    assert service.client.put("/sources/evil", content=body, headers=service.auth | JSONL).status_code == 200
    page = service.client.get("/", params={"q": HOSTILE}).text
    entity = service.client.get("/actors/%3D1%2B1.html").text
    for text in (page, entity):
        assert "<script" not in text
    table = list(csv.reader(io.StringIO(service.client.get("/actors/%3D1%2B1.csv").text)))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in table[1])
    turtle = (
        "<https://w3id.org/filiere/id/evil2/actor/a> a <https://w3id.org/filiere/ns#Firm> ; "
        "a <https://w3id.org/filiere/ns#Actor> ; "
        '<http://www.w3.org/2004/02/skos/core#prefLabel> "E" ; <http://purl.org/dc/terms/identifier> "a" ; '
        "<http://xmlns.com/foaf/0.1/homepage> <javascript:alert(1)> ."
    )
    refused = service.client.put(
        "/sources/evil2", content=turtle.encode(), headers=service.auth | {"Content-Type": "text/turtle"}
    )
    assert "javascript" not in service.client.get("/", params={"q": "E"}).text
    assert refused.status_code == 422 or refused.json()["set_aside"] == 1


@pytest.mark.parametrize("id", ["a/b", "a.b", "ä ö", "100%", "a?b#c", "x.ttl", "..", "a;b,c"])
def test_ids_of_any_shape_are_found_again(process: Process, id: str) -> None:
    headers = JSONL | {"Authorization": f"Bearer {process.secret}"}
    put = httpx.put(process.url + "/sources/shapes?partial=true", content=actor(id=id), headers=headers, timeout=20)
    assert put.status_code == 200, put.text
    found = httpx.get(process.url + "/search", params={"q": "gel", "source": "shapes", "limit": 50}, timeout=10).json()
    named = [other for m in found["results"] for other in (m["actor"], *m["also"])]  # alike but for their ids
    iri = next(other["iri"] for other in named if other["id"] == id)
    assert httpx.get(process.url + "/actors/" + quote(iri, safe="")).json()["id"] == id
    if id != "..":  # clients take it for the folder above
        assert httpx.get(process.url + "/actors/" + quote(id, safe="")).json()["id"] == id


def test_needs_are_answered_while_a_source_is_written(service: Service) -> None:
    body = b"".join(actor(id=f"b{n}", name=f"Busy {n}", makes=[f"busy thing {n}"]) for n in range(800))
    failures: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            status = service.client.get("/search", params={"q": "hydroalcoholic gel"}).status_code
            if status != 200:
                failures.append(status)

    asking = threading.Thread(target=ask)
    asking.start()
    answers = [service.client.put("/sources/busy", content=body, headers=service.auth | JSONL).status_code]
    done.set()
    asking.join()
    assert answers == [200]
    assert failures == []
    assert service.engine.check() == []
