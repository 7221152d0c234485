"""The graph of suggested tags: what the index links actors to and nobody has decided on, a projection of the index.

Its mark says from which seq and by what it was made, and bears a checksum of what it says, so that a graph that was
cut short, is behind, or says something else is found. Where much changes it is written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from kg import mapping
from kg import vocabulary as v
from kg.faults import point
from kg.graph import Graph
from kg.journal import Journal
from kg.model import SuggestedTag
from kg.rdf import Quad
from kg.terms import iri, literal

# Confidence from which a tag is stated in the graph; weaker ones take part in matching and are listed, but stated they
# would make an import of 10,000 actors 30 % longer instead of 20 %, and say less.
LEAST = 0.6
_FEW = 200  # actors whose tags are swapped in one atomic update
_MANY = 0.25  # share of all actors from which writing everything again is cheaper than taking out what was
_SUM = 2**128  # checksums of actors are added modulo this, so that their order does not matter
_PREDICATES = mapping.predicates()


class Mark(NamedTuple):
    """The state of the suggested graph: the journal's seq, what made it (encoder and concepts), and a checksum."""

    seq: int
    by: str
    checksum: int = 0

    def __str__(self) -> str:
        return f"{self.seq} {self.by} {self.checksum:032x}"


class Tags(NamedTuple):
    """What an index says: at which seq, made by what, of how many actors; the tags of all of them, and of one."""

    seq: int
    by: str
    actors: int
    all: Callable[[], Iterable[Sequence[SuggestedTag]]]
    of: Callable[[str], Sequence[SuggestedTag]]


def mark_of(graph: Graph) -> Mark | None:
    """The mark of the suggested graph, or None when it is not there or not whole."""
    seq, _, rest = graph.suggested_from().partition(" ")
    by, _, checksum = rest.rpartition(" ")
    return Mark(int(seq), by, int(checksum, 16)) if by else None


def stands(graph: Graph, seq: int, by: str) -> bool:
    """Whether the suggested graph is what an index at this seq, made by this, says."""
    mark = mark_of(graph)
    return mark is not None and (mark.seq, mark.by) == (seq, by)


@lru_cache(maxsize=65_536)
def _end(competency: str) -> str:
    return hashlib.sha256(competency.encode()).hexdigest()[:16]


def lines(tags: Iterable[SuggestedTag]) -> list[str]:
    """The N-Triples lines of the tags that are sure enough: each a node below its actor's IRI, and the direct link."""
    out: list[str] = []
    for tag in tags:
        if tag.confidence < LEAST:
            continue
        node, actor, competency = f"<{tag.actor}/tag/{_end(tag.competency)}>", iri(tag.actor), iri(tag.competency)
        sure = f"{tag.confidence:.2f}".rstrip("0").rstrip(".")  # as the store gives it back
        out += (
            f"{actor} <{v.NS}suggestedCompetency> {competency} .\n",
            f"{node} <{v.NS}actor> {actor} .\n",
            f"{node} <{v.NS}concerns> {competency} .\n",
            f'{node} <{v.NS}confidence> "{sure}"^^<{v.XSD}decimal> .\n',
            f"{node} <{v.NS}words> {literal(tag.words.text, tag.words.lang)} .\n",
            f"{node} <{v.NS}field> <{_PREDICATES[tag.field]}> .\n",
        )
    return sorted(out)


def _checksum(found: Iterable[str]) -> int:
    """Of the sorted lines of one actor; an actor without tags adds nothing."""
    text = "".join(found)
    return int(hashlib.sha256(text.encode()).hexdigest()[:32], 16) if text else 0


def bring_up(
    graph: Graph,
    journal: Journal,
    tags: Tags,
    touched: Callable[[int], Collection[str]],
    anew: bool = False,
) -> None:
    """Makes the suggested graph what the index says; `touched` names the actors that changed after a seq.

    `anew` writes everything again, whatever stands.
    """
    mark = mark_of(graph)
    if anew or mark is None or mark.by != tags.by or mark.seq > tags.seq or not mark.checksum:
        _write_all(graph, journal, tags)
    elif mark.seq < tags.seq:
        changed = sorted(touched(mark.seq))
        if len(changed) <= _FEW:
            _swap(graph, changed, tags, mark)
        elif len(changed) > _MANY * tags.actors and _said(graph, changed) > _MANY * tags.actors:
            _write_all(graph, journal, tags)
        else:
            _swap_many(graph, changed, tags, mark)


def _said(graph: Graph, actors: Iterable[str]) -> int:
    """Of how many of the actors the suggested graph says anything."""
    return sum(bool(graph.suggested_of(actor)) for actor in actors)


def _swap(graph: Graph, actors: Iterable[str], tags: Tags, mark: Mark) -> None:
    """What the graph says of a few actors for what the index says, as one atomic update."""
    point("suggested.begun")
    removed, added, change = _difference(graph, actors, tags)
    graph.change_suggested(removed, added, str(Mark(tags.seq, tags.by, (mark.checksum + change) % _SUM)))
    point("suggested.written")


def _swap_many(graph: Graph, actors: Iterable[str], tags: Tags, mark: Mark) -> None:
    """The same for many actors, part by part; until it is done the graph counts as not whole."""
    graph.change_suggested((), "", "")
    point("suggested.begun")
    total, left = mark.checksum, iter(actors)
    while part := list(islice(left, _FEW)):
        removed, added, change = _difference(graph, part, tags)
        graph.change_suggested(removed, "", "")
        graph.load_suggested([added])
        total += change
    graph.change_suggested((), "", str(Mark(tags.seq, tags.by, total % _SUM)))
    point("suggested.written")


def _difference(graph: Graph, actors: Iterable[str], tags: Tags) -> tuple[list[Quad], str, int]:
    """(what goes, what comes, change of the checksum) for some actors."""
    removed: list[Quad] = []
    added: list[str] = []
    change = 0
    for actor in actors:
        before, after = graph.suggested_of(actor), lines(tags.of(actor))
        change += _checksum(after) - _checksum(sorted(map(_line, before)))
        removed += before
        added += after
    return removed, "".join(added), change


def _line(quad: Quad) -> str:
    return f"{quad.subject} {quad.predicate} {quad.object} .\n"


def _write_all(graph: Graph, journal: Journal, tags: Tags) -> None:
    """Everything the index says; what was there before goes first."""
    if next(graph.suggested(), None) is not None:
        graph.drop_suggested(journal.entities())
    point("suggested.begun")
    total = 0

    def written() -> Iterator[str]:
        nonlocal total
        for found in tags.all():
            text = "".join(lines(found))
            total += _checksum([text])
            yield text

    graph.load_suggested(written())
    graph.change_suggested((), "", str(Mark(tags.seq, tags.by, total % _SUM)))
    point("suggested.written")


def check(graph: Graph, seq: int, by: str) -> str:
    """What is wrong with the suggested graph beside an index at this seq, made by this; "" when nothing is."""
    mark = mark_of(graph)
    if mark is not None and mark.seq == seq and mark.by != by:
        return "The graph of suggested tags was made from another index."
    if mark is None or mark.seq != seq:
        return f"The graph of suggested tags stands at seq {mark.seq if mark else 0}, the index at {seq}."
    actors: dict[str, list[str]] = {}
    try:
        for quad in graph.suggested():
            direct = str(quad.predicate) == f"<{v.NS}suggestedCompetency>"
            subject = str(quad.subject)[1:-1]
            actors.setdefault(subject if direct else subject.rpartition("/tag/")[0], []).append(_line(quad))
    except (OSError, RuntimeError) as error:
        return f"The graph of suggested tags cannot be read ({error})."
    if sum(_checksum(sorted(found)) for found in actors.values()) % _SUM != mark.checksum:
        return "The graph of suggested tags does not hold what the index says."
    return ""
