"""Names made comparable: legal forms, accents, initials; and how alike two of them are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.names import aliases, fold, initials, parse, telling
from kg.similarity import is_slip, likeness, overlap


def alike(one: str, other: str) -> float:
    return likeness(parse(one), parse(other), lambda word: 1.0)


@pytest.mark.parametrize(
    ("name", "words", "form"),
    [
        ("Müller & Söhne GmbH & Co. KG", ("muller", "sohne"), "gmbhcokg"),
        ("Mueller und Soehne", ("muller", "sohne"), ""),
        ("Acme S.p.A.", ("acme",), "spa"),
        ("M & M Qualtech Ltd", ("m", "m", "qualtech"), "ltd"),
        ("Foo sp. z o.o.", ("foo",), "spzoo"),
        ("Foo Spółka z ograniczoną odpowiedzialnością", ("foo",), "spzoo"),
        ("SARL Dupont", ("dupont",), "sarl"),
        ("Ørsted A/S", ("orsted",), "as"),
        ("Société Anonyme", ("sa",), "sa"),
        ("SA", ("sa",), "sa"),
        ("Bauer AG", ("bauer",), "ag"),
        ("…", (), ""),
    ],
)
def test_a_name_is_its_words_and_its_legal_form(name: str, words: tuple[str, ...], form: str) -> None:
    found = parse(name)
    assert found.words == words
    assert found.forms == ({form} if form else set())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Valeo SA", "VALEO"),
        ("Air Liquide", "Airliquide S.A."),
        ("L'Oréal", "L OREAL"),
        ("Schütz GmbH & Co. KGaA", "Schuetz"),
        ("Weiß Umwelttechnik", "Weiss Umwelttechnik GmbH"),
        ("Ελληνική Τεχνική Α.Ε.", "Elliniki Techniki"),
        ("Foo Spółka z o.o. (Lider Konsorcjum)", "FOO SP. Z O. O."),
        ("Dupont et Cie", "Dupont"),
    ],
)
def test_the_same_name_is_the_same(one: str, other: str) -> None:
    assert alike(one, other) == 1
    assert alike(other, one) == 1


def test_likeness_falls_with_what_differs() -> None:
    assert 0.9 < alike("Siemns Healthineers", "Siemens Healthineers") < 1
    assert alike("Siemens Healthineers", "Healthineers Siemens") > 0.9
    assert alike("Foo GmbH", "Foo AG") == 0.97
    assert alike("Site 1", "Site 2") < 0.6
    assert alike("Alpha Textil", "Beta Textil") < 0.6
    assert alike("", "Alpha") == 0
    common = {"textil": 0.1}
    assert likeness(parse("Alpha Textil"), parse("Beta Textil"), lambda word: common.get(word, 1.0)) < 0.4


def test_a_slip_is_told_from_another_word() -> None:
    assert is_slip(parse("Siemns Healthineers"), parse("Siemens Healthineers"))
    assert is_slip(parse("Healthineers Simens"), parse("Siemens Healthineers"))
    assert not is_slip(parse("Siemens"), parse("Siemens Healthineers"))
    assert not is_slip(parse("Alpha Textil"), parse("Beta Textil"))


def test_names_have_shorter_names_and_initials() -> None:
    assert aliases("CIAC – Clúster de la Indústria d'Automoció")[0] == "CIAC"
    assert {"BD", "Becton Dickinson", "BD – Huesca"} <= set(aliases("BD (Becton Dickinson) – Huesca"))
    assert aliases("Valeo") == ()
    assert initials("Direction générale de l'armement") == "dga"
    assert initials("Valeo") == ""


@settings(max_examples=50)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_compared(one: str, other: str) -> None:
    found = alike(one, other)
    assert 0 <= found <= 1
    assert alike(other, one) == pytest.approx(found)
    assert alike(one, one) == (1 if parse(one).words else 0)
    assert fold(fold(one)) == fold(one) or not one.isascii()
    assert overlap(telling(one), telling(other), lambda word: 1.0).share <= 1
    aliases(one)
    initials(one)
