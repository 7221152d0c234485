"""Which pairs of actors are worth comparing: keys that one actor's spellings share and few others bear.

The catalogue keeps every actor's profile and keys in a few arrays, so that what changed is compared with all the
others in a second or two and nothing else is read again. It is one file, written beside its name and renamed; its
parts bear checksums, and one that is damaged or of another version is made again from the journal.
"""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.identity.profiles import Profile, from_bytes, to_bytes

FORMAT = 1
_MOST = 60  # actors that a key may be shared by; more of them say nothing
_BEARERS = 10  # actors that may bear the words of a name before it counts as common
_NUMBER, _WORD, _NAME, _START, _TOWN, _SITE = range(6)
_KIND_BITS = 3
_MISSPELT = 10  # letters up to which a name is looked for one letter off


def _key(kind: int, text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) & ~((1 << _KIND_BITS) - 1)) | kind


def keys(profile: Profile) -> set[int]:
    """The keys of an actor; the lowest bits say of what kind each is."""
    out = {_key(_NUMBER, number) for number in profile.known.registered | profile.known.vat | profile.known.implied}
    words = profile.name.words
    out.update(_key(_WORD, word) for word in words)
    out.add(_key(_NAME, profile.name.plain))
    out.add(_key(_START, f"{profile.country} {profile.name.plain[:6]}"))
    out.add(_key(_START, f"{profile.country} … {profile.name.plain[-7:]}"))
    place = profile.town or profile.nuts[:5]
    if place:
        out.update(_key(_TOWN, f"{place} {word[:4]}") for word in words[:4])
        out.update(_key(_TOWN, f"{place} … {word[-4:]}") for word in words[:2])
    if len(profile.name.plain) <= _MISSPELT:
        # Two spellings that differ by a letter share one of what is left when a letter is taken out of each.
        plain = profile.name.plain
        where = place or profile.country
        out.update(_key(_TOWN, f"{where} - {plain[:at]}{plain[at + 1 :]}") for at in range(len(plain)))
        out.add(_key(_TOWN, f"{where} - {plain}"))
    if profile.host:
        out.add(_key(_SITE, profile.host))
    return out


class Catalogue:
    """The profiles and keys of all actors, numbered from 0; one that is gone keeps its number and stands no more."""

    def __init__(
        self,
        seq: int,
        text: NDArray[np.uint8],
        ends: NDArray[np.int64],
        standing: NDArray[np.bool_],
        marks: NDArray[np.uint64],
        owners: NDArray[np.int32],
        names: NDArray[np.uint64],
    ) -> None:
        self.seq = seq
        self._text = text
        self._ends = ends
        self._standing = standing
        self._marks = marks  # keys, sorted
        self._owners = owners  # the actor of each key
        self._names = names  # of the IRI of each actor, to find it by
        self._seen: dict[int, Profile] = {}
        self._weights: dict[str, float] = {}
        self._order: NDArray[np.intp] | None = None  # of the names

    @classmethod
    def empty(cls) -> Catalogue:
        """One without actors."""
        none = np.zeros(0, dtype=np.uint64)
        return cls(
            0, none.astype(np.uint8), none.astype(np.int64), none.astype(bool), none, none.astype(np.int32), none
        )

    def __len__(self) -> int:
        return int(self._standing.sum())

    @property
    def dead(self) -> int:
        """How many of those that are kept stand no more."""
        return len(self._standing) - len(self)

    # Looking up

    def profile(self, number: int) -> Profile:
        """An actor by number."""
        if number not in self._seen:
            start = int(self._ends[number - 1]) if number else 0
            self._seen[number] = from_bytes(self._text[start : int(self._ends[number])].tobytes())
        return self._seen[number]

    def find(self, iri: str) -> int | None:
        """The number of the actor with this IRI, None when there is none."""
        if self._order is None:
            self._order = np.argsort(self._names, kind="stable")
        key, names = np.uint64(_key(0, iri)), self._names
        first, last = (int(np.searchsorted(names, key, side, self._order)) for side in ("left", "right"))
        for number in self._order[first:last].tolist():
            if self._standing[number] and self.profile(number).iri == iri:
                return int(number)
        return None

    def weigh(self, word: str) -> float:
        """How much a word of a name tells: the logarithm of how many actors there are for each that bears it."""
        if word not in self._weights:
            count = self._bearers(_key(_WORD, word))
            self._weights[word] = max(0.5, math.log((len(self._standing) + 1) / max(count, 1)))
        return self._weights[word]

    def sharing(self, number: str) -> int:
        """How many actors bear a number."""
        return self._bearers(_key(_NUMBER, number))

    def _bearers(self, key: int) -> int:
        left, right = (np.searchsorted(self._marks, np.uint64(key), side) for side in ("left", "right"))
        return int(right - left)

    @property
    def rare(self) -> float:
        """The weight of the words of a name that few actors bear by chance."""
        return max(1.0, math.log((len(self._standing) + 1) / _BEARERS))

    def standing(self) -> Iterator[int]:
        """The numbers of all actors there are."""
        yield from np.flatnonzero(self._standing).tolist()

    # Changing

    def changed(self, profiles: Iterable[Profile], gone: Collection[str], seq: int) -> list[int]:
        """Takes in profiles, in place of those with the same IRIs, and takes out what is gone. The new numbers."""
        self._weights, self._order = {}, None
        fresh = list(profiles)
        old = np.array([_key(0, iri) for iri in {*gone, *(profile.iri for profile in fresh)}], dtype=np.uint64)
        for number in np.flatnonzero(np.isin(self._names, old) & self._standing).tolist():
            self._standing[number] = False
            self._blank(number)
        self._drop_dead()
        first = len(self._standing)
        parts = [to_bytes(profile) for profile in fresh]
        marks = [sorted(keys(profile)) for profile in fresh]
        start = int(self._ends[-1]) if len(self._ends) else 0
        self._text = np.concatenate([self._text, np.frombuffer(b"".join(parts), dtype=np.uint8)])
        self._ends = np.concatenate([self._ends, start + np.cumsum([len(part) for part in parts], dtype=np.int64)])
        self._standing = np.concatenate([self._standing, np.ones(len(fresh), dtype=bool)])
        names = np.array([_key(0, profile.iri) for profile in fresh], dtype=np.uint64)
        self._names = np.concatenate([self._names, names])
        added = np.array([mark for found in marks for mark in found], dtype=np.uint64)
        owners = np.repeat(np.arange(first, first + len(fresh), dtype=np.int32), [len(found) for found in marks])
        self._marks = np.concatenate([self._marks, added])
        self._owners = np.concatenate([self._owners, owners])
        order = np.argsort(self._marks, kind="stable")
        self._marks, self._owners = self._marks[order], self._owners[order]
        self.seq = seq
        return list(range(first, first + len(fresh)))

    def _blank(self, number: int) -> None:
        """Forgets what was kept of an actor, so that nothing is left of who was erased."""
        start = int(self._ends[number - 1]) if number else 0
        self._text[start : int(self._ends[number])] = ord(" ")
        self._names[number] = 0
        self._seen.pop(number, None)

    def _drop_dead(self) -> None:
        """Forgets the keys of what stands no more."""
        kept = self._standing[self._owners]
        if not kept.all():
            self._marks, self._owners = self._marks[kept], self._owners[kept]

    # Pairs

    def pairs(self, of: Collection[int] | None = None) -> NDArray[np.int64]:
        """The pairs [n, 2] worth comparing, each once, the lower number first; with `of`, those with one of them."""
        first = np.ones(len(self._marks), dtype=bool)
        first[1:] = self._marks[1:] != self._marks[:-1]
        starts = np.flatnonzero(first).astype(np.int64)
        sizes = np.diff(np.concatenate([starts, [len(self._marks)]]))
        wanted = (sizes > 1) & (sizes <= _MOST)
        touched = None
        if of is not None:
            touched = np.zeros(len(self._standing), dtype=bool)
            touched[list(of)] = True
            per_key = np.add.reduceat(touched[self._owners].astype(np.int64), starts) if len(starts) else sizes
            wanted &= per_key > 0
        found = [
            _within(self._owners, starts[rows], size, touched, len(self._standing))
            for size in np.unique(sizes[wanted]).tolist()
            for rows in [np.flatnonzero(wanted & (sizes == size))]
        ]
        if not found:
            return np.zeros((0, 2), dtype=np.int64)
        codes = np.unique(np.concatenate(found))
        return np.stack(np.divmod(codes, max(len(self._standing), 1)), axis=1)

    # Keeping

    def write(self, path: Path) -> None:
        """Writes the catalogue; a reader sees the old one or the new one. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with partial.open("wb") as stream:
            np.savez(
                stream,
                head=np.array([FORMAT, self.seq], dtype=np.int64),
                text=self._text,
                ends=self._ends,
                standing=self._standing,
                marks=self._marks,
                owners=self._owners,
                names=self._names,
            )
        partial.replace(path)

    @staticmethod
    def seq_in(path: Path) -> int:
        """The seq of the catalogue in a file, 0 when there is none that can be used; nothing else of it is read."""
        try:
            with np.load(path) as found:
                version, seq = (int(number) for number in found["head"])
                return seq if version == FORMAT else 0
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return 0

    @classmethod
    def read(cls, path: Path) -> Catalogue | None:
        """The catalogue that was written; None when there is none, or it is damaged or of another version."""
        try:
            with np.load(path) as found:
                version, seq = (int(number) for number in found["head"])
                if version != FORMAT:
                    return None
                names = ("text", "ends", "standing", "marks", "owners", "names")
                return cls(seq, *(found[name] for name in names))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None


def _within(
    owners: NDArray[np.int32], starts: NDArray[np.int64], size: int, touched: NDArray[np.bool_] | None, count: int
) -> NDArray[np.int64]:
    """The pairs within blocks of one size, as lower × count + higher."""
    block = np.sort(owners[starts[:, None] + np.arange(size)].astype(np.int64), axis=1)
    left, right = np.triu_indices(size, 1)
    low, high = block[:, left], block[:, right]
    codes: NDArray[np.int64] = (low * count + high)[low < high]
    if touched is not None:
        first, second = np.divmod(codes, count)
        codes = codes[touched[first] | touched[second]]
    return np.unique(codes)
