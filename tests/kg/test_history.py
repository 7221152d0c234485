"""What sources said before."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg import history
from kg.errors import UserError
from kg.journal import Journal


def test_changes_come_in_pages_and_a_source_is_seen_as_it_was(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal.sqlite", create=True)
    first = journal.append("a", [("urn:1", "one"), ("urn:2", "two")])
    journal.append("b", [("urn:1", "another")])
    last = journal.append("a", [("urn:1", "one, later")], ["urn:2"])
    assert first and last
    pages = [history.changes(journal, "a", after, 3) for after in (0, 4)]
    assert [[(c.seq, c.iri, c.op) for c in page] for page in pages] == [
        [(1, "urn:1", "upsert"), (2, "urn:2", "upsert"), (4, "urn:1", "upsert")],
        [(5, "urn:2", "delete")],
    ]
    assert [(c.iri, c.payload) for c in history.as_of(journal, "a", first.last_seq)] == [
        ("urn:1", "one"),
        ("urn:2", "two"),
    ]
    assert [(c.iri, c.payload) for c in history.as_of(journal, "a", last.last_seq)] == [("urn:1", "one, later")]
    assert history.last_seq(journal, "a") == 5 and history.last_seq(journal, "none") == 0
    assert history.seq_at(journal, first.time) >= first.last_seq
    assert history.seq_at(journal, last.time[:10]) == 5 and history.seq_at(journal, "1999-01-01") == 0
    journal.close()


def test_what_stands_is_read_as_it_stood_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal.sqlite", create=True)
    journal.append("a", [("urn:1", "one"), ("urn:2", "two"), ("urn:3", "three")])
    reading = history.standing(journal, "a")
    first = next(reading)
    journal.append("a", [("urn:2", "two, later")], ["urn:3"])
    assert [(c.iri, c.payload) for c in (first, *reading)] == [("urn:1", "one"), ("urn:2", "two"), ("urn:3", "three")]
    assert [(c.iri, c.payload) for c in history.standing(journal, "a")] == [("urn:1", "one"), ("urn:2", "two, later")]
    journal.close()


def test_a_moment_is_a_day_or_a_time_in_any_zone() -> None:
    assert history.moment("2020-03-25") == "2020-03-25"
    assert history.moment("2020-03-25T10:00:00+02:00") == "2020-03-25T08:00:00.000Z"
    assert history.moment("2020-03-25T10:00") == history.moment("2020-03-25 10:00:00Z") == "2020-03-25T10:00:00.000Z"
    for wrong in ("", "yesterday", "2020-03", "20200325", "2020-02-30", "2020-03-25T25:00", "2020-W13-3", "9" * 400):
        with pytest.raises(UserError, match="is no moment"):
            history.moment(wrong)
