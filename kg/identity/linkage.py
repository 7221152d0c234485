"""How likely two actors are one: Fellegi–Sunter, where each comparison adds its weight to the log-odds.

Weights and thresholds were learnt from pairs labelled by hand and from corrupted copies of real names; see
tests/kg/identity/README.md for which, and `python -m tests.kg.identity` to learn them again.
Source: I. Fellegi and A. Sunter, A Theory for Record Linkage, JASA 64 (1969).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from kg.identity.identifiers import register_of, shown
from kg.identity.profiles import Profile
from kg.similarity import Overlap, misspelt, overlap

SAME, REVIEW, APART, NEVER = "same", "review", "apart", "never"
AUTO_FROM, REVIEW_FROM = 0.97, 0.15  # probabilities

WEIGHTS: dict[str, float] = {
    "start": -2.7,
    "name equal, rare": 5.8,
    "name equal, common": 4.0,
    "name near, rare": 5.0,
    "name near, common": 2.5,
    "name alike": 2.6,
    "name within, rare": 1.8,
    "name part": -1.0,
    "name other": -2.8,
    "town same": 2.1,
    "town other": -0.1,
    "region same": 0.2,
    "region other": -0.6,
    "country other": -3.1,
    "site same": 1.1,
    "site other": -1.4,
    "form same": 0.3,
    "form other": -1.8,
    "VAT same": 4.1,
    "VAT other": -4.0,
    "numbers other": -4.0,
    "numbers one": -1.0,
    "one of several": -4.5,
    "kind other": -1.0,
}
# What never lets two actors be merged without a person, however likely they are one.
_DOUBTS = (
    *("country other", "region other", "town other", "site other", "form other", "kind other", "VAT other"),
    *("numbers other", "numbers one", "numbers many", "one of several"),
    *("name part", "name within, rare", "name alike", "name other"),
)


class Crowd(Protocol):
    """All the actors, as far as they tell what is common in a name."""

    def weigh(self, word: str) -> float:
        """How much a word tells."""

    def sharing(self, number: str) -> int:
        """How many bear a number."""

    @property
    def rare(self) -> float:
        """What the words of a name weigh that few bear by chance."""


MOST_SHARING = 4  # actors of different names that one registered number may make one
# Shares of the words of two names, of both and of the shorter one, from which they have a part in common.
_PART, _WITHIN, _EQUAL = 0.5, 0.95, 0.995
_SHORT = 4  # letters; shorter names are common whoever bears them


class Comparison(NamedTuple):
    """Two actors compared: what was found, the probability that they are one, the verdict, and what says so."""

    found: tuple[str, ...]
    probability: float
    verdict: str  # SAME, REVIEW, APART, or NEVER when their registered numbers differ
    because: tuple[str, ...]
    likely: bool = False  # whether all but the numbers says that they are one


def compare(one: Profile, other: Profile, crowd: Crowd) -> Comparison:
    """Compares two actors among a crowd of others."""
    alike = overlap(one.name, other.name, crowd.weigh)
    rare = alike.weight >= crowd.rare and min(len(one.name.plain), len(other.name.plain)) >= _SHORT
    if alike.share < _PART and alike.contained < _WITHIN and _all(one).isdisjoint(_all(other)):
        differing = numbers(one, other)[1]
        return Comparison(("name other",), 0.0, NEVER if differing else APART, ())
    found = [_name(alike, rare), *_place(one, other), *_rest(one, other)]
    same, differing = numbers(one, other)
    odds = WEIGHTS["start"] + sum(WEIGHTS.get(what, 0.0) for what in found)
    probability = round(_logistic(odds), 4)
    if not same and not differing and (probability < REVIEW_FROM or not _worth_asking(found)):
        return Comparison(tuple(found), probability, APART, ())
    because = _because(one, other, alike, found)
    by_numbers = sum(WEIGHTS[what] for what in found if what.startswith("VAT"))
    likely = _logistic(odds - by_numbers if differing else odds) >= AUTO_FROM
    if differing:
        return Comparison(tuple(found), 0.0, NEVER, (f"registered apart: {differing}", *because), likely)
    if same:
        # A number that several bear under names of their own may be that of who gathered the data.
        unlike = found[0] in ("name other", "name part") and crowd.sharing(same) > MOST_SHARING
        doubtful = "numbers many" in found or unlike
        says = (f"both are {shown(same)}", *because)
        return Comparison(tuple(found), 0.5 if doubtful else 1.0, REVIEW if doubtful else SAME, says)
    sure = likely and not any(doubt in found for doubt in _DOUBTS)
    return Comparison(tuple(found), probability, SAME if sure else REVIEW, because)


def _worth_asking(found: list[str]) -> bool:
    """Whether a person could tell: a place, site or number in common, or a rare name and nothing that says no."""
    if any(what in found for what in ("town same", "site same", "VAT same")):
        return True
    telling = found[0] in ("name equal, rare", "name near, rare")
    return telling and not any(what in found for what in ("country other", "form other", "site other", "VAT other"))


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def numbers(one: Profile, other: Profile) -> tuple[str, str]:
    """(a registered number that both have, what tells them apart: two numbers of one register)."""
    both = one.known.registered & other.known.registered
    if both:
        return min(both), ""
    registers = {register_of(number): number for number in one.known.registered}
    for number in sorted(other.known.registered):
        if (mine := registers.get(register_of(number))) is not None:
            return "", f"{shown(mine)} and {shown(number)}"
    return "", ""


def _all(profile: Profile) -> frozenset[str]:
    """Every number of an actor, also those that several may share."""
    known = profile.known
    return known.registered | known.vat | known.implied if known.vat or known.implied else known.registered


def several_numbers(profile: Profile) -> bool:
    """Whether an actor bears two numbers of one register, as a consortium does: then none of them names it."""
    numbered = profile.known.registered
    return len(numbered) > 1 and len(numbered) > len({register_of(number) for number in numbered})


def _name(alike: Overlap, rare: bool) -> str:
    if alike.share > _EQUAL:
        return "name equal, rare" if rare else "name equal, common"
    if alike.share >= 0.9:
        return "name near, rare" if rare else "name near, common"
    if alike.share >= 0.75:
        return "name alike"
    if rare and alike.contained >= _WITHIN:
        return "name within, rare"
    return "name part" if alike.share >= _PART or alike.contained >= _WITHIN else "name other"


def _place(one: Profile, other: Profile) -> list[str]:
    out = []
    if one.country and other.country and one.country != other.country:
        return ["country other"]
    if one.town and other.town:
        first, second = sorted((one.town.split(), other.town.split()), key=len)
        same = (
            set(first) <= set(second)
            or one.town.replace(" ", "") == other.town.replace(" ", "")
            or misspelt(one.town, other.town)
        )
        out.append("town same" if same else "town other")
    if out != ["town same"]:
        depth = min(len(one.nuts), len(other.nuts))
        if depth > 3 and one.nuts[:4] == other.nuts[:4]:
            out.append("region same")
        elif depth > 2 and one.nuts[:depth] != other.nuts[:depth]:
            out.append("region other")
    return out


def _rest(one: Profile, other: Profile) -> list[str]:
    out = []
    if one.host and other.host:
        out.append("site same" if one.host == other.host else "site other")
    if one.name.forms and other.name.forms:
        same = one.name.forms <= other.name.forms or other.name.forms <= one.name.forms
        out.append("form same" if same and len(one.name.forms) == len(other.name.forms) else "form other")
    mine, theirs = _all(one), _all(other)
    if mine & theirs:
        out.append("VAT same")
    elif {register_of(number) for number in mine} & {register_of(number) for number in theirs}:
        out.append("VAT other")
    if one.name.numbers != other.name.numbers:
        out.append("numbers other" if one.name.numbers and other.name.numbers else "numbers one")
    if one.name.several != other.name.several:
        out.append("one of several")
    if one.kind != other.kind:
        out.append("kind other")
    if several_numbers(one) or several_numbers(other):
        out.append("numbers many")
    return out


def _because(one: Profile, other: Profile, alike: Overlap, found: list[str]) -> tuple[str, ...]:
    """What was compared, in words; names are left to the records, so that who is erased there is erased."""
    says = ["the same name" if alike.share > _EQUAL else f"names {alike.share:.2f} alike"]
    if "town same" in found:
        says.append(f"the same town: {one.town}")
    elif "town other" in found:
        says.append(f"other towns: {one.town}, {other.town}")
    if "country other" in found:
        says.append(f"other countries: {one.country}, {other.country}")
    if "site same" in found:
        says.append(f"the same site: {one.host}")
    if "VAT same" in found and one.known.registered.isdisjoint(other.known.registered):
        says.append(f"the same number, not registered by both: {shown(min(_all(one) & _all(other)))}")
    told = {
        "form other": "other legal forms",
        "VAT other": "other VAT numbers",
        "numbers other": "other numbers in the names",
        "one of several": "one of them is several firms together",
        "region other": "other regions",
        "kind other": f"a {one.kind} and a {other.kind}",
        "site other": f"other sites: {one.host}, {other.host}",
        "numbers many": "one of them bears several numbers of one register",
    }
    says += [words for what, words in told.items() if what in found]
    for profile in (one, other):
        says += [f"not counted: {fault}" for fault in profile.known.faults[:2]]
    return tuple(text[:300] for text in says)
