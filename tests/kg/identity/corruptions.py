"""Copies of real actors, harmed as other sources would write them, with the truth known: which copy is of whom."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kg.model import Actor
from kg.names import FORMS, folded, telling

SOURCE, COPIES = "ted", "copies"
_WRITTEN = {
    "gmbh": ("GmbH", "Gesellschaft mit beschränkter Haftung", "gmbh"),
    "sarl": ("SARL", "S.A.R.L.", "Société à responsabilité limitée"),
    "sas": ("SAS", "S.A.S.", "Société par actions simplifiée"),
    "ltd": ("Ltd", "Limited", "LTD."),
    "srl": ("S.R.L.", "SRL", "s.r.l."),
    "spzoo": ("Sp. z o.o.", "Spółka z ograniczoną odpowiedzialnością", "SP. Z O. O."),
    "sa": ("S.A.", "SA", "S. A."),
    "sl": ("S.L.", "SL", "Sociedad Limitada"),
    "bv": ("B.V.", "BV", "b.v."),
    "sro": ("s.r.o.", "s. r. o.", "SRO"),
    "kft": ("Kft.", "Korlátolt Felelősségű Társaság", "KFT"),
    "oy": ("Oy", "OY", "Osakeyhtiö"),
}


def actors(path: Path) -> list[Actor]:
    """The firms of ted/actors.jsonl, without their evidence."""
    keep = ("name", "kind", "country", "nuts", "city", "size", "website")
    out = []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        told = {name: found[name] for name in keep if name in found}
        if told.get("website") and "//" not in told["website"]:
            told["website"] = f"http://{told['website']}"
        if " " in told.get("website", ""):
            del told["website"]
        iri = f"https://w3id.org/filiere/id/{SOURCE}/actor/{found['id']}"
        out.append(Actor(iri, SOURCE, found["id"], identifiers=tuple(found.get("identifiers", ())), **told))
    return out


def typo(name: str, chance: random.Random) -> str:
    """One letter dropped, doubled, swapped with the next, or replaced, in the longest word or any long one."""
    places = [
        at for at in range(1, len(name) - 1) if name[at].isalpha() and name[at + 1].isalpha() and name[at - 1].isalpha()
    ]
    if not places:
        return name
    at = chance.choice(places)
    match chance.randrange(4):
        case 0:
            return name[:at] + name[at + 1 :]
        case 1:
            return name[:at] + name[at] + name[at:]
        case 2:
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + chance.choice("aeinorst") + name[at + 1 :]


def without_form(name: str, chance: random.Random) -> str:
    """The legal form dropped, or written in another way."""
    words = name.split()
    kept = [word for word in words if folded(word).replace(" ", "") not in FORMS]
    form = sorted(telling(name).forms)
    if not kept or len(kept) == len(words):
        return name
    other = _WRITTEN.get(form[0], ()) if len(form) == 1 else ()
    return " ".join([*kept, chance.choice(other)] if other and chance.random() < 0.5 else kept)


def other_letters(name: str, chance: random.Random) -> str:
    """Without accents, Greek and Cyrillic in Latin letters, or all in capitals."""
    if any("\u0370" <= c <= "\u04ff" for c in name):
        return folded(name).title()
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return plain.upper() if chance.random() < 0.6 else plain


def abbreviated(name: str, chance: random.Random) -> str:
    """A long word cut short, or "and" written as a sign."""
    words = name.split()
    long = [at for at, word in enumerate(words) if len(word) > 7 and at]
    if long:
        at = chance.choice(long)
        words[at] = words[at][: chance.randint(4, 6)] + "."
        return " ".join(words)
    for word, sign in ((" et ", " & "), (" und ", " & "), (" and ", " & "), (" y ", " & "), (" i ", " & ")):
        if word in name:
            return name.replace(word, sign)
    return name


def turned(name: str, chance: random.Random) -> str:
    """The words in another order, as with a family name written first."""
    words = name.split()
    if len(words) < 2:
        return name
    cut = chance.randrange(1, len(words))
    return " ".join(words[cut:] + words[:cut])


_NAMES: tuple[Callable[[str, random.Random], str], ...] = (typo, without_form, other_letters, abbreviated, turned)


def copies(firms: Sequence[Actor], count: int, seed: int) -> Iterator[tuple[Actor, str]]:
    """(a harmed copy, the IRI of the firm it is of): the name in one to three ways, the address of one in six moved,
    the number of one in two missing, the site of one in two."""
    chance = random.Random(seed)
    towns: dict[str, list[Actor]] = {}
    for firm in firms:
        if firm.city and firm.country:
            towns.setdefault(firm.country, []).append(firm)
    for number in range(count):
        firm = chance.choice(firms)
        name = firm.name
        for harm in chance.sample(_NAMES, chance.choice((1, 1, 2, 2, 3))):
            name = harm(name, chance)
        more: dict[str, object] = {}
        if chance.random() < 1 / 6:
            there = chance.choice(towns.get(firm.country, [firm]))
            more |= {"city": there.city, "nuts": there.nuts}
        elif chance.random() < 0.2:
            more["city"] = typo(firm.city, chance)
        if chance.random() < 0.5:
            more["identifiers"] = ()
        if chance.random() < 0.5:
            more["website"] = ""
        if chance.random() < 0.3:
            more["nuts"] = firm.nuts[:2]
        id = f"c{seed}-{number}"
        iri = f"https://w3id.org/filiere/id/{COPIES}/actor/{id}"
        yield replace(firm, iri=iri, source=COPIES, id=id, name=name.strip() or firm.name, **more), firm.iri  # type: ignore[arg-type]
