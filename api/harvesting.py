"""Harvesting: sources brought in from elsewhere, several at a time, each written when its turn comes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kg.errors import FiliereError, NotFound, UserError
from kg.federation.registry import Config, Outcome, Registry, State, all_of

if TYPE_CHECKING:
    from api.engine import Engine
    from kg.federation.harvest import Ready

SECONDS = 60.0  # that a server has for one answer
JOBS = 4
HARVEST_COLUMNS = ("source", "outcome", "written", "unchanged", "deleted", "set_aside", "seconds", "reason", "mend")
STATUS_COLUMNS = (
    "name", "url", "kind", "outcome", "reason", "checked", "succeeded", "held", "quarantined", "every", "paused",
)  # fmt: skip
REPORT_COLUMNS = ("severity", "file", "row", "column", "entity", "reason", "mend")
_MOST_AT_ONCE = 16  # sources that the schedule harvests at the same time
_TICK = 0.5  # seconds between two looks at what is due
_JITTER = 0.1  # of the time between two harvests, so that not all of them come at once
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """A harvested source: what the operator said of it, and how it stands."""

    config: Config
    state: State

    def row(self) -> dict[str, Any]:
        """The two as one row."""
        stands = {key: content for key, content in asdict(self.state).items() if key not in ("config", "validators")}
        learnt = {
            "kind": self.config.kind or self.state.kind,
            "namespace": self.state.namespace or self.config.namespace,
            "licence": self.state.licence or self.config.licence,
        }
        return asdict(self.config) | stands | learnt


class Harvesting:
    """The harvested sources of a data folder."""

    def __init__(self, engine: Engine, *, seconds: float = SECONDS, ours: str = "") -> None:
        self._engine = engine
        self._seconds = seconds
        self._ours = ours  # what the origins of this node's own sources begin with
        self.registry = Registry(engine.folder.harvest)
        self._running: set[str] = set()
        self._claiming = threading.Lock()
        self._started, self._stopping = threading.Event(), threading.Event()

    def all(self) -> list[Standing]:
        """Every harvested source."""
        return [Standing(config, state) for config, state in all_of(self.registry)]

    def public(self) -> dict[str, Standing]:
        """The harvested sources that anybody may see, by name."""
        return {standing.config.name: standing for standing in self.all() if not standing.config.private}

    def one(self, name: str) -> Standing:
        """One harvested source. Raises NotFound."""
        return Standing(self.registry.config(name), self.registry.state(name))

    def pause(self, name: str, paused: bool = True) -> None:
        """Takes a source out of the schedule, or puts it back. Raises NotFound."""
        self.registry.add(replace(self.registry.config(name), paused=paused))

    def run(self, names: Sequence[str] = (), *, jobs: int = JOBS, progress: Progress | None = None) -> list[Outcome]:
        """Harvests sources (all that are not paused, when none is named), several at a time; one outcome each.

        They are written one after another, and the views brought up once at the end. Raises NotFound or UserError.
        """
        wanted = list(dict.fromkeys(names)) or [s.config.name for s in self.all() if not s.config.paused]
        for name in wanted:
            self.registry.config(name)
        outcomes: dict[str, Outcome] = {}
        waiting: dict[Future[Ready], str] = {}
        before = self._engine.journal.last_seq
        try:
            with ThreadPoolExecutor(max(1, min(jobs, len(wanted) or 1))) as pool:
                waiting.update({pool.submit(self._prepare, name): name for name in wanted})
                for count, done in enumerate(as_completed(waiting), 1):
                    outcomes[waiting[done]] = self._finish(done.result())
                    if progress:
                        progress("harvest", count, len(wanted))
        finally:
            for future, name in waiting.items():  # of those that an error left between the two steps
                if name not in outcomes and not future.exception():
                    self._let_go(name)
            if self._engine.journal.last_seq != before:
                with self._engine.writing():
                    self._engine.catch_up(progress)
                self._engine.identity.bring_up(progress)
        return [outcomes[name] for name in wanted]

    def release(self, name: str, progress: Progress | None = None) -> Outcome:
        """Accepts what is held of a source and writes it. Raises NotFound, or UserError when nothing is held."""
        from kg.federation import harvest

        with self._claimed(name):
            if not harvest.release(self.registry, name):
                raise UserError(f"Nothing of {name} is held.", f"See 'filiere sources show {name}'.")
        return self.run([name], progress=progress)[0]

    def _prepare(self, name: str) -> Ready:
        from kg.federation import harvest

        self._claim(name)
        try:
            return harvest.prepare(self.registry, self._engine.journal, name, seconds=self._seconds)
        except BaseException:
            self._let_go(name)
            raise

    def _finish(self, ready: Ready) -> Outcome:
        from kg.federation import harvest

        try:
            with self._engine.writing():
                if self._stopping.is_set():
                    raise UserError("The service is stopping.", "The harvest goes on when it starts again.")
                return harvest.finish(self._engine.journal, self.registry, ready, self._ours)
        finally:
            self._let_go(ready.config.name)

    # Never two harvests of one source at once

    def _claim(self, name: str) -> None:
        with self._claiming:
            if name in self._running:
                raise UserError(f"{name} is being harvested.", "Try again in some seconds.")
            self._running.add(name)

    def _let_go(self, name: str) -> None:
        with self._claiming:
            self._running.discard(name)

    def _claimed(self, name: str) -> _Claim:
        return _Claim(self, name)

    # The schedule

    def start(self) -> None:
        """Harvests what is due, in the background, until `stop`."""
        if not self._started.is_set():
            self._started.set()
            threading.Thread(target=self._keep_time, name="harvests", daemon=True).start()

    def stop(self) -> None:
        """Ends the schedule; what is being written is written to its end, what is being fetched is left."""
        self._stopping.set()
        with self._engine.writing():
            pass

    def _keep_time(self) -> None:
        failed: dict[str, float] = {}
        while not self._stopping.wait(_TICK):
            with suppress(FiliereError, OSError):  # what one folder has wrong must not stop the others
                for standing in self.all():
                    name = standing.config.name
                    if len(self._running) >= _MOST_AT_ONCE:
                        break
                    if name in self._running or time.monotonic() < failed.get(name, 0.0) or not due(standing):
                        continue
                    failed[name] = time.monotonic() + min(5.0, standing.config.every)
                    threading.Thread(target=self._scheduled, args=(name,), name=f"harvest {name}", daemon=True).start()

    def _scheduled(self, name: str) -> None:
        with suppress(FiliereError, OSError):  # it is tried again; `stop` may have closed what it reads
            ready = self._prepare(name)
            before = self._engine.journal.last_seq
            self._finish(ready)
            if self._engine.journal.last_seq != before:
                with self._engine.writing():
                    if not self._stopping.is_set():
                        self._engine.catch_up()
                if not self._stopping.is_set():
                    self._engine.identity.bring_up()


class _Claim:
    """Keeps a source from being harvested meanwhile."""

    def __init__(self, harvesting: Harvesting, name: str) -> None:
        self._harvesting, self._name = harvesting, name

    def __enter__(self) -> None:
        self._harvesting._claim(self._name)

    def __exit__(self, *_: object) -> None:
        self._harvesting._let_go(self._name)


def due(standing: Standing) -> bool:
    """Whether it is time to harvest a source."""
    config, state = standing.config, standing.state
    if config.paused:
        return False
    if not state.checked:
        return True
    passed = (datetime.now(UTC) - datetime.fromisoformat(state.checked)).total_seconds()
    chance = random.Random(config.name + state.checked).uniform(-_JITTER, _JITTER)
    return passed >= config.every * (1 + chance)


def needs_somebody(outcomes: Sequence[Outcome]) -> bool:
    """Whether a person should look at one of the outcomes."""
    return any(outcome.outcome not in ("ok", "unchanged") for outcome in outcomes)


def config_of(name: str, given: dict[str, Any]) -> Config:
    """A config from what a door was given. Raises UserError for what it does not know."""
    from dataclasses import fields

    from kg.federation.registry import seconds

    known = {item.name: item.type for item in fields(Config)}
    out: dict[str, Any] = {}
    for key, said in given.items():
        if key not in known or key == "name":
            mend = f"Fields are: {', '.join(sorted(set(known) - {'name'}))}."
            raise UserError(f"{str(key)[:40]!r} is no field of a harvested source.", mend)
        wanted = {"str": str, "bool": bool, "int": int}[str(known[key])]
        content = seconds(said) if key == "every" and isinstance(said, str) else said
        if not isinstance(content, wanted) or (wanted is int and isinstance(content, bool)):
            raise UserError(f"{key} is no {wanted.__name__}.", "Correct it.")
        out[key] = content
    if not out.get("url"):
        raise UserError("No address is given.", 'Give it as "url".')
    return Config(name=name, **out)


def report(registry: Registry, name: str) -> list[dict[str, Any]]:
    """The findings about what is set aside of a source. Raises NotFound."""
    if name not in registry.names():
        raise NotFound(f"No source {name[:64]!r} is harvested.", "See /harvest.")
    return [finding for findings in registry.quarantine(name).values() for finding in findings]
