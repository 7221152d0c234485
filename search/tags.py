"""Which competencies actors are tagged with, how surely, and by which words: what the index suggests, for people."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.model import SuggestedTag, Text
from search.concepts import Concepts
from search.generation import Generation
from search.results import ActorSummary
from search.segment import Link, Segment


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag with who bears it; `label` is the competency's, in the language that was asked for."""

    actor: ActorSummary
    tag: SuggestedTag
    label: str


def of(generation: Generation, iri: str) -> list[SuggestedTag]:
    """What the index suggests for the actor with this IRI and nobody has decided on; [] when it holds no such actor."""
    for segment, number in _places(generation, iri):
        concepts, links = generation.concepts, segment.links(number)
        return [_tag(concepts, segment, x, iri, concepts.iri(x.concept)) for x in links if not x.confirmed]
    return []


def suggested(generation: Generation) -> Iterator[list[SuggestedTag]]:
    """The same for every actor, one after the other."""
    concepts = generation.concepts
    iris = list(concepts.numbers())
    for segment, standing in generation.segments():
        for number in range(len(segment)):
            if standing is None or standing[number]:
                actor, links = segment.iri(number), segment.links(number)
                yield [_tag(concepts, segment, x, actor, iris[x.concept]) for x in links if not x.confirmed]


def tagged(
    generation: Generation, actor: str = "", competency: str = "", lang: str = "en", start: int = 0, end: int = 100
) -> tuple[int, list[Tagged]]:
    """(how many suggested tags there are, those from `start` to `end`), of one actor or competency or of all.

    Those of one actor or one competency come surest first, all of them actor by actor.
    """
    segments = generation.segments()
    found = [_cells(generation, segment, standing, actor, competency) for segment, standing in segments]
    which = np.repeat(np.arange(len(found)), [len(actors) for actors, _, _ in found])
    actors, concepts, sure = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-sure, kind="stable") if actor or competency else np.arange(len(sure))
    page = order[start:end].tolist()
    return len(order), [
        _tagged(generation, segments[which[at]][0], int(actors[at]), int(concepts[at]), lang) for at in page
    ]


def confirmed(generation: Generation, actor: str, competency: str, lang: str = "en") -> Tagged | None:
    """The tag that a person confirmed, as the index has it; None when the index lacks the actor or the competency."""
    concept = _number(generation.concepts, competency)
    for segment, number in _places(generation, actor):
        if concept is not None and segment.confirmed(number, concept):
            return _tagged(generation, segment, number, concept, lang)
    return None


def _number(concepts: Concepts, iri: str) -> int | None:
    at = bisect_left(range(len(concepts)), iri, key=concepts.iri)  # concepts are numbered in the order of their IRIs
    return at if at < len(concepts) and concepts.iri(at) == iri else None


def _places(generation: Generation, iri: str) -> Iterator[tuple[Segment, int]]:
    """Where the actor with this IRI stands: once at most."""
    for segment, standing in generation.segments():
        for number in segment.find([iri]).tolist():
            if standing is None or standing[number]:
                yield segment, number


def _cells(
    generation: Generation, segment: Segment, standing: NDArray[np.bool_] | None, actor: str, competency: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """(actors, concepts, how surely) of the suggested tags of a segment that are asked for."""
    tags, mask = segment.tags, segment.undecided()
    owners = np.repeat(np.arange(len(segment)), np.diff(tags.indptr))
    if standing is not None:
        mask = mask & standing[owners]
    if actor:
        mask = mask & np.isin(owners, segment.find([actor]))
    if competency:
        number = _number(generation.concepts, competency)
        mask = mask & (tags.indices == (-1 if number is None else number))
    return owners[mask], tags.indices[mask].astype(np.int64), tags.data[mask].astype(np.float32)


def _tagged(generation: Generation, segment: Segment, number: int, concept: int, lang: str) -> Tagged:
    link = next(link for link in segment.links(number) if link.concept == concept)
    concepts = generation.concepts
    tag = _tag(concepts, segment, link, segment.iri(number), concepts.iri(concept))
    return Tagged(segment.summary(number), tag, concepts.label(concept, lang))


def _tag(concepts: Concepts, segment: Segment, link: Link, actor: str, competency: str) -> SuggestedTag:
    if link.passage is None:  # the actor bears the code; or a person said what no words do
        said, field = ("", "") if link.confirmed else (concepts.code(link.concept), "codes")
        return SuggestedTag(actor, competency, round(link.sure, 2), Text(said), field)
    passage = segment.passage(link.passage)
    return SuggestedTag(actor, competency, round(link.sure, 2), Text(passage.text, passage.lang), passage.field)
