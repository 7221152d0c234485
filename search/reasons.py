"""Why an actor matches: the path of triples from the actor to the need's concept, and the words of the source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from search.generation import Generation
from search.passages import Passage
from search.ranking import Asked, Scored
from search.results import Reason, Triple
from search.segment import Segment

_MOST = 3
_BESIDE_THE_BEST = 0.6  # share of the best competency's worth from which another is a reason too
_LEAST = 0.1  # of a channel, for its reason to be worth a line
_QUOTE = 400  # characters quoted
_LEADS = {
    "makes": "Makes or does it",
    "narrower": "Makes or does a kind of it",
    "broader": "Works in the wider field",
    "input": "Makes or does what goes into it",
    "convertible": "Could convert to it",
    "related": "Makes or does something close to it",
    "beside": "Makes or does another thing of its class",
}
_NEAR = "Says something close in meaning"
_SAME = "Says just that"
_AS_GOOD_AS_SAME = 0.98
_CLEAR = 0.92  # share of the best concept's cosine from which another is as likely to be meant
_WORDS = "Uses the same words"
_CONFIRMED = "Confirmed by a person."
_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f\ufffe\uffff]')
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _iri(iri: str) -> str:
    return f"<{iri}>"


def _literal(text: str, lang: str) -> str:
    body = _ESCAPE.sub(lambda m: _SHORT.get(m.group()) or f"\\u{ord(m.group()):04X}", text)
    return f'"{body}"@{lang}' if lang else f'"{body}"'


def reasons(asked: Asked, scored: Scored, place: int, generation: Generation) -> tuple[Reason, ...]:
    """The reasons of the actor at a place of `scored`, the strongest first; a passage is quoted once."""
    out: list[Reason] = []
    quoted: set[str] = set()
    for _, reason in sorted(_all(asked, scored, place, generation), key=lambda found: -found[0]):
        key = reason.quote.casefold()
        if key not in quoted:
            quoted.add(key)
            out.append(reason)
    return tuple(out[:_MOST])


def _all(asked: Asked, scored: Scored, place: int, generation: Generation) -> Iterator[tuple[float, Reason]]:
    """(strength, reason) of every channel; a competency weighs a little more than words that are alike."""
    segment, actor = scored.segment, int(scored.actors[place])
    yield from _by_concepts(asked, segment, actor, generation)
    _, text, keywords = (float(share) for share in scored.channels[place])
    near = _SAME if text > _AS_GOOD_AS_SAME else _NEAR
    for found, says, strength in ((scored.passages, near, 0.9 * text), (scored.worded, _WORDS, 0.8 * keywords)):
        if actor in found and strength >= _LEAST:
            passage = segment.passage(found[actor])
            path = tuple(_stated(passage, segment.iri(actor), generation.predicates))
            yield strength, _reason(f"{says}, {_name(passage)}.", path, passage, segment.columns.source(actor))


def _name(passage: Passage) -> str:
    return {
        "makes": "among what it makes",
        "processes": "among its processes",
        "certifications": "among its certifications",
        "sectors": "among its sectors",
        "descriptions": "in its description",
        "name": "in its name",
    }.get(passage.field, "in what is reported of it")


def _reason(says: str, path: tuple[Triple, ...], passage: Passage, source: str) -> Reason:
    quote = passage.text if len(passage.text) <= _QUOTE else passage.text[: _QUOTE - 1].rstrip() + "…"
    reported = f"{source}: {passage.source}" if passage.source else source
    return Reason(says, path, quote, passage.lang, reported, passage.date, passage.url)


def _stated(passage: Passage, actor: str, predicates: dict[str, str]) -> Iterator[Triple]:
    """The triples by which the actor says what the passage says."""
    said = _literal(passage.said, passage.lang if passage.field != "name" else "")
    if passage.field != "evidence":
        yield _iri(actor), _iri(predicates[passage.field]), said
    elif passage.node:
        yield _iri(actor), _iri(predicates["evidence"]), _iri(passage.node)
        if passage.said:
            yield _iri(passage.node), _iri(predicates[f"evidence.{passage.part}"]), said


def _by_concepts(asked: Asked, segment: Segment, actor: int, generation: Generation) -> Iterator[tuple[float, Reason]]:
    columns, sure = segment.tags_of(actor)
    worth = sorted(
        ((float(s) * float(asked.meant.answers[c]), int(c)) for c, s in zip(columns, sure, strict=True)), reverse=True
    )
    most = float(asked.meant.answers.max(initial=0.0))
    for value, had in worth[:_MOST]:
        # Beside what it makes, what the actor could also turn to is no reason.
        if value < max(_LEAST, _BESIDE_THE_BEST * worth[0][0]):
            return
        yield value / most, _by_concept(asked, segment, actor, had, generation)


def _by_concept(asked: Asked, segment: Segment, actor: int, had: int, generation: Generation) -> Reason:
    concepts, predicates = generation.concepts, generation.predicates
    wanted, manner = _asked_for(asked, had, generation)
    iri = segment.iri(actor)
    cause = segment.cause(actor, had)
    passage = segment.passage(cause) if cause is not None else None
    confirmed = segment.confirmed(actor, had)
    path: list[Triple] = []
    if confirmed:
        path.append((_iri(iri), _iri(predicates["competency"]), _iri(concepts.iri(had))))
    bears = passage is None or concepts.code(had) in passage.codes
    if passage is not None and not bears:
        path += _stated(passage, iri, predicates)
    elif passage is not None and passage.node:
        path.append((_iri(iri), _iri(predicates["evidence"]), _iri(passage.node)))
        path.append((_iri(passage.node), _iri(predicates["evidence.codes"]), _iri(concepts.iri(had))))
    elif not confirmed:
        path.append((_iri(iri), _iri(predicates["codes"]), _iri(concepts.iri(had))))
    path += [
        (_iri(concepts.iri(a)), _iri(predicates[f"concept.{name}"]), _iri(concepts.iri(b)))
        for a, name, b in concepts.path(wanted, had)
        if f"concept.{name}" in predicates
    ]
    label = concepts.label(had, asked.language)
    goal = "" if had == wanted else f" (asked for: {concepts.label(wanted, asked.language)})"
    says = f"{_LEADS[manner]}: {label}{goal}." + (f" {_CONFIRMED}" if confirmed else "")
    source = segment.columns.source(actor)
    if passage is None:
        return Reason(says, tuple(path), concepts.code(had) or label, asked.language, source)
    return _reason(says, tuple(path), passage, source)


def _asked_for(asked: Asked, had: int, generation: Generation) -> tuple[int, str]:
    """The concept of the need that having `had` answers best, and in what manner."""
    first = asked.meant.hits[0]
    wanted = asked.meant.hits[int(asked.meant.by[had])]
    if wanted.score < _CLEAR * first.score:  # one of the things the need might have meant, but not the likeliest
        return first.concept, generation.concepts.manner(first.concept, had) or "related"
    return wanted.concept, generation.concepts.manner(wanted.concept, had) or "makes"
