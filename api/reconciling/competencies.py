"""Which competencies a text may mean: by code, by a label in any language, misspelt too, else by its meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from api.reconciling.asked import Asked, Condition
from api.reconciling.found import COMPETENCY, Candidate, Feature, allowed
from api.reconciling.index import Prefixes
from kg import names, similarity
from kg import vocabulary as v
from kg.errors import NotFound
from kg.model import Concept, Text
from search.labels import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.concepts import Concepts, Hit

_KEPT = 3000  # concepts at hand
_OTHERWISE = 0.85  # of the score, where scheme, kind, code or broader concept is another than was said
_NEAR = 16  # concepts looked at closely for one text
_KINDS_OF_LABEL = (("preferred", 1.0), ("alternative", 0.97), ("hidden", 0.95))  # what the very label is worth
_OTHER_SCHEME = 0.93  # of a label of another vocabulary than the house's own
_INFLECTED = 0.99  # what is left for another number, gender or case
_MISSPELT = 0.96
_MEANING = 0.75  # what meaning alone is worth beside a label
_WORTH_SHOWING = 0.4
_SURE, _SURE_MARGIN = 0.925, 0.015
_SPELT, _SPELT_MARGIN = 0.88, 0.08  # of a label of some letters, misspelt
_LONG_ENOUGH = 6
Read = Callable[[str], Concept]  # a concept by IRI; raises NotFound


def described(concept: Concept, lang: str) -> str:
    """Scheme, code and kind of a concept in one line."""
    if concept.iri.startswith(v.COMPETENCY):
        return concept.kind or COMPETENCY
    return f"{v.code_of(concept.iri)}" if concept.label(lang) != concept.notation else concept.scheme


def types(concept: Concept) -> tuple[str, ...]:
    """The types of a concept, the narrowest first."""
    return (concept.kind, COMPETENCY) if concept.kind else (COMPETENCY,)


class Competencies:
    """The concepts of one generation of the index."""

    def __init__(self, concepts: Concepts, encode: Callable[[Sequence[str]], NDArray[np.float32]], read: Read) -> None:
        self.concepts = concepts
        self._encode = encode
        self._read = read
        self._prefixes: Prefixes | None = None
        self._owners: list[int] = []
        self._seen: dict[str, Concept] = {}

    def concept(self, iri: str) -> Concept:
        """A concept by IRI. Raises NotFound."""
        if iri not in self._seen:
            if len(self._seen) >= _KEPT:
                self._seen = {}
            self._seen[iri] = self._read(iri)
        return self._seen[iri]

    def understood(self, texts: Sequence[str]) -> dict[str, list[Hit]]:
        """What each text may be about; asked for all of a batch at once, since encoding is cheaper so."""
        wanted = [text for text in dict.fromkeys(texts) if text.strip()]
        if not wanted or not len(self.concepts):
            return {}
        return dict(zip(wanted, self.concepts.understand(wanted, self._encode(wanted), _NEAR), strict=True))

    def candidates(self, asked: Asked, hits: dict[str, list[Hit]], lang: str) -> list[Candidate]:
        """What a query may mean, the surest first."""
        kinds = allowed(asked.types, COMPETENCY)
        if kinds is not None and not kinds:
            return []
        found: dict[str, Candidate] = {}
        for name in asked.names:
            for one in self._named(name, hits.get(name, []), asked.lang or lang):
                if one.id not in found or one.score > found[one.id].score:
                    found[one.id] = one
        for concept in self._coded(asked):
            found[concept.iri] = self._candidate(concept, 1.0, asked.lang or lang, (Feature("id", True),), True)
        kept = [c for c in found.values() if kinds is None or c.types[0] in kinds]
        kept = [c for one in kept if (c := self._weighed(one, asked.conditions)) is not None]
        return _decide(sorted(kept, key=lambda c: -c.score), bool(asked.types))

    def _coded(self, asked: Asked) -> list[Concept]:
        """Concepts whose IRI, short id or code is the name, an id, or the value of `notation`."""
        coded = [text for c in asked.conditions if c.property == "notation" for text in c.values]
        out = []
        for text in (*asked.names, *asked.ids, *coded):
            with suppress(NotFound):
                if text.strip() and len(text) < 300:
                    out.append(self._read(text.strip()))
        return out

    def _weighed(self, found: Candidate, conditions: Sequence[Condition]) -> Candidate | None:
        """The candidate with what else was said of it; None where it is not what is required."""
        concept = self.concept(found.id)
        own = {"scheme": {concept.scheme}, "kind": {concept.kind}, "broader": set(concept.broader)}
        own["notation"] = {concept.notation, v.code_of(concept.iri)}
        for one in conditions:
            if one.property not in own:
                if one.required:
                    return None
                continue
            has = [text in own[one.property] for text in one.values]
            good = all(has) if one.quantifier == "all" else any(has)
            if good == (one.quantifier == "none"):
                if one.required:
                    return None
                found = replace(found, score=round(found.score * _OTHERWISE, 2), match=False)
        return found

    def _named(self, name: str, hits: Sequence[Hit], lang: str) -> list[Candidate]:
        out = []
        asked = " ".join(names.words(name))
        for hit in hits:
            with suppress(NotFound):
                concept = self.concept(self.concepts.iri(hit.concept))
                labelled, label, same = _label(asked, concept)
                score = max(labelled, _MEANING * hit.score)
                if score < _WORTH_SHOWING:
                    continue
                features = (
                    Feature("label", round(100 * labelled, 1)),
                    Feature("same_label", same),
                    Feature("meaning", round(100 * min(1, hit.score), 1)),
                )
                out.append(self._candidate(concept, score, lang or label.lang, features))
        return out

    def _candidate(
        self, concept: Concept, score: float, lang: str, features: tuple[Feature, ...], match: bool = False
    ) -> Candidate:
        spoken = {text.lang for text in concept.preferred}
        said = lang if lang in spoken else "en" if "en" in spoken else next(iter(sorted(spoken)), "")
        return Candidate(
            concept.iri, concept.label(lang), described(concept, lang), types(concept), round(100 * score, 2), features,
            match, said,
        )  # fmt: skip

    def starting(self, prefix: str, kinds: set[str] | None, most: int) -> list[Concept]:
        """The concepts one of whose labels has a word that begins so."""
        if self._prefixes is None:
            labels = [self.concepts.labels[at] for at in range(len(self.concepts.labels))]
            self._owners = [int(label[0]) for label in labels]
            self._prefixes = Prefixes(str(label[2]) for label in labels)
        found = [self._owners[at] for at in self._prefixes.find(prefix, 40 * most)]
        out: dict[str, Concept] = {}
        with suppress(NotFound):
            one = self._read(prefix.strip()) if prefix.strip() else None
            if one is not None:
                out[one.iri] = one
        for number in dict.fromkeys(found):
            with suppress(NotFound):
                concept = self.concept(self.concepts.iri(number))
                if kinds is None or concept.kind in kinds:
                    out[concept.iri] = concept
            if len(out) >= most:
                break
        return list(out.values())


def _label(asked: str, concept: Concept) -> tuple[float, Text, bool]:
    """(how like the text is to one of the concept's labels, 0 to 1; that label; whether it is the very same)."""
    worth = 1.0 if concept.scheme == "competencies" else _OTHER_SCHEME
    best, which, same, stems = 0.0, Text(""), False, words(asked)
    for field, most in _KINDS_OF_LABEL:
        for label in getattr(concept, field):
            own = " ".join(names.words(label.text))
            if own == asked:
                found = most
            elif stems and words(own) == stems:
                found = _INFLECTED * most
            elif abs(len(own) - len(asked)) > 0.5 * max(len(own), len(asked)):
                continue
            else:
                found = _MISSPELT * most * similarity.ratio(own, asked)
            if found * worth > best:
                best, which, same = found * worth, label, own == asked
    return best, which, same


def _decide(ordered: list[Candidate], typed: bool) -> list[Candidate]:
    """Marks the one that stands out, where there is one; where an actor may be meant too, by its very label alone."""
    if not ordered or any(candidate.match for candidate in ordered):
        return ordered
    first, second = ordered[0], ordered[1].score if len(ordered) > 1 else 0.0
    label, margin = next((f.value for f in first.features if f.id == "label"), 0), (first.score - second) / 100
    same = any(feature.id == "same_label" and feature.value for feature in first.features)
    very = label >= 100 * _SURE and (same or typed)
    long = len(first.name) >= _LONG_ENOUGH and typed
    if (very and margin >= _SURE_MARGIN) or (long and label >= 100 * _SPELT and margin >= _SPELT_MARGIN):
        return [replace(first, match=True), *ordered[1:]]
    return ordered
