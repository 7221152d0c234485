"""What else a spreadsheet says of an actor, weighed beside its name: country, city, region, website, identifiers …"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from api.reconciling.asked import Condition
from kg import names, similarity
from kg import vocabulary as v
from kg.identity.identifiers import letters, read, read_cell, register_of
from kg.readers import cells

if TYPE_CHECKING:
    from api.reconciling.actors import Row

Fact = Condition  # one whose property is known here, and its values in their usual form


@dataclass(frozen=True, slots=True)
class Weighed:
    """An actor's name and facts together."""

    score: float  # 0 to 1
    name: float  # likeness of the name, 0 to 1
    agreed: dict[str, float]  # by property, 0 to 1, of those that the actor has
    support: int  # how strongly the facts speak for it, below 0 against
    identified: bool  # a registered identifier is the same
    contradicted: bool  # country or registered identifier is another


# property → (share of the doubt that it takes away when it agrees, share of the score it takes when it does not,
# how much it counts as support)
_WEIGHTS: dict[str, tuple[float, float, int]] = {
    "identifiers": (0.97, 0.5, 4),
    "website": (0.7, 0.1, 3),
    "city": (0.35, 0.12, 2),
    "clusters": (0.35, 0.05, 2),
    "nuts": (0.25, 0.1, 1),
    "country": (0.15, 0.3, 1),
    "source": (0.1, 0.3, 0),
    "kind": (0.05, 0.1, 0),
    "size": (0.05, 0.05, 0),
}
_OTHER_NAMES = {
    "identifier": "identifiers", "siren": "identifiers", "siret": "identifiers", "vat": "identifiers",
    "lei": "identifiers", "cluster": "clusters", "url": "website", "homepage": "website", "region": "nuts",
    "town": "city", "type": "kind",
}  # fmt: skip
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@\s]*@)?(?:www\.)?([^/?#:\s]+\.[^/?#:\s]+)", re.IGNORECASE)
_NAME_ALONE = 0.96  # of the score, when the name is the very same and nothing else is known
_SIRET = 14  # digits
_ONE_COMPANY = 0.95  # agreement of the numbers of two establishments of one company
_WRITTEN_ALIKE = 0.9  # of two identifiers that are the same but belong to no register that is known
_AGREES, _DISAGREES = 0.8, 0.4
_CEDEX = re.compile(r"\bcedex\b.*|\d+\S*|\b(?:st|ste)\b")


def _known(name: str) -> str:
    name = name.strip().casefold()
    name = _OTHER_NAMES.get(name, name)
    return name if name in _WEIGHTS else ""


def is_known(name: str) -> bool:
    """Whether a property is one that is weighed."""
    return bool(_known(name))


def is_fact(name: str) -> bool:
    """Whether a property is one that actors alone have."""
    return _known(name) not in ("", "kind", "source")


def host(address: str) -> str:
    """The host of a web address without `www.`, in lower case; "" for what is none."""
    found = _HOST.match(address.strip())
    return found.group(1).lower() if found else ""


def fact(condition: Condition) -> Fact | None:
    """A condition in our words; None for a property that is not weighed, or without a value."""
    name = _known(condition.property)
    if not name or not condition.values:
        return None
    texts = condition.values
    if name == "country":
        texts = tuple(code for code in map(_country, texts) if code)
    return replace(condition, property=name, values=texts)


def _country(text: str) -> str:
    """The code of a country; "" for what is the name of none, which says nothing for or against anybody."""
    try:
        return cells.country(text.strip())
    except cells.Unfit:
        return ""


def weigh(row: Row, near: float, facts: Sequence[Fact]) -> Weighed | None:
    """A row with its facts weighed; None when it does not meet a required one."""
    score, agreed = _NAME_ALONE * near, {}
    support, identified, contradicted = 0, False, False
    for one in facts:
        found = _agreement(row, one)
        if one.required and (found is None or found < _AGREES):
            return None
        if found is None:
            continue
        takes, costs, counts = _WEIGHTS[one.property]
        agreed[one.property] = found
        if found >= _AGREES:
            score += (1 - score) * takes * found
            support += counts
            identified |= one.property == "identifiers" and found == 1
        elif found < _DISAGREES:
            score *= 1 - costs
            support -= counts
            contradicted |= one.property in ("identifiers", "country")
    return Weighed(score, near, agreed, support, identified, contradicted)


def _agreement(row: Row, asked: Fact) -> float | None:
    """How far a fact agrees with the row, 0 to 1; None where the row says nothing of it."""
    compare = _COMPARED[asked.property]
    found = [agreed for text in asked.values if (agreed := compare(row, text)) is not None]
    if not found:
        return 1.0 if asked.quantifier == "none" and asked.required else None
    if asked.quantifier == "all":
        return min(found)
    return 1 - max(found) if asked.quantifier == "none" else max(found)


def _equal(field: str) -> Callable[[Row, str], float | None]:
    def compare(row: Row, text: str) -> float | None:
        own = str(getattr(row, field))
        return None if not own else float(own.casefold() == text.strip().casefold())

    return compare


def _city(row: Row, text: str) -> float | None:
    own, asked = _plain_city(row.city), _plain_city(text)
    if not own or not asked:
        return None
    shorter, longer = sorted((own.split(), asked.split()), key=len)
    if shorter == longer[: len(shorter)] or set(shorter) < set(longer):
        return 1.0 if len(shorter) == len(longer) else 0.9
    found = similarity.ratio(own.replace(" ", ""), asked.replace(" ", ""))
    return found if found >= _AGREES else 0.5 * found


@lru_cache(maxsize=10_000)
def _plain_city(text: str) -> str:
    return " ".join(names.words(_CEDEX.sub(" ", names.fold(text[:200]))))


def _nuts(row: Row, text: str) -> float | None:
    own, asked = row.nuts.upper(), v.local_name(text).strip().upper() if text.strip() else ""
    if not own or not asked:
        return None
    if own.startswith(asked) or asked.startswith(own):
        return 1.0
    return 0.5 if own[:3] == asked[:3] else 0.0


def _website(row: Row, text: str) -> float | None:
    own, asked = host(row.website), host(text)
    if not own or not asked:
        return None
    return 1.0 if own == asked or own.endswith("." + asked) or asked.endswith("." + own) else 0.0


@lru_cache(maxsize=10_000)
def numbers(identifiers: tuple[str, ...], country: str) -> frozenset[str]:
    """The numbers of registers that an actor bears, those that its VAT numbers hold, and the VAT numbers."""
    if not country:
        return frozenset().union(*map(asked_numbers, identifiers))
    known = read(identifiers, country)
    return known.registered | known.implied | known.vat


def asked_numbers(text: str, country: str = "") -> frozenset[str]:
    """The numbers that a cell may hold, read as those of an actor of a country."""
    known = read_cell(text, country)
    return known.registered | known.implied | known.vat


def _identifiers(row: Row, text: str) -> float | None:
    if not row.identifiers:
        return None
    plain, own_plain = letters(text), set(map(letters, row.identifiers))
    asked, own = asked_numbers(text, row.country), numbers(row.identifiers, row.country)
    if asked & own:
        return _ONE_COMPANY if plain not in own_plain and _other_establishment(plain, own_plain) else 1.0
    if _registers(asked) & _registers(own):
        return 0.0
    return _WRITTEN_ALIKE if plain and plain in own_plain else None


def _registers(numbers: frozenset[str]) -> set[str]:
    """The registers of numbers; the VAT numbers of each country are one."""
    return {number[: len("eu:vat:FR")] if number.startswith("eu:vat:") else register_of(number) for number in numbers}


def _other_establishment(plain: str, own: set[str]) -> bool:
    """Whether both are SIRETs: of one company, for its numbers are the same, but not of one place."""
    return len(plain) == _SIRET and any(len(one) == _SIRET for one in own)


def _clusters(row: Row, text: str) -> float | None:
    if not row.clusters:
        return None
    asked = names.parse(text.strip())
    locals_ = [v.local_name(iri) for iri in row.clusters]
    if text.strip() in row.clusters or text.strip() in locals_:
        return 1.0
    return max(similarity.ratio(names.parse(local.replace("-", " ")).plain, asked.plain) for local in locals_)


_COMPARED: dict[str, Callable[[Row, str], float | None]] = {
    "identifiers": _identifiers,
    "website": _website,
    "city": _city,
    "clusters": _clusters,
    "nuts": _nuts,
    "country": _equal("country"),
    "source": _equal("source"),
    "kind": _equal("kind"),
    "size": _equal("size"),
}
