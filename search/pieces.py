"""A run of actors made ready to be joined with others into a segment: what is slow about it, and can be done apart."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search.columns import Columns
from search.concepts import Concepts, Hit
from search.encoder import Encoder
from search.labels import words
from search.passages import TRUST, Passage, passages, repeats
from search.records import Records
from search.results import ActorSummary
from search.subwords import fold
from search.understanding import shares

_BATCH = 4096  # passages encoded at a time
_TAGS = 4  # competencies that one passage can give
_TAG_LEAST = 0.4  # certainty from which words about what an actor does give it a competency
_TAG_LEAST_REPORTED = 0.55  # the same for what is reported of it, which says more and means less of it
_HALF = 0.3  # share of a passage's meaning that makes a competency about two thirds certain
_CODE = 1.0  # a code that the source itself gave
_CLAIMS = 25  # different competencies that an actor's texts are believed to be about; hardly a firm of ours says more
_CONFIRMED = 1.0  # what a person confirmed
_REMEMBERED = 50_000  # texts whose meaning is kept at hand: what firms make is said in the same words again and again
_SHORT = 60  # characters of a text that is likely to come again
Verdicts = Mapping[str, Mapping[str, bool]]  # actor's IRI → competency's IRI → confirmed (True) or rejected (False)
_Tags = tuple[tuple[int, float], ...]


class Piece(NamedTuple):
    """Some actors, numbered from 0, with everything that a segment holds of them.

    `words` are (folded text, language) of each passage [p]; `owners` the actor of each [p]; `said` names the different
    texts by 64 bits [u], `vectors` are theirs [u, d], and `spoken` tells which one each passage says [p], -1 for none.
    A tag is an actor, a concept, how surely, and why, at the same place of four arrays; see Segment.
    """

    actors: Records
    texts: Records
    words: list[tuple[str, str]]
    owners: NDArray[np.int32]
    columns: Columns
    said: NDArray[np.uint64]
    vectors: NDArray[np.float16]
    spoken: NDArray[np.int32]
    tagged: NDArray[np.int32]
    concepts: NDArray[np.int32]
    sure: NDArray[np.float32]
    causes: NDArray[np.int32]
    believed: NDArray[np.float32]


class Preparer:
    """Makes pieces with one encoder and one set of concepts.

    What `verdicts` reject is no tag of the actor, what they confirm is one for sure.
    """

    def __init__(self, concepts: Concepts, encoder: Encoder, verdicts: Verdicts | None = None) -> None:
        self._concepts = concepts
        self._encoder = encoder
        self._verdicts = verdicts or {}
        self._by_code = concepts.by_code()
        self._numbers = concepts.numbers() if verdicts else {}
        self._known: dict[tuple[str, str], _Tags] = {}

    def piece(self, actors: Sequence[Actor]) -> Piece:
        """The actors made ready."""
        texts: list[Passage] = []
        owners: list[int] = []
        for number, actor in enumerate(actors):
            found = passages(actor)
            texts += found
            owners += [number] * len(found)
        unique, vectors, spoken = self._encode(texts)
        cells, believed = self._tag(actors, texts, owners, vectors, spoken)
        return Piece(
            Records.of(_summary(actor) for actor in actors),
            Records.of(list(_flat(passage)) for passage in texts),
            [(fold(p.text), p.lang) for p in texts],
            np.array(owners, dtype=np.int32),
            Columns.of(actors),
            np.array([_name(text) for text in unique], dtype=np.uint64),
            vectors.astype(np.float16),
            spoken,
            np.array([actor for actor, _ in cells], dtype=np.int32),
            np.array([concept for _, concept in cells], dtype=np.int32),
            np.array([sure for sure, _ in cells.values()], dtype=np.float32),
            np.array([cause for _, cause in cells.values()], dtype=np.int32),
            believed,
        )

    def _encode(self, texts: Sequence[Passage]) -> tuple[list[str], NDArray[np.float32], NDArray[np.int32]]:
        """The different texts [u], their vectors [u, d], and which one each passage says [n]; -1 for those that have
        none: names, and texts that only repeat themselves."""
        place: dict[str, int] = {}
        spoken = [place.setdefault(p.text, len(place)) if _speaks(p) else -1 for p in texts]
        unique = list(place)
        vectors = np.zeros((len(unique), self._encoder.dimension), dtype=np.float32)
        for start in range(0, len(unique), _BATCH):
            vectors[start : start + _BATCH] = self._encoder.encode(unique[start : start + _BATCH])
        return unique, vectors, np.array(spoken, dtype=np.int32)

    def _tag(
        self,
        actors: Sequence[Actor],
        texts: Sequence[Passage],
        owners: Sequence[int],
        vectors: NDArray[np.float32],
        spoken: NDArray[np.int32],
    ) -> tuple[dict[tuple[int, int], tuple[float, int]], NDArray[np.float32]]:
        """Which competencies each actor has, by its codes, by what its passages are about and as persons decided, how
        surely and why; and how far its texts are believed."""
        cells: dict[tuple[int, int], tuple[float, int]] = {}

        def put(actor: int, concept: int, sure: float, cause: int) -> None:
            if sure > cells.get((actor, concept), (0.0, 0))[0]:
                cells[actor, concept] = (sure, cause)

        for number, actor in enumerate(actors):
            for code in actor.codes:
                if code in self._by_code:
                    put(number, self._by_code[code], _CODE, 0)
        # Who gave codes had read the whole notice and said what it is about.
        about = [at for at, p in enumerate(texts) if p.field not in ("name", "descriptions")]
        uncoded = [at for at in about if spoken[at] >= 0 and not texts[at].codes]
        told = dict(zip(uncoded, self._told(uncoded, texts, vectors, spoken), strict=True))
        for at in about:
            for code in texts[at].codes:
                if code in self._by_code:
                    put(owners[at], self._by_code[code], _CODE, at + 1)
        believed = _believed({(owners[at], found[0][0]) for at, found in told.items() if found}, len(actors))
        trusted = believed.tolist()
        for at, found in told.items():
            for concept, sure in found:
                put(owners[at], concept, sure * trusted[owners[at]], at + 1)
        if self._verdicts:
            self._decide(cells, actors)
        return cells, believed

    def _told(
        self,
        which: Sequence[int],
        texts: Sequence[Passage],
        vectors: NDArray[np.float32],
        spoken: NDArray[np.int32],
    ) -> list[_Tags]:
        """What each of some passages gives its actor; every text is read once."""
        keys = [(texts[at].text, texts[at].field) for at in which]
        new = {texts[at].text: int(spoken[at]) for at, key in zip(which, keys, strict=True) if key not in self._known}
        understood = self._concepts.understand(list(new), vectors[list(new.values())], most=8)
        hits = dict(zip(new, understood, strict=True))
        here: dict[tuple[str, str], _Tags] = {}
        for text, field in keys:
            if (text, field) not in self._known and (text, field) not in here:
                here[text, field] = tuple(given(text, hits[text], field, self._concepts))
        out = [here[key] if key in here else self._known[key] for key in keys]
        if len(self._known) < _REMEMBERED:
            self._known |= {key: found for key, found in here.items() if len(key[0]) <= _SHORT}
        return out

    def _decide(self, cells: dict[tuple[int, int], tuple[float, int]], actors: Sequence[Actor]) -> None:
        """Takes out of the cells what was rejected, and puts in what was confirmed."""
        for number, actor in enumerate(actors):
            for iri, confirmed in self._verdicts.get(actor.iri, {}).items():
                cell = (number, self._numbers.get(iri, -1))
                if confirmed and iri in self._numbers:
                    cells[cell] = (_CONFIRMED, -1 - cells.get(cell, (0.0, 0))[1])
                else:
                    cells.pop(cell, None)


def given(text: str, hits: Sequence[Hit], field: str, concepts: Concepts) -> list[tuple[int, float]]:
    """(concept, how surely) that a passage in a field gives an actor, by what its text is about.

    A share of the meaning that is small, since the text may mean many things or none, gives next to nothing.
    """
    least = _TAG_LEAST_REPORTED if field == "evidence" else _TAG_LEAST
    meant, weighed = shares(hits, len(words(text)), concepts, concepts.tuning)
    trust, out = 0.95 * TRUST[field], []
    for hit, share in zip(meant, weighed.tolist(), strict=True):
        sure = share / (share + _HALF) * (1 + _HALF)
        if sure >= least:
            out.append((hit.concept, trust * sure))
    return out[:_TAGS]


def _name(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _speaks(passage: Passage) -> bool:
    return passage.field != "name" and not repeats(passage.text)


_SHOWN = tuple(field.name for field in fields(ActorSummary))


def _summary(actor: Actor) -> dict[str, Any]:
    return {name: getattr(actor, name) for name in _SHOWN}


def _flat(passage: Passage) -> tuple[Any, ...]:
    p = passage
    return p.field, p.text, p.said, p.lang, p.node, p.part, p.date, p.source, p.url, p.buyer, p.status, p.codes


def _believed(claims: Collection[tuple[int, int]], count: int) -> NDArray[np.float32]:
    """How far the texts of each actor count [count], from the (actor, concept) that its texts are first of all about:
    1 up to _CLAIMS, then falling with the square root, so that 100 count half and 500 less than a quarter."""
    claimed = np.bincount(np.array([actor for actor, _ in claims], dtype=np.int64), minlength=count)
    return np.sqrt(_CLAIMS / np.maximum(claimed, _CLAIMS)).astype(np.float32)
