"""A service over the sample, in this process, and a real one in another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.security import Tokens
from api.settings import Settings
from tests.doors.alliance import Alliance
from tests.kg.published import publishing

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Service:
    """A client of the app, its engine, and the secret of a token that may write anything."""

    client: TestClient
    engine: Engine
    secret: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service") / "data"
    with Engine.open(folder, write=True, create=True) as engine:
        engine.import_sample()
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
        settings = Settings(data=folder, body_mb=2, query_seconds=3.0, query_memory_mb=512)
        with TestClient(create_app(engine, settings), raise_server_exceptions=False) as client:
            for _ in range(200):
                if client.get("/health/ready").status_code == 200:
                    break
                time.sleep(0.05)
            yield Service(client, engine, secret)


@dataclass
class Process:
    """A served process: its address, its pid, and what it wrote on its standard error."""

    url: str
    pid: int
    popen: subprocess.Popen[str]
    secret: str
    log: Path


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("process") / "data"
    with Engine.open(folder, write=True, create=True) as engine:
        engine.import_sample()
        _, secret = Tokens(engine.folder.tokens).create(("write:*",))
    environment = {
        "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
        "FILIERE_REQUEST_SECONDS": "2", "FILIERE_QUERY_SECONDS": "3", "FILIERE_BODY_MB": "2",
    }  # fmt: skip
    log = folder.parent / "log"
    with log.open("w") as stream:
        popen = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data", str(folder)],
            env=environment, stderr=stream, text=True,
        )  # fmt: skip
        try:
            url = ""
            for _ in range(200):
                match = re.search(r"at (http://\S+)", log.read_text())
                if match:
                    url = match.group(1).rstrip("/")
                    break
                popen.poll()
                time.sleep(0.05)
            assert url, log.read_text()
            while httpx.get(url + "/health/ready").status_code != 200:
                time.sleep(0.05)
            yield Process(url, popen.pid, popen, secret, log)
        finally:
            popen.terminate()
            popen.wait(timeout=20)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with nothing but the ontology in it, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("blank") / "data"
    with Engine.open(folder, write=True, create=True, model="hashing"):
        return folder


@pytest.fixture(scope="module")
def alliance(tmp_path_factory: pytest.TempPathFactory, blank: Path) -> Iterator[Alliance]:
    path = tmp_path_factory.mktemp("alliance")
    web = path / "web"
    web.mkdir()
    shutil.copytree(blank, path / "data")
    with publishing(web) as site, Engine.open(path / "data", write=True, model="hashing") as engine:
        yield Alliance(engine, site, web)
