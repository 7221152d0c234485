"""Read, validate, compare, append: the good rows go into the journal, the bad ones into a report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kg import erasures, mapping, rdf
from kg import vocabulary as v
from kg.errors import Held, RefusedInput
from kg.findings import Finding, Row
from kg.journal import Journal
from kg.model import Erasure, Source
from kg.report import Report, grouped
from kg.terms import Statement, Term, digest, from_payload, to_payload, value
from kg.validation import Validator, placed

__all__ = ["Rejected", "Report", "describe", "ingest"]

_VOCABULARY = "vocabulary-"
_FEW, _SHARE = 5, 0.02  # deletions that need no confirmation: so many, or this share of what is live
_QUOTED_FINDINGS = 5
_BROADER = f"<{v.SKOS}broader>"


class Rejected(RefusedInput):
    """Nothing of the files went in; `report` says what was found."""

    def __init__(self, problem: str, mend: str, report: Report) -> None:
        super().__init__(problem, mend)
        self.report = report


@dataclass(slots=True)
class _Batch:
    """The rows as they come: what may be written, what was wrong, and what the checks over the whole need."""

    live: dict[str, str]
    erased: dict[str, Erasure]
    read: int = 0
    set_aside: int = 0
    nameless: int = 0
    good: dict[str, Row] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)  # bad rows whose older version stays
    findings: list[Finding] = field(default_factory=list)
    files: dict[str, None] = field(default_factory=dict)

    def put_aside(self, entity: str) -> None:
        self.set_aside += 1
        if not entity:
            self.nameless += 1
        elif entity not in self.good:
            self.kept.add(entity)

    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "error"]


def ingest(
    journal: Journal,
    source: Source,
    rows: Iterable[Row],
    *,
    validator: Validator,
    strict: bool = False,
    dry_run: bool = False,
    partial: bool = False,
    allow_deletions: bool = False,
) -> Report:
    """Makes the rows the new version of the source (with `partial`: adds and changes only). Returns what was done.

    A row with an error is set aside, and what is live under its IRI stays. Raises Rejected when no row is good or,
    with `strict`, when one is bad; RefusedInput for a source whose name or namespace is another's; Held when more
    than max(5, 2 %) of what is live would be deleted and `allow_deletions` is not given. Nothing is written then.
    """
    started = time.monotonic()
    source = replace(source, namespace=source.namespace or v.source_namespace(v.check_source_name(source.id)))
    own = own_record(journal, source, validator)
    batch = _Batch(journal.current(source.id), erasures.known(journal))
    for row in rows:
        _take(batch, row, source.namespace, validator)
    _check_whole(journal, source, batch, validator)
    deletions = [] if partial else _deletions(batch, own.iri, allow_deletions)
    upserts = [(own.iri, own.payload), *((row.iri, row.payload) for row in batch.good.values())]
    changed = sum(batch.live.get(name) != digest(payload) for name, payload in upserts)
    report = Report(
        source=source.id,
        files=tuple(batch.files),
        read=batch.read,
        written=changed,
        unchanged=len(upserts) - changed,
        deleted=len(deletions),
        set_aside=batch.set_aside,
        findings=tuple(batch.findings),
        dry_run=dry_run,
        seq=None,
        seconds=time.monotonic() - started,
    )
    held = None if allow_deletions else _held(deletions, batch.live, source.id)
    if dry_run:
        warning = [Finding("", None, "", source.id, held.problem, held.mend, "warning")] if held else []
        return replace(report, findings=(*report.findings, *warning))
    _refuse(batch, report, strict)
    if held:
        raise held
    written = journal.append(source.id, upserts, deletions)
    return replace(report, seq=written.last_seq if written else None, seconds=time.monotonic() - started)


def describe(journal: Journal, source: Source, validator: Validator) -> bool:
    """Says something else of a source, its licence say; what it says itself stays. False when nothing differs.

    Raises RefusedInput for a description that is not as it must be.
    """
    source = replace(source, namespace=source.namespace or v.source_namespace(v.check_source_name(source.id)))
    own = own_record(journal, source, validator)
    return journal.append(source.id, [(own.iri, own.payload)]) is not None


def own_record(journal: Journal, source: Source, validator: Validator) -> Row:
    """The source's own record. Raises RefusedInput when it is not as it must be, or speaks for another source."""
    name = v.source_graph(source.id)
    try:
        about = mapping.to_statements(source)
        rdf.check_payload(to_payload(about))
    except ValueError as error:
        raise RefusedInput(
            f"The source {source.id} cannot be described: {error}.", "Correct its description."
        ) from error
    for finding in validator.check(name, about):
        if finding.severity == "error":
            raise RefusedInput(f"Source {source.id}, {finding.column}: {finding.reason}", finding.mend)
    check_namespace(journal, source)
    return Row("", None, name, to_payload(about))


def check_namespace(journal: Journal, source: Source) -> None:
    """Raises RefusedInput for a namespace that is Filière's own, or overlaps that of another source."""
    space = source.namespace
    ours = (v.source_namespace(source.id), v.SCHEME, v.COMPETENCY if source.id == f"{_VOCABULARY}competencies" else "")
    elsewhere = bool(source.harvested_from) and v.is_source_namespace(space)  # what it is called at its own node
    mine = space.startswith(tuple(o for o in ours if o)) or elsewhere
    if v.BASE.startswith(space) or (space.startswith(v.BASE) and not mine):
        raise RefusedInput(
            f"The namespace {space} belongs to Filière itself.", f"Leave it out ({ours[0]}), or use one of your own."
        )
    for other in journal.counts():
        if other in (source.id, v.PACKAGED):
            continue
        payload = journal.payload(other, v.source_graph(other))
        found = mapping.from_statements(v.source_graph(other), other, from_payload(payload)) if payload else None
        theirs = (found.namespace if isinstance(found, Source) else "") or v.source_namespace(other)
        if space.startswith(theirs) or theirs.startswith(space):
            raise RefusedInput(
                f"The namespace {space} overlaps that of the source {other} ({theirs}).",
                "A source speaks only about its own; choose another namespace.",
            )


def _take(batch: _Batch, row: Row, namespace: str, validator: Validator) -> None:
    batch.read += 1
    batch.files[row.file] = None
    findings = list(row.findings)
    if row.iri and (erasure := erasures.covering(batch.erased, row.iri)) is not None:
        reason, mend = erasures.refusal(erasure)
        findings.append(Finding(row.file, row.number, "id", row.iri, reason, mend))
    elif row.payload:
        findings += validated(row, namespace, validator)
    bad = not row.payload or any(finding.severity == "error" for finding in findings)
    first = batch.good.get(row.iri)
    if first is not None and not bad:
        finding = _repeated(first, row)
        findings.append(finding)
        bad = finding.severity == "error"
    batch.findings += findings
    if bad:
        batch.put_aside(row.iri)
    elif first is None:
        batch.good[row.iri] = row
        batch.kept.discard(row.iri)


def validated(row: Row, namespace: str, validator: Validator) -> list[Finding]:
    """What the shapes say of the row; a record may only speak about itself."""
    try:
        about = from_payload(row.payload)
        rdf.check_payload(row.payload)
    except ValueError as error:
        reason = f"The record cannot be stored: {error}."
        return [Finding(row.file, row.number, "", row.iri, reason, "Correct or remove it.")]
    below = f"<{row.iri}/"
    if not row.iri.startswith(namespace) or any(s[1:-1] != row.iri and not s.startswith(below) for s, _, _ in about):
        reason = f"The record speaks about more than itself, or lies outside {namespace}."
        return [Finding(row.file, row.number, "iri", row.iri, reason, "Use the IRIs of the source.")]
    return placed(validator.check(row.iri, about), row.file, row.number)


def _repeated(first: Row, row: Row) -> Finding:
    where = f"row {first.number} of {first.file}" if first.number is not None else first.file
    if first.payload == row.payload:
        mend = "Remove one of the two."
        return Finding(
            row.file, row.number, "id", row.iri, f"The record repeats {where} word for word.", mend, "warning"
        )
    reason = f"The id is that of {where}, which says something else; that one was taken."
    return Finding(row.file, row.number, "id", row.iri, reason, "Give each record an id of its own, or merge the two.")


def own_statements(entity: str, payload: str) -> Iterator[Statement]:
    """The statements of a record about itself, without those about its parts."""
    subject = f"<{entity}>"
    for line in payload.split("\n"):
        if line.startswith(subject):
            s, p, o = line.split(" ", 2)
            yield s, p, o[:-2]


def _check_whole(journal: Journal, source: Source, batch: _Batch, validator: Validator) -> None:
    """Runs the checks over the batch and what stays live beside it, until they find no further error."""
    vocabulary = source.id.startswith(_VOCABULARY)
    while batch.good:
        found = validator.check_batch(_whole(journal, source, batch, vocabulary), vocabulary=vocabulary)
        mine = [finding for finding in found if finding.entity in batch.good]
        bad = {finding.entity for finding in mine if finding.severity == "error"}
        for finding in mine:
            if not bad or finding.entity in bad:  # of the others the next round says it again
                row = batch.good[finding.entity]
                batch.findings.append(replace(finding, file=row.file, row=row.number))
        if not bad:
            return
        for entity in bad:
            del batch.good[entity]
            batch.put_aside(entity)


def _whole(journal: Journal, source: Source, batch: _Batch, vocabulary: bool) -> Iterator[Statement]:
    """What the source would say: the batch, what stays live beside it, and the broader concepts of other sources."""
    named: set[Term] = set()
    for row in batch.good.values():
        for statement in own_statements(row.iri, row.payload):
            yield statement
            if vocabulary and statement[1] == _BROADER:
                named.add(statement[2])
    for change in journal.entities(source.id) if batch.live else ():
        if change.iri not in batch.good:
            yield from own_statements(change.iri, change.payload)
    for name in sorted(named):
        if value(name) not in batch.good and value(name) not in batch.live:
            for change in journal.entity(value(name)):
                yield from own_statements(change.iri, change.payload)


def _deletions(batch: _Batch, own: str, allowed: bool) -> list[str]:
    """What is live and not in the new version. Rows without a readable id might be any of it: then nothing goes."""
    missing = [name for name in batch.live if name not in batch.good and name not in batch.kept and name != own]
    if not missing or not batch.nameless or allowed:
        return missing
    kept, rows = f"{len(missing):,} records that the files no longer hold were kept", f"{batch.nameless:,} rows"
    reason = f"{kept}, because {rows} had no readable id."
    mend = "Mend those rows and import again, or confirm with --allow-deletions."
    batch.findings.append(Finding(next(iter(batch.files)), None, "", missing[0], reason, mend, "warning"))
    return []


def _refuse(batch: _Batch, report: Report, strict: bool) -> None:
    errors = batch.errors()
    if batch.good and not (strict and errors):
        return
    if not batch.read:
        raise Rejected(
            "The files hold no records.", "Check that they are the right files; nothing was changed.", report
        )
    what = "one or more rows are wrong (--strict)" if batch.good else "no row of the files could be used"
    lines = "\n".join(grouped(tuple(errors), _QUOTED_FINDINGS))
    problem = f"Nothing was written: {what}; {batch.set_aside:,} of {batch.read:,} records have errors.\n{lines}"
    raise Rejected(problem, "\nMend these rows and import again; --dry-run --report FILE lists them all.", report)


def too_many(deletions: int, live: int) -> bool:
    """Whether so many deletions of what is live need a person's word."""
    return deletions > max(_FEW, _SHARE * live)


def _held(deletions: list[str], live: dict[str, str], source: str) -> Held | None:
    if not too_many(len(deletions), len(live)):
        return None
    names = ", ".join(v.local_name(name) for name in deletions[:_QUOTED_FINDINGS])
    return Held(
        f"{len(deletions):,} of {len(live):,} records of {source} would be deleted ({names} …); nothing was written.",
        "Check that the files are complete, then confirm with --allow-deletions.",
    )
