"""Feeds and dumps from a journal: every change in its page, every live record in the dump, the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import history, rdf
from kg import vocabulary as v
from kg.federation import dump, feed
from kg.journal import Journal
from kg.terms import literal, to_payload
from tests.reader import replay

ROOT = "https://node.test/feed/a"
OWN = v.source_graph("a")


def said(name: str, text: str) -> tuple[str, str]:
    record = f"https://a.test/{name}"
    return record, to_payload([(f"<{record}>", f"<{v.SKOS}prefLabel>", literal(text, "fr"))])


def pages(journal: Journal, size: int) -> list[feed.Page]:
    ends = history.page_ends(journal, "a", OWN, 0, size)
    found = [feed.Page(n, after, end, True) for n, (after, end) in enumerate(zip([0, *ends], ends, strict=False), 1)]
    last = ends[-1] if ends else 0
    if history.versions(journal, "a", OWN, last, 1):
        found.append(feed.Page(len(found) + 1, last, history.last_seq(journal, "a"), False))
    return found


def documents(journal: Journal, size: int) -> dict[str, bytes]:
    """Address → body of a whole feed."""
    found = pages(journal, size)
    stream = feed.Stream(ROOT, "A", seq=history.last_seq(journal, "a"))
    root = feed.root(stream, [(f"{ROOT}/{page.number}", page) for page in found])
    out = {ROOT: rdf.serialise(root, rdf.RdfFormat.TURTLE, feed.PREFIXES)}
    for page in found:
        members = history.versions(journal, "a", OWN, page.after, size)
        out[f"{ROOT}/{page.number}"] = feed.page_trig(ROOT, f"{ROOT}/{page.number}", page, members)
    return out


def live(journal: Journal) -> dict[str, str]:
    return {change.iri: change.payload for change in journal.entities("a") if change.iri != OWN}


STEPS = st.lists(
    st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from(["", "un", "deux", 'a "b"\n\u2028 c\\']), max_size=5),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(steps=STEPS, size=st.integers(1, 5))
def test_whoever_replays_a_feed_holds_what_is_live_and_full_pages_never_change(
    steps: list[dict[str, str]], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal.open(tmp_path_factory.mktemp("feed") / "journal.sqlite", create=True)
    before: dict[str, bytes] = {}
    known = replay(lambda address, _: documents(journal, size)[address], ROOT)
    for number, step in enumerate(steps):
        upserts = [said(name, text) for name, text in step.items() if text]
        deletes = [said(name, "")[0] for name, text in step.items() if not text]
        journal.append("a", [*upserts, (OWN, f"description {number}")], deletes)
        journal.append("b", upserts)  # another source's changes lie between
        now = documents(journal, size)
        known = replay(lambda address, _, now=now: now[address], ROOT, known.live, known.seq)
        assert known.live == live(journal)
        assert {address: body for address, body in before.items() if b"ldes:immutable" in body}.items() <= now.items()
        before = now
    assert replay(lambda address, _: before[address], ROOT).live == live(journal)
    journal.close()


def test_a_dump_is_the_same_in_one_run_or_many(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [said(f"{n % 7}/{n}", f"texte {n % 50}") for n in range(300)]
    journal.append("a", [(OWN, "itself"), *records])
    journal.append("b", [said("other", "autre")])
    whole, countries = dump.write(journal, "a", tmp_path / "one.nt.gz")
    monkeypatch.setattr(dump, "_RUN", 2_000)
    monkeypatch.setattr(dump, "_BLOCK", 100)
    merged, _ = dump.write(journal, "a", tmp_path / "many.nt.gz")
    assert merged == whole and countries == []
    packed = (tmp_path / "one.nt.gz").read_bytes()
    assert packed == (tmp_path / "many.nt.gz").read_bytes()
    assert (hashlib.sha256(packed).hexdigest(), len(packed)) == (whole.sha256, whole.bytes)
    assert gzip.decompress(packed).decode() == "".join(sorted(payload for _, payload in records))
    assert (whole.entities, whole.triples, whole.seq) == (300, 300, 301)
    assert [path.name for path in sorted(tmp_path.glob("*.nt.gz*"))] == ["many.nt.gz", "one.nt.gz"], "nothing is left"


def test_a_source_without_records_has_an_empty_dump(journal: Journal, tmp_path: Path) -> None:
    journal.append("a", [(OWN, "itself")])
    found, _ = dump.write(journal, "a", tmp_path / "a.nt.gz")
    assert (found.entities, found.triples, found.unpacked_bytes, found.seq) == (0, 0, 0, 1)
    assert gzip.decompress((tmp_path / "a.nt.gz").read_bytes()) == b""
    assert documents(journal, 3).keys() == {ROOT}


def test_what_was_erased_is_a_deletion_wherever_it_stood(journal: Journal, tmp_path: Path) -> None:
    journal.append("a", [said("x", "nom d'une personne"), said("y", "reste")])
    journal.append("a", [said("x", "nom d'une personne, corrigé")])
    journal.append("a", [], [said("x", "")[0]])
    with sqlite3.connect(tmp_path / "journal.sqlite") as other:
        other.execute("UPDATE changes SET payload = '' WHERE iri = ?", (said("x", "")[0],))
    found = documents(journal, 2)
    assert not any(b"personne" in body for body in found.values())
    told = replay(lambda address, _: found[address], ROOT)
    assert told.live == live(journal) and told.kinds == {"Create": 1, "Delete": 3}
