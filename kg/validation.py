"""Shapes and checks over what is about to be written: findings that say where, why and how to mend it.

ontology/shapes.ttl is SHACL, and any SHACL engine reads it. Here its Core constraints are compiled once into plain
functions, because a general engine needs about a hundred times as long for an import of thousands of firms; a test
compares the outcome with pyshacl's. ontology/checks/*.rq are SPARQL queries over a whole batch, one fault a file.
Source: W3C SHACL, sections 2 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from kg import rdf
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.findings import Finding
from kg.terms import Statement, Term, datatype, iri, is_iri, language, value

Properties = Mapping[Term, list[Term]]
Nodes = Mapping[Term, Properties]
_Test = Callable[[list[Term]], list[Term] | bool]

_TYPE = f"<{v.TYPE}>"
_NO_VALUE = ""  # a finding about a missing value has none to quote
_QUOTED = 120  # characters of an offending value that a finding repeats
# Parameters that only describe a property shape.
_DESCRIPTIVE = {"path", "name", "message", "description", "severity", "node", "order", "group"}


@dataclass(frozen=True, slots=True)
class PropertyShape:
    """One sh:property: the tests its values must pass, and what to say when they do not."""

    path: Term
    column: str
    reason: str
    mend: str
    severity: str
    tests: tuple[_Test, ...]
    nested: str  # IRI of the shape every value must meet, or ""


@dataclass(frozen=True, slots=True)
class Check:
    """One file of ontology/checks: a query whose every row (?entity ?value) is a fault."""

    name: str
    problem: str
    mend: str
    severity: str
    column: str
    vocabulary_only: bool
    query: str


def _at_least(count: int) -> _Test:
    return lambda terms: len(terms) < count


def _at_most(count: int) -> _Test:
    return lambda terms: terms[count:]


def _lengths(limit: int, least: bool) -> _Test:
    def test(terms: list[Term]) -> list[Term]:
        return [t for t in terms if (len(value(t)) < limit if least else len(value(t)) > limit)]

    return test


def _pattern(text: str) -> _Test:
    # In XPath, whose expressions SHACL takes, $ is the very end; in Python a line end may follow it.
    found = re.compile(re.sub(r"(?<!\\)\$", r"\\Z", text))
    return lambda terms: [t for t in terms if not found.search(value(t))]


def _node_kind(kind: str) -> _Test:
    wanted = {v.SHACL + "IRI": True, v.SHACL + "Literal": False}[kind]
    return lambda terms: [t for t in terms if is_iri(t) is not wanted]


def _bound(limit: float, least: bool) -> _Test:
    def outside(term: Term) -> bool:
        try:
            number = float(value(term))
        except ValueError:
            return True
        return not (number >= limit if least else number <= limit)

    return lambda terms: [t for t in terms if outside(t)]


_LEXICAL = {
    v.XSD + "decimal": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)"),
    v.XSD + "integer": re.compile(r"[+-]?\d+"),
    v.XSD + "boolean": re.compile(r"true|false|0|1"),
}


def _datatype(wanted: str) -> _Test:
    form = _LEXICAL.get(wanted)

    def wrong(term: Term) -> bool:
        return datatype(term) != wanted or (form is not None and form.fullmatch(value(term)) is None)

    return lambda terms: [t for t in terms if wrong(t)]


def _unique_languages(terms: list[Term]) -> list[Term]:
    seen: set[str] = set()
    again: list[Term] = []
    for term in terms:
        tag = language(term)
        if tag and tag in seen:
            again.append(term)
        seen.add(tag)
    return again


def _constraint(name: str, terms: list[Term], members: Callable[[Term], list[Term]]) -> _Test:
    """The test for one SHACL parameter. Raises KeyError for a parameter this module does not compile."""
    text = value(terms[0])
    compiled: dict[str, Callable[[], _Test]] = {
        "minCount": lambda: _at_least(int(text)),
        "maxCount": lambda: _at_most(int(text)),
        "minLength": lambda: _lengths(int(text), True),
        "maxLength": lambda: _lengths(int(text), False),
        "pattern": lambda: _pattern(text),
        "nodeKind": lambda: _node_kind(text),
        "minInclusive": lambda: _bound(float(text), True),
        "maxInclusive": lambda: _bound(float(text), False),
        "datatype": lambda: _datatype(text),
        "uniqueLang": lambda: _unique_languages,
        "in": lambda: _one_of(frozenset(members(terms[0]))),
    }
    return compiled[name]()


def _one_of(allowed: frozenset[Term]) -> _Test:
    return lambda terms: [t for t in terms if t not in allowed]


def group(statements: Iterable[Statement]) -> dict[Term, dict[Term, list[Term]]]:
    """Statements as subject → predicate → objects."""
    nodes: dict[Term, dict[Term, list[Term]]] = {}
    for s, p, o in statements:
        nodes.setdefault(s, {}).setdefault(p, []).append(o)
    return nodes


class Validator:
    """The packaged shapes and checks, compiled once."""

    def __init__(self, shapes: Path, checks: Path) -> None:
        self._by_class: dict[Term, list[str]] = {}
        self._shapes: dict[str, list[PropertyShape]] = {}
        self.checks = [read_check(file) for file in sorted(checks.glob("*.rq"))]
        self._compile(shapes)

    @staticmethod
    @cache
    def packaged() -> Validator:
        """The validator of the packaged ontology. Raises OntologyError naming the file and the culprit."""
        folder = v.ontology_folder()
        return Validator(folder / "shapes.ttl", folder / "checks")

    def shapes(self) -> dict[str, list[PropertyShape]]:
        """Shape IRI → its rules, one a property."""
        return dict(self._shapes)

    def _compile(self, file: Path) -> None:
        nodes = group(rdf.read_turtle(file))

        def members(head: Term) -> list[Term]:
            out: list[Term] = []
            while head in nodes and f"<{v.RDF}first>" in nodes[head]:
                out += nodes[head][f"<{v.RDF}first>"]
                head = nodes[head][f"<{v.RDF}rest>"][0]
            return out

        for subject, properties in nodes.items():
            if f"<{v.SHACL}NodeShape>" not in properties.get(_TYPE, ()):
                continue
            name = value(subject)
            for target in properties.get(f"<{v.SHACL}targetClass>", ()):
                self._by_class.setdefault(target, []).append(name)
            self._shapes[name] = [
                _property_shape(file, name, nodes.get(p, {}), members)
                for p in properties.get(f"<{v.SHACL}property>", ())
            ]

    def check(self, entity: str, statements: Iterable[Statement]) -> list[Finding]:
        """What is wrong with one record; `file` and `row` of the findings are left to the caller."""
        nodes = group(statements)
        findings: list[Finding] = []
        for cls in nodes.get(iri(entity), {}).get(_TYPE, ()):
            for shape in self._by_class.get(cls, ()):
                self._check_node(iri(entity), shape, nodes, entity, findings)
        return findings

    def _check_node(self, node: Term, shape: str, nodes: Nodes, entity: str, findings: list[Finding]) -> None:
        properties = nodes.get(node, {})
        for prop in self._shapes[shape]:
            terms = properties.get(prop.path, [])
            for test in prop.tests:
                failed = test(terms)
                if failed:
                    shown = value(failed[0])[:_QUOTED] if isinstance(failed, list) else _NO_VALUE
                    findings.append(_finding(entity, prop, shown))
                    break
            if prop.nested:
                for term in terms:
                    self._check_node(term, prop.nested, nodes, entity, findings)

    def check_batch(self, statements: Iterable[Statement], *, vocabulary: bool = False) -> list[Finding]:
        """The faults that the check queries find over a whole batch; checks of vocabularies only when asked."""
        checks = [check for check in self.checks if check.vocabulary_only is vocabulary]
        dataset = rdf.memory(statements)
        findings: list[Finding] = []
        for check in checks:
            for row in rdf.select(dataset, check.query):
                shown = value(row["value"])[:_QUOTED] if row.get("value") else ""
                reason = f"{check.problem} ({shown})" if shown else check.problem
                entity = value(row["entity"])
                findings.append(Finding("", None, check.column, entity, reason, check.mend, check.severity))
        return findings


def _finding(entity: str, prop: PropertyShape, shown: str) -> Finding:
    reason = f"{prop.reason} Found: {shown!r}." if shown else prop.reason
    return Finding("", None, prop.column, entity, reason, prop.mend, prop.severity)


def _property_shape(
    file: Path, shape: str, properties: Properties, members: Callable[[Term], list[Term]]
) -> PropertyShape:
    def one(name: str) -> str:
        terms = properties.get(f"<{v.SHACL}{name}>", [])
        return value(terms[0]) if terms else ""

    path = one("path")
    if not path or not one("message") or not one("name"):
        raise OntologyError(f"{file.name}: a property of {shape} lacks sh:path, sh:name or sh:message.", "Complete it.")
    tests: list[_Test] = []
    for predicate, terms in properties.items():
        name = value(predicate).removeprefix(v.SHACL)
        if name in _DESCRIPTIVE or predicate == _TYPE:
            continue
        try:
            tests.append(_constraint(name, terms, members))
        except (KeyError, ValueError, re.error) as error:
            raise OntologyError(
                f"{file.name}: {shape}, path <{path}>: cannot use sh:{name} {value(terms[0])!r} ({error!r}).",
                "Correct it, or teach kg/validation.py that constraint.",
            ) from error
    severity = "warning" if one("severity") == v.SHACL + "Warning" else "error"
    return PropertyShape(
        iri(path), one("name"), one("message"), one("description"), severity, tuple(tests), one("node")
    )


def read_check(file: Path) -> Check:
    """A check file: comment lines `# Problem:`, `# Mend:`, `# Severity:`, `# Column:`, `# Scope:`, then the query."""
    text = file.read_text(encoding="utf-8")
    head = dict(re.findall(r"^# (Problem|Mend|Severity|Column|Scope): (.+)$", text, re.MULTILINE))
    missing = [key for key in ("Problem", "Mend", "Severity", "Column") if key not in head]
    if missing:
        raise OntologyError(f"checks/{file.name} lacks the line '# {missing[0]}: …'.", "Write it on top of the file.")
    problem = rdf.query_error(text)
    if problem:
        raise OntologyError(f"checks/{file.name} is not a query: {problem}", "Correct the query.")
    scope = head.get("Scope", "") == "vocabulary"
    return Check(file.stem, head["Problem"], head["Mend"], head["Severity"], head["Column"], scope, text)


def placed(findings: Iterable[Finding], file: str, row: int | None) -> list[Finding]:
    """The findings with the file and the row they come from."""
    return [replace(finding, file=file, row=row) for finding in findings]
