"""What a person decides on a tag is respected by every view, survives whatever may happen, and can be taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.engine import Engine
from kg import decisions, suggested
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput, UserError
from kg.model import Actor, Source
from kg.rdf import DefaultGraph, Quad
from search.query import Query
from search.results import Match

GEL = v.COMPETENCY + "hydroalcoholic-gel"
SPACE = v.source_namespace("makers")
SURE, UNSURE = 0.6, 0.4  # of the concept channel, with the tag and without
MAKERS = [
    {"id": "one", "name": "Maker One", "makes": ["hydroalcoholic gel"]},
    {"id": "two", "name": "Maker Two", "makes": ["hydroalcoholic gel", "steel pipes"]},
    {"id": "coded", "name": "Coded", "makes": ["bolts"], "codes": ["toys:T1"]},
    {"id": "other", "name": "Other", "makes": ["wooden chairs"]},
]
PREFIXES = "PREFIX fil: <https://w3id.org/filiere/ns#> PREFIX c: <https://w3id.org/filiere/competency/>\n"


def actor(local: str) -> str:
    return v.mint(SPACE, "actor", local)


def put(engine: Engine, rows: list[dict[str, Any]], source: str = "makers") -> None:
    file = engine.folder.path.parent / f"{source}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    engine.import_files([file], Source(source), allow_deletions=True)


def vocabulary(engine: Engine, scheme: str) -> None:
    file = engine.folder.path.parent / f"{scheme}.tsv"
    file.write_text(f"code\ten\nT1\twooden {scheme}\n", encoding="utf-8")
    engine.add_vocabulary(file, scheme)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagging") / "data"
    with Engine.open(folder, write=True, create=True) as opened:
        vocabulary(opened, "toys")
        put(opened, MAKERS)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    with Engine.open(folder, write=True) as opened:
        yield opened


def found(engine: Engine, local: str, need: str = "hydroalcoholic gel") -> Match | None:
    matches = engine.search(Query(need, limit=100, source=("makers",)))
    return next((match for match in matches.results if match.actor.id == local), None)


def by_concept(match: Match | None) -> float:
    return match.channels["concepts"] if match else 0.0


def said(match: Match | None) -> str:
    return " ".join(reason.says for reason in match.reasons) if match else ""


def ask(engine: Engine, pattern: str, graph: str) -> bool:
    body = engine.sparql(f"{PREFIXES} ASK {{ GRAPH <{v.GRAPH}{graph}> {{ {pattern} }} }}").body
    return bool(json.loads(body)["boolean"])


def state(engine: Engine, local: str) -> dict[str, str]:
    return {row.competency_id: row.state for row in engine.tags(local).tags}


def test_a_rejected_tag_comes_up_nowhere_again(engine: Engine) -> None:
    before = found(engine, "two")
    assert by_concept(before) > SURE and "Makes or does it" in said(before)
    row = engine.decide("two", "hydroalcoholic-gel", "rejected", who="desk", note="sold the line")
    assert (row.state, row.who, row.note, row.label) == ("rejected", "desk", "sold the line", "hydroalcoholic gel")
    after = found(engine, "two")
    assert by_concept(after) < UNSURE
    assert "Makes or does it: hydroalcoholic gel" not in said(after)
    assert by_concept(found(engine, "one")) == pytest.approx(by_concept(before), abs=0.2)
    assert state(engine, "two")["hydroalcoholic-gel"] == "rejected"
    assert not ask(engine, f"<{actor('two')}> fil:suggestedCompetency c:hydroalcoholic-gel", v.SUGGESTED)
    assert not ask(engine, f"<{actor('two')}> fil:competency ?c", v.DECISIONS)
    assert ask(engine, f"?d fil:actor <{actor('two')}> ; fil:verdict 'rejected' ; fil:concerns <{GEL}>", v.DECISIONS)
    assert ask(engine, f"<{actor('one')}> fil:suggestedCompetency c:hydroalcoholic-gel", v.SUGGESTED)


def test_a_rejected_code_stays_what_its_source_said_and_is_not_matched_by(engine: Engine) -> None:
    toys = v.code_iri("toys:T1")
    assert by_concept(found(engine, "coded", "wooden toys")) > SURE
    (row,) = engine.tags("coded", "toys:T1").tags
    assert (row.confidence, row.words, row.field) == (1.0, "toys:T1", "codes")
    engine.decide("coded", toys, "rejected")
    assert by_concept(found(engine, "coded", "wooden toys")) < UNSURE
    assert ask(engine, f"<{actor('coded')}> fil:code <{toys}>", "makers")
    assert engine.actor("coded").codes == ("toys:T1",)


def test_a_confirmed_tag_counts_for_sure_and_says_so(engine: Engine) -> None:
    engine.decide("one", "hydroalcoholic-gel", "confirmed")
    (row, *_) = engine.tags("one", "hydroalcoholic-gel").tags
    assert (row.state, row.confidence, row.words, row.field) == ("confirmed", 1.0, "hydroalcoholic gel", "makes")
    match = found(engine, "one")
    assert by_concept(match) >= by_concept(found(engine, "two"))
    (reason,) = [r for r in match.reasons if "Confirmed by a person" in r.says] if match else []
    assert reason.quote == "hydroalcoholic gel"
    for subject, predicate, target in reason.path:
        assert json.loads(engine.sparql(f"ASK {{ {subject} {predicate} {target} }}").body)["boolean"]
    assert ask(engine, f"<{actor('one')}> fil:competency <{GEL}>", v.DECISIONS)
    assert not ask(engine, f"<{actor('one')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)


def test_what_was_never_suggested_can_be_confirmed_and_is_found_with_a_reason(engine: Engine) -> None:
    assert by_concept(found(engine, "other")) < UNSURE
    engine.decide("other", "competencies:hydroalcoholic-gel", "confirmed", who="desk")
    match = found(engine, "other")
    assert match is not None and match.level == "match"
    assert "Makes or does it: hydroalcoholic gel. Confirmed by a person." in said(match)
    for subject, predicate, target in match.reasons[0].path:
        assert json.loads(engine.sparql(f"ASK {{ {subject} {predicate} {target} }}").body)["boolean"]


def test_a_decision_can_be_changed_and_withdrawn_and_the_journal_remembers(engine: Engine) -> None:
    scores = by_concept(found(engine, "two"))
    seq = engine.seq
    engine.decide("two", "hydroalcoholic-gel", "rejected")
    engine.decide("two", "hydroalcoholic-gel", "confirmed", note="after a visit")
    assert by_concept(found(engine, "two")) >= scores
    assert len(engine.decisions()) == 1
    again = engine.seq
    engine.decide("two", "hydroalcoholic-gel", "confirmed", note="after a visit")
    assert engine.seq == again, "the same decision again is nothing new"
    assert engine.withdraw("two", "hydroalcoholic-gel").verdict == "confirmed"
    assert by_concept(found(engine, "two")) == pytest.approx(scores)
    assert state(engine, "two")["hydroalcoholic-gel"] == "suggested"
    assert ask(engine, f"<{actor('two')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)
    with pytest.raises(NotFound, match="Nobody has decided"):
        engine.withdraw("two", "hydroalcoholic-gel")
    verdicts = [d.verdict for c in engine.journal.read(seq, with_before=True) if (d := decisions.of(c))]
    assert verdicts == ["rejected", "confirmed", "confirmed"]
    assert engine.check() == []


def decided(engine: Engine) -> None:
    engine.decide("two", "hydroalcoholic-gel", "rejected")
    engine.decide("other", "hydroalcoholic-gel", "confirmed")


def respected(engine: Engine) -> None:
    assert by_concept(found(engine, "two")) < UNSURE
    assert "Confirmed by a person" in said(found(engine, "other"))
    assert state(engine, "two")["hydroalcoholic-gel"] == "rejected"
    assert not ask(engine, f"<{actor('two')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)
    assert ask(engine, f"<{actor('one')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)
    assert engine.check() == []


def test_decisions_survive_a_new_version_of_the_source(engine: Engine) -> None:
    decided(engine)
    put(engine, [{**row, "city": "Lyon"} for row in MAKERS])
    respected(engine)
    put(engine, MAKERS[:1])  # gone …
    assert found(engine, "two") is None
    assert {(d.verdict, d.actor) for d in engine.decisions()} == {
        ("rejected", actor("two")), ("confirmed", actor("other")),
    }  # fmt: skip
    rows = {row.actor: row for row in engine.tags().tags}
    assert (rows[actor("two")].state, rows[actor("two")].actor_name) == ("rejected", "")
    put(engine, MAKERS)  # … and back
    respected(engine)
    assert {s.id: s.entities for s in engine.sources()}["decisions"] == 3


def test_decisions_survive_a_rebuild_another_encoder_and_a_backup(engine: Engine, tmp_path: Path) -> None:
    decided(engine)
    engine.index.rebuild()
    respected(engine)
    engine.backup(tmp_path / "backup.tar.gz")
    Engine.restore(tmp_path / "backup.tar.gz", tmp_path / "restored")
    with Engine.open(tmp_path / "restored", write=True) as restored:
        respected(restored)
    with Engine.open(tmp_path / "restored", write=True, model="hashing") as other:
        respected(other)
        seq, by, _ = suggested.mark_of(other.graph) or (0, "", 0)
        assert (seq, by) == (other.seq, other.index.current().made_by)
    with Engine.open(tmp_path / "restored", write=True) as back:
        respected(back)
    with Engine.open(tmp_path / "restored") as reader:
        assert by_concept(found(reader, "two")) < UNSURE


def test_a_reader_with_another_encoder_leaves_no_stale_suggestion(folder: Path) -> None:
    with Engine.open(folder, write=True) as engine:
        decided(engine)
        assert ask(engine, f"<{actor('one')}> fil:suggestedCompetency ?c", v.SUGGESTED)
    with Engine.open(folder, model="hashing") as reader:
        assert found(reader, "one") is not None  # builds its own index, becoming a writer for it
    with Engine.open(folder, write=True, model="hashing", catch_up=False) as writer:
        (problem,) = writer.check()
        assert "another index" in problem.what
    with Engine.open(folder, model="hashing") as reader:
        assert ask(reader, f"<{actor('one')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)
        assert not ask(reader, f"<{actor('two')}> fil:suggestedCompetency <{GEL}>", v.SUGGESTED)
    with Engine.open(folder, write=True, model="hashing", catch_up=False) as writer:
        assert writer.check() == []
        assert suggested.stands(writer.graph, writer.seq, writer.index.current().made_by)


def test_a_search_sees_a_decision_of_another_process_at_once(engine: Engine) -> None:
    with Engine.open(engine.folder.path) as reader:
        assert by_concept(found(reader, "two")) > SURE
        engine.decide("two", "hydroalcoholic-gel", "rejected")
        assert by_concept(found(reader, "two")) < UNSURE
        engine.withdraw("two", "hydroalcoholic-gel")
        assert by_concept(found(reader, "two")) > SURE


def test_nothing_is_rebuilt_for_a_decision(engine: Engine) -> None:
    engine.index.rebuild()
    base = engine.index.current()
    engine.decide("two", "hydroalcoholic-gel", "rejected")
    assert engine.index.current() is base
    assert base.fresh is not None and len(base.fresh) == 1


def test_a_graph_that_says_something_else_is_found_and_mended(engine: Engine) -> None:
    decided(engine)
    quads = [quad for quad in engine.graph.suggested() if "one" in str(quad.subject)]
    for quad in quads[:1]:
        both = [quad, Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())]  # and in the union of all
        for lost, word in ((both, "suggested"), (both[:1], "default"), (both[1:], "default")):
            for one in lost:
                engine.graph.store.remove(one)
            (problem,) = engine.check()
            assert (problem.view, problem.repaired) == ("graph", False)
            assert word in problem.what
            engine.graph.store.extend(lost)
            assert engine.check() == []
    engine.graph.store.remove(quads[0])
    (problem,) = engine.check(repair=True)
    assert problem.repaired
    respected(engine)
    engine.graph.change_suggested((), "", "")  # as a kill in the midst of writing leaves it
    assert not engine.ready
    assert "seq 0" in engine.check()[0].what
    engine.bring_up()
    assert engine.ready
    respected(engine)


def test_many_changes_leave_the_suggested_graph_as_a_new_one_would_be(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state_of_graph() -> set[str]:
        return {str(quad) for quad in engine.graph.suggested()}

    monkeypatch.setattr(suggested, "_FEW", 2)
    rows = [{"id": f"a{n}", "name": f"A {n}", "makes": [f"{w}"]} for n, w in enumerate(["masks", "gowns", "gel"] * 8)]
    put(engine, [*MAKERS, *rows])
    put(engine, [*MAKERS, *rows[4:], {"id": "new", "name": "New", "makes": ["visors"]}])
    swapped = state_of_graph()
    engine._suggest(anew=True)
    assert state_of_graph() == swapped
    monkeypatch.setattr(suggested, "_MANY", 0.0)
    put(engine, [*MAKERS, *[{**row, "makes": ["visors"]} for row in rows]])
    whole = state_of_graph()
    engine._suggest(anew=True)
    assert state_of_graph() == whole
    assert engine.check() == []


def test_only_the_graph_of_decisions_decides(engine: Engine) -> None:
    turtle = engine.folder.path.parent / "evil.ttl"
    space = v.source_namespace("evil")
    turtle.write_text(
        f"@prefix fil: <{v.NS}> . @prefix skos: <{v.SKOS}> . @prefix dct: <{v.DCT}> .\n"
        f'<{space}actor/x> a fil:Firm, fil:Actor ; skos:prefLabel "X" ; dct:identifier "x" ; fil:makes "gel"@en .\n'
        f"<{space}decision/d> a fil:TagDecision ; fil:actor <{actor('one')}> ; fil:concerns <{GEL}> ; "
        f'fil:verdict "rejected" ; dct:date "2020-03-25" .\n'
        f'<{space}actor/y> a fil:Firm, fil:Actor ; skos:prefLabel "Y" ; dct:identifier "y" ; fil:competency <{GEL}> .\n'
        f'<{space}actor/z> a fil:Firm, fil:Actor ; skos:prefLabel "Z" ; dct:identifier "z" ; '
        f"fil:suggestedCompetency <{GEL}> .\n",
        encoding="utf-8",
    )
    report = engine.import_files([turtle], Source("evil"))
    columns = {finding.column for finding in report.findings if finding.severity == "error"}
    assert {"competency", "suggestedCompetency"} <= columns
    assert by_concept(found(engine, "one")) > SURE
    assert engine.decisions() == []
    with pytest.raises(RefusedInput, match="cannot be the name"):
        put(engine, MAKERS, source="decisions")


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        (("nobody", "hydroalcoholic-gel", "confirmed"), NotFound, "no actor 'nobody'"),
        (("one", "hydro gel", "confirmed"), NotFound, "Did you mean hydroalcoholic-gel"),
        (("one", "cpv:99999999", "confirmed"), NotFound, "no competency 'cpv:99999999'"),
        (("one", "", "confirmed"), NotFound, "no competency ''"),
        (("one", "hydroalcoholic-gel", "maybe"), UserError, "Use one of: confirmed, rejected"),
        (("one", "https://w3id.org/filiere/competency/none", "rejected"), NotFound, "no competency"),
        (("\x00", "hydroalcoholic-gel", "rejected"), NotFound, "no actor"),
        (("one", "x" * 5000, "rejected"), NotFound, "no competency"),
    ],
)
def test_what_cannot_be_decided_says_why(
    engine: Engine, given: tuple[str, str, str], error: type[Exception], word: str
) -> None:
    seq = engine.seq
    with pytest.raises(error) as caught:
        engine.decide(*given)
    assert word in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert engine.seq == seq


@pytest.mark.parametrize("note", ["x" * 2001, "\ud800"])
def test_a_note_that_cannot_be_kept_is_refused(engine: Engine, note: str) -> None:
    seq = engine.seq
    with pytest.raises(RefusedInput):
        engine.decide("one", "hydroalcoholic-gel", "rejected", note=note)
    assert engine.seq == seq


def test_an_id_of_several_sources_is_named_by_its_iri(engine: Engine) -> None:
    put(engine, MAKERS[:1], source="others")
    with pytest.raises(UserError, match=r"several sources: makers .*others"):
        engine.decide("one", "hydroalcoholic-gel", "rejected")
    engine.decide(actor("one"), "hydroalcoholic-gel", "rejected")
    assert by_concept(found(engine, "one")) < UNSURE


def test_a_bare_code_of_several_schemes_is_explained(engine: Engine) -> None:
    vocabulary(engine, "tools")
    with pytest.raises(UserError, match="Write one of: tools:T1, toys:T1"):
        engine.decide("other", "T1", "confirmed")
    engine.decide("other", "toys:T1", "confirmed")
    assert found(engine, "other", "wooden toys") is not None
    assert state(engine, "other")["toys:T1"] == "confirmed"


def test_pages_of_tags_follow_one_another(engine: Engine) -> None:
    decided(engine)
    everything = engine.tags(limit=1000)
    assert everything.total == len(everything.tags)
    assert [row.state for row in everything.tags[:2]] == ["confirmed", "rejected"]  # the newest first
    pages = [row for start in range(0, everything.total, 3) for row in engine.tags(limit=3, offset=start).tags]
    assert pages == list(everything.tags)
    assert engine.tags(offset=everything.total + 5).tags == ()
    assert {row.state for row in engine.tags(state="suggested", limit=1000).tags} == {"suggested"}
    of_gel = engine.tags(competency=GEL, state="suggested").tags
    assert {row.actor_id for row in of_gel} == {"one"}
    confidences = [row.confidence or 0 for row in engine.tags("one", state="suggested").tags]
    assert confidences == sorted(confidences, reverse=True)
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"state": "odd"}):
        with pytest.raises(UserError):
            engine.tags(**wrong)  # type: ignore[arg-type]


def test_a_suggestion_says_by_which_words_where_and_how_surely(engine: Engine) -> None:
    body = engine.sparql(
        PREFIXES + f"SELECT ?words ?field ?sure WHERE {{ GRAPH <{v.SUGGESTED_GRAPH}> {{ ?t fil:actor <{actor('one')}> ;"
        f" fil:concerns <{GEL}> ; fil:words ?words ; fil:field ?field ; fil:confidence ?sure }} }}"
    ).body
    (row,) = json.loads(body)["results"]["bindings"]
    assert row["words"]["value"] == "hydroalcoholic gel"
    assert row["field"]["value"] == v.NS + "makes"
    assert row["sure"]["datatype"] == v.XSD + "decimal"
    assert 0.6 <= float(row["sure"]["value"]) <= 1
    assert engine.sources()[0].id  # the suggested graph is nobody's source
    assert v.SUGGESTED not in {source.id for source in engine.sources()}


def test_removing_the_source_of_decisions_withdraws_them_all(engine: Engine) -> None:
    decided(engine)
    engine.remove_source(v.DECISIONS)
    assert by_concept(found(engine, "two")) > SURE
    assert by_concept(found(engine, "other")) < UNSURE
    assert engine.check() == []


def test_a_decision_is_a_record_like_any_other(engine: Engine) -> None:
    decided(engine)
    (rejected, _) = engine.decisions()
    assert engine.entity(rejected.iri, "decision") == rejected
    assert replace(rejected, verdict="confirmed") != rejected
    assert not isinstance(engine.entity(rejected.iri, "decision"), Actor)
