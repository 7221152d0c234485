"""The front door: search(need) → Matches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from kg.errors import UserError
from search import calibration, language, ranking
from search.calibration import Weights
from search.concepts import Hit
from search.encoder import Encoder
from search.generation import Generation
from search.guests import Guests, Table
from search.labels import words
from search.passages import repeats
from search.pieces import Preparer, Verdicts
from search.places import Places, Row, placed
from search.query import MOST_OFFSET, MOST_RESULTS, MOST_TEXT, Query
from search.ranking import Asked, Scored
from search.reasons import reasons
from search.results import MOST_ALSO, Answer, ConceptHit, Match, Matches, Named, Need
from search.understanding import grounded, meaning
from search.whynot import WhyNot, explain

_SHOWN_CONCEPTS = 5
_SHOWN_LEAST = 0.4  # cosine from which a concept is shown as what the need was understood as
_WORTH_TELLING = 0.5  # share of the least score shown from which an actor is told to who judges by itself


class Candidate(NamedTuple):
    """An actor that may be an answer, and the terms of the triples by which it may: its evidence is among them."""

    iri: str
    terms: frozenset[str]


class Matcher:
    """Answers needs from one generation."""

    def __init__(self, generation: Generation, encoder: Encoder, weights: Weights | None = None) -> None:
        self._generation = generation
        self._encoder = encoder
        self._weights = weights or calibration.of(encoder.name).weights

    def search(self, query: Query, guests: Sequence[Guests] = ()) -> Matches:
        """The actors that can meet the need, best first, with the reasons. Raises UserError beyond its bounds.

        `guests` are actors of other nodes; they are scored, and share places, as if they were held here.
        """
        started = time.perf_counter()
        check(query)
        asked = self.understand(query)
        table = Table(self._generation.parts(), guests, len(self._generation.concepts), self._encoder.dimension)
        parts = table.parts
        concepts = self._generation.concepts
        found = ranking.scored(asked, parts, self._weights, concepts)
        places = placed(found, parts, ranking.shown_from(asked, found, parts, self._weights, concepts))
        page = places.page(query.offset, query.limit, MOST_ALSO)
        results = tuple(self._match(asked, found, table, *place) for place in page)
        return Matches(
            need=Need(query.text, asked.language, self._shown(asked)),
            answer=self._answer(float(places.best[0]) if len(places) else 0.0),
            results=results,
            total=len(places),
            facets=_facets(found, places),
            seq=self._generation.seq,
            model=self._encoder.name,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def candidates(self, query: Query) -> list[Candidate]:
        """Who stands at the places of the page and shares them, whether or not anybody is shown: for an asker who
        judges by its own model, and to whom somebody else may show that the need can be met."""
        check(query)
        asked = self.understand(query)
        parts, concepts = self._generation.parts(), self._generation.concepts
        found = ranking.scored(asked, parts, self._weights, concepts)
        least = _WORTH_TELLING * self._weights.shown_from(concepts.tuning.long(asked.words))
        page = placed(found, parts, least).page(query.offset, query.limit, MOST_ALSO)
        out = [self._candidate(asked, found, first) for first, _, _ in page]
        return out + [self._candidate(asked, found, row) for _, others, _ in page for row in others][: len(out)]

    def _candidate(self, asked: Asked, found: list[Scored], row: Row) -> Candidate:
        scored, place = found[row[0]], row[1]
        told = reasons(asked, scored, place, self._generation)
        terms = frozenset(term for reason in told for triple in reason.path for term in triple)
        return Candidate(scored.segment.iri(int(scored.actors[place])), terms)

    def preparer(self, verdicts: Verdicts) -> Preparer:
        """What makes guests ready; `verdicts` are what persons decided on tags here."""
        return Preparer(self._generation.concepts, self._encoder, verdicts)

    def why_not(self, query: Query, iri: str) -> WhyNot:
        """Where the actor with this IRI stands for the need, and what would bring it in. Raises NotFound, UserError."""
        check(query)
        return explain(self.understand(query), iri, self._generation, self._weights)

    def understand(self, query: Query) -> Asked:
        """A need made ready to be compared with actors."""
        text = " ".join(query.text.split())
        if repeats(text):
            text = " ".join(dict.fromkeys(text.split()))
        lang = query.lang[:2].lower() or language.guess(text)
        vector = self._encoder.encode([text])
        hits = self._generation.concepts.understand([text], vector)[0]
        count = len(words(text))
        concepts = self._generation.concepts
        meant = meaning(hits, count, concepts, concepts.tuning)
        return Asked(query, lang, grounded(vector, meant, concepts), hits, meant, count)

    def _shown(self, asked: Asked) -> tuple[ConceptHit, ...]:
        best = asked.hits[0].score if asked.hits else 0.0
        shown = [hit for hit in asked.hits if hit.score >= max(_SHOWN_LEAST, 0.8 * best)]
        return tuple(self._concept(hit, asked.language) for hit in shown[:_SHOWN_CONCEPTS])

    def _concept(self, hit: Hit, lang: str) -> ConceptHit:
        concepts = self._generation.concepts
        label = concepts.label(hit.concept, lang)
        matched, spoken = concepts.labels[hit.label][2:4] if hit.label >= 0 else (label, "")
        return ConceptHit(concepts.iri(hit.concept), label, matched, spoken, round(hit.score, 4))

    def _answer(self, best: float) -> Answer:
        if best >= self._weights.match:
            return "match"
        return "possible" if best > 0 else "none"

    def _match(self, asked: Asked, found: list[Scored], table: Table, row: Row, others: list[Row], count: int) -> Match:
        scored, place = found[row[0]], row[1]
        actor, score = int(scored.actors[place]), float(scored.scores[place])
        channels = {
            name: round(float(share), 4) for name, share in zip(ranking.CHANNELS, scored.channels[place], strict=True)
        }
        return Match(
            actor=scored.segment.summary(actor),
            score=round(score, 4),
            level="match" if score >= self._weights.match else "possible",
            channels=channels,
            reasons=reasons(asked, scored, place, self._generation),
            also=tuple(_named(found[segment], at) for segment, at in others),
            also_count=count,
            node=table.origin(row[0]),
        )


def check(query: Query) -> None:
    """Raises UserError for a query beyond the bounds of a search."""
    if not query.text.strip():
        raise UserError("The need is empty.", "Say what is needed, in any European language.")
    if len(query.text) > MOST_TEXT:
        raise UserError(
            f"The need has {len(query.text):,} characters; at most {MOST_TEXT:,} are read.", "Say it in fewer words."
        )
    if not 1 <= query.limit <= MOST_RESULTS:
        raise UserError(f"limit is {query.limit}; it must be between 1 and {MOST_RESULTS}.", "Ask for further pages.")
    if not 0 <= query.offset <= MOST_OFFSET:
        raise UserError(f"offset is {query.offset}; it must be between 0 and {MOST_OFFSET}.", "Add a constraint.")
    if query.within_km is not None and query.near is None:
        raise UserError("within_km is given without near.", "Say near which place: near=Valence.")
    if query.within_km is not None and not 0 < query.within_km < float("inf"):
        raise UserError(f"within_km is {query.within_km}; it must be above 0.", "Give a distance in kilometres.")


def _named(scored: Scored, place: int) -> Named:
    actor = scored.segment.summary(int(scored.actors[place]))
    return Named(actor.iri, actor.id, actor.name)


def _facets(found: list[Scored], places: Places) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for number, scored in enumerate(found):
        for name, counts in scored.segment.columns.facets(scored.actors[places.standing(number)]).items():
            facet = out.setdefault(name, {})
            for word, count in counts.items():
                facet[word] = facet.get(word, 0) + count
    return {name: dict(sorted(counts.items(), key=lambda c: (-c[1], c[0]))) for name, counts in out.items()}
