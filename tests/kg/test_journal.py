"""The log keeps what it acknowledged, says nothing twice, and knows when it was tampered with."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kg.errors import DamagedData, DataFolderError
from kg.journal import APPLICATION_ID, FORMAT, Journal
from kg.terms import digest

A, B = "https://example.org/a", "https://example.org/b"


def said(text: str) -> str:
    return f'<{A}> <x:p> "{text}" .\n'


def test_a_batch_is_numbered_and_read_back(journal: Journal) -> None:
    first = journal.append("s", [(A, said("1")), (B, said("2"))], note="hello")
    assert first is not None
    assert (first.number, first.first_seq, first.last_seq, first.upserts, first.deletes) == (1, 1, 2, 2, 0)
    assert [(c.seq, c.iri, c.op, c.payload, c.sha256) for c in journal.read(0)] == [
        (1, A, "upsert", said("1"), digest(said("1"))),
        (2, B, "upsert", said("2"), digest(said("2"))),
    ]
    assert journal.batches() == [first]
    assert journal.last_seq == 2
    assert journal.verify() == []


def test_saying_the_same_again_writes_nothing(journal: Journal) -> None:
    journal.append("s", [(A, said("1"))])
    assert journal.append("s", [(A, said("1"))]) is None
    assert journal.append("s", [], [B]) is None
    assert journal.append("s", []) is None
    assert journal.last_seq == 1
    noted = journal.append("s", [(A, said("1"))], note="seen again")  # a note is worth keeping by itself
    assert noted is not None and (noted.upserts, noted.deletes) == (0, 0)
    assert journal.last_seq == 1


def test_within_one_batch_the_last_word_counts(journal: Journal) -> None:
    journal.append("s", [(A, said("1")), (A, said("2")), (A, said("2"))])
    assert [c.payload for c in journal.read(0)] == [said("1"), said("2")]
    assert journal.payload("s", A) == said("2")
    journal.append("s", [(B, said("3"))], [B, A, A])
    assert list(journal.entities()) == []
    assert [c.op for c in journal.read(2)] == ["upsert", "delete", "delete"]
    assert journal.verify() == []


def test_a_deletion_keeps_what_was_said_and_the_change_knows_what_it_replaced(journal: Journal) -> None:
    journal.append("s", [(A, said("1"))])
    journal.append("s", [(A, said("2"))])
    journal.append("s", [], [A])
    journal.append("s", [(A, said("3"))])
    changes = list(journal.read(0, with_before=True))
    assert [c.before for c in changes] == ["", said("1"), said("2"), ""]
    assert [c.payload for c in changes] == [said("1"), said("2"), "", said("3")]
    assert {c.before for c in journal.read(0)} == {""}


def test_sources_do_not_touch_one_another(journal: Journal) -> None:
    journal.append("s", [(A, said("1"))])
    journal.append("t", [(A, said("2"))], [B])
    assert journal.counts() == {"s": 1, "t": 1}
    assert {c.source: c.payload for c in journal.entity(A)} == {"s": said("1"), "t": said("2")}
    journal.append("s", [], [A])
    assert [c.source for c in journal.entity(A)] == ["t"]
    assert journal.current("s") == {} and journal.current("t") == {A: digest(said("2"))}
    assert journal.payload("s", A) == ""
    assert [b.source for b in journal.batches()] == ["s", "t", "s"]
    assert [b.number for b in journal.batches("s", limit=1)] == [3]


def test_reading_goes_page_by_page_and_between_two_seqs(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.journal._PAGE", 7)
    journal.append("s", [(f"{A}{n}", said(str(n))) for n in range(50)])
    assert [c.seq for c in journal.read(0)] == list(range(1, 51))
    assert [c.seq for c in journal.read(10, 12)] == [11, 12]
    assert [c.seq for c in journal.read(49, 1000)] == [50]
    assert list(journal.read(50)) == [] == list(journal.read(60))
    assert [c.seq for c in journal.entities("s")] == list(range(1, 51))


def test_a_batch_that_fails_leaves_nothing(journal: Journal) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        yield A, said("1")
        raise KeyError("the file ended in the middle")

    with pytest.raises(KeyError):
        journal.append("s", rows())
    assert (journal.last_seq, journal.batches(), journal.verify()) == (0, [], [])
    assert journal.append("s", [(A, said("1"))]) is not None


def test_others_see_a_batch_only_once_it_is_committed(journal: Journal, tmp_path: Path) -> None:
    journal.append("s", [(A, said("1"))])
    beside = Journal.open(tmp_path / "journal.sqlite", read_only=True)
    seen: list[tuple[int, int]] = []

    def rows() -> Iterator[tuple[str, str]]:
        yield B, said("2")
        seen.append((journal.last_seq, beside.last_seq))

    journal.append("s", rows())
    assert seen == [(1, 1)]
    assert journal.last_seq == beside.last_seq == 2
    beside.close()


def test_two_writers_take_turns(journal: Journal, tmp_path: Path) -> None:
    def write(number: int) -> None:
        own = Journal.open(tmp_path / "journal.sqlite")
        for turn in range(10):
            own.append(f"s{number}", [(f"{A}{number}-{turn}", said(str(turn)))])
        own.close()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert journal.last_seq == 30
    assert all(after.seq == before.seq + 1 for before, after in pairwise(journal.read(0)))
    assert journal.verify() == []


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE changes SET payload = payload || ' ' WHERE seq = 2", "seq 2.*checksum"),
        ("UPDATE changes SET sha256 = 'x' WHERE seq = 1", "seq 1.*checksum"),
        ("DELETE FROM changes WHERE seq = 2", "seq 2 is missing|does not follow"),
        ("DELETE FROM live WHERE iri LIKE '%a'", "live records"),
        ("UPDATE live SET seq = 99 WHERE iri LIKE '%a'", "live records"),
        ("UPDATE changes SET op = 'delete' WHERE seq = 3", "live records"),
        ("UPDATE changes SET iri = 'https://example.org/other' WHERE seq = 3", "live records"),
    ],
)
def test_tampering_is_found(journal: Journal, tmp_path: Path, statement: str, word: str) -> None:
    journal.append("s", [(A, said("1")), (B, said("2"))])
    journal.append("s", [(A, said("3"))])
    assert journal.verify() == []
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute(statement)
    connection.close()
    found = journal.verify()
    assert found
    import re

    assert re.search(word, " ".join(found))


def test_a_copy_taken_while_in_use_is_whole(journal: Journal, tmp_path: Path) -> None:
    journal.append("s", [(A, said("1"))])
    journal.backup(tmp_path / "copy.sqlite")
    journal.append("s", [(B, said("2"))])
    copy = Journal.open(tmp_path / "copy.sqlite", read_only=True)
    assert [c.iri for c in copy.read(0)] == [A]
    assert copy.verify() == []
    copy.close()


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="no journal"):
        Journal.open(tmp_path / "missing.sqlite")
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.close()
    before = foreign.read_bytes()
    for create in (True, False):
        with pytest.raises(DataFolderError, match="not a journal of Filière"):
            Journal.open(foreign, create=create)
    assert foreign.read_bytes() == before
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as connection:
        connection.executescript(f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT + 1};")
    connection.close()
    with pytest.raises(DataFolderError, match="newer"):
        Journal.open(newer)
    rubbish = tmp_path / "rubbish.sqlite"
    rubbish.write_bytes(b"not a database at all, but long enough to have a header" * 20)
    with pytest.raises(DamagedData, match="damaged"):
        Journal.open(rubbish)
    with pytest.raises(DataFolderError):
        Journal.open(tmp_path / "empty.sqlite", create=False)


def test_an_empty_file_is_no_journal_unless_one_is_to_be_made(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    file.touch()
    with pytest.raises(DataFolderError, match="not a journal"):
        Journal.open(file)
    Journal.open(file, create=True).close()
    Journal.open(file).close()
