"""Terms are the N-Triples that a parser and a store write too, whatever the text holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import rdf, terms
from kg.rdf import Literal, RdfFormat
from kg.terms import from_payload, iri, literal, to_payload

from .strategies import languages

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
datatypes = st.sampled_from(["", terms.XSD + "string", terms.XSD + "decimal", "https://example.org/type"])


@given(any_text, languages)
@settings(max_examples=300, deadline=None)
def test_a_literal_is_what_a_store_writes_and_a_parser_reads(text: str, lang: str) -> None:
    term = literal(text, lang)
    assert term == str(Literal(text, language=lang) if lang else Literal(text))
    assert (terms.value(term), terms.language(term)) == (text, lang)
    line = f"<x:s> <x:p> {term} .\n".encode()
    assert [(s, p, o) for s, p, o, _ in rdf.parse(line, RdfFormat.N_TRIPLES)] == [("<x:s>", "<x:p>", term)]


@given(any_text, datatypes)
@settings(max_examples=100, deadline=None)
def test_a_datatype_is_kept(text: str, kind: str) -> None:
    term = literal(text, "", kind)
    assert terms.value(term) == text
    assert terms.datatype(term) == (kind or terms.XSD + "string")
    assert terms.language(term) == "" and not terms.is_iri(term)
    assert rdf.to_term(term).value == text


def test_every_character_is_escaped_as_a_store_escapes_it() -> None:
    odd = [chr(n) for n in (*range(0x100), *range(0x2000, 0x2070), *range(0xFFF0, 0x10010), 0x1F637, 0x10FFFF)]
    assert [c for c in odd if literal(c) != str(Literal(c))] == []


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_an_iri_that_is_taken_can_never_end_its_line(text: str) -> None:
    try:
        term = iri("https://example.org/" + text)
    except ValueError:
        return
    assert from_payload(f"<x:s> <x:p> {term} .\n") == [("<x:s>", "<x:p>", term)]


@pytest.mark.parametrize("text", ["", "a b", "a>b", "<", 'a"b', "a{b}", "a\\b", "a\nb", "a^b", "a`b", "a|b", "\x00"])
def test_what_cannot_be_an_iri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an IRI"):
        iri(text)


@pytest.mark.parametrize("tag", ["f r", "abcdefghi", "fr_FR", "-", "fr-", "é", "fr@", "fr\n"])
def test_what_cannot_be_a_language_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="not a language tag"):
        literal("x", tag)


def test_languages_are_kept_in_one_spelling() -> None:
    assert literal("x", "pt-BR") == literal("x", "PT-br") == '"x"@pt-br'


statements = st.tuples(st.just("<x:s>"), st.just("<x:p>"), st.builds(literal, any_text, languages))


@given(st.lists(statements, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_payload_is_sorted_has_nothing_twice_and_comes_back(found: list[terms.Statement]) -> None:
    payload = to_payload(found)
    assert payload == to_payload(reversed(found)) == to_payload(found * 2)
    assert set(from_payload(payload)) == set(found)
    lines = payload.split("\n")[:-1]
    assert lines == sorted(set(lines))
    assert terms.digest(payload) == terms.digest(to_payload(from_payload(payload)))
    rdf.check_payload(payload)


@pytest.mark.parametrize("line", ["x", "<a> <b> <c>", '"a" <b> <c> .', "_:a <b> <c> .", "<a> <b> .", "<a> b <c> ."])
def test_a_line_that_is_no_statement_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        from_payload(f"<a> <b> <c> .\n{line}\n")


@pytest.mark.parametrize(
    ("target", "why"),
    [("<https://example.org/100%>", "percent"), ("<http://[x>", "host"), ("<relative>", "scheme"), ('"x', "")],
)
def test_a_statement_that_no_store_would_take_is_named(target: str, why: str) -> None:
    with pytest.raises(ValueError, match="homepage") as caught:
        rdf.check_payload(f"<x:a> <x:b> <x:c> .\n<x:a> <http://xmlns.com/foaf/0.1/homepage> {target} .\n")
    assert why in str(caught.value)
