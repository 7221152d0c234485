"""What is erased is gone from every file and stays away; nothing else changes; a kill in the midst loses nothing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.engine import Engine
from kg import erasures, history
from kg import vocabulary as v
from kg.errors import Held, NotFound, RefusedInput, UserError
from kg.journal import Journal
from kg.model import Source
from kg.terms import digest
from search.query import Query

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "Zébulon Prototypage Quimper"  # longer than what Oxigraph keeps within its keys
OLDER = "Xylographie Kerguelen"
SPACE = v.source_namespace("makers")
ZED = v.mint(SPACE, "actor", "z")
ROWS: list[dict[str, Any]] = [
    {"id": "z", "name": NAME, "makes": ["hydroalcoholic gel", f"gel of {NAME}"], "city": "Quimper"},
    {"id": "one", "name": "Maker One", "makes": ["hydroalcoholic gel"]},
    {"id": "two", "name": "Maker Two", "makes": ["steel pipes"]},
]


def put(engine: Engine, rows: list[dict[str, Any]], source: str = "makers", **more: Any) -> Any:
    file = engine.folder.path.parent / f"{source}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return engine.import_files([file], Source(source), allow_deletions=True, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of an actor, a copy of it in a free graph, a decision on it, a snapshot, files that quote it."""
    folder = tmp_path_factory.mktemp("erasure") / "data"
    with Engine.open(folder, write=True, create=True, model="hashing") as engine:
        put(engine, [{**ROWS[0], "name": OLDER}, *ROWS[1:]])
        put(engine, ROWS)
        engine.querying.update(f"INSERT DATA {{ GRAPH <urn:notes> {{ <{ZED}> <urn:says> '{NAME}' }} }}")
        engine.querying.update(f"INSERT DATA {{ GRAPH <urn:notes> {{ <urn:x> <urn:knows> <{ZED}> }} }}")
        engine.decide("z", "hydroalcoholic-gel", "confirmed", note=f"seen at {NAME}")
        engine.sparql("ASK {}")
        for room in ("reports", "published", "harvest"):
            (engine.folder.path / room).mkdir()
            (engine.folder.path / room / "kept.csv").write_text(f"1,{NAME}\n", encoding="utf-8")
        harvest = engine.folder.path / "harvest"
        (harvest / "other.csv").write_text("1,Maker One\n", encoding="utf-8")
        (harvest / "work").mkdir()
        (engine.folder.path / ".incoming-killed").mkdir()
        (engine.folder.path / ".incoming-killed" / "makers.jsonl").write_text(NAME, encoding="utf-8")
        (harvest / "work" / "run.json").write_text("{}", encoding="utf-8")
        (harvest / "work" / "rows.nt.gz").write_bytes(gzip.compress(f"<{ZED}> <urn:p> <urn:o> .".encode()))
        (harvest / "outcomes.jsonl").write_text(f'{{"a": 1}}\n{{"b": {json.dumps(NAME)}}}\n', encoding="utf-8")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    with Engine.open(folder, write=True, model="hashing") as opened:
        yield opened


def holding(folder: Path, text: str) -> list[str]:
    """The files of a data folder that hold a text, as it stands or as JSON and N-Triples may spell it."""
    forms = {text.encode(), json.dumps(text)[1:-1].encode()}
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


def said_by_others(engine: Engine) -> list[tuple[str, str, str, int]]:
    """Every change but those of what is erased, and of the erasures."""
    gone = {ZED, *(d.iri for d in engine.decisions())}
    return [
        (change.source, change.iri, change.payload, change.seq)
        for change in engine.journal.read(0)
        if change.iri not in gone and change.source not in (v.ERASURES, v.DECISIONS)
    ]


def test_what_is_erased_is_in_no_file_and_all_else_is_as_it_was(folder: Path) -> None:
    with Engine.open(folder, write=True, model="hashing") as engine:
        before, digests = said_by_others(engine), engine.graph.digest("makers")
        last = engine.seq
        erased = engine.erase(["z"], reason="asked by letter")
        assert (erased.iris, erased.sources, erased.records, erased.decisions) == (
            (ZED,),
            ("makers", "urn:notes"),
            2,
            1,
        )
        assert [(mention.iri, mention.by) for mention in erased.mentions] == [("urn:x", "iri")]
        assert [change for change in said_by_others(engine) if change[3] <= last] == before
        assert engine.graph.digest("makers") != digests
        assert engine.check() == [] and engine.journal.verify() == []
        assert all(match.actor.iri != ZED for match in engine.search(Query("hydroalcoholic gel", limit=50)).results)
        with pytest.raises(NotFound):
            engine.actor("z")
        assert (
            json.loads(engine.sparql(f"ASK {{ ?s ?p ?o FILTER CONTAINS(STR(?o), '{NAME}') }}").body)["boolean"] is False
        )
        assert engine.decisions() == [] and engine.tags().total < 10
    for text in (NAME, OLDER, "Quimper"):
        assert holding(folder, text) == [], text
    assert (folder / "harvest" / "other.csv").is_file() and not (folder / "harvest" / "work").exists()
    assert (folder / "harvest" / "outcomes.jsonl").read_text(encoding="utf-8") == '{"a": 1}\n'


def test_those_downstream_are_told_by_a_deletion_and_the_past_says_nothing(engine: Engine) -> None:
    seq = engine.seq
    engine.erase([ZED])
    changes = [c for c in history.changes(engine.journal, "makers", 0, 100) if c.iri == ZED]
    assert [(c.op, c.payload, c.sha256) for c in changes] == [("delete", "", digest(""))] * 3
    assert changes[-1].seq > seq, "who has read up to here sees a deletion come"
    assert ZED not in [c.iri for c in history.as_of(engine.journal, "makers", seq)]
    for batch in engine.journal.batches():
        if batch.source == v.ERASURES:
            with pytest.raises(Held, match="lift"):
                engine.querying.undo(batch.number)
        elif batch.source == "makers":
            engine.querying.undo(batch.number)
            assert ZED not in engine.journal.current("makers")
            break


def test_it_stays_away_by_every_door_until_it_is_lifted(engine: Engine) -> None:
    engine.erase(["z"], reason="asked by letter")
    (erasure,) = engine.erasures()
    assert (erasure.id, erasure.reason) == (erasures.fingerprint(ZED), "asked by letter")
    assert erasure.sources == ("makers", "urn:notes") and len(erasure.date) == 10
    stored = engine.journal.payload(v.ERASURES, erasure.iri)
    assert ZED not in stored and NAME not in stored
    report = put(engine, ROWS)
    (finding,) = report.findings
    assert (report.set_aside, finding.row, finding.severity) == (1, 1, "error")
    assert "erased here on" in finding.reason and f"--lift {erasure.id[:12]}" in finding.mend
    for graph in (v.source_graph("makers"), "urn:notes", "urn:other"):
        with pytest.raises(RefusedInput, match="erased here on"):
            engine.querying.update(f"INSERT DATA {{ GRAPH <{graph}> {{ <{ZED}> <urn:says> 'again' }} }}")
    with pytest.raises(RefusedInput, match="erased here on"):
        engine.querying.put_graph("urn:new", [(f"<{ZED}/part>", "<urn:says>", '"again"')], replace=True)
    seq = engine.seq
    assert engine.journal.append("other", [(ZED, f'<{ZED}> <urn:says> "again" .\n')]) is None, "the last gate"
    assert engine.seq == seq
    with pytest.raises(NotFound, match="Nothing was erased under"):
        engine.lift_erasure("z")
    engine.lift_erasure(ZED)
    assert put(engine, ROWS).findings == () and engine.actor("z").name == NAME
    again = engine.erase(["z"])
    assert again.records == 1 and engine.erasures()[0].id == erasure.id


REFUSED = [
    (["nobody"], "", NotFound, "no actor"),
    (["z", "https://example.org/none"], "", NotFound, "ever said anything"),
    ([v.source_graph("makers")], "", RefusedInput, "is a source"),
    ([v.COMPETENCY + "hydroalcoholic-gel"], "", RefusedInput, "Filière itself"),
    (["z"], f"{NAME.upper()} asked", RefusedInput, "reason names"),
    (["z"], ZED, RefusedInput, "reason names"),
    (["z"], "x" * 501, RefusedInput, "at most 500"),
    ([], "", UserError, "Nothing is named"),
]


def test_what_cannot_be_erased_says_why_and_loses_nothing(engine: Engine) -> None:
    seq = engine.seq
    for names, reason, error, word in REFUSED:
        with pytest.raises(error, match=word):
            engine.erase(names, reason=reason)
    assert engine.seq == seq and engine.erasures() == [] and engine.actor("z").name == NAME


def killed(folder: Path, point: str, *command: str) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "FILIERE_CRASH_AT": point, "FILIERE_MODEL": "hashing"}
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *command, "--data", str(folder)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_kill_in_the_midst_loses_nothing_and_is_finished_at_the_next_start(folder: Path) -> None:
    killed(folder, "erasure.written", "erase", "z", "--yes")
    journal = Journal.open(folder / "journal.sqlite")  # which takes back what was not committed
    assert NAME in journal.payload("makers", ZED) and erasures.standing(journal) == []
    journal.close()
    killed(folder, "erasure.committed", "erase", "z", "--yes")
    killed(folder, "erasure.graph", "erasures", "--lift", "0" * 64)  # any command that writes finishes it first
    with Engine.open(folder, write=True, model="hashing") as engine:
        assert engine.check() == [] and len(engine.erasures()) == 1
        assert {actor.id for actor in engine.actors()} == {"one", "two"}
        engine.sparql("ASK {}")
    assert holding(folder, NAME) == [] and holding(folder, OLDER) == []


def test_a_backup_made_after_it_restores_without_it(engine: Engine, tmp_path: Path) -> None:
    engine.erase(["z"])
    engine.backup(tmp_path / "backup.tar.gz")
    assert Engine.restore(tmp_path / "backup.tar.gz", tmp_path / "restored", model="hashing").actors == 2
    assert holding(tmp_path / "restored", NAME) == []
    with Engine.open(tmp_path / "restored", model="hashing") as restored:
        assert [erasure.id for erasure in restored.erasures()] == [erasures.fingerprint(ZED)]
