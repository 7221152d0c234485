"""What sources said before."""

from __future__ import annotations

from pathlib import Path

from kg import history
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
