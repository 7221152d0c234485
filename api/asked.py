"""What a door was given, made a Query: names of countries and places looked up, lists split, bounds checked."""

from __future__ import annotations

from collections.abc import Iterable

from api import places
from kg.errors import UserError
from kg.model import ACTOR_KINDS, SIZES
from search.query import Query

DEFAULT_KM = 100.0


def _split(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())


def _choices(given: Iterable[str], allowed: tuple[str, ...], what: str) -> tuple[str, ...]:
    found = tuple(word.casefold() for word in _split(given))
    for word in found:
        if word not in allowed:
            raise UserError(f"{what} {word[:40]!r} is unknown.", f"Use one of: {', '.join(allowed)}.")
    return found


def query_of(
    text: str,
    *,
    lang: str = "",
    country: Iterable[str] = (),
    nuts: Iterable[str] = (),
    near: str = "",
    within_km: float | None = None,
    size: Iterable[str] = (),
    kind: Iterable[str] = (),
    cluster: Iterable[str] = (),
    certificate: Iterable[str] = (),
    source: Iterable[str] = (),
    limit: int = 10,
    offset: int = 0,
) -> Query:
    """The query; repeated or comma-separated values of one constraint are alternatives. Raises UserError."""
    point = None
    if near.strip():
        found = places.place(near.strip())
        point = (found.latitude, found.longitude)
        within_km = DEFAULT_KM if within_km is None else within_km
    return Query(
        text=text,
        lang=lang.strip().lower(),
        country=tuple(places.country_code(name) for name in _split(country)),
        nuts=tuple(code.upper() for code in _split(nuts)),
        near=point,
        within_km=within_km,
        size=_choices(size, SIZES, "The size"),
        kind=_choices(kind, ACTOR_KINDS, "The kind"),
        cluster=_split(cluster),
        certificate=_split(certificate),
        source=_split(source),
        limit=limit,
        offset=offset,
    )
