"""One harvest of one source: fetch, verify, parse, validate, compare, guard, commit; each step survives a crash."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from kg import history
from kg import vocabulary as v
from kg.errors import FiliereError, RefusedInput, storage_error
from kg.faults import point
from kg.federation import activity, guard, registry, sources_dcat, sources_filiere, sources_plain, sources_sparql
from kg.federation.asking import Asking
from kg.federation.registry import Config, Outcome, Registry, State
from kg.federation.steps import Ended, Run, Work, digest
from kg.fetch import Resolve, resolve
from kg.findings import Finding, Row
from kg.ingest import own_record
from kg.intake import parse
from kg.journal import Journal, now
from kg.model import Source
from kg.readers.job import Job, Limits
from kg.validation import Validator

_LIMITS = Limits(seconds=300)
_ROWS = "rows.jsonl"
_STALE_RUN = timedelta(days=1)  # a run left by a crash longer ago is begun anew


@dataclass(frozen=True, slots=True)
class Ready:
    """A harvest whose data is fetched, verified and parsed, or that ended before: then `ended` says how."""

    config: Config
    state: State
    started: float
    run: Run | None = None
    ended: Ended | None = None
    requests: int = 0


def prepare(kept: Registry, journal: Journal, name: str, *, seconds: float, resolve: Resolve = resolve) -> Ready:
    """Fetches, verifies and parses; writes nothing to the journal, so that several can do it at once."""
    started = time.monotonic()
    config, state = kept.config(name), kept.state(name)
    work, asking = Work(kept.place(name)), Asking(config, seconds, resolve)
    try:
        run = work.unfinished(config)
        if run is not None and datetime.now(UTC) - datetime.fromisoformat(run.started) > _STALE_RUN:
            run = None
        if run is None:
            run = work.begin(config)
            point("harvest.begun")
            run = _fetched(asking, work, run, config, state, journal)
            about = {**run.about, "declared": run.about.get("namespace", "")}
            run = replace(run, requests=asking.requests, about=about)
            work.save(run)
            point("harvest.fetched")
        if run.step == "fetched" or not _whole(work, run):
            run = _parsed(work, run, config, state)
            work.save(run)
            point("harvest.parsed")
        return Ready(config, state, started, run, None, run.requests)
    except Ended as ended:
        return Ready(config, state, started, None, ended, asking.requests)
    except FiliereError as error:
        refused = Ended("refused", f"{error.problem} What it said before is kept.", error.mend)
        return Ready(config, state, started, None, refused, asking.requests)
    except Exception as error:  # whatever hostile data makes us stumble over must not stop the other sources
        return Ready(config, state, started, None, _stumbled(error), asking.requests)


def _fetched(asking: Asking, work: Work, run: Run, config: Config, state: State, journal: Journal) -> Run:
    """The run with its files, from a source of whatever kind."""
    waiting = work.waiting()
    if waiting is not None and state.held and waiting.config == run.config:
        # What waits for a person is fetched again only when there is something newer.
        merged = {**state.validators, **waiting.validators}
        state = replace(state, validators=merged, feed=waiting.feed or state.feed)
    kind = config.kind or state.kind or _kind(asking, config.url)
    run = replace(run, kind=kind)
    state = replace(state, kind=kind)
    untouched = history.last_seq(journal, config.name) == state.local_seq
    if kind == "filiere":
        return sources_filiere.fetch(asking, work, run, config, state, untouched)
    if kind == "dcat":
        return sources_dcat.fetch(asking, work, run, config, state)
    if kind == "sparql":
        return sources_sparql.fetch(asking, work, run, config, state)
    return sources_plain.fetch(asking, work, run, config, state)


def _kind(asking: Asking, url: str) -> str:
    """What answers at an address. Raises Ended when it is nothing that can be harvested."""
    if sources_filiere.find(asking, url):
        return "filiere"
    if sources_sparql.find(asking, url):
        return "sparql"
    return sources_dcat.kind(asking, url)


def _whole(work: Work, run: Run) -> bool:
    file = work.folder / _ROWS
    return file.is_file() and digest(file) == run.rows


def _parsed(work: Work, run: Run, config: Config, state: State) -> Run:
    """Reads the files in a child process into rows.jsonl. Raises Ended or an error that names the file."""
    namespace = config.namespace or state.namespace or run.about.get("namespace", "") or _derived(work, run, config)
    source = Source(config.name, namespace=namespace)
    mapping = None
    if config.mapping:
        mapping = work.folder / "mapping.toml"
        registry.save_bytes(mapping, config.mapping.encode())
    jobs = []
    for piece in run.pieces:
        form = piece.form if piece.form in ("dump", "feed") else ""
        table = mapping if piece.form == "table" else None
        jobs.append(Job(work.folder / piece.name, config.record, table, form=form, after=state.seq))
    file = work.folder / _ROWS
    try:
        with file.open("wb") as stream:
            for row in parse(jobs, source, _LIMITS):
                findings = [asdict(finding) for finding in row.findings]
                said = [row.file, row.number, row.iri, row.payload, findings]
                stream.write(json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(error, file) from error
    return replace(run, step="parsed", rows=digest(file), about={**run.about, "namespace": namespace})


def _derived(work: Work, run: Run, config: Config) -> str:
    """The namespace of who declares none: that of most of its records, or ours for tables."""
    if all(piece.form == "table" for piece in run.pieces):
        return v.source_namespace(config.name)
    jobs = [Job(work.folder / piece.name, form="names") for piece in run.pieces]
    names = [row.iri for row in parse(jobs, Source(config.name, url=config.url), _LIMITS)]
    if not names:
        raise Ended("refused", f"{config.url} describes no organisation.", "Name another address, or a --query.")
    hosts = Counter("/".join(name.split("/", 3)[:3]) for name in names)
    most = hosts.most_common(1)[0][0]
    there = [name for name in names if name.startswith(f"{most}/")]
    first, last = min(there), max(there)  # what these two share, all share
    shared = first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
    return shared[: max(shared.rfind("/"), shared.rfind("#")) + 1]


def _rows(work: Work) -> Iterator[Row]:
    with (work.folder / _ROWS).open("rb") as stream:
        for line in stream:
            file, number, iri, payload, findings = json.loads(line)
            yield Row(file, number, iri, payload, tuple(Finding(**finding) for finding in findings))


def compare(journal: Journal, ready: Ready, kept: Registry, ours: str) -> tuple[Source, guard.Plan]:
    """What the harvest would change. Raises Ended."""
    assert ready.run is not None
    config, run = ready.config, ready.run
    source = _source(config, ready.state, run)
    guard.refuse_copies(journal, config.name, source.origin, ours)
    before = journal.payload(config.name, v.source_graph(config.name))
    if before and f"<{v.DCT}source>" not in before:
        reason = f"There is a source {config.name} of our own, which nobody harvests."
        raise Ended("refused", reason, "Harvest under another name, or remove that one.")
    try:
        own_record(journal, source, Validator.packaged())
    except RefusedInput as error:
        raise Ended("refused", error.problem, error.mend) from error
    rows = _rows(Work(kept.place(config.name)))
    return source, guard.plan(journal, source, run, ready.state, rows, Validator.packaged())


def _source(config: Config, state: State, run: Run) -> Source:
    about = run.about
    return Source(
        id=config.name,
        title=config.title or about.get("title", ""),
        publisher=config.publisher or about.get("publisher", ""),
        licence=about.get("licence") or config.licence,
        url=about.get("url", "") if about.get("url", "").startswith(("http://", "https://")) else "",
        issued=about.get("issued", ""),
        namespace=about["namespace"],
        public=not config.private,
        origin=about.get("origin") or config.url,
        harvested_from=config.url,
        attribution=about.get("attribution", ""),
    )


def finish(journal: Journal, kept: Registry, ready: Ready, ours: str = "") -> Outcome:
    """Compares, guards and commits what was prepared, and keeps the outcome. The caller holds the writer's lock."""
    try:
        if ready.ended is not None:
            raise ready.ended
        assert ready.run is not None
        if _already(journal, ready):
            return _recover(journal, kept, ready)
        source, plan = compare(journal, ready, kept, ours)
        point("harvest.compared")
        return _decided(journal, kept, ready, source, plan)
    except Ended as ended:
        return _end(kept, ready, ended)
    except RefusedInput as error:
        return _end(kept, ready, Ended("refused", error.problem, error.mend))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return _end(kept, ready, _stumbled(error))


def _stumbled(error: Exception) -> Ended:
    reason = f"It cannot be taken ({type(error).__name__}: {str(error)[:200]}). What it said before is kept."
    return Ended("refused", reason, "Tell the operator of that source; if it is sound, report this as a fault.")


def _already(journal: Journal, ready: Ready) -> bool:
    """Whether a crash came after the commit and before its state was written."""
    assert ready.run is not None
    return bool(journal.payload(v.HARVESTS, activity.name(ready.config, ready.run)))


def _decided(journal: Journal, kept: Registry, ready: Ready, source: Source, plan: guard.Plan) -> Outcome:
    assert ready.run is not None
    run, config = ready.run, ready.config
    why, mend = ("", "") if run.released else guard.hold(plan, run, ready.state, source.licence)
    aside = guard.quarantine(kept.quarantine(config.name), plan, run.whole)
    counts = {"written": len(plan.upserts), "deleted": len(plan.deletes), "setAside": len(plan.bad)}
    outcome = Outcome(
        config.name, "held" if why else "quarantined" if plan.bad else "ok", now(),
        reason=why or (_aside(plan) if plan.bad else ""), mend=mend.replace("NAME", config.name),
        written=counts["written"], unchanged=plan.unchanged, deleted=counts["deleted"], set_aside=counts["setAside"],
        seq_there=run.seq, requests=ready.requests, run=run.id,
    )  # fmt: skip
    kept.set_aside(config.name, aside)
    if why:
        return _hold(kept, ready, outcome)
    own = own_record(journal, source, Validator.packaged())
    upserts = [(own.iri, own.payload), *plan.upserts.items()]
    if plan.upserts or plan.deletes or journal.payload(config.name, own.iri) != own.payload:
        about = activity.records(config, run, outcome.time, outcome.outcome, counts)
        journal.append_all(
            [(config.name, upserts, list(plan.deletes)), (v.HARVESTS, about, ())], f"harvest {config.name} {run.id}"
        )
        point("harvest.committed")
    elif outcome.outcome == "ok":
        outcome = replace(outcome, outcome="unchanged")
    return _kept(journal, kept, ready, outcome, source, len(aside))


def _aside(plan: guard.Plan) -> str:
    name, findings = next(iter(plan.bad.items()))
    return f"{len(plan.bad):,} records were set aside (first: {name[:120]}: {findings[0].reason[:200]})"


def _recover(journal: Journal, kept: Registry, ready: Ready) -> Outcome:
    """The outcome of a commit that a crash cut from its state."""
    assert ready.run is not None
    source = _source(ready.config, ready.state, ready.run)
    payload = journal.payload(v.HARVESTS, activity.name(ready.config, ready.run))
    numbers = {key: activity.number(payload, key) for key in ("written", "deleted", "setAside")}
    outcome = Outcome(
        ready.config.name, activity.text(payload, "outcome"), now(), written=numbers["written"],
        deleted=numbers["deleted"], set_aside=numbers["setAside"], seq_there=ready.run.seq, run=ready.run.id,
    )  # fmt: skip
    return _kept(journal, kept, ready, outcome, source, len(kept.quarantine(ready.config.name)))


def _kept(journal: Journal, kept: Registry, ready: Ready, outcome: Outcome, source: Source, aside: int) -> Outcome:
    """Writes the state after a harvest that went through, its outcome, and takes its files away."""
    assert ready.run is not None
    run, name = ready.run, ready.config.name
    seq = history.last_seq(journal, name)
    outcome = replace(outcome, seq=seq, seconds=round(time.monotonic() - ready.started, 3))
    state = replace(
        ready.state, kind=run.kind, namespace=source.namespace, origin=source.origin, licence=source.licence,
        seq=run.seq, local_seq=seq, feed=run.feed, validators=run.validators, outcome=outcome.outcome,
        reason=outcome.reason, mend=outcome.mend, checked=outcome.time, succeeded=outcome.time, held="",
        quarantined=aside,
    )  # fmt: skip
    work = Work(kept.place(name))
    kept.keep(name, state)
    point("harvest.kept")
    kept.log(outcome)
    point("harvest.logged")
    work.forget()
    work.clear()
    point("harvest.cleared")
    return outcome


def _hold(kept: Registry, ready: Ready, outcome: Outcome) -> Outcome:
    """Keeps the run for a person to look at."""
    assert ready.run is not None
    outcome = replace(outcome, seconds=round(time.monotonic() - ready.started, 3))
    work = Work(kept.place(ready.config.name))
    state = replace(
        ready.state, kind=ready.run.kind, outcome="held", reason=outcome.reason, mend=outcome.mend,
        checked=outcome.time, held=ready.run.id,
    )  # fmt: skip
    kept.keep(ready.config.name, state)
    point("harvest.kept")
    kept.log(outcome)
    point("harvest.logged")
    work.hold(ready.run)
    point("harvest.cleared")
    return outcome


def _end(kept: Registry, ready: Ready, ended: Ended) -> Outcome:
    """Keeps the outcome of a harvest that took nothing."""
    config, state = ready.config, ready.state
    work, moment = Work(kept.place(config.name)), now()
    reason, mend, name = ended.reason, ended.mend, ended.outcome
    if name == "unchanged" and state.held and work.waiting() is not None:
        name, reason, mend = "held", state.reason, state.mend
    outcome = Outcome(
        config.name, name, moment, round(time.monotonic() - ready.started, 3), reason, mend, requests=ready.requests,
        seq=state.local_seq, seq_there=state.seq,
    )  # fmt: skip
    state = replace(state, outcome=name, reason=reason, mend=mend, checked=moment)
    if name == "unchanged":
        state = replace(state, succeeded=moment)
    if ended.anew:
        state = replace(state, local_seq=-1, validators={})
    kept.keep(config.name, state)
    kept.log(outcome)
    work.clear()
    return outcome


def release(kept: Registry, name: str) -> bool:
    """Accepts what is held for a person, so that the next `prepare` and `finish` write it; False when nothing is."""
    kept.config(name)
    return Work(kept.place(name)).release() is not None
