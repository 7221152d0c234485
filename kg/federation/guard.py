"""What a harvest may change: each record looked at alone, then the batch as a whole, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from kg import erasures, mapping
from kg import vocabulary as v
from kg.federation.registry import State
from kg.federation.sources_filiere import bounds
from kg.federation.steps import Ended, Run
from kg.findings import Finding, Row
from kg.ingest import own_statements, too_many, validated
from kg.journal import Journal
from kg.model import Source
from kg.terms import Statement, digest, from_payload, value
from kg.validation import Validator

BAD_SHARE = 0.10  # of the records of a batch
GROWTH, GROWN = 2.0, 20  # times what is live, where there are so many
CLONES = 10  # records that say the same but for their names; above it all but the first are set aside
_NAMED = 5
_IDENTIFIER = f" <{v.DCT}identifier> "


@dataclass(slots=True)
class Plan:
    """What a batch would change, and what is wrong with it."""

    based_on: int  # the seq of our journal it was compared with
    live: dict[str, str] = field(default_factory=dict)  # IRI → sha256 of what is there now
    read: int = 0
    unchanged: int = 0
    upserts: dict[str, str] = field(default_factory=dict)
    deletes: dict[str, None] = field(default_factory=dict)
    bad: dict[str, list[Finding]] = field(default_factory=dict)
    warnings: int = 0
    fine: set[str] = field(default_factory=set)  # records of the batch that are as they should be

    def set_aside(self, name: str, findings: Iterable[Finding]) -> None:
        """Keeps a record out, and what is live under its name as it is."""
        self.upserts.pop(name, None)
        self.deletes.pop(name, None)
        self.fine.discard(name)
        self.bad.setdefault(name, []).extend(findings)

    @property
    def after(self) -> int:
        """How many records would be live."""
        return len(self.live) + sum(name not in self.live for name in self.upserts) - len(self.deletes)


def plan(journal: Journal, source: Source, run: Run, state: State, rows: Iterable[Row], validator: Validator) -> Plan:
    """Compares the rows of a run with what is live. Raises Ended when they hold nothing, or a page lies."""
    own = v.source_graph(source.id)
    live = {name: sha for name, sha in journal.current(source.id).items() if name != own}
    found = Plan(journal.last_seq, live)
    erased = erasures.known(journal)
    seen: dict[str, str] = {}
    limits = {piece.name: bounds(piece) for piece in run.pieces if piece.form == "feed"}
    for row in rows:
        if row.file in limits and row.number is not None and not _within(row, limits[row.file], run, state):
            continue
        found.read += 1
        found.warnings += sum(finding.severity != "error" for finding in row.findings)
        errors = [finding for finding in row.findings if finding.severity == "error"]
        if row.payload and erasures.covering(erased, row.iri) is not None:
            found.warnings += 1  # left out for good, and no fault of who publishes it
            seen[row.iri] = row.payload
            continue
        if run.whole and not errors and seen.get(row.iri, row.payload) != row.payload:
            reason = "The id is that of an earlier record, which says something else; that one was taken."
            found.bad.setdefault(row.iri, []).append(
                Finding(row.file, row.number, "id", row.iri, reason, "Rename one.")
            )
            continue
        seen[row.iri] = row.payload
        if errors:
            found.set_aside(row.iri, errors)
        elif not row.payload:
            _delete(found, row)
        else:
            _take(found, row, source, validator)
    _clones(found)
    _check_batch(journal, source, found, validator)
    if run.whole:
        if not seen:
            raise Ended("stale", "It holds no records; what it said before is kept.", "Ask its operator.")
        found.deletes = dict.fromkeys(name for name in live if name not in found.fine and name not in found.bad)
    if not any(source.id in erasure.sources for erasure in erased.values()):  # the node may still hold what we erased
        _count(found, run, state)
    return found


def _count(found: Plan, run: Run, state: State) -> None:
    """Raises Ended where the records are not as many as the node says it holds."""
    if run.entities < 0 or found.bad or state.quarantined:
        return
    if run.whole and len(found.fine) != run.entities:
        reason = f"It holds {len(found.fine):,} records, not {run.entities:,} as the node says."
        raise Ended("refused", f"{reason} What it said before is kept.", "Tell its operator.")
    if not run.whole and found.after != run.entities:
        reason = (
            f"With what its feed says there would be {found.after:,} records, not {run.entities:,} as the node says."
        )
        raise Ended("stale", f"{reason} Its dump is read next time.", "Nothing to do if it passes.", anew=True)


def _within(row: Row, limits: tuple[int, int | None], run: Run, state: State) -> bool:
    """Whether a member of a feed is news; what came after the node was asked is left for the next time."""
    after, until = limits
    assert row.number is not None
    if row.number <= after or (until is not None and row.number > until):
        reason = f"A page of the feed from seq {after} to {until or 'now'} holds a member of seq {row.number}."
        raise Ended("refused", f"{reason} Nothing was taken.", "Tell its operator.")
    return state.seq < row.number <= run.seq


def _delete(found: Plan, row: Row) -> None:
    found.upserts.pop(row.iri, None)
    found.bad.pop(row.iri, None)
    found.fine.add(row.iri)
    if row.iri in found.live:
        found.deletes[row.iri] = None


def _take(found: Plan, row: Row, source: Source, validator: Validator) -> None:
    same = found.live.get(row.iri) == digest(row.payload)
    errors = []
    if not same:
        errors = [f for f in validated(row, source.namespace, validator) if f.severity == "error"]
    if errors:
        found.set_aside(row.iri, errors)
        return
    found.bad.pop(row.iri, None)
    found.deletes.pop(row.iri, None)
    found.fine.add(row.iri)
    if same:
        found.upserts.pop(row.iri, None)
        found.unchanged += 1
    else:
        found.upserts[row.iri] = row.payload


def _clones(found: Plan) -> None:
    """Sets aside what many records say word for word, all but the first."""
    alike: dict[str, list[str]] = {}
    for name, payload in found.upserts.items():
        said = "".join(line + "\n" for line in payload.split("\n") if _IDENTIFIER not in line).replace(name, "")
        alike.setdefault(hashlib.sha256(said.encode()).hexdigest(), []).append(name)
    for names in alike.values():
        if len(names) > CLONES:
            reason = f"{len(names):,} records say the same as {names[0]} under other names."
            for name in names[1:]:
                found.set_aside(name, [Finding("", None, "id", name, reason, "Publish the actor once.")])


def _check_batch(journal: Journal, source: Source, found: Plan, validator: Validator) -> None:
    """Runs the checks over what changes and the records it names."""
    while found.upserts:
        wrong = [f for f in validator.check_batch(_around(journal, source, found)) if f.severity == "error"]
        bad = {finding.entity for finding in wrong} & set(found.upserts)
        for finding in wrong:
            if finding.entity in bad:
                found.set_aside(finding.entity, [finding])
        if not bad:
            return


def _around(journal: Journal, source: Source, found: Plan) -> Iterator[Statement]:
    named: set[str] = set()
    for name, payload in found.upserts.items():
        for statement in own_statements(name, payload):
            yield statement
            if statement[2].startswith("<"):
                named.add(value(statement[2]))
    for name in sorted(named):
        if name in found.live and name not in found.upserts:
            yield from own_statements(name, journal.payload(source.id, name))


def hold(found: Plan, run: Run, state: State, licence: str) -> tuple[str, str]:
    """(why, mend) when a person must look at the batch first; ("", "") when it may go in."""
    why: list[str] = []
    total = max(found.read, 1) if run.whole else max(found.read, len(found.live), 1)
    if len(found.bad) > BAD_SHARE * total:
        first = next(iter(found.bad.items()))
        why.append(
            f"{len(found.bad):,} of {total:,} records are bad (first: {first[0][:120]}: {first[1][0].reason[:200]})"
        )
    if too_many(len(found.deletes), len(found.live)):
        names = ", ".join(v.local_name(name)[:60] for name in list(found.deletes)[:_NAMED])
        why.append(f"{len(found.deletes):,} of {len(found.live):,} records would be deleted ({names} …)")
    if len(found.live) >= GROWN and found.after > GROWTH * len(found.live):
        why.append(f"{len(found.live):,} records would become {found.after:,}")
    if state.licence and licence != state.licence:
        why.append(f"the licence was {state.licence[:120]} and is now {licence[:120] or 'not said'}")
    if state.origin and run.about.get("origin", state.origin) != state.origin:
        why.append(f"the origin was {state.origin[:200]} and is now {run.about['origin'][:200]}")
    if (said := run.about.get("declared")) and state.namespace and not said.startswith(state.namespace):
        why.append(f"the namespace was {state.namespace[:200]} and is now {said[:200]}")
    if run.seq < state.seq and (found.upserts or found.deletes):
        why.append(f"its seq went back from {state.seq} to {run.seq}")
    if not why:
        return "", ""
    return f"{'; '.join(why)}. Nothing was written.", "Look at it; accept it with 'filiere sources release NAME'."


def refuse_copies(journal: Journal, name: str, origin: str, ours: str) -> None:
    """Raises Ended for a source that comes from here, or that another source here has already, by its origin."""
    if ours and origin.startswith(ours):
        reason = f"It is a copy of what this node publishes itself ({origin[:200]})."
        raise Ended("refused", reason, "Remove it: it came around in a loop.")
    for other in journal.counts():
        if other == name or other in v.OURS:
            continue
        payload = journal.payload(other, v.source_graph(other))
        found = mapping.from_statements(v.source_graph(other), other, from_payload(payload)) if payload else None
        if isinstance(found, Source) and origin and found.origin == origin:
            reason = f"The source {other} has the same origin ({origin[:200]})."
            raise Ended("refused", reason, f"Keep one of the two; remove {name} or {other}.")


def quarantine(
    before: dict[str, list[dict[str, object]]], found: Plan, whole: bool
) -> dict[str, list[dict[str, object]]]:
    """What is set aside after a batch: what was, unless it came good, and what is bad now."""
    kept = {} if whole else {name: said for name, said in before.items() if name not in found.fine}
    fields = ("file", "row", "column", "entity", "reason", "mend", "severity")
    new = {
        name: [{key: getattr(replace(finding, entity=name), key) for key in fields} for finding in findings[:_NAMED]]
        for name, findings in found.bad.items()
    }
    return dict(list({**kept, **new}.items())[:10_000])
