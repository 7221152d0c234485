"""What persons decided on tags: one record an actor and competency, in a source of its own that no import touches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kg import mapping
from kg import vocabulary as v
from kg.errors import NotFound, RefusedInput
from kg.journal import Change, Journal
from kg.model import Source, TagDecision
from kg.terms import from_payload, to_payload

SOURCE = Source(
    id=v.DECISIONS,
    title="Decisions on tags",
    namespace=v.source_namespace(v.DECISIONS),
    public=False,  # they name who decided
)
_ROOM = v.mint(SOURCE.namespace, "decision", "")


def _beginning(actor: str) -> str:
    """What the IRIs of all decisions on an actor begin with, so that they are found without reading the others."""
    return f"{_ROOM}{hashlib.sha256(actor.encode()).hexdigest()[:16]}-"


def name(actor: str, competency: str) -> str:
    """The IRI of the decision on an actor and a competency: the same for the same two, so a new one replaces it."""
    return _beginning(actor) + hashlib.sha256(competency.encode()).hexdigest()[:16]


def of(change: Change) -> TagDecision | None:
    """The decision that an entry of the journal holds or, for a withdrawal, took back; None for any other entry."""
    if change.source != v.DECISIONS:
        return None
    found = mapping.from_statements(change.iri, change.source, from_payload(change.payload or change.before))
    return found if isinstance(found, TagDecision) else None


def standing(journal: Journal) -> Iterator[TagDecision]:
    """Every decision that stands, oldest first."""
    yield from filter(None, map(of, journal.entities(v.DECISIONS)))


def on(journal: Journal, actor: str) -> list[TagDecision]:
    """The decisions that stand on one actor."""
    found = map(of, journal.below(v.DECISIONS, _beginning(actor)))
    return [decision for decision in found if decision is not None and decision.actor == actor]


def decide(journal: Journal, decision: TagDecision) -> bool:
    """Writes a decision, or changes the one that stands; False when it says nothing new.

    Raises RefusedInput when a part of it cannot be stored: a verdict that is none, a note that is too long.
    """
    from kg import rdf
    from kg.validation import Validator

    try:
        about = mapping.to_statements(decision)
        rdf.check_payload(to_payload(about))
    except ValueError as error:
        raise RefusedInput(f"The decision cannot be stored: {error}.", "Correct or remove that part.") from error
    for finding in Validator.packaged().check(decision.iri, about):
        raise RefusedInput(f"{finding.column}: {finding.reason}", finding.mend)
    own = (v.source_graph(v.DECISIONS), to_payload(mapping.to_statements(SOURCE)))
    return journal.append(v.DECISIONS, [own, (decision.iri, to_payload(about))]) is not None


def withdraw(journal: Journal, actor: str, competency: str) -> TagDecision:
    """Takes a decision back, so that only the index speaks again; the journal keeps that it was made. Raises NotFound.

    The decision that was taken back is returned.
    """
    wanted = name(actor, competency)
    found = next((decision for decision in on(journal, actor) if decision.iri == wanted), None)
    if found is None:
        raise NotFound(
            f"Nobody has decided on the competency {v.code_of(competency)} of {actor}.",
            "See what was decided with 'filiere tags --state confirmed' and '--state rejected'.",
        )
    journal.append(v.DECISIONS, (), [wanted])
    return found
