"""What is thrown at an import: each case gives a clear answer, and nothing but good rows gets into the journal."""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kg.errors import RefusedInput, TooLarge
from kg.findings import Finding
from kg.ingest import Report, ingest
from kg.intake import parse
from kg.journal import Journal
from kg.mapping import from_statements
from kg.model import Actor, Source
from kg.readers.job import MIB, Job, Limits
from kg.terms import from_payload
from kg.validation import Validator

SOURCE = Source(id="outside", title="Somebody else's file")
GOOD = {"id": "good", "name": "Good Ltd", "country": "FR", "makes": ["hydroalcoholic gel"]}
_SECONDS = 20  # no case may take longer


def _import(journal: Journal, path: Path, limits: Limits | None = None) -> Report:
    rows = parse([Job(path)], SOURCE, limits or Limits())
    return ingest(journal, SOURCE, rows, validator=Validator.packaged())


def _names(journal: Journal) -> list[str]:
    found = (from_statements(c.iri, c.source, from_payload(c.payload)) for c in journal.entities())
    return sorted(entity.name for entity in found if isinstance(entity, Actor))


def _zip_bomb() -> bytes:
    """A workbook whose only sheet unpacks from 300 KB to 300 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(300):
                sheet.write(b" " * MIB)
    return out.getvalue()


def _lying_zip_bomb() -> bytes:
    """A real workbook whose sheet is a bomb that its directory declares to be 1,000 bytes."""
    import openpyxl

    plain = io.BytesIO()
    openpyxl.Workbook().save(plain)
    out = io.BytesIO()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith("sheet1.xml"):
                content = content.replace(b"<sheetData", b" " * (400 * MIB) + b"<sheetData")
            new.writestr(entry.filename, content)
    data = bytearray(out.getvalue())
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = 0
        while (start := data.find(mark, start)) >= 0:
            if int.from_bytes(data[start + at : start + at + 4], "little") > 100 * MIB:
                data[start + at : start + at + 4] = (1000).to_bytes(4, "little")
            start += 4
    return bytes(data)


_ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="x:y">
<rdf:value>&d;&d;&d;&d;</rdf:value></rdf:Description></rdf:RDF>"""
_NESTED = b"<x:a> <x:b> " + b"<<( <x:a> <x:b> " * 100_000 + b"<x:c>" + b" )>>" * 100_000 + b" ."
_XML = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="x:">'


@dataclass(frozen=True)
class Refused:
    """A file of which nothing can be read: the error, and a word its message must hold."""

    file: str
    content: Callable[[], bytes]
    error: type[RefusedInput]
    says: str


REFUSED = {
    "empty": Refused("a.csv", lambda: b"", RefusedInput, "empty"),
    "only white space": Refused("a.csv", lambda: b" \n\n", RefusedInput, "empty"),
    "empty when unpacked": Refused("a.csv.gz", lambda: gzip.compress(b""), RefusedInput, "empty"),
    "only a heading": Refused("a.csv", lambda: b"id,name\n", RefusedInput, "no records"),
    "Latin-1": Refused("a.csv", lambda: "id,name\n1,Métarom\n".encode("latin-1"), RefusedInput, "line 2"),
    "UTF-16": Refused("a.csv", lambda: "id,name\n1,Métarom\n".encode("utf-16"), RefusedInput, "UTF-16"),
    "no column of names": Refused("a.csv", lambda: b"id,nom\n1,Metarom\n", RefusedInput, "'name'"),
    "the same column twice": Refused("a.csv", lambda: b"id,name,Name\n1,a,b\n", RefusedInput, "Two columns"),
    "a quote that is not closed": Refused("a.csv", lambda: b'id,name\n1,"Metarom\n', RefusedInput, "Row 2"),
    "unknown suffix": Refused("a.docx", lambda: b"PK", RefusedInput, ".docx"),
    "XLSX that is none": Refused("a.xlsx", lambda: b"id,name\n", RefusedInput, "XLSX"),
    "zip bomb": Refused("a.xlsx", _zip_bomb, TooLarge, "unpacks"),
    "zip bomb that hides its size": Refused("a.xlsx", _lying_zip_bomb, RefusedInput, "a.xlsx"),
    "gzip bomb": Refused("a.jsonl.gz", lambda: gzip.compress(bytes(300 * MIB)), TooLarge, "unpacks"),
    "gzip cut short": Refused("a.csv.gz", lambda: gzip.compress(b"id,name\n1,a\n" * 99)[:-9], RefusedInput, "damaged"),
    "gzip that is none": Refused("a.csv.gz", lambda: b"id,name\n1,a\n", RefusedInput, "damaged"),
    "a JSON list": Refused("a.jsonl", lambda: json.dumps([GOOD]).encode(), RefusedInput, "JSON list"),
    "XML entities": Refused("a.rdf", lambda: _ENTITIES, RefusedInput, "DOCTYPE"),
    "4,000 deep JSON-LD": Refused("a.jsonld", lambda: b'{"a":' * 4000 + b"1" + b"}" * 4000, TooLarge, "64 levels"),
    "4,000 deep Turtle": Refused("a.ttl", lambda: b"<x:a> <x:b> " + b"[<x:c> " * 4000, TooLarge, "64 levels"),
    "4,000 deep RDF/XML": Refused("a.rdf", lambda: _XML + b"<x:a><x:b>" * 4000, TooLarge, "64 levels"),
    "statements nested until the parser crashes": Refused("a.nt", lambda: _NESTED, TooLarge, "broke the parser"),
    "a context elsewhere": Refused("a.jsonld", lambda: b'{"@context":"http://localhost:9/"}', RefusedInput, "@context"),
    "not Turtle": Refused("a.ttl", lambda: b"<x:a> <x:b> .", RefusedInput, "not Turtle"),
    "nothing of ours": Refused("a.ttl", lambda: b"<x:a> <x:b> <x:c> .", RefusedInput, "nothing"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_read_is_refused(case: Refused, journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / case.file
    path.write_bytes(case.content())
    began = time.monotonic()
    with pytest.raises(case.error) as caught:
        _import(journal, path, Limits(memory_bytes=1024 * MIB, seconds=10))
    assert type(caught.value) in (case.error, *case.error.__subclasses__())
    assert case.says in caught.value.problem
    assert caught.value.mend
    assert "Traceback" not in str(caught.value)
    assert journal.last_seq == 0
    assert time.monotonic() - began < _SECONDS


def _lines(*records: dict[str, object]) -> bytes:
    return "\n".join(json.dumps(record) for record in (GOOD, *records)).encode()


def _bad(**fields: object) -> bytes:
    return _lines({"id": "bad", "name": "Bad Ltd", "makes": ["masks"], **fields})


_FOREIGN = b"""@prefix fil: <https://w3id.org/filiere/ns#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix a: <https://w3id.org/filiere/id/outside/actor/> .
a:good a fil:Firm ; skos:prefLabel "Good Ltd" .
<https://w3id.org/filiere/graph/ted> { a:bad a fil:Firm ; skos:prefLabel "Bad Ltd" . }
"""
_FOREIGN_NAMES = b"""@prefix fil: <https://w3id.org/filiere/ns#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<https://w3id.org/filiere/id/outside/actor/good> a fil:Firm ; skos:prefLabel "Good Ltd" .
<https://w3id.org/filiere/id/ted/actor/bad> a fil:Firm ; skos:prefLabel "Bad Ltd" .
"""

# What is wrong with one row among good ones: (file, content, row, column).
_TWIN: dict[str, object] = {"id": "good", "name": "Bad Ltd"}
SET_ASIDE: dict[str, tuple[str, Callable[[], bytes], int | None, str]] = {
    "an id twice": ("a.jsonl", lambda: _lines(_TWIN), 2, "id"),
    "no id": ("a.csv", lambda: b"id,name\ngood,Good Ltd\n,Bad Ltd\n", 3, "id"),
    "no name": ("a.csv", lambda: b"id,name\ngood,Good Ltd\nbad,\n", 3, "name"),
    "too many cells": ("a.csv", lambda: b"id,name\ngood,Good Ltd\nbad,Bad,Ltd\n", 3, ""),
    "a cell of 10 MB": ("a.csv", lambda: b"id,name\ngood,Good Ltd\nbad," + b"x" * (10 * MIB) + b"\n", 3, "name"),
    "NUL": ("a.jsonl", lambda: _bad(name="Bad\0 Ltd"), 2, "name"),
    "bidi override": ("a.csv", "id,name\ngood,Good Ltd\nbad,Bad\u202e Ltd\n".encode, 3, "name"),
    "half a surrogate": ("a.jsonl", lambda: _bad(name="Bad \ud800 Ltd"), 2, "name"),
    "javascript: website": ("a.jsonl", lambda: _bad(website="javascript:alert(1)"), 2, "website"),
    "data: website": ("a.jsonl", lambda: _bad(website=" DATA:text/html,x"), 2, "website"),
    "latitude 95": ("a.jsonl", lambda: _bad(latitude=95, longitude=2), 2, "latitude"),
    "longitude in words": ("a.jsonl", lambda: _bad(latitude=45, longitude="east"), 2, "longitude"),
    "latitude NaN": ("a.csv", lambda: b"id,name,latitude,longitude\ngood,Good Ltd,1,1\nbad,Bad,nan,2\n", 3, "latitude"),
    "half a position": ("a.jsonl", lambda: _bad(latitude=45), 2, "latitude"),
    "30 February": ("a.jsonl", lambda: _bad(evidence=[{"title": "x", "date": "2020-02-30"}]), 2, "evidence.date"),
    "the year 3020": ("a.jsonl", lambda: _bad(evidence=[{"title": "x", "date": "3020"}]), 2, "evidence.date"),
    "unknown country": ("a.jsonl", lambda: _bad(country="Atlantis"), 2, "country"),
    "unknown kind": ("a.jsonl", lambda: _bad(kind="wizard"), 2, "kind"),
    "a code that is none": ("a.jsonl", lambda: _bad(codes=["cpv:33"]), 2, "codes"),
    "a list for a name": ("a.jsonl", lambda: _bad(name=["Bad"]), 2, "name"),
    "a name of 600 letters": ("a.jsonl", lambda: _bad(name="x" * 600), 2, "name"),
    "not JSON": ("a.jsonl", lambda: _lines() + b"\n{bad", 2, ""),
    "NaN in JSON": ("a.jsonl", lambda: _lines() + b'\n{"id": "bad", "name": "B", "latitude": NaN}', 2, ""),
    "nested JSON": ("a.jsonl", lambda: _lines() + b'\n{"id":"bad","makes":' + b"[" * 5000 + b"]" * 5000 + b"}", 2, ""),
    "another source's graph": ("a.trig", lambda: _FOREIGN, None, "graph"),
    "another source's namespace": ("a.ttl", lambda: _FOREIGN_NAMES, None, "iri"),
}


@pytest.mark.parametrize(("file", "content", "row", "column"), SET_ASIDE.values(), ids=SET_ASIDE.keys())
def test_a_bad_row_is_set_aside_and_the_good_ones_go_in(
    file: str, content: Callable[[], bytes], row: int | None, column: str, journal: Journal, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.write_bytes(content())
    report = _import(journal, path)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert errors, report.findings
    for found in errors:
        assert (found.file, found.row, found.column) == (file, row, column)
        assert found.reason
        assert found.mend
    assert (report.set_aside, _names(journal)) == (1, ["Good Ltd"])


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"website": "not an address"}, "website"),
        ({"nuts": "00"}, "nuts"),
        ({"email": "a@b.example"}, "email"),
        ({"favourite": "blue"}, "favourite"),
    ],
)
def test_what_is_only_misspelt_costs_the_value_not_the_row(
    fields: dict[str, object], column: str, journal: Journal, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(_bad(**fields))
    report = _import(journal, path)
    assert {(finding.severity, finding.column) for finding in report.findings} >= {("warning", column)}
    assert _names(journal) == ["Bad Ltd", "Good Ltd"]
    assert not any("a@b.example" in change.payload for change in journal.entities())


def test_a_child_that_eats_memory_dies_alone(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n" + b"1,a\n" * (40 * MIB))
    with pytest.raises(TooLarge, match=r"a\.csv"):
        _import(journal, path, Limits(memory_bytes=400 * MIB, seconds=30))
    assert journal.last_seq == 0


def test_a_child_that_takes_too_long_is_stopped(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n" + b"".join(b"%d,a\n" % n for n in range(400_000)))
    with pytest.raises(TooLarge, match="1 seconds"):
        for _ in parse([Job(path)], SOURCE, Limits(seconds=1)):
            pass
    assert journal.last_seq == 0


@pytest.mark.parametrize("what", ["missing", "folder", "device"])
def test_what_is_not_a_file_is_said_so(what: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    path = {"missing": tmp_path / "none.csv", "folder": tmp_path / "folder.csv", "device": Path("/dev/null")}[what]
    with pytest.raises(RefusedInput, match=path.name):
        list(parse([Job(path)], SOURCE))


def test_findings_are_safe_in_a_spreadsheet() -> None:
    finding = Finding("=cmd|' /C calc'!A0", 2, "@x", "-1", "+reason", "mend")
    report = Report("s", ("f",), 1, 0, 0, 0, 1, (finding,), False, None, 0.1)
    line = report.to_csv().splitlines()[1]
    assert line.count("'=") == line.count("'@") == line.count("'-") == line.count("'+") == 1
