"""A need as probabilities: shares that add up, "none of these", schemes kept apart, words and their parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.engine import Engine
from kg.model import Concept, Text
from search.calibration import Tuning, of
from search.concepts import Concepts
from search.encoder import HashingEncoder, load_encoder, position_weights
from search.query import Query
from search.ranking import features, fuse
from search.subwords import LONGEST_WORD, MOST_WORDS, Subwords, words
from search.understanding import fits, meaning

ENCODER = HashingEncoder()
SAID = {"a": "surgical masks", "b": "hydroalcoholic gel", "c": "steel tubes", "d": "sewing machines"}
CONCEPTS = Concepts.build(
    [Concept(iri=f"c:{name}", scheme="x", preferred=(Text(said, "en"),)) for name, said in SAID.items()], ENCODER
)


def meant(text: str, tuning: Tuning = CONCEPTS.tuning) -> dict[str, float]:
    vector = ENCODER.encode([text])
    (hits,) = CONCEPTS.understand([text], vector)
    found = meaning(hits, len(text.split()), CONCEPTS, tuning)
    return {
        CONCEPTS.label(hit.concept, "en"): float(share) for hit, share in zip(found.hits, found.shares, strict=True)
    }


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_shares_of_a_scheme_never_exceed_one(text: str) -> None:
    shares = meant(text).values()
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) <= 1.0001


def test_the_very_label_takes_nearly_all_and_nonsense_next_to_nothing() -> None:
    assert meant("steel tubes")["steel tubes"] > 0.9
    assert sum(meant("zzqx vvkj wwpf").values()) < 0.2


def test_none_of_these_grows_with_the_background() -> None:
    low, high = Tuning(nothing=(0.3, 0.2)), Tuning(nothing=(0.9, 0.9))
    assert sum(meant("masks of paper", low).values()) > sum(meant("masks of paper", high).values())


def test_an_actor_fits_by_the_best_of_its_competencies_for_each_meaning(engine: Engine) -> None:
    generation = engine.index.open()
    assert generation is not None
    segment, concepts = generation.base, generation.concepts
    asked = engine.index.matcher().understand(Query("masks or gel"))
    everyone = np.arange(len(segment))
    found = fits(asked.meant, concepts, segment.tags, everyone)
    assert found.shape == (len(segment),) and (found >= 0).all() and (found <= 1).all()
    one = [float(fits(asked.meant, concepts, segment.tags, np.array([n]))[0]) for n in everyone[:50]]
    assert np.allclose(found[:50], one, atol=1e-6)
    assert len(fits(asked.meant, concepts, segment.tags, everyone[:0])) == 0


def test_scores_are_probabilities_that_grow_with_every_channel() -> None:
    weights = of("any model").weights
    grid = np.linspace(0, 1, 11, dtype=np.float32)
    for channel in range(3):
        rows = np.full((11, 3), 0.3, dtype=np.float32)
        rows[:, channel] = grid
        scores = fuse(rows, weights, 0.5)
        assert (np.diff(scores) >= 0).all() and (scores > 0).all() and (scores < 1).all()
    assert features(np.zeros((0, 3), dtype=np.float32), 0.0).shape == (0, 5)


def test_words_are_folded_and_bounded() -> None:
    assert words("Pièces pour RESPIRATEURS, FFP2-Masken!") == ["pieces", "pour", "respirateurs", "ffp2", "masken"]
    assert len(words("a " * 5000)) <= MOST_WORDS
    assert max(map(len, words("x" * 4000))) == LONGEST_WORD
    assert words("\ud800 \x00 \u202e") == []


def test_a_word_in_other_forms_shares_parts_and_figures_have_no_n_grams() -> None:
    encoder = load_encoder()
    assert encoder.anchors is not None
    subwords: Subwords = encoder._subwords  # type: ignore[attr-defined]
    one, other, figure = (set(ids.tolist()) for ids in subwords.of(["maskenhersteller", "maskenherstellung", "14683"]))
    assert len(one & other) >= len(one) / 2
    assert all(number < len(subwords) for number in one | other | figure)
    assert len(figure) <= 5


@pytest.mark.parametrize(
    ("right", "typo", "far"),
    [
        ("ventilator", "ventilatr", "piano"),
        ("hydroalcoholic gel", "hydroalcolic gel", "steel girder"),
        ("respirateurs", "respirateur", "violon"),
    ],
)
def test_typos_stay_near(right: str, typo: str, far: str) -> None:
    a, b, c = load_encoder().encode([right, typo, far])
    assert a @ b > 0.6 > a @ c


def test_what_is_said_first_counts_most() -> None:
    weights = position_weights(200)
    assert weights[0] == weights[24] == 1 and (np.diff(weights) <= 0).all() and weights[-1] < 0.4
