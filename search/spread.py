"""Competencies → competencies: how far having one answers the need for another, and in what manner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kg.model import Concept
from search import matrices
from search.matrices import Matrix

# How far an actor that has the second concept answers a need for the first.
NARROWER, BROADER, INPUT, CONVERTIBLE, RELATED, BESIDE, FIELD = 0.95, 0.3, 0.3, 0.35, 0.3, 0.45, 0.1
_UPWARDS = 0.99  # for each further step from a code up to the concept that was asked for
_CLASS = 3  # steps below the top of a deep scheme where things are of one class (CPV: division, group, class)
_DEEP = 5  # levels from which a scheme is a deep one
_LARGEST_CLASS = 1000  # concepts of a class beyond which it says too little
_STEPS = 6  # of broader that are followed: CPV, the deepest in use, has five
MANNERS = ("makes", "narrower", "broader", "input", "convertible", "related", "beside")


def spread(concepts: Sequence[Concept]) -> tuple[Matrix, Matrix]:
    """How far having the second concept answers a need for the first [c, c], and in what manner (1 + MANNERS)."""
    place = {concept.iri: number for number, concept in enumerate(concepts)}
    cells: dict[tuple[int, int], tuple[float, str]] = {}

    def put(asked: int, had: int, weight: float, manner: str) -> None:
        if weight > cells.get((asked, had), (0.0, ""))[0]:
            cells[asked, had] = (weight, manner)

    classes, numbers_class, deep = _classes(concepts, place)
    for number, concept in enumerate(concepts):
        put(number, number, 1.0, "makes")
        for weight, above in _ancestors(concept, concepts, place):
            put(above, number, weight, "narrower")
        for name, weight, manner in (
            ("broader", FIELD if concept.scheme in deep else BROADER, "broader"),
            ("inputs", INPUT, "input"),
            ("processes", INPUT, "input"),
            ("substitutes", RELATED, "related"),
            ("related", RELATED, "related"),
        ):
            for iri in getattr(concept, name):
                if iri in place:
                    put(number, place[iri], weight, manner)
        for beside in classes.get(numbers_class[number], ()):
            put(number, beside, BESIDE, "beside")
        for iri in concept.convertible_to:  # who has this concept could turn to that one
            if iri in place:
                put(place[iri], number, CONVERTIBLE, "convertible")
        for iri in concept.matches:  # the same thing in another scheme, both ways
            if iri in place:
                put(number, place[iri], NARROWER, "narrower")
                put(place[iri], number, NARROWER, "narrower")
    size = (len(concepts), len(concepts))
    weights = [weight for weight, _ in cells.values()]
    codes = [1 + MANNERS.index(manner) for _, manner in cells.values()]
    return matrices.matrix(cells, weights, size, np.float32), matrices.matrix(cells, codes, size, np.int8)


def _classes(
    concepts: Sequence[Concept], place: dict[str, int]
) -> tuple[dict[int, list[int]], list[int], frozenset[str]]:
    """Concepts that are of one class in a deep scheme of codes: class → concepts, the class of each (-1: none), and
    which schemes are deep."""
    lines: list[list[int]] = []
    for number, concept in enumerate(concepts):
        line = [number]
        while concept.notation and len(line) <= _STEPS:
            above = [place[iri] for iri in concepts[line[-1]].broader if iri in place]
            if not above:
                break
            line.append(above[0])
        lines.append(line[::-1])
    deep = frozenset(concepts[line[0]].scheme for line in lines if len(line) >= _DEEP)
    own = [line[_CLASS - 1] if len(line) >= _CLASS and concepts[line[0]].scheme in deep else -1 for line in lines]
    classes: dict[int, list[int]] = {}
    for number, found in enumerate(own):
        classes.setdefault(found, []).append(number)
    classes.pop(-1, None)
    return {name: members for name, members in classes.items() if len(members) <= _LARGEST_CLASS}, own, deep


def _ancestors(concept: Concept, concepts: Sequence[Concept], place: dict[str, int]) -> list[tuple[float, int]]:
    """(weight, number) of everything above a concept, nearer ones first."""
    out: dict[int, float] = {}
    level, weight = [place[iri] for iri in concept.broader if iri in place], NARROWER
    for _ in range(_STEPS):
        fresh = [number for number in level if number not in out]
        if not fresh:
            break
        out |= dict.fromkeys(fresh, weight)
        level = [place[iri] for number in fresh for iri in concepts[number].broader if iri in place]
        weight *= _UPWARDS
    return [(weight, number) for number, weight in out.items()]
