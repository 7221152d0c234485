"""What is answered: `dataclasses.asdict(matches)` is the JSON of `GET /search` and `filiere search --format json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["match", "possible"]
Answer = Literal["match", "possible", "none"]
MOST_ALSO = 10  # actors named beside the one whose place they share
Triple = tuple[str, str, str]  # terms in N-Triples form, so that each can be asked for as it stands


@dataclass(frozen=True, slots=True)
class ConceptHit:
    """A competency that a need was understood as, and the label that said so. `score` is 0 to 1."""

    iri: str
    label: str
    matched_label: str
    matched_language: str
    score: float


@dataclass(frozen=True, slots=True)
class Need:
    """The need as it was understood."""

    text: str
    language: str
    concepts: tuple[ConceptHit, ...] = ()


@dataclass(frozen=True, slots=True)
class ActorSummary:
    """What a list of results shows of an actor."""

    iri: str
    id: str
    name: str
    kind: str
    country: str
    nuts: str
    city: str
    latitude: float | None
    longitude: float | None
    size: str
    website: str
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an actor is a match: what is said, the triples that say it, and the words of the source."""

    says: str
    path: tuple[Triple, ...] = ()
    quote: str = ""
    language: str = ""
    source: str = ""
    date: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """The node of the federation that a match was found at: its name here, and its base address."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Named:
    """An actor by its names alone."""

    iri: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Match:
    """An actor for a need; `score` and each channel's share are 0 to 1.

    `also` names those that are plainly the same, or copies of it, and have no place of their own: the best MOST_ALSO
    of `also_count`. `node` is where it was found, when that was another node, asked live.
    """

    actor: ActorSummary
    score: float
    level: Level
    channels: dict[str, float]
    reasons: tuple[Reason, ...] = ()
    also: tuple[Named, ...] = ()
    also_count: int = 0
    node: Origin | None = None
    sources: tuple[str, ...] = ()  # that describe the actor; their licences stand in Matches.sources


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """How one source took part: "ok", or why not; when it last changed; how many records it holds; how it is named.

    A node that was asked live has its base address in `node`, and in `says` what was wrong with its answer.
    """

    id: str
    status: str
    as_of: str
    count: int
    node: str = ""
    says: str = ""
    licence: str = ""  # short name, or as the source states it
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """The answer to a need. `total` and `facets` count every place, not the page alone."""

    need: Need
    answer: Answer
    results: tuple[Match, ...] = ()
    total: int = 0
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    seq: int = 0
    model: str = ""
    sources: tuple[SourceAnswer, ...] = ()
    complete: bool = True
    took_ms: float = 0.0
