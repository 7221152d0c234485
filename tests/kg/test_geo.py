"""GeoSPARQL over literals: known distances, relations beside another engine's, and what is thrown at it."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from kg import earth, geo, rdf
from kg.rdf import Literal, NamedNode

GEO = "http://www.opengis.net/ont/geosparql#"
UOM = "http://www.opengis.net/def/uom/OGC/1.0/"
EPSG = "<http://www.opengis.net/def/crs/EPSG/0/4326> "
PREFIXES = f"PREFIX geo: <{GEO}> PREFIX geof: <{geo.FUNCTIONS}> PREFIX uom: <{UOM}> "
PARIS, LYON = "POINT(2.3522 48.8566)", "POINT(4.8357 45.7640)"
SQUARE, BESIDE, APART = (
    "POLYGON((0 0,10 0,10 10,0 10,0 0))",
    "POLYGON((10 0,20 0,20 10,10 10,10 0))",
    "POLYGON((30 0,40 0,40 10,30 10,30 0))",
)
INSIDE, ACROSS, CORNER = (
    "POLYGON((2 2,8 2,8 8,2 8,2 2))",
    "POLYGON((5 5,15 5,15 15,5 15,5 5))",
    "POLYGON((0 0,5 0,5 5,0 5,0 0))",
)
STORE = rdf.Store()


def wkt(text: str) -> str:
    return f"{json.dumps(text)}^^geo:wktLiteral"


def ask(expression: str, *, ours: bool = True) -> str | None:
    """The value of an expression, or None where it has an error."""
    functions = geo.functions(lost := []) if ours else {}
    found = STORE.query(f"{PREFIXES} SELECT ({expression} AS ?x) {{}}", custom_functions=functions)
    (row,) = found  # type: ignore[misc]
    assert not lost if ours else True
    return None if row["x"] is None else str(row["x"].value)  # type: ignore[union-attr]


def number(expression: str) -> float:
    found = ask(expression)
    assert found is not None, expression
    return float(found)


# Geodesics on the ellipsoid of WGS 84, in kilometres, from GeographicLib; the sphere is within 0.56 % of them.
KNOWN = [
    ("Paris", "Lyon", PARIS, LYON, 391.713),
    ("Paris", "London", PARIS, "POINT(-0.1278 51.5074)", 343.923),
    ("Paris", "Berlin", PARIS, "POINT(13.4050 52.5200)", 879.699),
    ("London", "New York", "POINT(-0.1278 51.5074)", "POINT(-74.0060 40.7128)", 5585.234),
    ("the equator, a degree along it", "", "POINT(0 0)", "POINT(1 0)", 111.319),
    ("the pole, a degree below it", "", "POINT(0 90)", "POINT(77 89)", 111.694),
    ("Fiji, across 180°", "", "POINT(179.5 -17)", "POINT(-179.5 -17)", 106.486),
    ("the other side", "", "POINT(0 0)", "POINT(180 0)", 20003.931),
]


@pytest.mark.parametrize(("_", "to", "a", "b", "km"), KNOWN, ids=[f"{a} {b}" for a, b, *_ in KNOWN])
def test_distances_are_those_of_the_map(_: str, to: str, a: str, b: str, km: float) -> None:
    assert number(f"geof:distance({wkt(a)}, {wkt(b)}, uom:kilometre)") == pytest.approx(km, rel=0.0056)
    assert number(f"geof:metricDistance({wkt(b)}, {wkt(a)})") == pytest.approx(km * 1000, rel=0.0056)


def test_units() -> None:
    def distance(unit: str) -> float:
        return number(f"geof:distance({wkt(PARIS)}, {wkt(LYON)}{unit})")

    metres = distance("")
    for unit, size in {
        "uom:metre": 1, "uom:kilometre": 1000, f'"{UOM}metre"^^<{rdf_uri()}>': 1, "uom:radian": 6_371_008.8,
        "<http://qudt.org/vocab/unit/KiloM>": 1000, "uom:degree": 6_371_008.8 * math.pi / 180,
        "<http://qudt.org/vocab/unit/MI>": 1609.344,
    }.items():  # fmt: skip
        assert distance(f", {unit}") == pytest.approx(metres / size, rel=1e-12), unit
    for unit in ("uom:furlong", "1", '"metre"', "uom:squareMetre"):
        assert ask(f"geof:distance({wkt(PARIS)}, {wkt(LYON)}, {unit})") is None
    assert ask(f"geof:metricDistance({wkt(PARIS)}, {wkt(LYON)}, uom:metre)") is None


def rdf_uri() -> str:
    return "http://www.w3.org/2001/XMLSchema#anyURI"


def test_a_distance_to_a_shape_is_that_to_its_nearest_point() -> None:
    picker = random.Random(20200325)
    for _ in range(20):
        lon, lat = picker.uniform(-20, 40), picker.uniform(-70, 70)
        corners = [(lon + picker.uniform(0, 6), lat + picker.uniform(0, 6)) for _ in range(3)]
        point = (lon + picker.uniform(-15, -1), lat + picker.uniform(-5, 10))
        along = np.linspace(0, 1, 4000)[:, None]
        edges = np.concatenate(
            [
                np.array(a) * (1 - along) + np.array(b) * along
                for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
            ]
        )
        wanted = min(earth.distance(point, (x, y)) for x, y in edges.tolist())
        ring = ", ".join(f"{x} {y}" for x, y in [*corners, corners[0]])
        found = number(f"geof:distance({wkt(f'POINT({point[0]} {point[1]})')}, {wkt(f'POLYGON(({ring}))')}, uom:metre)")
        assert found == pytest.approx(wanted, rel=1e-4)
    assert number(f"geof:distance({wkt('POINT(5 5)')}, {wkt(SQUARE)}, uom:metre)") == 0
    assert number(f"geof:distance({wkt(SQUARE)}, {wkt(APART)}, uom:degree)") == pytest.approx(19.7, abs=0.05)


@pytest.mark.parametrize("middle", [LYON, "POINT(25 71)", "POINT(-60 -20)"])
@pytest.mark.parametrize("km", [0.1, 100, 1000])
def test_a_buffer_is_as_wide_as_was_asked_in_every_direction(middle: str, km: float) -> None:
    buffer = ask(f"geof:buffer({wkt(middle)}, {km}, uom:kilometre)")
    assert buffer is not None
    corners = [tuple(map(float, pair.split())) for pair in buffer[buffer.index("((") + 2 : -2].split(", ")]
    lon, lat = map(float, middle[6:-1].split())
    for x, y in corners:
        assert earth.distance((lon, lat), (x, y)) == pytest.approx(km * 1000, rel=1e-4)
    area = number(f"geof:metricArea({wkt(buffer)})")
    cap = 2 * math.pi * earth.RADIUS**2 * (1 - math.cos(km * 1000 / earth.RADIUS))
    assert area == pytest.approx(cap, rel=0.012)  # a sphere's cap, a polygon for a circle, the ellipsoid's area


def test_who_is_within_the_buffer_is_who_is_near() -> None:
    buffer = ask(f"geof:metricBuffer({wkt(LYON)}, 100000)")
    assert buffer is not None
    picker = random.Random(1)
    for _ in range(300):
        point = (4.8357 + picker.uniform(-2, 2), 45.7640 + picker.uniform(-1.5, 1.5))
        away = earth.distance((4.8357, 45.7640), point)
        if abs(away - 100_000) > 150:  # a polygon for a circle
            within = ask(f"geof:sfWithin({wkt(f'POINT({point[0]} {point[1]})')}, {wkt(buffer)})")
            assert within == ("true" if away < 100_000 else "false")


def test_areas_and_lengths_are_those_of_the_ellipsoid_and_the_sphere() -> None:
    def cell(lat: int) -> str:
        return f"POLYGON((0 {lat},1 {lat},1 {lat + 1},0 {lat + 1},0 {lat}))"

    # Cells of one degree on WGS 84, from GeographicLib, and the whole of it (NGA.STND.0036).
    assert number(f"geof:area({wkt(cell(0))}, uom:squareKilometre)") == pytest.approx(12308.464, rel=1e-6)
    assert number(f"geof:metricArea({wkt(cell(45))})") == pytest.approx(8.686495e9, rel=1e-6)
    world = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
    assert number(f"geof:area({wkt(world)}, uom:squareKilometre)") == pytest.approx(510_065_621.724, rel=1e-6)
    assert number(f"geof:area({wkt(world)}, <http://qudt.org/vocab/unit/HA>)") == pytest.approx(
        51_006_562_172.4, rel=1e-6
    )
    holed = "POLYGON((0 0,1 0,1 1,0 1,0 0),(0 0,1 0,1 1,0 0))"
    assert number(f"geof:metricArea({wkt(holed)})") == pytest.approx(12308.8e6 / 2, rel=1e-2)
    line = "LINESTRING(0 0,1 0,1 1)"
    assert number(f"geof:length({wkt(line)}, uom:degree)") == pytest.approx(2)
    assert number(f"geof:metricLength({wkt(f'GEOMETRYCOLLECTION(POINT(1 1),{line})')})") == pytest.approx(
        222_390, rel=1e-4
    )
    assert number(f"geof:metricPerimeter({wkt(line)})") == 0
    assert number(f"geof:perimeter({wkt(cell(0))}, uom:degree)") == pytest.approx(4, rel=1e-4)


RELATIONS = {
    "sfEquals": (SQUARE, SQUARE, ACROSS), "sfDisjoint": (SQUARE, APART, BESIDE),
    "sfIntersects": (SQUARE, BESIDE, APART),
    "sfTouches": (SQUARE, BESIDE, ACROSS), "sfWithin": (INSIDE, SQUARE, ACROSS), "sfContains": (SQUARE, INSIDE, ACROSS),
    "sfOverlaps": (SQUARE, ACROSS, INSIDE), "sfCrosses": ("LINESTRING(-1 5,5 5)", SQUARE, APART),
    "ehEquals": (SQUARE, SQUARE, ACROSS), "ehDisjoint": (SQUARE, APART, BESIDE), "ehMeet": (SQUARE, BESIDE, ACROSS),
    "ehOverlap": (SQUARE, ACROSS, INSIDE), "ehCovers": (SQUARE, CORNER, INSIDE),
    "ehCoveredBy": (CORNER, SQUARE, INSIDE),
    "ehInside": (INSIDE, SQUARE, CORNER), "ehContains": (SQUARE, INSIDE, CORNER),
    "rcc8eq": (SQUARE, SQUARE, ACROSS), "rcc8dc": (SQUARE, APART, BESIDE), "rcc8ec": (SQUARE, BESIDE, APART),
    "rcc8po": (SQUARE, ACROSS, BESIDE), "rcc8tpp": (CORNER, SQUARE, APART), "rcc8tppi": (SQUARE, CORNER, INSIDE),
    "rcc8ntpp": (INSIDE, SQUARE, APART), "rcc8ntppi": (SQUARE, INSIDE, CORNER),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_holds_where_it_should_and_nowhere_else(name: str) -> None:
    one, so, not_so = RELATIONS[name]
    assert ask(f"geof:{name}({wkt(one)}, {wkt(so)})") == "true"
    assert ask(f"geof:{name}({wkt(one)}, {wkt(not_so)})") == "false"


def test_relations_are_those_of_another_engine() -> None:
    """Oxigraph has these of its own, for CRS84 alone."""
    picker = random.Random(7)

    def shape() -> str:
        x, y, w, h = (picker.randint(0, 6) for _ in range(4))
        return picker.choice(
            [
                f"POINT({x} {y})",
                f"LINESTRING({x} {y},{x + w + 1} {y + h})",
                f"POLYGON(({x} {y},{x + w + 1} {y},{x + w + 1} {y + h + 1},{x} {y + h + 1},{x} {y}))",
                f"POLYGON(({x} {y},{x + w + 1} {y},{x} {y + h + 1},{x} {y}))",
            ]
        )

    seen = set()
    for _ in range(150):
        a, b = wkt(shape()), wkt(shape())
        for name in (found for found in RELATIONS if found.startswith("sf")):
            call = f"geof:{name}({a}, {b})"
            assert ask(call) == ask(call, ours=False), call
            seen.add((name, ask(call)))
    assert len(seen) >= 2 * 8 - 1


def test_axes_go_by_the_system_that_is_named() -> None:
    crs84 = "<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POINT(2 20)"
    upright = "POLYGON((0 10,5 10,5 30,0 30,0 10))"
    swapped = EPSG + "POLYGON((10 0,10 5,30 5,30 0,10 0))"
    for point in ("POINT(2 20)", crs84, EPSG + "POINT(20 2)", EPSG.replace("4326", "4258") + "Point ( 20 2.0 )"):
        for area in (upright, swapped):
            assert ask(f"geof:sfWithin({wkt(point)}, {wkt(area)})") == "true", point
            assert ask(f"geof:sfWithin({wkt(point.replace('2', '6'))}, {wkt(area)})") in ("false", None)
    assert ask(f"geof:sfEquals({wkt(upright)}, {wkt(swapped)})") == "true"
    assert ask(f"geof:getSRID({wkt(swapped)})") == EPSG[1:-2]
    assert ask(f"geof:transform({wkt(PARIS)}, {EPSG})") == EPSG + "POINT (48.8566 2.3522)"
    back = ask(
        f"geof:transform(geof:transform({wkt(upright)}, {EPSG}), <http://www.opengis.net/def/crs/OGC/1.3/CRS84>)"
    )
    assert ask(f"geof:sfEquals({wkt(back or '')}, {wkt(upright)})") == "true"
    metres = "<http://www.opengis.net/def/crs/EPSG/0/2154> POINT(842666 6519924)"
    assert ask(f"geof:distance({wkt(metres)}, {wkt(LYON)}, uom:metre)") is None


def test_geojson_is_read_and_written() -> None:
    written = ask(f"geof:asGeoJSON({wkt(SQUARE)})")
    assert written is not None
    assert json.loads(written)["coordinates"][0][2] == [10, 10]
    literal = f"{json.dumps(written)}^^geo:geoJSONLiteral"
    assert ask(f"geof:sfEquals({literal}, {wkt(SQUARE)})") == "true"
    assert ask(f"geof:asWKT({literal})") == "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))"


MADE = {
    f"geof:union({wkt(SQUARE)}, {wkt(BESIDE)})": "POLYGON((0 0,20 0,20 10,0 10,0 0))",
    f"geof:intersection({wkt(SQUARE)}, {wkt(ACROSS)})": "POLYGON((5 5,10 5,10 10,5 10,5 5))",
    f"geof:difference({wkt(BESIDE)}, {wkt(ACROSS)})": "POLYGON((10 0,20 0,20 10,15 10,15 5,10 5,10 0))",
    f"geof:symDifference({wkt(SQUARE)}, {wkt(SQUARE)})": "POLYGON EMPTY",
    f"geof:envelope({wkt('LINESTRING(0 0,5 10,10 10)')})": SQUARE,
    f"geof:convexHull({wkt('MULTIPOINT((0 0),(10 0),(10 10),(0 10),(5 5))')})": SQUARE,
    f"geof:boundary({wkt(SQUARE)})": "LINESTRING(0 0,10 0,10 10,0 10,0 0)",
    f"geof:centroid({wkt(SQUARE)})": "POINT(5 5)",
    f"geof:geometryN({wkt('MULTIPOINT((0 0),(10 0))')}, 2)": "POINT(10 0)",
    f"geof:asWKT({wkt('')})": "GEOMETRYCOLLECTION EMPTY",
}


@pytest.mark.parametrize("expression", MADE)
def test_what_is_made_of_geometries(expression: str) -> None:
    assert ask(f"geof:sfEquals({expression}, {wkt(MADE[expression])}) || geof:isEmpty({expression})") == "true"


def test_circles_and_hulls_hold_what_they_are_made_of() -> None:
    points = wkt("MULTIPOINT((4 45),(5 45),(5 46),(4.2 45.8))")
    for name in ("boundingCircle", "concaveHull", "convexHull"):
        assert ask(f"geof:sfContains(geof:buffer(geof:{name}({points}), 1, uom:kilometre), {points})") == "true"
    assert number(f"geof:metricArea(geof:boundingCircle({points}))") == pytest.approx(math.pi * 68_000**2, rel=0.03)


TOLD = {
    "isEmpty": "false", "isSimple": "true", "is3D": "false", "isMeasured": "false", "dimension": "2",
    "spatialDimension": "2", "coordinateDimension": "2", "geometryType": "http://www.opengis.net/ont/sf#Polygon",
    "numGeometries": "1", "minX": "0", "minY": "0", "maxX": "10", "maxY": "10", "minZ": None,
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_of_a_geometry(name: str) -> None:
    assert ask(f"geof:{name}({wkt(SQUARE)})") == TOLD[name]
    assert ask(f"geof:maxZ({wkt('LINESTRING Z (0 0 1,1 1 7)')})") == "7"
    assert ask(f"geof:minX({wkt('POINT EMPTY')})") is None


HOSTILE: dict[str, Callable[[], str]] = {
    "words": lambda: "somewhere",
    "a number": lambda: "POINT(1)",
    "not a number": lambda: "POINT(nan 1)",
    "not a number, in a line": lambda: "LINESTRING(nan 1,2 2)",
    "without end": lambda: "LINESTRING(inf 1,1 2)",
    "a latitude of 91": lambda: "POINT(0 91)",
    "a longitude of 400": lambda: "LINESTRING(400 0,1 1)",
    "an open ring": lambda: "POLYGON((0 0,1 1,1 0))",
    "cut short": lambda: "POLYGON((0 0,1 1",
    "an unknown system": lambda: "<http://example.org/moon> POINT(1 1)",
    "NUL": lambda: "POINT(1 1)\x00",
    "a million points": lambda: "LINESTRING(" + ",".join(["0 0"] * 1_000_000) + ")",
    "a long text": lambda: "POINT(" + "1" * 2_000_000 + " 1)",
    "deep collections": lambda: "GEOMETRYCOLLECTION(" * 50_000 + "POINT(1 1)" + ")" * 50_000,
    "deep brackets": lambda: "(" * 900_000,
    "a zigzag around the world": lambda: "LINESTRING(" + ",".join(["-180 0,180 0"] * 45_000) + ")",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_literal_has_no_value_and_takes_no_time(name: str) -> None:
    text = HOSTILE[name]()
    began = time.monotonic()
    for literal in (
        Literal(text, datatype=NamedNode(GEO + "wktLiteral")),
        Literal(text, datatype=NamedNode(GEO + "geoJSONLiteral")),
    ):
        lost: list[Exception] = []
        functions = geo.functions(lost)
        for called, more in {"metricArea": (), "metricBuffer": (Literal(1),), "metricDistance": (literal,)}.items():
            found = functions[NamedNode(geo.FUNCTIONS + called)](literal, *more)
            assert found is None or (called, name) == ("metricDistance", "a zigzag around the world")
        assert not lost
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "literal",
    ['"POINT(1 1)"', '"POINT(1 1)"@en', "<http://example.org/p>", "1", '"[[[["^^geo:geoJSONLiteral',
     '"{}"^^geo:geoJSONLiteral', '"<Point/>"^^geo:gmlLiteral'],
)  # fmt: skip
def test_what_is_no_geometry_has_no_value(literal: str) -> None:
    for call in ("isEmpty({0})", "sfWithin({0}, {0})", "distance({0}, {0}, uom:metre)", "buffer({0}, 1, uom:metre)"):
        assert ask(f"geof:{call.format(literal)}") is None


@pytest.mark.parametrize(
    "call",
    [
        f"buffer({wkt(LYON)}, 1/0, uom:metre)", f'buffer({wkt(LYON)}, "wide", uom:metre)',
        f"buffer({wkt(LYON)}, 1e9, uom:metre)",
        f"buffer({wkt('POINT(0 89.9)')}, 100, uom:kilometre)", f"buffer({wkt('LINESTRING(-90 0,90 0)')}, 1, uom:metre)",
        f"buffer({wkt('POINT EMPTY')}, 1, uom:metre)", f"distance({wkt('POINT EMPTY')}, {wkt(LYON)}, uom:metre)",
        f"relate({wkt(LYON)}, {wkt(LYON)}, \"TTT\")", f"geometryN({wkt(LYON)}, 2)", f"concaveHull({wkt(SQUARE)}, 7)",
        f"transform({wkt(LYON)}, <http://example.org/moon>)", f"area({wkt(SQUARE)}, uom:furlong)",
        f"isEmpty({wkt(SQUARE)}, 1)", "isEmpty()", f"distance({wkt(LYON)})",
        f"union({wkt('POLYGON((0 0,10 10,10 0,0 10,0 0))')}, {wkt(SQUARE)})",
    ],
)  # fmt: skip
def test_what_cannot_be_answered_has_no_value(call: str) -> None:
    assert ask(f"geof:{call}") is None


def test_memory_that_ran_out_is_no_empty_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(geo, "_table", lambda: {"isEmpty": hungry})

    class Out:
        def write(self, data: bytes) -> int:
            return len(data)

        def flush(self) -> None:
            pass

    with pytest.raises(MemoryError):
        rdf.answer(STORE, f"{PREFIXES} SELECT (geof:isEmpty({wkt(LYON)}) AS ?x) {{}}", "json", Out(), rdf.Dataset())


def test_every_function_of_the_engine_is_also_ours() -> None:
    """An engine's own would read other literals than the rest do."""
    ours = {name.value.removeprefix(geo.FUNCTIONS) for name in geo.functions()}
    native = (
        "distance sfWithin ehMeet rcc8ec relate intersection area length buffer envelope convexHull centroid getSRID"
    )
    assert set(native.split()) <= ours
    assert len(ours) >= 60
