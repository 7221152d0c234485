"""Records of every class, drawn at random by hypothesis."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from kg import vocabulary as v
from kg.model import (
    ACTOR_KINDS,
    COMPETENCY_KINDS,
    IDENTITY_VERDICTS,
    RECIPE_STEP_KINDS,
    SIZES,
    VERDICTS,
    Actor,
    Claim,
    Concept,
    Erasure,
    Evidence,
    Exchange,
    IdentityDecision,
    Recipe,
    RecipeStep,
    Source,
    TagDecision,
    Text,
)

SPACE = v.source_namespace("s")
languages = st.sampled_from(["", "fr", "en", "de", "pt-br", "sr-latn"])
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
maybe = st.just("") | words
texts = st.builds(Text, words, languages)
ids = st.text(string.ascii_letters + string.digits + "-_.~ éß/%#?", min_size=1, max_size=12)
addresses = st.sampled_from(["https://example.org/", "http://example.org/a?b=c&d=%20#e", "https://exämple.org/é"])
dates = st.sampled_from(["2020", "2020-03", "2020-03-25"])
codes = st.sampled_from(["cpv:33140000", "nace:2042", "esco:a-b-c", "mine:7.1/a b", "competencies:mask"])


def bag(items: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Up to four different items; the graph keeps no order and nothing twice."""
    return st.lists(items, max_size=4, unique=True).map(tuple)


def iris(room: str) -> st.SearchStrategy[str]:
    return ids.map(lambda local: v.mint(SPACE, room, local))


degrees = st.floats(-90, 90, allow_nan=False).map(lambda d: round(d, 6) + 0.0)
evidence = st.builds(
    Evidence,
    title=maybe,
    text=maybe,
    lang=languages,
    date=st.just("") | dates,
    buyer=maybe,
    source=maybe,
    url=st.just("") | addresses,
    status=maybe,
    codes=bag(codes),
)


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    local = draw(ids)
    lists = {n: draw(bag(texts)) for n in ("descriptions", "makes", "processes", "certifications", "sectors")}
    return Actor(
        iri=v.mint(SPACE, "actor", local),
        source="s",
        id=local,
        name=draw(words),
        kind=draw(st.sampled_from(ACTOR_KINDS)),
        country=draw(st.sampled_from(["", "FR", "EL"])),
        nuts=draw(st.sampled_from(["", "FRK2", "DE"])),
        city=draw(maybe),
        latitude=draw(st.none() | degrees),
        longitude=draw(st.none() | degrees),
        size=draw(st.sampled_from(["", *SIZES])),
        identifiers=draw(bag(words)),
        website=draw(st.just("") | addresses),
        clusters=draw(bag(ids)),
        network=draw(maybe),
        codes=draw(bag(codes)),
        evidence=draw(bag(evidence)),
        **lists,
    )


exchanges = st.builds(
    Exchange,
    iri=iris("offer"),
    source=st.just("s"),
    id=ids,
    kind=st.sampled_from(["offer", "need"]),
    what=texts,
    actor=st.just("") | ids,
    who=maybe,
    quantity=maybe,
    unit=maybe,
    place=maybe,
    period=maybe,
    note=maybe,
    date=st.just("") | dates,
    url=st.just("") | addresses,
)
steps = st.builds(
    RecipeStep,
    kind=st.sampled_from(RECIPE_STEP_KINDS),
    what=texts,
    standard=maybe,
    note=maybe,
    url=st.just("") | addresses,
)
recipes = st.builds(Recipe, iri=iris("recipe"), source=st.just("s"), id=ids, product=texts, steps=bag(steps))
claims = st.builds(
    Claim,
    iri=iris("claim"),
    source=st.just("s"),
    id=ids,
    subject=ids,
    kind=st.sampled_from(["action", "figure"]),
    text=texts,
    measure=maybe,
    value=st.sampled_from(["", "60000", "-1.5"]),
    said_by=maybe,
    date=st.just("") | dates,
    url=st.just("") | addresses,
)
sources = st.builds(
    Source,
    id=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    title=maybe,
    publisher=maybe,
    licence=st.just("") | addresses | st.just("CC BY 4.0"),
    url=st.just("") | addresses,
    issued=st.just("") | dates,
    namespace=st.just("https://example.org/id/"),
    public=st.booleans(),
)
_links = bag(st.sampled_from([v.COMPETENCY + name for name in ("gel", "mask", "sewing", "a%20b")]))
concepts = st.builds(
    Concept,
    iri=ids.map(lambda local: v.code_iri(f"mine:{local}")),
    scheme=st.just("mine"),
    notation=maybe,
    kind=st.sampled_from(["", *COMPETENCY_KINDS]),
    preferred=bag(texts),
    alternative=bag(texts),
    hidden=bag(texts),
    broader=_links,
    related=_links,
    matches=_links,
    inputs=_links,
    processes=_links,
    packaging=_links,
    standards=_links,
    substitutes=_links,
    convertible_to=_links,
    latitude=st.none() | degrees,
    longitude=st.none() | degrees,
)
decisions = st.builds(
    TagDecision,
    iri=iris("decision"),
    source=st.just("s"),
    id=ids,
    actor=iris("actor"),
    competency=st.sampled_from([v.COMPETENCY + "gel", "http://data.europa.eu/cpv/cpv/33140000"]),
    verdict=st.sampled_from(VERDICTS),
    who=maybe,
    date=st.just("2020-03-25"),
    note=maybe,
)
identities = st.builds(
    IdentityDecision,
    iri=iris("pair"),
    source=st.just("s"),
    id=ids,
    actors=st.just((f"{v.source_namespace('s')}actor/a", f"{v.source_namespace('s')}actor/b")),
    verdict=st.sampled_from(IDENTITY_VERDICTS),
    by=st.sampled_from(["rule", "person"]),
    probability=st.none() | st.sampled_from([0.0, 0.5, 0.97]),
    because=bag(words),
    who=maybe,
    date=st.just("2020-03-25"),
    note=maybe,
)
erasures = st.builds(
    Erasure,
    iri=iris("erasure"),
    source=st.just("s"),
    id=st.sampled_from(["0" * 64, "f" * 64]),
    date=st.just("2020-03-25"),
    reason=maybe,
    sources=st.sampled_from([(), ("a",), ("a", "b")]),
)
CLASSES = {
    "decision": decisions,
    "erasure": erasures,
    "identity": identities,
    "actor": actors(),
    "exchange": exchanges,
    "recipe": recipes,
    "claim": claims,
    "source": sources,
    "concept": concepts,
}
entities = st.one_of(*CLASSES.values())
