"""A new version of a source: what is written, kept, deleted, held and refused."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kg import vocabulary as v
from kg.errors import Held, RefusedInput
from kg.findings import Finding, Row
from kg.ingest import Rejected, Report, ingest
from kg.intake import parse
from kg.journal import Journal
from kg.mapping import from_statements, to_statements
from kg.model import Actor, Concept, Evidence, Source, Text
from kg.readers.job import Job
from kg.terms import from_payload, to_payload
from kg.validation import Validator

SOURCE = Source(id="world", title="A small world")


def _row(local: str, name: str = "", number: int = 2, **fields: object) -> Row:
    iri = v.mint(v.source_namespace("world"), "actor", local)
    makes = (Text("masks", "en"),)
    actor = Actor(iri=iri, source="world", id=local, name=name or local.title(), makes=makes, **fields)  # type: ignore[arg-type]
    return Row("world.csv", number, iri, to_payload(to_statements(actor)))


def _bad(local: str) -> Row:
    iri = v.mint(v.source_namespace("world"), "actor", local) if local else ""
    return Row("world.csv", 9, iri, "", (Finding("world.csv", 9, "name", iri, "The name is missing.", "Fill it in."),))


def _put(journal: Journal, rows: list[Row], source: Source = SOURCE, **options: bool) -> Report:
    return ingest(journal, source, rows, validator=Validator.packaged(), **options)


def _names(journal: Journal, source: str = "world") -> dict[str, str]:
    found = (from_statements(c.iri, c.source, from_payload(c.payload)) for c in journal.entities(source))
    return {entity.id: entity.name for entity in found if isinstance(entity, Actor)}


def test_only_differences_are_written(journal: Journal) -> None:
    first = _put(journal, [_row("ada"), _row("bob"), _row("cyd")])
    assert (first.read, first.written, first.unchanged, first.deleted, first.seq) == (3, 4, 0, 0, 4)  # and the source
    again = _put(journal, [_row("ada"), _row("bob"), _row("cyd")])
    assert (again.written, again.unchanged, again.seq) == (0, 4, None)
    newer = _put(journal, [_row("ada"), _row("bob", "Bob Ltd"), _row("dan")])
    assert (newer.written, newer.unchanged, newer.deleted) == (2, 2, 1)
    assert _names(journal) == {"ada": "Ada", "bob": "Bob Ltd", "dan": "Dan"}


def test_the_source_describes_itself(journal: Journal) -> None:
    _put(journal, [_row("ada")])
    change = journal.entity(v.source_graph("world"))[0]
    found = from_statements(change.iri, change.source, from_payload(change.payload))
    assert found == Source(id="world", title="A small world", namespace=v.source_namespace("world"))


def test_partial_adds_and_changes_but_deletes_nothing(journal: Journal) -> None:
    _put(journal, [_row("ada"), _row("bob")])
    report = _put(journal, [_row("bob", "Bob Ltd"), _row("cyd")], partial=True)
    assert (report.written, report.deleted) == (2, 0)
    assert _names(journal) == {"ada": "Ada", "bob": "Bob Ltd", "cyd": "Cyd"}


def test_a_bad_row_keeps_its_older_version(journal: Journal) -> None:
    _put(journal, [_row("ada"), _row("bob")])
    report = _put(journal, [_row("ada", "Ada Ltd"), _bad("bob")])
    assert (report.written, report.set_aside, report.deleted) == (1, 1, 0)
    assert _names(journal) == {"ada": "Ada Ltd", "bob": "Bob"}


def test_rows_without_a_readable_id_hold_back_every_deletion(journal: Journal) -> None:
    _put(journal, [_row("ada"), _row("bob")])
    report = _put(journal, [_row("ada"), _bad("")])
    assert (report.deleted, report.set_aside) == (0, 1)
    assert "no readable id" in report.findings[-1].reason
    assert "bob" in _names(journal)
    assert _put(journal, [_row("ada"), _bad("")], allow_deletions=True).deleted == 1


def test_the_same_row_twice_counts_once_and_another_is_set_aside(journal: Journal) -> None:
    report = _put(journal, [_row("ada", number=2), _row("ada", number=3), _row("ada", "Eve", number=4)])
    assert [(f.severity, f.row, f.column) for f in report.findings] == [("warning", 3, "id"), ("error", 4, "id")]
    assert "row 2 of world.csv" in report.findings[1].reason
    assert _names(journal) == {"ada": "Ada"}


def test_shapes_are_checked_and_say_where(journal: Journal) -> None:
    report = _put(journal, [_row("ada"), _row("bob", country="Atlantis", number=7)])
    assert [(f.file, f.row, f.column, f.severity) for f in report.findings] == [("world.csv", 7, "country", "error")]
    assert _names(journal) == {"ada": "Ada"}


@pytest.mark.parametrize("address", ["https://example.org/100%", "http://[x", "https://example.org/#a#b"])
def test_what_no_graph_would_take_is_set_aside(address: str, journal: Journal) -> None:
    evidence = (Evidence(title="T", url=address),)
    report = _put(journal, [_row("ada", website=address), _row("bob", evidence=evidence), _row("cyd")])
    assert report.set_aside == 2
    assert all(address in f.reason and f.mend for f in report.findings)
    assert set(_names(journal)) == {"cyd"}
    with pytest.raises(RefusedInput, match="cannot be described"):
        _put(journal, [_row("dan")], replace(SOURCE, licence=address))


def test_checks_see_what_stays_live_beside_the_batch(journal: Journal) -> None:
    cluster = _row("valley", kind="cluster")
    _put(journal, [cluster, _row("ada", clusters=("valley",))])
    report = _put(
        journal, [_row("bob", clusters=("valley",)), _row("cyd", clusters=("nowhere",), number=5)], partial=True
    )
    assert [(f.row, f.column, f.severity) for f in report.findings] == [(5, "clusters", "warning")]


def test_strict_refuses_the_whole(journal: Journal) -> None:
    with pytest.raises(Rejected) as caught:
        _put(journal, [_row("ada"), _bad("bob")], strict=True)
    assert "1 of 2" in caught.value.problem
    assert "row 9" in caught.value.problem
    assert caught.value.report.findings[0].column == "name"
    assert journal.last_seq == 0


def test_an_empty_answer_never_deletes(journal: Journal) -> None:
    _put(journal, [_row("ada")])
    seq = journal.last_seq
    for rows in ([], [_bad("ada")], [_bad("")]):
        with pytest.raises(RefusedInput):
            _put(journal, rows, allow_deletions=True)
    assert journal.last_seq == seq


def test_a_dry_run_writes_nothing_and_says_what_would_be(journal: Journal) -> None:
    _put(journal, [_row("ada"), _row("bob")])
    seq = journal.last_seq
    report = _put(journal, [_row("ada", "Ada Ltd"), _bad("cyd")], dry_run=True, strict=True)
    assert (report.dry_run, report.written, report.deleted, report.set_aside, report.seq) == (True, 1, 1, 1, None)
    assert "nothing was written" in report.summary()
    assert (journal.last_seq, _names(journal)["ada"]) == (seq, "Ada")


def test_mass_deletion_is_held_for_a_person(journal: Journal) -> None:
    rows = [_row(f"n{number}", number=number) for number in range(500)]
    _put(journal, rows)
    assert _put(journal, rows[10:]).deleted == 10  # 2 % of 501
    with pytest.raises(Held) as caught:
        _put(journal, rows[21:])
    assert "11 of 491" in caught.value.problem
    assert "n10" in caught.value.problem
    assert "--allow-deletions" in caught.value.mend
    assert "11 of 491" in _put(journal, rows[21:], dry_run=True).findings[0].reason
    assert len(_names(journal)) == 490
    assert _put(journal, rows[21:], allow_deletions=True).deleted == 11


def test_five_deletions_need_no_confirmation(journal: Journal) -> None:
    rows = [_row(f"n{number}") for number in range(7)]
    _put(journal, rows)
    assert _put(journal, rows[:2]).deleted == 5


@pytest.mark.parametrize("name", ["", "Ted", "a/b", "system", "filiere", "x" * 65, "../x"])
def test_a_source_needs_a_fit_name(name: str, journal: Journal) -> None:
    with pytest.raises(RefusedInput):
        _put(journal, [], Source(id=name))


@pytest.mark.parametrize(
    "namespace",
    [
        "https://other.example/",
        "https://other.example/a/",
        "https://",
        v.BASE,
        v.GRAPH,
        v.COMPETENCY,
        v.source_namespace("third"),
        "javascript:x/",
        "https://no.end",
        "https://with space.example/",
    ],
)
def test_a_source_speaks_only_for_itself(namespace: str, journal: Journal) -> None:
    other = Source(id="other", namespace="https://other.example/")
    actor = Actor(iri="https://other.example/a", source="other", id="a", name="A")
    _put(journal, [Row("o.csv", 2, actor.iri, to_payload(to_statements(actor)))], other)
    seq = journal.last_seq
    with pytest.raises(RefusedInput) as caught:
        _put(journal, [_row("ada")], Source(id="world", namespace=namespace))
    assert caught.value.mend
    assert journal.last_seq == seq


def test_a_record_outside_the_namespace_is_set_aside(journal: Journal) -> None:
    stranger = Actor(iri="https://other.example/a", source="world", id="a", name="A")
    report = _put(journal, [_row("ada"), Row("o.csv", 3, stranger.iri, to_payload(to_statements(stranger)))])
    assert [(f.row, f.column) for f in report.findings] == [(3, "iri")]
    both = _row("bob")
    smuggled = Row("o.csv", 4, both.iri, both.payload + to_payload(to_statements(stranger)))
    report = _put(journal, [_row("ada"), smuggled])
    assert [(f.row, f.severity) for f in report.findings] == [(4, "error")]
    assert not journal.entity(stranger.iri)


def _concept(code: str, broader: str = "") -> Row:
    above = (v.code_iri(f"ours:{broader}"),) if broader else ()
    concept = Concept(v.code_iri(f"ours:{code}"), "ours", code, preferred=(Text(code, "en"),), broader=above)
    return Row("v.csv", int(code), concept.iri, to_payload(to_statements(concept)))


def test_a_vocabulary_must_hang_together(journal: Journal) -> None:
    source = Source(id="vocabulary-ours", namespace=v.concept_namespace("ours"))
    rows = [
        _concept("1"),
        _concept("2", "1"),
        _concept("3", "9"),
        _concept("4", "3"),
        _concept("5", "6"),
        _concept("6", "5"),
    ]
    report = _put(journal, rows, source)
    assert {(f.row, f.column, f.severity) for f in report.findings} == {(n, "broader", "error") for n in (3, 4, 5, 6)}
    assert sorted(v.local_name(c.iri) for c in journal.entities(source.id)) == ["1", "2", "vocabulary-ours"]


def test_a_report_can_be_kept_and_read(journal: Journal) -> None:
    rows = [_row("ada"), *(_bad(f"n{number}") for number in range(50))]
    report = _put(journal, rows)
    lines = report.summary().splitlines()
    assert len(lines) == 3
    assert "50 times" in lines[2]
    table = list(csv.DictReader(report.to_csv().splitlines()))
    assert len(table) == 50
    assert {key: table[0][key] for key in ("severity", "file", "row", "column")} == {
        "severity": "error",
        "file": "world.csv",
        "row": "9",
        "column": "name",
    }
    assert report.as_dict()["set_aside"] == 50
    mixed = [Finding("f.csv", n, f"c{n}", "e", "reason", f"mend {n}") for n in range(30)]
    long = Report("s", ("f.csv",), 30, 0, 0, 0, 30, tuple(mixed), False, None, 0.1).summary().splitlines()
    assert long[-1] == "… and 10 more, see --report FILE"


def test_real_contracts_go_in_fast_and_only_once(shared_data: Path, journal: Journal) -> None:
    source = Source(id="ted")
    jobs = [Job(shared_data / "ted" / "actors.jsonl")]
    began = time.monotonic()
    report = _put(journal, list(parse(jobs, source)), source)
    rate = report.read / (time.monotonic() - began)
    assert (report.read, report.written, report.set_aside) == (1916, 1917, 0)
    assert rate > 300, f"{rate:.0f} a second"  # 3,900 on two quiet cores, a fifth of that beside other tests
    assert _put(journal, list(parse(jobs, source)), source).written == 0
