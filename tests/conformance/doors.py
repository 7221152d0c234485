"""The SPARQL doors of a served process, as a client of the protocol and of the graph store sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import httpx
import rdflib

from kg.rdf import FORMATS, parse
from tests.conformance.manifest import Dataset, address
from tests.served import Served

DEFAULT = "https://w3id.org/filiere/graph/default"
NOTHING = "http://example.org/a-graph-that-is-not-there"
JSON = "application/sparql-results+json"
_SURE = {"allow_deletions": "true"}  # what empties a graph is otherwise held for a person
_NAMED = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"


class Doors:
    """Queries, updates and graphs over HTTP."""

    def __init__(self, service: Served) -> None:
        self._client = httpx.Client(base_url=service.url, timeout=60)
        self._auth = service.auth
        self._ours = self._graphs()

    def query(
        self, text: str, accept: str = JSON, default: Sequence[str] = (), named: Sequence[str] = ()
    ) -> httpx.Response:
        """The answer to a query; without graphs over those it names itself, or all."""
        form = {"query": text, "default-graph-uri": list(default), "named-graph-uri": list(named)}
        return self._client.post("/sparql", data=form, headers={"Accept": accept})

    def update(self, text: str) -> httpx.Response:
        """The answer to an update."""
        headers = self._auth | {"Content-Type": "application/sparql-update"}
        return self._client.post("/sparql", params=_SURE, content=text.encode(), headers=headers)

    def keep(self, files: Iterable[Path]) -> None:
        """Puts each file into the graph that its address names."""
        self._replace({address(file): [file] for file in files})

    def hold(self, data: Dataset, edit: Callable[[str], str] = str) -> None:
        """Puts the dataset, its texts edited, in place of everything that came in through these doors."""
        self._replace({DEFAULT: list(data.default), **{name: [file] for name, file in data.named}}, edit)

    def _replace(self, files: dict[str, list[Path]], edit: Callable[[str], str] = str) -> None:
        drops = [f"DROP SILENT GRAPH <{name}>" for name in sorted(self._graphs() - self._ours)]
        said = [f"GRAPH <{name}> {{ {edit(''.join(_said(name, of)))} }}" for name, of in sorted(files.items()) if of]
        answer = self.update(" ;\n".join([*drops, f"INSERT DATA {{ {' '.join(said)} }}"]))
        assert answer.is_success, answer.text

    def _graphs(self) -> set[str]:
        answer = self._client.get("/sparql", params={"query": _NAMED}, headers={"Accept": JSON})
        assert answer.status_code == 200, answer.text
        return {row["g"]["value"] for row in answer.json()["results"]["bindings"]}

    def named(self) -> set[str]:
        """The names of the graphs that came in through these doors, but for the default graph."""
        return self._graphs() - self._ours - {DEFAULT}

    def graph(self, name: str) -> rdflib.Graph:
        """A graph as the graph store gives it; an empty one when there is none."""
        where = {"default": ""} if name == DEFAULT else {"graph": name}
        answer = self._client.get("/graphs", params=where, headers={"Accept": "application/n-triples"})
        assert answer.status_code in (200, 404), answer.text
        return read(answer.content, "nt") if answer.status_code == 200 else rdflib.Graph()

    def description(self) -> httpx.Response:
        """The service description."""
        return self._client.get("/sparql", headers={"Accept": "text/turtle"})

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close()


def _said(graph: str, files: list[Path]) -> Iterator[str]:
    """The triples of files as an update says them, the blank nodes of each graph by names of their own."""
    mark = f"_:g{abs(hash(graph))}x"
    for file in files:
        for triple in parse(file.read_bytes(), FORMATS[file.suffix], base=address(file)):
            yield " ".join(mark + term[2:] if term.startswith("_:") else term for term in triple[:3]) + " .\n"


def read(body: bytes, form: str, base: str | None = None) -> rdflib.Graph:
    """A graph from its text, read by rdflib."""
    graph = rdflib.Graph()
    graph.parse(data=body, format=form, publicID=base)
    return graph
