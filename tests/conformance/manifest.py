"""The W3C's manifests of SPARQL 1.1 tests, read into cases.

Three parts of the W3C's list are not in the folder. `entailment` asks for answers that follow by RDFS, OWL or RIF
reasoning: Filière answers from what was said, so it has no entailment regime and its service description claims none.
`protocol` and `graph-store-protocol` are written as prose of requests; tests/doors holds those requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rdflib import RDF, RDFS, Graph, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

_GIVEN = os.environ.get("FILIERE_SHARED")
_ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = (Path(_GIVEN).resolve() if _GIVEN else _ROOT.parent / "shared" / "data").parent / "conformance" / "sparql11"
BASE = "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/"
_MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
_QT = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-query#")
_UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
_KINDS = {
    _MF.QueryEvaluationTest: "query",
    _MF.CSVResultFormatTest: "csv",
    _MF.UpdateEvaluationTest: "update",
    _MF.PositiveSyntaxTest11: "query syntax",
    _MF.NegativeSyntaxTest11: "wrong query",
    _MF.PositiveUpdateSyntaxTest11: "update syntax",
    _MF.NegativeUpdateSyntaxTest11: "wrong update",
    _MF.ServiceDescriptionTest: "description",
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Files of the default graph, and (graph IRI, file) of the named ones."""

    default: tuple[Path, ...] = ()
    named: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A test: what is asked over which data, and the file (or, of an update, the dataset) that it should give."""

    id: str
    kind: str
    request: Path | None
    data: Dataset
    result: Path | None = None
    after: Dataset = Dataset()
    endpoints: tuple[tuple[str, Path], ...] = ()

    @property
    def text(self) -> str:
        """The request, with the base that its file would have had."""
        assert self.request is not None
        return f"BASE <{address(self.request)}>\n{self.request.read_text(encoding='utf-8')}"


def address(file: Path) -> str:
    """The IRI of a file of the suite."""
    return BASE + file.relative_to(FOLDER).as_posix()


def local(iri: str) -> Path:
    """The file that an IRI of the suite names."""
    return FOLDER / iri.removeprefix(BASE)


def cases() -> list[Case]:
    """Every test of the folder, those over the same data beside each other; none when the folder is not there."""
    if not FOLDER.is_dir():
        return []
    found = [case for folder in sorted(FOLDER.glob("*/manifest.ttl")) for case in _of(folder)]
    return sorted(found, key=lambda case: (case.kind, str(case.data), case.id))


def _of(manifest: Path) -> Iterator[Case]:
    graph = Graph()
    graph.parse(manifest, publicID=BASE + manifest.parent.name + "/", format="turtle")
    listed = graph.value(None, RDF.type, _MF.Manifest)
    for test in Collection(graph, graph.value(listed, _MF.entries)):
        kind = _KINDS[graph.value(test, RDF.type)]
        name = f"{manifest.parent.name}/{str(test).rpartition('#')[2]}"
        action, result = graph.value(test, _MF.action), graph.value(test, _MF.result)
        if kind == "update":
            request = _file(graph.value(action, _UT.request))
            yield Case(name, kind, request, _dataset(graph, action, _UT), after=_dataset(graph, result, _UT))
        elif kind in ("query", "csv"):
            request = _file(graph.value(action, _QT.query))
            endpoints = tuple(
                (str(graph.value(one, _QT.endpoint)), _file(graph.value(one, _QT.data)))
                for one in graph.objects(action, _QT.serviceData)
            )
            yield Case(name, kind, request, _dataset(graph, action, _QT), _file(result), endpoints=endpoints)
        else:
            yield Case(name, kind, _file(action) if action else None, Dataset())


def _dataset(graph: Graph, node: Node | None, of: Namespace) -> Dataset:
    named = []
    for one in graph.objects(node, of.graphData):
        if isinstance(one, URIRef):
            named.append((str(one), _file(one)))
        else:
            named.append((str(graph.value(one, RDFS.label)), _file(graph.value(one, of.graph))))
    return Dataset(tuple(sorted(_file(one) for one in graph.objects(node, of.data))), tuple(sorted(named)))


def _file(node: Node | None) -> Path:
    assert node is not None
    return local(str(node))
