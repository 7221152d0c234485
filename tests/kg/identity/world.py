"""The firms of ted and harmed copies of them, compared: what the linkage says of which pairs, beside the truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kg import mapping
from kg.identity.blocking import Catalogue
from kg.identity.linkage import Comparison, compare
from kg.identity.profiles import Profile, of_payload
from kg.model import Actor
from kg.terms import to_payload

PAIRS = Path(__file__).with_name("ted_pairs.tsv")
_BASE = "https://w3id.org/filiere/id/ted/actor/"


class Labelled(NamedTuple):
    """A pair that a person read: both IRIs, "same" or "different", "tuning" or "held", and why."""

    one: str
    other: str
    verdict: str
    part: str
    reason: str


def labelled() -> list[Labelled]:
    """The pairs labelled by hand."""
    with PAIRS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [Labelled(_BASE + r["one"], _BASE + r["other"], r["verdict"], r["part"], r["reason"]) for r in rows]


def profile(actor: Actor) -> Profile:
    """The profile of an actor, by way of its record."""
    found = of_payload(actor.iri, actor.source, to_payload(mapping.to_statements(actor)))
    assert found is not None
    return found


def compared(actors: Iterable[Actor]) -> dict[tuple[str, str], Comparison]:
    """What the linkage says of every pair that blocking finds, by the IRIs of the two in order."""
    catalogue = Catalogue.empty()
    catalogue.changed(map(profile, actors), (), 1)
    out = {}
    for left, right in catalogue.pairs().tolist():
        one, other = catalogue.profile(left), catalogue.profile(right)
        first, second = sorted((one.iri, other.iri))
        out[first, second] = compare(one, other, catalogue)
    return out
