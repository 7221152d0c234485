"""What a node publishes, as another node sees it: through its doors, by links alone."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.settings import Settings
from kg import vocabulary as v
from kg.federation import feed
from kg.federation.node import Node, from_json
from kg.model import Source
from tests.reader import replay

BASE = "https://fr.alliance.test/"
ACCOUNT = "https://fr.alliance.test/id/"
ROWS = 24


def rows(*numbers: int, changed: tuple[int, ...] = ()) -> str:
    lines = ["id,name,country,makes"]
    lines += [f"a{n},Atelier {n},FR,{'gants' if n in changed else 'masques'} {n}" for n in numbers]
    return "\n".join(lines) + "\n"


def load(engine: Engine, folder: Path, source: Source, text: str) -> None:
    file = folder / "rows.csv"
    file.write_text(text, encoding="utf-8")
    engine.import_files([file], source, allow_deletions=True)


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
        settings = Settings(data=folder / "data", url=BASE, node_title="Alliance FR", node_publisher="Alliance")
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
    from rdflib import Dataset

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
        settings = Settings(data=shop.folder / "data", url=BASE)
        with TestClient(create_app(engine, settings), base_url=BASE) as client:
            found = from_json(client.get("/.well-known/filiere").content, BASE).source("open")
            assert found and found.dump
            body = client.get("/dumps/open.nt.gz").content
    assert found.dump.sha256 == source.dump.sha256 == hashlib.sha256(body).hexdigest()


def test_without_a_setting_addresses_are_those_of_the_request(shop: Shop) -> None:
    with TestClient(
        create_app(shop.engine, Settings(data=shop.folder / "data")), base_url="http://127.0.0.1:8000"
    ) as client:
        document = json.loads(client.get("/.well-known/filiere").content)
    assert document["node"] == "http://127.0.0.1:8000/"
    assert document["sources"][1]["origin"] == "http://127.0.0.1:8000/graph/open"
