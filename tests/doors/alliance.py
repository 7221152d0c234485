"""A data folder that harvests what a web server over a folder publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.engine import Engine
from api.harvesting import Harvesting, config_of
from kg import vocabulary as v
from kg.federation.registry import Outcome
from tests.kg.published import Folder, Site, actor

MODEL = {"FILIERE_MODEL": "hashing"}  # what the blank folder was indexed with


class Alliance:
    """An engine that harvests what a web server over a folder publishes."""

    def __init__(self, engine: Engine, site: Site, path: Path) -> None:
        self.engine, self.site, self.path = engine, site, path
        self.harvesting = Harvesting(engine, seconds=2.0)

    def node(self, name: str, count: int = 8, **given: Any) -> Folder:
        """A published node of a source of that name, which is harvested here under the same name."""
        folder = Folder(self.path / name, name)
        folder.say(dict(actor(f"{name}{n}", f"product {n} of {name}", name) for n in range(count)))
        self.add(name, f"{name}/", kind="filiere", **given)
        return folder

    def add(self, name: str, address: str, **given: Any) -> None:
        url = address if "://" in address else self.site.url + address
        self.harvesting.registry.add(config_of(name, {"url": url, "allow_private": True} | given))

    def harvest(self, name: str) -> Outcome:
        return self.harvesting.run([name])[0]

    def live(self, name: str) -> dict[str, str]:
        """IRI → payload of the records of a source but its own."""
        own = v.source_graph(name)
        return {c.iri: c.payload for c in self.engine.journal.entities(name) if c.iri != own}

    def rows(self) -> int:
        return self.engine.journal.last_seq
