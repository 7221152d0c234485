"""Actors of other nodes beside a generation: scored as its own, in one place with their like, gone afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kg.model import Actor, Text
from search.generation import Generation
from search.guests import Guests, prepared
from search.matcher import Matcher
from search.query import Query
from search.results import Match, Origin
from tests.search.test_generation import ENCODER, actor, build

NAMES = ["Anios", "Berthe", "Cooper", "Dutot"]
GEL = [actor(n, "hydroalcoholic gel", name=NAMES[n], country="FR", city=f"{NAMES[n]}ville") for n in range(4)]
ONE, TWO = Origin("one", "https://one.example/"), Origin("two", "https://two.example/")
NEED = Query("hydroalcoholic gel", lang="en")


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    return build(tmp_path, [*GEL[:2], actor(50, "cotton parts")])


def guests(generation: Generation, actors: list[Actor], origin: Origin = ONE, own: tuple[str, ...] = ()) -> Guests:
    return prepared(actors, own, origin, Matcher(generation, ENCODER).preparer({}))


def found(generation: Generation, *beside: Guests, query: Query = NEED) -> tuple[Match, ...]:
    return Matcher(generation, ENCODER).search(query, beside).results


def test_guests_are_scored_as_if_they_were_held_here(generation: Generation, tmp_path: Path) -> None:
    beside = found(generation, guests(generation, GEL[2:3]), guests(generation, GEL[3:], TWO))
    held = found(build(tmp_path / "whole", [*GEL, actor(50, "cotton parts")]))
    assert {m.actor.iri: m.score for m in beside} == pytest.approx({m.actor.iri: m.score for m in held}, abs=0.02)
    assert {m.actor.id: m.node for m in beside} == {"a0": None, "a1": None, "a2": ONE, "a3": TWO}
    assert len(found(generation)) == 2  # they are gone


def test_who_is_held_here_is_no_guest(generation: Generation) -> None:
    taken = replace(GEL[0], name="Taken over", makes=(Text("hydroalcoholic gel", "en"), Text("gel", "en")))
    names = [m.actor.name for m in found(generation, guests(generation, [taken]))]
    assert sorted(names) == ["Anios", "Berthe"]


def test_of_an_actor_told_twice_who_published_it_first_is_believed(generation: Generation) -> None:
    copy = replace(GEL[2], name="Copy")
    both = (guests(generation, [copy]), guests(generation, [GEL[2]], TWO, (GEL[2].iri,)))
    told = [m for m in found(generation, *both) if m.actor.iri == GEL[2].iri]
    assert [(m.actor.name, m.node) for m in told] == [("Cooper", TWO)]
    first = [m for m in found(generation, both[0], guests(generation, [GEL[2]], TWO)) if m.node]
    assert [m.actor.name for m in first] == ["Copy"]  # nobody is known to be the first: the peer that was added first


def test_copies_share_one_place_with_ours_and_each_other(generation: Generation) -> None:
    again = [replace(actor(60 + n, "hydroalcoholic gel"), name="Anios", country="FR") for n in range(2)]
    places = found(generation, guests(generation, again[:1]), guests(generation, again[1:], TWO))
    assert len(places) == 2
    shared = next(m for m in places if m.also)
    assert shared.also_count == 2
    apart = [replace(a, identifiers=(f"siren:{n}",)) for n, a in enumerate(again)]
    assert len(found(generation, guests(generation, apart))) == 4


def test_groups_that_stand_are_kept(tmp_path: Path) -> None:
    twins = [replace(GEL[0], iri=f"https://example.org/twin/{n}", id=f"t{n}") for n in range(3)]
    generation = build(tmp_path, [*twins, *GEL[1:2]])
    places = found(generation, guests(generation, [replace(GEL[1], iri="https://example.org/x", id="x")]))
    assert sorted(m.also_count for m in places) == [1, 2]


def test_constraints_hold_for_guests(generation: Generation) -> None:
    spanish = replace(GEL[2], country="ES")
    query = replace(NEED, country=("ES",))
    assert [m.actor.id for m in found(generation, guests(generation, [spanish, GEL[3]]), query=query)] == ["a2"]


def test_candidates_are_told_even_where_nobody_is_shown(generation: Generation) -> None:
    matcher = Matcher(generation, ENCODER)
    told = matcher.candidates(NEED)
    assert {candidate.iri for candidate in told} == {GEL[0].iri, GEL[1].iri}
    assert any("gel" in term for term in told[0].terms)
