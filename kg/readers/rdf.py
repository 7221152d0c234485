"""RDF in any form to records of our classes: named within the source's namespace, into the source's own graph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kg import rdf
from kg import vocabulary as v
from kg.errors import RefusedInput, TooLarge
from kg.findings import Finding, Row
from kg.model import Source
from kg.readers import cells
from kg.readers.job import Limits
from kg.terms import Statement, Term, is_iri, iri, literal, to_payload, value

_TYPE = f"<{v.TYPE}>"
_OURS = {
    *(f"<{cls}>" for cls in v.ACTOR_CLASSES.values()),
    *(f"<{cls}>" for cls in v.EXCHANGE_CLASSES.values()),
    f"<{v.NS}Actor>", f"<{v.NS}Recipe>", f"<{v.NS}Claim>",
}  # fmt: skip
_CONCEPT = f"<{v.SKOS}Concept>"
_ACTORS = {f"<{cls}>" for cls in v.ACTOR_CLASSES.values()} | {f"<{v.NS}Actor>"}
# Organisations of other vocabularies are taken as firms unless a class of ours says otherwise.
_ORGANISATIONS = {
    f"<{name}>"
    for name in (
        v.ORG + "Organization",
        v.ORG + "FormalOrganization",
        v.SCHEMA + "Organization",
        v.SCHEMA + "Corporation",
        "http://schema.org/Organization",
        v.FOAF + "Organization",
        "http://www.w3.org/ns/legal#LegalEntity",
    )
}
_NAMES = [
    f"<{name}>"
    for name in (
        v.SKOS + "prefLabel",
        "http://www.w3.org/ns/legal#legalName",
        v.SCHEMA + "name",
        "http://schema.org/name",
        v.FOAF + "name",
        v.RDFS + "label",
        v.DCT + "title",
    )
]
_HOSTILE_IRI = re.compile(r"^<(javascript|data|vbscript|file):", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_REMOTE_CONTEXT = re.compile(rb'"@(context|import)"\s*:\s*(\[\s*)?"', re.IGNORECASE)


def check_bytes(data: bytes, form: rdf.RdfFormat, limits: Limits) -> None:
    """Refuses, before any parser sees it, what is known to hurt parsers: entities, deep nesting, remote contexts."""
    if form == rdf.RdfFormat.RDF_XML and _DOCTYPE.search(data):
        raise RefusedInput("The RDF/XML declares a DOCTYPE or entities.", "Write the IRIs in full.")
    if form == rdf.RdfFormat.JSON_LD:
        if _REMOTE_CONTEXT.search(data):
            raise RefusedInput("The JSON-LD refers to a @context elsewhere.", "Put the context into the file.")
        _check_depth(data, b"{[", b"}]", limits.depth)
    if form in (rdf.RdfFormat.TURTLE, rdf.RdfFormat.TRIG):
        _check_depth(data, b"[(", b"])", limits.depth)


def _check_depth(data: bytes, opening: bytes, closing: bytes, most: int) -> None:
    """Counts brackets outside strings; comments are rare enough to be counted with the rest."""
    depth = 0
    for match in re.finditer(rb'"(?:[^"\\\n]|\\.)*"|[\[\](){}]|<[^<>\s]*>', data):
        found = match.group()
        if found in opening and len(found) == 1:
            depth += 1
            if depth > most:
                raise TooLarge(f"The file is nested more than {most} levels deep.", "Flatten it.")
        elif len(found) == 1 and found in closing:
            depth -= 1


def read(data: bytes, path: Path, source: Source, limits: Limits) -> Iterator[Row]:
    """The records of the file. Raises RefusedInput with the line where the parser gave up."""
    form = rdf.FORMATS[path.suffix.lower()]
    check_bytes(data, form, limits)
    own_graph, base = iri(v.source_graph(source.id)), source.namespace or v.source_namespace(source.id)
    nodes: dict[Term, list[Statement]] = {}
    foreign: set[Term] = set()
    try:
        for s, p, o, graph in rdf.parse(data, form, base=base):
            if graph and graph != own_graph:
                foreign.add(graph)
            else:
                nodes.setdefault(s, []).append((s, p, o))
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise RefusedInput(f"The file is not {form.name}: {error}.", "Correct it there.") from error
    name = path.name
    for graph in sorted(foreign):
        finding = Finding(
            name, None, "", value(graph), f"It writes into the graph {graph}, which is not the source's.",
            f"Leave the graph out, or use {own_graph}.",
        )  # fmt: skip
        yield Row(name, None, value(graph), "", (finding,))
    if not nodes and not foreign:
        raise RefusedInput("The file holds no statement.", "Check that it is the right file.")
    yield from _records(nodes, name, base, source)


def _records(nodes: dict[Term, list[Statement]], name: str, base: str, source: Source) -> Iterator[Row]:
    vocabulary = source.id.startswith("vocabulary-")
    mains: dict[Term, set[Term]] = {}
    for subject, found in nodes.items():
        types = {o for _, p, o in found if p == _TYPE}
        wanted = types & {_CONCEPT} if vocabulary else types & (_OURS | _ORGANISATIONS)
        if wanted and is_iri(subject):
            mains[subject] = types
    for subject, types in mains.items():
        entity = value(subject)
        outside = not vocabulary and not entity.startswith(base)
        if outside:
            finding = Finding(
                name, None, "", entity, f"The source may only speak about {base}…, not about {subject}.",
                "Use IRIs of that namespace, or declare another with --namespace.",
            )  # fmt: skip
            yield Row(name, None, entity, "", (finding,))
            continue
        closure = _closure(subject, nodes, set(mains))
        about = _completed(subject, types, closure)
        findings = tuple(_hostile(about, name, entity))
        yield Row(name, None, entity, "" if findings else to_payload(about), findings)


def _closure(subject: Term, nodes: dict[Term, list[Statement]], mains: set[Term]) -> list[Statement]:
    """The subject's statements and those of the nodes below it; blank nodes get IRIs below the subject's."""
    names: dict[Term, Term] = {}
    out: list[Statement] = []
    waiting, seen = [subject], {subject}
    prefix = subject[:-1] + "/"

    def named(term: Term) -> Term:
        if not term.startswith("_:"):
            return term
        return names.setdefault(term, f"{prefix}part/{len(names) + 1}>")

    while waiting:
        node = waiting.pop()
        for _, p, o in sorted(nodes.get(node, ())):
            out.append((named(node), p, named(o)))
            below = o.startswith("_:") or (o.startswith(prefix) and o not in mains)
            if below and o in nodes and o not in seen:
                seen.add(o)
                waiting.append(o)
    return out


def _completed(subject: Term, types: set[Term], about: list[Statement]) -> list[Statement]:
    """The class, the name and the id that our shapes ask for, from what other vocabularies call them."""
    if _CONCEPT in types:
        return about
    extra: list[Statement] = []
    if not types & _OURS:
        extra.append((subject, _TYPE, f"<{v.NS}Firm>"))
    if types & _ACTORS or not types & _OURS:
        extra.append((subject, _TYPE, f"<{v.NS}Actor>"))
        own = {p: o for s, p, o in reversed(about) if s == subject}
        if _NAMES[0] not in own:
            extra += [(subject, _NAMES[0], literal(value(own[p]))) for p in _NAMES if p in own and not is_iri(own[p])][:1]
    identifier = f"<{v.DCT}identifier>"
    if not any(s == subject and p == identifier for s, p, _ in about):
        extra.append((subject, identifier, literal(v.local_name(value(subject)))))
    return about + extra


def _hostile(about: list[Statement], name: str, entity: str) -> Iterator[Finding]:
    for _, p, o in about:
        if is_iri(o):
            if _HOSTILE_IRI.match(o):
                yield Finding(name, None, value(p), entity, f"{o[:60]} would run code in a page.", "Remove it.")
            continue
        try:
            cells.clean(value(o), Limits().cell_bytes)
        except cells.Unfit as error:
            yield Finding(name, None, value(p), entity, error.reason, error.mend)
