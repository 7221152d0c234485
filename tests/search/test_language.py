"""The language of a few words: fifty phrases in twelve languages, and what must not be guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search import language

PHRASES = {
    "en": [
        "washable face masks",
        "plastic injection moulding",
        "spare parts for ventilators",
        "we need gloves",
        "cotton",
    ],
    "fr": ["masques lavables", "gants en nitrile", "tissu pour blouses", "impression de pièces", "gel hydroalcoolique"],
    "de": ["Schutzmasken für Kliniken", "Desinfektionsmittel", "Beatmungsgeräte gesucht", "Ersatzteile", "Handschuhe"],
    "es": ["guantes de nitrilo", "batas desechables", "piezas para respiradores", "impresión en tres dimensiones"],
    "it": ["guanti monouso", "camici per ospedali", "pezzi di ricambio", "disinfettante per le mani"],
    "pt": ["luvas descartáveis", "máscaras para hospitais", "peças de reposição", "álcool em gel"],
    "pl": ["rękawice jednorazowe", "maseczki ochronne", "części zamienne", "płyn do dezynfekcji"],
    "nl": ["wegwerphandschoenen", "mondkapjes voor ziekenhuizen", "reserveonderdelen", "beademingsapparatuur"],
    "cs": ["ochranné roušky", "dezinfekční prostředky", "náhradní díly", "jednorázové rukavice"],
    "el": ["γάντια μιας χρήσης", "αντισηπτικό χεριών", "ανταλλακτικά"],
    "hu": ["eldobható kesztyű", "védőmaszkok kórházaknak", "fertőtlenítőszer", "pótalkatrészek"],
    "fi": ["kertakäyttökäsineet", "suojamaskit sairaaloille", "varaosat", "käsidesi"],
}


def test_most_phrases_are_recognised_and_few_are_taken_for_others() -> None:
    pairs = [(lang, text) for lang, texts in PHRASES.items() for text in texts]
    assert len(pairs) == 50
    right = [text for lang, text in pairs if language.guess(text) == lang]
    wrong = [text for lang, text in pairs if language.guess(text) not in (lang, "")]
    assert len(right) >= 45, [text for _, text in pairs if text not in right]
    assert len(wrong) <= 4, wrong


@pytest.mark.parametrize("text", ["", " ", "12345", "!!!", "😷", "\x00", "FFP2 EN-149 42"[0:0], "33140000-3"])
def test_where_there_are_no_words_nothing_is_guessed(text: str) -> None:
    assert language.guess(text) == ""


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_has_a_language_of_the_model_or_none(text: str) -> None:
    guess = language.guess(text)
    assert guess == "" or (len(guess) == 2 and guess.isalpha())
    assert guess == language.guess(text.upper()) or text.upper().casefold() != text.casefold()


def test_the_end_of_a_long_text_does_not_matter() -> None:
    text = "masques lavables pour les hôpitaux de la région " * 20
    assert language.guess(text) == language.guess(text + "Desinfektionsmittel " * 500) == "fr"
