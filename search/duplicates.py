"""Which actors are plainly the same, or copies of one another: keys made when the index is built, groups made of them.

Nothing is merged in the data; the actors of a group share one place among the answers. What many actors may share and
stay themselves is left out: a contract that several won, a list of makers who all say "masks" and no more. What was
decided on actors from outside comes first: who is one shares a place under whatever names, who is not never does.
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


def label(group: str) -> int:
    """The key of a group that was decided from outside."""
    return _key("decided", group)


def groups(
    found: NDArray[np.uint64], decided: NDArray[np.uint64] | None = None, apart: NDArray[np.int64] | None = None
) -> NDArray[np.int64] | None:
    """The number of each actor's group [n] from its keys [n, 4], 0 for one that is alone; None when all are.

    Where the registered identifiers of a group differ, only those with the same identifiers stay together, and those
    that say the same to the letter. `decided` are the labels [n] of those who are one (0: nothing is decided), `apart`
    the pairs [m, 2] of those who are not.
    """
    decided = np.zeros(len(found), dtype=np.uint64) if decided is None else decided
    links = np.column_stack([found[:, :REGISTERED], decided])
    same = np.flatnonzero(_occurs_twice(links))
    if not len(same):
        return None
    some, links = found[same], links[same]
    registered = _registered(some[:, REGISTERED], links[:, -1])
    labels = joined(links)
    pairs = np.unique(np.stack([labels, _numbers(registered)], axis=1)[registered > 0], axis=0)
    disputed = np.flatnonzero(np.bincount(pairs[:, 0], minlength=len(some))[labels] > 1)
    if len(disputed):
        labels[disputed] = len(some) + _by_identifier(links[disputed], registered[disputed])
    if apart is not None and len(apart):
        _held_apart(labels, links, np.searchsorted(same, apart[np.isin(apart, same).all(axis=1)]))
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    out = np.zeros(len(found), dtype=np.int64)
    out[same] = np.where(counts[numbers] > 1, numbers + 1, 0)
    return out


def _registered(numbers: NDArray[np.uint64], decided: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The registered identifiers of each, those of actors who are decided to be one the same."""
    out = numbers.copy()
    whole = np.isin(decided, decided[(decided > 0) & (numbers > 0)])
    out[whole] = decided[whole]
    return out


def _held_apart(labels: NDArray[np.int64], links: NDArray[np.uint64], apart: NDArray[np.int64]) -> None:
    """Parts the groups that hold two who must be apart: whoever can stay with one of the two does."""
    for group in np.unique(labels[apart[:, 0]][labels[apart[:, 0]] == labels[apart[:, 1]]]).tolist():
        rows = np.flatnonzero(labels == group)
        part = {row: {row} for row in rows.tolist()}
        foes: dict[int, set[int]] = {}
        for one, other in apart.tolist():
            if one in part and other in part:
                foes.setdefault(one, set()).add(other)
                foes.setdefault(other, set()).add(one)
        for column in links[rows].T[::-1]:  # what was decided comes before what is alike
            for left, right in zip(*_pairs(column, rows), strict=True):
                small, large = sorted((part[left], part[right]), key=len)
                if small is not large and not any(foes.get(row, set()) & large for row in small):
                    large |= small
                    part.update(dict.fromkeys(small, large))
        firsts = {row: min(part[row]) for row in part}
        labels[rows] = int(labels.max()) + 1 + np.array([firsts[row] for row in rows.tolist()])


def _pairs(column: NDArray[np.uint64], rows: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """(each row, the row before it with the same value other than 0) of those that have one."""
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    again = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0))
    return rows[order[again + 1]].tolist(), rows[order[again]].tolist()


def _by_identifier(links: NDArray[np.uint64], identifiers: NDArray[np.uint64]) -> NDArray[np.int64]:
    registered = _numbers(identifiers)
    with_it = [_numbers(_numbers(column) * len(links) + registered) + 1 for column in links.T]
    parts = joined(np.stack(with_it, axis=1) * (links > 0))
    letters = _numbers(links[:, LETTERED]) + 1
    low, high = np.full(len(links), len(links) + 1), np.zeros(len(links), dtype=np.int64)
    np.minimum.at(low, parts, letters)
    np.maximum.at(high, parts, letters)
    alike = (low == high)[parts] & (links[:, LETTERED] > 0)
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
