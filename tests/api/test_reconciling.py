"""Matching at size, and the identifiers that decide it."""

from __future__ import annotations

import random
import time

import pytest

from api.reconciling.actors import Actors, Row, decide
from api.reconciling.asked import Asked, Condition
from api.reconciling.found import known_type
from api.reconciling.identifiers import company, parse

_SYLLABLES = "ba be bi bo da de di do fa fe ga go ka ke la le li lo ma me mi mo na ne no pa pe ra re ri ro sa se ta te va vo".split()  # fmt: skip  # noqa: E501, SIM905
_TRADES = ["Textil", "Plast", "Medical", "Technik", "Services", "Pharma", "Systems", "Industries"]


@pytest.mark.parametrize(
    ("text", "plain", "kind", "valid"),
    [
        ("SIREN 552 100 554", "552100554", "siren", True),
        ("552100555", "552100555", "siren", False),
        ("siret: 732 829 320 00074", "73282932000074", "siret", True),
        ("FR 40 303 265 045", "FR40303265045", "vat", True),
        ("FR41303265045", "FR41303265045", "vat", False),
        ("DE136695976", "DE136695976", "vat", True),
        ("529900T8BM49AURSDO55", "529900T8BM49AURSDO55", "lei", True),
        ("529900T8BM49AURSDO56", "529900T8BM49AURSDO56", "lei", False),
        ("HRB 123456", "123456", "", False),
    ],
)
def test_identifiers_are_read(text: str, plain: str, kind: str, valid: bool) -> None:
    assert parse(text) == (plain, kind, valid)


@pytest.mark.parametrize("text", ["", "12345", "no number here", "x" * 500])
def test_what_names_too_little_is_no_identifier(text: str) -> None:
    assert parse(text) is None


def test_a_siret_and_a_french_vat_number_name_the_company() -> None:
    for text in ("73282932000074", "FR44732829320", "732829320"):
        found = parse(text)
        assert found and company(found) == "732829320"


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
