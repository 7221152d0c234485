"""What constraints and facets read: one array a property, one value an actor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search import duplicates
from search.query import Query
from search.subwords import fold

FACETS = ("country", "kind", "size", "source")
_EARTH_KM = 6371.0
_LISTS: dict[str, Callable[[Actor], Iterable[str]]] = {
    "clusters": lambda actor: actor.clusters,
    "certifications": lambda actor: (text.text for text in actor.certifications),
}


def tie(iri: str) -> int:
    """What decides between actors of the same score, and finds one by its IRI: 64 bits of a hash of it."""
    return int.from_bytes(hashlib.blake2b(iri.encode(), digest_size=8).digest())


class Columns:
    """Properties of the actors of a segment."""

    def __init__(self, values: dict[str, list[str]], arrays: dict[str, NDArray[Any]]) -> None:
        self._values = values  # the words that the numbers of a column stand for
        self._arrays = arrays

    @classmethod
    def of(cls, actors: Sequence[Actor]) -> Columns:
        """The columns of the actors, in their order."""
        values: dict[str, list[str]] = {}
        arrays: dict[str, NDArray[Any]] = {}
        for name in FACETS:
            words = [getattr(actor, name) for actor in actors]
            values[name] = sorted(set(words))
            place = {word: number for number, word in enumerate(values[name])}
            arrays[name] = np.array([place[word] for word in words], dtype=np.int32)
        arrays["ties"] = np.array([tie(actor.iri) for actor in actors], dtype=np.uint64)
        arrays["keys"] = duplicates.keys(actors)
        arrays["nuts"] = np.array([actor.nuts.encode() for actor in actors], dtype="S5")
        for name in ("latitude", "longitude"):
            degrees = [getattr(actor, name) for actor in actors]
            arrays[name] = np.array([np.nan if d is None else d for d in degrees], dtype=np.float32)
        for name, read in _LISTS.items():
            pairs = [(number, word) for number, actor in enumerate(actors) for word in read(actor)]
            values[name] = sorted({word for _, word in pairs})
            place = {word: number for number, word in enumerate(values[name])}
            arrays[name] = np.array([(number, place[word]) for number, word in pairs], dtype=np.int32).reshape(-1, 2)
        return cls(values, arrays)

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """The columns of all the parts, one after the other."""
        parts = parts or [cls.of([])]
        values = {name: sorted({word for part in parts for word in part._values[name]}) for name in parts[0]._values}
        first = np.cumsum([0, *(len(part) for part in parts)])
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in parts[0]._arrays}
        for part, before in zip(parts, first[:-1], strict=True):
            for name, array in part._arrays.items():
                if name in values and len(array):
                    moved = np.searchsorted(values[name], part._values[name]).astype(np.int32)
                    if name in _LISTS:
                        found[name].append(
                            np.stack([array[:, 0] + before, moved[array[:, 1]]], axis=1).astype(np.int32)
                        )
                    else:
                        found[name].append(moved[array])
                else:
                    found[name].append(array)
        return cls(values, {name: np.concatenate(arrays) for name, arrays in found.items()})

    def write(self, folder: Path) -> None:
        """Writes the two files of the columns."""
        (folder / "columns.json").write_text(json.dumps(self._values, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "columns.npz", allow_pickle=False, **self._arrays)

    @classmethod
    def open(cls, folder: Path) -> Columns:
        """The columns that `write` left in `folder`."""
        values = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
        with np.load(folder / "columns.npz") as found:
            return cls(values, {name: found[name] for name in found.files})

    def __len__(self) -> int:
        return len(self._arrays["nuts"])

    @property
    def ties(self) -> NDArray[np.uint64]:
        """What decides between actors of the same score [n]: the same for the same actor in every segment."""
        found: NDArray[np.uint64] = self._arrays["ties"]
        return found

    @property
    def keys(self) -> NDArray[np.uint64]:
        """By what actors are told to be the same [n, 4]; see `duplicates`."""
        found: NDArray[np.uint64] = self._arrays["keys"]
        return found

    def allowed(self, query: Query) -> NDArray[np.bool_] | None:
        """Which actors meet every constraint [n]; None when there is no constraint."""
        if not query.is_constrained():
            return None
        mask = np.ones(len(self), dtype=bool)
        for name in FACETS:
            if wanted := getattr(query, name):
                mask &= np.array([word in wanted for word in self._values[name]], dtype=bool)[self._arrays[name]]
        if query.nuts:
            nuts = self._arrays["nuts"]
            mask &= np.logical_or.reduce([np.char.startswith(nuts, code.encode()) for code in query.nuts])
        if query.cluster:
            mask &= self._having("clusters", lambda word: word in query.cluster)
        if query.certificate:
            folded = [fold(word) for word in query.certificate]
            mask &= self._having("certifications", lambda word: any(part in fold(word) for part in folded))
        if query.near is not None:
            mask &= self.distances(query.near) <= (query.within_km if query.within_km is not None else np.inf)
        return mask

    def _having(self, name: str, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        numbers = [at for at, word in enumerate(self._values[name]) if wanted(word)]
        pairs = self._arrays[name]
        mask = np.zeros(len(self), dtype=bool)
        mask[pairs[np.isin(pairs[:, 1], numbers), 0]] = True
        return mask

    def distances(self, point: tuple[float, float]) -> NDArray[np.float64]:
        """Great-circle kilometres from a (latitude, longitude) in degrees to each actor [n]; infinite where unknown."""
        latitude, longitude = np.radians(point[0]), np.radians(point[1])
        theirs = np.radians(self._arrays["latitude"].astype(np.float64))
        across = np.radians(self._arrays["longitude"].astype(np.float64)) - longitude
        half = np.sin((theirs - latitude) / 2) ** 2 + np.cos(latitude) * np.cos(theirs) * np.sin(across / 2) ** 2
        distance = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
        return np.where(np.isnan(distance), np.inf, distance)

    def source(self, actor: int) -> str:
        """The source that describes an actor."""
        return self._values["source"][int(self._arrays["source"][actor])]

    def facets(self, actors: NDArray[np.int64]) -> dict[str, dict[str, int]]:
        """How many of the actors have each value, by facet; those who say nothing are not counted."""
        out: dict[str, dict[str, int]] = {}
        for name in FACETS:
            numbers, counts = np.unique(self._arrays[name][actors], return_counts=True)
            words = ((self._values[name][number], int(count)) for number, count in zip(numbers, counts, strict=True))
            out[name] = {word: count for word, count in words if word}
        return out
