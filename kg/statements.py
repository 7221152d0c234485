"""Statements written into graphs, by an update or the graph store: which record each belongs to, and what it then says.

A graph of the house holds the records of a source; its statements are checked as those of an import are. Any other
graph, and the one that updates write to when they name none, is free: each subject is a record of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from uuid import uuid4

from kg import blank_nodes, erasures, mapping, rdf
from kg import vocabulary as v
from kg.errors import Forbidden, Held, NotFound, RefusedInput
from kg.ingest import too_many
from kg.journal import Batch, Journal
from kg.model import Source
from kg.rdf import stored_form
from kg.terms import Statement, from_payload, iri, language, to_payload, value
from kg.validation import Validator

_QUOTED = 5
_MOST_BLANK = 5000  # nodes of one graph that are named by what is said of them
_LEVELS = 32  # of a path that are looked at for the record a subject belongs to
# Source → record → what it says now. None takes it out; "" keeps that it is there: a graph that says nothing.
Changed = dict[str, dict[str, str | None]]


def check_graph(graph: str) -> str:
    """The source that a graph may be written for. Raises Forbidden for a graph that is not anyone's to write."""
    source = v.source_of(graph)
    if source in (*v.OURS, v.SUGGESTED, "system", "union"):
        raise Forbidden(
            f"The graph {graph} is not written by updates.",
            "Confirm or reject tags with 'filiere tags'; the ontology comes with the program.",
        )
    if source == v.DEFAULT:
        return source
    try:
        iri(graph)
    except ValueError as error:
        raise RefusedInput(f"{graph[:200]!r} cannot name a graph.", "Use an absolute IRI.") from error
    return source if ":" in source else v.check_source_name(source)


def is_free(source: str) -> bool:
    """Whether any statement may stand in the graph of a source."""
    return source == v.DEFAULT or ":" in source


def named(statements: list[Statement], graph: str = "") -> list[Statement]:
    """The statements with IRIs for their blank nodes: by what a graph says of them, or all new without a graph.

    Language tags come in lower case, as the graph keeps them.
    """
    found = blank_nodes.labels(statements, _MOST_BLANK) if graph else None
    mark = hashlib.sha256(graph.encode()).hexdigest()[:12] if found is not None else uuid4().hex

    def term(one: str) -> str:
        if one.startswith('"'):
            return one if not (tag := language(one)) else one.removesuffix(tag) + tag.lower()
        if not one.startswith("_:"):
            return one
        label = found[one] if found is not None else one[2:]
        return f"<{v.GENID}b{mark}{''.join(c if c.isalnum() else 'x' for c in label)}>"

    return [(term(s), p, term(o)) for s, p, o in statements]


class _Records:
    """Finds the record of a source that a subject belongs to: its own, or one whose IRI it begins with and "/"."""

    def __init__(self, journal: Journal, source: str, subjects: Iterable[str]) -> None:
        self._journal, self._source = journal, source
        self._new = set(subjects)
        self._live: dict[str, str] = {}

    def payload(self, name: str) -> str:
        """What a record says now, "" when there is none."""
        if name not in self._live:
            self._live[name] = self._journal.payload(self._source, name)
        return self._live[name]

    def owner(self, subject: str) -> str:
        above = list(_above(subject))
        live = (name for name in above if self.payload(name))
        return next(chain(live, (name for name in reversed(above) if name in self._new)), subject)


def _above(subject: str) -> Iterator[str]:
    """The subject, then what it begins with, ever shorter."""
    yield subject
    for _ in range(_LEVELS):
        subject, found, _ = subject.rpartition("/")
        if not found or subject.endswith("/"):
            return
        yield subject


def edited(journal: Journal, removed: Iterable[list[str]], added: Iterable[list[str]]) -> Changed:
    """What records say after statements left and others came: [graph, subject, predicate, object] each."""
    gone: dict[str, set[str]] = {}
    come: dict[str, list[Statement]] = {}
    for graph, s, p, o in removed:
        gone.setdefault(check_graph(graph), set()).add(f"{s} {p} {o}")
    for graph, s, p, o in added:
        come.setdefault(check_graph(graph), []).append((s, p, o))
    out: Changed = {}
    for source in {**gone, **come}:
        leaving, entering = gone.get(source, set()), come.get(source, [])
        subjects = {value(s) for s, _, _ in entering}
        records = _Records(journal, source, subjects)
        owners = {subject: records.owner(subject) for subject in subjects}
        for line in leaving:
            subject = line.split(" ", 1)[0][1:-1]
            owners[subject] = owners.get(subject) or records.owner(subject)
        changed: dict[str, list[Statement]] = {
            name: [found for found in from_payload(records.payload(name)) if _stored(found) not in leaving]
            for name in set(owners.values())
        }
        for found in entering:
            changed[owners[value(found[0])]].append(found)
        out[source] = {name: to_payload(said) or None for name, said in changed.items()}
    return out


def _stored(statement: Statement) -> str:
    """A statement as the graph gives it back: it keeps the value of a number or date, not its spelling."""
    s, p, o = statement
    return f"{s} {p} {stored_form(o) if '^^<' in o else o}"


def replaced(journal: Journal, graph: str, statements: list[Statement]) -> Changed:
    """What records say when a graph says these statements and no other.

    Blank nodes are named by what the graph says, so that the same said again changes nothing.
    """
    source = check_graph(graph)
    said: dict[str, str | None] = dict.fromkeys(journal.current(source))
    if statements:
        said.update(grouped(journal, source, named(statements, graph)))
    elif is_free(source):
        said[v.source_graph(source)] = ""
    return {source: said}


def merged(journal: Journal, graph: str, statements: list[Statement]) -> Changed:
    """What records say when a graph says these statements too."""
    changed = edited(journal, (), ([graph, *statement] for statement in named(statements)))
    source = check_graph(graph)
    return changed or ({} if journal.current(source) or not is_free(source) else {source: {v.source_graph(source): ""}})


def removed(journal: Journal, graph: str) -> Changed:
    """What records say when a graph says nothing any more. Raises NotFound for one that is not there."""
    source = check_graph(graph)
    found = journal.current(source)
    if not found:
        raise NotFound(f"There is no graph {graph[:200]}.", "See /graphs.")
    return {source: dict.fromkeys(found)}


def grouped(journal: Journal, source: str, statements: Iterable[Statement]) -> dict[str, str]:
    """The statements by record."""
    found = list(statements)
    records = _Records(journal, source, {value(s) for s, _, _ in found})
    owners: dict[str, str] = {}
    out: dict[str, list[Statement]] = {}
    for statement in found:
        subject = value(statement[0])
        if subject not in owners:
            owners[subject] = records.owner(subject)
        out.setdefault(owners[subject], []).append(statement)
    return {name: to_payload(said) for name, said in out.items()}


def write(
    journal: Journal, changed: Changed, validator: Validator, *, note: str, allow_deletions: bool = False
) -> list[Batch]:
    """Checks what changed and writes all of it or nothing. Raises RefusedInput, Forbidden or Held."""
    for source, records in changed.items():
        said = {name: payload for name, payload in records.items() if payload}
        _check(journal, source, said, validator)
        if not allow_deletions and not is_free(source):
            _hold(journal, source, [name for name, payload in records.items() if payload is None])
    parts = [
        (
            source,
            [(name, records[name] or "") for name in sorted(records) if records[name] is not None],
            [name for name in sorted(records) if records[name] is None],
        )
        for source, records in sorted(changed.items())
    ]
    return [batch for batch in journal.append_all(parts, note) if batch.upserts or batch.deletes]


def _check(journal: Journal, source: str, said: Mapping[str, str], validator: Validator) -> None:
    space = "" if is_free(source) else namespace(journal, source)
    wrong: list[str] = []
    mend = ""
    erased = erasures.known(journal)
    for name, payload in said.items():
        if (erasure := erasures.covering(erased, name)) is not None:
            problem, how = erasures.refusal(erasure)
            raise RefusedInput(f"{name[:200]}: {problem[0].lower()}{problem[1:]}", how)
        about = from_payload(payload)
        try:
            rdf.check_payload(payload)
        except ValueError as error:
            raise RefusedInput(f"{name[:200]} cannot be stored: {error}.", "Correct or remove it.") from error
        if space and not name.startswith(space) and name != v.source_graph(source):
            raise RefusedInput(
                f"The source {source} may only speak about {space}…, not about {name[:200]}.",
                "Use IRIs of that namespace, or a graph of another name.",
            )
        for finding in () if is_free(source) else validator.check(name, about):
            if finding.severity == "error":
                wrong.append(f"{v.local_name(name)[:60]}, {finding.column}: {finding.reason}")
                mend = mend or finding.mend
        if is_free(source) and _belongs_elsewhere(journal, source, name, payload):
            raise RefusedInput(
                f"{name[:200]} is a record of another source.", "Write it into that source's graph, or use other IRIs."
            )
    if wrong:
        raise RefusedInput(f"Nothing was written. {'; '.join(wrong[:_QUOTED])}", mend)


def namespace(journal: Journal, source: str) -> str:
    """The IRI prefix that a source speaks about."""
    payload = journal.payload(source, v.source_graph(source))
    found = mapping.from_statements(v.source_graph(source), source, from_payload(payload)) if payload else None
    return (found.namespace if isinstance(found, Source) else "") or v.source_namespace(source)


def _belongs_elsewhere(journal: Journal, source: str, name: str, payload: str) -> bool:
    """Whether a free graph would describe a record of the house that a source already describes."""
    others = [change for change in journal.entity(name) if change.source != source]
    return bool(others) and mapping.from_statements(name, source, from_payload(payload)) is not None


def _hold(journal: Journal, source: str, gone: list[str]) -> None:
    live = journal.counts().get(source, 0)
    if too_many(len(gone), live):
        names = ", ".join(v.local_name(name) for name in gone[:_QUOTED])
        raise Held(
            f"{len(gone):,} of {live:,} records of {source} would be deleted ({names} …); nothing was written.",
            "Confirm with allow_deletions=true, or --allow-deletions.",
        )


def undo(journal: Journal, batch: Batch) -> Changed:
    """What records say when a batch is taken back. Raises Held when one of them was changed again since."""
    out: Changed = {}
    if batch.source == v.ERASURES:
        raise Held("An erasure is not taken back with its batch.", "Lift it with 'filiere erasures --lift HASH'.")
    for change in journal.read(batch.first_seq - 1, batch.last_seq, with_before=True):
        live = next((c for c in journal.entity(change.iri) if c.source == change.source), None)
        standing = live.seq if live else None
        if standing != (change.seq if change.payload else None):
            raise Held(
                f"{change.iri} was changed again after batch {batch.number}.", "Take the later change back first."
            )
        out.setdefault(change.source, {})[change.iri] = change.before or None
    return out
