"""Registered identifiers made comparable, and whether their check digits hold: SIREN, SIRET, VAT, LEI."""

from __future__ import annotations

import re
from typing import NamedTuple

_NOT_A_SIGN = re.compile(r"[^0-9A-Za-z]+")
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_LABEL = re.compile(r"^\s*([A-Za-z][A-Za-z ._-]{1,20}?)\s*[:=#\s]\s*(?=\S*\d)")
_VAT = re.compile(r"(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI|GB|CHE|NO)")
_SHORTEST = 6  # signs; anything shorter names too much


class Identifier(NamedTuple):
    """An identifier in one spelling, what it is ("" where unknown), and whether its check digits hold."""

    text: str
    kind: str = ""
    valid: bool = False


def parse(text: str) -> Identifier | None:
    """The identifier in a cell, with or without its label (`SIREN 552 100 554`); None for what cannot be one."""
    text = text[:100]
    label = _LABEL.match(text)
    body = text[label.end() :] if label and not _VAT.fullmatch(label.group(1).upper()) else text
    plain = _NOT_A_SIGN.sub("", body).upper()
    if len(plain) < _SHORTEST or len(_NOT_A_DIGIT.sub("", plain)) < 4:
        return None
    kind = _kind(plain)
    return Identifier(plain, kind, bool(kind) and _holds(plain, kind))


def _kind(plain: str) -> str:
    if re.fullmatch(r"[0-9A-Z]{18}\d\d", plain):
        return "lei"
    if re.fullmatch(r"\d{9}", plain):
        return "siren"
    if re.fullmatch(r"\d{14}", plain):
        return "siret"
    if _VAT.match(plain) and re.fullmatch(r"[A-Z]{2,3}[0-9A-Z]{7,13}", plain):
        return "vat"
    return ""


def _holds(plain: str, kind: str) -> bool:
    if kind == "lei":
        return int("".join(str(int(sign, 36)) for sign in plain)) % 97 == 1
    if kind in ("siren", "siret"):
        return _luhn(plain)
    if plain.startswith("FR") and plain[2:].isdigit():
        return _luhn(plain[4:]) and int(plain[2:4]) == (12 + 3 * (int(plain[4:]) % 97)) % 97
    return True  # of other countries' VAT numbers the form alone


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def company(found: Identifier) -> str:
    """The company that an identifier belongs to: the SIREN of a SIRET or of a French VAT number, else itself."""
    if found.kind == "siret" and found.valid:
        return found.text[:9]
    if found.kind == "vat" and found.text.startswith("FR") and found.valid:
        return found.text[4:]
    return found.text
