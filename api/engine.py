"""Opens a data folder; the one place where kg and search meet: the journal feeds both."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import uuid4

from api import erasing
from api import folder as folders
from api.identity import Identity
from api.index import Index
from api.live import Live
from api.querying import Querying
from api.reader import Reader, SourceStatus, attribution_of, licence_of
from api.tagging import Tagging, TagList, TagRow
from kg import vocabulary as v
from kg.errors import (
    Busy,
    DamagedData,
    DataFolderError,
    FiliereError,
    NotFound,
    StorageFull,
    TooLarge,
    Unreachable,
    storage_error,
)
from kg.journal import Journal
from kg.model import Erasure, Source, TagDecision

if TYPE_CHECKING:
    from api.reconciling.desk import Desk
    from kg.endpoint import Address
    from kg.erasures import Erased
    from kg.findings import Row
    from kg.graph import EmbeddedGraph, Graph
    from kg.ingest import Report
    from kg.readers.job import RecordKind
    from kg.remote_graph import RemoteGraph
    from kg.sparql.pool import QueryResult
    from search.guests import Guests
    from search.matcher import Candidate, Matcher
    from search.query import Query
    from search.results import Matches, SourceAnswer
    from search.whynot import WhyNot

_MOST_TRIED = 200_000  # records of which a copy is made to try an update on, when the graph is elsewhere
_READY_SECONDS = 2.0  # that a graph elsewhere may take to say where it stands
_PATIENCE = 2.0  # seconds that a query waits for a snapshot of what is just being written
Progress = Callable[[str, int, int], None]  # (what is being done, done, total or 0)


@dataclass(frozen=True, slots=True)
class Status:
    """What a data folder holds and how far each view has come."""

    data: str
    journal_seq: int
    graph_seq: int
    index_seq: int
    entities: int
    actors: int
    model: str
    sources: tuple[SourceStatus, ...]
    sandbox: str = ""
    graph: str = ""
    identity_seq: int = 0
    not_compared: int = 0  # changes of records that the rules of identity have not looked at
    to_review: int = 0  # pairs of actors that wait for a person


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing `check` found, in which view, and whether it was repaired."""

    view: str
    what: str
    repaired: bool = False
    mend: str = ""


class Engine(Reader):
    """A data folder, open for reading, or for reading and writing (one writer at a time)."""

    def __init__(
        self,
        folder: folders.DataFolder,
        lock: folders.WriteLock | None,
        model: str | None,
        graph: Address | None = None,
    ) -> None:
        self.folder = folder
        self._lock = lock
        self._writing = threading.Lock()
        self._copying = threading.Lock()
        # More searches at once than there are cores only stop one another in the middle: eight clients of two cores
        # were answered half as often.
        self._searching = threading.Semaphore(os.cpu_count() or 1)
        self._sources_at: tuple[tuple[int, tuple[int, ...]], tuple[SourceAnswer, ...]] = ((-1, ()), ())
        self._graph: EmbeddedGraph | None = None
        self.remote = _remote(graph) if graph else None
        self.querying = Querying(self)
        super().__init__(Journal.open(folder.journal, create=lock is not None, read_only=lock is None))
        self.index = Index(folder.index, self.journal, model)
        self._tagging = Tagging(self, self.index)
        self.live = Live(self)
        self.identity = Identity(self, self.index.identities)

    @classmethod
    def open(
        cls,
        data: Path,
        *,
        write: bool = False,
        create: bool = False,
        model: str | None = None,
        graph: Address | None = None,
        catch_up: bool = True,
        progress: Progress | None = None,
    ) -> Engine:
        """The data folder at `data`.

        With `write`, takes the folder's lock and keeps it until `close`; every view is brought to the journal's seq
        (or, without `catch_up`, left as it is: `bring_up` does it later). Raises DataFolderError (missing, empty,
        foreign), Busy (another writer) or StorageFull. `graph` is an endpoint that keeps the graph instead of us.
        """
        folder = folders.created(data) if create and write else folders.existing(data)
        lock = folders.WriteLock(folder) if write else None
        try:
            engine = cls(folder, lock, model, graph)
            if write and catch_up:
                engine.bring_up(progress)
        except BaseException:
            if lock:
                lock.release()
            raise
        return engine

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of every file, child process and the lock."""
        self.querying.close()
        if self._graph is not None:
            self._graph.close()
        self.index.close()
        self.journal.close()
        if self._lock is not None:
            self._lock.release()

    # Bringing the views to the journal's seq

    def bring_up(self, progress: Progress | None = None) -> None:
        """Brings the packaged ontology into the journal and every view to its seq. Raises OntologyError."""
        erasing.clear_leftovers(self.folder.path)
        self._take_ontology()
        try:
            if erasing.unfinished(self):
                erasing.finish(self, progress)
            self.catch_up(progress)
        except Unreachable:
            if self.remote is None:
                raise  # a graph elsewhere follows when it can be reached again: with the next write or query

    def _take_ontology(self) -> None:
        from kg import packaged

        shutil.rmtree(self.folder.path / "snapshots", ignore_errors=True)  # of an older version
        mark = f"ontology {packaged.fingerprint()}"
        if not any(batch.note == mark for batch in self.journal.batches(v.PACKAGED, limit=1)):
            wanted = dict(packaged.load())
            gone = [iri for iri in self.journal.current(v.PACKAGED) if iri not in wanted]
            self.journal.append(v.PACKAGED, wanted.items(), gone, note=mark)

    def catch_up(self, progress: Progress | None = None) -> None:
        """Graph and index to the journal's seq, side by side; what one view lacks never holds the other back.

        The caller holds `writing()`.
        """
        with ThreadPoolExecutor(1) as beside:
            graph = beside.submit(self._catch_graph_up, progress)
            self.index.catch_up(progress)
            try:
                graph.result()
            except Unreachable as error:
                raise Unreachable(
                    f"{error.problem} The journal and the index hold what was written.",
                    f"{error.mend} The graph store follows with the next write or query.",
                ) from error
        with self._copying:
            self._suggest()

    def renew_graph(self, progress: Progress | None = None) -> None:
        """The graph made anew from the journal, and no snapshot of the old one. The caller holds `writing()`."""
        from kg import projection
        from kg.graph import EmbeddedGraph

        with self._copying:
            shutil.rmtree(self.folder.snapshots, ignore_errors=True)
            self._graph = None  # lets go of its files
            try:
                if self.remote is not None:
                    shutil.rmtree(self.folder.graph, ignore_errors=True)
                    projection.repair(self.journal, self.remote)
                else:
                    self._graph = EmbeddedGraph.renewed(self.folder.graph)
                    projection.catch_up(self.journal, self._graph, progress)
            except (OSError, RuntimeError) as error:
                raise storage_error(error, self.folder.path) from error

    def _catch_graph_up(self, progress: Progress | None) -> None:
        from kg import projection
        from kg.graph import EmbeddedGraph, is_corruption

        if self.remote is not None:
            projection.catch_up(self.journal, self.remote, progress)
            return
        try:
            try:
                projection.catch_up(self.journal, self.graph, progress)
            except (OSError, RuntimeError) as error:
                if not is_corruption(error):
                    raise
                self._graph = None  # lets go of the damaged files
                self._graph = EmbeddedGraph.renewed(self.folder.graph)
                projection.catch_up(self.journal, self._graph, progress)
        except (OSError, RuntimeError) as error:
            raise storage_error(error, self.folder.path) from error

    def _suggest(self, anew: bool = False, graph: Graph | None = None) -> bool:
        """Brings the graph of suggested tags to what the index says; whether it then stands at the graph's seq.

        The caller holds `_copying`, so that no snapshot is taken of half of it. An index that is damaged says nothing.
        `anew` trusts nothing that stands.
        """
        from kg import projection, suggested
        from search import tags

        try:
            generation = self.index.current()
        except DamagedData:
            return True
        seq, made_by = generation.seq, generation.made_by
        graph = graph or self.view
        applied = graph.applied_seq()
        if anew or not suggested.stands(graph, seq, made_by):
            projection.drop_snapshot(self.folder.snapshots, applied)
            said = suggested.Tags(
                seq,
                made_by,
                generation.actor_count,
                lambda: tags.suggested(generation),
                lambda actor: tags.of(generation, actor),
            )
            try:
                suggested.bring_up(graph, self.journal, said, lambda after: self.index.touched(after, seq), anew)
            except (OSError, RuntimeError) as error:
                raise storage_error(error, self.folder.path) from error
        return seq == applied

    @property
    def view(self) -> Graph:
        """The graph view, wherever it is kept."""
        return self.remote or self.graph

    @property
    def graph(self) -> EmbeddedGraph:
        """The embedded graph; only a writer opens it, since Oxigraph allows one process at a time."""
        if self._graph is None:
            from kg.graph import EmbeddedGraph

            self._graph = EmbeddedGraph.open(self.folder.graph, create=True)
        return self._graph

    def writing(self) -> threading.Lock:
        """The lock that a writer holds while it writes. Raises Busy when the folder was opened for reading."""
        if self._lock is None:
            raise Busy(f"{self.folder.path} was opened for reading only.", "Open it with write=True.")
        return self._writing

    # Writing

    def import_files(
        self,
        paths: Sequence[Path],
        source: Source,
        *,
        record: RecordKind = "actor",
        mapping_file: Path | None = None,
        strict: bool = False,
        dry_run: bool = False,
        partial: bool = False,
        allow_deletions: bool = False,
        later: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Makes the files the new complete version of the source (with `partial`: adds and changes, deletes nothing).

        With `later` the views are left as they are; `bring_up` brings them to what was written.
        Raises RefusedInput for a file that cannot be read at all, or with `strict` for any bad row, and Held when
        more than max(5, 2 %) of the source would be deleted and `allow_deletions` is not given.
        """
        from kg.intake import parse
        from kg.readers.job import Job

        jobs = [Job(path, record, mapping_file) for path in paths]
        return self._ingest(
            source,
            parse(jobs, source),
            strict=strict,
            dry_run=dry_run,
            partial=partial,
            allow_deletions=allow_deletions,
            later=later,
            progress=progress,
        )

    def import_sample(self, *, dry_run: bool = False, progress: Progress | None = None) -> Report:
        """Makes the packaged sample the new complete version of its source (id "crisis2020")."""
        from kg import sample
        from kg.intake import parse

        rows = parse(sample.jobs(), sample.SOURCE)
        return self._ingest(sample.SOURCE, rows, dry_run=dry_run, allow_deletions=True, progress=progress)

    def add_vocabulary(
        self, path: Path, scheme: str, *, strict: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> Report:
        """Makes the file (SKOS in any RDF form, or TSV/CSV with a column a language) the scheme's new version."""
        from kg.intake import parse
        from kg.readers.job import Job

        v.check_source_name(scheme)
        title = f"Vocabulary {scheme}"
        source = Source(id=f"vocabulary-{scheme}", title=title, namespace=v.concept_namespace(scheme))
        rows = parse([Job(path, "concept", scheme=scheme)], source)
        return self._ingest(source, rows, strict=strict, dry_run=dry_run, allow_deletions=True, progress=progress)

    @property
    def ready(self) -> bool:
        """Whether every view stands at the journal's seq."""
        seq = self.journal.last_seq
        if not seq or self.index.seq < seq:
            return False
        if self.remote is not None:
            try:
                return self.remote.state(_READY_SECONDS).seq >= seq and self._suggested_problem() == ""
            except Unreachable:
                return False
        return self._graph is None or (self._graph.applied_seq() >= seq and self._suggested_problem() == "")

    def decide(self, actor: str, competency: str, verdict: str, *, who: str = "", note: str = "") -> TagRow:
        """Confirms or rejects that an actor has a competency, for every search from now on; the tag as it then stands.

        Raises NotFound or UserError for a name that means nothing or several, UserError for another verdict,
        RefusedInput for a note that cannot be stored.
        """
        from kg import decisions

        with self.writing():
            decision = self._tagging.decision(actor, competency, verdict, who, note)
            decisions.decide(self.journal, decision)
            self.catch_up()
        return self._tagging.decided(decision)

    def withdraw(self, actor: str, competency: str) -> TagDecision:
        """Takes a decision back, so that the index alone speaks again. Returns it. Raises NotFound or UserError."""
        from kg import decisions

        with self.writing():
            names = self._tagging.names(actor, competency)
            withdrawn = decisions.withdraw(self.journal, *names)
            self.catch_up()
        return withdrawn

    def erase(self, names: Iterable[str], *, reason: str = "", progress: Progress | None = None) -> Erased:
        """Erases records (ids of actors, or IRIs) from every source, view and past version, and keeps them away.

        Raises NotFound, UserError or RefusedInput, and then nothing was erased.
        """
        with self.writing():
            return erasing.erase(self, names, reason, progress)

    def erasures(self) -> list[Erasure]:
        """What was erased, by its hash, oldest first."""
        from kg import erasures

        return erasures.standing(self.journal)

    def lift_erasure(self, name: str) -> Erasure:
        """Lets what was erased be said again; it does not bring it back. Raises NotFound or UserError."""
        with self.writing():
            return erasing.lifted(self, name)

    def remove_source(self, name: str) -> int:
        """Takes everything a source said out of every view; the journal keeps that it was said. Number of records.

        A source that is harvested is harvested no more.
        """
        from kg.federation.registry import Registry

        with self.writing():
            live = self.journal.current(name)
            registry = Registry(self.folder.harvest)
            if name in registry.names():
                registry.remove(name)
                if not live:
                    return 0
            if not live or name in (v.PACKAGED, v.HARVESTS, v.IDENTITIES, v.ERASURES):
                raise NotFound(f"There is no source {name!r} that can be removed.", "See 'filiere sources'.")
            self.journal.append(name, (), live, note="removed")
            self.catch_up()
        return len(live)

    def describe_source(self, name: str, **given: str | None) -> Source:
        """Says something else of a source: its title, licence … Raises NotFound or RefusedInput."""
        from kg.ingest import describe
        from kg.validation import Validator

        with self.writing():
            self._ours(name)
            source = self.described(name, **given)
            if describe(self.journal, source, Validator.packaged()):
                self.catch_up()
        return source

    def restore_source(self, name: str, moment: str) -> tuple[int, int]:
        """Makes what a source said at a moment its version again: (records, of which changed). `undo` takes it back.

        Raises NotFound when it said nothing then, UserError for a moment that is none.
        """
        from kg import history

        with self.writing():
            self._ours(name, gone=True)
            seq = history.seq_at(self.journal, history.moment(moment))
            before = {change.iri: change.payload for change in history.as_of(self.journal, name, seq)}
            if not before:
                raise NotFound(f"The source {name!r} said nothing at {moment}.", "See 'filiere history --source NAME'.")
            gone = [iri for iri in self.journal.current(name) if iri not in before]
            batch = self.journal.append(name, before.items(), gone, note=f"restored {uuid4()}")
            self.catch_up()
        return len(before), batch.upserts + batch.deletes if batch else 0

    def _ours(self, name: str, gone: bool = False) -> None:
        """Raises NotFound for a source that is Filière's own or, unless `gone` is allowed, that is not there."""
        if name in v.OURS or not (gone or self.journal.current(name)):
            raise NotFound(f"There is no source {name[:64]!r} that can be changed.", "See 'filiere sources'.")

    def _ingest(
        self,
        source: Source,
        rows: Iterable[Row],
        *,
        strict: bool = False,
        dry_run: bool = False,
        partial: bool = False,
        allow_deletions: bool = False,
        later: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        from kg.ingest import ingest
        from kg.validation import Validator

        with self.writing():
            report = ingest(
                self.journal,
                source,
                rows,
                validator=Validator.packaged(),
                strict=strict,
                dry_run=dry_run,
                partial=partial,
                allow_deletions=allow_deletions,
            )
            if later and not dry_run:
                self._take_ontology()  # who only reads builds a missing index from the journal as it stands
            elif not dry_run:
                self.catch_up(progress)
        return report

    # Reading

    @property
    def seq(self) -> int:
        """The journal's number of the last change."""
        return self.journal.last_seq

    def search(self, query: Query) -> Matches:
        """The actors that can meet a need, with the reasons. A damaged index is built again first."""
        return self.answered(self.matcher(), query)

    def matcher(self) -> Matcher:
        """What answers needs. A damaged index is built again first."""
        try:
            return self.index.matcher()
        except DamagedData:
            self._repair_index()
            return self.index.matcher()

    def candidates(self, query: Query) -> list[Candidate]:
        """Who may be an answer to a need, whether or not anybody is shown here."""
        matcher = self.matcher()
        with self._searching:
            return matcher.candidates(query)

    def answered(self, matcher: Matcher, query: Query, guests: Sequence[Guests] = ()) -> Matches:
        """A matcher's answer, with the actors of other nodes beside our own, and how our sources took part."""
        with self._searching:
            found = matcher.search(query, guests)
        told = self.sources_of(match.actor.iri for match in found.results)
        results = tuple(replace(match, sources=told.get(match.actor.iri, ())) for match in found.results)
        return replace(found, results=results, sources=self._answering())

    def why_not(self, query: Query, actor: str) -> WhyNot:
        """Why an actor (id or IRI) is not among the answers to a need, and what would bring it in. Raises NotFound."""
        return self.index.matcher().why_not(query, self.actor(actor).iri)

    def tags(
        self, actor: str = "", competency: str = "", state: str = "", *, limit: int = 100, offset: int = 0,
        lang: str = "en",
    ) -> TagList:  # fmt: skip
        """The competencies that actors are tagged with: what persons decided, newest first, then what is suggested.

        `state` is suggested, confirmed or rejected. Raises NotFound or UserError for a name or a bound that is wrong.
        """
        try:
            return self._tagging.list(actor, competency, state, limit, offset, lang)
        except DamagedData:
            self._repair_index()
            return self._tagging.list(actor, competency, state, limit, offset, lang)

    @cached_property
    def reconciling(self) -> Desk:
        """Which actors and competencies the cells of a spreadsheet mean."""
        from api.reconciling.desk import Desk

        return Desk(self, self.index, self._repair_index)

    def _repair_index(self) -> None:
        """Builds the index again; what was made from it follows, at once or with the next snapshot."""
        if self._lock is not None:
            self.index.rebuild()
            with self._copying:
                self._suggest()
            return
        lock = folders.WriteLock(self.folder)
        try:
            self.index.rebuild()
            shutil.rmtree(self.folder.snapshots, ignore_errors=True)  # what they suggest may be another encoder's
        finally:
            lock.release()

    def _answering(self) -> tuple[SourceAnswer, ...]:
        """How each source took part, read again only when the journal or what is known of a harvest has moved."""
        from kg.federation.registry import Registry, all_of
        from search.results import SourceAnswer

        mark, answers = self._sources_at
        registry = Registry(self.folder.harvest)
        if mark != (self.seq, registry.stamp()):
            mark = (self.seq, registry.stamp())
            stands: dict[str, str] = {}
            with suppress(FiliereError):  # a damaged state must not stop a search; 'filiere harvest' tells of it
                stands = {config.name: state.outcome for config, state in all_of(registry)}
            answers = tuple(
                SourceAnswer(
                    id=s.id,
                    status=stands[s.id] if stands.get(s.id) in ("stale", "gone") else "ok",
                    as_of=s.as_of,
                    count=s.entities,
                    licence=licence_of(s),
                    attribution=attribution_of(s),
                )
                for s in self.sources()
                if s.id not in v.OURS
            )
            self._sources_at = (mark, answers)
        return answers

    # SPARQL

    def sparql(
        self,
        text: str,
        accept: str = "",
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        *,
        seq: int | None = None,
        max_rows: int | None = None,
    ) -> QueryResult:
        """A query over a snapshot, in a child process. Raises QueryRefused, QueryTimeout, TooLarge or NotFound."""
        return self.querying.query(text, accept, default_graphs, named_graphs, seq=seq, max_rows=max_rows)

    def snapshot(self) -> Path:
        """The newest snapshot, made first when this process may write and it lags behind."""
        from kg import projection

        newest = projection.latest_snapshot(self.folder.snapshots)
        if self._lock is not None:
            # While much is being written, queries are answered from the snapshot before it.
            if not self._copying.acquire(timeout=_PATIENCE if newest else -1):
                assert newest is not None
                return newest
            try:
                whole = self._suggest()
                newest = projection.latest_snapshot(self.folder.snapshots)
                return projection.snapshot(self.graph, self.folder.snapshots) if whole or newest is None else newest
            finally:
                self._copying.release()
        if newest is not None and projection.snapshot_seq(newest) >= self.journal.last_seq:
            return newest
        try:
            with Engine.open(self.folder.path, write=True, model=self.index.model, catch_up=False) as writer:
                if erasing.unfinished(writer):
                    writer.bring_up()
                writer._catch_graph_up(None)
                return writer.snapshot()
        except Busy:
            if newest is None:
                raise
            return newest

    def keep_up(self) -> None:
        """Brings a graph elsewhere to the journal's seq before a query, unless somebody is writing: then it is near."""
        if self.remote is None:
            return
        state = self.remote.state()
        if state.whole and state.seq >= self.journal.last_seq:
            return
        if self._lock is None:
            try:
                with Engine.open(
                    self.folder.path, write=True, model=self.index.model, graph=self.remote.endpoint.address
                ):
                    return
            except Busy:
                return
        if self._writing.acquire(blocking=False):
            try:
                self.catch_up()
            finally:
                self._writing.release()

    def copy_graph(self, target: Path) -> None:
        """A copy of the embedded graph on which an update is tried. The caller holds `writing()`.

        When the graph is elsewhere, an embedded one is kept beside it for updates, brought up at the first of them.
        Raises TooLarge where that would take too long.
        """
        if self.remote is not None:
            from kg import projection

            records = sum(self.journal.counts().values())
            if records > _MOST_TRIED:
                raise TooLarge(
                    f"An update is tried on a copy of the graph; with {records:,} records that takes too long.",
                    "Send statements to /graphs, import a file, or keep the graph embedded.",
                )
            projection.catch_up(self.journal, self.graph)
            with self._copying:
                self._suggest(graph=self.graph)
        self.graph.backup(target)

    # Keeping

    def status(self) -> Status:
        """What the folder holds and how far each view has come; reads nothing but marks and counts."""
        try:
            generation = self.index.open()
        except DamagedData:
            generation = None
        return Status(
            data=str(self.folder.path),
            journal_seq=self.journal.last_seq,
            graph_seq=self._graph_seq(),
            index_seq=generation.seq if generation else 0,
            entities=sum(self.journal.counts().values()),
            actors=generation.actor_count if generation else 0,
            model=self.index.encoder.name,
            sources=tuple(self.sources()),
            graph=self.remote.endpoint.address.query if self.remote else "",
            identity_seq=self.identity.seq(),
            not_compared=self.identity.behind(),
            to_review=self.identity.to_review(),
        )

    def _graph_seq(self) -> int:
        """How far the graph has come; of one that another process writes to, how far its newest snapshot is."""
        from kg import projection
        from kg.graph import EmbeddedGraph

        if self.remote is not None:
            return self.remote.applied_seq()
        if self._graph is not None:
            return self._graph.applied_seq()
        try:
            lock = folders.WriteLock(self.folder)
        except (Busy, StorageFull, DataFolderError):
            newest = projection.latest_snapshot(self.folder.snapshots)
            return projection.snapshot_seq(newest) if newest else 0
        try:
            return EmbeddedGraph.applied_in(self.folder.graph) if self.folder.graph.is_dir() else 0
        finally:
            lock.release()

    def check(self, repair: bool = False) -> list[Problem]:
        """Compares journal, graph and index; with `repair` builds again what does not agree with the journal."""
        from kg import projection

        problems = [
            Problem("journal", what, mend="Restore the newest backup: 'filiere restore ARCHIVE --data NEW'.")
            for what in self.journal.verify()
        ]
        if problems:
            return problems
        for what in projection.check(self.journal, self.view):
            problems.append(Problem("graph", what, repair, "" if repair else "Run 'filiere check --repair'."))
        if problems and repair:
            with self.writing():
                projection.repair(self.journal, self.view)
        damage = self.index.check()
        if damage:
            if repair:
                with self.writing():
                    self.index.rebuild()
            problems.append(Problem("index", damage, repair, "" if repair else "Run 'filiere check --repair'."))
        elif not problems and (wrong := self._suggested_problem(whole=True)):
            problems.append(Problem("graph", wrong, repair, "" if repair else "Run 'filiere check --repair'."))
        if problems and repair:
            with self._copying:
                self._suggest(anew=True)
        return problems

    def _suggested_problem(self, whole: bool = False) -> str:
        """What is wrong with the graph of suggested tags beside the index, or ""; `whole` compares all it says."""
        from kg import suggested

        generation = self.index.current()
        if not whole and suggested.stands(self.view, generation.seq, generation.made_by):
            return ""
        return suggested.check(self.view, generation.seq, generation.made_by)

    def backup(self, target: Path) -> Path:
        """One .tar.gz with the journal and the tokens; views are built again from it. Returns the archive's path."""
        from api.archive import write_archive

        return write_archive(self.folder, self.journal, target)

    @staticmethod
    def restore(
        archive: Path, data: Path, *, model: str | None = None, graph: Address | None = None,
        progress: Progress | None = None,
    ) -> Status:  # fmt: skip
        """A new data folder from a backup; `data` must not exist or be empty. Raises RefusedInput, DamagedData."""
        from api.archive import read_archive

        read_archive(archive, data)
        with Engine.open(data, write=True, model=model, graph=graph, progress=progress) as engine:
            return engine.status()


def _remote(address: Address) -> RemoteGraph:
    from kg.endpoint import Endpoint
    from kg.remote_graph import RemoteGraph

    return RemoteGraph(Endpoint(address))
