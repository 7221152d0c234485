"""What a client of the Reconciliation API asks, in the words of version 0.2 or of 1.0-draft, as one kind of value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from kg.errors import Malformed, RefusedInput, TooLarge

BATCH = 100  # queries at once
MOST_CANDIDATES = 100  # of one query
USUAL_CANDIDATES = 10
LONGEST_NAME = 1000  # characters
_MOST_VALUES = 50  # of one condition
_MOST_NAMES, _MOST_FACTS = 2 * BATCH, 30 * BATCH  # of a batch, all its queries together
_MOST_CONDITIONS = 30
_MOST_IDS, _MOST_PROPERTIES = 1000, 60  # of one data extension
QUANTIFIERS = ("any", "all", "none")
_QUERY_02 = (
    'Write {"q0": {"query": "Valmy", "type": "firm", "limit": 5, "properties": [{"pid": "country", "v": "FR"}]}}.'
)
_QUERY_10 = (
    'Write {"queries": [{"type": "firm", "conditions": [{"matchType": "name", "propertyValue": "Valmy"}, '
    '{"matchType": "property", "propertyId": "country", "propertyValue": "FR"}]}]}.'
)
_EXTEND = 'Write {"ids": ["…"], "properties": [{"id": "country"}, {"id": "makes", "settings": {"limit": 3}}]}.'


@dataclass(frozen=True, slots=True)
class Condition:
    """What a candidate's property should be; several values are joined by `quantifier`."""

    property: str
    values: tuple[str, ...]
    required: bool = False
    quantifier: str = "any"


@dataclass(frozen=True, slots=True)
class Asked:
    """One reconciliation query: names (any of them will do), ids, types ("" for any), and what else is known."""

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    limit: int = USUAL_CANDIDATES
    conditions: tuple[Condition, ...] = ()
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column of a data extension."""

    property: str
    limit: int = 0  # values at most; 0 for all
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """Which properties of which entities."""

    ids: tuple[str, ...]
    properties: tuple[Wanted, ...]


def read_json(text: str | bytes, what: str, mend: str) -> Any:
    """JSON with finite numbers. Raises Malformed saying what was sent wrong."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise Malformed(f"{what} is not JSON ({reason}).", mend) from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON has")


def batch_02(text: str) -> dict[str, Asked]:
    """The queries of a 0.2 batch by their keys. Raises Malformed, RefusedInput or TooLarge naming the key."""
    found = read_json(text, "`queries`", _QUERY_02)
    if not isinstance(found, dict):
        raise Malformed("`queries` is not an object of queries by key.", _QUERY_02)
    _check_size(len(found), BATCH, "queries")
    return _bounded({key: _query_02(f"The query {key[:60]!r}", query) for key, query in found.items()})


def single_02(text: str) -> Asked:
    """The one query of the old single mode: a JSON object, or the name alone."""
    if text.lstrip().startswith("{"):
        return _query_02("The query", read_json(text, "`query`", _QUERY_02))
    return Asked(names=(_name("The query", text),))


def _query_02(where: str, query: Any) -> Asked:
    if not isinstance(query, dict):
        raise RefusedInput(f"{where} is not an object.", _QUERY_02)
    name, properties = query.get("query"), query.get("properties", [])
    if name is not None and not isinstance(name, str):
        raise RefusedInput(f"{where}: `query` is not a text.", _QUERY_02)
    if not isinstance(properties, list) or (name is None and not properties):
        raise RefusedInput(f"{where} has neither `query` nor a list of `properties`.", _QUERY_02)
    _check_size(len(properties), _MOST_CONDITIONS, f"properties in {where[0].lower()}{where[1:]}")
    conditions = []
    for item in properties:
        if not isinstance(item, dict) or not isinstance(item.get("pid"), str) or "v" not in item:
            raise RefusedInput(f"{where}: a property has no `pid` or no `v`.", _QUERY_02)
        conditions.append(Condition(item["pid"][:200], _values(where, item["v"], _QUERY_02)))
    types = query.get("type", [])
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
        raise RefusedInput(f"{where}: `type` is neither a text nor a list of texts.", _QUERY_02)
    return Asked(
        names=(_name(where, name),) if name is not None else (),
        types=tuple(one for one in types if one),
        limit=limit(where, query.get("limit")),
        conditions=tuple(conditions),
    )


def batch_10(body: bytes) -> list[Asked]:
    """The queries of a 1.0-draft batch, in order. Raises Malformed, RefusedInput or TooLarge naming the number."""
    found = read_json(body, "The body", _QUERY_10)
    queries = found.get("queries") if isinstance(found, dict) else None
    if not isinstance(queries, list):
        raise Malformed("The body has no list `queries`.", _QUERY_10)
    _check_size(len(queries), BATCH, "queries")
    read = {str(number): _query_10(f"Query {number}", query) for number, query in enumerate(queries)}
    return list(_bounded(read).values())


def _bounded(batch: dict[str, Asked]) -> dict[str, Asked]:
    """The batch, unless comparing all that it holds would take long."""
    _check_size(sum(len(asked.names) + len(asked.ids) for asked in batch.values()), _MOST_NAMES, "names in the batch")
    values = sum(len(condition.values) for asked in batch.values() for condition in asked.conditions)
    _check_size(values, _MOST_FACTS, "values in the batch")
    return batch


def _query_10(where: str, query: Any) -> Asked:
    if not isinstance(query, dict) or not isinstance(query.get("conditions"), list) or not query["conditions"]:
        raise RefusedInput(f"{where} has no list `conditions`.", _QUERY_10)
    _check_size(len(query["conditions"]), _MOST_CONDITIONS, f"conditions in {where.lower()}")
    kind, lang = query.get("type", ""), query.get("lang", "")
    if not isinstance(kind, str) or not isinstance(lang, str):
        raise RefusedInput(f"{where}: `type` or `lang` is not a text.", _QUERY_10)
    names: list[str] = []
    ids: list[str] = []
    conditions: list[Condition] = []
    for item in query["conditions"]:
        match_type = item.get("matchType") if isinstance(item, dict) else None
        if match_type not in ("name", "id", "property") or "propertyValue" not in item:
            raise RefusedInput(f"{where}: a condition has no `matchType` or no `propertyValue`.", _QUERY_10)
        values = _values(where, item["propertyValue"], _QUERY_10)
        if match_type == "name":
            names += values
        elif match_type == "id":
            ids += values
        else:
            conditions.append(_condition(where, item, values))
    _check_size(len(names) + len(ids), _MOST_VALUES, f"names in {where.lower()}")
    return Asked(
        tuple(_name(where, name) for name in names),
        tuple(ids),
        (kind,) if kind else (),
        limit(where, query.get("limit")),
        tuple(conditions),
        lang[:20],
    )


def _condition(where: str, item: dict[str, Any], values: tuple[str, ...]) -> Condition:
    named, required = item.get("propertyId"), item.get("required", False)
    quantifier = item.get("matchQuantifier", "any")
    if not isinstance(named, str) or not isinstance(required, bool) or quantifier not in QUANTIFIERS:
        raise RefusedInput(
            f"{where}: a condition on a property lacks `propertyId`, or its `required` or `matchQuantifier` is wrong.",
            f"`required` is true or false, `matchQuantifier` one of: {', '.join(QUANTIFIERS)}.",
        )
    return Condition(named[:200], values, required, quantifier)


def _values(where: str, given: Any, mend: str) -> tuple[str, ...]:
    """Values as texts; an entity counts by its id, else its name."""
    items = given if isinstance(given, list) else [given]
    _check_size(len(items), _MOST_VALUES, f"values in {where[0].lower()}{where[1:]}")
    out: list[str] = []
    for item in items:
        one = (item.get("id") or item.get("name")) if isinstance(item, dict) else item
        if isinstance(one, bool):
            one = "true" if one else "false"
        if isinstance(one, int | float):
            one = f"{one:.10g}" if isinstance(one, float) and not one.is_integer() else str(int(one))
        if not isinstance(one, str):
            raise RefusedInput(f"{where}: a value is neither a text, a number nor an entity with an id.", mend)
        out.append(_name(where, one))
    return tuple(text for text in out if text.strip())


def _name(where: str, text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise TooLarge(
            f"{where} holds a text of {len(text):,} characters; at most {LONGEST_NAME:,} are compared.", "Shorten it."
        )
    return text.encode("utf-8", "replace").decode()  # half a character that JSON can write but nothing can store


def limit(where: str, given: Any, usual: int = USUAL_CANDIDATES, most: int = MOST_CANDIDATES) -> int:
    """A number of results: a whole number from 1; more than `most` mean `most`. Raises RefusedInput."""
    if given is None or given == "":
        return usual
    try:
        number = None if isinstance(given, bool | list | dict) else float(given)
    except (ValueError, OverflowError):
        number = None
    if number is None or not number >= 1 or (number != float("inf") and number != int(number)):
        raise RefusedInput(f"{where}: `limit` is {str(given)[:40]!r}.", "Write a whole number from 1, or leave it out.")
    return int(min(number, most))


def extension(text: str | bytes) -> Extension:
    """A data extension query, which both versions write alike. Raises Malformed, RefusedInput or TooLarge."""
    found = read_json(text, "The data extension query", _EXTEND)
    ids, properties = (found.get("ids"), found.get("properties")) if isinstance(found, dict) else (None, None)
    if not isinstance(ids, list) or not isinstance(properties, list) or not all(isinstance(one, str) for one in ids):
        raise Malformed("The data extension query has no list `ids` of texts, or no list `properties`.", _EXTEND)
    _check_size(len(ids), _MOST_IDS, "ids")
    _check_size(len(properties), _MOST_PROPERTIES, "properties")
    wanted = []
    for item in properties:
        settings = item.get("settings") or {} if isinstance(item, dict) else None
        if not isinstance(settings, dict) or not isinstance(item.get("id"), str):
            raise RefusedInput(
                "A property of the data extension query has no `id`, or `settings` of a wrong kind.", _EXTEND
            )
        lang = settings.get("lang") or ""
        if not isinstance(lang, str):
            raise RefusedInput("The setting `lang` is not a text.", "Write a tag such as fr.")
        most = settings.get("limit")
        none = most in (0, "0", "0.0", 0.0) and not isinstance(most, bool)
        where = f"The property {item['id'][:60]!r}"
        wanted.append(Wanted(item["id"], 0 if none else limit(where, most, 0, 10_000), lang[:20]))
    return Extension(tuple(dict.fromkeys(ids)), tuple(wanted))


def _check_size(count: int, most: int, what: str) -> None:
    if count > most:
        raise TooLarge(f"There are {count:,} {what}; at most {most:,} are taken.", "Send them in parts.")


def names_of(asked: Sequence[Asked]) -> list[str]:
    """Every name asked for, in order."""
    return [name for one in asked for name in one.names]
