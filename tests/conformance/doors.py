"""The SPARQL doors of a served process, as a client of the protocol and of the graph store sees them."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import rdflib

from tests.conformance.manifest import Dataset, address
from tests.served import Served

DEFAULT = "https://w3id.org/filiere/graph/default"
JSON = "application/sparql-results+json"
_FORMS = {".ttl": "text/turtle", ".nt": "application/n-triples", ".rdf": "application/rdf+xml"}
_SURE = {"allow_deletions": "true"}  # what empties a graph is otherwise held for a person
_NAMED = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"


class Doors:
    """Queries, updates and graphs over HTTP; `held` says which dataset was loaded last."""

    def __init__(self, service: Served) -> None:
        self._client = httpx.Client(base_url=service.url, timeout=60)
        self._auth = service.auth
        self._held: Dataset | None = None
        self._ours = self.graphs()

    def query(
        self, text: str, accept: str = JSON, default: Sequence[str] = (), named: Sequence[str] = ()
    ) -> httpx.Response:
        """The answer to a query; without graphs over the union of all."""
        form = {"query": text, "default-graph-uri": list(default), "named-graph-uri": list(named)}
        return self._client.post("/sparql", data=form, headers={"Accept": accept})

    def update(self, text: str) -> httpx.Response:
        """The answer to an update."""
        self._held = None
        headers = self._auth | {"Content-Type": "application/sparql-update"}
        return self._client.post("/sparql", params=_SURE, content=text.encode(), headers=headers)

    def hold(self, data: Dataset) -> None:
        """Puts the dataset in place of everything that is there, unless it is there already."""
        if data == self._held:
            return
        self.clear()
        for file in data.default:
            self._send({"default": ""}, file.suffix, file.read_bytes(), address(file))
        for name, file in data.named:
            self._send({"graph": name}, file.suffix, file.read_bytes(), address(file))
        self._held = data

    def clear(self) -> None:
        """Deletes every graph but those that an empty service has."""
        self._held = None
        for name in sorted(self.graphs() - self._ours):
            answer = self._client.delete("/graphs", params={"graph": name} | _SURE, headers=self._auth)
            assert answer.status_code in (200, 204, 404), answer.text

    def graphs(self) -> set[str]:
        """The names of the graphs that hold something."""
        answer = self._client.get("/sparql", params={"query": _NAMED}, headers={"Accept": JSON})
        assert answer.status_code == 200, answer.text
        return {row["g"]["value"] for row in answer.json()["results"]["bindings"]}

    def named(self) -> set[str]:
        """The names of the graphs that came in through these doors, but for the default graph."""
        return self.graphs() - self._ours - {DEFAULT}

    def graph(self, name: str) -> rdflib.Graph:
        """A graph; an empty one when there is none."""
        answer = self._client.get("/graphs", params={"graph": name}, headers={"Accept": "application/n-triples"})
        assert answer.status_code in (200, 404), answer.text
        return read(answer.content, "nt") if answer.status_code == 200 else rdflib.Graph()

    def description(self) -> httpx.Response:
        """The service description."""
        return self._client.get("/sparql", headers={"Accept": "text/turtle"})

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close()

    def _send(self, where: dict[str, str], suffix: str, body: bytes, base: str) -> None:
        if suffix == ".ttl":
            body = f"@base <{base}> .\n".encode() + body
        headers = self._auth | {"Content-Type": _FORMS[suffix]}
        answer = self._client.post("/graphs", params=where, content=body, headers=headers)
        assert answer.status_code in (200, 201, 204), answer.text


def read(body: bytes, form: str, base: str | None = None) -> rdflib.Graph:
    """A graph from its text, read by rdflib, literals as they are written."""
    graph = rdflib.Graph()
    graph.parse(data=body, format=form, publicID=base)
    return graph
