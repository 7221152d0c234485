"""What was erased at its owner's request: out of the log's past, and kept from coming back by a hash of its IRI.

A record of the source `erasures` says that it was; it names nobody. The log keeps the IRI of what was erased beside a
deletion that says nothing, because those who copied it must be told which record is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from kg import mapping
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput, UserError
from kg.journal import Change, Journal, Part
from kg.model import Actor, Erasure, Source
from kg.terms import from_payload, to_payload

SOURCE = Source(
    id=v.ERASURES,
    title="Erasures",
    namespace=v.source_namespace(v.ERASURES),
    public=False,  # their hashes can be compared with what somebody knows already
)
_SAYS_OF_OTHERS = (v.DECISIONS, v.IDENTITIES, v.HARVESTS)  # what Filière itself wrote goes with what it was about
_SHORTEST_NAME = 4  # characters; a shorter one is found in every other text
_MOST_MENTIONS = 1000
_LEVELS = 32  # of a path that are looked at


@dataclass(frozen=True, slots=True)
class Mention:
    """A record that still names what was erased: by its IRI, or by its name."""

    iri: str
    source: str
    by: str  # "iri" or "name"


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to."""

    iris: tuple[str, ...]
    sources: tuple[str, ...]  # that had spoken of them
    records: int  # that were live
    decisions: int  # on them, which went too
    seq: int
    mentions: tuple[Mention, ...] = ()


def fingerprint(iri: str) -> str:
    """SHA-256 of an IRI, as 64 hex digits."""
    return hashlib.sha256(iri.encode("utf-8", "surrogatepass")).hexdigest()


def _record(mark: str) -> str:
    return v.mint(SOURCE.namespace, "erasure", mark)


def standing(journal: Journal) -> list[Erasure]:
    """Every erasure that stands, oldest first."""
    found = (_of(change) for change in journal.entities(v.ERASURES))
    return [erasure for erasure in found if erasure is not None]


def _of(change: Change) -> Erasure | None:
    found = mapping.from_statements(change.iri, change.source, from_payload(change.payload))
    return found if isinstance(found, Erasure) else None


def known(journal: Journal) -> dict[str, Erasure]:
    """Hash → the erasure that stands; empty where nothing was ever erased."""
    return {erasure.id: erasure for erasure in standing(journal)}


def covering(erased: dict[str, Erasure], iri: str) -> Erasure | None:
    """The erasure that forbids to speak of an IRI: its own, or that of the record it is a part of."""
    if not erased:
        return None
    for _ in range(_LEVELS):
        if (found := erased.get(fingerprint(iri))) is not None:
            return found
        iri, cut, _rest = iri.rpartition("/")
        if not cut or iri.endswith("/"):
            return None
    return None


def refusal(erasure: Erasure) -> tuple[str, str]:
    """(problem, mend) for who says again what was erased."""
    return (
        f"The record was erased here on {erasure.date}, at its owner's request.",
        f"Remove it from the file; if its owner agrees to it again: 'filiere erasures --lift {erasure.id[:12]}'.",
    )


def last_seq(journal: Journal) -> int:
    """The seq of the newest erasure; 0 when nothing was ever erased."""
    query = "SELECT max(seq) FROM changes WHERE source = ? AND op = 'upsert'"
    return int(journal.rows(query, (v.ERASURES,))[0][0] or 0)


def erase(
    journal: Journal, iris: Iterable[str], reason: str = "", *, first: Callable[[], None] = lambda: None
) -> Erased:
    """Takes records out of every source, and out of the past, and keeps them from coming back: all of it, or nothing.

    `first` is called when nothing forbids it. Raises NotFound for an IRI that nobody ever spoke of, RefusedInput for
    one that is no record of a source or for a reason that names what is erased.
    """
    wanted = tuple(dict.fromkeys(iris))
    spoken = {iri: _sources(journal, iri) for iri in wanted}
    live = [change for iri in wanted for change in journal.entity(iri)]
    called = {name.casefold() for name in names(journal, wanted)}
    _check(reason, wanted, called)
    ours = _written_on(journal, wanted)
    gone: dict[str, list[str]] = {}
    for source, iri in [*((change.source, change.iri) for change in live), *ours]:
        gone.setdefault(source, []).append(iri)
    erasures = _erasures(journal, spoken, reason)
    parts: list[Part] = [(source, (), sorted(set(some))) for source, some in sorted(gone.items())]
    if erasures:
        own = (v.source_graph(v.ERASURES), to_payload(mapping.to_statements(SOURCE)))
        said = [(erasure.iri, to_payload(mapping.to_statements(erasure))) for erasure in erasures]
        parts.append((v.ERASURES, [own, *said], ()))
    mentions = _mentions(journal, wanted, called)
    first()
    journal.erase([*wanted, *(iri for _, iri in ours)], parts)
    sources = tuple(sorted({source for found in spoken.values() for source in found}))
    return Erased(wanted, sources, len(live), len(ours), journal.last_seq, mentions)


def _sources(journal: Journal, iri: str) -> tuple[str, ...]:
    rows = journal.rows("SELECT DISTINCT source FROM changes WHERE iri = ? ORDER BY source", (iri,))
    found = tuple(str(row[0]) for row in rows)
    if not found:
        raise NotFound(
            f"Nobody ever said anything of {iri[:200]!r}.", "Name the record by its IRI, or by its id while it stands."
        )
    if iri in map(v.source_graph, found):
        raise RefusedInput(f"{iri} is a source, not a record.", "Take a source out with 'filiere sources remove'.")
    if set(found) & set(v.OURS):
        raise RefusedInput(
            f"{iri} is written by Filière itself (source {found[0]}).", "Withdraw a decision with 'filiere tags'."
        )
    return found


def _check(reason: str, iris: tuple[str, ...], names: set[str]) -> None:
    said = reason.casefold()
    named = any(iri.casefold() in said for iri in iris) or any(name in said for name in names)
    if named:
        raise RefusedInput("The reason names what is to be erased.", "Say it without a name; it is kept.")
    if len(reason) > 500:
        raise RefusedInput(f"The reason has {len(reason)} characters; at most 500 are kept.", "Shorten it.")


def _erasures(journal: Journal, spoken: dict[str, tuple[str, ...]], reason: str) -> list[Erasure]:
    """What is to be kept of each; an erasure that stands stays as it is."""
    today = datetime.now(UTC).date().isoformat()
    erased = known(journal)
    marks = {fingerprint(iri): sources for iri, sources in spoken.items()}
    return [
        Erasure(_record(mark), v.ERASURES, mark, today, reason, sources)
        for mark, sources in marks.items()
        if mark not in erased
    ]


def _written_on(journal: Journal, iris: Iterable[str]) -> list[tuple[str, str]]:
    """(source, IRI) of what Filière itself wrote on the records, now or ever: decisions that name them."""
    found: set[tuple[str, str]] = set()
    for source in _SAYS_OF_OTHERS:
        for iri in iris:
            query = (
                "SELECT DISTINCT source, iri FROM changes "
                "WHERE source = ? AND (instr(payload, ?) > 0 OR instr(payload, ?) > 0)"
            )
            found |= {(row[0], row[1]) for row in journal.rows(query, (source, f"<{iri}>", f"<{iri}/"))}
    return sorted(found)


def _mentions(journal: Journal, iris: tuple[str, ...], names: set[str]) -> tuple[Mention, ...]:
    """Live records of others that name what is erased; they are not ours to change."""
    out: list[Mention] = []
    links = [part for iri in iris for part in (f"<{iri}>", f"<{iri}/")]
    for change in journal.entities():
        if change.iri in iris or change.source in v.OURS or len(out) >= _MOST_MENTIONS:
            continue
        if any(link in change.payload for link in links):
            out.append(Mention(change.iri, change.source, "iri"))
        elif names and any(name in change.payload.casefold() for name in names):
            out.append(Mention(change.iri, change.source, "name"))
    return tuple(out)


def find(journal: Journal, name: str) -> Erasure:
    """The erasure that an IRI, its hash or the beginning of its hash means. Raises NotFound or UserError."""
    mark = name.casefold()
    found = [
        erasure
        for erasure in standing(journal)
        if erasure.id == fingerprint(name) or (len(mark) >= 8 and erasure.id.startswith(mark))
    ]
    if not found:
        raise NotFound(f"Nothing was erased under {name[:200]!r}.", "See 'filiere erasures'; name the IRI or its hash.")
    if len(found) > 1:
        raise UserError(f"{name!r} begins the hashes of {len(found)} erasures.", "Write more of it.")
    return found[0]


def lift(journal: Journal, name: str) -> Erasure:
    """Lets what was erased be said again; it does not bring it back. Raises NotFound or UserError."""
    found = find(journal, name)
    journal.append(v.ERASURES, (), [found.iri])
    return found


def names(journal: Journal, iris: Iterable[str]) -> set[str]:
    """What the live records of these IRIs are called, where that is long enough to be looked for."""
    live = (change for iri in iris for change in journal.entity(iri))
    found = (mapping.from_statements(c.iri, c.source, from_payload(c.payload)) for c in live)
    return {entity.name for entity in found if isinstance(entity, Actor) and len(entity.name) >= _SHORTEST_NAME}
