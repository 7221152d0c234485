"""A generation is whole or refused; what is fresher is searched at once and ranks as it will after the next one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg import mapping
from kg.errors import DamagedData, NotFound
from kg.model import Actor, Concept, Evidence, Text
from search import generation as generations
from search import vectors
from search.encoder import HashingEncoder
from search.generation import Generation
from search.matcher import Matcher
from search.query import Query

ENCODER = HashingEncoder()
CONCEPTS = [
    Concept(f"x:{name}", "mine", name, preferred=(Text(label, "en"),))
    for name, label in (("gel", "hydroalcoholic gel"), ("mask", "surgical mask"), ("visor", "face visor"))
]
WORDS = ["steel", "cotton", "paper", "glass", "rubber", "copper", "timber", "wool", "leather", "resin"]


def actor(number: int, made: str, **more: object) -> Actor:
    found = Actor(
        f"https://example.org/actor/{number:04d}", "s", f"a{number}", f"Firm {number}", makes=(Text(made, "en"),)
    )
    return replace(found, **more)  # type: ignore[arg-type]


ACTORS = [actor(n, f"{WORDS[n % 10]} {WORDS[n // 10]} parts") for n in range(100)]


def build(folder: Path, actors: list[Actor], seq: int = 1, encoder: HashingEncoder = ENCODER) -> Generation:
    return generations.build(
        folder,
        actors=actors,
        concepts=CONCEPTS,
        encoder=encoder,
        seq=seq,
        predicates=mapping.predicates(),
    )


def ids(generation: Generation, text: str, **constraints: object) -> list[str]:
    query = Query(text, lang="en", limit=100, **constraints)  # type: ignore[arg-type]
    return [match.actor.id for match in Matcher(generation, ENCODER).search(query).results]


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    return build(tmp_path, ACTORS)


def test_what_was_built_is_what_is_opened(generation: Generation, tmp_path: Path) -> None:
    again = generations.open_latest(tmp_path, encoder=ENCODER)
    assert again is not None
    assert (again.seq, again.model, again.actor_count) == (1, ENCODER.name, 100)
    assert ids(again, "steel parts") == ids(generation, "steel parts") != []


def test_another_model_opens_nothing_of_ours_and_builds_its_own(generation: Generation, tmp_path: Path) -> None:
    other = HashingEncoder(128)
    assert generations.open_latest(tmp_path, encoder=other) is None
    with pytest.raises(DamagedData, match="hashing-256"):
        generations.open_generation(generation.folder, other)
    build(tmp_path, ACTORS, encoder=other)
    opened = generations.open_latest(tmp_path, encoder=other)
    assert opened is not None and opened.model == "hashing-128"
    assert generations.open_latest(tmp_path, encoder=ENCODER) is not None


def test_any_file_that_lost_a_bit_or_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_SKETCHED", 50)
    generation = build(tmp_path, ACTORS)
    assert (generation.folder / "passages.bits.faiss").is_file()
    files = [path for path in generation.folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    assert len(files) > 15
    for path in files:
        whole = path.read_bytes()
        if not whole:
            continue
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(DamagedData) as caught:
            generations.open_generation(generation.folder, ENCODER)
        assert str(path) in caught.value.problem and caught.value.mend
        path.unlink()
        with pytest.raises(DamagedData):
            generations.open_generation(generation.folder, ENCODER)
        path.write_bytes(whole)
    generations.open_generation(generation.folder, ENCODER)


def test_a_manifest_of_another_format_is_refused(generation: Generation) -> None:
    file = generation.folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8").partition("\n")[2])
    text = json.dumps(manifest | {"format": 99}, indent=1, sort_keys=True)
    file.write_text(f"{generations._checksum(text)}\n{text}\n", encoding="utf-8")
    with pytest.raises(DamagedData, match="format 99"):
        generations.open_generation(generation.folder, ENCODER)


def test_a_changed_actor_is_found_at_once_and_the_old_one_gone(generation: Generation) -> None:
    assert ids(generation, "hydroalcoholic gel") == []
    generation.add_fresh([actor(5, "hydroalcoholic gel"), actor(200, "face visor")], [], 2)
    assert ids(generation, "hydroalcoholic gel") == ["a5"]
    assert ids(generation, "face visor") == ["a200"]
    assert "a5" not in ids(generation, "copper steel parts")
    assert (generation.seq, generation.base_seq, generation.actor_count) == (2, 1, 101)
    generation.add_fresh([], ["https://example.org/actor/0005", "https://example.org/actor/0200"], 3)
    assert ids(generation, "hydroalcoholic gel") == ids(generation, "face visor") == []
    assert (generation.seq, generation.actor_count) == (3, 99)
    generation.add_fresh([actor(5, "surgical mask")], [], 4)
    assert ids(generation, "surgical mask") == ["a5"]
    assert generation.actor_count == 100


def test_constraints_hold_in_the_fresh_part_too(generation: Generation) -> None:
    generation.add_fresh(
        [actor(5, "hydroalcoholic gel", country="FR"), actor(6, "hydroalcoholic gel", country="DE")], [], 2
    )
    assert ids(generation, "hydroalcoholic gel", country=("DE",)) == ["a6"]
    answer = Matcher(generation, ENCODER).search(Query("hydroalcoholic gel", lang="en"))
    assert answer.facets["country"] == {"DE": 1, "FR": 1}


def test_concepts_and_text_rank_alike_before_and_after_a_rebuild(generation: Generation, tmp_path: Path) -> None:
    changed = [
        actor(n, f"{WORDS[n]} gel, hydroalcoholic", evidence=(Evidence(text="surgical mask"),)) for n in range(8)
    ]
    generation.add_fresh(changed, [], 2)
    rebuilt = build(tmp_path, [*changed, *ACTORS[8:]], seq=2)

    def channels(one: Generation) -> dict[str, tuple[float, float]]:
        found = Matcher(one, ENCODER).search(Query("hydroalcoholic gel of rubber", lang="en", limit=100)).results
        return {m.actor.id: (m.channels["concepts"], m.channels["text"]) for m in found}

    before, after = channels(generation), channels(rebuilt)
    shared = before.keys() & after.keys()
    assert len(shared) >= 8
    for name in shared:  # the base keeps half floats, the fresh part too: they agree to the last digit shown
        assert before[name] == pytest.approx(after[name], abs=1e-3), name


def test_only_the_newest_are_kept_and_leftovers_go(tmp_path: Path) -> None:
    for seq in (1, 2, 3):
        build(tmp_path, ACTORS[:5], seq=seq)
    (tmp_path / ".partial-1").mkdir()
    generations.remove_stale(tmp_path, 2)
    assert sorted(int(path.name.partition("-")[0]) for path in tmp_path.iterdir()) == [2, 3]
    newest = generations.open_latest(tmp_path, encoder=ENCODER)
    assert newest is not None and newest.seq == 3


def test_nothing_to_index_is_an_index_too(tmp_path: Path) -> None:
    empty = build(tmp_path, [])
    assert empty.actor_count == 0
    answer = Matcher(empty, ENCODER).search(Query("gel"))
    assert (answer.answer, answer.total, any(answer.facets.values())) == ("none", 0, False)
    empty.add_fresh([actor(1, "hydroalcoholic gel")], [], 2)
    assert ids(empty, "hydroalcoholic gel") == ["a1"]
    generations.build(tmp_path / "bare", actors=ACTORS[:2], concepts=[], encoder=ENCODER, seq=1, predicates={})


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(name: str) -> None:
        if name == "index.written":
            raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="full"):
        generations.build(
            tmp_path,
            actors=ACTORS,
            concepts=CONCEPTS,
            encoder=ENCODER,
            seq=1,
            predicates={},
            on_step=stop,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_moved_is_still_sound(generation: Generation, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(generation.folder, tmp_path / "elsewhere" / generation.folder.name))
    assert ids(generations.open_generation(moved, ENCODER), "steel parts") == ids(generation, "steel parts")


def test_why_not_names_who_is_not_there(generation: Generation) -> None:
    with pytest.raises(NotFound):
        Matcher(generation, ENCODER).why_not(Query("gel"), "https://example.org/actor/none")


def test_who_is_allowed_is_kept_at_hand_and_never_stale(tmp_path: Path) -> None:
    segment = build(tmp_path, [replace(one, country="FR" if n % 3 else "DE") for n, one in enumerate(ACTORS)]).base
    query = Query("x", country=("FR",))
    first = segment.allowed(query, None)
    assert first is not None and 0 < first.actors.sum() < len(segment)
    assert segment.allowed(replace(query, text="another", offset=10), None) is first
    others = segment.allowed(query, ~first.actors)
    assert others is not None and not others.actors.any() and not others.passages.any() and not others.vectors.any()
    again = segment.allowed(query, None)
    assert again is not None and np.array_equal(again.actors, first.actors)
    for number in range(20):
        segment.allowed(Query("x", nuts=(f"FR{number}",)), None)
    assert len(segment._allowed) == 8
    assert segment.allowed(Query("x"), None) is None
