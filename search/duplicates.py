"""Which actors are plainly the same, or copies of one another: keys made when the index is built, groups made of them.

Nothing is merged in the data; the actors of a group share one place among the answers. What many actors may share and
stay themselves is left out: a contract that several won, a list of makers who all say "masks" and no more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.model import Actor
from search import matrices
from search.subwords import fold

_PLAIN = re.compile(r"[\W_]+")
_NUMBERS = re.compile(r"[\W\d_]+")
_TELLING = 120  # characters of a text that two actors do not write alike by chance
NAMED, NUMBERED, LETTERED, REGISTERED = range(4)


def keys(actors: Sequence[Actor]) -> NDArray[np.uint64]:
    """Four numbers an actor [n, 4], 0 for none: what is equal speaks for one actor, in the last one for another.

    Its name and country; its name without numbers, its town and all it says; all it says and its town alone, when
    that is long enough and some of it is its own; its registered identifiers.
    """
    return np.array([_keys(actor) for actor in actors], dtype=np.uint64).reshape(-1, 4)


def _keys(actor: Actor) -> tuple[int, int, int, int]:
    name = fold(actor.name)
    plain, numberless = _PLAIN.sub("", name), _NUMBERS.sub("", name)
    own, told = list(_own(actor)), list(_told(actor))
    body = (actor.country, actor.nuts, actor.city, *sorted(own), "", *sorted(told))
    telling = own and sum(map(len, own)) + sum(map(len, told)) >= _TELLING
    registered = sorted({_PLAIN.sub("", fold(identifier)) for identifier in actor.identifiers} - {""})
    return (
        _key("named", actor.country, plain) if plain and actor.country else 0,
        _key("numbered", numberless, *body) if numberless and (own or told) else 0,
        _key("lettered", *body) if telling else 0,
        _key("registered", *registered) if registered else 0,
    )


def _own(actor: Actor) -> Iterator[str]:
    """What the actor says of itself."""
    for name in ("makes", "processes", "certifications", "sectors", "descriptions"):
        yield from (f"{name} {text.text}" for text in getattr(actor, name))


def _told(actor: Actor) -> Iterator[str]:
    """What is told of it, which may be told of others too."""
    yield from actor.codes
    for evidence in actor.evidence:
        yield "\n".join((evidence.title, evidence.text, *evidence.codes))


def _key(*parts: str) -> int:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) or 1


def groups(found: NDArray[np.uint64]) -> NDArray[np.int64] | None:
    """The number of each actor's group [n] from its keys [n, 4], 0 for one that is alone; None when all are.

    Where the registered identifiers of a group differ, only those with the same identifiers stay together, and those
    that say the same to the letter.
    """
    same = np.flatnonzero(_occurs_twice(found[:, :REGISTERED]))
    if not len(same):
        return None
    some = found[same]
    labels = joined(some[:, :REGISTERED])
    pairs = np.unique(np.stack([labels, _numbers(some[:, REGISTERED])], axis=1)[some[:, REGISTERED] > 0], axis=0)
    disputed = np.flatnonzero(np.bincount(pairs[:, 0], minlength=len(some))[labels] > 1)
    if len(disputed):
        labels[disputed] = len(some) + _by_identifier(some[disputed])
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    out = np.zeros(len(found), dtype=np.int64)
    out[same] = np.where(counts[numbers] > 1, numbers + 1, 0)
    return out


def _by_identifier(found: NDArray[np.uint64]) -> NDArray[np.int64]:
    registered = _numbers(found[:, REGISTERED])
    with_it = [_numbers(_numbers(column) * len(found) + registered) + 1 for column in found[:, :REGISTERED].T]
    parts = joined(np.stack(with_it, axis=1) * (found[:, :REGISTERED] > 0))
    letters = _numbers(found[:, LETTERED]) + 1
    low, high = np.full(len(found), len(found) + 1), np.zeros(len(found), dtype=np.int64)
    np.minimum.at(low, parts, letters)
    np.maximum.at(high, parts, letters)
    alike = (low == high)[parts] & (found[:, LETTERED] > 0)
    return joined(np.stack([parts + 1, np.where(alike, letters, 0)], axis=1))


def _occurs_twice(found: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which rows share a value other than 0 with another row, in any column."""
    out = np.zeros(len(found), dtype=bool)
    for column in found.T:
        ordered = np.sort(column)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        out |= np.isin(column, twice[twice > 0])
    return out


def _numbers(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Small numbers for the different values."""
    out: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return out


def joined(columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """Numbers [n] of rows [n, k] that hang together by equal values other than 0, however far around."""
    return matrices.components(len(columns), list(_links(columns.T)))


def _links(columns: Iterable[NDArray[np.generic]]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for column in columns:
        rows = np.flatnonzero(column)
        _, first, which = np.unique(column[rows], return_index=True, return_inverse=True)
        yield rows, rows[first[which]]
