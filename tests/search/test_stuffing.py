"""Who claims everything, or says one word a thousand times, stands behind who makes what is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from api.engine import Engine
from kg import rdf
from kg import vocabulary as v
from kg.model import Source
from kg.terms import language, value
from search.keywords import KeywordIndex
from search.passages import repeats
from search.query import Query

HONEST = {
    "en": ("hydroalcoholic gel", "surgical masks", "protective gowns"),
    "fr": ("gel hydroalcoolique", "masques chirurgicaux", "blouses de protection"),
    "de": ("Desinfektionsgel", "OP-Masken", "Schutzkittel"),
}
OTHER_WORDS = {
    "en": ("sanitising gel for hands", "disposable surgical face masks, type IIR", "gowns for carers, washable"),
    "fr": ("gel désinfectant pour les mains", "masques médicaux jetables, type IIR", "surblouses pour soignants"),
    "de": ("Händedesinfektion in Gelform", "chirurgische Masken", "Kittel für Pflegekräfte"),
}
NEEDS = [(lang, at, text) for lang, texts in HONEST.items() for at, text in enumerate(texts)]


def labels(lang: str, count: int) -> list[str]:
    """Names of so many products in a language, those of the needs among them."""
    triples = rdf.read_turtle(v.ontology_folder() / "schemes" / "competencies.ttl")
    found = sorted({value(o) for _, p, o in triples if p == f"<{v.SKOS}prefLabel>" and language(o) == lang})
    return [*HONEST[lang], *found][:count]


def row(id: str, lang: str, *makes: str) -> str:
    said = [{"text": text, "lang": lang} for text in makes]
    return json.dumps({"id": id, "name": f"House {id}", "country": "FR", "makes": said}) + "\n"


@pytest.fixture(scope="module")
def stuffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    file = tmp_path_factory.mktemp("stuffed") / "a.jsonl"
    lines = [row(f"{lang}-everything", lang, *labels(lang, 500)) for lang in HONEST]
    for lang, at, text in NEEDS:
        lines.append(row(f"{lang}-{at}-same", lang, text))
        lines.append(row(f"{lang}-{at}-other", lang, OTHER_WORDS[lang][at]))
        lines.append(row(f"{lang}-{at}-repeats", lang, (text + " ") * 1000))
        lines.append(row(f"{lang}-{at}-splits", lang, *((text + " ") * n for n in range(3, 40))))
    file.write_text("".join(lines), encoding="utf-8")
    with Engine.open(file.parent / "data", write=True, create=True) as engine:
        engine.import_files([file], Source("s"))
        yield engine


@pytest.mark.parametrize(("lang", "at", "text"), NEEDS)
def test_the_honest_ones_stand_before_who_claims_or_repeats(stuffed: Engine, lang: str, at: int, text: str) -> None:
    scores = {m.actor.id: m.score for m in stuffed.search(Query(text, lang=lang, limit=100)).results}
    honest = scores[f"{lang}-{at}-same"]
    for bad in (f"{lang}-everything", f"{lang}-{at}-repeats", f"{lang}-{at}-splits"):
        assert honest > scores.get(bad, 0.0), (bad, scores)
    other = scores.get(f"{lang}-{at}-other", 0.0)
    assert other > max(scores.get(f"{lang}-everything", 0.0), scores.get(f"{lang}-{at}-repeats", 0.0))


def test_texts_that_only_repeat_themselves_are_told_from_those_that_do_not() -> None:
    assert repeats("masks " * 1000) and repeats("masks gloves gowns " * 10) and repeats("Gel GEL gel " * 4)
    assert not repeats("gel gel gel")
    assert not repeats(
        "Fourniture de masques et de gants pour le centre hospitalier, lot 1 masques, lot 2 gants, lot 3."
    )


def test_repeating_a_word_raises_no_score_however_long_the_passage() -> None:
    filler = [(f"supply of {word} for the town of Lyon", "en") for word in ("paper", "glass", "timber", "wool")]
    texts = [("surgical masks", "en"), ("surgical masks " * 40, "en"), ("masks " * 90, "en"), *filler]
    scores = dict(KeywordIndex.build(texts).search("surgical masks", "en", 10))
    assert scores[0] > scores[1] > 0 and scores[0] > scores[2]
    mixed = [("masks for the wards of the hospital and for every pharmacy of the region", "en"), ("masks " * 90, "en")]
    scores = dict(KeywordIndex.build([*mixed, *filler]).search("masks for the hospital", "en", 10))
    assert scores[0] > scores[1]


def test_what_is_claimed_is_believed_less_the_more_it_is(stuffed: Engine) -> None:
    generation = stuffed.index.open()
    assert generation is not None
    segment = generation.parts()[-1].segment
    believed = {str(segment.actors[n]["id"]): float(segment.believed[n]) for n in range(len(segment))}
    assert all(believed[f"{lang}-everything"] < 0.35 for lang in HONEST)
    assert {share for id, share in believed.items() if not id.endswith("everything")} == {1.0}
    assert np.all(segment.believed > 0)
