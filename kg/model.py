"""The words of the house as frozen dataclasses: no RDF, no I/O.

Lists are tuples, a missing text is "", a missing number is None. Dates are ISO 8601 and may be partial
("2020", "2020-03", "2020-03-25"). Countries are ISO 3166-1 alpha-2, regions NUTS codes, languages BCP 47 tags.
Codes are written `scheme:notation`, as in "cpv:33140000" or "nace:20.42".
"""

from __future__ import annotations

from dataclasses import dataclass, field

ACTOR_KINDS = ("firm", "cluster", "lab", "association", "public")
SIZES = ("micro", "small", "medium", "sme", "large")
COMPETENCY_KINDS = ("product", "material", "process", "service", "equipment", "standard", "value-chain")
VERDICTS = ("confirmed", "rejected")
IDENTITY_VERDICTS = ("same", "different", "review")
RECIPE_STEP_KINDS = ("input", "process", "packaging", "test", "standard", "logistics")


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its language ("" when not known)."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why we believe an actor has a competency: a contract, an announcement, a certificate."""

    title: str = ""
    text: str = ""
    lang: str = ""
    date: str = ""
    buyer: str = ""
    source: str = ""
    url: str = ""
    status: str = ""  # e.g. announced, produced, delivered, permanent activity, awarded
    codes: tuple[str, ...] = ()
    iri: str = field(default="", compare=False)  # set when read from the graph, where its content names it


@dataclass(frozen=True, slots=True)
class Actor:
    """A firm, cluster, lab, association or public body, as one source describes it."""

    iri: str
    source: str
    id: str
    name: str
    kind: str = "firm"
    country: str = ""
    nuts: str = ""
    city: str = ""
    latitude: float | None = None  # WGS 84 degrees
    longitude: float | None = None
    size: str = ""
    identifiers: tuple[str, ...] = ()
    website: str = ""
    descriptions: tuple[Text, ...] = ()
    makes: tuple[Text, ...] = ()
    processes: tuple[Text, ...] = ()
    certifications: tuple[Text, ...] = ()
    sectors: tuple[Text, ...] = ()
    clusters: tuple[str, ...] = ()  # ids in the same source
    network: str = ""
    codes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A documented offer or need: who offers or seeks what, how much, where and when."""

    iri: str
    source: str
    id: str
    kind: str  # "offer" or "need"
    what: Text
    actor: str = ""  # id of an actor in the same source, when it is one
    who: str = ""
    quantity: str = ""
    unit: str = ""
    place: str = ""
    period: str = ""
    note: str = ""
    date: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class RecipeStep:
    """One input, process, packaging, test, standard or logistics step of a product."""

    kind: str
    what: Text
    standard: str = ""
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What it takes to make a product."""

    iri: str
    source: str
    id: str
    product: Text
    steps: tuple[RecipeStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody said about a subject on a day: an action, a system, or a figure. Contradictions are all kept."""

    iri: str
    source: str
    id: str
    subject: str  # id of an actor in the same source, or a free name
    kind: str  # e.g. action, system, practice, document, figure
    text: Text
    measure: str = ""
    value: str = ""  # decimal number, for figures
    said_by: str = ""
    date: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Whoever published the data, under which licence, and the namespace it may speak about."""

    id: str
    title: str = ""
    publisher: str = ""
    licence: str = ""  # IRI, or a short statement
    url: str = ""
    issued: str = ""
    namespace: str = ""  # IRI prefix; "" stands for the one derived from the id
    public: bool = True
    origin: str = ""  # IRI of the source at the node that published it first; "" for one of our own
    harvested_from: str = ""  # URL it is harvested from; "" for one that is imported
    attribution: str = ""  # how the publisher wants to be named; "" for "title, publisher"


@dataclass(frozen=True, slots=True)
class Concept:
    """A SKOS concept: a competency of one of COMPETENCY_KINDS, or a code of an added vocabulary."""

    iri: str
    scheme: str  # short name: "competencies", "cpv", "nace" …
    notation: str = ""
    kind: str = ""
    preferred: tuple[Text, ...] = ()
    alternative: tuple[Text, ...] = ()
    hidden: tuple[Text, ...] = ()
    broader: tuple[str, ...] = ()  # IRIs, here and below
    related: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()  # exact, close or broad matches in other schemes
    inputs: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    packaging: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()
    substitutes: tuple[str, ...] = ()
    convertible_to: tuple[str, ...] = ()
    latitude: float | None = None  # of a region, WGS 84 degrees
    longitude: float | None = None

    def label(self, lang: str = "en") -> str:
        """The preferred label in `lang`, else in English, else any, else the notation."""
        by_language = {text.lang: text.text for text in self.preferred}
        return by_language.get(lang) or by_language.get("en") or next(iter(by_language.values()), self.notation)


@dataclass(frozen=True, slots=True)
class TagDecision:
    """What a person decided on the link between an actor and a competency, both named by their IRIs."""

    iri: str
    source: str
    id: str
    actor: str
    competency: str
    verdict: str  # one of VERDICTS
    who: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class IdentityDecision:
    """Whether two actors, named by their IRIs, are one: what the rules computed, or what a person decided."""

    iri: str
    source: str
    id: str
    actors: tuple[str, ...]  # two, sorted
    verdict: str  # one of IDENTITY_VERDICTS; "review" is the rules' word that a person should decide
    by: str = "rule"  # or "person"
    probability: float | None = None  # that they are one, 0 to 1, by the rules
    because: tuple[str, ...] = ()
    who: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a record was erased at its owner's request: known by a hash of its IRI, so that it names nobody."""

    iri: str
    source: str
    id: str  # SHA-256 of the IRI that was erased, in hexadecimal
    date: str = ""
    reason: str = ""
    sources: tuple[str, ...] = ()  # that had spoken of it


@dataclass(frozen=True, slots=True)
class SuggestedTag:
    """A competency that the index links an actor to, and nobody has decided on; no record, since it is computed."""

    actor: str  # IRIs, here and below
    competency: str
    confidence: float  # 0 to 1
    words: Text  # what the source says that caused it
    field: str  # where it says so: a field of Actor, or "" when a person said what no words do


Entity = Actor | Exchange | Recipe | Claim | Source | Concept | TagDecision | IdentityDecision | Erasure
