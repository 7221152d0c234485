"""Which actors a name and a few facts may mean: found by trigrams, compared in full, sure only where one stands out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.reconciling import evidence
from api.reconciling.asked import Asked
from api.reconciling.found import ACTOR, Candidate, Feature, allowed
from api.reconciling.index import NameIndex, Prefixes
from kg import names, similarity
from kg import vocabulary as v
from kg.identity.identifiers import letters
from kg.journal import Change
from kg.model import ACTOR_KINDS
from kg.terms import is_iri, value

_NEAR = 60  # actors looked at closely for one name
_ALIAS = 0.89  # likeness left when only a part of the actor's name is meant
_INITIALS = 0.8
_WORTH_SHOWING = 0.45
_SHORT_ID = 0.75
_PLACE_BOOST = 1.15  # of who is in the country asked for, so that namesakes elsewhere do not crowd it out
# What makes a match sure: measured on names spelt wrongly in five ways, half of them of actors that are not there.
_SURE_NAME, _SURE_MARGIN = 0.995, 0.04
_NEARLY, _NEARLY_MARGIN = 0.90, 0.10
_SUPPORTED, _SUPPORTED_MARGIN = 0.80, 0.10
_MUCH_LESS = 2  # support
_RENAMED = 0.3  # likeness below which an equal identifier may be a slip
_NO_NAME = 0.5  # what is put in its place where only facts are asked for

_WANTED = {
    v.SKOS + "prefLabel": "name",
    v.SCHEMA + "addressCountry": "country",
    v.SCHEMA + "addressLocality": "city",
    v.NS + "nuts": "nuts",
    v.NS + "size": "size",
    v.FOAF + "homepage": "website",
    v.DCT + "identifier": "id",
    v.SCHEMA + "identifier": "identifiers",
    v.ORG + "memberOf": "clusters",
    v.TYPE: "kind",
}
_PREDICATES = {f"<{predicate}>": field for predicate, field in _WANTED.items()}
_MARK = f"<{v.NS}Actor>"
_KINDS = {cls: kind for kind, cls in v.ACTOR_CLASSES.items()}


class Row(NamedTuple):
    """What is compared of an actor."""

    iri: str
    source: str
    id: str
    name: str
    kind: str = "firm"
    country: str = ""
    city: str = ""
    nuts: str = ""
    size: str = ""
    website: str = ""
    identifiers: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Kind and place in one line."""
        return ", ".join(part for part in (self.kind, self.city, self.country) if part) + f" ({self.source})"


@lru_cache(maxsize=4096)
def _local(iri: str) -> str:
    return v.local_name(iri)


def row_of(change: Change) -> Row | None:
    """The row of an actor's record, None for any other; reads only the lines it needs."""
    if _MARK not in change.payload:
        return None
    single: dict[str, str] = {}
    many: dict[str, list[str]] = {"identifiers": [], "clusters": []}
    own = f"<{change.iri}> "
    # Sorted, so that what is said of the actor's parts comes before what is said of the actor.
    for line in change.payload[change.payload.find(own) :].split("\n"):
        predicate, _, term = line[len(own) :].partition(" ")
        field = _PREDICATES.get(predicate)
        if field is None or not line.startswith(own):
            continue
        text = value(term[:-2])
        if field in many:
            many[field].append(text)
        elif field == "kind":
            if text in _KINDS:
                single["kind"] = _KINDS[text]
        else:
            single[field] = _local(text) if field in ("nuts", "size") and is_iri(term) else text
    if "name" not in single:
        return None
    shared = {field: intern(single.get(field, "")) for field in ("country", "city", "nuts", "size")}
    return Row(
        change.iri,
        intern(change.source),
        single.get("id", ""),
        single["name"],
        intern(single.get("kind", "firm")),
        **shared,
        website=single.get("website", ""),
        identifiers=tuple(many["identifiers"]),
        clusters=tuple(many["clusters"]),
    )


class Near(NamedTuple):
    """How near an actor's name is: its likeness, whether only the spelling differs, whether it is the very id."""

    alike: float = 0.0
    slip: bool = False
    is_id: bool = False


class Judged(NamedTuple):
    """A candidate, and what it was judged by."""

    candidate: Candidate
    weighed: evidence.Weighed
    near: Near


class Actors:
    """The actors at one moment, ready to be compared with."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.by_iri = {row.iri: at for at, row in enumerate(rows)}
        self._by_id: dict[str, list[int]] = {}
        self._by_number: dict[str, list[int]] = {}
        self._by_host: dict[str, list[int]] = {}
        named: list[tuple[int, names.Name]] = []
        short: list[tuple[int, names.Name]] = []
        self._initials: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            self._by_id.setdefault(row.id, []).append(at)
            if row.identifiers:
                for key in _keys(evidence.numbers(row.identifiers, row.country), row.identifiers):
                    self._by_number.setdefault(key, []).append(at)
            if host := evidence.host(row.website):
                self._by_host.setdefault(host, []).append(at)
            named.append((at, names.parse(row.name)))
            short += [(at, names.parse(alias)) for alias in names.aliases(row.name)]
            if letters := names.initials(row.name):
                self._initials.setdefault(letters, []).append(at)
        self._names = NameIndex([*named, *short], len(rows))
        self._kinds = np.array([ACTOR_KINDS.index(row.kind) for row in rows], dtype=np.int8)
        self._countries = np.array([row.country for row in rows], dtype="U2")
        self._prefixes: Prefixes | None = None

    def starting(self, prefix: str, kinds: set[str] | None, most: int) -> list[int]:
        """The actors one of whose words begins so; failing that, those with a name like it."""
        if self._prefixes is None:
            self._prefixes = Prefixes(row.name for row in self.rows)
        found = [*self._by_name(prefix), *self._prefixes.find(prefix, len(self.rows) if kinds is not None else most)]
        if not found:
            found = self._names.near(prefix, most, self._boost(kinds, ""))
        return [at for at in dict.fromkeys(found) if kinds is None or self.rows[at].kind in kinds][:most]

    def _boost(self, kinds: set[str] | None, country: str) -> NDArray[np.float32] | None:
        if kinds is None and not country:
            return None
        out = np.ones(len(self.rows), dtype=np.float32)
        if country:
            out[self._countries == country] = _PLACE_BOOST
        if kinds is not None:
            out[~np.isin(self._kinds, [ACTOR_KINDS.index(kind) for kind in kinds])] = 0
        return out

    def judged(
        self, asked: Asked, skip: Container[str] = (), weight: Callable[[str], float] | None = None
    ) -> list[Judged]:
        """Whom a query may mean but for the IRIs in `skip`; `weight` says how much a word distinguishes."""
        kinds = allowed(asked.types, ACTOR)
        if kinds is not None and not kinds:
            return []
        facts = [fact for fact in map(evidence.fact, asked.conditions) if fact is not None]
        country = next((fact.values[0] for fact in facts if fact.property == "country" and fact.values), "")
        boost = self._boost(kinds, country)
        found = {at: Near() for at in self._by_facts(facts, country)}
        for name in asked.names:
            for at, near in self._named(name, boost, weight or self.weight).items():
                found[at] = max(found.get(at, near), near)
        for one in asked.ids:
            found |= {at: Near(1, True, True) for at in self._by_name(one)}
        if any(c.required and not evidence.is_known(c.property) for c in asked.conditions):
            return []
        judged = [
            _judge(self.rows[at], near, facts, bool(asked.names or asked.ids))
            for at, near in found.items()
            if (kinds is None or self.rows[at].kind in kinds) and self.rows[at].iri not in skip
        ]
        return [one for one in judged if one is not None]

    def weight(self, word: str) -> float:
        """How much a word of a name distinguishes."""
        return self._names.weight(word)

    def _by_name(self, name: str) -> list[int]:
        """The actors whose IRI or id this is."""
        name = name.strip()
        return [*([self.by_iri[name]] if name in self.by_iri else ()), *self._by_id.get(name, ())]

    def _named(self, name: str, boost: NDArray[np.float32] | None, weight: Callable[[str], float]) -> dict[int, Near]:
        asked = names.parse(name)
        at = self.by_iri.get(name.strip())
        out = {} if at is None else {at: Near(1, True, True)}
        # A short id may be another's name: it brings its actor up, but does not make it sure.
        out |= {at: Near(_SHORT_ID) for at in self._by_id.get(name.strip(), ()) if at not in out}
        if not asked.words:
            return out
        near = [*out, *self._names.same(name)[: 2 * _NEAR], *self._names.near(name, _NEAR, boost)]
        if " " not in name.strip() and 3 <= len(asked.plain) <= 8:
            near += self._initials.get(asked.plain, ())[:_NEAR]
        others = [names.parse(alias) for alias in names.aliases(name)]
        for at in dict.fromkeys(near):
            alike = _likeness(asked, others, self.rows[at].name, weight)
            if alike >= _WORTH_SHOWING and (at not in out or alike > out[at].alike):
                out[at] = Near(alike, similarity.is_slip(asked, names.parse(self.rows[at].name)))
        return out

    def _by_facts(self, facts: Iterable[evidence.Fact], country: str) -> list[int]:
        out: list[int] = []
        for fact in facts:
            if fact.quantifier == "none":
                continue
            for text in fact.values:
                if fact.property == "identifiers":
                    for key in _keys(evidence.asked_numbers(text, country), (text,)):
                        out += self._by_number.get(key, ())[:_NEAR]
                elif fact.property == "website":
                    out += self._by_host.get(evidence.host(text), ())[:_NEAR]
        return out


def _keys(numbers: Iterable[str], written: Iterable[str]) -> set[str]:
    """What an identifier is looked up by: its numbers without their register, and itself."""
    return {number.rpartition(":")[2] for number in numbers} | {plain for plain in map(letters, written) if plain}


def _likeness(asked: names.Name, others: Sequence[names.Name], name: str, weight: Callable[[str], float]) -> float:
    """Likeness of a name asked for, or a part of it (`others`), and an actor's name or a part of that."""
    best = similarity.likeness(asked, names.parse(name), weight)
    if best < 1:
        for alias in map(names.parse, names.aliases(name)):
            best = max(best, _ALIAS * similarity.likeness(asked, alias, weight))
        for other in others:
            best = max(best, _ALIAS * similarity.likeness(other, names.parse(name), weight))
        if len(asked.words) == 1 and asked.plain == names.initials(name):
            best = max(best, _INITIALS)
    return best


def _judge(row: Row, near: Near, facts: Sequence[evidence.Fact], named: bool) -> Judged | None:
    """An actor as a candidate, or None where it does not meet what is required, or nothing speaks for it."""
    weighed = evidence.weigh(row, near.alike if named else _NO_NAME, facts)
    by_id = near.is_id
    if weighed is None or (weighed.score < _WORTH_SHOWING and not by_id):
        return None
    features = [
        Feature("name", round(100 * near.alike, 1)),
        Feature("same_name", near.alike >= _SURE_NAME and not by_id),
    ]
    if by_id:
        features.insert(0, Feature("id", True))
    features += [Feature(name, round(agreed, 2)) for name, agreed in weighed.agreed.items()]
    score = 1.0 if by_id else weighed.score
    candidate = Candidate(
        row.iri, row.name, row.description, (row.kind, ACTOR), round(100 * score, 2), tuple(features), by_id
    )
    return Judged(candidate, weighed, near)


def decide(judged: Sequence[Judged]) -> list[Candidate]:
    """Marks the one candidate that stands out as the match, where there is one."""
    ordered = sorted(judged, key=lambda one: -one.candidate.score)
    out = [one.candidate for one in ordered]
    if not out or any(candidate.match for candidate in out):
        return out
    same = [one for one in ordered if one.near.alike >= _SURE_NAME]
    first = out[0]
    margin = _margin(ordered)
    if _is_sure(ordered[0].weighed, ordered[0].near.slip, margin, len(same)):
        out[0] = replace(first, match=True)
    if len(same) > 1:
        namesakes = Feature("namesakes", len(same) - 1)
        out = [
            replace(candidate, features=(*candidate.features, namesakes)) if one.near.alike >= _SURE_NAME else candidate
            for candidate, one in zip(out, ordered, strict=True)
        ]
    return out


def _margin(ordered: Sequence[Judged]) -> float:
    """How far the first stands before the others; all the way before those that much less speaks for."""
    first = ordered[0]
    rivals = [one for one in ordered[1:] if one.weighed.support > first.weighed.support - _MUCH_LESS]
    weaker = [one for one in ordered[1:] if one.near.alike > first.near.alike]
    second = max((one.candidate.score for one in [*rivals, *weaker]), default=0.0)
    return (first.candidate.score - second) / 100


def _is_sure(found: evidence.Weighed, slip: bool, margin: float, namesakes: int) -> bool:
    if found.contradicted:
        return False
    if found.identified:
        return margin >= _SURE_MARGIN / 4 and found.name >= _RENAMED
    if found.name >= _SURE_NAME:
        return margin >= _SURE_MARGIN and found.support >= -1 and (namesakes == 1 or found.support > 0)
    if slip and found.name >= _NEARLY and found.support >= 0:
        return margin >= _NEARLY_MARGIN
    return found.name >= _SUPPORTED and found.support >= 2 and margin >= _SUPPORTED_MARGIN
