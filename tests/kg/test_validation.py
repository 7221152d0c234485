"""Our validator says what pyshacl says, column by column; every rule can be broken and every check fires."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyshacl import validate
from rdflib import Graph, URIRef
from rdflib.collection import Collection
from rdflib.namespace import RDF, SH

from kg import mapping
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.model import (
    Actor,
    Claim,
    Concept,
    Entity,
    Erasure,
    Evidence,
    Exchange,
    IdentityDecision,
    Recipe,
    RecipeStep,
    Source,
    TagDecision,
    Text,
)
from kg.terms import Statement, from_payload, iri, literal, to_payload
from kg.validation import Validator, placed, read_check

FOLDER = v.ontology_folder()
SHAPES = Graph().parse(FOLDER / "shapes.ttl")
OURS = Validator.packaged()
SPACE = v.source_namespace("s")


def link(room: str, local: str) -> str:
    return v.mint(SPACE, room, local)


SOUND: dict[str, Entity] = {
    "Actor": Actor(
        iri=link("actor", "a"),
        source="s",
        id="a",
        name="Name",
        country="FR",
        nuts="FRK2",
        city="Lyon",
        latitude=45.0,
        longitude=5.0,
        size="small",
        website="https://example.org/",
        descriptions=(Text("A firm.", "en"),),
        makes=(Text("gel", "en"),),
        processes=(Text("mixing", "en"),),
        certifications=(Text("ISO 13485"),),
        clusters=("c",),
        codes=("cpv:33140000",),
        evidence=(
            Evidence(title="T", text="Q", lang="en", date="2020-03-25", url="https://e.org/", codes=("nace:1",)),
        ),
    ),
    "Exchange": Exchange(
        link("offer", "o"), "s", "o", "offer", Text("gel", "en"), actor="a", date="2020", url="http://e.org/"
    ),
    "Recipe": Recipe(link("recipe", "r"), "s", "r", Text("gel", "en"), (RecipeStep("input", Text("ethanol", "en")),)),
    "Claim": Claim(link("claim", "c"), "s", "c", "a", "figure", Text("x", "en"), value="5", date="2020-03"),
    "Source": Source("s", namespace=SPACE),
    "TagDecision": TagDecision(
        link("decision", "d"), "s", "d", link("actor", "a"), "x:c", "confirmed", "desk", "2020-03-25", "seen at a fair"
    ),
    "IdentityDecision": IdentityDecision(
        link("pair", "p"),
        "s",
        "p",
        (link("actor", "a"), link("actor", "b")),
        "same",
        "rule",
        0.99,
        ("names alike",),
        "desk",
        "2020-03-25",
        "one firm",
    ),
    "Erasure": Erasure(link("erasure", "a" * 64), "s", "a" * 64, "2020-03-25", "asked by letter", ("s",)),
    "Concept": Concept("x:c", "mine", "1", preferred=(Text("gel", "en"),), broader=("x:d",)),
}
NODES = {"Evidence": "Actor", "RecipeStep": "Recipe"}  # shapes of parts, and the record that has them


class Rule(NamedTuple):
    """One constraint of one property of one shape."""

    shape: str
    path: str
    parameter: str
    value: Any

    def __str__(self) -> str:
        return f"{self.shape} {v.local_name(self.path)} {self.parameter}"


def rules() -> Iterator[Rule]:
    for shape in SHAPES.subjects(RDF.type, SH.NodeShape):
        for prop in SHAPES.objects(shape, SH.property):
            path = str(SHAPES.value(prop, SH.path))
            for predicate, found in SHAPES.predicate_objects(prop):
                name = v.local_name(str(predicate))
                if name not in ("path", "name", "message", "description", "severity", "node"):
                    yield Rule(v.local_name(str(shape)), path, name, found)


RULES = sorted(rules(), key=str)


def identity(entity: Entity) -> str:
    return v.source_graph(entity.id) if isinstance(entity, Source) else entity.iri


def focus(rule: Rule, statements: list[Statement]) -> str:
    """The node of a sound record that the rule speaks of."""
    cls = {"Exchange": "Offer", "Source": "Dataset", "Concept": "Concept"}.get(rule.shape, rule.shape)
    return next(s for s, p, o in statements if p == f"<{v.TYPE}>" and v.local_name(o[1:-1]) == cls)


def broken(rule: Rule, statements: list[Statement]) -> list[Statement]:
    """The statements with that one rule broken."""
    node, path = focus(rule, statements), f"<{rule.path}>"
    others = [s for s in statements if not (s[0] == node and s[1] == path)]

    def instead(*objects: str) -> list[Statement]:
        return [*others, *((node, path, o) for o in objects)]

    match rule.parameter:
        case "minCount":
            return others
        case "maxCount":
            return [*statements, *((node, path, literal(f"one of {n}")) for n in range(int(rule.value) + 1))]
        case "minLength":
            return instead(literal("x" * (int(rule.value) - 1)))
        case "maxLength":
            return instead(literal("x" * (int(rule.value) + 1)))
        case "pattern":
            return instead("<x:not-what-is-asked>")
        case "nodeKind":
            return instead(literal("a text") if rule.value == SH.IRI else "<x:iri>")
        case "minInclusive" | "maxInclusive":
            off = float(rule.value) + (-0.5 if rule.parameter == "minInclusive" else 0.5)
            return instead(literal(str(off), "", v.XSD + "decimal"))
        case "datatype":
            return instead(literal("5"))
        case "uniqueLang":
            return instead(literal("gel", "en"), literal("other gel", "en"))
        case "in":
            assert list(Collection(SHAPES, rule.value))
            return instead(literal("none of these"))
    raise AssertionError(f"no way is known to break {rule}")


def columns_of_pyshacl(statements: list[Statement]) -> set[str]:
    """Columns that pyshacl objects to (errors only); a part is judged by its own class, so sh:node is left out."""
    graph = Graph().parse(data=to_payload(statements), format="nt")
    _, results, _ = validate(graph, shacl_graph=SHAPES, inference="none")
    out = set()
    for result in results.subjects(RDF.type, SH.ValidationResult):
        component = results.value(result, SH.sourceConstraintComponent)
        if component != SH.NodeConstraintComponent and results.value(result, SH.resultSeverity) == SH.Violation:
            out.add(str(SHAPES.value(results.value(result, SH.sourceShape), SH.name)))
    return out


def columns_of_ours(name: str, statements: list[Statement]) -> set[str]:
    return {f.column for f in OURS.check(identity(SOUND[name]), statements) if f.severity == "error"}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_record_has_no_finding(name: str) -> None:
    statements = mapping.to_statements(SOUND[name])
    assert columns_of_ours(name, statements) == columns_of_pyshacl(statements) == set()


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_can_be_broken_and_both_see_it(rule: Rule) -> None:
    name = NODES.get(rule.shape, rule.shape)
    statements = broken(rule, mapping.to_statements(SOUND[name]))
    ours = columns_of_ours(name, statements)
    assert ours
    assert ours == columns_of_pyshacl(statements)


# Left out: decimals written "1e3", which rdflib takes for one, and ".5" or "+5.0", which it reads as "0.5" and "5.0".
ODD = [
    *('""', '"x"', '"x"@fr', '"x"@en', "<x:x>", "<https://example.org/a>", '"FR"', '"fr"', '"FRA"', '"2020-13"'),
    *('"2020-02-31"', '"2020"', f"<{v.NUTS}FRK2>", f"<{v.NUTS}frk2>", f"<{v.BASE}size/small>", '"s"', '"input"'),
    *(f'"{n}"^^<{v.XSD}decimal>' for n in ("5", "-91", "abc", "", "90.00001")),
    *(f'"{n}"^^<{v.XSD}{t}>' for n, t in (("5", "integer"), ("NaN", "double"), ("true", "boolean"), ("2020", "gYear"))),
]


@pytest.mark.parametrize("name", SOUND)
def test_random_records_are_judged_alike(name: str) -> None:
    picker, outcomes = random.Random(f"20200325 {name}"), set()
    shapes = [name, *(part for part, whole in NODES.items() if whole == name)]
    known = [rule for rule in RULES if rule.shape in shapes]
    for _ in range(60):
        statements = mapping.to_statements(SOUND[name])
        for _ in range(picker.randrange(4)):
            rule = picker.choice(known)
            own, path = focus(rule, mapping.to_statements(SOUND[name])), f"<{rule.path}>"
            if picker.random() < 0.4:
                statements = [s for s in statements if s[:2] != (own, path)]
            statements = from_payload(to_payload([*statements, (own, path, picker.choice(ODD))]))
        ours, theirs = columns_of_ours(name, statements), columns_of_pyshacl(statements)
        assert ours == theirs, to_payload(statements)
        outcomes.add(bool(ours))
    assert outcomes == {True, False}


def test_a_finding_says_what_was_found_where_and_how_to_mend_it() -> None:
    own = iri(identity(SOUND["Actor"]))
    statements = [s for s in mapping.to_statements(SOUND["Actor"]) if not s[1].endswith("addressCountry>")]
    found = OURS.check(own[1:-1], [*statements, (own, f"<{v.SCHEMA}addressCountry>", '"France"')])
    (finding,) = placed(found, "members.csv", 7)
    assert (finding.file, finding.row, finding.column) == ("members.csv", 7, "country")
    assert "'France'" in finding.reason and finding.mend and finding.severity == "error"


def test_a_very_long_value_is_quoted_in_part() -> None:
    own = iri(identity(SOUND["Actor"]))
    (finding,) = OURS.check(
        own[1:-1], [*mapping.to_statements(SOUND["Actor"]), (own, f"<{v.NS}makes>", literal("x" * 9999))]
    )
    assert len(finding.reason) < 300


def test_every_constraint_a_shape_could_use_and_we_do_not_compile_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shapes.ttl"
    for parameter in ("class", "qualifiedMinCount", "hasValue", "equals", "languageIn", "closed", "flags"):
        file.write_text(
            f"@prefix sh: <{v.SHACL}> . <x:s> a sh:NodeShape ; sh:targetClass <x:c> ; sh:property "
            f'[ sh:path <x:p> ; sh:name "n" ; sh:message "m" ; sh:{parameter} <x:q> ] .',
            encoding="utf-8",
        )
        with pytest.raises(OntologyError, match=rf"shapes\.ttl.*x:s.*{parameter}"):
            Validator(file, tmp_path)


def of(*entities: Entity) -> list[Statement]:
    return [statement for entity in entities for statement in mapping.to_statements(entity)]


def actor(local: str, **more: Any) -> Actor:
    return Actor(link("actor", local), "s", local, local, **({"makes": (Text("gel"),)} | more))


def concept(local: str, label: str, *broader: str, related: tuple[str, ...] = ()) -> list[Statement]:
    made = Concept(v.COMPETENCY + local, "competencies", preferred=(Text(label, "en"),), related=related)
    return of(made) + [(iri(made.iri), f"<{v.SKOS}broader>", iri(v.COMPETENCY + b)) for b in broader]


TOP = [
    *concept("top", "everything"),
    (iri(v.COMPETENCY + "top"), f"<{v.SKOS}topConceptOf>", iri(v.SCHEME + "competencies")),
]
# Check → (statements in which it fires once, the entity it names, statements in which it does not)
FIRES: dict[str, tuple[list[Statement], str, list[Statement]]] = {
    "actor_cluster_unknown": (
        of(actor("a", clusters=("c",))),
        link("actor", "a"),
        of(actor("a", clusters=("c",)), actor("c", kind="cluster")),
    ),
    "actor_region_outside_country": (
        of(actor("a", country="FR", nuts="DE1")),
        link("actor", "a"),
        of(
            actor("a", country="GR", nuts="EL30"),
            actor("b", country="GB", nuts="UKI"),
            actor("c", country="RE", nuts="FRY4"),
        ),
    ),
    "actor_with_half_a_position": (
        of(actor("a", latitude=45.0)),
        link("actor", "a"),
        of(actor("a", latitude=45.0, longitude=0.0), actor("b")),
    ),
    "actor_without_competency": (
        of(actor("a", makes=())),
        link("actor", "a"),
        of(actor("a"), actor("b", makes=(), codes=("cpv:33140000",)), actor("c", makes=(), sectors=(Text("x"),))),
    ),
    "concept_broader_cycle": (
        [*TOP, *concept("a", "a", "top", "a")],
        v.COMPETENCY + "a",
        [*TOP, *concept("a", "a", "top"), *concept("b", "b", "a", "top")],
    ),
    "concept_broader_unknown": ([*TOP, *concept("a", "a", "b")], v.COMPETENCY + "a", [*TOP, *concept("a", "a", "top")]),
    "concept_label_clash": (
        [*TOP, *concept("a", "gel", "top"), *concept("b", "gel", "top")],
        v.COMPETENCY + "a",
        [*TOP, *concept("a", "gel", "top"), *concept("b", "gels", "top")],
    ),
    "concept_orphan": ([*TOP, *concept("a", "a")], v.COMPETENCY + "a", [*TOP, *concept("a", "a", "top")]),
    "concept_related_to_ancestor": (
        [*TOP, *concept("a", "a", "top", related=(v.COMPETENCY + "top",))],
        v.COMPETENCY + "a",
        [*TOP, *concept("a", "a", "top"), *concept("b", "b", "top", related=(v.COMPETENCY + "a",))],
    ),
    "exchange_actor_unknown": (
        of(Exchange(link("offer", "o"), "s", "o", "offer", Text("gel"), actor="a")),
        link("offer", "o"),
        of(actor("a"), Exchange(link("offer", "o"), "s", "o", "offer", Text("gel"), actor="a")),
    ),
}


@pytest.mark.parametrize("check", OURS.checks, ids=lambda check: check.name)
def test_every_check_fires_on_its_fault_and_on_nothing_else(check: Any) -> None:
    wrong, culprit, right = FIRES[check.name]
    found = OURS.check_batch(wrong, vocabulary=check.vocabulary_only)
    assert [(f.entity, f.column, f.severity, f.mend) for f in found] == [
        (culprit, check.column, check.severity, check.mend)
    ]
    assert found[0].reason.startswith(check.problem)
    assert OURS.check_batch(right, vocabulary=check.vocabulary_only) == []


def test_a_check_file_says_problem_mend_severity_and_column() -> None:
    for file in sorted((FOLDER / "checks").glob("*.rq")):
        check = read_check(file)
        assert check.severity in ("error", "warning") and check.problem.endswith(".") and check.mend.endswith(".")
        assert check.name.split("_")[0] in ("actor", "concept", "exchange", "recipe", "claim")


def test_shapes_speak_of_every_record_and_in_words() -> None:
    classes = {str(c) for c in SHAPES.objects(None, SH.targetClass)}
    for entity in SOUND.values():
        types = {o[1:-1] for _, p, o in mapping.to_statements(entity) if p == f"<{v.TYPE}>"}
        assert types & classes
    for shape in OURS.shapes().values():
        assert all(prop.reason.endswith((".", "…")) and prop.mend.endswith((".", "…")) for prop in shape)
    assert URIRef(v.NS + "Actor") in set(SHAPES.objects(None, SH.targetClass))
