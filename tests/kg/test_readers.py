"""Every format gives the same records: what a reader makes of a small file, and of the real ones."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from kg import rdf, sample
from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.findings import Row
from kg.intake import parse
from kg.mapping import from_statements
from kg.model import Actor, Claim, Concept, Evidence, Exchange, Recipe, Source, Text
from kg.readers import cells
from kg.readers.job import Job, Limits
from kg.terms import from_payload

SOURCE = Source(id="world", title="A small world")
BASE = "https://w3id.org/filiere/id/world/actor/"
ACTOR = Actor(
    iri=BASE + "metarom",
    source="world",
    id="metarom",
    name="Métarom",
    country="FR",
    nuts="FRE22",
    city="Corbie",
    latitude=49.91,
    longitude=2.51,
    size="medium",
    website="https://metarom.fr",
    makes=(Text("flavours", "en"), Text("hydroalcoholic gel", "en")),
    codes=("cpv:33631600", "nace:2053"),
    evidence=(
        Evidence(text="A produit du gel.", lang="fr", date="2020-03", url="https://example.org/1", status="produced"),
    ),
)
_FIELDS = {
    "id": "metarom",
    "name": "Métarom",
    "country": "France",
    "nuts": "fre22",
    "city": "Corbie",
    "latitude": "49.91",
    "longitude": "2.51",
    "size": "medium",
    "website": "metarom.fr",
    "lang": "fr",
    "makes_en": "flavours;hydroalcoholic gel",
    "codes": "cpv:33631600-8; nace:20.53",
    "evidence_text": "A produit du gel.",
    "evidence_date": "2020-03",
    "evidence_url": "https://example.org/1",
    "evidence_status": "produced",
}


def _csv(delimiter: str) -> bytes:
    rows = [list(_FIELDS), list(_FIELDS.values())]
    return "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows).encode()


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(_FIELDS))
    book.active.append([float(c) if n in ("latitude", "longitude") else c for n, c in _FIELDS.items()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _jsonl() -> bytes:
    plain = {
        name: said for name, said in _FIELDS.items() if not name.startswith(("evidence", "makes", "codes", "lang"))
    }
    evidence = {"text": "A produit du gel.", "lang": "fr", "date": "2020-03", "url": "https://example.org/1"}
    makes = [{"text": "flavours", "lang": "en"}, {"text": "hydroalcoholic gel", "lang": "en"}]
    codes = ["cpv:33631600-8", "nace:20.53"]
    full = plain | {"makes": makes, "codes": codes, "evidence": [evidence | {"status": "produced"}]}
    return json.dumps(full).encode()


def _rdf(form: rdf.RdfFormat) -> Callable[[], bytes]:
    from kg.mapping import to_statements

    return lambda: rdf.serialise(to_statements(ACTOR), form, v.PREFIXES)


FORMATS: dict[str, Callable[[], bytes]] = {
    "a.csv": lambda: _csv(","),
    "b.csv": lambda: b"\xef\xbb\xbf" + _csv(";"),
    "a.tsv": lambda: _csv("\t"),
    "a.csv.gz": lambda: gzip.compress(_csv(",")),
    "a.xlsx": _xlsx,
    "a.jsonl": _jsonl,
    "a.jsonl.gz": lambda: gzip.compress(_jsonl()),
    "a.ttl": _rdf(rdf.RdfFormat.TURTLE),
    "a.nt": _rdf(rdf.RdfFormat.N_TRIPLES),
    "a.nt.gz": lambda: gzip.compress(_rdf(rdf.RdfFormat.N_TRIPLES)()),
    "a.trig": _rdf(rdf.RdfFormat.TRIG),
    "a.jsonld": _rdf(rdf.RdfFormat.JSON_LD),
    "a.rdf": _rdf(rdf.RdfFormat.RDF_XML),
}


def _rows(path: Path, content: bytes, record: str = "actor", mapping: str = "", scheme: str = "") -> list[Row]:
    path.write_bytes(content)
    toml = path.with_suffix(".toml") if mapping else None
    if toml:
        toml.write_text(mapping, encoding="utf-8")
    source = Source(id=f"vocabulary-{scheme}", namespace=v.concept_namespace(scheme)) if scheme else SOURCE
    return list(parse([Job(path, record, toml, scheme)], source))


def _entities(rows: list[Row]) -> list[object]:
    assert not [row.findings for row in rows if not row.payload]
    return [from_statements(row.iri, "world", from_payload(row.payload)) for row in rows]


@pytest.mark.parametrize(("name", "content"), FORMATS.items(), ids=FORMATS.keys())
def test_every_format_gives_the_same_actor(name: str, content: Callable[[], bytes], tmp_path: Path) -> None:
    rows = _rows(tmp_path / name, content())
    assert _entities(rows) == [ACTOR]
    assert not rows[0].findings


def test_reading_works_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of this folder was imported')")
    (tmp_path / "a.csv").write_bytes(_csv(","))
    code = (
        "from pathlib import Path; from kg.intake import parse; from kg.readers.job import Job; "
        "from kg.model import Source; print(len(list(parse([Job(Path('a.csv'))], Source(id='world')))))"
    )
    root = str(Path(__file__).resolve().parent.parent.parent)
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_a_mapping_file_renames_fills_and_drops(tmp_path: Path) -> None:
    mapping = (
        '[columns]\nNom = "name"\nProduits = "makes"\nNotes = ""\n[defaults]\ncountry = "FR"\n[languages]\nmakes = "fr"'
    )
    (found,) = _entities(
        _rows(tmp_path / "a.csv", "id,Nom,Produits,Notes\n1,Métarom,gel,x\n".encode(), "actor", mapping)
    )
    assert isinstance(found, Actor)
    assert (found.name, found.makes, found.country) == ("Métarom", (Text("gel", "fr"),), "FR")


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("[columns\n", "TOML"),
        ('[columns]\nNom = "nom"', "'nom'"),
        ("[colums]\n", "[colums]"),
        ("columns = 3", "columns"),
    ],
)
def test_a_wrong_mapping_file_is_refused_by_name(mapping: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedInput) as caught:
        _rows(tmp_path / "a.csv", b"id,name\n1,a\n", "actor", mapping)
    assert says in caught.value.problem
    assert "a.toml" in caught.value.problem
    assert caught.value.mend


def test_offers_recipes_and_claims_have_tables_too(tmp_path: Path) -> None:
    (offer,) = _entities(_rows(tmp_path / "o.csv", b"id,kind,what,quantity\n1,offer,masks,10\n", "exchange"))
    assert isinstance(offer, Exchange)
    assert (offer.kind, offer.what, offer.quantity) == ("offer", Text("masks"), "10")
    steps = b"product,what,kind\ngel,ethanol,input\ngel,mixing,process\nmask,felt,input\n"
    recipes = _entities(_rows(tmp_path / "r.csv", steps, "recipe"))
    assert [(r.product.text, len(r.steps)) for r in recipes if isinstance(r, Recipe)] == [("gel", 2), ("mask", 1)]
    (claim,) = _entities(_rows(tmp_path / "c.csv", b"subject,measure,value,date\nA B,members,400,2020\n", "figure"))
    assert isinstance(claim, Claim)
    assert (claim.subject, claim.kind, claim.measure, claim.value, claim.date) == (
        "A B",
        "figure",
        "members",
        "400",
        "2020",
    )


def test_unnamed_nodes_get_the_same_names_again(tmp_path: Path) -> None:
    text = (
        "@prefix fil: <https://w3id.org/filiere/ns#> . @prefix x: <x:> . "
        f"<{BASE}a> a fil:Firm ; x:site [ x:town 'Lyon' ; x:near [ x:town 'Vienne' ] ] , [ x:town 'Corbie' ] ; "
        "x:loop _:one . _:one x:next _:two . _:two x:next _:one ; x:last 1 ."
    )
    first, second = (_rows(tmp_path / "a.ttl", text.encode())[0].payload for _ in range(2))
    assert first == second
    assert "_:" not in first
    assert all(line.startswith(f"<{BASE}a") for line in first.splitlines())
    assert len(first.splitlines()) == 13


def test_other_vocabularies_and_contact_data(tmp_path: Path) -> None:
    text = (
        "@prefix org: <http://www.w3.org/ns/org#> . @prefix schema: <https://schema.org/> . "
        f"<{BASE}a> a org:Organization ; schema:name 'A Ltd' ; schema:email 'jo@a.example' ."
    )
    (row,) = _rows(tmp_path / "a.ttl", text.encode())
    found = from_statements(row.iri, "world", from_payload(row.payload))
    assert isinstance(found, Actor)
    assert (found.id, found.name, found.kind) == ("a", "A Ltd", "firm")
    assert [(finding.column, finding.severity) for finding in row.findings] == [("email", "warning")]
    assert "jo@a.example" not in row.payload


def _concepts(rows: list[Row]) -> dict[str, Concept]:
    found = _entities(rows)
    return {concept.notation: concept for concept in found if isinstance(concept, Concept)}


def test_a_vocabulary_is_a_table_with_a_column_a_language(tmp_path: Path) -> None:
    table = b"code,en,fr,alt_en,broader\n1,Gel,Gel,Sanitiser | Hand rub,\n2,Mask,Masque,,1\n,x,,,\n"
    rows = _rows(tmp_path / "a.csv", table, "concept", scheme="ours")
    assert [(f.row, f.column) for f in rows[2].findings] == [(4, "code")]
    found = _concepts(rows[:2])
    assert found["1"].preferred == (Text("Gel", "en"), Text("Gel", "fr"))
    assert found["1"].alternative == (Text("Hand rub", "en"), Text("Sanitiser", "en"))
    assert (found["2"].broader, found["2"].scheme) == ((found["1"].iri,), "ours")


def test_a_vocabulary_in_skos(tmp_path: Path) -> None:
    text = (
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix o: <https://o.example/> . "
        "o:gel a skos:Concept ; skos:prefLabel 'Gel'@en ; skos:broader o:top ; skos:inScheme o:all . "
        "o:top a skos:Concept ; skos:prefLabel 'Top'@en ."
    )
    found = _concepts(_rows(tmp_path / "a.ttl", text.encode(), "concept", scheme="ours"))
    assert found["gel"].broader == ("https://o.example/top",)
    assert {concept.scheme for concept in found.values()} == {"ours"}


def test_real_vocabularies_hang_together(shared_data: Path) -> None:
    wanted = {"cpv": ("cpv_23lang.tsv", 9454, 45), "nace": ("nace_rev2_4lang.tsv", 996, 21)}
    for scheme, (name, count, tops) in wanted.items():
        job = Job(shared_data / "vocabularies" / name, "concept", scheme=scheme)
        source = Source(id=f"vocabulary-{scheme}", namespace=v.concept_namespace(scheme))
        found = _concepts(list(parse([job], source)))
        assert len(found) == count
        assert sum(not concept.broader for concept in found.values()) == tops
        if scheme == "cpv":
            assert found["33141111"].broader == (v.code_iri("cpv:33141110"),)
            assert len(found["33140000"].preferred) == 23
        else:
            assert found["20"].broader == (v.code_iri("nace:C"),)
            assert found["2042"].broader == (v.code_iri("nace:204"),)


def test_winners_of_contracts_become_firms(shared_data: Path) -> None:
    found = _entities(list(parse([Job(shared_data / "ted" / "epo_notices.nt.gz")], SOURCE)))
    firms = [entity for entity in found if isinstance(entity, Actor)]
    assert len(firms) == 1000
    evidence = [piece for firm in firms for piece in firm.evidence]
    assert len(evidence) > 1100
    assert sum(bool(piece.codes and piece.buyer and piece.date) for piece in evidence) / len(evidence) > 0.95
    assert all(len(firm.country) == 2 for firm in firms)
    registered = Counter((firm.country, identifier) for firm in firms for identifier in firm.identifiers)
    assert max(registered.values()) == 1
    aijon = next(firm for firm in firms if firm.identifiers == ("A83299750",))
    assert (aijon.name, aijon.country, aijon.nuts) == ("Aijonmusic, S. A.", "ES", "ES300")
    assert (aijon.evidence[0].codes, aijon.evidence[0].source) == (("cpv:92312000",), "TED notice 334765-2021")


def test_a_file_in_parts_is_read_in_order() -> None:
    rows = list(parse(sample.jobs(), sample.SOURCE))
    files = list(dict.fromkeys(row.file for row in rows))
    assert files == [job.path.name for job in sample.jobs()]


def test_too_many_rows_stop_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n1,a\n2,b\n3,c\n")
    with pytest.raises(RefusedInput, match="more than 2 records"):
        list(parse([Job(path)], SOURCE, Limits(rows=2)))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("example.org", "https://example.org"),
        ("http://example.org:8080/a b", "http://example.org:8080/a%20b"),
        ("example.org:8080/x", "https://example.org:8080/x"),
        ("https://пример.рф/", "https://пример.рф/"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org/a%20b?c[]=%d#e#f", "https://example.org/a%20b?c%5B%5D=%25d#e%23f"),
        ("https://example.org/\ue000", "https://example.org/%EE%80%80"),
    ],
)
def test_addresses(given: str, kept: str) -> None:
    assert cells.website(given) == kept


@pytest.mark.parametrize(
    "given", ["javascript:alert(1)", "mailto:a@b.example", "https://", "ftp://a.example", "https://a:b@c.example"]
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(cells.Unfit):
        cells.website(given)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("FR", "FR"),
        ("fr", "FR"),
        ("Deutschland", "DE"),
        ("Grèce", "GR"),
        ("EL", "GR"),
        ("UK", "GB"),
        ("Österreich", "AT"),
    ],
)
def test_countries(given: str, code: str) -> None:
    assert cells.country(given) == code
