"""Brings the rules' decisions up to what the journal holds: who changed is compared with all others, nobody else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import vocabulary as v
from kg.identity.blocking import Catalogue
from kg.identity.decisions import PERSON, RULE, Groups, Standing, made, says_the_same, write
from kg.identity.identifiers import register_of, shown
from kg.identity.linkage import NEVER, REVIEW, SAME, Comparison, compare, numbers
from kg.identity.profiles import Profile, of_payload
from kg.journal import Journal
from kg.model import IdentityDecision

_ANEW = 0.5  # share of all actors that may have changed before everything is compared anew
_FEW = 100  # actors; of fewer the catalogue is never made anew
_MOST_ASKED = 5  # pairs of one actor that a person is asked about at a time, the likeliest
_STEP = 20_000  # pairs between two words of progress
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Linked:
    """What a run did: actors looked at, pairs compared, what the rules say now of these, records changed, seconds."""

    actors: int = 0
    pairs: int = 0
    same: int = 0
    review: int = 0
    different: int = 0
    written: int = 0
    withdrawn: int = 0
    seconds: float = 0.0
    decisions: tuple[IdentityDecision, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class Found:
    """Comparisons by what they say."""

    same: list[tuple[str, str, Comparison]] = field(default_factory=list)
    review: list[tuple[str, str, Comparison]] = field(default_factory=list)
    different: list[tuple[str, str, Comparison]] = field(default_factory=list)


class Linking:
    """The rules over one journal, with a catalogue of all actors that is kept in a file."""

    def __init__(self, journal: Journal, path: Path, standing: Standing) -> None:
        self._journal = journal
        self._path = path
        self._standing = standing
        self._catalogue: Catalogue | None = None

    def catalogue(self) -> Catalogue:
        """The catalogue as it was kept; an empty one where there is none that can be used."""
        if self._catalogue is None:
            self._catalogue = Catalogue.read(self._path) or Catalogue.empty()
        return self._catalogue

    def behind(self) -> int:
        """How many changes of actors have not been looked at."""
        rows = self._journal.rows(
            f"SELECT count(*) FROM changes WHERE seq > ? AND source NOT IN ({','.join('?' * len(v.OURS))})",
            (self.catalogue().seq, *v.OURS),
        )
        return int(rows[0][0])

    def run(self, *, whole: bool = False, dry_run: bool = False, progress: Progress | None = None) -> Linked:
        """Compares who changed since the last run (with `whole`, everybody) and writes what the rules decide.

        With `dry_run` nothing is written, and the catalogue stays as it is in its file.
        """
        started = time.perf_counter()
        catalogue, touched, gone = self._brought_up(whole)
        everybody = len(touched) == len(catalogue)
        pairs = catalogue.pairs(None if everybody else touched)
        found = _compared(catalogue, pairs, progress)
        iris = {catalogue.profile(number).iri for number in touched} | set(gone)
        standing = self._standing.refreshed()
        decided = list(_decided(catalogue, standing, found, iris))
        kept = {decision.iri: decision for decision in decided}
        of_these = [d for d in standing.records() if d.by == RULE and (everybody or not iris.isdisjoint(d.actors))]
        known = {decision.iri: decision for decision in of_these}
        new = [d for d in decided if d.iri not in known or not says_the_same(d, known[d.iri])]
        old = [iri for iri in known if iri not in kept]
        if dry_run:
            self._catalogue = None
        else:
            note = "identity rules" if new or old else ""
            write(self._journal, new, old, note)
            if touched or gone or not self._path.is_file():
                catalogue.write(self._path)
        count = {verdict: sum(d.verdict == verdict for d in decided) for verdict in ("same", "review", "different")}
        return Linked(
            len(touched), len(pairs), **count, written=len(new), withdrawn=len(old),
            seconds=round(time.perf_counter() - started, 2), decisions=tuple(decided),
        )  # fmt: skip

    def _brought_up(self, whole: bool) -> tuple[Catalogue, list[int], list[str]]:
        """The catalogue at the journal's seq, the numbers of who changed, and the IRIs of who is gone."""
        catalogue, until = self.catalogue(), self._journal.last_seq
        changed: dict[str, None] = {}
        if not whole and 0 < catalogue.seq <= until:
            for change in self._journal.read(catalogue.seq, until):
                if change.source not in v.OURS:
                    changed[change.iri] = None
            whole = len(changed) > max(_ANEW * len(catalogue), _FEW) or catalogue.dead > max(len(catalogue), _FEW)
        else:
            whole = True
        if whole:
            catalogue = self._catalogue = Catalogue.empty()
            return catalogue, catalogue.changed(_unique(self._everybody()), (), until), []
        profiles, gone = self._now(changed)
        return catalogue, catalogue.changed(profiles, gone, until), gone

    def _everybody(self) -> Iterator[Profile]:
        for change in self._journal.entities():
            if change.source not in v.OURS and (found := of_payload(change.iri, change.source, change.payload)):
                yield found

    def _now(self, iris: Iterable[str]) -> tuple[list[Profile], list[str]]:
        """(what the actors of these IRIs are now, those that are none any more)."""
        profiles: list[Profile] = []
        gone: list[str] = []
        for iri in iris:
            told = (of_payload(iri, change.source, change.payload) for change in self._journal.entity(iri))
            first = next(filter(None, told), None)
            profiles += [first] if first else []
            gone += [] if first else [iri]
        return profiles, gone


def hindrance(journal: Journal, standing: Standing, one: str, other: str) -> str:
    """Why two actors cannot be one whatever a person says: their groups are registered apart; "" when they can."""
    profiles: list[list[Profile]] = []
    for actor in (one, other):
        told = (of_payload(c.iri, c.source, c.payload) for iri in standing.group(actor) for c in journal.entity(iri))
        profiles.append([profile for profile in told if profile])
    for mine in profiles[0]:
        for theirs in profiles[1]:
            if why := numbers(mine, theirs)[1]:
                return why
    return ""


def _unique(profiles: Iterable[Profile]) -> Iterator[Profile]:
    """The first that each IRI is described by."""
    seen: set[str] = set()
    for profile in profiles:
        if profile.iri not in seen:
            seen.add(profile.iri)
            yield profile


def _compared(catalogue: Catalogue, pairs: NDArray[np.int64], progress: Progress | None) -> Found:
    out = Found()
    for start in range(0, len(pairs), _STEP):
        if progress:
            progress("pairs", start, len(pairs))
        for left, right in pairs[start : start + _STEP].tolist():
            one, other = catalogue.profile(left), catalogue.profile(right)
            said = compare(one, other, catalogue)
            if said.verdict == SAME:
                out.same.append((one.iri, other.iri, said))
            elif said.verdict == REVIEW:
                out.review.append((one.iri, other.iri, said))
            elif said.verdict == NEVER and said.likely:
                out.different.append((one.iri, other.iri, said))
    return out


def _decided(
    catalogue: Catalogue, standing: Standing, found: Found, touched: Collection[str]
) -> Iterator[IdentityDecision]:
    """What the rules decide, each pair once; what a person decided on is left to the person."""
    date = datetime.now(UTC).date().isoformat()
    groups = _Registered(catalogue, standing, touched)
    for one, other, said in found.different:
        yield made(one, other, "different", RULE, date, probability=0.0, because=said.because)
    doubtful = list(found.review)
    for one, other, said in sorted(found.same, key=_strongest_first):
        if standing.get(one, other, PERSON) or groups.together(one, other):
            continue
        if why := groups.refused(one, other):
            doubtful.append((one, other, said._replace(because=(why, *said.because))))
        else:
            groups.join(one, other)
            yield made(one, other, "same", RULE, date, probability=said.probability, because=said.because)
    asked: set[frozenset[int]] = set()
    often: Counter[str] = Counter()
    for one, other, said in sorted(doubtful, key=_strongest_first):
        both = frozenset((id(groups.of(one)), id(groups.of(other))))
        if (
            max(often[one], often[other]) < _MOST_ASKED
            and len(both) == 2
            and both not in asked
            and not standing.get(one, other, PERSON)
            and not groups.foes(one, other)
        ):
            asked.add(both)
            often.update((one, other))
            yield made(one, other, "review", RULE, date, probability=said.probability, because=said.because)
    yield from _conflicts(groups, standing, touched, date)


def _strongest_first(link: tuple[str, str, Comparison]) -> tuple[float, tuple[str, ...]]:
    return -link[2].probability, tuple(sorted(link[:2]))


def _conflicts(
    groups: _Registered, standing: Standing, touched: Collection[str], date: str
) -> Iterator[IdentityDecision]:
    """Holds apart whom persons joined and whose registered numbers have come to differ."""
    told: set[frozenset[str]] = set()
    for actor in sorted(touched):
        if not any(decision.by == PERSON for decision in standing.on(actor)):
            continue
        for other in standing.group(actor):
            if other != actor and frozenset((actor, other)) not in told and (why := groups.differing(actor, other)):
                told.add(frozenset((actor, other)))
                yield made(
                    actor, other, "different", RULE, date, probability=0.0, because=(f"registered apart: {why}",)
                )


class _Registered(Groups):
    """Groups of actors, with the registered numbers of each; they begin as the decisions that stay make them."""

    def __init__(self, catalogue: Catalogue, standing: Standing, touched: Collection[str]) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._standing = standing
        self._numbers: dict[str, frozenset[str]] = {}
        self._known: set[str] = set()
        self._touched = frozenset(touched)
        for one, other in standing.apart():
            self.part(one, other)

    def numbers(self, actor: str) -> frozenset[str]:
        """The registered numbers of an actor."""
        if actor not in self._numbers:
            number = self._catalogue.find(actor)
            known = self._catalogue.profile(number).known.registered if number is not None else frozenset()
            self._numbers[actor] = known
        return self._numbers[actor]

    def of(self, actor: str) -> set[str]:
        """The group of an actor."""
        ahead = [] if actor in self._known else [actor]
        while ahead:
            now = ahead.pop()
            self._known.add(now)
            for decision in self._standing.on(now):
                stays = decision.by == PERSON or self._touched.isdisjoint(decision.actors)
                if decision.verdict == "same" and stays:
                    fresh = [one for one in decision.actors if one not in self._known]
                    self._known.update(fresh)
                    ahead += fresh
                    if not self.refused(*decision.actors):
                        super().join(*decision.actors)
        return super().of(actor)

    def together(self, one: str, other: str) -> bool:
        """Whether two are in one group already."""
        return self.of(one) is self.of(other)

    def differing(self, one: str, other: str) -> str:
        """What tells two actors apart: two numbers of one register; "" for nothing."""
        mine = {register_of(number): number for number in self.numbers(one)}
        if self.numbers(one) & self.numbers(other):
            return ""
        theirs = (number for number in sorted(self.numbers(other)) if register_of(number) in mine)
        return next((f"{shown(mine[register_of(number)])} and {shown(number)}" for number in theirs), "")

    def refused(self, one: str, other: str) -> str:
        """Why the groups of two actors must not be one, "" when they may."""
        if self.foes(one, other):
            return "it would join actors that a person holds apart"
        bearers: dict[str, str] = {}
        for actor in self.of(one):
            bearers.update(dict.fromkeys(map(register_of, self.numbers(actor)), actor))
        for actor in self.of(other):
            for number in self.numbers(actor):
                mine = bearers.get(register_of(number))
                if mine and (why := self.differing(mine, actor)):
                    return f"it would join actors registered apart: {why}"
        return ""
