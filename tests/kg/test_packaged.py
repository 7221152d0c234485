"""What ontology/ says becomes entities of the packaged source; a wrong file stops the load and is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg import mapping, packaged, rdf
from kg import vocabulary as v
from kg.errors import OntologyError
from kg.model import Concept, Source
from kg.terms import from_payload
from kg.validation import Validator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of ontology/ that is read in its place."""
    copy = Path(shutil.copytree(v.ontology_folder(), tmp_path / "ontology"))
    monkeypatch.setattr(v, "ontology_folder", lambda: copy)
    Validator.packaged.cache_clear()
    packaged.fingerprint.cache_clear()
    yield copy
    monkeypatch.undo()
    Validator.packaged.cache_clear()
    packaged.fingerprint.cache_clear()


def append(file: Path, text: str) -> None:
    prefixes = "".join(f"@prefix {name}: <{base}> .\n" for name, base in v.PREFIXES.items())
    file.write_text(file.read_text(encoding="utf-8") + "\n" + prefixes + text, encoding="utf-8")


CONCEPT = 'c:zz a skos:Concept, fil:Product ; skos:inScheme scheme:competencies ; skos:prefLabel "unheard-of thing"@en '


def test_a_copy_that_is_whole_loads(folder: Path) -> None:
    found = packaged.load()
    assert len(found) == len({name for name, _ in found}) > 100


@pytest.mark.parametrize(
    ("file", "text", "culprit"),
    [
        ("filiere.ttl", "fil:Actor a b c .", r"filiere\.ttl.*line"),
        ("schemes/competencies.ttl", "c:zz a skos:Concept", r"competencies\.ttl.*line"),
        ("schemes/competencies.ttl", CONCEPT + ".", "competency/zz.*neither a top concept"),
        ("schemes/competencies.ttl", CONCEPT + "; skos:broader c:nowhere .", "competency/zz.*broader"),
        ("schemes/competencies.ttl", CONCEPT + "; skos:broader c:zz .", "competency/zz.*broader than itself"),
        ("schemes/competencies.ttl", CONCEPT + "; skos:broader c:product ; fil:madeBy c:nohow .", "competency/nohow"),
        (
            "schemes/competencies.ttl",
            CONCEPT + ', "again"@en ; skos:broader c:product .',
            "competency/zz.*one a language",
        ),
        ("schemes/sectors.ttl", "scheme:zz a skos:Concept .", "scheme/zz.*(label|scheme)"),
        ("shapes.ttl", "<x:s> a sh:NodeShape ; sh:property [ sh:path <x:p> ] .", r"shapes\.ttl.*x:s"),
        (
            "shapes.ttl",
            '<x:s> a sh:NodeShape ; sh:property [ sh:path <x:p> ; sh:name "n" ; sh:message "m" ; sh:pattern "(" ] .',
            r"shapes\.ttl.*x:p.*pattern",
        ),
        (
            "shapes.ttl",
            '<x:s> a sh:NodeShape ; sh:property [ sh:path <x:p> ; sh:name "n" ; sh:message "m" ; sh:minCount "x" ] .',
            r"shapes\.ttl.*x:p.*minCount",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_culprit(folder: Path, file: str, text: str, culprit: str) -> None:
    append(folder / file, text)
    with pytest.raises(OntologyError, match=culprit) as caught:
        packaged.load()
    assert caught.value.mend


def test_a_term_that_the_code_writes_and_nobody_defines_is_named(folder: Path) -> None:
    file = folder / "filiere.ttl"
    blocks = file.read_text(encoding="utf-8").split("\n")
    at = next(n for n, line in enumerate(blocks) if line.startswith("fil:buyer a "))
    end = next(n for n in range(at, len(blocks)) if blocks[n].endswith(" ."))
    file.write_text("\n".join(blocks[:at] + blocks[end + 1 :]), encoding="utf-8")
    with pytest.raises(OntologyError, match=r"filiere\.ttl: .*buyer"):
        packaged.load()


@pytest.mark.parametrize(
    ("name", "text", "culprit"),
    [
        ("actor_new.rq", "SELECT ?entity ?value {}", r"checks/actor_new\.rq lacks the line '# Problem"),
        (
            "actor_new.rq",
            "# Problem: p.\n# Mend: m.\n# Severity: error\n# Column: c\nSELECT ?e {",
            r"actor_new\.rq is not a query",
        ),
    ],
)
def test_a_wrong_check_is_named(folder: Path, name: str, text: str, culprit: str) -> None:
    (folder / "checks" / name).write_text(text, encoding="utf-8")
    with pytest.raises(OntologyError, match=culprit):
        packaged.load()


def test_the_fingerprint_changes_with_any_byte_of_what_is_packaged(folder: Path) -> None:
    seen = {packaged.fingerprint()}
    for file in packaged.files():
        file.write_bytes(file.read_bytes() + b"\n")
        packaged.fingerprint.cache_clear()
        seen.add(packaged.fingerprint())
    assert len(seen) == 1 + len(packaged.files())


def test_every_entity_speaks_of_itself_and_the_source_is_first() -> None:
    found = list(packaged.entities())
    first, *others = found
    assert mapping.from_statements(first[0], v.PACKAGED, from_payload(first[1])) == packaged.SOURCE
    assert isinstance(packaged.SOURCE, Source)
    for name, payload in others:
        assert {s for s, _, _ in from_payload(payload)} == {f"<{name}>"}
        rdf.check_payload(payload)
    assert sum(len(from_payload(p)) for _, p in others) == len(set(packaged.statements()))


def test_every_concept_can_be_read_as_one() -> None:
    for name, payload in packaged.entities():
        if f"<{v.SKOS}Concept>" in payload and "skos/core#prefLabel" in payload:
            assert isinstance(mapping.from_statements(name, v.PACKAGED, from_payload(payload)), Concept), name
