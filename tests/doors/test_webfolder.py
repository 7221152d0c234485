"""`filiere publish`: the same as the doors give, as files that a web server without any code serves."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from rdflib import RDF, Graph, Namespace, URIRef

from api.engine import Engine
from api.publishing import Publishing, base_of
from api.settings import Settings
from api.webfolder import MANIFEST, WebFolder, Written
from kg import vocabulary as v
from kg.errors import RefusedInput, UserError
from kg.federation import feed
from kg.federation.node import Node, from_json
from kg.model import Source
from tests.doors.test_publishing import OPEN, SECRET, TAKEN, live, rows
from tests.reader import replay
from tests.shacl import findings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a journal and no views, which take longer to build than all the rest."""
    data = tmp_path_factory.mktemp("filled") / "data"
    with Engine.open(data, write=True, create=True, model="hashing", catch_up=False) as engine:
        load(engine, OPEN, rows(*range(24)))
        load(engine, SECRET, rows(99))
        load(engine, TAKEN, rows(1, 2))
    return data


@pytest.fixture
def engine(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(feed, "SIZE", 10)
    data = Path(shutil.copytree(filled, tmp_path / "data"))
    with Engine.open(data, write=True, model="hashing", catch_up=False) as opened:
        yield opened


def load(engine: Engine, source: Source, text: str) -> None:
    file = engine.folder.path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    engine.import_files([file], source, allow_deletions=True, later=True)


def publish(engine: Engine, folder: Path, url: str = "") -> Written:
    publishing = Publishing(engine, engine.folder, Settings(node_title="Dossier <ouvert>"))
    try:
        return WebFolder(folder, publishing, engine.journal, url).publish()
    finally:
        publishing.close()


def files(folder: Path) -> dict[str, tuple[str, int]]:
    """Path → (checksum, time) of every file."""
    return {
        file.relative_to(folder).as_posix(): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """Python's own web server over a folder."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        found = re.search(r"port (\d+)", process.stdout.readline())
        assert found
        yield f"http://127.0.0.1:{found.group(1)}/"
    finally:
        process.terminate()
        process.wait(timeout=20)


def fetch(address: str, accept: str = "") -> bytes:
    answer = httpx.get(address, headers={"Accept": accept})
    assert answer.status_code == 200, address
    return answer.content


def node_at(base: str) -> Node:
    address = base + ".well-known/filiere"
    return from_json(fetch(address), address)


def test_a_plain_web_server_is_a_node(engine: Engine, tmp_path: Path) -> None:
    publish(engine, tmp_path / "www" / "deep")
    with web(tmp_path / "www") as base:
        node = node_at(base + "deep/")
        assert (node.node, node.title) == (base + "deep/", "Dossier <ouvert>")
        assert [(source.id, source.entities) for source in node.sources] == [("es", 2), ("open", 24)]
        source = node.sources[1]
        assert source.origin == base + "deep/graph/open" and node.sources[0].origin == TAKEN.origin
        assert replay(fetch, source.feed).live == live(engine, "open")
        assert source.dump
        packed = fetch(source.dump.url)
        assert hashlib.sha256(packed).hexdigest() == source.dump.sha256
        assert len(gzip.decompress(packed)) == source.dump.unpacked_bytes
        for address in node.endpoints.values():
            catalogue = Graph().parse(data=fetch(address), format="turtle", publicID=address)
            assert "node.invalid" not in catalogue.serialize(format="nt")
        data = Graph().parse(data=fetch(node.endpoints["catalog"]), publicID=node.endpoints["catalog"], format="turtle")
        datasets = set(data.subjects(RDF.type, URIRef(v.DCAT + "Dataset")))
        assert URIRef(source.origin) in datasets and len(datasets) == 2
        page = fetch(base + "deep/").decode()
        assert "Dossier &lt;ouvert&gt;" in page and "Confidentiel" not in page
        for link in re.findall(r'href="(.*?)"', page):
            fetch(base + "deep/" + link)


def test_what_says_the_same_is_left_and_answered_with_304(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    first = publish(engine, folder)
    assert len(first.new) == len(files(folder)) - 1 and not first.changed
    before = files(folder)
    again = publish(engine, folder)
    assert not (again.new or again.changed or again.removed) and files(folder) == before
    with web(folder) as base:
        address = base + "feed/open.ttl"
        date = httpx.get(address).headers["last-modified"]
        assert httpx.get(address, headers={"If-Modified-Since": date}).status_code == 304

        state = replay(fetch, address)
        load(engine, OPEN, rows(*range(2, 25), changed=(5,)))
        written = publish(engine, folder)
        after = files(folder)
        assert httpx.get(address, headers={"If-Modified-Since": date}).status_code == 200, "within the same second, too"
        assert replay(fetch, address).live == replay(fetch, address, state.live, state.seq).live == live(engine, "open")
        assert set(written.changed) == {
            "catalog.ttl", "dumps/open.nt.gz", "feed/open.ttl", "feed/open/3.trig", "index.html", ".well-known/filiere"
        }  # fmt: skip
        for name in ("feed/open/1.trig", "feed/open/2.trig", "feed/es.ttl", "dumps/es.nt.gz", "feed.ttl"):
            assert after[name] == before[name], name


def test_what_is_published_no_more_goes_and_what_is_not_ours_stays(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"not ours")
    publish(engine, folder)
    (folder / "feed" / "es" / "note.txt").write_text("not ours either")
    (folder / "feed" / "open" / "2.trig").write_text("changed by somebody")
    load(engine, replace(OPEN, public=False), rows(*range(24)))
    load(engine, replace(TAKEN, public=False), rows(1, 2))
    written = publish(engine, folder)
    assert set(written.removed) == {
        "dumps/es.nt.gz", "dumps/open.nt.gz", "feed/es.ttl", "feed/es/1.trig", "feed/open.ttl", "feed/open/1.trig",
        "feed/open/3.trig",
    }  # fmt: skip
    assert written.kept == ["feed/open/2.trig"]
    assert set(files(folder)) == {
        MANIFEST, "photo.jpg", "feed/es/note.txt", "feed/open/2.trig", "catalog.ttl", "feed.ttl", "index.html",
        ".well-known/filiere",
    }  # fmt: skip


def test_a_folder_that_is_somebody_elses_is_refused_and_left_alone(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "index.html").write_text("a site")
    for wrong in (folder, folder / "index.html", engine.folder.path):
        before = files(wrong) if wrong.is_dir() else {}
        with pytest.raises(UserError) as caught:
            publish(engine, wrong)
        assert caught.value.mend and (files(wrong) if wrong.is_dir() else {}) == before
    (folder / "index.html").unlink()
    for text in ("{", "[]", '{"files": {"../x": "0"}, "dumps": {}}', '{"files": {}, "dumps": {"open": {"dump": {}}}}'):
        (folder / MANIFEST).write_text(text)
        with pytest.raises(RefusedInput) as refused:
            publish(engine, folder)
        assert MANIFEST in refused.value.problem and refused.value.mend


def test_a_dump_that_was_damaged_is_written_again(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    publish(engine, folder)
    before = files(folder)["dumps/open.nt.gz"][0]
    (folder / "dumps" / "open.nt.gz").write_bytes(b"damaged")
    assert publish(engine, folder).changed == ["dumps/open.nt.gz"]
    assert files(folder)["dumps/open.nt.gz"][0] == before


def test_the_catalogue_keeps_to_the_profile_there_too(engine: Engine, tmp_path: Path, shared_data: Path) -> None:
    publish(engine, tmp_path / "www", "https://data.alliance.test/fr/")
    data = Graph().parse(tmp_path / "www" / "catalog.ttl", publicID="https://data.alliance.test/fr/catalog.ttl")
    shapes = shared_data.parent / "conformance" / "dcat-ap-3.0.1"
    assert findings(data, shapes / "shapes.ttl", shapes / "range.ttl", shapes / "deprecateduris.ttl") == []
    dcat = Namespace(v.DCAT)
    addresses = {str(address) for address in data.objects(None, dcat.accessURL)}
    assert all(address.startswith("https://data.alliance.test/fr/") for address in addresses) and len(addresses) == 4


def test_the_command_writes_it_and_says_what_it_did(engine: Engine, tmp_path: Path) -> None:
    engine.close()
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "FILIERE_URL": "https://fr.alliance.test"}
    command = [sys.executable, "-m", "api.cli", "publish", str(tmp_path / "www"), "--data", str(engine.folder.path)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], env=environment, capture_output=True, text=True, check=False)

    done = run("--format", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [row["source"] for row in said["sources"]] == ["es", "open"] and ".well-known/filiere" in said["new"]
    document = json.loads((tmp_path / "www" / ".well-known" / "filiere").read_text())
    assert document["node"] == "https://fr.alliance.test/"
    assert document["sources"][1]["feed"] == "https://fr.alliance.test/feed/open.ttl"
    again = run()
    assert "0 new, 0 changed" in again.stdout and "open" in again.stdout


@pytest.mark.parametrize(
    "url", ["ftp://x", "data.example.org", "https://", "https://x/?a", "https://x/#a", "https://x y/"]
)
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(UserError) as caught:
        base_of(url)
    assert "FILIERE_URL" in caught.value.mend
