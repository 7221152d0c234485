"""GeoSPARQL 1.1 over literals: relations, measures in metres and other units, and what can be made of geometries.

Every geometry is brought to CRS84 (longitude, latitude); EPSG:4326 and 4258 write the latitude first. Its edges are
straight in degrees. Relations and set operations are planar there; distances, lengths and buffers are on the sphere,
areas on the ellipsoid (earth.py). What cannot be read or has no answer gives no value, as SPARQL has it for an error.
Source: OGC 22-047r1 (GeoSPARQL 1.1), sections 8 and 9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import Any

from kg import earth
from kg import vocabulary as v
from kg.rdf import BlankNode, Literal, NamedNode, Triple

FUNCTIONS = "http://www.opengis.net/def/function/geosparql/"
MOST_CHARACTERS = 1_000_000
MOST_POINTS = 100_000  # of one geometry, also once its long edges are divided
_MOST_DEPTH = 12  # of GeoJSON's brackets and of collections within collections
_EDGE = 0.25  # degrees; longer edges are divided before they are bent
_WIDEST = 3_000_000.0  # metres from its middle to its edge, beyond which a geometry is not laid flat
_QUARTER = 16  # edges to a quarter circle: a buffer is at most 0.12 % short between its corners
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_LATITUDE_FIRST = re.compile(r"https?://www\.opengis\.net/def/crs/EPSG/[\d.]*/(?:4326|4258)")
_LONGITUDE_FIRST = re.compile(r"https?://www\.opengis\.net/def/crs/OGC/[\d.]*/(?:CRS84|84)")
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_POINT = re.compile(rf"\s*POINT\s*\(\s*{_NUMBER}\s+{_NUMBER}\s*\)\s*", re.IGNORECASE)
_WRONG = re.compile("nan|inf|\0", re.IGNORECASE)  # no numbers of a place; and the parser stops at NUL without a word
_NAMED = re.compile(r"\s*<([^<>\s]*)>(.*)", re.DOTALL)
# Intersection matrices of Egenhofer's and the region connection calculus' relations (tables 6 and 7).
_MATRICES = {
    "ehOverlap": "T*T***T**", "ehCovers": "T*TFT*FF*", "ehCoveredBy": "TFF*TFT**", "ehInside": "TFF*FFT**",
    "ehContains": "T*TFF*FF*", "rcc8eq": "TFFFTFFFT", "rcc8dc": "FFTFFTTTT", "rcc8ec": "FFTFTTTTT",
    "rcc8po": "TTTTTTTTT", "rcc8tppi": "TTTFTTFFT", "rcc8tpp": "TFFTTFTTT", "rcc8ntpp": "TFFTFFTTT",
    "rcc8ntppi": "TTTFFTFFT",
}  # fmt: skip
_SAME = {"Equals": "Equals", "Disjoint": "Disjoint", "Meet": "Touches"}
Term = NamedNode | BlankNode | Literal | Triple
Function = Callable[..., Term | None]


class _Unfit(ValueError):
    """An argument that a function has no value for."""


@cache
def _shapely() -> Any:
    """The library of geometries: some 100 ms to load with numpy, which two points never need."""
    import shapely

    return shapely


class Geometry:
    """One literal, read. `point` is (longitude, latitude) when it is one; `crs` is the IRI that it names."""

    __slots__ = ("_shape", "crs", "point")

    def __init__(self, crs: str, point: earth.Point | None, shape: Any = None) -> None:
        self.crs, self.point, self._shape = crs, point, shape

    @property
    def shape(self) -> Any:
        """The geometry for shapely, prepared for many questions."""
        if self._shape is None:
            self._shape = _shapely().Point(self.point)
        return self._shape


@lru_cache(maxsize=64)
def _wkt(text: str) -> Geometry:
    if len(text) > MOST_CHARACTERS or text.count(",") >= MOST_POINTS or _WRONG.search(text):
        raise _Unfit
    crs, body, latitude_first = _CRS84, text, False
    if named := _NAMED.match(text):
        crs, body = named.groups()
        latitude_first = bool(_LATITUDE_FIRST.fullmatch(crs))
        if not latitude_first and not _LONGITUDE_FIRST.fullmatch(crs):
            raise _Unfit
    if point := _POINT.fullmatch(body):
        x, y = float(point.group(1)), float(point.group(2))
        lon, lat = (y, x) if latitude_first else (x, y)
        if not (abs(lon) <= 360 and abs(lat) <= 90):
            raise _Unfit
        return Geometry(crs, (lon, lat))
    if body.upper().count("GEOMETRYCOLLECTION") > _MOST_DEPTH:
        raise _Unfit
    shape = _shapely().from_wkt(body if body.strip() else "GEOMETRYCOLLECTION EMPTY")
    return Geometry(crs, None, _sound(_swapped(shape) if latitude_first else shape))


@lru_cache(maxsize=64)
def _geojson(text: str) -> Geometry:
    if len(text) > MOST_CHARACTERS or text.count(",") > 3 * MOST_POINTS or "\0" in text:
        raise _Unfit
    brackets = re.sub(r'"[^"]*"|[^\[\]{}"]+', "", text)
    for _ in range(_MOST_DEPTH):
        brackets = brackets.replace("{}", "").replace("[]", "")
    if brackets:
        raise _Unfit
    return Geometry(_CRS84, None, _sound(_shapely().from_geojson(text)))


def _swapped(shape: Any) -> Any:
    return _shapely().transform(shape, lambda points: points[:, [1, 0]])


def _sound(shape: Any) -> Any:
    """The shape, when its points are on Earth."""
    import numpy as np

    points = _shapely().get_coordinates(shape)
    if len(points) > MOST_POINTS or not (np.abs(points) <= (360, 90)).all():  # not a number is no less than either
        raise _Unfit
    _shapely().prepare(shape)
    return shape


def read(term: Term) -> Geometry:
    """The geometry of a WKT or GeoJSON literal. Raises ValueError or shapely's own error for anything else."""
    if isinstance(term, Literal):
        kind = term.datatype.value
        if kind == v.GEO + "wktLiteral":
            return _wkt(term.value)
        if kind == v.GEO + "geoJSONLiteral":
            return _geojson(term.value)
    raise _Unfit


def _written(shape: Any) -> Literal:
    """WKT in CRS84, to a tenth of a millimetre."""
    return Literal(_shapely().to_wkt(shape, rounding_precision=9), datatype=NamedNode(v.GEO + "wktLiteral"))


def _number(term: Term) -> float:
    if not isinstance(term, Literal) or not term.datatype.value.startswith(v.XSD):
        raise _Unfit
    found = float(term.value)
    if not math.isfinite(found):
        raise _Unfit
    return found


def _unit(term: Term | None, units: dict[str, float] = earth.LENGTHS) -> float:
    """The size of a unit in metres, or square metres; without one, 1."""
    if term is None:
        return 1.0
    name = term.value if isinstance(term, NamedNode | Literal) else ""
    if name not in units:
        raise _Unfit
    return units[name]


def _divided(shape: Any) -> Any:
    """The shape in two dimensions with its long edges divided, so that they may be bent."""
    if shape.length / _EDGE > MOST_POINTS:
        raise _Unfit
    return _shapely().segmentize(_shapely().force_2d(shape), _EDGE)


def _middle(*shapes: Any) -> earth.Point:
    import numpy as np

    bounds = np.array([shape.bounds for shape in shapes])
    if not np.isfinite(bounds).all():
        raise _Unfit  # one of them is empty
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    lon, lat = ((low + high) / 2).tolist()
    return lon, lat


def _flat(shape: Any, make: Callable[[Any], Any], reach: float = 0.0) -> Any:
    """What `make` gives of a shape laid flat around its middle, in metres, and bent back to degrees."""
    import numpy as np

    middle = _middle(shape)
    plane = _shapely().transform(_divided(shape), partial(earth.project, middle=middle))
    widest = float(np.hypot(*_shapely().get_coordinates(plane).T).max())
    # A circle around a pole is no figure in degrees.
    to_pole = math.radians(90 - abs(middle[1])) * earth.RADIUS
    if widest > _WIDEST or widest + max(0.0, reach) >= to_pole:
        raise _Unfit
    return _shapely().transform(make(plane), partial(earth.unproject, middle=middle))


def _distance(a: Term, b: Term, unit: Term | None = None) -> Literal:
    size, one, other = _unit(unit), read(a), read(b)
    if one.point and other.point:
        return Literal(earth.distance(one.point, other.point) / size)
    return Literal(_apart(one.shape, other.shape) / size)


def _apart(one: Any, other: Any) -> float:
    """Metres between the nearest points of two shapes: sought on a plane, laid again where they were found."""
    if _shapely().intersects(one, other):
        return 0.0
    one, other = _divided(one), _divided(other)
    middle = _middle(one, other)
    for _ in range(3):
        planes = [_shapely().transform(shape, partial(earth.project, middle=middle)) for shape in (one, other)]
        ends = _shapely().get_coordinates(_shapely().shortest_line(*planes))
        (a, b), (c, d) = earth.unproject(ends, middle).tolist()
        (lon, lat), *_ = earth.unproject(ends.mean(axis=0, keepdims=True), middle).tolist()
        middle = (lon, lat)
    return earth.distance((a, b), (c, d))


def _buffer(geometry: Term, radius: Term, unit: Term | None = None) -> Literal:
    metres = _number(radius) * _unit(unit)
    return _written(_flat(read(geometry).shape, lambda plane: plane.buffer(metres, _QUARTER), metres))


def _length(geometry: Term, unit: Term | None = None, *, of_areas: bool = False) -> Literal:
    size, total = _unit(unit), 0.0
    for part in _shapely().get_parts(_divided(read(geometry).shape)).tolist():
        areal = _shapely().get_dimensions(part) == 2
        if areal or not of_areas:
            for line in _shapely().get_parts(part.boundary if areal else part).tolist():
                total += float(earth.steps(_shapely().get_coordinates(line)).sum())
    return Literal(total / size)


def _area(geometry: Term, unit: Term | None = None) -> Literal:
    plane = _shapely().transform(_divided(read(geometry).shape), earth.equal_area)
    return Literal(float(plane.area) / _unit(unit, earth.AREAS))


def _metric(function: Function, *arguments: Term) -> Term | None:
    """A measure that is said in metres, and takes no unit."""
    if len(arguments) > (2 if function in (_distance, _buffer) else 1):
        raise _Unfit
    return function(*arguments)


def _relation(name: str, a: Term, b: Term) -> Literal:
    return Literal(bool(getattr(_shapely(), name)(read(a).shape, read(b).shape)))


def _contains(a: Term, b: Term) -> Literal:
    one, other = read(a), read(b)
    if other.point and not one.point:  # no geometry is made of the point, which would take longest
        return Literal(bool(_shapely().contains_xy(one.shape, *other.point)))
    return Literal(bool(_shapely().contains(one.shape, other.shape)))


def _within(a: Term, b: Term) -> Literal:
    return _contains(b, a)


def _meet(a: Term, b: Term) -> bool:
    one, other = read(a), read(b)
    if one.point and not other.point:
        one, other = other, one
    if other.point and not one.point:
        return bool(_shapely().intersects_xy(one.shape, *other.point))
    return bool(_shapely().intersects(one.shape, other.shape))


def _matrix(pattern: str, a: Term, b: Term) -> Literal:
    return Literal(bool(_shapely().relate_pattern(read(a).shape, read(b).shape, pattern)))


def _relate(a: Term, b: Term, pattern: Term) -> Literal:
    if not isinstance(pattern, Literal) or not re.fullmatch(r"[TF*012]{9}", pattern.value):
        raise _Unfit
    return _matrix(pattern.value, a, b)


def _made(name: str, *geometries: Term) -> Literal:
    """What shapely makes of one geometry or two."""
    return _written(getattr(_shapely(), name)(*(read(geometry).shape for geometry in geometries)))


def _circle(geometry: Term) -> Literal:
    return _written(_flat(read(geometry).shape, _shapely().minimum_bounding_circle))


def _concave(geometry: Term, ratio: Term | None = None) -> Literal:
    share = 0.5 if ratio is None else _number(ratio)
    if not 0 <= share <= 1:
        raise _Unfit
    return _written(_shapely().concave_hull(read(geometry).shape, share))


def _transform(geometry: Term, crs: Term) -> Literal:
    name = crs.value if isinstance(crs, NamedNode | Literal) else ""
    shape = read(geometry).shape
    if _LATITUDE_FIRST.fullmatch(name):
        shape = _swapped(shape)
    elif not _LONGITUDE_FIRST.fullmatch(name):
        raise _Unfit
    return Literal(f"<{name}> {_written(shape).value}", datatype=NamedNode(v.GEO + "wktLiteral"))


def _as_geojson(geometry: Term) -> Literal:
    return Literal(_shapely().to_geojson(read(geometry).shape), datatype=NamedNode(v.GEO + "geoJSONLiteral"))


def _bound(at: int, geometry: Term) -> Literal:
    found = float(read(geometry).shape.bounds[at])
    if math.isnan(found):
        raise _Unfit
    return Literal(found)


def _height(choose: Callable[[Any], Any], geometry: Term) -> Literal:
    shape = read(geometry).shape
    if not shape.has_z:
        raise _Unfit
    return Literal(float(choose(_shapely().get_coordinates(shape, include_z=True)[:, 2])))


def _nth(geometry: Term, number: Term) -> Literal:
    """One part of a geometry, counted from 1."""
    parts: Sequence[Any] = _shapely().get_parts(read(geometry).shape).tolist()
    at = _number(number)
    if at != int(at) or not 1 <= at <= len(parts):
        raise _Unfit
    return _written(parts[int(at) - 1])


def _uri(text: str) -> Literal:
    return Literal(text, datatype=NamedNode(v.XSD + "anyURI"))


def _about(tell: Callable[[Any], Any], geometry: Term) -> Literal:
    return Literal(tell(read(geometry).shape))


def _table() -> dict[str, Function]:
    """Function by local name; each raises ValueError for what it has no value for."""
    relations: dict[str, Function] = {name: partial(_matrix, pattern) for name, pattern in _MATRICES.items()}
    for name in ("Equals", "Touches", "Crosses", "Overlaps"):
        relations[f"sf{name}"] = partial(_relation, name.casefold())
    relations |= {"sfContains": _contains, "sfWithin": _within, "relate": _relate}
    relations |= {
        "sfIntersects": lambda a, b: Literal(_meet(a, b)),
        "sfDisjoint": lambda a, b: Literal(not _meet(a, b)),
    }
    relations |= {f"eh{name}": relations[f"sf{other}"] for name, other in _SAME.items()}
    measures: dict[str, Function] = {
        "distance": _distance, "length": _length, "perimeter": partial(_length, of_areas=True), "area": _area,
        "buffer": _buffer,
    }  # fmt: skip
    measures |= {f"metric{name.title()}": partial(_metric, function) for name, function in measures.items()}
    ours = {
        "union": "union", "intersection": "intersection", "difference": "difference",
        "symDifference": "symmetric_difference", "envelope": "envelope", "convexHull": "convex_hull",
        "boundary": "boundary", "centroid": "centroid",
    }  # fmt: skip
    making: dict[str, Function] = {name: partial(_made, theirs) for name, theirs in ours.items()}
    making |= {"boundingCircle": _circle, "concaveHull": _concave, "transform": _transform, "geometryN": _nth}
    making |= {"asWKT": lambda a: _written(read(a).shape), "asGeoJSON": _as_geojson}
    telling: dict[str, Function] = {
        "getSRID": lambda a: _uri(read(a).crs),
        "geometryType": lambda a: _uri(f"http://www.opengis.net/ont/sf#{read(a).shape.geom_type}"),
        "isEmpty": partial(_about, lambda shape: bool(shape.is_empty)),
        "isSimple": partial(_about, lambda shape: bool(shape.is_simple)),
        "is3D": partial(_about, lambda shape: bool(shape.has_z)),
        "isMeasured": partial(_about, lambda shape: bool(shape.has_m)),
        "dimension": partial(_about, lambda shape: int(_shapely().get_dimensions(shape))),
        "spatialDimension": partial(_about, lambda shape: 2 + shape.has_z),
        "coordinateDimension": partial(_about, lambda shape: 2 + shape.has_z + shape.has_m),
        "numGeometries": partial(_about, lambda shape: int(_shapely().get_num_geometries(shape))),
        "minZ": partial(_height, min),
        "maxZ": partial(_height, max),
    }
    telling |= {name: partial(_bound, at) for at, name in enumerate(("minX", "minY", "maxX", "maxY"))}
    return relations | measures | making | telling


def functions(lost: list[Exception] | None = None) -> dict[NamedNode, Function]:
    """The functions by IRI, for the engine: each takes terms and gives a term, or None where SPARQL has an error.

    Memory that ran out is no error of SPARQL: it would leave rows out in silence. It, and whatever else was not
    foreseen, is put into `lost`, and whoever asked must not use the answer.
    """
    return {NamedNode(FUNCTIONS + name): partial(_call, lost, function) for name, function in _table().items()}


def _call(lost: list[Exception] | None, function: Function, *arguments: Term) -> Term | None:
    try:
        return function(*arguments)
    except (ValueError, TypeError, ArithmeticError):
        return None
    except Exception as error:
        known = type(error).__module__.startswith("shapely") and "alloc" not in str(error)  # bad_alloc, in C++
        if not known and lost is not None:
            lost.append(error)
        return None
