"""The properties of actors and competencies that a spreadsheet can be extended by, and be matched with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.reconciling.asked import Extension, Wanted
from api.reconciling.evidence import is_known
from api.reconciling.found import ACTOR, COMPETENCY, TYPES, known_type
from kg import names
from kg import vocabulary as v
from kg.errors import NotFound, UserError
from kg.model import Actor, Concept, Text

if TYPE_CHECKING:
    from api.engine import Engine
    from api.reader import SourceStatus

_MOST_TAGS = 50  # competencies of an actor
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_LABEL_IN = re.compile(r"^(label|altLabel):([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """A text (with its language), a number, or another entity with its name."""

    text: str = ""
    lang: str = ""
    number: float | None = None
    id: str = ""


class Look:
    """The records that properties are read from, each looked up once a request."""

    def __init__(self, engine: Engine, lang: str) -> None:
        self.engine = engine
        self.lang = lang
        self._sources: dict[str, SourceStatus] | None = None
        self._names: dict[str, str] = {}

    def source(self, name: str) -> SourceStatus | None:
        """A source as it stands."""
        if self._sources is None:
            self._sources = {status.id: status for status in self.engine.sources()}
        return self._sources.get(name)

    def named(self, iri: str) -> Value:
        """Another entity; its IRI as a text where it is none of ours."""
        if iri not in self._names:
            self._names[iri] = ""
            with suppress(NotFound):
                self._names[iri] = self.engine.concept(iri).label(self.lang)
            if not self._names[iri]:
                with suppress(NotFound, UserError):
                    self._names[iri] = self.engine.the_actor(iri).name
        name = self._names[iri]
        return Value(name, id=iri) if name else Value(iri)


Read = Callable[[Look, Actor | Concept, str], Sequence[Value]]  # (records, entity, language or "") → values


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its id, what it is called, of which of ACTOR and COMPETENCY, how to read it, its values' type."""

    id: str
    english: str
    french: str
    of: tuple[str, ...]
    read: Read
    values: str = ""

    def name(self, lang: str) -> str:
        """What it is called."""
        return self.french if lang == "fr" else self.english


def _plain(field: str) -> Read:
    def read(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
        found = getattr(entity, field, "")
        return [Value(str(found))] if found not in ("", None) else []

    return read


def _each(field: str) -> Read:
    return lambda look, entity, lang: [Value(text) for text in getattr(entity, field, ())]


def _texts(field: str) -> Read:
    def read(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
        found: Sequence[Text] = getattr(entity, field, ())
        return [Value(text.text, text.lang) for text in found if not lang or text.lang == lang]

    return read


def _number(field: str) -> Read:
    def read(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
        found = getattr(entity, field, None)
        return [] if found is None else [Value(number=float(found))]

    return read


def _linked(field: str) -> Read:
    return lambda look, entity, lang: [look.named(iri) for iri in getattr(entity, field, ())]


def _clusters(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    if not isinstance(entity, Actor):
        return []
    room = entity.iri.rsplit("/", 1)[0]
    out = []
    for local in entity.clusters:
        iri = local if local.startswith("http") else v.mint(room.rsplit("/", 1)[0] + "/", "actor", local)
        found = look.named(iri)
        out.append(found if found.id else Value(local))
    return out


def _competencies(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    if not isinstance(entity, Actor):
        return []
    found = look.engine.tags(entity.iri, limit=_MOST_TAGS, lang=look.lang).tags
    return [Value(tag.label or tag.competency_id, id=tag.competency) for tag in found if tag.state != "rejected"]


def _narrower(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    found = look.engine.narrower(entity) if isinstance(entity, Concept) else []
    return [Value(concept.label(look.lang), id=concept.iri) for concept in found]


def _of_source(field: str) -> Read:
    def read(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
        status = look.source(entity.source) if isinstance(entity, Actor) else None
        found = getattr(status, field, "") if status else ""
        if field == "attribution" and status and not found:
            found = ", ".join(part for part in (status.title, status.publisher) if part)
        return [Value(found)] if found else []

    return read


def _codes(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    if not isinstance(entity, Actor):
        return []
    evidence = [code for piece in entity.evidence for code in piece.codes]
    return [Value(code) for code in dict.fromkeys([*entity.codes, *evidence])]


def _own_code(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    return [Value(v.code_of(entity.iri))] if isinstance(entity, Concept) else []


def _address(look: Look, entity: Actor | Concept, lang: str) -> list[Value]:
    return [Value(entity.iri)]


_A, _C = (ACTOR,), (COMPETENCY,)
PROPERTIES = {
    one.id: one
    for one in (
        Property("country", "Country (ISO code)", "Pays (code ISO)", _A, _plain("country")),
        Property("city", "City", "Ville", _A, _plain("city")),
        Property("nuts", "Region (NUTS)", "Région (NUTS)", _A, _plain("nuts")),
        Property("kind", "Kind", "Type", (ACTOR, COMPETENCY), _plain("kind")),
        Property("size", "Size", "Taille", _A, _plain("size")),
        Property("website", "Website", "Site", _A, _plain("website")),
        Property("identifiers", "Registered identifiers", "Identifiants enregistrés", _A, _each("identifiers")),
        Property("clusters", "Clusters", "Pôles et clusters", _A, _clusters, "cluster"),
        Property("makes", "Makes or supplies", "Fabrique ou fournit", _A, _texts("makes")),
        Property("processes", "Processes", "Procédés", _A, _texts("processes")),
        Property("certifications", "Certificates", "Certifications", _A, _texts("certifications")),
        Property("sectors", "Sectors", "Filières", _A, _texts("sectors")),
        Property("competencies", "Competencies", "Compétences", _A, _competencies, COMPETENCY),
        Property("codes", "Codes", "Codes", _A, _codes),
        Property("description", "Description", "Description", _A, _texts("descriptions")),
        Property("latitude", "Latitude (WGS 84)", "Latitude (WGS 84)", (ACTOR, COMPETENCY), _number("latitude")),
        Property("longitude", "Longitude (WGS 84)", "Longitude (WGS 84)", (ACTOR, COMPETENCY), _number("longitude")),
        Property("source", "Source", "Source", _A, _plain("source")),
        Property("licence", "Licence of the source", "Licence de la source", _A, _of_source("licence")),
        Property("attribution", "How to name the source", "Mention de la source", _A, _of_source("attribution")),
        Property("id", "Id in its source", "Identifiant dans sa source", _A, _plain("id")),
        Property("iri", "IRI", "IRI", (ACTOR, COMPETENCY), _address),
        Property("label", "Label", "Libellé", _C, _texts("preferred")),
        Property("altLabel", "Other labels", "Autres libellés", _C, _texts("alternative")),
        Property("notation", "Notation", "Notation", _C, _plain("notation")),
        Property("code", "Code (scheme:notation)", "Code (schéma:notation)", _C, _own_code),
        Property("scheme", "Scheme", "Schéma", _C, _plain("scheme")),
        Property("broader", "Broader", "Plus large", _C, _linked("broader"), COMPETENCY),
        Property("narrower", "Narrower", "Plus précis", _C, _narrower, COMPETENCY),
        Property("related", "Related", "Lié", _C, _linked("related"), COMPETENCY),
        Property("matches", "Same or near in other schemes", "Équivalents d'autres schémas", _C, _linked("matches")),
    )
}


@dataclass(frozen=True, slots=True)
class Extended:
    """Columns as they were asked for, and for each id the values of each column."""

    columns: tuple[tuple[Wanted, Property], ...]
    rows: dict[str, list[list[Value]]]


def extend(engine: Engine, asked: Extension, found: Mapping[str, Actor | Concept], lang: str) -> Extended:
    """The values asked for. Raises UserError naming a property or a language that there is not."""
    columns = tuple((wanted, _property(wanted.property)) for wanted in asked.properties)
    look = Look(engine, lang)
    rows: dict[str, list[list[Value]]] = {}
    for id in asked.ids:
        rows[id] = []
        for wanted, known in columns:
            entity = found.get(id)
            values: Sequence[Value] = ()
            if entity is not None and _kind(entity) in known.of:
                in_name = _LABEL_IN.match(wanted.property)
                values = known.read(look, entity, _language(in_name.group(2) if in_name else wanted.lang))
            rows[id].append(list(values[: wanted.limit or None]))
    return Extended(columns, rows)


def _language(tag: str) -> str:
    tag = tag.strip().lower()
    if tag and not _LANGUAGE.fullmatch(tag):
        raise UserError(f"{tag[:20]!r} is no language.", "Write a tag such as fr, or leave it out for all languages.")
    return tag


def _property(name: str) -> Property:
    labelled = _LABEL_IN.match(name)
    known = PROPERTIES.get(labelled.group(1) if labelled else name)
    if known is None:
        mend = f"Properties are: {', '.join(PROPERTIES)}; label:fr is a label in one language."
        raise UserError(f"There is no property {name[:60]!r}.", mend)
    return known


def _kind(entity: Actor | Concept) -> str:
    return ACTOR if isinstance(entity, Actor) else COMPETENCY


def proposed(type_: str) -> list[Property]:
    """The properties that entities of a type have; all of them where none is named."""
    kind = known_type(type_)
    if type_ and not kind:
        return []
    above = TYPES[kind][3] or kind if kind else ""
    return [one for one in PROPERTIES.values() if not above or above in one.of]


def suggested(prefix: str, lang: str) -> list[Property]:
    """The properties whose id or name has a word that begins so; those that matching weighs come first."""
    wanted = names.fold(prefix.strip())
    out = [
        one
        for one in PROPERTIES.values()
        if any(f" {names.fold(text)}".find(f" {wanted}") >= 0 for text in (one.id, one.english, one.french))
    ]
    return sorted(out, key=lambda one: not is_known(one.id))
