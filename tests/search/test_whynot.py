"""Why an actor is not among the answers: the verdict is what a search shows, and the fact named does what is said."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from api.engine import Engine
from api.index import entity_of
from kg.model import Actor, Text
from search import generation as generations
from search.generation import Generation
from search.matcher import Matcher
from search.query import MOST_RESULTS, Query

NEEDS = ["hydroalcoholic gel", "masques chirurgicaux", "Beatmungsgeräte", "textile", "guanti in nitrile", "qzxv wqpt"]


@pytest.fixture(scope="module")
def actors(engine: Engine) -> list[Actor]:
    found = (entity_of(change) for change in engine.journal.entities("crisis2020"))
    return [entity for entity in found if isinstance(entity, Actor)]


def fresh(engine: Engine) -> Generation:
    found = generations.open_latest(engine.folder.index, encoder=engine.index.encoder)
    assert found is not None
    return found


@pytest.mark.parametrize("need", NEEDS)
def test_the_verdict_is_what_a_search_shows(need: str, engine: Engine, actors: list[Actor]) -> None:
    matcher = Matcher(fresh(engine), engine.index.encoder)
    ranked = [m.actor.iri for m in matcher.search(Query(need, limit=MOST_RESULTS)).results]
    for actor in random.Random(need).sample(actors, 25) + [a for a in actors if a.iri in ranked[:3]]:
        told = matcher.why_not(Query(need), actor.iri)
        assert (told.verdict == "shown") is (actor.iri in ranked[:10])
        if told.verdict == "too weak":
            assert actor.iri not in ranked and told.score < told.needed
        if told.verdict == "further down":
            assert actor.iri not in ranked[:10] and told.rank is not None and told.rank > 10
        assert actor.name in told.says and bool(told.would) is (told.verdict != "shown")


@pytest.mark.parametrize("need", NEEDS)
def test_the_fact_named_would_do_what_is_said(need: str, engine: Engine, actors: list[Actor]) -> None:
    generation = fresh(engine)
    matcher, query = Matcher(generation, engine.index.encoder), Query(need)
    lang = matcher.search(query).need.language
    for actor in random.Random(need).sample(actors, 6):
        told = matcher.why_not(query, actor.iri)
        found = re.search(r"“(.+)” the score would be ([0-9.]+), (at least|below)", told.would)
        if found is None:
            assert told.verdict == "shown"
            continue
        said, score, promise = found.groups()
        generation.add_fresh([replace(actor, makes=(*actor.makes, Text(said, lang)))], [], generation.seq + 1)
        after = matcher.why_not(query, actor.iri)
        generation.add_fresh([actor], [], generation.seq + 1)
        # What is said is a little less than what comes: how rare the words are is not looked up.
        assert float(score) - 0.03 <= after.score <= float(score) + 0.1
        if promise == "at least" and float(score) > told.needed + 0.02:  # closer ones may stand on either side
            assert after.verdict == "shown"


def test_the_first_constraint_failed_is_named_with_what_the_actor_says(engine: Engine, actors: list[Actor]) -> None:
    matcher = Matcher(fresh(engine), engine.index.encoder)
    actor = next(a for a in actors if a.country == "FR" and a.kind == "firm" and a.latitude is not None)
    for constraint, word in (
        ({"country": ("DE",)}, "country is DE; the actor says FR"),
        ({"kind": ("lab",)}, "kind is lab; the actor says firm"),
        ({"cluster": ("nobody",)}, "cluster is nobody"),
        ({"certificate": ("nothing of the kind",)}, "certificate is"),
        ({"near": (-45.0, 170.0), "within_km": 5.0}, "km away"),
    ):
        told = matcher.why_not(Query("masks", **constraint), actor.iri)  # type: ignore[arg-type]
        assert told.verdict == "constraint" and word in told.constraint and word in told.says
    assert matcher.why_not(Query("masks", country=("FR",)), actor.iri).verdict != "constraint"
