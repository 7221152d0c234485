"""Terms in a store of another make: what is sent for each, and in which form two of them are compared.

Our own store keeps the value of a number or date; Virtuoso does so too and in places keeps less. What it was seen to
change or refuse (see tests/kg/test_remote_graph.py) is sent under a datatype that it does not know, and comes back
from it as it was; until then the store cannot compute with it.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from kg import vocabulary as v
from kg.terms import Term, datatype, language, literal, value

WRAPPED = "urn:filiere:typed:"
_LONG = "urn:filiere:long:"
_MOST_IRI = 1500  # bytes; Virtuoso cuts an IRI at 2,000 or so and says nothing
_MOST_TEXT = 1_000_000  # characters; Virtuoso refuses literals from 10 MB
_NUMBER = "urn:filiere:number"
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")  # what 64 bits hold; Virtuoso wraps around where more comes
_INTEGERS = frozenset(
    v.XSD + name
    for name in (
        *("integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger"),
        *("negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
    )
)
_SOUND = {
    v.XSD + "decimal": re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{1,15})?|\.[0-9]{1,15})"),
    v.XSD + "boolean": re.compile(r"true|false|0|1"),
    v.XSD + "date": re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"),
    v.XSD + "dateTime": re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z?"),
    v.XSD + "gYear": re.compile(r"[1-9][0-9]{3}"),
    v.XSD + "gYearMonth": re.compile(r"[1-9][0-9]{3}-[0-9]{2}"),
    v.XSD + "anyURI": re.compile(r"[!-~]*"),
    **dict.fromkeys(_INTEGERS, _WHOLE),
}
_THEIRS = (v.XSD, v.RDF, v.GEO, "http://www.openlinksw.com/")  # namespaces whose datatypes an engine may know


@lru_cache(maxsize=65_536)
def sent(term: Term) -> Term:
    """The term as it is written into the store; what is too long goes as a text or IRI that bears its checksum."""
    if term.startswith("<"):
        return term if len(term.encode()) <= _MOST_IRI else f"<{_LONG}{_checksum(term)}>"
    if len(term) > _MOST_TEXT:
        return literal(_LONG + _checksum(term))
    if tag := language(term):
        return term.removesuffix(tag) + tag.lower()
    kind = datatype(term)
    if kind == v.XSD + "string" or not kind.startswith(_THEIRS):
        return literal(value(term), "", kind)
    sound = _SOUND.get(kind)
    text = value(term)
    return term if sound is not None and sound.fullmatch(text) else literal(text, "", WRAPPED + kind)


def compared(term: Term) -> Term:
    """The term in a form that is the same for what was sent and for what a store makes of it.

    Numbers are compared by value, whatever their type: Virtuoso holds 1 and 1.0 for the same. Everything else is
    compared by its text, type and language.
    """
    if not term.startswith('"'):
        return term
    if tag := language(term):
        return literal(value(term), tag)
    kind, text = datatype(term), value(term)
    if kind == v.XSD + "decimal" or kind in _INTEGERS:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return literal(text, "", kind)
        return literal(f"{number.normalize():f}" if number else "0", "", _NUMBER)
    if kind == v.XSD + "boolean":
        return literal({"1": "true", "0": "false"}.get(text, text), "", kind)
    return literal(text, "", kind)


def restored(term: Term) -> Term:
    """The term as it was before it was sent."""
    kind = datatype(term)
    return literal(value(term), "", kind.removeprefix(WRAPPED)) if kind.startswith(WRAPPED) else term


def _checksum(term: Term) -> str:
    return hashlib.sha256(term.encode()).hexdigest()
