"""The packaged sample goes in whole, and says what its README says."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from kg import sample
from kg.ingest import Report, ingest
from kg.intake import parse
from kg.journal import Journal
from kg.mapping import from_statements
from kg.model import Actor, Claim, Entity, Exchange, Recipe
from kg.terms import from_payload
from kg.validation import Validator


def _import(journal: Journal) -> Report:
    return ingest(journal, sample.SOURCE, parse(sample.jobs(), sample.SOURCE), validator=Validator.packaged())


@pytest.fixture
def imported(journal: Journal) -> tuple[Report, list[Entity]]:
    report = _import(journal)
    found = [from_statements(c.iri, c.source, from_payload(c.payload)) for c in journal.entities("crisis2020")]
    return report, [entity for entity in found if entity is not None]


def test_every_row_goes_in_without_a_finding(imported: tuple[Report, list[Entity]]) -> None:
    report, _ = imported
    assert report.set_aside == 0
    assert report.findings == ()


def test_the_numbers_are_those_of_the_readme(imported: tuple[Report, list[Entity]]) -> None:
    _, entities = imported
    actors = [entity for entity in entities if isinstance(entity, Actor)]
    assert sum(actor.kind == "cluster" for actor in actors) == 162
    assert sum(actor.kind != "cluster" for actor in actors) == 660
    kinds = Counter(entity.kind for entity in entities if isinstance(entity, Exchange))
    assert kinds == {"offer": 211, "need": 101}
    recipes = [entity for entity in entities if isinstance(entity, Recipe)]
    assert (len(recipes), sum(len(recipe.steps) for recipe in recipes)) == (25, 196)
    claims = [entity for entity in entities if isinstance(entity, Claim)]
    assert sum(claim.kind != "figure" for claim in claims) == 26
    assert sum(claim.measure == "members" for claim in claims) == 31
    assert sum(claim.kind == "figure" and claim.measure != "members" for claim in claims) == 8


def test_every_actor_says_where_it_was_found(imported: tuple[Report, list[Entity]]) -> None:
    _, entities = imported
    for actor in (entity for entity in entities if isinstance(entity, Actor)):
        assert [(bool(e.url), bool(e.text), bool(e.lang)) for e in actor.evidence] == [(True, True, True)], actor.id


def test_contradictory_figures_are_all_kept(imported: tuple[Report, list[Entity]]) -> None:
    _, entities = imported
    said = [e for e in entities if isinstance(e, Claim) and e.measure == "pôles, clusters and SME accelerators"]
    assert sorted((claim.value, claim.date) for claim in said) == [("300", "2020"), ("400", "2020-03-25")]
    offers = [e for e in entities if isinstance(e, Exchange) and e.actor == "tissages-de-charlieu"]
    assert {"100000", "150000", "250000"} <= {offer.quantity for offer in offers}


def test_importing_it_again_changes_nothing(journal: Journal) -> None:
    _import(journal)
    seq = journal.last_seq
    again = _import(journal)
    assert (again.written, again.deleted, again.seq, journal.last_seq) == (0, 0, None, seq)


def test_judged_needs_name_actors_of_the_sample(imported: tuple[Report, list[Entity]]) -> None:
    _, entities = imported
    ids = {entity.id for entity in entities if isinstance(entity, Actor)}
    needs = json.loads(sample.needs().read_text(encoding="utf-8"))
    judged = [line.split() for line in sample.qrels().read_text(encoding="utf-8").splitlines()]
    assert len(needs) == 18
    assert {need for need, *_ in judged} == {need["id"] for need in needs if not need["id"].startswith("none-")}
    assert {actor for _, _, actor, _ in judged} <= ids
