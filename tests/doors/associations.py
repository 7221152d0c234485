"""An alliance of associations, each a real process on loopback; each holds the sample's actors of some countries."""

from __future__ import annotations

import csv
import functools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from api.engine import Engine
from api.security import Tokens
from kg import sample
from kg import vocabulary as v
from kg.model import Source
from kg.terms import from_payload
from tests.kg.virtuoso import virtuoso
from tests.template import blank

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = Path(sample.__file__).parent / "crisis2020" / "actors.csv"
MAPPING = TABLE.with_suffix(".toml")
CC_BY = "https://creativecommons.org/licenses/by/4.0/"
NODES = ("FR", "ES", "IT", "DE")
STATIC = ("AT", "BE", "NL", "LU")
FOREIGN = ("PL", "CZ", "SK")
CATALOGUE = ("PT", "GR", "RO")
LIVE_SECONDS = 2  # how often the alliance asks its members


def source_of(name: str) -> Source:
    """A source as its publisher describes it: a namespace and a licence of its own."""
    return Source(
        id=name,
        title=f"Actors of {name}",
        publisher=f"Association of {name}",
        licence=CC_BY,
        namespace=f"https://{name}.example/id/",
    )


def table(folder: Path, name: str, countries: tuple[str, ...]) -> Path:
    """The sample's actors of some countries as a CSV file."""
    path = folder / f"{name}.csv"
    with TABLE.open(encoding="utf-8", newline="") as stream, path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictReader(stream)
        assert rows.fieldnames
        writer = csv.DictWriter(out, rows.fieldnames)
        writer.writeheader()
        writer.writerows(row for row in rows if row["country"] in countries)
    return path


def environment(**settings: str) -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **settings}


def filiere(*arguments: str, check: bool = True, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command of the command line, in a process of its own."""
    command = [sys.executable, "-m", "api.cli", *arguments]
    done = subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0 or not check, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[str]:
    """The address of a data folder served by a process of its own, once it is ready."""
    log = folder.parent / f"{folder.name}.log"
    with log.open("w") as stream:
        command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data", str(folder)]
        process = subprocess.Popen(command, env=environment(**settings), stderr=stream)
        try:
            end = time.monotonic() + 60
            while not (found := re.search(r"at (http://\S+)", log.read_text())):
                assert process.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            url = found.group(1).rstrip("/")
            while httpx.get(url + "/health/ready", timeout=10).status_code != 200:
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)


class _Folder(SimpleHTTPRequestHandler):
    """A plain web server that notes what it was asked for: (path, status)."""

    asked: list[tuple[str, int]]

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.asked.append((self.path, int(code)))

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def plain_folder(folder: Path) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """A folder behind a plain web server: its address, and what was asked of it."""
    asked: list[tuple[str, int]] = []
    handler = functools.partial(type("Folder", (_Folder,), {"asked": asked}), directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@dataclass(slots=True)
class Alliance:
    """The node that harvests all, its members, and one that holds the union by import."""

    url: str
    data: Path
    union: Path
    members: dict[str, str]  # name → address
    secrets: dict[str, str]
    static_asked: list[tuple[str, int]]
    catalogue_asked: list[tuple[str, int]]
    tables: dict[str, Path] = field(default_factory=dict)


def node(folder: Path, name: str, file: Path) -> str:
    """A member's data folder; the secret of a token that may write."""
    with Engine.open(blank(folder), write=True) as engine:
        engine.import_files([file], source_of(name), mapping_file=MAPPING)
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
    return secret


def catalogue(folder: Path) -> None:
    """A DCAT catalogue of one dataset, whose distribution is the CSV file beside it."""
    (folder / "catalog.ttl").write_text(
        f"""@prefix dcat: <{v.DCAT}> . @prefix dct: <{v.DCT}> .
<catalog.ttl#catalog> a dcat:Catalog ; dct:title "Open data"@en ; dcat:dataset <catalog.ttl#actors> .
<catalog.ttl#actors> a dcat:Dataset ; dct:title "Actors"@en ; dct:identifier "actors" ;
  dct:license <{CC_BY}> ; dcat:distribution <catalog.ttl#csv> .
<catalog.ttl#csv> a dcat:Distribution ; dcat:downloadURL <south.csv> ; dcat:mediaType
  <https://www.iana.org/assignments/media-types/text/csv> ; dct:license <{CC_BY}> .
""",
        encoding="utf-8",
    )


def fill(address: object, data: Path, name: str) -> None:
    """Puts what a data folder's source says into Virtuoso, as its own graph."""
    from kg.endpoint import Endpoint

    endpoint = Endpoint(address)  # type: ignore[arg-type]
    with Engine.open(data) as engine:
        lines = [
            f"{s} {p} {o} ."
            for change in engine.journal.entities(name)
            if change.iri != v.source_graph(name)
            for s, p, o in from_payload(change.payload)
        ]
    for start in range(0, len(lines), 500):
        text = "\n".join(lines[start : start + 500])
        endpoint.update(f"INSERT DATA {{ GRAPH <https://foreign.example/graph> {{ {text} }} }}")


@contextmanager
def alliance(folder: Path) -> Iterator[Alliance]:
    """Four nodes, a static folder, Virtuoso and a catalogue, harvested into one node that is then served."""
    tables = {name.lower(): table(folder, name.lower(), (name,)) for name in NODES}
    tables |= {"static": table(folder, "static", STATIC), "foreign": table(folder, "foreign", FOREIGN)}
    with ExitStack() as stack:
        secrets, members = {}, {}
        for name in (one.lower() for one in NODES):
            secrets[name] = node(folder / name, name, tables[name])
            members[name] = stack.enter_context(serving(folder / name))
        node(folder / "static", "static", tables["static"])
        published = folder / "published"
        filiere("publish", str(published), "--data", str(folder / "static"))
        members["static"], static_asked = stack.enter_context(plain_folder(published))
        node(folder / "foreign", "foreign", tables["foreign"])
        address = stack.enter_context(virtuoso(folder / "virtuoso"))
        fill(address, folder / "foreign", "foreign")
        members["foreign"] = address.query
        catalog = folder / "catalogue"
        catalog.mkdir()
        tables["south"] = table(catalog, "south", CATALOGUE)
        catalogue(catalog)
        address_of_catalogue, catalogue_asked = stack.enter_context(plain_folder(catalog))
        members["south"] = f"{address_of_catalogue}/catalog.ttl"
        data = folder / "alliance"
        add(blank(data), members)
        filiere("harvest", "--data", str(data))
        url = stack.enter_context(serving(data))
        union = folder / "union"
        with Engine.open(blank(union), write=True) as engine:
            for name, file in tables.items():
                engine.import_files([file], source_of(name), mapping_file=MAPPING, later=True)
            engine.bring_up()
            engine.identity.bring_up()
        yield Alliance(url, data, union, members, secrets, static_asked, catalogue_asked, tables)


def add(data: Path, members: dict[str, str]) -> None:
    """Tells the alliance's node of its members."""
    more = {
        "foreign": ("--kind", "sparql", "--namespace", "https://foreign.example/id/", "--licence", CC_BY),
        "south": ("--mapping", str(MAPPING), "--namespace", "https://south.example/id/", "--licence", CC_BY),
    }
    for name, url in members.items():
        often = "1h" if name in ("foreign", "south", "static") else f"{LIVE_SECONDS}s"
        arguments = ("--every", often, "--allow-private", *more.get(name, ()), "--data", str(data))
        filiere("sources", "add", name, url, *arguments)
