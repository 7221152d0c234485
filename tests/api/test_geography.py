"""Where actors and regions are: imported, joined and measured through the real engine and its confined children."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.engine import Engine
from kg import mapping
from kg import vocabulary as v
from kg.model import Concept, Source, Text
from kg.terms import from_payload

PREFIXES = """
PREFIX fil: <https://w3id.org/filiere/ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
"""
ACTORS = """id,name,country,nuts,latitude,longitude,makes
paris,Paris,FR,FR10,48.8566,2.3522,masks
lyon,Lyon,FR,FRK2,45.7640,4.8357,masks
vienne,Vienne,FR,FRK2,45.5242,4.8781,hydroalcoholic gel
grenoble,Grenoble,FR,FRK2,45.188529,5.724524,ventilators
marseille,Marseille,FR,FRL0,43.2965,5.3698,gloves
suva,Suva,FJ,,-18.14161,178.44149,visors
greenwich,Greenwich,GB,,51.4779,-0.00001,masks
nowhere,Nowhere,FR,FRK2,,,gowns
"""
REGIONS = """code\tlevel\tcountry\tname\tlatitude\tlongitude
FR\t0\tFR\tFrance\t46.6183\t2.5059
FR1\t1\tFR\tIle-de-France\t48.7196\t2.5234
FR10\t2\tFR\tIle-de-France\t48.7196\t2.5234
FRK2\t2\tFR\tRhône-Alpes\t45.442\t5.3448
FRL0\t2\tFR\tProvence-Alpes-Côte d’Azur\t43.9554\t6.0534
FRX\t1\tFR\tLost\t\t
FRY\t1\tFR\tHalf\t45\t
FRZ\t1\tFR\tToo far\t95\t4
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("geography")
    (folder / "actors.csv").write_text(ACTORS, encoding="utf-8")
    (folder / "regions.tsv").write_text(REGIONS, encoding="utf-8")
    with Engine.open(folder / "data", write=True, create=True, model="hashing") as opened:
        assert opened.import_files([folder / "actors.csv"], Source(id="towns")).findings == ()
        report = opened.add_vocabulary(folder / "regions.tsv", "nuts")
        assert [(f.row, f.column) for f in report.findings if f.severity == "error"] == [
            (8, "latitude"),
            (9, "latitude"),
        ]
        yield opened


def rows(engine: Engine, query: str) -> list[list[str]]:
    answer = engine.sparql(PREFIXES + query, "csv").body.decode()
    return list(csv.reader(io.StringIO(answer)))[1:]


def test_an_actor_has_the_point_that_its_latitude_and_longitude_say(engine: Engine) -> None:
    found = rows(
        engine, "SELECT ?name ?point { ?a a fil:Actor ; skos:prefLabel ?name ; geo:hasGeometry/geo:asWKT ?point }"
    )
    points = dict(found)
    assert points["Grenoble"] == "POINT(5.724524 45.188529)"
    assert points["Suva"] == "POINT(178.44149 -18.14161)"
    assert points["Greenwich"] == "POINT(-0.0000100000 51.4779)"
    assert "Nowhere" not in points
    assert len(points) == 7


# Kilometres along the geodesics of WGS 84 there, from GeographicLib; the sphere is within 0.56 % of them.
KNOWN = {"Paris": 391.713, "Vienne": 26.857, "Grenoble": 94.448, "Marseille": 277.46, "Greenwich": 728.202}


def test_distances_between_actors_are_known_ones(engine: Engine) -> None:
    query = """SELECT ?name (geof:distance(?here, ?there, uom:kilometre) AS ?km) {
      ?lyon skos:prefLabel "Lyon" ; geo:hasGeometry/geo:asWKT ?here .
      ?actor a fil:Actor ; skos:prefLabel ?name ; geo:hasGeometry/geo:asWKT ?there }"""
    found = {name: float(km) for name, km in rows(engine, query)}
    assert found["Lyon"] == 0
    for name, km in KNOWN.items():
        assert found[name] == pytest.approx(km, rel=0.0056), name


def test_who_is_near(engine: Engine) -> None:
    lyon = '"POINT(4.8357 45.7640)"^^geo:wktLiteral'
    near = f"FILTER (geof:distance(?point, {lyon}, uom:metre) < 100000)"
    within = f"FILTER (geof:sfWithin(?point, geof:buffer({lyon}, 100, uom:kilometre)))"
    for test in (near, within):
        query = f"SELECT ?name {{ ?a a fil:Actor ; skos:prefLabel ?name ; geo:hasGeometry/geo:asWKT ?point {test} }}"
        assert sorted(name for (name,) in rows(engine, query)) == ["Grenoble", "Lyon", "Vienne"]


def test_an_actor_joins_with_its_region(engine: Engine) -> None:
    query = """SELECT ?name ?region ?code ?above {
      ?actor fil:nuts ?nuts ; skos:prefLabel ?name .
      ?nuts skos:prefLabel ?region ; skos:notation ?code ; skos:broader ?above ; geo:hasGeometry/geo:asWKT ?point
      FILTER (geof:sfWithin(?point, "POLYGON((2 48,3 48,3 50,2 50,2 48))"^^geo:wktLiteral)) }"""
    assert rows(engine, query) == [["Paris", "Ile-de-France", "FR10", f"{v.NUTS}FR1"]]
    far = """SELECT ?name { ?actor fil:nuts ?nuts ; skos:prefLabel ?name . ?nuts geo:hasGeometry/geo:asWKT ?point
      FILTER (geof:distance(?point, "POINT(5.3448 45.442)"^^geo:wktLiteral) < 1) }"""
    assert sorted(name for (name,) in rows(engine, far)) == ["Grenoble", "Lyon", "Nowhere", "Vienne"]


def test_a_region_comes_back_as_it_went_and_is_nobodys_competency(engine: Engine) -> None:
    (change,) = engine.journal.entity(v.code_iri("nuts:FRK2"))
    region = mapping.from_statements(change.iri, change.source, from_payload(change.payload))
    assert isinstance(region, Concept)
    assert (region.latitude, region.longitude) == (45.442, 5.3448)
    assert region.preferred == (Text("Rhône-Alpes", ""),)
    assert engine.concept("nuts:FRK2") == region
    codes = engine.index.current().concepts.by_code()
    assert codes
    assert not [code for code in codes if code.startswith("nuts:")]


def test_a_hostile_literal_costs_neither_the_child_nor_the_time(engine: Engine) -> None:
    zigzag = ",".join(f"{-180 if at % 2 else 180} {at / 500 - 80:g}" for at in range(8000))
    began = time.monotonic()
    for text in (f"LINESTRING({zigzag})", "GEOMETRYCOLLECTION(" * 5000, "POLYGON((" + "(" * 90_000, "POINT(nan nan)"):
        query = f'SELECT (geof:buffer("{text}"^^geo:wktLiteral, 1, uom:metre) AS ?wide) (1 AS ?alive) {{}}'
        assert rows(engine, query) == [["", "1"]]
    assert time.monotonic() - began < 10


def test_the_points_of_eurostat_are_taken(engine: Engine, shared_data: Path) -> None:
    report = engine.add_vocabulary(shared_data / "vocabularies" / "nuts2021_points.tsv", "nuts", dry_run=True)
    assert report.read == 2010
    assert not [finding for finding in report.findings if finding.severity == "error"]
