"""A damaged view is never served: it is found by its checksum and built again from the journal."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from api.engine import Engine
from kg.errors import DamagedData
from search import generation
from search.encoder import Encoder, load_encoder
from search.query import Query

FLIPS = 200
NEED = Query("FFP2-Masken")


def newest(folder: Path) -> Path:
    return sorted((folder / "index").glob("[0-9]*"))[-1]


def index_files(folder: Path) -> list[Path]:
    return sorted(p for p in newest(folder).rglob("*") if p.is_file() and not p.name.endswith(".lock"))


def flip(path: Path, picker: random.Random) -> bytes:
    """Turns one bit over; gives the bytes as they were."""
    before = path.read_bytes()
    data = bytearray(before)
    data[picker.randrange(len(data))] ^= 1 << picker.randrange(8)
    put(path, data)
    return before


def put(path: Path, data: bytes | bytearray) -> None:
    """In place of the file, never into it: a reader that is still there has it mapped, and would die of its cutting."""
    aside = path.with_name(path.name + ".flipped")
    aside.write_bytes(data)
    aside.replace(path)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def names(engine: Engine) -> list[str]:
    return [match.actor.id for match in engine.search(NEED).results]


def test_every_flipped_bit_of_the_index_is_detected(copied: Path, encoder: Encoder) -> None:
    seed = int(time.time())
    print(f"seed {seed}")
    picker = random.Random(seed)
    files = [path for path in index_files(copied) if path.stat().st_size]
    sizes = [path.stat().st_size for path in files]
    for number in range(FLIPS):
        # Half of the flips fall anywhere, half in a file of any size, so that the small ones get their share.
        path = picker.choices(files, sizes)[0] if number % 2 else picker.choice(files)
        before = flip(path, picker)
        with pytest.raises(DamagedData, match="Run 'filiere check --repair'") as caught:
            generation.open_latest(copied / "index", encoder=encoder)
        assert path.name in str(caught.value)
        put(path, before)
    assert generation.open_latest(copied / "index", encoder=encoder) is not None


def test_a_search_builds_a_damaged_index_again_and_answers_the_same(copied: Path) -> None:
    with Engine.open(copied) as engine:
        wanted = names(engine)
    picker = random.Random(int(time.time()))
    for _ in range(5):
        flip(picker.choice([path for path in index_files(copied) if path.stat().st_size]), picker)
        with Engine.open(copied) as engine:
            assert names(engine) == wanted
            assert engine.index.check() == ""


def test_check_names_the_damage_and_repairs_it(copied: Path) -> None:
    flip(newest(copied) / "tags.npz", random.Random(1))
    with Engine.open(copied, write=True, catch_up=False) as engine:
        (problem,) = engine.check()
        assert problem.view == "index"
        assert "tags.npz" in problem.what
        assert all(p.repaired for p in engine.check(repair=True))
        assert engine.check() == []


@pytest.mark.parametrize(
    "harm", ["truncated", "missing", "empty manifest", "no manifest", "leftover", "whole folder gone"]
)
def test_other_damage_to_the_index_is_mended_at_the_next_start(copied: Path, harm: str) -> None:
    folder = newest(copied)
    match harm:
        case "truncated":
            path = folder / "passages.json"
            path.write_bytes(path.read_bytes()[:-100])
        case "missing":
            (folder / "owners.npy").unlink()
        case "empty manifest":
            (folder / "manifest.json").write_bytes(b"")
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "leftover":
            shutil.copytree(folder, folder.parent / ".partial-1")
        case "whole folder gone":
            shutil.rmtree(folder.parent)
    with Engine.open(copied, write=True) as engine:
        assert engine.check() == []
        assert engine.search(NEED).answer == "match"


def test_a_changed_triple_of_the_graph_is_found_and_repaired(copied: Path) -> None:
    from kg.rdf import Literal, NamedNode, Quad

    with Engine.open(copied, write=True) as engine:
        graph = NamedNode("https://w3id.org/filiere/graph/crisis2020")
        said = Quad(NamedNode("https://example.org/x"), NamedNode("https://example.org/y"), Literal("z"), graph)
        engine.graph.store.add(said)
        (problem,) = engine.check()
        assert problem.view == "graph"
        assert "crisis2020" in problem.what
        engine.check(repair=True)
        assert engine.check() == []


def test_a_graph_that_cannot_be_opened_is_built_again(copied: Path) -> None:
    for path in (copied / "graph").glob("*"):
        if path.name.startswith(("CURRENT", "MANIFEST")):
            path.write_bytes(b"\0" * 10)
    with Engine.open(copied, write=True) as engine:
        assert engine.check() == []


def test_a_damaged_journal_is_named_and_nothing_is_written_over_it(copied: Path) -> None:
    path = copied / "journal.sqlite"
    data = bytearray(path.read_bytes())
    data[100 : len(data) // 2] = random.Random(1).randbytes(len(data) // 2 - 100)
    path.write_bytes(data)
    with pytest.raises(DamagedData, match=r"journal\.sqlite"):
        Engine.open(copied, write=True)
    assert path.read_bytes() == bytes(data)


def test_a_changed_payload_of_the_journal_is_found(copied: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(copied / "journal.sqlite")
    connection.execute("UPDATE changes SET payload = replace(payload, 'FFP2', 'FFP3') WHERE payload LIKE '%FFP2%'")
    connection.commit()
    connection.close()
    with Engine.open(copied, write=True, catch_up=False) as engine:
        problems = engine.check()
    assert {problem.view for problem in problems} == {"journal"}
    assert "checksum" in problems[0].what


def test_an_index_of_another_model_is_refused_and_built_again(copied: Path) -> None:
    with Engine.open(copied) as engine:
        built_in, wanted = engine.index.encoder, names(engine)
    with Engine.open(copied, write=True, model="hashing") as engine:
        assert engine.index.encoder.name != built_in.name
        found = engine.search(NEED)
        assert found.model == "hashing-256"
        assert engine.check() == []
        made = engine.index.open()
        assert made is not None
        with pytest.raises(DamagedData, match="was made by the model"):
            generation.open_generation(made.folder, built_in)
    with Engine.open(copied, write=True) as engine:
        assert names(engine) == wanted
        assert engine.search(NEED).model == built_in.name


def test_a_reader_with_another_model_builds_its_own_index(copied: Path) -> None:
    with Engine.open(copied, model="hashing") as engine:
        assert engine.search(NEED).model == "hashing-256"
