"""IRIs are spelled in one place, and names go in and come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import rdf
from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.terms import iri

local_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
notations = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1, max_size=20)


@given(local_names)
@settings(max_examples=200, deadline=None)
def test_an_id_makes_an_iri_that_gives_it_back(local: str) -> None:
    name = v.mint(v.source_namespace("s"), "actor", local)
    rdf.check_payload(f"{iri(name)} <x:p> <x:o> .\n")
    assert name.isascii()
    assert v.local_name(name) == local


@given(st.sampled_from(["cpv", "nace", "esco", "competencies", "mine"]), notations)
@settings(max_examples=200, deadline=None)
def test_a_code_makes_an_iri_that_gives_it_back(scheme: str, notation: str) -> None:
    name = v.code_iri(f"{scheme}:{notation}")
    rdf.check_payload(f"{iri(name)} <x:p> <x:o> .\n")
    assert v.code_of(name) == f"{scheme}:{notation}"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("cpv:33140000-3", "cpv:33140000"),
        ("CPV:33 140 000", "cpv:33140000"),
        ("cpv:3314", None),
        ("nace:20.42", "nace:2042"),
        ("NACE:c20", "nace:C20"),
        ("esco: 1234-a ", "esco:1234-a"),
        ("33140000", None),
        (":x", None),
        ("mine:", None),
        ("9:x", None),
        ("mine:a b", "mine:a b"),
    ],
)
def test_codes_are_stored_in_one_form(written: str, stored: str | None) -> None:
    assert v.normal_code(written) == stored
    if stored:
        assert v.normal_code(stored) == stored


@pytest.mark.parametrize("name", ["s", "clusters-fr", "a.b_c", "0", "a" * 64])
def test_a_good_name_of_a_source_comes_back(name: str) -> None:
    assert v.check_source_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a b",
        "-a",
        "a/b",
        "../a",
        "a" * 65,
        "é",
        "system",
        "union",
        "filiere",
        "decisions",
        "suggested",
        "a\n",
        "a#",
    ],
)
def test_a_bad_or_reserved_name_of_a_source_is_refused(name: str) -> None:
    with pytest.raises(RefusedInput, match="cannot be the name"):
        v.check_source_name(name)


def test_iris_of_others_are_no_codes() -> None:
    assert v.code_of("https://example.org/x") == "https://example.org/x"
    assert v.code_of(v.SCHEME + "competencies") == v.SCHEME + "competencies"


def test_no_other_module_spells_an_iri_of_ours() -> None:
    rooms = Path(v.__file__).resolve().parent.parent
    spelled = re.compile(r"https://w3id\.org/filiere")
    found = {
        path.relative_to(rooms).as_posix()
        for room in ("kg", "search", "api")
        for path in (rooms / room).rglob("*.py")
        if spelled.search(path.read_text(encoding="utf-8"))
    }
    assert found <= {"kg/vocabulary.py"}
