"""RDF in any form to records of our classes: named within the source's namespace, into the source's own graph."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from kg import blank_nodes, rdf
from kg import vocabulary as v
from kg.errors import RefusedInput, TooLarge
from kg.findings import Finding, Row
from kg.model import Source
from kg.readers import cells
from kg.readers.job import Job, Limits
from kg.terms import Statement, Term, iri, is_iri, literal, to_payload, value

_TYPE = f"<{v.TYPE}>"
_OURS = {
    *(f"<{cls}>" for cls in v.ACTOR_CLASSES.values()),
    *(f"<{cls}>" for cls in v.EXCHANGE_CLASSES.values()),
    f"<{v.NS}Actor>", f"<{v.NS}Recipe>", f"<{v.NS}Claim>",
}  # fmt: skip
CONCEPT = f"<{v.SKOS}Concept>"
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
MAINS = _OURS | _ORGANISATIONS  # the classes of what may be a record
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
_PERSONAL = {
    f"<{name}>"
    for name in (
        v.FOAF + "mbox",
        v.FOAF + "phone",
        v.SCHEMA + "email",
        v.SCHEMA + "telephone",
        v.SCHEMA + "faxNumber",
        v.SCHEMA + "contactPoint",
        "http://www.w3.org/2006/vcard/ns#hasEmail",
        "http://www.w3.org/2006/vcard/ns#hasTelephone",
        "http://www.w3.org/ns/org#hasMember",
    )
}
_MOST_BLANK = 5000  # below one record
_HOSTILE_IRI = re.compile(r"^<(javascript|data|vbscript|file):", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*?(/?)>")
_REMOTE_CONTEXT = re.compile(rb'"@(context|import)"\s*:\s*(\[\s*)?"', re.IGNORECASE)


def check_bytes(data: bytes, form: rdf.RdfFormat, limits: Limits) -> None:
    """Refuses, before any parser sees it, what is known to hurt parsers: entities, deep nesting, remote contexts."""
    if form == rdf.RdfFormat.RDF_XML and _DOCTYPE.search(data):
        raise RefusedInput("The RDF/XML declares a DOCTYPE or entities.", "Remove it and write the IRIs in full.")
    if form == rdf.RdfFormat.RDF_XML:
        _check_elements(data, limits.depth)
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


def _check_elements(data: bytes, most: int) -> None:
    """Counts elements that are open; the parser's time grows with the square of the depth."""
    depth = 0
    for match in _TAG.finditer(data):
        depth += -1 if match.group(1) else 0 if match.group(2) else 1
        if depth > most:
            raise TooLarge(f"The file is nested more than {most} levels deep.", "Flatten it.")


def read(data: bytes, suffix: str, job: Job, source: Source, limits: Limits) -> Iterator[Row]:
    """The records of the file. Raises RefusedInput with the line where the parser gave up."""
    form = rdf.FORMATS[suffix]
    check_bytes(data, form, limits)
    own_graph, base = iri(v.source_graph(source.id)), source.namespace or v.source_namespace(source.id)
    nodes: dict[Term, list[Statement]] = {}
    foreign: dict[Term, int] = {}
    try:
        for s, p, o, graph in rdf.parse(data, form, base=base):
            if graph and graph != own_graph:
                foreign[graph] = foreign.get(graph, 0) + 1
            else:
                nodes.setdefault(s, []).append((s, p, o))
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise RefusedInput(
            f"The file is not {form.name}: {getattr(error, 'msg', error)}.", "Correct it there."
        ) from error
    if not nodes and not foreign:
        raise RefusedInput("The file holds no statement.", "Check that it is the right file.")
    name = job.path.name
    for graph, count in sorted(foreign.items()):
        reason = f"{count} statements write into the graph {graph[:200]}, which is not the source's."
        finding = Finding(name, None, "graph", value(graph), reason, f"Leave the graph out, or use {own_graph}.")
        yield Row(name, None, value(graph), "", (finding,))
    yield from _records(nodes, name, base, job, limits)


def _records(nodes: dict[Term, list[Statement]], name: str, base: str, job: Job, limits: Limits) -> Iterator[Row]:
    vocabulary = job.record == "concept"
    mains: dict[Term, set[Term]] = {}
    for subject, found in nodes.items():
        types = {o for _, p, o in found if p == _TYPE}
        wanted = types & {CONCEPT} if vocabulary else types & MAINS
        if wanted and is_iri(subject):
            mains[subject] = types
    if not mains:
        wanted_class = "skos:Concept" if vocabulary else "fil:Firm, fil:Cluster, org:Organization …"
        raise RefusedInput("The file describes nothing that can be read.", f"Give the records a class: {wanted_class}.")
    for subject, types in mains.items():
        entity = value(subject)
        if not vocabulary and not entity.startswith(base):
            reason = f"The source may only speak about {base}…, not about {subject[:200]}."
            mend = "Use IRIs of that namespace, or declare another with --namespace."
            yield Row(name, None, entity, "", (Finding(name, None, "iri", entity, reason, mend),))
            continue
        about, dropped = without_contacts(_closure(subject, nodes, mains), name, entity)
        about = _in_scheme(subject, about, job.scheme) if vocabulary else _completed(subject, types, about)
        findings = (*dropped, *hostile(about, name, entity, limits))
        bad = any(finding.severity == "error" for finding in findings)
        yield Row(name, None, entity, "" if bad else to_payload(about), findings)


def _closure(subject: Term, nodes: dict[Term, list[Statement]], mains: Container[Term]) -> list[Statement]:
    """The subject's statements and those of the nodes below it; blank nodes get IRIs below the subject's."""
    prefix = subject[:-1] + "/"
    reached: list[Statement] = []
    waiting, seen = [subject], {subject}
    while waiting:
        node = waiting.pop()
        for statement in nodes.get(node, ()):
            reached.append(statement)
            o = statement[2]
            below = o.startswith("_:") or (o.startswith(prefix) and o not in mains)
            if below and o in nodes and o not in seen:
                seen.add(o)
                waiting.append(o)
    names = _blank_names(reached, prefix)
    return [(names.get(s, s), p, names.get(o, o)) for s, p, o in reached]


def _blank_names(reached: list[Statement], prefix: str) -> dict[Term, Term]:
    """Names for blank nodes by what is said of them, so that reading the same file again gives the same names."""
    found = blank_nodes.labels(reached, _MOST_BLANK)
    if found is None:
        raise TooLarge(f"Over {_MOST_BLANK:,} unnamed nodes hang on {prefix[1:-1]}.", "Give them IRIs of their own.")
    return {term: f"{prefix}part/{label}>" for term, label in found.items()}


def without_contacts(about: list[Statement], name: str, entity: str) -> tuple[list[Statement], list[Finding]]:
    """The statements without personal contact data, and what was dropped."""
    kept = [statement for statement in about if statement[1] not in _PERSONAL]
    if len(kept) == len(about):
        return about, []
    column = v.local_name(value(next(p for _, p, _ in about if p in _PERSONAL)))
    mend = "Nothing to do; Filière keeps no personal contact data."
    return kept, [Finding(name, None, column, entity, "Personal contact data was dropped.", mend, "warning")]


def _in_scheme(subject: Term, about: list[Statement], scheme: str) -> list[Statement]:
    """The concept in the scheme it is added as, with a notation, so that codes can name it."""
    in_scheme, notation = f"<{v.SKOS}inScheme>", f"<{v.SKOS}notation>"
    kept = [statement for statement in about if statement[1] != in_scheme]
    kept.append((subject, in_scheme, iri(v.SCHEME + scheme)))
    if not any(s == subject and p == notation for s, p, _ in kept):
        kept.append((subject, notation, literal(v.local_name(value(subject)))))
    return kept


def _completed(subject: Term, types: set[Term], about: list[Statement]) -> list[Statement]:
    """The class, the name and the id that our shapes ask for, from what other vocabularies call them."""
    extra: list[Statement] = []
    if not types & _OURS:
        extra.append((subject, _TYPE, f"<{v.NS}Firm>"))
    if types & _ACTORS or not types & _OURS:
        extra.append((subject, _TYPE, f"<{v.NS}Actor>"))
        own = {p: o for s, p, o in reversed(about) if s == subject}
        if _NAMES[0] not in own:
            named = [value(own[p]) for p in _NAMES if p in own and not is_iri(own[p])]
            extra += [(subject, _NAMES[0], literal(name)) for name in named[:1]]
    identifier = f"<{v.DCT}identifier>"
    if not any(s == subject and p == identifier for s, p, _ in about):
        extra.append((subject, identifier, literal(v.local_name(value(subject)))))
    return about + extra


def hostile(about: list[Statement], name: str, entity: str, limits: Limits) -> Iterator[Finding]:
    """What in the statements could do harm: code in IRIs, hidden characters, texts past a limit."""
    for _, p, o in about:
        column = v.local_name(value(p))
        if is_iri(o) and _HOSTILE_IRI.match(o):
            yield Finding(name, None, column, entity, f"{o[:60]} would run code in a page.", "Remove it.")
        try:
            cells.clean(value(o), limits.cell_bytes)
        except cells.Unfit as error:
            yield Finding(name, None, column, entity, error.reason, error.mend)
