"""The parts around the engine: rows counted and cut where they stand, updates taken apart, SERVICE blocks found."""

from __future__ import annotations

import csv
import io
import json
import random
from xml.etree import ElementTree

import pytest

from kg import rdf
from kg.errors import FiliereError
from kg.rdf import Dataset, Store
from kg.sparql import rows, services
from kg.sparql.operations import split
from kg.terms import literal

FORMS = ("json", "xml", "csv", "tsv")
NASTY = [
    '},{"',
    '"bindings":[',
    "</result><result>",
    "<results>",
    'a"b""c',
    "x,y\n\r\n",
    "]}}",
    "\\",
    "\t",
    "",
    "é\u2028😷",
]


class _Out(io.BytesIO):
    pass


def serialised(query: str, form: str) -> bytes:
    out = _Out()
    rdf.answer(Store(), query, form, out, Dataset())
    return out.getvalue()


def values(picker: random.Random, count: int) -> str:
    def cell() -> str:
        return picker.choice(
            ["UNDEF", "<x:a>", literal(picker.choice(NASTY)), literal(picker.choice(NASTY), "en"), "7"]
        )

    body = " ".join(f"({cell()} {cell()})" for _ in range(count))
    return f"SELECT ?a ?bindings {{ VALUES (?a ?bindings) {{ {body} }} }}"


def parsed(body: bytes, form: str) -> list[object]:
    if form == "json":
        return list(json.loads(body)["results"]["bindings"])
    if form == "xml":
        space = "{http://www.w3.org/2005/sparql-results#}"
        return [ElementTree.tostring(row) for row in ElementTree.fromstring(body).iter(f"{space}result")]
    if form == "csv":
        return list(csv.reader(io.StringIO(body.decode(), newline="")))[1:]
    return body.decode().split("\n")[1:-1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_counted_and_cut_where_they_stand(form: str, seed: int) -> None:
    picker = random.Random(seed)
    for count in (0, 1, 2, picker.randrange(3, 40)):
        body = serialised(values(picker, count), form)
        whole = parsed(body, form)
        assert rows.count(body, form) == len(whole) == count
        assert [rows.exceeds(body, form, most) for most in (count - 1, count, count + 1)] == [True, False, False]
        for most in {0, 1, count // 2, max(0, count - 1)} - {count}:
            if most < count:
                assert parsed(rows.cut(body, form, most), form) == whole[:most]


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_cut_result_says_so_in_its_head(form: str) -> None:
    body = serialised("SELECT ?a { VALUES ?a { 1 2 3 } }", form)
    assert rows.NOTE.encode() in rows.cut(body, form, 2) and rows.NOTE.encode() not in body


@pytest.mark.parametrize(
    ("query", "limited"),
    [
        ("SELECT * { ?s ?p ?o }", "LIMIT 5"),
        ("SELECT * { ?s ?p ?o } LIMIT 3", "LIMIT 3"),
        ("SELECT * { ?s ?p ?o } LIMIT 300 OFFSET 2", "LIMIT 5 OFFSET 2"),
        ("SELECT * { { SELECT * { ?s ?p ?o } LIMIT 900 } } ORDER BY ?s", "ORDER BY ?s\nLIMIT 5"),
        ("SELECT * { ?limit ?p 'LIMIT 7' } # LIMIT 2", "LIMIT 5"),
        ("SELECT * { ?s ?p ?o } VALUES ?s { <x:a> }", "LIMIT 5\nVALUES ?s"),
    ],
)
def test_a_query_gives_at_most_so_many_rows(query: str, limited: str) -> None:
    found = rows.limited(query, 5)
    assert limited in found
    Store().query(found)


def test_an_update_is_taken_apart_into_its_operations() -> None:
    text = """
    PREFIX : <http://e/> BASE <http://b/>
    INSERT DATA { :a :b "; DELETE" . GRAPH <g> { :c :d 1 } } ;
    # DROP ALL
    WITH :g DELETE { ?s :p ?o } INSERT { ?s :q ?o } USING :u USING NAMED <n> WHERE { ?s :p ?o { SELECT * { } } } ;
    PREFIX x: <http://x/> DELETE WHERE { ?s x:p ?o } ; CLEAR SILENT NAMED ; DROP GRAPH x:g ;
    COPY DEFAULT TO GRAPH :t ; MOVE SILENT :a TO DEFAULT ; LOAD <file> INTO GRAPH :g ; CREATE GRAPH :n ;
    """
    found = split(text)
    assert [operation.kind for operation in found] == [
        "data", "modify", "modify", "clear", "drop", "copy", "move", "load", "create"
    ]  # fmt: skip
    modify = found[1]
    assert (modify.with_graph, modify.using, modify.using_named) == ("http://e/g", ["http://e/u"], ["http://b/n"])
    assert found[2].delete == found[2].where == "{ ?s x:p ?o }" and "PREFIX x:" in found[2].prologue
    assert (found[3].target, found[3].silent, found[4].target) == ("NAMED", True, "http://x/g")
    assert (found[6].source, found[6].target, found[6].silent) == ("http://e/a", "DEFAULT", True)
    assert (found[7].source, found[7].target) == ("http://b/file", "http://e/g")


@pytest.mark.parametrize(
    "text", ["INSERT DATA", "SELECT * {}", "INSERT DATA { } INSERT DATA { }", "CLEAR", "COPY x:a x:b"]
)
def test_what_is_no_update_is_named(text: str) -> None:
    with pytest.raises(FiliereError) as caught:
        split(text)
    assert caught.value.problem and caught.value.mend


def test_endpoints_of_a_query_are_known_before_it_runs() -> None:
    text = """PREFIX e: <http://e/> SELECT * {
        SERVICE <http://a/> { ?s ?p "SERVICE <http://no/>" } OPTIONAL { SERVICE SILENT e:b { ?s ?p ?o } }
        { SELECT * { SERVICE ?v { } } } # SERVICE <http://no/>
        FILTER EXISTS { SERV\\u0049CE <http://c/> { ?s ?p ?o } } }"""
    assert services.endpoints(text) == ["http://a/", "http://e/b", "", "http://c/"]
    for wrong in (
        "SELECT * { SERVICE { } }",
        "SELECT * { SERVICE <x:a> }",
        "SERVICE <x:a> { }",
        "SELECT * { SERVICE x:a {} }",
    ):
        with pytest.raises(FiliereError):
            services.endpoints(wrong)
    nested = "SELECT * { SERVICE <http://a/> { SERVICE <http://b/> { } } SERVICE ?c { { SERVICE <http://d/> { } } } }"
    assert services.endpoints(nested) == ["http://a/", "http://b/", "", "http://d/"]
