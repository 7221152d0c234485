"""Validation by shapes that others publish, without network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pyshacl import validate
from rdflib import OWL, SH, Graph
from rdflib.term import Node


class Result(NamedTuple):
    """What a shape found: how grave it is ("Violation", "Warning", "Info"), of what, and where."""

    severity: str
    focus: Node | None
    path: Node | None
    message: str


def findings(data: Graph, *shapes: Path) -> list[Result]:
    """Every result of a validation; what the shapes would import is not fetched."""
    rules = Graph()
    for file in shapes:
        rules.parse(file, format="turtle")
    rules.remove((None, OWL.imports, None))
    _, report, _ = validate(data, shacl_graph=rules, inference="none", do_owl_imports=False)
    assert isinstance(report, Graph)
    return [
        Result(
            str(report.value(result, SH.resultSeverity)).removeprefix(str(SH)),
            report.value(result, SH.focusNode),
            report.value(result, SH.resultPath),
            str(report.value(result, SH.resultMessage)),
        )
        for result in report.objects(None, SH.result)
    ]
