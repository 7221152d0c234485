"""Answers of the Reconciliation API as JSON says them, in version 0.2 and in 1.0-draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from api.reconciling.asked import BATCH
from api.reconciling.found import ACTOR, COMPETENCY, FEATURES, TYPES, Candidate, Feature
from api.reconciling.properties import Extended, Property, Value
from kg import vocabulary as v

V02, V10 = "0.2", "1.0-draft"
_WIDTH, _HEIGHT = 420, 260  # of a preview
_LIMIT = ("Values at most", "Nombre de valeurs", "0 for all of them.", "0 pour toutes.")
_LANG = ("Language", "Langue", "Texts in this language only, such as fr.", "Textes dans cette langue, par exemple fr.")


def manifest(base: str, version: str, lang: str, service: str) -> dict[str, Any]:
    """What the service can do; `base` is its address without a last slash."""
    french = lang == "fr"
    common: dict[str, Any] = {
        "name": "Filière : acteurs et compétences" if french else "Filière: actors and competencies",
        "identifierSpace": v.BASE,
        "schemaSpace": v.NS,
        "documentation": f"{base}/docs",
        "serviceVersion": service,
        "defaultTypes": [type_of(ACTOR, lang), type_of(COMPETENCY, lang)],
        "batchSize": BATCH,
        "standardizedScore": True,
    }
    preview = {"width": _WIDTH, "height": _HEIGHT}
    at = f"{base}/reconcile"
    settings = [_setting("limit", "number", 0, _LIMIT, french), _setting("lang", "text", "", _LANG, french)]
    if version == V10:
        return {
            "versions": [V10],
            **common,
            "lang": lang,
            "view": {"url": f"{at}/view?id={{id}}"},
            "preview": preview,
            "suggest": {"entity": True, "property": True, "type": True},
            "extend": {"proposeProperties": True, "propertySettings": settings},
        }
    suggest = {
        what: {"service_url": base, "service_path": f"/reconcile/suggest/{what}"}
        for what in ("entity", "type", "property")
    }
    suggest["entity"] |= {"flyout_service_url": base, "flyout_service_path": "/reconcile/flyout?id=${id}"}
    old = [
        {
            "type": one["type"],
            "default": one["default"],
            "label": one["name"],
            "name": one["id"],
            "help_text": one["helpText"],
        }
        for one in settings
    ]
    return {
        "versions": [V02, V10],
        **common,
        "view": {"url": f"{at}/view?id={{{{id}}}}"},
        "preview": {**preview, "url": f"{at}/preview?id={{{{id}}}}"},
        "suggest": suggest,
        "extend": {
            "propose_properties": {"service_url": base, "service_path": "/reconcile/extend/propose"},
            "property_settings": old,
        },
    }


def _setting(id: str, kind: str, usual: object, words: Sequence[str], french: bool) -> dict[str, Any]:
    return {"id": id, "type": kind, "default": usual, "name": words[french], "helpText": words[2 + french]}


def type_of(id: str, lang: str, *, above: bool = False) -> dict[str, Any]:
    """A type; with `above` what it is, and the type that it is one of."""
    english, french, says, over = TYPES[id]
    out: dict[str, Any] = {"id": id, "name": french if lang == "fr" else english}
    if above:
        out["description"] = says
        if over:
            out["broader"] = [type_of(over, lang)]
    return out


def property_of(known: Property, lang: str, id: str = "") -> dict[str, Any]:
    """A property as suggestions and proposals name it."""
    return {"id": id or known.id, "name": known.name(lang)}


def candidate(found: Candidate, version: str, lang: str) -> dict[str, Any]:
    """A candidate for a query."""
    out: dict[str, Any] = {
        "id": found.id,
        "name": found.name or found.id,
        "description": found.description,
        "type": [type_of(one, lang) for one in found.types],
        "score": found.score,
        "match": found.match,
        "features": [_feature(one, version, lang) for one in found.features],
    }
    if version == V10 and found.lang:
        out["lang"] = found.lang
    return out


def _feature(one: Feature, version: str, lang: str) -> dict[str, Any]:
    if version == V02:
        return {"id": one.id, "value": one.value}
    english, french = FEATURES[one.id]
    return {"id": one.id, "name": french if lang == "fr" else english, "value": one.value}


def results_02(found: Mapping[str, Sequence[Candidate]], lang: str) -> dict[str, Any]:
    """A result batch of version 0.2, by the keys of the queries."""
    return {key: {"result": [candidate(one, V02, lang) for one in some]} for key, some in found.items()}


def results_10(found: Sequence[Sequence[Candidate]], lang: str) -> dict[str, Any]:
    """A result batch of version 1.0-draft, in the order of the queries."""
    return {"results": [{"candidates": [candidate(one, V10, lang) for one in some]} for some in found]}


def suggestion(found: Candidate, lang: str) -> dict[str, Any]:
    """An entity suggested."""
    return {
        "id": found.id,
        "name": found.name or found.id,
        "description": found.description,
        "notable": [type_of(one, lang) for one in found.types],
    }


def extension(found: Extended, version: str, lang: str) -> dict[str, Any]:
    """A data extension response."""
    meta = []
    for wanted, known in found.columns:
        one = property_of(known, lang, wanted.property)
        if known.values:
            one["type"] = type_of(known.values, lang)
        meta.append(one)
    ids = [wanted.property for wanted, _ in found.columns]
    if version == V02:
        return {
            "meta": meta,
            "rows": {
                id: {name: [_value(one, version) for one in values] for name, values in zip(ids, row, strict=True)}
                for id, row in found.rows.items()
            },
        }
    rows = [
        {
            "id": id,
            "properties": [
                {"id": name, "values": [_value(one, version) for one in values]}
                for name, values in zip(ids, row, strict=True)
            ],
        }
        for id, row in found.rows.items()
    ]
    return {"meta": meta, "rows": rows}


def _value(one: Value, version: str) -> dict[str, Any]:
    if one.number is not None:
        return {"float": one.number}
    out: dict[str, Any] = {"id": one.id, "name": one.text} if one.id else {"str": one.text}
    if version == V10 and one.lang:
        out["lang"] = one.lang
    return out


def view_path(id: str, is_actor: bool) -> str:
    """The path of an entity's page."""
    return f"/{'actors' if is_actor else 'competencies'}/{quote(id, safe='')}"
