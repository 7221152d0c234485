"""What another node publishes, to rows: a dump, pages of a feed, or plain statements by subject.

A record of a node comes as it stands in that node's journal, so that checksums can be compared; a statement that
belongs to no record, or a graph that belongs to no member, becomes a row with an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import BinaryIO

from kg import rdf
from kg import vocabulary as v
from kg.errors import RefusedInput, TooLarge
from kg.findings import Finding, Row
from kg.model import Source
from kg.readers import rdf as plain
from kg.readers.job import Job, Limits
from kg.terms import Statement, Term, datatype, digest, from_payload, is_iri, language, literal, to_payload, value

FORMS = ("dump", "feed", "statements", "names")
SEQ, SHA256 = v.NS + "seq", v.NS + "sha256"
_TYPE = f"<{v.TYPE}>"
_SAME = f"<{v.OWL}sameAs>"
_VERSION_OF = f"<{v.DCT}isVersionOf>"
_CREATE, _UPDATE, _DELETE = (f"<{v.ACTIVITIES}{name}>" for name in ("Create", "Update", "Delete"))
_OBJECT = re.compile(r'<[^<>"{}|^`\\\s]*>|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^<>"\s]*>)?')
_NOWHERE = "http://feed.invalid/"  # what relative addresses of a page mean does not matter: they only name members
_MOST_STATEMENTS = 20_000  # of one record
_MEND = "Tell the operator of that node."


def read(job: Job, stream: BinaryIO, suffix: str, source: Source, limits: Limits) -> Iterator[Row]:
    """The rows of a file in one of FORMS. Raises RefusedInput or TooLarge when it cannot be read at all."""
    data = stream.read()
    form = rdf.FORMATS[suffix]
    plain.check_bytes(data, form, limits)
    name = job.path.name
    try:
        if job.form == "dump":
            yield from _dump(data, form, name, source.namespace, limits)
        elif job.form == "feed":
            yield from _feed(data, form, job, source.namespace, limits)
        else:
            yield from _statements(data, form, name, source.url, job.form == "names")
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise RefusedInput(f"The file is not {form.name}: {getattr(error, 'msg', error)}.", _MEND) from error


def _statements(data: bytes, form: rdf.RdfFormat, name: str, base: str, names_only: bool) -> Iterator[Row]:
    """A row a subject; with `names_only`, the IRIs of what may be a record alone."""
    nodes: dict[Term, list[Statement]] = defaultdict(list)
    for s, p, o, _ in rdf.parse(data, form, base=base or None):
        nodes[s].append((s, p, o))
    for subject, found in nodes.items():
        if not names_only:
            yield Row(name, None, value(subject), to_payload(found))
        elif is_iri(subject) and {o for _, p, o in found if p == _TYPE} & plain.MAINS:
            yield Row(name, None, value(subject), "")


def _dump(data: bytes, form: rdf.RdfFormat, name: str, namespace: str, limits: Limits) -> Iterator[Row]:
    if form != rdf.RdfFormat.N_TRIPLES:
        raise RefusedInput("A dump of a node is N-Triples.", _MEND)
    text = data.decode()
    rdf.check_payload(text)  # from here on each line is what a store takes
    nodes: dict[Term, list[Statement]] = defaultdict(list)
    for statement in from_payload(text):
        if not _OBJECT.fullmatch(statement[2]):
            raise RefusedInput(f"A line about {statement[0][:200]} is not in canonical form.", _MEND)
        nodes[statement[0]].append(statement)
    del text
    records: dict[Term, list[Statement]] = defaultdict(list)
    mains = {s for s, found in nodes.items() if any(p == _TYPE and o in plain.MAINS for _, p, o in found)}
    for subject, found in nodes.items():
        records[_owner(subject, mains)] += found
    del nodes
    for subject, found in records.items():
        if subject not in mains:
            yield _wrong(name, None, value(subject), "iri", "Statements about what is no record of this source.")
        else:
            yield _record(name, None, value(subject), found, namespace, limits)


def _owner(subject: Term, mains: set[Term]) -> Term:
    """The record that a subject belongs to: itself, or the nearest one above it; itself for none."""
    above = subject
    while above not in mains:
        cut = above.rfind("/")
        if cut < len("<https://") or not is_iri(above):
            return subject
        above = above[:cut] + ">"
    return above


def _feed(data: bytes, form: rdf.RdfFormat, job: Job, namespace: str, limits: Limits) -> Iterator[Row]:
    """The members of a page that are news, by their seq; a row without payload and without findings is a deletion."""
    name = job.path.name
    members: dict[Term, dict[Term, Term]] = defaultdict(dict)
    graphs: dict[Term, list[Statement]] = defaultdict(list)
    for s, p, o, graph in rdf.parse(data, form, base=_NOWHERE):
        if graph:
            graphs[graph].append((s, p, o))
        elif p in (_TYPE, _VERSION_OF, f"<{SEQ}>", f"<{SHA256}>"):
            members[s][p] = o
    found = [(m, said) for m, said in members.items() if said.get(_TYPE) in (_CREATE, _UPDATE, _DELETE)]
    for graph in set(graphs) - {member for member, _ in found}:
        yield _wrong(name, None, value(graph), "graph", "Statements in a graph that belongs to no member of the feed.")
    for _, member, said in sorted((_seq(said), member, said) for member, said in found):
        seq, entity = _seq(said), value(said.get(_VERSION_OF, "<>"))
        if 0 < seq <= job.after:
            continue
        if not is_iri(said.get(_VERSION_OF, "")) or seq < 1:
            yield _wrong(
                name, None, value(member), "member", "A member without seq or without what it is a version of."
            )
        elif said[_TYPE] == _DELETE:
            yield Row(name, seq, entity, "")
        elif (about := _as_hashed(graphs[member], value(said.get(f"<{SHA256}>", '""')))) is None:
            yield _wrong(name, seq, entity, "sha256", "The record does not match its checksum.")
        else:
            yield _record(name, seq, entity, about, namespace, limits)


def _as_hashed(found: list[Statement], sha256: str) -> list[Statement] | None:
    """The statements in the spelling that a checksum was taken of; None for neither."""
    ours = [(s, p, _canonical(o)) for s, p, o in found]
    for spelled in (ours, found):
        if sha256 in ("", digest(to_payload(spelled))):
            return spelled
    return None


def _canonical(term: Term) -> Term:
    if is_iri(term) or term.startswith("_:"):
        return term
    tag = language(term)
    return literal(value(term), tag, "" if tag else datatype(term))


def _seq(said: dict[Term, Term]) -> int:
    text = value(said.get(f"<{SEQ}>", '""'))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _record(name: str, seq: int | None, entity: str, about: list[Statement], namespace: str, limits: Limits) -> Row:
    """A record as a row: what it says of others and what could do harm makes it bad; sameAs is left out."""
    own, below = f"<{entity}>", f"<{entity}/"
    if len(about) > _MOST_STATEMENTS:
        raise TooLarge(f"{entity} has more than {_MOST_STATEMENTS:,} statements.", "Split it.")
    findings: list[Finding] = []
    if not entity.startswith(namespace):
        findings.append(_foreign(name, seq, entity, namespace))
    elif any(s != own and not s.startswith(below) for s, _, _ in about):
        findings.append(_finding(name, seq, entity, "iri", "The record speaks about more than itself."))
    types = {o for s, p, o in about if s == own and p == _TYPE}
    if plain.CONCEPT in types:
        mend = "Concepts come with 'filiere vocabulary add'."
        findings.append(Finding(name, seq, "type", entity, "A concept is not taken from another node.", mend))
    elif not types & plain.MAINS:
        findings.append(_finding(name, seq, entity, "type", "The record is of no class of ours."))
    kept = [statement for statement in about if statement[1] != _SAME]
    if len(kept) < len(about):
        reason = "What it says is the same as itself (owl:sameAs) was left out."
        findings.append(Finding(name, seq, "sameAs", entity, reason, "Say it in the identifiers.", "warning"))
    kept, dropped = plain.without_contacts(kept, name, entity)
    findings += [*dropped, *plain.hostile(kept, name, entity, limits)]
    bad = any(finding.severity == "error" for finding in findings)
    return Row(name, seq, entity, "" if bad else to_payload(kept), tuple(findings))


def _foreign(name: str, seq: int | None, entity: str, namespace: str) -> Finding:
    reason = f"The source may only speak about {namespace}…, not about {entity[:200]}."
    return Finding(name, seq, "iri", entity, reason, "Use IRIs of that namespace.")


def _finding(name: str, seq: int | None, entity: str, column: str, reason: str) -> Finding:
    return Finding(name, seq, column, entity, reason, _MEND)


def _wrong(name: str, seq: int | None, entity: str, column: str, reason: str) -> Row:
    return Row(name, seq, entity, "", (_finding(name, seq, entity, column, reason),))
