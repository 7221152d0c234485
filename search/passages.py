"""Which pieces of an actor are matched, and in which language: what it makes and what is proven, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kg.model import Actor, Evidence, Text

LONGEST = 600  # characters of a piece; what a contract is about is said in its first lines
_DESCRIPTION_PIECES = 6
_REPEATING = 12  # words from which a text is looked at for repetition
_REPEATED = 4  # times that each of its words stands there, on average, when it is nothing else
_SENTENCE = re.compile(r"(?<=[.!?;…])\s+|\s*[\n•]\s*")
# A piece about what is made says more than one from a text about the house.
TRUST = {
    "makes": 1.0,
    "processes": 0.9,
    "certifications": 0.9,
    "evidence": 1.0,
    "sectors": 0.75,
    "descriptions": 0.8,
    "name": 0.5,
}


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of an actor. `said` is the literal in the graph, `text` what is encoded and indexed."""

    field: str  # a field of Actor, or "evidence"
    text: str
    said: str
    lang: str = ""
    node: str = ""  # IRI of the evidence
    part: str = ""  # "title" or "text", for evidence
    date: str = ""
    source: str = ""
    url: str = ""
    buyer: str = ""
    status: str = ""
    codes: tuple[str, ...] = ()


def repeats(text: str) -> bool:
    """Whether a text says the same few words over and over, as only one that is written to be found does."""
    said = text.casefold().split()
    return len(said) >= _REPEATING and len(set(said)) * _REPEATED <= len(said)


def passages(actor: Actor) -> list[Passage]:
    """The pieces of an actor, each text once."""
    seen: set[str] = set()
    out: list[Passage] = []
    for passage in _pieces(actor):
        key = passage.field + "\0" + passage.text.casefold()
        if passage.text and key not in seen:
            seen.add(key)
            out.append(passage)
    return out


def _pieces(actor: Actor) -> Iterator[Passage]:
    shown = next(iter(sorted(actor.evidence, key=lambda e: e.date)), None)
    for name in ("makes", "processes", "certifications", "sectors"):
        texts: tuple[Text, ...] = getattr(actor, name)
        for item in texts:
            yield Passage(
                name,
                item.text[:LONGEST],
                item.text,
                item.lang,
                date=shown.date if shown else "",
                url=shown.url if shown else "",
            )
    for evidence in actor.evidence:
        yield from _evidence(evidence)
    for item in actor.descriptions:
        pieces = [piece.strip() for piece in _SENTENCE.split(item.text) if piece.strip()]
        for piece in pieces[:_DESCRIPTION_PIECES]:
            yield Passage("descriptions", piece[:LONGEST], item.text, item.lang)
    yield Passage("name", actor.name[:LONGEST], actor.name)


def _evidence(evidence: Evidence) -> Iterator[Passage]:
    both = [part for part in (evidence.title, evidence.text) if part]
    if len(both) == 2 and both[0].casefold() in both[1].casefold():
        both = both[1:]
    text = " ".join(". ".join(part.rstrip(". ") for part in both).split())[:LONGEST]
    if not text and not evidence.codes:
        return
    yield Passage(
        "evidence",
        text or "; ".join(evidence.codes),
        evidence.text or evidence.title,
        evidence.lang,
        evidence.iri,
        "text" if evidence.text else "title",
        evidence.date,
        evidence.source,
        evidence.url,
        evidence.buyer,
        evidence.status,
        evidence.codes,
    )
