"""Vectors, keywords, columns and concepts against plain loops that say the same."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import DamagedData
from kg.model import ACTOR_KINDS, SIZES, Actor, Concept, Text
from search import keywords, vectors
from search.columns import Columns
from search.concepts import MANNERS, Concepts
from search.encoder import HashingEncoder, StaticEncoder, load_encoder
from search.keywords import KeywordIndex
from search.query import Query
from search.vectors import VectorIndex
from tests.benchmarks import generator

ENCODER = HashingEncoder()
STATIC = load_encoder()


def unit(generator: np.random.Generator, count: int, dimension: int = 24) -> np.ndarray:
    rows = generator.normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(12))
def test_vectors_rank_exactly_the_allowed_rows(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Of numbers that half floats hold exactly, so that the order is the same to the last row.
    rows = unit(generator, int(generator.integers(1, 400))).astype(np.float16).astype(np.float32)
    queries = unit(generator, 3)
    allowed = generator.random(len(rows)) < generator.choice([0.0, 0.05, 0.5, 1.0])
    count = int(generator.integers(1, 30))
    scores, found = VectorIndex.of(rows).search(queries, count, allowed)
    exact = np.where(allowed, queries @ rows.T, -np.inf)
    for query in range(len(queries)):
        order = np.argsort(-exact[query], kind="stable")[: min(count, int(allowed.sum()))]
        assert found[query][: len(order)].tolist() == order.tolist()
        assert np.allclose(scores[query][: len(order)], exact[query][order], atol=1e-5)
        assert (found[query][len(order) :] == -1).all()


def test_vectors_come_back_from_their_file_and_nothing_else_does(tmp_path: Path) -> None:
    rows = unit(np.random.default_rng(1), 50)
    index = VectorIndex.of(rows)
    index.write(tmp_path / "v.faiss")
    again = VectorIndex.open(tmp_path / "v.faiss", dimension=24)
    assert len(again) == 50
    assert all(np.array_equal(a, b) for a, b in zip(again.search(rows, 5), index.search(rows, 5), strict=True))
    with pytest.raises(DamagedData, match="24 numbers"):
        VectorIndex.open(tmp_path / "v.faiss", dimension=25)
    (tmp_path / "no.faiss").write_bytes(b"not an index")
    with pytest.raises(DamagedData, match="not a vector index"):
        VectorIndex.open(tmp_path / "no.faiss", dimension=24)
    scores, found = VectorIndex.of(np.zeros((0, 24), dtype=np.float32)).search(rows[:2], 5)
    assert scores.shape == found.shape == (2, 0)


@pytest.fixture(scope="module")
def said() -> np.ndarray:
    """Vectors of the different texts of generated actors, as half floats hold them [n, d]."""
    made = generator.actors(3500, seed=2)
    texts = {piece["text"] for actor in made for field in ("makes", "descriptions") for piece in actor.get(field, ())}
    rows = STATIC.encode(sorted(texts)).astype(np.float16).astype(np.float32)
    assert len(rows) > 8000
    return rows


def nearest(query: np.ndarray, rows: np.ndarray, count: int, allowed: np.ndarray | None) -> set[int]:
    cosines = rows @ query
    if allowed is not None:
        cosines[~allowed] = -np.inf
    return set(np.argsort(-cosines, kind="stable")[:count].tolist())


NEEDS = ["surgical masks", "gel hydroalcoolique", "Spritzguss", "guanti in nitrile", "acero", "welding of pipes"]


@pytest.mark.parametrize("share", [None, 0.8, 0.5])
def test_of_many_rows_nearly_all_of_the_nearest_are_found_and_cosines_are_exact(
    share: float | None, said: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_SKETCHED", 1000)
    index = VectorIndex.of(said)
    allowed = None if share is None else np.random.default_rng(1).random(len(said)) < share
    queries = STATIC.encode(NEEDS)
    scores, rows = index.search(queries, 600, allowed)
    first = every = 0
    for number, query in enumerate(queries):
        assert np.allclose(scores[number], said[rows[number]] @ query, atol=1e-5)
        assert (np.diff(scores[number]) <= 0).all() and len(set(rows[number].tolist())) == 600
        assert allowed is None or allowed[rows[number]].all()
        first += len(nearest(query, said, 100, allowed) & set(rows[number].tolist()))
        every += len(nearest(query, said, 600, allowed) & set(rows[number].tolist()))
    assert first >= 0.99 * 100 * len(NEEDS)
    assert every >= 0.98 * 600 * len(NEEDS)


def test_few_allowed_of_many_rows_are_found_exactly(said: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_SKETCHED", 1000)
    allowed = np.zeros(len(said), dtype=bool)
    allowed[::7] = True
    queries = STATIC.encode(NEEDS)
    plain = VectorIndex.of(said)
    scores, rows = plain.search(queries, 20, allowed)
    for number, query in enumerate(queries):
        exact = np.sort(said[allowed] @ query)[::-1][:20]
        assert np.allclose(scores[number], exact, atol=1e-5) and allowed[rows[number]].all()
    scores, rows = plain.search(queries, 20, np.zeros(len(said), dtype=bool))
    assert (rows == -1).all()


def test_where_nothing_near_is_allowed_what_is_far_is_found_exactly(
    said: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_SKETCHED", 1000)
    index = VectorIndex.of(said)
    query = STATIC.encode(NEEDS[:1])
    allowed = np.ones(len(said), dtype=bool)
    allowed[list(nearest(query[0], said, len(said) // 2, None))] = False
    assert index._wide(50, allowed)
    scores, rows = index.search(query, 50, allowed)
    assert allowed[rows[0]].all()
    assert np.allclose(scores[0], np.sort(said[allowed] @ query[0])[::-1][:50], atol=1e-5)


def test_many_rows_come_back_from_their_files_and_only_their_own(
    said: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(vectors, "_SKETCHED", 1000)
    index = VectorIndex.of(said)
    index.write(tmp_path / "v.faiss")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.bits.faiss", "v.faiss"]
    again = VectorIndex.open(tmp_path / "v.faiss", dimension=STATIC.dimension)
    queries = STATIC.encode(NEEDS)
    for allowed in (None, np.arange(len(said)) % 2 == 0):
        pairs = zip(again.search(queries, 50, allowed), index.search(queries, 50, allowed), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    VectorIndex.of(said[:-1]).write(tmp_path / "other.faiss")
    (tmp_path / "other.bits.faiss").replace(tmp_path / "v.bits.faiss")
    with pytest.raises(DamagedData, match="not of"):
        VectorIndex.open(tmp_path / "v.faiss", dimension=STATIC.dimension)
    (tmp_path / "v.bits.faiss").write_bytes(b"not an index")
    with pytest.raises(DamagedData, match="not a vector index"):
        VectorIndex.open(tmp_path / "v.faiss", dimension=STATIC.dimension)


def test_rows_are_those_that_were_added_as_half_floats_hold_them(said: np.ndarray, tmp_path: Path) -> None:
    index = VectorIndex.of(said[:700])
    index.write(tmp_path / "v.faiss")
    numbers = np.array([699, 0, 3, 3, 500], dtype=np.int64)
    for one in (index, VectorIndex.open(tmp_path / "v.faiss", dimension=STATIC.dimension)):
        assert np.array_equal(one.rows(numbers), said[numbers])
        assert np.array_equal(one.rows(numbers), np.stack([one._index.reconstruct(int(n)) for n in numbers]))
        assert one.rows(numbers[:0]).shape == (0, STATIC.dimension)


VOCABULARY = ["gel", "masque", "masks", "visière", "surgical", "hôpital", "Masken", "οινόπνευμα", "спирт", "tissu"]


def corpus(picker: random.Random, count: int) -> list[tuple[str, str]]:
    return [
        (" ".join(picker.choices(VOCABULARY, k=picker.randrange(1, 9))), picker.choice(["fr", "en", "de", "", "bg"]))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_few_allowed_rows_and_many_are_ranked_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    picker = random.Random(seed)
    index = KeywordIndex.build(corpus(picker, 300))
    for _ in range(5):
        need = " ".join(picker.choices(VOCABULARY, k=3))
        allowed = np.array([picker.random() < 0.3 for _ in range(300)])
        monkeypatch.setattr(keywords, "_NAMED", 0)
        named = index.search(need, "fr", 40, allowed)
        monkeypatch.setattr(keywords, "_NAMED", 1000)
        cut = index.search(need, "fr", 40, allowed)
        monkeypatch.undo()
        assert sorted(s for _, s in named) == pytest.approx(sorted(s for _, s in cut), abs=1e-4)
        free = dict(index.search(need, "fr", 300))
        wanted = sorted((s for row, s in free.items() if allowed[row]), reverse=True)[:40]
        assert [s for _, s in named] == pytest.approx(wanted, abs=1e-4)
        assert all(allowed[row] for row, _ in [*named, *cut])


def test_a_rarer_word_counts_more_and_a_word_counts_once() -> None:
    index = KeywordIndex.build([("gel", "")] * 20 + [("gel spirit", ""), ("visor", "")])
    (best, _), *_ = index.search("gel spirit", "", 5)
    assert best == 20
    assert index.search("visor visor visor", "", 5) == index.search("visor", "", 5)
    assert index.ideal("visor", "") > index.ideal("gel", "")
    assert KeywordIndex.build([]).search("gel", "fr", 5) == []
    assert index.search("😷 ?", "fr", 5) == []
    assert len(index.search(" ".join(f"w{n}" for n in range(5000)) + " gel", "fr", 5)) in (0, 5)


def test_a_keyword_index_with_another_number_of_texts_is_refused(tmp_path: Path) -> None:
    KeywordIndex.build([("gel", "fr")], tmp_path / "k")
    assert KeywordIndex.open(tmp_path / "k", 1).search("gels", "fr", 3)
    with pytest.raises(DamagedData, match="1 texts, not 2"):
        KeywordIndex.open(tmp_path / "k", 2)
    (tmp_path / "k" / "meta.json").write_text("rubbish", encoding="utf-8")
    with pytest.raises(DamagedData, match="not a keyword index"):
        KeywordIndex.open(tmp_path / "k", 1)


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    a, b = (tuple(map(math.radians, point)) for point in (one, other))
    half = math.sin((b[0] - a[0]) / 2) ** 2 + math.cos(a[0]) * math.cos(b[0]) * math.sin((b[1] - a[1]) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def random_actor(picker: random.Random, number: int) -> Actor:
    placed = picker.random() < 0.7
    return Actor(
        iri=f"x:{number}",
        source=picker.choice(["s", "t"]),
        id=str(number),
        name="N",
        kind=picker.choice(ACTOR_KINDS),
        country=picker.choice(["", "FR", "DE", "IT"]),
        nuts=picker.choice(["", "FR", "FRK", "FRK2", "FRK26", "DE1"]),
        size=picker.choice(["", *SIZES]),
        latitude=picker.uniform(-90, 90) if placed else None,
        longitude=picker.uniform(-180, 180) if placed else None,
        clusters=tuple(picker.sample(["c1", "c2", "c3"], picker.randrange(3))),
        certifications=tuple(Text(t) for t in picker.sample(["ISO 13485", "Éco-label", "EN 149"], picker.randrange(3))),
    )


def random_query(picker: random.Random) -> Query:
    chosen: dict[str, object] = {}
    for name, words in (
        ("country", ["FR", "DE", "XX"]),
        ("kind", list(ACTOR_KINDS)),
        ("size", list(SIZES)),
        ("source", ["s", "t"]),
        ("nuts", ["FR", "FRK2", "D"]),
        ("cluster", ["c1", "c9"]),
        ("certificate", ["iso", "ECO", "149"]),
    ):
        if picker.random() < 0.3:
            chosen[name] = tuple(picker.sample(words, picker.randrange(1, 3)))
    if picker.random() < 0.4:
        chosen |= {"near": (picker.uniform(-80, 80), picker.uniform(-180, 180)), "within_km": picker.uniform(1, 9000)}
    return Query("x", **chosen)  # type: ignore[arg-type]


def allows(query: Query, actor: Actor) -> bool:
    plain = all(
        not getattr(query, name) or getattr(actor, name) in getattr(query, name)
        for name in ("country", "kind", "size", "source")
    )
    held = " ".join(text.text for text in actor.certifications).casefold().replace("é", "e")
    near = True
    if query.near is not None and query.within_km is not None:
        known = actor.latitude is not None and actor.longitude is not None
        near = known and kilometres(query.near, (actor.latitude or 0.0, actor.longitude or 0.0)) <= query.within_km
    return (
        plain
        and (not query.nuts or actor.nuts.startswith(query.nuts))
        and (not query.cluster or bool(set(query.cluster) & set(actor.clusters)))
        and (not query.certificate or any(word.casefold() in held for word in query.certificate))
        and near
    )


def test_columns_allow_whom_a_plain_loop_allows(tmp_path: Path) -> None:
    picker = random.Random(7)
    actors = [random_actor(picker, number) for number in range(200)]
    columns = Columns.of(actors)
    columns.write(tmp_path)
    opened = Columns.open(tmp_path)
    constrained = 0
    for _ in range(200):
        query = random_query(picker)
        mask = columns.allowed(query)
        if mask is None:
            assert not query.is_constrained() and opened.allowed(query) is None
            continue
        constrained += 1
        assert mask.tolist() == [allows(query, actor) for actor in actors], query
        again = opened.allowed(query)
        assert again is not None and again.tolist() == mask.tolist()
    assert constrained > 100


def test_columns_count_what_actors_say() -> None:
    picker = random.Random(8)
    actors = [random_actor(picker, number) for number in range(100)]
    chosen = np.array(picker.sample(range(100), 40), dtype=np.int64)
    for name, counts in Columns.of(actors).facets(chosen).items():
        said = [getattr(actors[at], name) for at in chosen]
        assert counts == {word: said.count(word) for word in set(said) if word}


def random_concepts(picker: random.Random, count: int = 40) -> list[Concept]:
    """Concepts with links at random: circles, pointers into the void and links to oneself among them."""
    names = [f"x:{n}" for n in range(count)]

    def some(most: int) -> tuple[str, ...]:
        return tuple(picker.sample([*names, "x:nowhere"], picker.randrange(most)))

    return [
        Concept(
            name,
            "mine",
            name[2:],
            preferred=(Text(f"label {name[2:]}", "en"),),
            broader=some(3),
            related=some(2),
            matches=some(2),
            inputs=some(2),
            processes=some(2),
            substitutes=some(2),
            convertible_to=some(2),
        )
        for name in names
    ]


@pytest.mark.parametrize("seed", range(5))
def test_what_answers_for_what_follows_from_the_links(seed: int, tmp_path: Path) -> None:
    concepts = random_concepts(random.Random(seed))
    built = Concepts.build(concepts, ENCODER)
    built.write(tmp_path)
    opened = Concepts.open(tmp_path, ENCODER)
    about = {concept.iri: concept for concept in concepts}
    for asked in range(len(built)):
        had, weights = built.neighbours(asked)
        assert dict(zip(had.tolist(), weights.tolist(), strict=True))[asked] == 1.0
        for one in range(len(built)):
            worth, manner = built.worth(asked, one), built.manner(asked, one)
            assert 0 <= worth <= 1 and (worth > 0) is (manner in MANNERS) is (one in had)
            assert (opened.worth(asked, one), opened.manner(asked, one)) == (worth, manner)
            for start, name, end in built.path(asked, one):
                assert built.iri(end) in getattr(about[built.iri(start)], name)


def test_concepts_are_understood_by_their_labels_in_every_language() -> None:
    made = Concepts.build(
        [
            Concept("x:a", "t", "1", preferred=(Text("Handdesinfektion", "de"), Text("désinfection des mains", "fr"))),
            Concept("x:b", "t", "2", preferred=(Text("gloves", "en"),), hidden=(Text("glove examination", "en"),)),
        ],
        ENCODER,
    )
    texts = ["Désinfection des MAINS", "handdesinfektion", "examination glove x", "GLOVES", "12", ""]
    hits = made.understand(texts, ENCODER.encode(texts))
    assert [made.iri(found[0].concept) for found in hits[:4]][:2] == ["x:a", "x:a"]
    assert made.iri(hits[3][0].concept) == "x:b"
    assert hits[3][0].score == hits[0][0].score == 1.0
    assert hits[4] == hits[5] == []
    assert all(0 < hit.score <= 1 for found in hits for hit in found)
    assert made.label(0, "fr") == "désinfection des mains" and made.code(0) == "t:1"


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_has_a_vector_or_none(text: str) -> None:
    for encoder in (STATIC, ENCODER):
        (row,) = encoder.encode([text])
        length = float(np.linalg.norm(row))
        assert length == 0 or length == pytest.approx(1, abs=1e-3)
        assert not np.isnan(row).any()
    if not text.strip(" \t\n"):
        assert not STATIC.encode([text]).any()


def test_what_comes_after_the_limit_does_not_count() -> None:
    assert isinstance(STATIC, StaticEncoder)
    long = "hydroalcoholic gel " * 300
    assert np.array_equal(STATIC.encode([long]), STATIC.encode([long + "piano " * 5000]))
