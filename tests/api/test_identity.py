"""Decisions on identity in a data folder: rules, persons, searches, pages' view, and what is compared again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.engine import Engine
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput, UserError
from kg.identity import decisions
from kg.model import Source
from search.query import Query

GEL = Query("hydroalcoholic gel", lang="en")
COLUMNS = ("id", "name", "country", "city", "identifiers", "makes")
FRENCH = [
    ("valmy", "Valmy SAS", "FR", "Roanne", "732 829 320", "FFP2 masks"),
    ("anios", "Laboratoires Anios", "FR", "Lezennes", "", "hydroalcoholic gel"),
    ("tri", "Trois Mille Gels SARL", "FR", "Lyon", "404833048", "hydroalcoholic gel"),
    ("nord", "Chimie du Nord", "FR", "Lille", "", "hydroalcoholic gel"),
]
OTHERS = [
    ("v1", "Valmy Masques", "FR", "Paris", "73282932000074", "masks"),
    ("a1", "LABORATOIRES ANIOS S.A.S.", "FR", "Lezennes", "", "hydroalcoholic gel for hands"),
    ("t1", "Trois Mille Gels", "FR", "Lyon", "552100554", "hydroalcoholic gel"),
    ("n1", "Chimie du Nord et de Picardie", "FR", "Lille", "", "hydroalcoholic gel, in bottles"),
]


def iri(source: str, id: str) -> str:
    return v.mint(v.source_namespace(source), "actor", id)


def put(engine: Engine, source: str, rows: list[tuple[str, ...]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    file = engine.folder.path.parent / f"{source}.csv"
    file.write_text(out.getvalue(), encoding="utf-8")
    engine.import_files([file], Source(source), allow_deletions=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identity") / "data"
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        put(engine, "fr", FRENCH)
        put(engine, "eu", OTHERS)
    return folder


@pytest.fixture
def engine(made: Path, tmp_path: Path) -> Iterator[Engine]:
    import shutil

    folder = Path(shutil.copytree(made, tmp_path / "data"))
    with Engine.open(folder, write=True, model="hashing") as opened:
        yield opened


def verdicts(engine: Engine, state: str = "") -> set[tuple[str, str, str, str]]:
    return {(row.one_id, row.other_id, row.verdict, row.by) for row in engine.identity.list(state).pairs}


def places(engine: Engine) -> list[set[str]]:
    return [{m.actor.id, *(other.id for other in m.also)} for m in engine.search(GEL).results]


def test_the_rules_merge_ask_and_hold_apart(engine: Engine) -> None:
    status = engine.status()
    assert status.identity_seq == 0 and status.not_compared > 8 and status.to_review == 0
    dry = engine.identity.run(dry_run=True)
    assert (dry.same, dry.different) == (2, 1) and engine.identity.list().total == 0
    done = engine.identity.bring_up()
    assert {**vars_of(done), "seconds": 0} == {**vars_of(dry), "seconds": 0}
    assert verdicts(engine) == {
        ("v1", "valmy", "same", "rule"),
        ("a1", "anios", "same", "rule"),
        ("t1", "tri", "different", "rule"),
        ("n1", "nord", "review", "rule"),
    }
    status = engine.status()
    assert (status.not_compared, status.to_review) == (0, 1) and status.identity_seq > 0
    because = {row.other_id: row.because for row in engine.identity.list().pairs}
    assert "both are SIREN 732829320" in because["valmy"]
    assert "registered apart: SIREN 404833048 and SIREN 552100554" in " ".join(because["tri"]) or because["tri"]
    again = engine.identity.bring_up()
    assert (again.written, again.actors) == (0, 0)


def vars_of(done: object) -> dict[str, object]:
    return {name: getattr(done, name) for name in ("actors", "pairs", "same", "review", "different", "written")}


def test_a_search_shows_one_actor_once_and_follows_decisions_without_a_rebuild(engine: Engine) -> None:
    assert {"anios"} in places(engine) and {"a1"} in places(engine)
    generation = engine.index.current().folder
    engine.identity.bring_up()
    assert {"anios", "a1"} in places(engine)
    engine.identity.decide("nord", "n1", "same", who="desk")
    assert {"nord", "n1"} in places(engine)
    engine.identity.decide("anios", "a1", "different")
    assert {"anios"} in places(engine) and {"a1"} in places(engine)
    assert engine.index.current().folder == generation
    before = places(engine)
    engine.index.rebuild()
    assert places(engine) == before
    with Engine.open(engine.folder.path, model="hashing") as reader:
        assert places(reader) == before


def test_who_is_alike_shares_a_place_unless_a_person_says_no(engine: Engine) -> None:
    put(engine, "it", [("n2", "Chimie du Nord", "FR", "Lille", "", "hydroalcoholic gel")])
    assert any({"nord", "n2"} <= place for place in places(engine)), "one name and country"
    engine.identity.decide("nord", "n2", "different")
    assert not any({"nord", "n2"} <= place for place in places(engine))
    engine.identity.undo("nord", "n2")
    assert any({"nord", "n2"} <= place for place in places(engine))


def test_a_person_outranks_the_rules_and_survives_their_runs(engine: Engine) -> None:
    engine.identity.bring_up()
    row = engine.identity.decide("anios", "a1", "different", who="desk", note="two houses")
    assert (row.by, row.who, row.note, row.verdict) == ("person", "desk", "two houses", "different")
    engine.identity.decide("nord", "n1", "same")
    for _ in range(2):
        engine.identity.run(whole=True)
        assert ("a1", "anios", "different", "person") in verdicts(engine)
        assert ("n1", "nord", "same", "person") in verdicts(engine)
    put(engine, "eu", [OTHERS[0], OTHERS[2]])  # a1 and n1 are gone
    engine.identity.bring_up()
    assert ("a1", "anios", "different", "person") in verdicts(engine)
    put(engine, "eu", OTHERS)
    engine.identity.bring_up()
    assert engine.identity.merged(iri("fr", "anios")).others == ()
    engine.identity.undo("anios", "a1")
    engine.identity.run(whole=True)
    assert ("a1", "anios", "same", "rule") in verdicts(engine)


def test_only_who_changed_is_compared_again(engine: Engine) -> None:
    engine.identity.bring_up()
    put(engine, "eu", [*OTHERS[:3], ("n1", "Textiles de Picardie", "FR", "Amiens", "", "cloth")])
    done = engine.identity.bring_up()
    assert done.actors == 1 and done.withdrawn == 1
    assert verdicts(engine, "review") == set()
    put(engine, "eu", OTHERS[:1])
    assert engine.identity.bring_up().withdrawn == 2
    assert verdicts(engine) == {("v1", "valmy", "same", "rule")}


def test_a_merge_never_joins_two_who_are_registered_apart_by_way_of_a_third(engine: Engine) -> None:
    put(engine, "it", [("t2", "Trois Mille Gels", "FR", "Lyon", "", "hydroalcoholic gel")])
    engine.identity.bring_up()
    groups = engine.index.identities.refreshed().groups()
    assert not any({iri("fr", "tri"), iri("eu", "t1")} <= set(group) for group in groups)
    with pytest.raises(UserError, match="registered apart: SIREN"):
        engine.identity.decide("tri", "t1", "same")


def test_numbers_that_come_to_differ_outrank_a_person(engine: Engine) -> None:
    engine.identity.decide("nord", "n1", "same", who="desk")
    put(engine, "fr", [*FRENCH[:3], (*FRENCH[3][:4], "542051180", "gel")])
    put(engine, "eu", [*OTHERS[:3], (*OTHERS[3][:4], "552032534", "gel")])
    engine.identity.bring_up()
    assert engine.identity.merged(iri("fr", "nord")).others == ()
    assert ("n1", "nord", "different", "rule") in verdicts(engine)
    assert ("n1", "nord", "same", "person") not in verdicts(engine, "different")


def test_what_a_person_holds_apart_is_not_joined_by_way_of_another(engine: Engine) -> None:
    put(engine, "it", [("n2", "Chimie du Nord", "FR", "Lille", "", "hydroalcoholic gel")])
    engine.identity.decide("nord", "n1", "different")
    engine.identity.decide("nord", "n2", "same")
    with pytest.raises(UserError, match="holds apart"):
        engine.identity.decide("n2", "n1", "same")
    engine.identity.bring_up()
    assert [other.id for other in engine.identity.merged(iri("fr", "nord")).others] == ["n2"]


def test_sources_stand_side_by_side(engine: Engine) -> None:
    engine.identity.bring_up()
    merged = engine.identity.merged(iri("fr", "valmy"))
    assert [(other.id, other.name, other.identifiers) for other in merged.others] == [
        ("v1", "Valmy Masques", ("73282932000074",))
    ]
    assert [row.verdict for row in merged.decisions] == ["same"]
    assert engine.identity.merged(iri("fr", "nord")).others == ()


def test_undoing_leaves_nothing_behind(engine: Engine) -> None:
    before = engine.journal.counts(), places(engine)
    engine.identity.bring_up()
    assert engine.journal.counts()[v.IDENTITIES] == 5
    assert engine.identity.undo_rules() == 4
    assert (engine.journal.counts(), places(engine)) == before
    assert engine.check() == []
    engine.identity.bring_up()
    assert engine.identity.list().total == 0
    (batch, *_) = engine.journal.batches(v.IDENTITIES)
    engine.querying.undo(batch.number)
    assert engine.identity.list().total == 4, "and undoing that brings it back"


def test_what_cannot_be_decided_is_refused_and_changes_nothing(engine: Engine) -> None:
    seq = engine.seq
    for given, error, words in (
        (("anios", "a1", "maybe"), UserError, "verdict"),
        (("anios", "anios", "same"), UserError, "same record"),
        (("anios", "nobody", "same"), NotFound, "no actor"),
    ):
        with pytest.raises(error, match=words):
            engine.identity.decide(*given)
    with pytest.raises(RefusedInput, match="2,000"):
        engine.identity.decide("anios", "a1", "same", note="x" * 2001)
    with pytest.raises(RefusedInput):
        engine.identity.decide("anios", "a1", "same", note="half \ud800")
    with pytest.raises(NotFound, match="Nothing was decided"):
        engine.identity.undo("anios", "a1")
    for given in ({"state": "x"}, {"limit": 0}, {"offset": -1}):
        with pytest.raises(UserError):
            engine.identity.list(**given)
    assert engine.seq == seq


def test_decisions_live_through_damage_a_backup_and_another_version(engine: Engine, tmp_path: Path) -> None:
    engine.identity.bring_up()
    engine.identity.decide("nord", "n1", "same")
    said = verdicts(engine)
    archive = engine.backup(tmp_path / "a.tar.gz")
    Engine.restore(archive, tmp_path / "restored", model="hashing")
    with Engine.open(tmp_path / "restored", write=True, model="hashing") as restored:
        assert verdicts(restored) == said
        assert restored.identity.bring_up().written == 0, "the catalogue is made anew, the decisions stand"
    engine.folder.identity.write_bytes(b"damaged")
    with Engine.open(tmp_path / "restored", write=True, model="hashing") as restored:
        restored.folder.identity.write_bytes(b"damaged")
        assert restored.identity.bring_up().written == 0
        assert verdicts(restored) == said


def test_the_source_of_decisions_is_no_ones_to_import_or_remove(engine: Engine) -> None:
    engine.identity.bring_up()
    with pytest.raises(NotFound):
        engine.remove_source(v.IDENTITIES)
    with pytest.raises(RefusedInput):
        put(engine, v.IDENTITIES, FRENCH)
    assert not any(source.public for source in engine.sources() if source.id == v.IDENTITIES)
    assert decisions.SOURCE.public is False
