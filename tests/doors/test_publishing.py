"""What a node publishes, as another node sees it: through its doors, by links alone.

Its catalogue keeps to DCAT-AP 3.0.1 and its feeds to LDES 1.0, by the shapes and terms of SEMIC.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from pyshacl import validate
from rdflib import RDF, SH, Dataset, Graph, Namespace, URIRef

from api.app import create_app
from api.engine import Engine
from api.settings import Settings
from kg import vocabulary as v
from kg.errors import UserError
from kg.federation import feed
from kg.federation.node import Node, from_json
from kg.model import Source
from tests.doors.conftest import Process
from tests.reader import replay
from tests.shacl import findings

BASE = "https://fr.alliance.test/"
ACCOUNT = "https://fr.alliance.test/id/"
ROWS = 24
DCAT, DCT, PROV = (Namespace(space) for space in (v.DCAT, v.DCT, v.PROV))
# What the profile recommends and a node cannot know, or where its operator must speak.
LEFT_OUT = {
    ("Agent", DCT.type): "what kind of body a publisher is, only itself can say",
    ("Catalog", DCT.license): "the licence of the catalogue's own words is for the operator to choose",
    ("Catalog", DCT.publisher): "no association is a corporate body of the European Union",
    ("Dataset", DCT.publisher): "no association is a corporate body of the European Union",
    ("DataService", DCT.publisher): "no association is a corporate body of the European Union",
    ("Dataset", DCT.temporal): "of which time the facts are, each says for itself",
    ("LicenseDocument", DCT.type): "a licence is named by its address; what kind it is, its own page says",
    ("Distribution", DCT.license): "a licence that has no address is said in dct:rights instead",
    ("Location", DCAT.bbox): "a country is named by the code list, which has its borders",
    ("Location", DCAT.centroid): "a country is named by the code list, which has its borders",
}


def rows(*numbers: int, changed: tuple[int, ...] = ()) -> str:
    lines = ["id,name,country,makes"]
    lines += [f"a{n},Atelier {n},FR,{'gants' if n in changed else 'masques'} {n}" for n in numbers]
    return "\n".join(lines) + "\n"


def load(engine: Engine, folder: Path, source: Source, text: str) -> None:
    file = folder / "rows.csv"
    file.write_text(text, encoding="utf-8")
    engine.import_files([file], source, allow_deletions=True, later=True)  # what is published is read from the journal


OPEN = Source(
    "open", title="Ateliers ouverts", publisher="Les Ateliers", namespace=ACCOUNT, url="https://ateliers.test/",
    licence="https://creativecommons.org/licenses/by/4.0/", issued="2020-03-25",
)  # fmt: skip
SECRET = Source("secret", title="Confidentiel", public=False, namespace="https://secret.test/id/")
TAKEN = Source(
    "es", title="Talleres", namespace="https://es.alliance.test/id/", origin="https://es.alliance.test/graph/talleres",
    harvested_from="https://es.alliance.test/.well-known/filiere", licence="CC BY 4.0",
)  # fmt: skip


@dataclass
class Shop:
    """A node, and a client of it."""

    client: TestClient
    engine: Engine
    folder: Path

    def node(self) -> Node:
        answer = self.client.get("/.well-known/filiere")
        assert answer.status_code == 200, answer.text
        return from_json(answer.content, BASE + ".well-known/filiere")

    def get(self, address: str, **headers: str) -> httpx.Response:
        assert address.startswith(BASE), address
        return self.client.get("/" + address.removeprefix(BASE), headers=headers)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("publishing")
    patch = pytest.MonkeyPatch()
    patch.setattr(feed, "SIZE", 10)
    with Engine.open(folder / "data", write=True, create=True, model="hashing") as engine:
        load(engine, folder, OPEN, rows(*range(ROWS)))
        load(engine, folder, SECRET, rows(99))
        load(engine, folder, TAKEN, rows(1, 2))
        engine.decide(f"{ACCOUNT}actor/a1", "hydroalcoholic-gel", "confirmed")
        settings = Settings(
            data=folder / "data", url=BASE, node_title="Alliance FR", node_publisher="Alliance",
            node_contact="https://alliance.test/contact",
        )  # fmt: skip
        with TestClient(create_app(engine, settings), base_url=BASE) as client:
            for _ in range(200):
                if client.get("/health/ready").status_code == 200:
                    break
                time.sleep(0.05)
            yield Shop(client, engine, folder)
    patch.undo()


def live(engine: Engine, source: str) -> dict[str, str]:
    own = v.source_graph(source)
    return {change.iri: change.payload for change in engine.journal.entities(source) if change.iri != own}


def fetched(shop: Shop) -> Any:
    return lambda address, accept: shop.get(address, Accept=accept).content


def test_the_node_says_who_it_is_and_what_it_publishes(shop: Shop) -> None:
    node = shop.node()
    assert (node.node, node.title, node.publisher) == (BASE, "Alliance FR", "Alliance")
    assert [source.id for source in node.sources] == ["es", "open"]
    found = node.source("open")
    assert found and found.dump
    assert (found.origin, found.namespace) == (BASE + "graph/open", ACCOUNT)
    assert (found.licence, found.issued) == (OPEN.licence, OPEN.issued)
    assert found.entities == found.dump.entities == ROWS
    assert found.seq == found.dump.seq == shop.engine.journal.batches("open", limit=1)[0].last_seq
    taken = node.source("es")
    assert taken and taken.origin == TAKEN.origin, "a harvested source keeps its origin"
    assert node.shapes.startswith("sha256:") and node.deletion_policy and node.software.startswith("filiere")
    for address in node.endpoints.values():
        assert shop.get(address).status_code == 200 or address.endswith("search"), address


def test_what_is_unchanged_is_said_in_304(shop: Shop) -> None:
    node = shop.node()
    source = node.sources[1]
    assert source.dump
    for address in (BASE + ".well-known/filiere", source.feed, source.feed + "/1", source.dump.url, BASE + "feed"):
        first = shop.get(address)
        assert first.status_code == 200
        again = shop.get(address, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), address
        head = shop.client.head("/" + address.removeprefix(BASE))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == first.headers["etag"]
    assert shop.get(source.feed).headers["filiere-seq"] == str(source.seq)


def test_a_dump_is_sorted_whole_and_the_same_again(shop: Shop) -> None:
    source = shop.node().sources[1]
    assert source.dump
    answer = shop.get(source.dump.url)
    assert answer.headers["content-length"] == str(len(answer.content)) == str(source.dump.bytes)
    assert answer.headers["etag"] == f'"{source.dump.sha256}"' == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["content-type"] == "application/gzip" and "GMT" in answer.headers["last-modified"]
    text = gzip.decompress(answer.content)
    lines = text.decode().split("\n")[:-1]
    assert len(text) == source.dump.unpacked_bytes and len(lines) == source.dump.triples
    assert lines == sorted(set(lines))
    said = {line + "\n" for payload in live(shop.engine, "open").values() for line in payload.split("\n") if line}
    assert {line + "\n" for line in lines} == said


def test_who_only_follows_links_ends_with_what_is_live_and_full_pages_stay(shop: Shop) -> None:
    before = replay(fetched(shop), shop.node().sources[1].feed)
    assert before.live == live(shop.engine, "open")
    full = {address: shop.get(address).content for address in before.pages[:-1]}
    assert len(full) == 2
    for address in full:
        assert shop.get(address).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in shop.get(before.pages[-1]).headers["cache-control"]

    load(shop.engine, shop.folder, OPEN, rows(*range(3, ROWS), 50, changed=(5, 6)))
    load(shop.engine, shop.folder, OPEN, rows(*range(2, ROWS), 50, changed=(5, 6)))
    source = shop.node().sources[1]
    after = replay(fetched(shop), source.feed)
    assert after.live == live(shop.engine, "open")
    assert after.kinds == {"Create": ROWS + 2, "Update": 2, "Delete": 3}
    assert {address: shop.get(address).content for address in full} == full

    rest = replay(fetched(shop), source.feed, state=before.live, after=before.seq)
    assert rest.live == after.live and rest.seq == source.seq
    assert len(rest.pages) < len(after.pages), "a reader who knows a seq fetches only the pages after it"


@pytest.mark.parametrize("form", ["application/trig", "application/n-quads", "application/ld+json"])
def test_a_page_says_the_same_in_every_form(shop: Shop, form: str) -> None:
    address = shop.node().sources[1].feed + "/1"
    names = {"application/trig": "trig", "application/n-quads": "nquads", "application/ld+json": "json-ld"}
    answer = shop.get(address, Accept=form)
    assert answer.headers["content-type"].startswith(form)
    first, other = Dataset(), Dataset()
    first.parse(data=shop.get(address).content, format="trig", publicID=address)
    other.parse(data=answer.content, format=names[form], publicID=address)
    assert {tuple(map(str, quad)) for quad in first.quads()} == {tuple(map(str, quad)) for quad in other.quads()}


def test_what_is_private_or_our_own_is_nowhere(shop: Shop) -> None:
    node = shop.node()
    shown = [shop.get(address).text for address in (BASE + ".well-known/filiere", BASE + "feed")]
    for source in node.sources:
        found = replay(fetched(shop), source.feed)
        shown += [shop.get(address).text for address in (source.feed, *found.pages)]
        assert source.dump
        shown.append(gzip.decompress(shop.get(source.dump.url).content).decode())
    for word in ("secret", "Confidentiel", "decisions", "Atelier 99"):
        assert not any(word in text for text in shown), word
    for source in ("secret", *v.OURS, "nobody"):
        for address in (f"feed/{source}", f"feed/{source}/1", f"dumps/{source}.nt.gz"):
            answer = shop.get(BASE + address)
            assert answer.status_code == 404 and answer.json()["mend"], address


@pytest.mark.parametrize("page", ["0", "99", "-1", "x", "1.5", "9" * 30, "²"])
def test_a_page_that_is_not_there_is_said(shop: Shop, page: str) -> None:
    answer = shop.get(f"{BASE}feed/open/{page}")
    assert answer.status_code == 404 and answer.json()["mend"]
    assert shop.get(BASE + "dumps/open").status_code == 404
    assert shop.get(BASE + "feed/open", Accept="image/png").status_code == 406


def test_a_source_that_turns_private_is_published_no_more(shop: Shop) -> None:
    load(shop.engine, shop.folder, Source("brief", title="Brief"), rows(1))
    found = shop.node().source("brief")
    assert found and found.dump
    kept = shop.engine.folder.published
    assert list(kept.glob("brief*"))
    load(shop.engine, shop.folder, Source("brief", title="Brief", public=False), rows(1))
    assert shop.node().source("brief") is None
    assert shop.get(found.feed).status_code == shop.get(found.dump.url).status_code == 404
    assert not list(kept.glob("brief*")), "its dump is not kept"


def test_a_dump_that_was_damaged_on_disk_is_built_again(shop: Shop) -> None:
    source = shop.node().sources[1]
    assert source.dump
    kept = shop.engine.folder.published
    file = kept / f"open.{source.seq}.nt.gz"
    file.write_bytes(file.read_bytes()[:-9] + b"damaged..")
    (kept / "open.json").write_text("{", encoding="utf-8")
    with Engine.open(shop.folder / "data", model="hashing") as engine:
        client = TestClient(create_app(engine, Settings(data=shop.folder / "data", url=BASE)), base_url=BASE)
        found = from_json(client.get("/.well-known/filiere").content, BASE).source("open")
        assert found and found.dump
        body = client.get("/dumps/open.nt.gz").content
    assert found.dump.sha256 == source.dump.sha256 == hashlib.sha256(body).hexdigest()


def test_a_real_service_gives_the_sample_whole_by_dump_and_by_feed(process: Process) -> None:
    with httpx.Client(base_url=process.url) as client:
        found = from_json(client.get("/.well-known/filiere").content, process.url + "/").source("crisis2020")
        assert found and found.dump and found.entities == found.dump.entities > 1000
        head = client.head(found.dump.url)
        packed = client.get(found.dump.url)
        assert head.content == b"" and head.headers["content-length"] == str(len(packed.content))
        assert hashlib.sha256(packed.content).hexdigest() == found.dump.sha256
        told = replay(lambda address, accept: client.get(address, headers={"Accept": accept}).content, found.feed)
        again = client.get(found.feed, headers={"If-None-Match": client.get(found.feed).headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert len(told.live) == found.entities and told.seq == found.seq
    lines = {line for payload in told.live.values() for line in payload.split("\n") if line}
    assert "\n".join(sorted(lines)) + "\n" == gzip.decompress(packed.content).decode()


def test_without_a_setting_addresses_are_those_of_the_request(shop: Shop) -> None:
    app = create_app(shop.engine, Settings(data=shop.folder / "data"))
    document = json.loads(TestClient(app, base_url="http://127.0.0.1:8000").get("/.well-known/filiere").content)
    assert document["node"] == "http://127.0.0.1:8000/"
    assert document["sources"][1]["origin"] == "http://127.0.0.1:8000/graph/open"


@pytest.fixture(scope="session")
def conformance(shared_data: Path) -> Path:
    return shared_data.parent / "conformance"


@pytest.mark.parametrize("wrong", [{"url": "data.test"}, {"url": "https://a b/"}, {"node_contact": "mailto:a@b.test"}])
def test_a_setting_that_is_wrong_is_said_at_the_start(shop: Shop, wrong: dict[str, str]) -> None:
    with pytest.raises(UserError) as caught:
        create_app(shop.engine, Settings(data=shop.folder / "data", **wrong))  # type: ignore[arg-type]
    assert "FILIERE_" in caught.value.mend


def graph_of(shop: Shop, address: str) -> Graph:
    answer = shop.get(address, Accept="text/turtle")
    assert answer.status_code == 200, answer.text
    return Graph().parse(data=answer.content, format="turtle", publicID=address)


@pytest.mark.parametrize("file", ["shapes.ttl", "range.ttl", "deprecateduris.ttl"])
def test_the_catalogue_keeps_to_the_profile(shop: Shop, conformance: Path, file: str) -> None:
    assert findings(graph_of(shop, BASE + "catalog"), conformance / "dcat-ap-3.0.1" / file) == []


@pytest.mark.parametrize("file", ["mdr-vocabularies.shape.ttl", "shapes_recommended.ttl"])
def test_what_is_recommended_and_left_out_has_its_reason(shop: Shop, conformance: Path, file: str) -> None:
    data = graph_of(shop, BASE + "catalog")
    found = findings(data, conformance / "dcat-ap-3.0.1" / file)
    assert [row for row in found if row[0] == "Violation"] == []
    kinds = Counter(
        (cls, path)
        for _, focus, path, _ in found
        for cls in {str(cls).rsplit("#")[-1].rsplit("/")[-1] for cls in data.objects(focus, RDF.type)}
        if cls not in ("Concept", "Document", "MediaType")
    )
    assert set(kinds) <= set(LEFT_OUT), kinds


LDES_TERMS = Namespace(v.LDES)
# The terms of TREE that are used: https://w3id.org/tree, whose vocabulary does not come with the tests.
TREE_TERMS = (
    "Node", "member", "view", "shape", "relation", "path", "value", "node", "GreaterThanRelation",
    "LessThanOrEqualToRelation",
)  # fmt: skip


def test_the_feed_uses_terms_that_exist_and_keeps_to_the_shapes(shop: Shop, conformance: Path) -> None:
    vocabulary = Graph().parse(conformance / "ldes" / "vocabulary.ttl")
    root = shop.node().sources[1].feed
    data = graph_of(shop, root)
    trig = Dataset()
    for page in replay(fetched(shop), root).pages:
        trig.parse(data=shop.get(page).content, format="trig", publicID=page)
    data += trig.default_graph
    used = {str(term) for triple in data for term in triple if str(term).startswith((v.LDES, v.TREE))}
    assert len(used) > 20
    for term in used:
        known = (URIRef(term), RDF.type, None) in vocabulary or term.removeprefix(v.TREE) in TREE_TERMS
        assert known, term
    assert findings(data, Path(__file__).parent / "ldes_shapes.ttl") == []
    own = data.value(data.value(predicate=RDF.type, object=LDES_TERMS.EventStream), URIRef(v.TREE + "shape"))
    members = set(data.objects(None, URIRef(v.TREE + "member")))
    data.add((own, SH.targetObjectsOf, URIRef(v.TREE + "member")))
    assert validate(data, shacl_graph=data, inference="none")[0], "members keep to the shape the stream declares"
    data.remove((members.pop(), URIRef(v.DCT + "created"), None))
    assert not validate(data, shacl_graph=data, inference="none")[0]
    assert findings(data, Path(__file__).parent / "ldes_shapes.ttl")


def test_a_shape_that_is_broken_is_noticed(shop: Shop, conformance: Path) -> None:
    data = graph_of(shop, BASE + "catalog")
    data.remove((None, DCT.title, None))
    data.remove((None, RDF.type, URIRef(v.FOAF + "Agent")))
    for file in ("shapes.ttl", "range.ttl"):
        assert any(row[0] == "Violation" for row in findings(data, conformance / "dcat-ap-3.0.1" / file))


def test_the_catalogue_says_where_everything_is(shop: Shop) -> None:
    data, node = graph_of(shop, BASE + "catalog"), shop.node()
    assert set(data.subjects(RDF.type, DCAT.Dataset)) == {URIRef(BASE + "graph/open"), URIRef(BASE + "graph/es")}
    for source in node.sources:
        dataset = URIRef(BASE + "graph/" + source.id)
        distributions = list(data.objects(dataset, DCAT.distribution))
        addresses = {str(data.value(one, DCAT.accessURL)) for one in distributions}
        assert source.dump and addresses == {source.feed, source.dump.url}
        sums = {
            str(data.value(one, URIRef(v.SPDX + "checksum") / URIRef(v.SPDX + "checksumValue")))
            for one in distributions
        }
        assert source.dump.sha256 in sums
    taken = URIRef(BASE + "graph/es")
    assert data.value(taken, PROV.wasDerivedFrom) == URIRef(TAKEN.origin)
    assert data.value(URIRef(BASE + "graph/open"), PROV.wasDerivedFrom) is None
    assert data.value(URIRef(BASE + "graph/open"), DCAT.landingPage) == URIRef(OPEN.url)
    france = URIRef(v.AUTHORITY + "country/FRA")
    assert set(data.objects(None, DCT.spatial)) == {france}
    served = {str(data.value(service, DCAT.endpointURL)) for service in data.subjects(RDF.type, DCAT.DataService)}
    assert served == {BASE + "sparql", BASE + "search", BASE + "reconcile"}
    for description in data.objects(None, DCAT.endpointDescription):
        assert shop.get(str(description)).status_code == 200, description
    text = data.serialize(format="nt")
    assert "secret" not in text and "decisions" not in text


@pytest.mark.parametrize(("suffix", "form"), [("ttl", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdf", "xml")])
def test_the_catalogue_is_the_same_in_every_form(shop: Shop, suffix: str, form: str) -> None:
    said = Graph().parse(data=shop.get(f"{BASE}catalog.{suffix}").content, format=form)
    assert set(said) == set(graph_of(shop, BASE + "catalog"))


def test_what_the_data_are_in_numbers_leads_to_what_is_published(shop: Shop) -> None:
    data, void = graph_of(shop, BASE + ".well-known/void"), Namespace(v.VOID)
    whole, seen = URIRef(BASE + ".well-known/void#dataset"), set(data.objects(None, URIRef(v.RDFS + "seeAlso")))
    assert set(data.objects(whole, URIRef(v.RDFS + "seeAlso"))) == {
        URIRef(BASE + name) for name in ("catalog", "feed", ".well-known/filiere")
    }
    assert {str(dump) for dump in data.objects(None, void.dataDump)} == {
        BASE + f"dumps/{source.id}.nt.gz" for source in shop.node().sources
    }
    catalogue = graph_of(shop, BASE + "catalog")
    assert set(catalogue.subjects(RDF.type, DCAT.Dataset)) <= seen, "each source here is a dataset there"
    assert (URIRef(BASE + "catalog"), URIRef(v.RDFS + "seeAlso"), URIRef(BASE + ".well-known/void")) in catalogue
    assert "secret" not in data.serialize(format="nt"), "a private source is counted, and not named"


def test_browsers_are_shown_the_sources_and_datasets_lead_to_the_catalogue(shop: Shop) -> None:
    shown = shop.client.get("/catalog", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (shown.status_code, shown.headers["location"]) == (303, "/sources.html")
    page = shop.client.get("/sources.html").text
    for address in ("/catalog.ttl", "/.well-known/filiere", "/feed/open", "/dumps/open.nt.gz"):
        assert f'href="{address}"' in page, address
    assert "/feed/secret" not in page
    led = shop.client.get("/graph/open", follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/catalog")
    assert shop.client.get("/graph/secret").status_code == 404
