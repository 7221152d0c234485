"""An index made of pieces, some of them by child processes, is the index that is made at once."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from kg import mapping, packaged
from kg.intake import parse
from kg.model import Actor, Concept, Source
from kg.readers.job import Job
from kg.terms import from_payload
from search import workers
from search.columns import Columns
from search.concepts import Concepts
from search.encoder import HashingEncoder, StaticEncoder, load_encoder
from search.pieces import Preparer, Verdicts
from search.query import Query
from search.records import Records
from search.segment import Segment
from tests.benchmarks import generator

RUN = 150  # actors of a piece here, so that a few thousand of them keep children busy
COUNT = 1130  # the last run is not a whole one
FATAL = 500  # the actor over which a child dies: in the fourth run, the second that children get
NEEDS = (
    ("surgical masks", "en"),
    ("gel hydroalcoolique", "fr"),
    ("Spritzguss", "de"),
    ("guanti in nitrile", "it"),
    ("welding of steel", ""),
)


class Made(NamedTuple):
    """Generated actors, the concepts they are tagged with and the folder these were written to."""

    actors: list[Actor]
    concepts: Concepts
    folder: Path
    encoder: StaticEncoder


class Item(NamedTuple):
    """An actor on its way to a child: who sent it, and where whoever reads it leaves its process's number."""

    parent: int
    marks: Path
    number: int
    actor: Actor


def read(item: Item) -> Actor | None:
    (item.marks / str(os.getpid())).touch()
    return item.actor


def read_and_die(item: Item) -> Actor | None:
    if item.number == FATAL and os.getpid() != item.parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(item)


def read_some(item: Item) -> Actor | None:
    return item.actor if item.number % 3 else None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("pieces")
    file = folder / "a.jsonl"
    lines = (json.dumps(actor, ensure_ascii=False) + "\n" for actor in generator.actors(COUNT, seed=3))
    file.write_text("".join(lines), encoding="utf-8")
    source = Source("generated")
    rows = parse([Job(file)], source)
    found = (mapping.from_statements(row.iri, source.id, from_payload(row.payload)) for row in rows)
    actors = [entity for entity in found if isinstance(entity, Actor)]
    assert len(actors) == COUNT
    said = (mapping.from_statements(iri, "filiere", from_payload(payload)) for iri, payload in packaged.load())
    encoder = load_encoder()
    assert isinstance(encoder, StaticEncoder)
    concepts = Concepts.build([entity for entity in said if isinstance(entity, Concept)][::3], encoder)
    concepts.write(folder)
    return Made(actors, concepts, folder, encoder)


@pytest.fixture(scope="module")
def verdicts(made: Made) -> Verdicts:
    """Every fifth actor has its first competency rejected, and another confirmed."""
    last = made.concepts.iri(len(made.concepts) - 1)
    tagged = Segment.build(made.actors[:400:5], made.concepts, made.encoder)
    return {tagged.iri(n): {made.concepts.iri(tagged.links(n)[0].concept): False, last: True} for n in range(80)}


@pytest.fixture(scope="module")
def at_once(made: Made, verdicts: Verdicts) -> Segment:
    return Segment.build(made.actors, made.concepts, made.encoder, verdicts=verdicts)


def in_pieces(
    made: Made, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch, marks: Path, reader: workers.Read = read
) -> Segment:
    """The segment that three cores make of runs of RUN actors, two of them in children."""
    monkeypatch.setattr(workers, "_RUN", RUN)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    items = (Item(os.getpid(), marks, number, actor) for number, actor in enumerate(made.actors))
    pieces = workers.pieces(items, reader, made.concepts, made.folder, made.encoder, verdicts)
    return Segment.joined(pieces, len(made.concepts), made.encoder.dimension)


def assert_same(one: Segment, other: Segment) -> None:
    assert len(one) == len(other)
    assert [one.summary(n) for n in range(len(one))] == [other.summary(n) for n in range(len(other))]
    assert np.array_equal(one.owners, other.owners)
    passages = range(len(one.owners))
    assert [one.passage(n) for n in passages] == [other.passage(n) for n in passages]
    assert np.allclose(one.believed, other.believed)
    assert len(one.vectors) == len(other.vectors)
    every = np.arange(len(one.vectors))
    # A text's place in its batch decides about the last bit of a sum.
    assert np.allclose(one.vectors.rows(every), other.vectors.rows(every), atol=1e-3)
    assert np.array_equal(one.said.starts, other.said.starts) and np.array_equal(one.said.members, other.said.members)
    for number in range(len(one)):
        links, others = one.links(number), other.links(number)
        assert [link._replace(sure=0) for link in links] == [link._replace(sure=0) for link in others], number
        assert [link.sure for link in links] == pytest.approx([link.sure for link in others], abs=1e-3)
    assert_same_columns(one.columns, other.columns)
    worded = 0
    for text, lang in NEEDS:
        found = dict(one.keywords.search(text, lang, len(one.owners)))
        worded += len(found)
        assert dict(other.keywords.search(text, lang, len(one.owners))) == pytest.approx(found, abs=1e-4)
    assert worded > 100


def assert_same_columns(one: Columns, other: Columns) -> None:
    assert len(one) == len(other)
    assert np.array_equal(one.ties, other.ties) and np.array_equal(one.keys, other.keys)
    every = np.arange(len(one), dtype=np.int64)
    assert one.facets(every) == other.facets(every)
    assert [one.source(n) for n in range(len(one))] == [other.source(n) for n in range(len(other))]
    for query in (
        Query("x", country=("FR", "DE")),
        Query("x", kind=("firm",), size=("small", "micro")),
        Query("x", nuts=("FRK", "DE")),
        Query("x", certificate=("iso 13485",)),
        Query("x", cluster=("c1",)),
        Query("x", near=(48.85, 2.35), within_km=300),
    ):
        mask, same = one.allowed(query), other.allowed(query)
        assert mask is not None and same is not None and np.array_equal(mask, same), query


def test_pieces_of_children_make_the_segment_that_is_built_at_once(
    made: Made, verdicts: Verdicts, at_once: Segment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = in_pieces(made, verdicts, monkeypatch, tmp_path)
    makers = {int(mark.name) for mark in tmp_path.iterdir()}
    assert os.getpid() in makers and len(makers) > 1
    assert_same(built, at_once)
    assert built.confirmed(0, len(made.concepts) - 1)


def test_a_child_that_is_killed_at_work_costs_nothing(
    made: Made, verdicts: Verdicts, at_once: Segment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_same(in_pieces(made, verdicts, monkeypatch, tmp_path, read_and_die), at_once)


def test_what_is_no_actor_is_left_out_of_the_pieces(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = in_pieces(made, {}, monkeypatch, tmp_path, read_some)
    assert [built.iri(n) for n in range(len(built))] == [a.iri for n, a in enumerate(made.actors) if n % 3]


def test_nobody_waits_for_children_that_are_left_behind(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "_RUN", 30)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    items = (Item(os.getpid(), tmp_path, number, actor) for number, actor in enumerate(made.actors))
    begun = workers.pieces(items, read, made.concepts, made.folder, made.encoder, {})
    assert len([next(begun).actors for _ in range(4)]) == 4
    begun.close()
    for mark in tmp_path.iterdir():
        if int(mark.name) != os.getpid():
            with pytest.raises(ProcessLookupError):
                os.kill(int(mark.name), 0)


def test_an_encoder_that_children_cannot_load_makes_every_piece_here(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "_RUN", 20)
    encoder = HashingEncoder()
    items = [Item(os.getpid(), tmp_path, number, actor) for number, actor in enumerate(made.actors[:110])]
    concepts = Concepts.build([], encoder)
    pieces = list(workers.pieces(items, read, concepts, made.folder, encoder, {}))
    assert [len(piece.actors) for piece in pieces] == [20] * 5 + [10]
    assert [int(mark.name) for mark in tmp_path.iterdir()] == [os.getpid()]


def test_a_text_of_several_pieces_is_kept_once(made: Made) -> None:
    prepare = partial(Preparer(made.concepts, made.encoder).piece)
    pieces = [prepare(made.actors[:40]), prepare([]), prepare(made.actors[20:60])]
    joined = Segment.joined(pieces, len(made.concepts), made.encoder.dimension)
    assert (len(joined), len(joined.vectors)) == (80, len(Segment.build(made.actors[:60], *made[1::2]).vectors))
    assert [joined.iri(n) for n in range(40, 60)] == [joined.iri(n) for n in range(20, 40)]
    for n in range(20, 40):
        again = n + 20
        shift = joined.passages_of(again).start - joined.passages_of(n).start
        for link, moved in zip(joined.links(n), joined.links(again), strict=True):
            assert moved == link._replace(passage=None if link.passage is None else link.passage + shift)


@pytest.mark.parametrize("cuts", [[], [0], [1], [70, 70], [3, 50, 199], [200]])
def test_columns_and_records_that_are_joined_are_those_of_all(made: Made, cuts: list[int]) -> None:
    actors = made.actors[:200]
    runs = [actors[a:b] for a, b in zip([0, *cuts], [*cuts, 200], strict=True)]
    assert_same_columns(Columns.joined([Columns.of(run) for run in runs]), Columns.of(actors))
    records = Records.joined([Records.of(actor.name for actor in run) for run in runs])
    assert [records[n] for n in range(len(records))] == [actor.name for actor in actors]


def test_nothing_joined_is_nothing() -> None:
    assert len(Columns.joined([])) == len(Records.joined([])) == 0
    assert_same_columns(Columns.joined([]), Columns.of([]))
