"""Actors made ready to be matched: their passages, vectors, keywords, competencies and properties.

A generation holds one segment on disk; what is fresher than it is another one, in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search import matrices
from search.columns import Columns, tie
from search.concepts import Concepts, Hit
from search.encoder import Encoder
from search.keywords import KeywordIndex
from search.labels import words
from search.matrices import Matrix
from search.passages import TRUST, Passage, passages, repeats
from search.records import Records
from search.results import ActorSummary
from search.understanding import shares
from search.vectors import VectorIndex

_BATCH = 4096  # passages encoded at a time
_TAGS = 4  # competencies that one passage can give
_TAG_LEAST = 0.4  # certainty from which words about what an actor does give it a competency
_TAG_LEAST_REPORTED = 0.55  # the same for what is reported of it, which says more and means less of it
_HALF = 0.3  # share of a passage's meaning that makes a competency about two thirds certain
_CODE = 1.0  # a code that the source itself gave
_CLAIMS = 25  # different competencies that an actor's texts are believed to be about; hardly a firm of ours says more
_CONFIRMED = 1.0  # what a person confirmed
Step = Callable[[str, int, int], None]
Verdicts = Mapping[str, Mapping[str, bool]]  # actor's IRI → competency's IRI → confirmed (True) or rejected (False)


class Groups(NamedTuple):
    """Passages by the vector of their text: those of vector v are members[starts[v]:starts[v + 1]]."""

    starts: NDArray[np.int64]
    members: NDArray[np.int32]

    @classmethod
    def of(cls, spoken: NDArray[np.int32], count: int) -> Groups:
        """The groups of `count` vectors, from the vector of each passage; -1 is in none."""
        order = np.argsort(spoken, kind="stable").astype(np.int32)
        starts = np.searchsorted(spoken, np.arange(count + 1), sorter=order)
        return cls(starts - starts[0], order[starts[0] :])

    def standing(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which vectors have an allowed passage [v], from which passages are allowed [n]."""
        before = np.concatenate([[0], np.cumsum(allowed[self.members])])
        out: NDArray[np.bool_] = before[self.starts[1:]] > before[self.starts[:-1]]
        return out

    def expand(self, vectors: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(passages, which of `vectors` each has) in the order of `vectors`."""
        starts = self.starts[vectors]
        counts = self.starts[vectors + 1] - starts
        which = np.repeat(np.arange(len(vectors)), counts)
        places = np.arange(len(which)) + (starts - (np.cumsum(counts) - counts))[which]
        return self.members[places], which


class Link(NamedTuple):
    """A tag of an actor: the concept, how surely, the passage that says so if one does, and whether it is confirmed."""

    concept: int
    sure: float
    passage: int | None
    confirmed: bool


class Segment:
    """Actors, numbered from 0, and everything a need is compared with."""

    def __init__(
        self,
        actors: Records,
        texts: Records,
        owners: NDArray[np.int32],
        columns: Columns,
        vectors: VectorIndex,
        said: Groups,
        keywords: KeywordIndex,
        tags: Matrix,
        causes: Matrix,
        believed: NDArray[np.float32],
    ) -> None:
        self.actors = actors
        self._texts = texts
        self.owners = owners  # the actor of each passage
        self.columns = columns
        self.vectors = vectors  # one a text, however many passages say it
        self.said = said  # the passages of each vector
        self.keywords = keywords
        self.tags = tags  # [actor, concept] → how surely the actor has it
        # The same cells → 1 + the passage that says so, 0 for a code of the actor itself or nothing; what a person
        # confirmed has -1 minus that.
        self._causes = causes
        self.believed = believed  # how far each actor's texts are believed, 0 to 1: less when it claims very much

    @classmethod
    def build(
        cls,
        actors: Sequence[Actor],
        concepts: Concepts,
        encoder: Encoder,
        folder: Path | None = None,
        progress: Step | None = None,
        verdicts: Verdicts | None = None,
    ) -> Segment:
        """The segment of the actors; its keyword index lies below `folder` when one is given.

        What `verdicts` reject is no tag of the actor, what they confirm is one for sure.
        """
        texts: list[Passage] = []
        owners: list[int] = []
        for number, actor in enumerate(actors):
            found = passages(actor)
            texts += found
            owners += [number] * len(found)
        vectors, spoken = _encode(texts, encoder, progress)
        tags, causes, believed = _tag(actors, texts, owners, vectors, spoken, concepts, verdicts or {})
        return cls(
            Records.of(_summary(actor) for actor in actors),
            Records.of(list(_flat(passage)) for passage in texts),
            np.array(owners, dtype=np.int32),
            Columns.of(actors),
            VectorIndex.of(vectors),
            Groups.of(spoken, len(vectors)),
            KeywordIndex.build(((p.text, p.lang) for p in texts), folder / "keywords" if folder else None),
            tags,
            causes,
            believed,
        )

    def write(self, folder: Path) -> None:
        """Writes everything but the keyword index, which was built in place."""
        self.actors.write(folder, "actors")
        self._texts.write(folder, "passages")
        np.save(folder / "owners.npy", self.owners)
        self.columns.write(folder)
        self.vectors.write(folder / "passages.faiss")
        np.savez(folder / "said.npz", starts=self.said.starts, members=self.said.members)
        matrices.write(folder / "tags.npz", self.tags)
        matrices.write(folder / "causes.npz", self._causes)
        np.save(folder / "believed.npy", self.believed)

    @classmethod
    def open(cls, folder: Path, dimension: int) -> Segment:
        """The segment that was written to `folder`. Raises DamagedData."""
        texts = Records.open(folder, "passages")
        said = np.load(folder / "said.npz")
        return cls(
            Records.open(folder, "actors"),
            texts,
            np.load(folder / "owners.npy"),
            Columns.open(folder),
            VectorIndex.open(folder / "passages.faiss", dimension=dimension),
            Groups(said["starts"], said["members"]),
            KeywordIndex.open(folder / "keywords", len(texts)),
            matrices.read(folder / "tags.npz"),
            matrices.read(folder / "causes.npz"),
            np.load(folder / "believed.npy"),
        )

    def __len__(self) -> int:
        return len(self.actors)

    @cached_property
    def bearers(self) -> Matrix:
        """[concept, actor] → how surely the actor has it."""
        return matrices.transposed(self.tags)

    def summary(self, number: int) -> ActorSummary:
        """What a list of results shows of an actor."""
        found: dict[str, Any] = self.actors[number]
        return ActorSummary(**{**found, "clusters": tuple(found["clusters"])})

    def iri(self, number: int) -> str:
        """The IRI of an actor by number."""
        return str(self.actors[number]["iri"])

    def find(self, iris: Iterable[str]) -> NDArray[np.int64]:
        """The numbers of the actors with these IRIs, in order; those that are not here are left out."""
        wanted = set(iris)
        near = np.flatnonzero(np.isin(self.columns.ties, np.array([tie(iri) for iri in wanted], dtype=np.uint64)))
        return np.array([number for number in near.tolist() if self.iri(number) in wanted], dtype=np.int64)

    def tags_of(self, actor: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(concepts, how surely) of an actor."""
        columns, sure = matrices.row(self.tags, actor)
        return columns, sure.astype(np.float32, copy=False)

    def passage(self, number: int) -> Passage:
        """One passage by number."""
        found = self._texts[number]
        *texts, codes = found
        return Passage(*(*texts, tuple(codes)))

    def passages_of(self, actor: int) -> range:
        """The numbers of an actor's passages."""
        low, high = np.searchsorted(self.owners, [actor, actor + 1])
        return range(int(low), int(high))

    def cause(self, actor: int, concept: int) -> int | None:
        """The passage by which an actor has a concept; None when the actor itself bears the code or nothing says it."""
        found = int(matrices.cell(self._causes, actor, concept))
        found = -1 - found if found < 0 else found
        return found - 1 if found > 0 else None

    def confirmed(self, actor: int, concept: int) -> bool:
        """Whether a person confirmed that an actor has a concept."""
        return matrices.cell(self._causes, actor, concept) < 0

    def links(self, actor: int) -> list[Link]:
        """The tags of an actor."""
        row = slice(int(self.tags.indptr[actor]), int(self.tags.indptr[actor + 1]))
        cells = (found[row].tolist() for found in (self.tags.indices, self.tags.data, self._causes.data))
        out = []
        for concept, sure, cause in zip(*cells, strict=True):
            stated = -1 - cause if cause < 0 else cause
            out.append(Link(concept, sure, stated - 1 if stated > 0 else None, cause < 0))
        return out

    def undecided(self) -> NDArray[np.bool_]:
        """Which cells of `tags` nobody has decided on, in the order of its data."""
        found: NDArray[np.bool_] = self._causes.data >= 0
        return found


_SHOWN = tuple(field.name for field in fields(ActorSummary))


def _summary(actor: Actor) -> dict[str, Any]:
    return {name: getattr(actor, name) for name in _SHOWN}


def _flat(passage: Passage) -> tuple[Any, ...]:
    p = passage
    return p.field, p.text, p.said, p.lang, p.node, p.part, p.date, p.source, p.url, p.buyer, p.status, p.codes


def _encode(
    texts: Sequence[Passage], encoder: Encoder, progress: Step | None
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vectors [u, d] of the different texts, and which one each passage says [n]; -1 for those that have none: names,
    and texts that only repeat themselves."""
    place: dict[str, int] = {}
    for passage in texts:
        if _speaks(passage):
            place.setdefault(passage.text, len(place))
    unique = list(place)
    vectors = np.zeros((len(unique), encoder.dimension), dtype=np.float32)
    for start in range(0, len(unique), _BATCH):
        vectors[start : start + _BATCH] = encoder.encode(unique[start : start + _BATCH])
        if progress:
            progress("vectors", min(start + _BATCH, len(unique)), len(unique))
    return vectors, np.array([place.get(p.text, -1) if _speaks(p) else -1 for p in texts], dtype=np.int32)


def _speaks(passage: Passage) -> bool:
    return passage.field != "name" and not repeats(passage.text)


def given(text: str, hits: Sequence[Hit], field: str, concepts: Concepts) -> list[tuple[int, float]]:
    """(concept, how surely) that a passage in a field gives an actor, by what its text is about.

    A share of the meaning that is small, since the text may mean many things or none, gives next to nothing.
    """
    least = _TAG_LEAST_REPORTED if field == "evidence" else _TAG_LEAST
    meant, weighed = shares(hits, len(words(text)), concepts, concepts.tuning)
    sure = weighed / (weighed + _HALF) * (1 + _HALF)
    found = [(hit.concept, float(0.95 * TRUST[field] * s)) for hit, s in zip(meant, sure, strict=True) if s >= least]
    return found[:_TAGS]


def _tag(
    actors: Sequence[Actor],
    texts: Sequence[Passage],
    owners: Sequence[int],
    vectors: NDArray[np.float32],
    spoken: NDArray[np.int32],
    concepts: Concepts,
    verdicts: Verdicts,
) -> tuple[Matrix, Matrix, NDArray[np.float32]]:
    """Which competencies each actor has, by its codes, by what its passages are about and as persons decided; why; and
    how far its texts are believed."""
    place = concepts.by_code()
    cells: dict[tuple[int, int], tuple[float, int]] = {}
    told: dict[int, list[tuple[int, float]]] = {}

    def put(actor: int, concept: int, sure: float, cause: int) -> None:
        if sure > cells.get((actor, concept), (0.0, 0))[0]:
            cells[actor, concept] = (sure, cause)

    for number, actor in enumerate(actors):
        for code in actor.codes:
            if code in place:
                put(number, place[code], _CODE, 0)
    about = [
        at for at, p in enumerate(texts) if p.field not in ("name", "descriptions") and (p.codes or spoken[at] >= 0)
    ]
    # Who gave codes had read the whole notice and said what it is about; of other texts, each is read once.
    first: dict[str, int] = {}
    for at in about:
        if not texts[at].codes:
            first.setdefault(texts[at].text, at)
    understood = concepts.understand(list(first), vectors[spoken[list(first.values())]], most=8)
    hits = dict(zip(first, understood, strict=True))
    for at in about:
        passage = texts[at]
        for code in passage.codes:
            if code in place:
                put(owners[at], place[code], _CODE, at + 1)
        if not passage.codes:
            told[at] = given(passage.text, hits[passage.text], passage.field, concepts)
    believed = _believed({(owners[at], found[0][0]) for at, found in told.items() if found}, len(actors))
    for at, found in told.items():
        for concept, sure in found:
            put(owners[at], concept, sure * float(believed[owners[at]]), at + 1)
    if verdicts:
        _decide(cells, actors, concepts.numbers(), verdicts)
    size = (len(actors), len(concepts))
    tags = matrices.matrix(cells, [sure for sure, _ in cells.values()], size, np.float32)
    causes = matrices.matrix(cells, [cause for _, cause in cells.values()], size, np.int32)
    return tags, causes, believed


def _believed(claims: Collection[tuple[int, int]], count: int) -> NDArray[np.float32]:
    """How far the texts of each actor count [count], from the (actor, concept) that its texts are first of all about:
    1 up to _CLAIMS, then falling with the square root, so that 100 count half and 500 less than a quarter."""
    claimed = np.bincount(np.array([actor for actor, _ in claims], dtype=np.int64), minlength=count)
    return np.sqrt(_CLAIMS / np.maximum(claimed, _CLAIMS)).astype(np.float32)


def _decide(
    cells: dict[tuple[int, int], tuple[float, int]],
    actors: Sequence[Actor],
    place: Mapping[str, int],
    verdicts: Verdicts,
) -> None:
    """Takes out of the cells what was rejected, and puts in what was confirmed."""
    for number, actor in enumerate(actors):
        for iri, confirmed in verdicts.get(actor.iri, {}).items():
            cell = (number, place.get(iri, -1))
            if confirmed and iri in place:
                cells[cell] = (_CONFIRMED, -1 - cells.get(cell, (0.0, 0))[1])
            else:
                cells.pop(cell, None)
