"""Which actors are one: what the rules found and persons decided, listed, decided on, and shown side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kg import vocabulary as v
from kg.errors import NotFound, UserError
from kg.identity import decisions
from kg.identity.decisions import PERSON, RULE, Standing
from kg.model import IDENTITY_VERDICTS, Actor, IdentityDecision

if TYPE_CHECKING:
    from api.engine import Engine
    from kg.identity.linking import Linked, Linking

STATES = IDENTITY_VERDICTS
VERDICTS = ("same", "different")  # that a person may give
MOST_PAIRS = 1000  # in one answer
MOST_OFFSET = 1_000_000
IDENTITY_COLUMNS = (
    *("one_id", "one_name", "one_source", "other_id", "other_name", "other_source", "verdict", "by", "probability"),
    *("because", "who", "date", "note", "one", "other"),
)
_QUOTED = 100  # characters of a word that are repeated


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """A pair of actors: who they are, the verdict, by whom, how surely, and why."""

    one: str
    one_id: str
    one_name: str
    one_source: str
    other: str
    other_id: str
    other_name: str
    other_source: str
    verdict: str  # one of STATES
    by: str  # "rule" or "person"
    probability: float | None = None  # 0 to 1, by the rules
    because: tuple[str, ...] = ()
    who: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class IdentityList:
    """One page of pairs; `total` counts all that were asked for."""

    total: int
    pairs: tuple[IdentityRow, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """An actor as the other sources describe it, each in its own words, and the decisions that say so."""

    others: tuple[Actor, ...] = ()
    decisions: tuple[IdentityRow, ...] = ()


class Identity:
    """The decisions on which actors of a data folder are one."""

    def __init__(self, engine: Engine, standing: Standing) -> None:
        self._engine = engine
        self._standing = standing
        self._kept: Linking | None = None

    # The rules

    def bring_up(self, progress: Callable[[str, int, int], None] | None = None) -> Linked:
        """Compares who changed since the last run with all others, writes what the rules decide, and lets every view
        follow. For whoever has written actors: it takes the lock of writing itself, and costs little where little
        changed."""
        return self.run(progress=progress)

    def run(
        self, *, whole: bool = False, dry_run: bool = False, progress: Callable[[str, int, int], None] | None = None
    ) -> Linked:
        """The same; with `whole` everybody is compared anew, with `dry_run` nothing is written."""
        with self._engine.writing():
            done = self._linking().run(whole=whole, dry_run=dry_run, progress=progress)
            if not dry_run and (done.written or done.withdrawn):
                self._engine.catch_up(progress)
        return done

    def seq(self) -> int:
        """The journal's number of the last change that the rules have looked at; 0 when they never ran."""
        from kg.identity.blocking import Catalogue

        return Catalogue.seq_in(self._engine.folder.identity)

    def behind(self) -> int:
        """How many changes of records the rules have not looked at."""
        rows = self._engine.journal.rows(
            f"SELECT count(*) FROM changes WHERE seq > ? AND source NOT IN ({','.join('?' * len(v.OURS))})",
            (self.seq(), *v.OURS),
        )
        return int(rows[0][0])

    def to_review(self) -> int:
        """How many pairs wait for a person."""
        rows = self._engine.journal.rows(
            "SELECT count(*) FROM live l JOIN changes c ON c.seq = l.seq "
            "WHERE l.source = ? AND instr(c.payload, ?) > 0",
            (v.IDENTITIES, f'<{v.NS}verdict> "review"'),
        )
        return int(rows[0][0])

    def _linking(self) -> Linking:
        if self._kept is None:
            from kg.identity.linking import Linking

            self._kept = Linking(self._engine.journal, self._engine.folder.identity, self._standing)
        return self._kept

    # Looking

    def list(self, state: str = "", actor: str = "", *, limit: int = 100, offset: int = 0) -> IdentityList:
        """One page of pairs: those to review first the likeliest, others first what persons decided.

        Raises NotFound or UserError for a name, a state or a bound that is wrong.
        """
        if state and state not in STATES:
            raise UserError(f"The state {state[:_QUOTED]!r} is unknown.", f"Use one of: {', '.join(STATES)}.")
        if not 1 <= limit <= MOST_PAIRS:
            raise UserError(f"limit is {limit}; it must be between 1 and {MOST_PAIRS:,}.", "Ask for further pages.")
        if not 0 <= offset <= MOST_OFFSET:
            raise UserError(f"offset is {offset}; it must be between 0 and {MOST_OFFSET:,}.", "Name an actor.")
        standing = self._standing.refreshed()
        found = standing.on(self._named(actor)) if actor else standing.all()
        wanted = [decision for decision in found if state in ("", decision.verdict)]
        wanted.sort(key=lambda d: (d.verdict != "review", d.by != PERSON, -(d.probability or 0.0), d.actors))
        return IdentityList(len(wanted), tuple(map(self._row, wanted[offset : offset + limit])))

    def merged(self, actor: str) -> Merged:
        """The other actors that are one with this one, named by its IRI, and why."""
        standing = self._standing.refreshed()
        group = standing.group(actor)
        others = tuple(filter(None, map(self._maybe, (iri for iri in group if iri != actor))))
        within = {
            d.iri: d for iri in group for d in standing.on(iri) if d.verdict == "same" and set(d.actors) <= set(group)
        }
        return Merged(others, tuple(self._row(within[iri]) for iri in sorted(within)))

    # Deciding

    def decide(self, one: str, other: str, verdict: str, *, who: str = "", note: str = "") -> IdentityRow:
        """A person's word on whether two actors (ids or IRIs) are one, for every search from now on; the pair as it
        then stands. It outranks the rules and survives their runs.

        Raises NotFound or UserError for a name that means nothing or several, RefusedInput for a note that cannot be
        stored, and UserError where "same" would join actors that are registered apart or held apart.
        """
        from kg.identity.linking import hindrance

        if verdict not in VERDICTS:
            raise UserError(f"The verdict is {verdict[:_QUOTED]!r}.", f"Use one of: {', '.join(VERDICTS)}.")
        engine = self._engine
        with engine.writing():
            standing = self._standing.refreshed()
            left, right = self._two(one, other)
            if verdict == "same":
                if why := hindrance(engine.journal, standing, left, right):
                    raise UserError(
                        f"{one[:_QUOTED]} and {other[:_QUOTED]} are registered apart: {why}.",
                        "Two registered numbers are two actors; have the wrong number corrected at its source.",
                    )
                self._check_foes(standing, left, right)
            known = standing.get(left, right, PERSON)
            ruled = standing.get(left, right, RULE)
            date = datetime.now(UTC).date().isoformat()
            if known and (known.verdict, known.who, known.note) == (verdict, who, note):
                date = known.date
            decision = decisions.made(
                left, right, verdict, PERSON, date, who=who, note=note,
                probability=ruled.probability if ruled else None, because=ruled.because if ruled else (),
            )  # fmt: skip
            decisions.check(decision)
            decisions.write(engine.journal, [decision])
            engine.catch_up()
        return self._row(decision)

    def undo(self, one: str, other: str) -> IdentityRow:
        """Takes the decision on two actors back: a person's, so that the rules speak again, else the rules' own, until
        one of the two changes or everybody is compared anew. Returns what was taken back. Raises NotFound."""
        engine = self._engine
        with engine.writing():
            standing = self._standing.refreshed()
            left, right = self._two(one, other)
            decision = standing.get(left, right, PERSON) or standing.get(left, right, RULE)
            if decision is None:
                by_way = right in standing.group(left)
                raise NotFound(
                    f"Nothing was decided on {one[:_QUOTED]} and {other[:_QUOTED]}.",
                    "They are one by way of others: reject the pair, or see 'filiere identity list' with --actor."
                    if by_way
                    else "See 'filiere identity list'.",
                )
            decisions.write(engine.journal, [], [decision.iri])
            engine.catch_up()
        return self._row(decision)

    def undo_rules(self) -> int:
        """Takes back all that the rules decided; what persons decided stays. How many decisions."""
        engine = self._engine
        with engine.writing():
            gone = [decision.iri for decision in self._standing.refreshed().records() if decision.by == RULE]
            decisions.write(engine.journal, [], gone, note="identity rules undone")
            engine.catch_up()
        return len(gone)

    def _check_foes(self, standing: Standing, left: str, right: str) -> None:
        mine, theirs = set(standing.group(left)), set(standing.group(right))
        if mine == theirs:
            return
        for one, other in standing.apart():
            if {one, other} != {left, right} and (
                (one in mine and other in theirs) or (one in theirs and other in mine)
            ):
                raise UserError(
                    f"That would join {one} and {other}, which a person holds apart.",
                    "Undo that decision first: filiere identity undo, with these two.",
                )

    def _two(self, one: str, other: str) -> tuple[str, str]:
        left, right = self._named(one), self._named(other)
        if left == right:
            raise UserError(f"{one[:_QUOTED]} and {other[:_QUOTED]} name the same record.", "Name two.")
        return left, right

    def _named(self, actor: str) -> str:
        """The IRI that a name means; that of a decision counts even when its actor is no longer here."""
        return actor if self._standing.on(actor) else self._engine.the_actor(actor).iri

    def _maybe(self, iri: str) -> Actor | None:
        try:
            return self._engine.actor(iri)
        except NotFound:
            return None

    def _row(self, decision: IdentityDecision) -> IdentityRow:
        shown = []
        for iri in decision.actors:
            actor = self._maybe(iri)
            shown.append(
                (
                    iri,
                    actor.id if actor else v.local_name(iri),
                    actor.name if actor else "",
                    actor.source if actor else "",
                )
            )
        return IdentityRow(
            *shown[0], *shown[1], decision.verdict, decision.by, decision.probability, decision.because,
            decision.who, decision.date, decision.note,
        )  # fmt: skip
