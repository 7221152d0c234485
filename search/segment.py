"""Actors made ready to be matched: their passages, vectors, keywords, competencies and properties.

A generation holds one segment on disk; what is fresher than it is another one, in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search import matrices
from search.columns import Columns, tie
from search.concepts import Concepts
from search.encoder import Encoder
from search.keywords import KeywordIndex, KeywordWriter
from search.matrices import Matrix
from search.passages import Passage
from search.pieces import Piece, Preparer, Verdicts
from search.query import Query
from search.records import Records
from search.results import ActorSummary
from search.vectors import VectorIndex

Done = Callable[[int], None]  # how many actors are done
_KEPT = 8  # constraints whose actors are kept at hand: 9 MB each of a million actors


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


class Allowed(NamedTuple):
    """Which actors stand and meet the constraints [n], which passages are theirs [p], which vectors say one of them
    [v]."""

    actors: NDArray[np.bool_]
    passages: NDArray[np.bool_]
    vectors: NDArray[np.bool_]


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
        self._allowed: dict[Query, tuple[NDArray[np.bool_] | None, Allowed]] = {}

    @classmethod
    def build(
        cls,
        actors: Sequence[Actor],
        concepts: Concepts,
        encoder: Encoder,
        folder: Path | None = None,
        verdicts: Verdicts | None = None,
    ) -> Segment:
        """The segment of the actors; its keyword index lies below `folder` when one is given.

        What `verdicts` reject is no tag of the actor, what they confirm is one for sure.
        """
        pieces = [Preparer(concepts, encoder, verdicts).piece(actors)]
        return cls.joined(pieces, len(concepts), encoder.dimension, folder)

    @classmethod
    def joined(
        cls,
        pieces: Iterable[Piece],
        concepts: int,
        dimension: int,
        folder: Path | None = None,
        progress: Done | None = None,
    ) -> Segment:
        """The segment of all the actors of the pieces, in their order; a text that several of them say is kept once.

        `concepts` is how many there are, `progress` is told how many actors are done.
        """
        parts: list[Piece] = []
        place: dict[int, int] = {}
        vectors = VectorIndex.empty(dimension)
        keywords = KeywordWriter(folder / "keywords" if folder else None)
        spoken: list[NDArray[np.int32]] = []
        count = 0
        for piece in pieces:
            at = np.array([place.setdefault(name, len(place)) for name in piece.said.tolist()], dtype=np.int32)
            vectors.add(piece.vectors[at >= len(vectors)].astype(np.float32))
            spoken.append(np.where(piece.spoken >= 0, at[piece.spoken], -1) if len(at) else piece.spoken)
            keywords.add(piece.words)
            parts.append(piece._replace(words=[], vectors=piece.vectors[:0], said=piece.said[:0]))
            count += len(piece.actors)
            if progress:
                progress(count)
        tags, causes = _tags(parts, (count, concepts))
        firsts = np.cumsum([0, *(len(piece.actors) for piece in parts)])
        return cls(
            Records.joined([piece.actors for piece in parts]),
            Records.joined([piece.texts for piece in parts]),
            _end_to_end([piece.owners + first for piece, first in zip(parts, firsts[:-1], strict=True)], np.int32),
            Columns.joined([piece.columns for piece in parts]),
            vectors.finished(),
            Groups.of(_end_to_end(spoken, np.int32), len(vectors)),
            keywords.finished(),
            tags,
            causes,
            _end_to_end([piece.believed for piece in parts], np.float32),
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

    def allowed(self, query: Query, standing: NDArray[np.bool_] | None) -> Allowed | None:
        """Who stands and meets the constraints of a query; None when everybody does. The last ones are kept at hand:
        who asks for one country asks for it again."""
        constraints = query.constraints()
        known = self._allowed.get(constraints)
        if known is not None and known[0] is standing:
            return known[1]
        actors = self.columns.allowed(query)
        if standing is not None:
            actors = standing if actors is None else actors & standing
        if actors is None:
            return None
        passages = actors[self.owners]
        found = Allowed(actors, passages, self.said.standing(passages))
        self._allowed = {**dict(list(self._allowed.items())[1 - _KEPT :]), constraints: (standing, found)}
        return found

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


def _end_to_end(arrays: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=kind), *arrays]).astype(kind, copy=False)


def _tags(parts: Sequence[Piece], shape: tuple[int, int]) -> tuple[Matrix, Matrix]:
    """The tags of all the actors and their causes, [actor, concept] both."""
    actors = np.cumsum([0, *(len(piece.actors) for piece in parts)])
    passages = np.cumsum([0, *(len(piece.texts) for piece in parts)])
    rows = _end_to_end([piece.tagged + at for piece, at in zip(parts, actors[:-1], strict=True)], np.int32)
    columns = _end_to_end([piece.concepts for piece in parts], np.int32)
    sure = _end_to_end([piece.sure for piece in parts], np.float32)
    causes = _end_to_end([_moved(piece.causes, at) for piece, at in zip(parts, passages[:-1], strict=True)], np.int32)
    return matrices.filled(rows, columns, sure, shape), matrices.filled(rows, columns, causes, shape)


def _moved(causes: NDArray[np.int32], by: int) -> NDArray[np.int32]:
    """The same causes when so many passages come before."""
    out: NDArray[np.int32] = np.where(causes > 0, causes + by, np.where(causes < -1, causes - by, causes))
    return out
