"""Records to statements and back, both directions side by side: one table a class, read in both directions.

Every subject of a record's statements is its IRI or begins with its IRI and "/", so a record can be taken out of
the graph without touching another; only a confirmed TagDecision adds one statement about its actor, and no other
record of its source makes that same statement. Text kept here is as given; validation.py says what may be given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from kg import vocabulary as v
from kg.fields import (
    ACTOR,
    CLAIM,
    CONCEPT,
    DECISION,
    ERASURE,
    EVIDENCE,
    EXCHANGE,
    IDENTITY,
    RECIPE,
    SOURCE,
    STEP,
    Field,
)
from kg.model import (
    Actor,
    Claim,
    Concept,
    Entity,
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
from kg.terms import Statement, Term, iri, is_iri, language, literal, value

_COMPETENCY = v.NS + "competency"
_MATCHES = (v.SKOS + "exactMatch", v.SKOS + "closeMatch", v.SKOS + "broadMatch")
_SIZE = v.BASE + "size/"
_XSD_DECIMAL = v.XSD + "decimal"
# A partial date keeps its own datatype, so "2020-03" is never read as the first of March.
_DATE_TYPES = {4: v.XSD + "gYear", 7: v.XSD + "gYearMonth", 10: v.XSD + "date"}
_KIND_OF_CLASS = {cls: kind for kind, cls in v.ACTOR_CLASSES.items()}
_KIND_OF_COMPETENCY = {cls: kind for kind, cls in v.COMPETENCY_CLASSES.items()}
_KIND_OF_EXCHANGE = {cls: kind for kind, cls in v.EXCHANGE_CLASSES.items()}
_TYPE = iri(v.TYPE)


def _actor_iri(subject: str, local: str) -> str:
    """The IRI of an actor of the same source as `subject`; an id that is an IRI already stays as it is."""
    if local.startswith(("http://", "https://")):
        return local
    return f"{subject.rsplit('/', 2)[0]}/actor/{quote(local, safe='')}"


def _write(form: str, item: Any, subject: str, lang: str) -> Term:
    match form:
        case "plain":
            return literal(item)
        case "text":
            return literal(item.text, item.lang)
        case "spoken":
            return literal(item, lang)
        case "iri":
            return iri(item)
        case "iri-or-plain":
            return iri(item) if item.startswith(("http://", "https://")) else literal(item)
        case "code":
            return iri(v.code_iri(item))
        case "nuts":
            return iri(v.NUTS + quote(item, safe=""))
        case "size":
            return iri(_SIZE + quote(item, safe=""))
        case "sibling":
            return iri(_actor_iri(subject, item))
        case "subject":
            return literal(item) if " " in item else iri(_actor_iri(subject, item))
        case "decimal":
            return literal(_decimal(item), "", _XSD_DECIMAL)
        case "number":
            return literal(item, "", _XSD_DECIMAL)
        case "date":
            return literal(item, "", _DATE_TYPES.get(len(item), v.XSD + "string"))
        case "boolean":
            return literal("true" if item else "false", "", v.XSD + "boolean")
    raise AssertionError(form)


def _decimal(number: float) -> str:
    return f"{number:.10f}" if "e" in repr(float(number)) else repr(float(number))


def _read(form: str, term: Term, subject: str) -> Any:
    text = value(term)
    match form:
        case "text":
            return Text(text, language(term))
        case "code":
            return v.code_of(text)
        case "nuts" | "size":
            return v.local_name(text)
        case "sibling" | "subject":
            if not is_iri(term):
                return text
            return v.local_name(text) if _actor_iri(subject, v.local_name(text)) == text else text
        case "decimal":
            return float(text)
        case "boolean":
            return text in ("true", "1")
    return text


def _statements(fields: Iterable[Field], record: Any, subject: str, lang: str = "") -> list[Statement]:
    term = iri(subject)
    out: list[Statement] = []
    for name, predicate, form in fields:
        content = getattr(record, name)
        if form.endswith("*"):
            out.extend((term, f"<{predicate}>", _write(form[:-1], item, subject, lang)) for item in content)
        elif content is not None and content != "" and not (form == "text" and not content.text):
            out.append((term, f"<{predicate}>", _write(form, content, subject, lang)))
    return out


_Properties = dict[str, list[Term]]
_Part = TypeVar("_Part")


def _values(fields: Iterable[Field], properties: _Properties, subject: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, predicate, form in fields:
        terms = properties.get(f"<{predicate}>", ())
        if form.endswith("*"):
            out[name] = tuple(_read(form[:-1], term, subject) for term in sorted(terms))
        elif terms:
            out[name] = _read(form, min(terms), subject)
    return out


def _part_iri(subject: str, room: str, statements: list[Statement]) -> str:
    """The IRI of a part of a record, named by its content so that the same part gets the same name again."""
    content = "\n".join(sorted(p + o for _, p, o in statements))
    return f"{subject}/{room}/{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _parts(fields: tuple[Field, ...], records: Iterable[Any], subject: str, link: str, cls: str) -> list[Statement]:
    room = cls.rsplit("#", 1)[-1].lower()
    out: list[Statement] = []
    for record in records:
        own = _statements(fields, record, subject, getattr(record, "lang", ""))
        part = iri(_part_iri(subject, room, own))
        out.append((iri(subject), f"<{link}>", part))
        out.append((part, _TYPE, f"<{cls}>"))
        out.extend((part, p, o) for _, p, o in own)
    return out


def to_statements(entity: Entity) -> list[Statement]:
    """The statements of a record. Raises ValueError when a value cannot be written as RDF (a bad IRI or tag)."""
    subject = v.source_graph(entity.id) if isinstance(entity, Source) else entity.iri
    term = iri(subject)
    match entity:
        case Actor():
            out = _statements(ACTOR, entity, subject)
            out += [(term, _TYPE, f"<{v.NS}Actor>"), (term, _TYPE, f"<{v.ACTOR_CLASSES[entity.kind]}>")]
            out += _parts(EVIDENCE, entity.evidence, subject, v.NS + "hasEvidence", v.NS + "Evidence")
            out += _geometry(entity)
        case Exchange():
            out = _statements(EXCHANGE, entity, subject)
            out.append((term, _TYPE, f"<{v.EXCHANGE_CLASSES[entity.kind]}>"))
        case Recipe():
            out = _statements(RECIPE, entity, subject)
            out.append((term, _TYPE, f"<{v.NS}Recipe>"))
            out += _parts(STEP, entity.steps, subject, v.NS + "hasStep", v.NS + "RecipeStep")
        case Claim():
            out = _statements(CLAIM, entity, subject)
            out.append((term, _TYPE, f"<{v.NS}Claim>"))
        case Source():
            out = _statements(SOURCE, entity, subject)
            out.append((term, _TYPE, f"<{v.DCAT}Dataset>"))
        case Concept():
            out = _statements(CONCEPT, entity, subject)
            out += [(term, _TYPE, f"<{v.SKOS}Concept>"), (term, f"<{v.SKOS}inScheme>", iri(v.SCHEME + entity.scheme))]
            out += [(term, f"<{_MATCHES[1]}>", iri(match)) for match in entity.matches]
            if entity.kind:
                out.append((term, _TYPE, f"<{v.COMPETENCY_CLASSES[entity.kind]}>"))
            out += _geometry(entity)
        case TagDecision():
            out = _statements(DECISION, entity, subject)
            out.append((term, _TYPE, f"<{v.NS}TagDecision>"))
            if entity.verdict == "confirmed":
                out.append((iri(entity.actor), f"<{_COMPETENCY}>", iri(entity.competency)))
        case IdentityDecision():
            out = _statements(IDENTITY, entity, subject)
            out.append((term, _TYPE, f"<{v.NS}IdentityDecision>"))
        case Erasure():
            out = _statements(ERASURE, entity, subject)
            out.append((term, _TYPE, f"<{v.NS}Erasure>"))
    return out


def _geometry(place: Actor | Concept) -> list[Statement]:
    """The same position again for GeoSPARQL; never read back, since latitude and longitude say it."""
    if place.latitude is None or place.longitude is None:
        return []
    node = iri(place.iri + "/geometry")
    point = literal(f"POINT({_decimal(place.longitude)} {_decimal(place.latitude)})", "", v.GEO + "wktLiteral")
    return [
        (iri(place.iri), f"<{v.GEO}hasGeometry>", node),
        (node, _TYPE, f"<{v.GEO}Geometry>"),
        (node, f"<{v.GEO}asWKT>", point),
    ]


def predicates() -> dict[str, str]:
    """Predicate IRIs that a reason's path is written with: by field of Actor, "evidence.…" and "concept.…"."""
    named = {field.name: field.predicate for field in ACTOR}
    named |= {f"evidence.{field.name}": field.predicate for field in EVIDENCE}
    named |= {f"concept.{field.name}": field.predicate for field in CONCEPT}
    return named | {"evidence": v.NS + "hasEvidence", "type": v.TYPE, "competency": _COMPETENCY}


def minted_terms() -> set[str]:
    """Every class and property of our own namespace that kg writes; ontology/filiere.ttl must define each."""
    tables = (ACTOR, EVIDENCE, EXCHANGE, RECIPE, STEP, CLAIM, SOURCE, CONCEPT, DECISION, IDENTITY, ERASURE)
    terms = {field.predicate for table in tables for field in table if field.predicate.startswith(v.NS)}
    terms |= {*v.ACTOR_CLASSES.values(), *v.COMPETENCY_CLASSES.values(), *v.EXCHANGE_CLASSES.values()}
    more = ["Actor", "Evidence", "hasEvidence", "Recipe", "RecipeStep", "hasStep", "Claim", "TagDecision", "competency"]
    more += ["IdentityDecision", "Erasure"]
    more += ["SuggestedTag", "confidence", "words", "field", "suggestedCompetency", "suggestedFrom"]
    more += ["seq", "sha256", "outcome", "written", "deleted", "setAside"]
    return terms | {v.NS + name for name in more}


def from_statements(subject: str, source: str, statements: Iterable[Statement]) -> Entity | None:
    """The record whose IRI is `subject`, or None when its class is none of ours. Unknown properties are passed over."""
    nodes: dict[Term, _Properties] = {}
    for s, p, o in statements:
        nodes.setdefault(s, {}).setdefault(p, []).append(o)
    own = nodes.get(f"<{subject}>", {})
    for type_term in sorted(own.get(_TYPE, ())):
        cls = value(type_term)
        if cls in _KIND_OF_CLASS:
            return _actor(subject, source, _KIND_OF_CLASS[cls], own, nodes)
        if cls in _KIND_OF_EXCHANGE:
            exchange: dict[str, Any] = {"id": v.local_name(subject), "what": Text("")}
            exchange |= _values(EXCHANGE, own, subject)
            return Exchange(iri=subject, source=source, kind=_KIND_OF_EXCHANGE[cls], **exchange)
        if cls == v.NS + "Recipe":
            steps = _read_parts(RecipeStep, STEP, v.NS + "hasStep", own, nodes, subject)
            recipe: dict[str, Any] = {"id": v.local_name(subject), "product": Text("")}
            return Recipe(iri=subject, source=source, steps=steps, **(recipe | _values(RECIPE, own, subject)))
        if cls == v.NS + "Claim":
            blank: dict[str, Any] = {"id": v.local_name(subject), "subject": "", "kind": "", "text": Text("")}
            return Claim(iri=subject, source=source, **(blank | _values(CLAIM, own, subject)))
        if cls == v.DCAT + "Dataset" and f"<{v.NS}namespace>" in own:
            return Source(**({"id": v.local_name(subject)} | _values(SOURCE, own, subject)))
        if cls == v.SKOS + "Concept":
            return _concept(subject, own)
        if cls == v.NS + "TagDecision":
            decision: dict[str, Any] = {"id": v.local_name(subject), "actor": "", "competency": "", "verdict": ""}
            return TagDecision(iri=subject, source=source, **(decision | _values(DECISION, own, subject)))
        if cls == v.NS + "IdentityDecision":
            pair: dict[str, Any] = {"id": v.local_name(subject), "actors": (), "verdict": ""}
            return IdentityDecision(iri=subject, source=source, **(pair | _values(IDENTITY, own, subject)))
        if cls == v.NS + "Erasure":
            erasure: dict[str, Any] = {"id": v.local_name(subject)}
            return Erasure(iri=subject, source=source, **(erasure | _values(ERASURE, own, subject)))
    return None


def _actor(subject: str, source: str, kind: str, own: _Properties, nodes: dict[Term, _Properties]) -> Actor:
    evidence = _read_parts(Evidence, EVIDENCE, v.NS + "hasEvidence", own, nodes, subject)
    fields = {"id": v.local_name(subject), "name": ""} | _values(ACTOR, own, subject)
    return Actor(iri=subject, source=source, kind=kind, evidence=evidence, **fields)


def _concept(subject: str, own: _Properties) -> Concept:
    kinds = [_KIND_OF_COMPETENCY[value(t)] for t in own.get(_TYPE, ()) if value(t) in _KIND_OF_COMPETENCY]
    schemes = sorted(v.local_name(value(t)) for t in own.get(f"<{v.SKOS}inScheme>", ()))
    matches = tuple(sorted(value(t) for predicate in _MATCHES for t in own.get(f"<{predicate}>", ())))
    return Concept(
        iri=subject,
        scheme=schemes[0] if schemes else "",
        kind=kinds[0] if kinds else "",
        matches=matches,
        **_values(CONCEPT, own, subject),
    )


def _read_parts(
    cls: type[_Part],
    fields: tuple[Field, ...],
    link: str,
    own: _Properties,
    nodes: dict[Term, _Properties],
    subject: str,
) -> tuple[_Part, ...]:
    parts = []
    for term in sorted(own.get(f"<{link}>", ())):
        if term in nodes:
            named = {"iri": value(term)} if cls is Evidence else {}
            parts.append(cls(**(_blank(cls) | named | _values(fields, nodes[term], subject))))
    return tuple(parts)


def _blank(cls: type) -> dict[str, Any]:
    return {"kind": "", "what": Text("")} if cls is RecipeStep else {}
