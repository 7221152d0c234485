"""Matching at size, and the identifiers that decide it."""

from __future__ import annotations

import random
import time

import pytest

from api.reconciling.actors import Actors, Row, decide
from api.reconciling.asked import Asked, Condition
from api.reconciling.evidence import Weighed, fact, weigh
from api.reconciling.found import known_type

_SYLLABLES = "ba be bi bo da de di do fa fe ga go ka ke la le li lo ma me mi mo na ne no pa pe ra re ri ro sa se ta te va vo".split()  # fmt: skip  # noqa: E501, SIM905
_TRADES = ["Textil", "Plast", "Medical", "Technik", "Services", "Pharma", "Systems", "Industries"]


SIREN, SIRET, VAT, LEI = "732829320", "73282932000074", "FR44732829320", "529900T8BM49AURSDO55"


def weighed(own: str, asked: str, country: str = "") -> Weighed:
    row = Row("x:1", "s", "1", "Alpha", country=country, identifiers=(own,))
    found = fact(Condition("identifiers", (asked,)))
    assert found
    judged = weigh(row, 0.9, [found])
    assert judged
    return judged


@pytest.mark.parametrize(
    ("own", "asked", "country", "agreed"),
    [
        ("SIREN 732 829 320", SIREN, "", 1),
        (SIREN, "siret: 732 829 320 00074", "FR", 1),
        (SIREN, VAT, "", 1),
        ("FR 44 732829320", SIRET, "", 1),
        (SIRET, "732 829 320 00082", "", 0.95),  # another establishment of the company
        (SIREN, "552100554", "", 0),
        (SIREN, "FR 40 303 265 045", "", 0),
        (VAT, "FR40303265045", "FR", 0),
        (VAT, "DE136695976", "", None),  # a firm may have one in each country
        (LEI, f"LEI {LEI}", "DE", 1),
        (LEI, "5493006MHB84DD0ZWV18", "DE", 0),
        ("2311110-9", "Y-tunnus 23111109", "FI", 1),
        ("KRS 0000109164", "109164", "PL", None),  # without its zeros or a name it may be anything
        ("CIF A-28058386", "A28058386", "ES", 1),
        ("HRB 10018 Amtsgericht München", "HRB 10018, München", "DE", 1),
        ("552100555", "552 100 555", "FR", 0.9),  # its check digit is wrong, but both wrote it
        ("W751234567", "w 751234567", "FR", 0.9),  # of a register that is not known
        (SIREN, "552100555", "FR", None),
        ("000000000", "000000000", "FR", None),
        ("n/a", "n/a", "", None),
    ],
)
def test_identifiers_are_compared_register_by_register(
    own: str, asked: str, country: str, agreed: float | None
) -> None:
    found = weighed(own, asked, country)
    assert found.agreed.get("identifiers") == agreed
    assert found.identified is (agreed == 1) and found.contradicted is (agreed == 0)


@pytest.mark.parametrize("asked", [SIREN, SIRET, VAT, "RCS Paris 732 829 320", "732.829.320"])
@pytest.mark.parametrize("own", [f"SIREN {SIREN}", SIRET, VAT])
def test_a_number_alone_finds_its_company(own: str, asked: str) -> None:
    actors = Actors([Row("x:1", "s", "1", "Alpha", identifiers=(own,)), Row("x:2", "s", "2", "Beta")])
    found = actors.judged(Asked(conditions=(Condition("siren", (asked,)),)))
    assert [one.candidate.id for one in found] == ["x:1"]


@pytest.mark.parametrize("text", ["", "12345", "no number here", "x" * 500, "9" * 10_000, "\x00\u202e"])
def test_what_names_too_little_is_no_identifier(text: str) -> None:
    assert not weighed(SIREN, text or " ").agreed
    assert not weighed(text, text or " ").agreed


@pytest.mark.parametrize(
    ("given", "meant"),
    [("fil:Firm", "firm"), ("https://w3id.org/filiere/ns#PublicBody", "public"), ("Public-Body", "public"), ("x", "")],
)
def test_types_are_known_by_id_and_class(given: str, meant: str) -> None:
    assert known_type(given) == meant


def test_sixty_thousand_actors_are_read_and_asked_in_time() -> None:
    """Bounds for a slow machine: a quiet one takes half of each."""
    chance = random.Random(5)
    names = [
        f"{''.join(chance.choices(_SYLLABLES, k=chance.randint(3, 5))).title()} {chance.choice(_TRADES)} "
        f"{chance.choice(['GmbH', 'SAS', 'S.r.l.', 'Ltd'])}"
        for _ in range(60_000)
    ]
    rows = [
        Row(f"x:{n}", "s", str(n), name, country=chance.choice(["FR", "DE", "IT"]), city=f"Town{n % 900}")
        for n, name in enumerate(names)
    ]
    started = time.process_time()
    actors = Actors(rows)
    built = time.process_time() - started
    asked, wanted = [], chance.sample(range(60_000), 50)
    for n in wanted:
        name = names[n].upper()
        at = chance.randrange(2, 5)
        conditions = (Condition("country", (rows[n].country,)), Condition("city", (rows[n].city,)))
        asked.append(Asked(names=(name[:at] + name[at + 1 :],), conditions=conditions))
    started = time.process_time()
    found = [decide(actors.judged(one)) for one in asked]
    took = time.process_time() - started
    first = sum(some[0].id == f"x:{n}" for some, n in zip(found, wanted, strict=True) if some)
    sure = [(one.id, n) for some, n in zip(found, wanted, strict=True) for one in some if one.match]
    assert first >= 45
    assert all(id == f"x:{n}" for id, n in sure)
    assert built < 6
    assert took < 2
