"""Nodes on loopback, each a whole service over a data folder of its own, in threads of this process."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from api.app import create_app
from api.engine import Engine
from api.settings import Settings
from kg.federation.evidence import to_row
from kg.model import Actor, Source
from tests.template import blank


def empty(folder: Path) -> Path:
    """A data folder that holds nothing."""
    return blank(folder)


def filled(model: Path, folder: Path, sources: Mapping[str, Iterable[Actor]]) -> None:
    """A copy of a data folder, with some actors a source, as if each had been imported there."""
    shutil.copytree(model, folder)
    with Engine.open(folder, write=True) as engine:
        for name, actors in sources.items():
            file = folder.parent / f"{folder.name}-{name}.jsonl"
            rows = [{k: x for k, x in to_row(actor).items() if k not in ("iri", "source")} for actor in actors]
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            engine.import_files([file], Source(id=name, title=f"Source {name}"))


@contextmanager
def node(folder: Path, settings: Settings | None = None) -> Iterator[tuple[str, Engine]]:
    """The address of a service over the data folder, with its last slash, and its engine."""
    with Engine.open(folder, write=True) as engine:
        app = create_app(engine, settings or Settings(data=folder))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            try:
                while not server.started or httpx.get(url + "health/ready", timeout=20).status_code != 200:
                    time.sleep(0.02)
                yield url, engine
            finally:
                server.should_exit = True
                thread.join(20)
