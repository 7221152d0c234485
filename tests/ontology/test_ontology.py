"""The ontology is sound, names its own faults, covers the sample, and its page says what it says."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from kg import mapping, packaged, rdf, reference
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.model import COMPETENCY_KINDS, Concept
from kg.terms import Statement, from_payload, iri, literal
from kg.validation import Validator, read_check
from search.concepts import Concepts
from search.encoder import Encoder, load_encoder

FOLDER = v.ontology_folder()
COMPETENCIES = FOLDER / "schemes" / "competencies.ttl"
C = v.COMPETENCY
SURE = 0.6  # of a concept, to be what a text is about
UNDERSTOOD = 0.96  # least share of what the sample says in a column


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


SAMPLE = Path(packaged.__file__).parent / "sample" / "crisis2020"
SAID = [
    ("actors.csv", "makes"),
    ("actors.csv", "processes"),
    ("actors.csv", "certifications"),
    ("clusters.csv", "sectors"),
    ("offers_needs.csv", "what"),
    ("value_chains.csv", "product"),
    ("value_chains.csv", "step_or_input"),
    ("value_chains.csv", "standard"),
]


@pytest.fixture(scope="module")
def known() -> tuple[Concepts, Encoder]:
    encoder = load_encoder()
    return Concepts.build(competencies(), encoder), encoder


@pytest.mark.parametrize(("name", "column"), SAID, ids=[" ".join(place) for place in SAID])
def test_what_the_sample_says_is_understood(name: str, column: str, known: tuple[Concepts, Encoder]) -> None:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as stream:
        cells = (row[column].split(";") for row in csv.DictReader(stream))
        said = sorted({part.strip() for parts in cells for part in parts if part.strip()})
    assert len(said) >= 20
    concepts, encoder = known
    hits = concepts.understand(said, encoder.encode(said), most=1)
    lost = [text for text, hit in zip(said, hits, strict=True) if not hit or hit[0].score < SURE]
    assert len(lost) <= (1 - UNDERSTOOD) * len(said), f"{len(lost)} of {len(said)}: {lost[:10]}"


def test_the_reference_page_names_every_term_rule_and_check_and_no_single_competency() -> None:
    page = reference.page()
    for term in mapping.minted_terms():
        assert f"`fil:{term.removeprefix(v.NS)}`" in page, term
    for shape in Validator.packaged().shapes().values():
        assert all(f"| {prop.column} |" in page for prop in shape)
    for check in Validator.packaged().checks:
        assert f"`{check.name}`" in page
    for file in (FOLDER / "schemes").glob("*.ttl"):
        assert f"`{file.name}`" in page
    assert len(page.splitlines()) < 240
