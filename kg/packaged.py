"""What ontology/ says, as entities of the packaged source: classes, properties, schemes and concepts.

Loading it wrong fails at once and names the file and the culprit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kg import mapping, rdf
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.findings import Finding
from kg.model import Source
from kg.terms import Statement, iri, is_iri, to_payload, value
from kg.validation import Validator, group

SOURCE = Source(
    id=v.PACKAGED,
    title="Filière: ontology and schemes",
    publisher="Filière",
    licence="http://www.apache.org/licenses/LICENSE-2.0",
    namespace=v.BASE,
)


def files() -> list[Path]:
    """The Turtle files that become part of the graph, in the order they are read."""
    folder = v.ontology_folder()
    return [folder / "filiere.ttl", folder / "alignments.ttl", *sorted((folder / "schemes").glob("*.ttl"))]


@cache
def fingerprint() -> str:
    """SHA-256 over the names and bytes of the packaged files, as 64 hex digits."""
    total = hashlib.sha256()
    for file in files():
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def statements() -> list[Statement]:
    """Every statement of the packaged files. Raises OntologyError naming file and line."""
    out: list[Statement] = []
    for file in files():
        out += rdf.read_turtle(file)
    return out


def entities(found: list[Statement] | None = None) -> Iterator[tuple[str, str]]:
    """(IRI, payload) of the packaged source's own record and of everything the packaged files describe."""
    own = v.source_graph(SOURCE.id)
    yield own, to_payload(mapping.to_statements(SOURCE))
    by_subject: dict[str, list[Statement]] = {}
    for statement in statements() if found is None else found:
        by_subject.setdefault(statement[0], []).append(statement)
    for subject, about in sorted(by_subject.items()):
        yield value(subject), to_payload(about)


def check(found: list[Statement] | None = None) -> list[Finding]:
    """The faults of the packaged ontology: concepts' shapes, vocabulary checks, terms that nobody defines."""
    about = statements() if found is None else found
    validator = Validator.packaged()
    findings: list[Finding] = []
    for subject, properties in group(about).items():
        if f"<{v.SKOS}Concept>" in properties.get(f"<{v.TYPE}>", ()):
            own = [(subject, p, o) for p, objects in properties.items() for o in objects]
            findings += validator.check(value(subject), own)
    findings += validator.check_batch(about, vocabulary=True)
    defined = {s for s, p, _ in about if p == f"<{v.TYPE}>"}  # an alignment alone defines nothing
    for term in sorted(mapping.minted_terms()):
        if iri(term) not in defined:
            reason = f"The code writes <{term}>, which filiere.ttl does not define."
            findings.append(
                Finding("filiere.ttl", None, "", term, reason, "Define it there, with labels in en and fr.")
            )
    for _, predicate, target in about:
        unknown = is_iri(target) and value(target).startswith((v.NS, v.COMPETENCY)) and target not in defined
        if unknown and predicate != f"<{v.TYPE}>":
            reason = f"{predicate} points to {target}, which nobody defines."
            findings.append(Finding("", None, "", value(target), reason, "Define it or remove the pointer."))
    return findings


def load() -> list[tuple[str, str]]:
    """(IRI, payload) of everything packaged, once checked. Raises OntologyError for the first fault."""
    about = statements()
    for finding in check(about):
        if finding.severity == "error":
            where = f"{finding.file or 'ontology/'}: " if finding.file else "ontology/: "
            raise OntologyError(f"{where}{finding.entity}: {finding.reason}", finding.mend)
    return list(entities(about))
