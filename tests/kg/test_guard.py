"""The guard looks at a batch before it goes in: what it lets through, sets aside and holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.federation import guard, harvest
from kg.federation.registry import Config, Outcome, Registry, State, seconds
from kg.federation.steps import Ended, Piece, Run, Work
from kg.findings import Finding, Row
from kg.ingest import check_namespace
from kg.journal import Journal
from kg.model import Source
from kg.terms import digest
from kg.validation import Validator
from tests.kg.published import actor

SOURCE = Source("members", namespace=v.source_namespace("members"), harvested_from="https://a.test/")
RUN = Run("0" * 12, "", "2026-01-01T00:00:00.000Z", seq=10, about={"namespace": SOURCE.namespace})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal.open(tmp_path / "journal.sqlite", create=True)
    found.append("members", [actor(f"f{n}", f"product {n}") for n in range(30)])
    yield found
    found.close()


def rows(*records: tuple[str, str]) -> list[Row]:
    return [Row("dump.nt.gz", None, iri, payload) for iri, payload in records]


def planned(journal: Journal, found: list[Row], run: Run = RUN, state: State = State()) -> guard.Plan:  # noqa: B008
    return guard.plan(journal, SOURCE, run, state, found, Validator.packaged())


def whole(*, but: int = 0, more: int = 0) -> list[tuple[str, str]]:
    return [actor(f"f{n}", f"product {n}") for n in range(but, 30 + more)]


def test_only_what_differs_is_written(journal: Journal) -> None:
    found = planned(journal, rows(*whole(but=1), actor("f29", "valves"), actor("f30")))
    assert set(found.bad) == {actor("f29")[0]}, "two records of one name that differ"
    found = planned(journal, rows(*whole(but=1)[:-1], actor("f29", "valves"), actor("f30")))
    assert [v.local_name(name) for name in found.upserts] == ["f29", "f30"]
    assert [v.local_name(name) for name in found.deletes] == ["f0"] and found.unchanged == 28 and not found.bad
    assert guard.hold(found, RUN, State(), "") == ("", "")


@pytest.mark.parametrize(
    ("found", "run", "state", "said"),
    [
        (whole(but=6), RUN, State(), "6 of 30 records would be deleted"),
        (whole(more=31), RUN, State(), "30 records would become 61"),
        (whole(but=1), RUN, State(licence="CC-BY-4.0"), "the licence was CC-BY-4.0 and is now not said"),
        (whole(but=1), RUN, State(seq=11), "its seq went back from 11 to 10"),
        (whole(), replace(RUN, about={**RUN.about, "origin": "b"}), State(origin="a"), "the origin was a and is now b"),
        (
            whole(), replace(RUN, about={"declared": "https://b.test/"}), State(namespace=SOURCE.namespace),
            "the namespace was",
        ),
    ],
    ids=["deletions", "growth", "licence", "seq", "origin", "namespace"],
)  # fmt: skip
def test_what_a_person_must_look_at_is_held(
    journal: Journal, found: list[tuple[str, str]], run: Run, state: State, said: str
) -> None:
    why, mend = guard.hold(planned(journal, rows(*found), run, state), run, state, "")
    assert said in why and "sources release" in mend


def test_the_same_content_at_an_earlier_seq_is_let_in(journal: Journal) -> None:
    assert guard.hold(planned(journal, rows(*whole())), RUN, State(seq=11), "")[0] == ""


def test_more_than_a_tenth_bad_is_held_and_less_is_set_aside(journal: Journal) -> None:
    wrong = [Row("d", None, iri, "", (Finding("d", None, "name", iri, "No name.", "Name it."),)) for iri, _ in whole()]
    few = planned(journal, [*wrong[:3], *rows(*whole(but=3))])
    assert len(few.bad) == 3 and not few.deletes and guard.hold(few, RUN, State(), "")[0] == ""
    many = planned(journal, [*wrong[:4], *rows(*whole(but=4))])
    assert "4 of 30 records are bad" in guard.hold(many, RUN, State(), "")[0]
    aside = guard.quarantine({"old": []}, few, whole=True)
    assert set(aside) == {iri for iri, _ in whole()[:3]} and aside[whole()[0][0]][0]["mend"] == "Name it."
    assert "old" in guard.quarantine({"old": []}, few, whole=False)


def test_clones_are_set_aside_but_for_the_first(journal: Journal) -> None:
    clones = [actor(f"clone{n}", "masks", label="Clone") for n in range(40)]
    found = planned(journal, rows(*whole(), *clones))
    assert len(found.upserts) == 1 and len(found.bad) == 39
    assert "say the same" in next(iter(found.bad.values()))[0].reason
    assert "bad" in guard.hold(found, RUN, State(), "")[0]


def test_an_empty_answer_deletes_nothing(journal: Journal) -> None:
    with pytest.raises(Ended, match="holds no records") as ended:
        planned(journal, [])
    assert ended.value.outcome == "stale"


def test_a_page_of_a_feed_is_believed_within_its_bounds(journal: Journal) -> None:
    run = replace(RUN, whole=False, pieces=(Piece("page-00001-5-9.trig", "feed", ""),))
    first, second = actor("f1", "valves"), actor("f2", "gowns")

    def page(*seqs: int) -> list[Row]:
        return [Row("page-00001-5-9.trig", seq, *record) for seq, record in zip(seqs, (first, second), strict=False)]

    found = planned(journal, page(6, 8), run, State(seq=6))
    assert list(found.upserts) == [second[0]] and not found.deletes, "what is known already is passed over"
    gone = planned(journal, [*page(7), Row("page-00001-5-9.trig", 9, first[0], "")], run, State(seq=6))
    assert list(gone.deletes) == [first[0]] and not gone.upserts, "the last word counts"
    for lie in (5, 10):
        with pytest.raises(Ended, match="holds a member of seq"):
            planned(journal, page(lie), run, State(seq=4))


def test_namespaces_do_not_overlap_and_ours_are_not_given_away(journal: Journal) -> None:
    journal.append("other", [actor("x", source="other")])
    for space, harvested, allowed in (
        (v.source_namespace("elsewhere"), "https://a.test/", True),
        (v.source_namespace("elsewhere"), "", False),
        (v.source_namespace("other"), "https://a.test/", False),
        (v.source_namespace("decisions"), "https://a.test/", False),
        (v.BASE, "https://a.test/", False),
        (v.BASE + "id/", "https://a.test/", False),
        (v.NS, "https://a.test/", False),
        (v.COMPETENCY, "https://a.test/", False),
        ("https://w3id.org/", "https://a.test/", False),
        ("https://a.test/id/", "https://a.test/", True),
    ):
        source = Source("members", namespace=space, harvested_from=harvested)
        if allowed:
            check_namespace(journal, source)
        else:
            with pytest.raises(RefusedInput):
                check_namespace(journal, source)


def test_the_registry_keeps_what_it_is_told_and_survives_a_cut_line(tmp_path: Path) -> None:
    kept = Registry(tmp_path / "harvest")
    config = Config("members", "https://a.test/x")
    assert kept.add(config) and not kept.add(replace(config, every=30))
    assert kept.config("members").every == 30 and kept.state("members").checked == ""
    state = replace(kept.state("members"), namespace="https://a.test/", seq=5, feed="f", outcome="ok")
    kept.keep("members", state)
    assert kept.state("members") == state
    kept.add(replace(config, url="https://b.test/x"))
    moved = kept.state("members")
    assert (moved.seq, moved.feed, moved.namespace) == (0, "", "https://a.test/"), "another address, the same pin"
    outcomes = [Outcome("members", name, "2026") for name in ("ok", "unchanged", "unchanged", "stale", "ok", "ok")]
    for outcome in outcomes:
        kept.log(outcome)
    assert [o.outcome for o in kept.outcomes("members")] == ["ok", "ok", "stale", "unchanged", "ok"]
    file = tmp_path / "harvest" / "members" / "outcomes.jsonl"
    file.write_bytes(file.read_bytes() + b'{"source": "mem')
    kept.log(Outcome("members", "gone", "2026"))
    assert [o.outcome for o in kept.outcomes("members", 2)] == ["gone", "ok"]


def test_files_of_a_run_that_changed_on_disk_are_not_trusted(tmp_path: Path) -> None:
    config, work = Config("members", "https://a.test/"), Work(tmp_path / "members")
    run = work.begin(config)
    assert work.unfinished(config) is None, "nothing is fetched yet"
    piece = work.put("dump.nt.gz", b"data", "dump")
    work.save(replace(run, step="fetched", pieces=(piece,)))
    assert work.unfinished(config) is not None and piece.sha256 == digest("data")
    assert work.unfinished(replace(config, url="https://b.test/")) is None
    (work.folder / "dump.nt.gz").write_bytes(b"date")
    assert work.unfinished(config) is None


@pytest.mark.parametrize(("text", "found"), [("30s", 30), ("15m", 900), ("1h", 3600), ("1d", 86_400), ("2 D", 172_800)])
def test_a_span_of_time_is_read(text: str, found: int) -> None:
    assert seconds(text) == found


def test_a_source_of_our_own_is_not_taken_over(tmp_path: Path, journal: Journal) -> None:
    own = Source("members", namespace=SOURCE.namespace)
    from kg import mapping
    from kg.terms import to_payload

    journal.append("members", [(v.source_graph("members"), to_payload(mapping.to_statements(own)))])
    kept = Registry(tmp_path / "harvest")
    kept.add(Config("members", "https://a.test/"))
    ready: Any = harvest.Ready(kept.config("members"), kept.state("members"), 0.0, RUN)
    outcome = harvest.finish(journal, kept, ready)
    assert outcome.outcome == "refused" and "our own" in outcome.reason
