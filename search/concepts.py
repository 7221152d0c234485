"""Text → competencies, and competencies → competencies: labels, their vectors, and the graph between them.

A concept is reached by a label that stands in the text, or by the vectors of its labels: one prototype for its
preferred labels in all languages together, one for each other label. `spread` says how far having one concept
answers the need for another, and in what manner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.model import Concept
from search import calibration, matrices
from search.calibration import Tuning
from search.encoder import Encoder, normalise
from search.labels import LabelTable, words
from search.matrices import Matrix
from search.records import Records
from search.spread import MANNERS, spread
from search.vectors import VectorIndex

_MOST_HITS = 96
_WHOLE_LABEL = 1.0
_PART_OF_TEXT = 0.55  # a label that is some of a long text's words; the more of them, the nearer to 1
_PART_LEAST = 0.35  # share of the text below which a label inside it is not taken for what the text is about
_BATCH = 4096  # texts encoded at a time
_KEPT_ROWS = 20_000  # of the table, some 10 MB
_SAID_ALREADY = 0.75  # cosine from which another label of a concept adds nothing


class Hit(NamedTuple):
    """A concept that a text is about: its number, the cosine (1 for its very label), by which label (-1 for all)."""

    concept: int
    score: float
    label: int


class Concepts:
    """All concepts of a generation."""

    def __init__(
        self,
        table: Records,
        labels: Records,
        named: NDArray[np.int32],
        found: LabelTable,
        prototypes: VectorIndex,
        owners: NDArray[np.int32],
        schemes: NDArray[np.int16],
        spread: Matrix,
        manners: Matrix,
        tuning: Tuning,
    ) -> None:
        self.table = table  # [iri, scheme, notation, {language: preferred label}, {field: [concepts]}]
        self.labels = labels  # [concept, kind of label, text, language]
        self._named = named  # the concept of each label
        self._found = found
        self._prototypes = prototypes
        self._middle_of = owners[owners[:, 1] < 0, 0]  # the first prototypes, in the order of their concepts
        self._owners = owners  # concept and label of each prototype [n, 2]
        self.schemes = schemes  # a number for the scheme of each concept
        self._spread_matrix = spread  # [concept asked for, concept had] → 0 to 1
        self._manners = manners  # the same cells → 1 + index in MANNERS
        self.tuning = tuning
        self._rows: dict[int, Any] = {}

    @classmethod
    def build(cls, concepts: Sequence[Concept], encoder: Encoder) -> Concepts:
        """The concepts, their labels encoded."""
        ordered = sorted(concepts, key=lambda c: c.iri)
        labels = _labels(ordered)
        prototypes, owners = _prototypes(ordered, labels, encoder)
        worth, manners = spread(ordered)
        return cls(
            Records.of(_rows(ordered)),
            Records.of(labels),
            np.array([number for number, *_ in labels], dtype=np.int32),
            LabelTable.of(text for _, _, text, _ in labels),
            VectorIndex.of(prototypes),
            owners,
            _schemes(ordered),
            worth,
            manners,
            calibration.of(encoder.name).tuning,
        )

    def write(self, folder: Path) -> None:
        """Writes the files of the concepts."""
        self.table.write(folder, "concepts")
        self.labels.write(folder, "labels")
        np.savez(
            folder / "label_keys.npz",
            keys=self._found.keys,
            labels=self._found.labels,
            firsts=self._found.firsts,
            longest=self._found.longest,
            named=self._named,
            owners=self._owners,
            schemes=self.schemes,
        )
        self._prototypes.write(folder / "prototypes.faiss")
        matrices.write(folder / "spread.npz", self._spread_matrix)
        matrices.write(folder / "manners.npz", self._manners)

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> Concepts:
        """The concepts that `write` left in `folder`."""
        arrays = np.load(folder / "label_keys.npz")
        return cls(
            Records.open(folder, "concepts"),
            Records.open(folder, "labels"),
            arrays["named"],
            LabelTable(arrays["keys"], arrays["labels"], arrays["firsts"], arrays["longest"]),
            VectorIndex.open(folder / "prototypes.faiss", dimension=encoder.dimension),
            arrays["owners"],
            arrays["schemes"],
            matrices.read(folder / "spread.npz"),
            matrices.read(folder / "manners.npz"),
            calibration.of(encoder.name).tuning,
        )

    def __len__(self) -> int:
        return len(self.table)

    def _row(self, number: int) -> Any:
        """One row of the table; those that answers came to are kept at hand."""
        found = self._rows.get(number)
        if found is None:
            found = self.table[number]
            if len(self._rows) < _KEPT_ROWS:
                self._rows[number] = found
        return found

    def iri(self, number: int) -> str:
        """The IRI of a concept by number."""
        return str(self._row(number)[0])

    def numbers(self) -> dict[str, int]:
        """IRI → number."""
        return {str(self.table[number][0]): number for number in range(len(self))}

    def by_code(self) -> dict[str, int]:
        """`scheme:notation` → number, for concepts that have a notation."""
        rows = (self.table[number] for number in range(len(self)))
        return {f"{row[1]}:{row[2]}": number for number, row in enumerate(rows) if row[2]}

    def understand(self, texts: Sequence[str], vectors: NDArray[np.float32], most: int = _MOST_HITS) -> list[list[Hit]]:
        """What each text is about, surest first; `vectors` [n, d] are the texts', encoded."""
        out: list[list[Hit]] = []
        for start in range(0, len(texts), _BATCH):
            part = slice(start, start + _BATCH)
            scores, rows = self._prototypes.search(vectors[part], most * 2)
            out += [
                self._hits(text, *near, most)
                for text, near in zip(texts[part], zip(scores, rows, strict=True), strict=True)
            ]
        return out

    def _hits(self, text: str, scores: NDArray[np.float32], rows: NDArray[np.int64], most: int) -> list[Hit]:
        best: dict[int, Hit] = {}
        for found in self._by_label(text):
            if found.score > best.get(found.concept, found._replace(score=0.0)).score:
                best[found.concept] = found
        known = int(np.count_nonzero((rows >= 0) & (scores > self.tuning.floor[1])))  # they come best first
        owners = self._owners[rows[:known]].tolist()
        for score, (concept, label) in zip(scores[:known].tolist(), owners, strict=True):
            if concept not in best:
                best[concept] = Hit(concept, min(1.0, score), label)
            elif score > best[concept].score:
                best[concept] = best[concept]._replace(score=min(1.0, score))
        return sorted(best.values(), key=lambda hit: -hit.score)[:most]

    def _by_label(self, text: str) -> list[Hit]:
        parts = words(text)
        total = max(1, sum(map(len, parts)))
        hits = []
        # A few words inside a long text are seldom what it is about.
        for label, start, end in self._found.find(parts, _PART_LEAST * total):
            share = sum(map(len, parts[start:end])) / total
            sure = _WHOLE_LABEL if share == 1 else _PART_OF_TEXT + (0.9 - _PART_OF_TEXT) * share
            hits.append(Hit(int(self._named[label]), sure, label))
        return hits

    def middles(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Where some concepts lie, in whatever language they are said [n, d]; zeros for one without a label."""
        out = np.zeros((len(numbers), self._prototypes.dimension), dtype=np.float32)
        at = np.searchsorted(self._middle_of, numbers)
        known = [n for n, place in enumerate(at.tolist()) if place < len(self._middle_of)]
        known = [n for n in known if self._middle_of[at[n]] == numbers[n]]
        if known:
            out[known] = self._prototypes.rows(at[known])
        return out

    def neighbours(self, asked: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(concepts, weights) of everything that answers a need for a concept."""
        columns, weights = matrices.row(self._spread_matrix, asked)
        return columns, weights.astype(np.float32, copy=False)

    def worth(self, asked: int, had: int) -> float:
        """How far having one concept answers the need for another, 0 to 1."""
        return matrices.cell(self._spread_matrix, asked, had)

    def label(self, number: int, lang: str) -> str:
        """The preferred label in a language, else in English, else any, else the notation."""
        row = self._row(number)
        labels: dict[str, str] = row[3]
        return labels.get(lang) or labels.get("en") or next(iter(labels.values()), row[2])

    def code(self, number: int) -> str:
        """`scheme:notation`, or "" for a concept without one."""
        row = self._row(number)
        return f"{row[1]}:{row[2]}" if row[2] else ""

    def path(self, asked: int, had: int) -> list[tuple[int, str, int]]:
        """(concept, field of Concept, concept) steps that join two concepts; [] when they are one or not joined."""
        for one, other in ((asked, had), (had, asked)):
            for name, targets in self._row(one)[4].items():
                if other in targets:
                    return [(one, name, other)]
        steps: dict[int, tuple[int, int]] = {}
        waiting = [had]
        while waiting and asked not in steps:
            number = waiting.pop(0)
            for above in self._row(number)[4].get("broader", ()):
                if above not in steps:
                    steps[above] = (number, above)
                    waiting.append(above)
        out: list[tuple[int, str, int]] = []
        at = asked
        while at in steps and at != had:
            below, above = steps[at]
            out.insert(0, (below, "broader", above))
            at = below
        return out

    def manner(self, asked: int, had: int) -> str:
        """How having one concept answers the need for another: one of MANNERS, or "" when it does not."""
        code = int(matrices.cell(self._manners, asked, had))
        return MANNERS[code - 1] if code else ""


def _schemes(concepts: Sequence[Concept]) -> NDArray[np.int16]:
    place = {scheme: number for number, scheme in enumerate(sorted({concept.scheme for concept in concepts}))}
    return np.array([place[concept.scheme] for concept in concepts], dtype=np.int16)


_EDGES = ("broader", "related", "inputs", "processes", "substitutes", "convertible_to", "matches")


def _rows(concepts: Sequence[Concept]) -> Iterator[list[object]]:
    place = {concept.iri: number for number, concept in enumerate(concepts)}
    for concept in concepts:
        labels = {text.lang: text.text for text in concept.preferred}
        edges = {name: [place[iri] for iri in getattr(concept, name) if iri in place] for name in _EDGES}
        yield [concept.iri, concept.scheme, concept.notation, labels, {n: found for n, found in edges.items() if found}]


def _labels(concepts: Sequence[Concept]) -> list[tuple[int, str, str, str]]:
    """[concept, kind of label, text, language] of what a need can mean; nobody needs "a product" as such."""
    above = {iri for concept in concepts for iri in concept.broader}
    out: list[tuple[int, str, str, str]] = []
    for number, concept in enumerate(concepts):
        if concept.iri in above and not concept.broader and not concept.notation:
            continue
        for kind in ("preferred", "alternative", "hidden"):
            out += [(number, kind, text.text, text.lang) for text in getattr(concept, kind)]
    return out


def _prototypes(
    concepts: Sequence[Concept], labels: Sequence[tuple[int, str, str, str]], encoder: Encoder
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vectors [n, d] and their (concept, label) [n, 2]; label -1 stands for all preferred labels together.

    A concept that the encoder has an anchor for lies there. Of the other labels those are kept that lie far from the
    concept's vectors so far: labels in 22 languages mostly say the same.
    """
    anchored = _anchored(concepts, encoder)
    spoken = [at for at, (number, *_) in enumerate(labels) if number not in anchored]
    rows = np.zeros((len(labels), encoder.dimension), dtype=np.float32)
    for start in range(0, len(spoken), _BATCH):
        part = spoken[start : start + _BATCH]
        rows[part] = encoder.encode([labels[at][2] for at in part])
    middle = np.zeros((len(concepts), encoder.dimension), dtype=np.float32)
    others: dict[int, list[int]] = {}
    for at in spoken:
        number, kind, _, _ = labels[at]
        if kind == "preferred":
            middle[number] += rows[at]
        else:
            others.setdefault(number, []).append(at)
    labelled = sorted({labels[at][0] for at in spoken if labels[at][1] == "preferred"})
    middle = normalise(middle)
    for number, vector in anchored.items():
        middle[number] = vector
    at_middle = sorted({*labelled, *anchored})
    far = [(number, at) for number, found in others.items() for at in _far(middle[number], found, rows)]
    owners = [(number, -1) for number in at_middle] + far
    vectors = np.concatenate([middle[at_middle], rows[[at for _, at in far]]])
    return vectors, np.array(owners, dtype=np.int32).reshape(-1, 2)


def _anchored(concepts: Sequence[Concept], encoder: Encoder) -> dict[int, NDArray[np.float32]]:
    if encoder.anchors is None:
        return {}
    place = encoder.anchors.place
    codes = ((number, f"{concept.scheme}:{concept.notation}") for number, concept in enumerate(concepts))
    return {number: encoder.anchors.vectors[place[code]] for number, code in codes if code in place}


def _far(middle: NDArray[np.float32], labels: Sequence[int], rows: NDArray[np.float32]) -> list[int]:
    """Those of the labels whose vector is far from the middle and from those chosen before."""
    vectors = np.concatenate([middle[None, :], rows[labels]])
    near = vectors @ vectors.T
    kept: list[int] = [0]
    for at in range(1, len(vectors)):
        if near[at, kept].max() < _SAID_ALREADY:
            kept.append(at)
    return [labels[at - 1] for at in kept[1:]]
