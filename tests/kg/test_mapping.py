"""Records go to statements and come back the same, for every class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from kg import mapping, rdf
from kg import vocabulary as v
from kg.model import Actor, Concept, Entity, Evidence, Recipe, Source, Text
from kg.terms import from_payload, to_payload

from .strategies import CLASSES, entities


def subject(entity: Entity) -> str:
    return v.source_graph(entity.id) if isinstance(entity, Source) else entity.iri


def comparable(entity: Entity | None) -> Any:
    """The record with its lists in one order, since a graph has none, and evidence without the IRIs it was given."""
    if entity is None:
        return None
    own: dict[str, Any] = {
        name: tuple(sorted(found, key=repr))
        for name in entity.__dataclass_fields__
        if isinstance(found := getattr(entity, name), tuple)
    }
    if isinstance(entity, Actor):
        own["evidence"] = tuple(
            sorted((replace(e, iri="", codes=tuple(sorted(e.codes))) for e in entity.evidence), key=repr)
        )
    return replace(entity, **own)


@pytest.mark.parametrize("name", CLASSES)
def test_a_record_comes_back_as_it_went(name: str) -> None:
    @given(CLASSES[name])
    @settings(max_examples=150, deadline=None)
    def there_and_back(entity: Entity) -> None:
        written = mapping.to_statements(entity)
        payload = to_payload(written)
        found = mapping.from_statements(subject(entity), "s", from_payload(payload))
        assert comparable(found) == comparable(entity)
        assert found is not None
        assert to_payload(mapping.to_statements(found)) == payload

    there_and_back()


@given(entities)
@settings(max_examples=150, deadline=None)
def test_a_record_speaks_only_of_itself_and_any_store_takes_it(entity: Entity) -> None:
    own = f"<{subject(entity)}"
    written = mapping.to_statements(entity)
    beyond = [s for s, _, _ in written if s != own + ">" and not s.startswith(own + "/")]
    # A confirmed decision says one thing of its actor, which no other record of its source says.
    assert beyond == ([f"<{entity.actor}>"] if getattr(entity, "verdict", "") == "confirmed" else [])
    rdf.check_payload(to_payload(written))
    assert len(rdf.memory(written)) == len(set(written))


@given(entities)
@settings(max_examples=60, deadline=None)
def test_every_predicate_is_one_that_the_vocabulary_knows(entity: Entity) -> None:
    known = tuple(base for base in v.PREFIXES.values())
    for _, predicate, _ in mapping.to_statements(entity):
        assert predicate[1:].startswith(known)
        if predicate[1:].startswith(v.NS):
            assert predicate[1:-1] in mapping.minted_terms()


def test_the_same_evidence_has_the_same_name_and_other_evidence_another() -> None:
    def names(*found: Evidence) -> list[str]:
        actor = Actor("https://example.org/actor/a", "s", "a", "A", evidence=found)
        back = mapping.from_statements(actor.iri, "s", set(mapping.to_statements(actor)))
        assert isinstance(back, Actor)
        return sorted(e.iri for e in back.evidence)

    one, two = Evidence(text="gel"), Evidence(text="masks")
    assert names(one, two) == sorted(names(one) + names(two))
    assert names(one) == names(one, one) != names(two)
    assert names(one)[0].startswith("https://example.org/actor/a/evidence/")


def test_a_partial_date_is_never_read_as_a_day() -> None:
    for date, kind in (("2020", "gYear"), ("2020-03", "gYearMonth"), ("2020-03-25", "date")):
        actor = Actor("https://example.org/actor/a", "s", "a", "A", evidence=(Evidence(date=date),))
        assert f'"{date}"^^<{v.XSD}{kind}>' in {o for _, _, o in mapping.to_statements(actor)}


def test_a_class_of_others_is_no_record_and_their_properties_are_passed_over() -> None:
    actor = Actor("https://example.org/actor/a", "s", "a", "A", makes=(Text("gel", "en"),))
    own = f"<{actor.iri}>"
    more = [*mapping.to_statements(actor), (own, "<https://example.org/mood>", '"cheerful"')]
    assert mapping.from_statements(actor.iri, "s", more) == actor
    assert mapping.from_statements(actor.iri, "s", [(own, f"<{v.TYPE}>", "<https://example.org/Dog>")]) is None
    assert mapping.from_statements(actor.iri, "s", []) is None


def test_what_cannot_be_rdf_raises() -> None:
    actor = Actor("https://example.org/actor/a", "s", "a", "A")
    for wrong in (replace(actor, website="a b"), replace(actor, makes=(Text("x", "no language"),))):
        with pytest.raises(ValueError, match="not "):
            mapping.to_statements(wrong)


def test_a_concept_speaks_for_itself() -> None:
    concept = Concept("x:c", "t", "1", preferred=(Text("masque", "fr"), Text("mask", "en")))
    assert [concept.label(lang) for lang in ("fr", "de", "en")] == ["masque", "mask", "mask"]
    assert replace(concept, preferred=()).label() == "1"
    assert mapping.from_statements("x:r", "s", mapping.to_statements(Recipe("x:r", "s", "r", Text("gel")))) is not None
