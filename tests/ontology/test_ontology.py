"""The ontology is sound, names its own faults, and covers the sample; our validator says what pyshacl says."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from kg import mapping, packaged, rdf, reference
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.model import COMPETENCY_KINDS, Actor, Concept, Evidence, Text
from kg.terms import Statement, from_payload, iri, literal, to_payload
from kg.validation import Validator, read_check
from search.concepts import Concepts
from search.encoder import load_encoder

FOLDER = v.ontology_folder()
COMPETENCIES = FOLDER / "schemes" / "competencies.ttl"
C = v.COMPETENCY


def faults(extra: list[Statement]) -> list[str]:
    return [f.reason for f in packaged.check([*packaged.statements(), *extra]) if f.severity == "error"]


def concept(name: str, *more: Statement, broader: str = "product", label: str = "") -> list[Statement]:
    subject = iri(C + name)
    return [
        (subject, f"<{v.TYPE}>", f"<{v.SKOS}Concept>"),
        (subject, f"<{v.TYPE}>", f"<{v.NS}Product>"),
        (subject, f"<{v.SKOS}inScheme>", f"<{v.SCHEME}competencies>"),
        (subject, f"<{v.SKOS}prefLabel>", literal(label or f"unheard-of {name}", "en")),
        (subject, f"<{v.SKOS}broader>", iri(C + broader)),
        *more,
    ]


def test_the_packaged_ontology_has_no_fault() -> None:
    assert faults([]) == []
    assert packaged.load()


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        (concept("a", broader="nothing-at-all"), "nothing-at-all"),
        (concept("a", (iri(C + "product"), f"<{v.SKOS}broader>", iri(C + "a"))), "cycle|above itself|broader"),
        (concept("a", label="hydroalcoholic gel"), "label"),
        (concept("a", (iri(C + "a"), f"<{v.NS}hasInput>", iri(C + "dangling"))), "dangling"),
        ([s for s in concept("a") if not s[1].endswith("broader>")], "broader|orphan|below"),
        (concept("a", (iri(C + "a"), f"<{v.SKOS}related>", iri(C + "product"))), "related|above"),
    ],
    ids=["unknown broader", "cycle", "label clash", "dangling pointer", "orphan", "related to ancestor"],
)
def test_a_fault_of_the_vocabulary_is_named(extra: list[Statement], word: str) -> None:
    found = faults(extra)
    assert found, "no fault was found"
    assert re.search(word, " ".join(found), re.IGNORECASE)


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.ttl"
    file.write_text("@prefix a: <http://a/> .\na:b a:c\n", encoding="utf-8")
    with pytest.raises(OntologyError, match=r"broken\.ttl.*line"):
        rdf.read_turtle(file)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("SELECT ?entity {}", "lacks the line"),
        ("# Problem: x\n# Mend: y\n# Severity: error\n# Column: z\nSELEC", "not a query"),
    ],
)
def test_a_broken_check_is_named(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "wrong.rq"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OntologyError, match=rf"wrong\.rq.*{word}"):
        read_check(file)


def test_a_constraint_nobody_compiles_is_named(tmp_path: Path) -> None:
    shapes = tmp_path / "shapes.ttl"
    shapes.write_text(
        "@prefix sh: <http://www.w3.org/ns/shacl#> . <x:s> a sh:NodeShape ; sh:targetClass <x:c> ; sh:property "
        '[ sh:path <x:p> ; sh:name "n" ; sh:message "m" ; sh:lessThan <x:q> ] .',
        encoding="utf-8",
    )
    with pytest.raises(OntologyError, match=r"shapes\.ttl.*lessThan"):
        Validator(shapes, FOLDER / "checks")


def test_every_term_that_is_written_is_defined_in_two_languages() -> None:
    about = rdf.read_turtle(FOLDER / "filiere.ttl")
    for term in mapping.minted_terms():
        for predicate in ("label", "comment"):
            said = {o.rsplit("@", 1)[-1] for s, p, o in about if s == iri(term) and p == f"<{v.RDFS}{predicate}>"}
            assert {"en", "fr"} <= said, f"{term} {predicate}"


def test_the_reference_page_is_what_the_ontology_says() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == reference.page(), "run: make docs"


def competencies() -> list[Concept]:
    found = (mapping.from_statements(i, v.PACKAGED, from_payload(p)) for i, p in packaged.entities())
    return [c for c in found if isinstance(c, Concept) and c.scheme == "competencies"]


def test_competencies_speak_five_languages_and_tell_of_what_things_take() -> None:
    found = competencies()
    for one in found:
        assert {"en", "fr", "de", "es", "it"} <= {text.lang for text in one.preferred}, one.iri
    assert {c.kind for c in found} >= set(COMPETENCY_KINDS)
    for relation in (
        "inputs",
        "processes",
        "packaging",
        "standards",
        "substitutes",
        "convertible_to",
        "related",
        "matches",
    ):
        assert any(getattr(c, relation) for c in found), relation


def sample_words() -> set[str]:
    folder = Path(packaged.__file__).parent / "sample" / "crisis2020"
    columns = {
        "actors.csv": ("makes", "processes", "certifications"),
        "clusters.csv": ("sectors",),
        "value_chains.csv": ("product",),
    }
    out: set[str] = set()
    for name, wanted in columns.items():
        with (folder / name).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                out |= {part.strip() for column in wanted for part in row[column].split(";") if part.strip()}
    return out


def test_the_sample_is_covered() -> None:
    encoder = load_encoder()
    known = Concepts.build(competencies(), encoder)
    said = sorted(sample_words())
    hits = known.understand(said, encoder.encode(said), most=1)
    sure = sum(bool(hit) and hit[0].score >= 0.6 for hit in hits)
    assert sure / len(said) >= 0.75, f"{sure} of {len(said)}"


def random_actor(picker: random.Random, number: int) -> list[Statement]:
    """An actor, sound or broken in one or two ways."""
    actor = Actor(
        iri=f"https://example.org/actor/{number}",
        source="s",
        id=f"a{number}",
        name="Name",
        country="FR",
        nuts="FRK2",
        city="Lyon",
        latitude=45.0,
        longitude=5.0,
        size="small",
        website="https://example.org/",
        makes=(Text("gel", "en"),),
        codes=("cpv:33140000",),
        evidence=(Evidence(title="T", text="Q", lang="en", date="2020-03-25", url="https://example.org/e"),),
    )
    statements = mapping.to_statements(actor)
    own = iri(actor.iri)
    ways = [
        lambda s: [x for x in s if x[1] != f"<{v.SKOS}prefLabel>"],
        lambda s: [x for x in s if x[1] != f"<{v.DCT}identifier>"],
        lambda s: [*s, (own, f"<{v.DCT}identifier>", '"second"')],
        lambda s: [*s, (own, f"<{v.SCHEMA}addressCountry>", '"France"')],
        lambda s: [*s, (own, f"<{v.NS}nuts>", "<http://example.org/FRK2>")],
        lambda s: [*s, (own, f"<{v.WGS84}lat>", f'"945"^^<{v.XSD}decimal>')],
        lambda s: [*s, (own, f"<{v.WGS84}long>", '"5"')],
        lambda s: [*s, (own, f"<{v.NS}size>", "<http://example.org/huge>")],
        lambda s: [*s, (own, f"<{v.FOAF}homepage>", "<ftp://example.org/>")],
        lambda s: [*s, (own, f"<{v.NS}makes>", "<http://example.org/gel>")],
        lambda s: [*s, (own, f"<{v.NS}makes>", literal("x" * 501, "en"))],
        lambda s: [*s, (own, f"<{v.NS}code>", '"33140000"')],
        lambda s: [*s, (own, f"<{v.NS}hasEvidence>", '"a text"')],
        lambda s: s,
    ]
    for way in picker.sample(ways, picker.choice([1, 1, 2])):
        statements = way(statements)
    return statements


def test_our_validator_says_what_pyshacl_says() -> None:
    from pyshacl import validate
    from rdflib import Graph

    picker, ours = random.Random(20200325), Validator.packaged()
    shapes = Graph().parse(FOLDER / "shapes.ttl")
    outcomes = set()
    for number in range(120):
        statements = random_actor(picker, number)
        graph = Graph().parse(data=to_payload(statements), format="nt")
        conforms, _, _ = validate(graph, shacl_graph=shapes, inference="none", allow_warnings=True)
        found = [f for f in ours.check(f"https://example.org/actor/{number}", statements) if f.severity == "error"]
        assert bool(found) is not conforms, to_payload(statements)
        outcomes.add(conforms)
    assert outcomes == {True, False}
