"""Clones share one place, whatever they are called and wherever they lie; who is registered apart stands apart."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from api.commands.asking import MATCH_COLUMNS, match_rows
from api.engine import Engine
from api.pages.render import page
from api.printing import as_csv, show_matches
from kg.model import Actor, Evidence, Source, Text
from search import duplicates
from search.query import Query
from search.results import MOST_ALSO, Match

NUMBERS = itertools.count()
NEED = Query("hydroalcoholic gel", lang="en")
ABOUT = (
    "A family house that has filled bottles of sanitising gel for hospitals and pharmacies since the spring of 2020."
)


def actor(name: str, *makes: str, **more: object) -> Actor:
    said = tuple(Text(text, "en") for text in makes or ("hydroalcoholic gel",))
    id = f"a{next(NUMBERS)}"
    found = Actor(f"https://example.org/a/{id}", "s", id, name, country="FR", makes=said)
    return replace(found, **more)  # type: ignore[arg-type]


def grouped(*actors: Actor) -> list[int]:
    found = duplicates.groups(duplicates.keys(actors))
    return [0] * len(actors) if found is None else found.tolist()


def described(name: str, **more: object) -> Actor:
    return actor(name, descriptions=(Text(ABOUT, "en"),), **more)


SAME = {
    "mixed case": (actor("Élan Gel S.A."), actor("ELAN GEL SA", "gel")),
    "one registered": (actor("Elan", identifiers=("FR1",)), actor("elan", "gel")),
    "registered alike": (actor("Elan", identifiers=("FR 1",)), actor("elan", "gel", identifiers=("fr-1",))),
    "other names, a long text": (described("Elan"), described("Borealis")),
    "numbered names": (actor("Clone 1"), actor("Clone 22")),
    "registered apart, to the letter": (
        described("Elan", identifiers=("FR1",)),
        described("elan", identifiers=("FR2",), website="https://example.org"),
    ),
}
APART = {
    "no country known": (actor("Elan", country=""), actor("Elan", "gel", country="")),
    "another country": (actor("Elan"), actor("Elan", country="DE")),
    "registered apart": (actor("Elan", identifiers=("FR1",)), actor("Elan", "gel", identifiers=("FR2",))),
    "numbered, registered apart": (actor("SDIS 38", identifiers=("1",)), actor("SDIS 69", identifiers=("2",))),
    "numbered, another town": (actor("CMA 77", city="Melun"), actor("CMA 93", city="Bobigny")),
    "the same few words": (actor("Elan"), actor("Borealis")),
    "winners of one contract": tuple(
        Actor(f"x:{name}", "s", name, name, country="FR", city="Lyon", evidence=(Evidence("Lot 1", ABOUT, "en"),))
        for name in ("Elan", "Borealis")
    ),
    "almost the same text": (described("Elan"), actor("Borealis", descriptions=(Text(ABOUT + "!", "en"),))),
}


@pytest.mark.parametrize("which", SAME)
def test_who_is_plainly_the_same_is_one_group(which: str) -> None:
    assert grouped(*SAME[which]) == [1, 1]


@pytest.mark.parametrize("which", APART)
def test_who_may_be_another_stands_apart(which: str) -> None:
    assert grouped(*APART[which]) == [0, 0]


def test_a_third_one_never_joins_two_that_are_registered_apart() -> None:
    first, second = actor("Elan", identifiers=("1",)), actor("Elan", "gel", identifiers=("2",))
    assert grouped(first, second, actor("elan", "masks")) == [0, 0, 0]
    numbers = grouped(first, replace(first, iri="x:b"), second, actor("elan", "masks"), actor("ELAN", "visors"))
    assert numbers[0] == numbers[1] > 0 and numbers[2] == 0 and numbers[3] == numbers[4] not in (0, numbers[0])


def test_groups_are_what_following_every_equal_key_says() -> None:
    chance = np.random.default_rng(5)
    for _ in range(50):
        keys = chance.integers(0, 12, (40, 4)).astype(np.uint64)
        keys[:, duplicates.REGISTERED] = 0
        labels = list(range(40))
        for _ in range(40):
            for one in range(40):
                for other in range(40):
                    if any(keys[one, k] == keys[other, k] > 0 for k in range(3)):
                        labels[one] = labels[other] = min(labels[one], labels[other])
        found, counts = duplicates.groups(keys), Counter(labels)
        assert found is not None
        assert [counts[label] > 1 for label in labels] == (found > 0).tolist()
        assert len({(label, number) for label, number in zip(labels, found.tolist(), strict=True) if number}) == len(
            {number for number in found.tolist() if number}
        )


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The sample; 100 clones of a maker of gel under names and ids of their own, the last 40 of them fresh."""
    file = tmp_path_factory.mktemp("clones") / "a.jsonl"

    def row(number: int) -> str:
        told = {"text": ABOUT, "lang": "en"}
        made = [{"text": "hydroalcoholic gel", "lang": "en"}]
        name = f"{random.Random(number).choice('ABCDEFGH')}{'aeiou'[number % 5]}l{'xyz'[number % 3]} House {number}"
        found = {"id": f"clone{number}", "name": name, "country": "FR" if number % 2 else "DE"}
        return json.dumps({**found, "makes": made, "descriptions": [told]}) + "\n"

    with Engine.open(file.parent / "data", write=True, create=True) as engine:
        engine.import_sample()
        for count in (60, 100):
            file.write_text("".join(row(n) for n in range(count)), encoding="utf-8")
            engine.import_files([file], Source("clones"))
        generation = engine.index.open()
        assert generation is not None and generation.fresh is not None
        yield engine


def everything(engine: Engine, query: Query, size: int) -> list[Match]:
    out: list[Match] = []
    while page := engine.search(replace(query, limit=size, offset=len(out))).results:
        out += page
    return out


def clones(found: list[Match]) -> list[Match]:
    return [match for match in found if match.actor.id.startswith("clone")]


def test_a_hundred_clones_take_one_place_a_country(crowd: Engine) -> None:
    found = everything(crowd, NEED, 100)
    assert Counter(match.actor.country for match in clones(found)) == {"DE": 1, "FR": 1}
    for match in clones(found):
        assert match.also_count == 49 and len(match.also) == MOST_ALSO
        assert match.actor.iri not in {other.iri for other in match.also}
        assert {int(other.id.removeprefix("clone")) % 2 for other in match.also} == {int(match.actor.country == "FR")}
        assert all(other.iri.endswith(other.id) and "House" in other.name for other in match.also)
    assert not any(match.also for match in found if match not in clones(found))
    assert sum(1 + match.also_count for match in clones(found)) == 100
    assert len({match.actor.iri for match in found}) == len(found) == crowd.search(NEED).total
    assert crowd.search(NEED).facets["source"]["clones"] == 2


@pytest.mark.parametrize("size", [1, 7, 10])
def test_pages_of_collapsed_answers_never_overlap(crowd: Engine, size: int) -> None:
    whole = [(match.actor.iri, match.also) for match in everything(crowd, NEED, 100)]
    assert [(match.actor.iri, match.also) for match in everything(crowd, NEED, size)] == whole


def test_who_is_left_out_by_a_constraint_is_in_no_place(crowd: Engine) -> None:
    found = clones(everything(crowd, replace(NEED, country=("FR",)), 100))
    assert [(match.actor.country, match.also_count) for match in found] == [("FR", 49)]
    assert clones(everything(crowd, replace(NEED, source=("crisis2020",)), 100)) == []


def test_base_and_fresh_stand_together_and_as_they_would_in_one_generation(crowd: Engine) -> None:
    before = [(match.actor.id, match.also_count) for match in clones(everything(crowd, NEED, 100))]
    generation = crowd.index.open()
    assert generation is not None and generation.fresh is not None
    crowd.index.rebuild()
    assert [(match.actor.id, match.also_count) for match in clones(everything(crowd, NEED, 100))] == before


def test_why_not_says_in_whose_place_a_clone_is_shown(crowd: Engine) -> None:
    stands = {match.actor.country: match.actor for match in clones(everything(crowd, NEED, 100))}
    for number in (3, 4, 99):
        told = crowd.why_not(replace(NEED, limit=100), f"clone{number}")
        best = stands[told.actor.country]
        if best.id == told.actor.id:
            assert told.part_of is None
            continue
        assert told.verdict == "shown" and told.part_of is not None and told.part_of.iri == best.iri
        assert best.name in told.says and told.rank == crowd.why_not(NEED, best.id).rank
    assert crowd.why_not(replace(NEED, country=("DE",)), "clone3").part_of is None


def test_the_others_are_named_in_csv_and_on_the_terminal(crowd: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    matches = crowd.search(replace(NEED, source=("clones",)))
    rows = list(csv.DictReader(io.StringIO(as_csv(match_rows(matches), MATCH_COLUMNS))))
    assert [(row["also_count"], len(row["also"].split("; "))) for row in rows] == [("49", MOST_ALSO)] * 2
    show_matches(matches)
    assert capsys.readouterr().out.count("and 46 more") == 2
    given = {"q": NEED.text}
    shown = page("search.html", {}, given=given, matches=matches, offset=0, kinds=(), sources=(), examples=())
    assert shown.count("Also listed as") == 2 and shown.count("+ 46") == 2
    assert f"{matches.results[0].also[0].name}</a>" in shown


def decided(actors: list[Actor], same: list[set[int]] = (), apart: list[tuple[int, int]] = ()) -> list[int]:  # type: ignore[assignment]
    labels = np.zeros(len(actors), dtype=np.uint64)
    for number, group in enumerate(same):
        labels[list(group)] = duplicates.label(str(number))
    pairs = np.array(apart, dtype=np.int64).reshape(-1, 2)
    found = duplicates.groups(duplicates.keys(actors), labels, pairs)
    return [0] * len(actors) if found is None else found.tolist()


def test_who_is_decided_to_be_one_shares_a_place_under_any_name() -> None:
    crowd = [actor("Elan"), actor("Borealis", "gel"), actor("elan", "masks"), actor("Other", "visors")]
    assert decided(crowd) == [1, 0, 1, 0]
    numbers = decided(crowd, same=[{0, 1}])
    assert numbers[0] == numbers[1] == numbers[2] > 0 == numbers[3]


def test_decisions_outrank_identifiers_as_they_are_written_and_reach_no_third() -> None:
    crowd = [
        actor("Elan", identifiers=("732829320",)),
        actor("Elan", "gel", identifiers=("73282932000074",)),
        actor("elan", "masks", identifiers=("404833048",)),
    ]
    assert decided(crowd) == [0, 0, 0]
    numbers = decided(crowd, same=[{0, 1}])
    assert numbers[0] == numbers[1] > 0 == numbers[2]


def test_who_is_held_apart_never_shares_a_place() -> None:
    crowd = [actor("Elan"), actor("elan", "gel"), actor("ELAN", "masks"), described("Elan"), described("Borealis")]
    numbers = decided(crowd, apart=[(0, 1)])
    assert numbers[0] != numbers[1] and numbers[2] in numbers[:2]
    assert numbers[3] == numbers[4] > 0, "others stay together"
    chain = decided(crowd, same=[{0, 3}], apart=[(3, 4), (0, 1)])
    assert chain[0] == chain[3] != chain[4] and chain[0] != chain[1]
    two = [actor("Elan"), actor("elan", "gel")]
    assert len(set(decided(two, apart=[(0, 1)]))) == 2 or decided(two, apart=[(0, 1)]) == [0, 0]
