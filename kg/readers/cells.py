"""Cells made clean: what a text, date, country, code or website may look like, and what is said when it does not."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from urllib.parse import urlsplit

from kg import vocabulary as v

# Characters that reorder or hide text (Unicode bidirectional controls), and controls other than tab and line ends.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HOSTILE = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HOST = re.compile(r"^[^\s/@:]+\.[^\s/@:.]{2,}\.?(:\d+)?(/|$|\?)")
# What RFC 3987 keeps out of an IRI: delimiters, a stray %, private and unassigned characters.
_NOT_IN_IRI = re.compile(
    r"""[\x00-\x20\x7f-\x9f\s<>"{}|\\^`\[\]]|%(?![0-9A-Fa-f]{2})|[\ue000-\uf8ff\ufff0-\uffff]|[^\0-\U000dffff]"""
)
_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ].*)?$")
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_LATEST_YEARS_AHEAD = 2
_LANGUAGES = "en bg cs da de el es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv"  # the EU's official ones
# The codes of European countries, which spare most files the loading of every country's names.
_COMMON = "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_COMMON_CODES = frozenset(_COMMON.split())


class Unfit(Exception):
    """A cell cannot be used: `reason` and `mend`."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend


def clean(text: str, limit: int) -> str:
    """NFC text without outer space. Raises Unfit for an oversized cell or a hostile character, naming both."""
    if len(text) > limit or len(text.encode("utf-8", "surrogatepass")) > limit:
        raise Unfit(f"The cell holds {len(text):,} characters; at most {limit:,} bytes fit.", "Shorten the text.")
    if not text.isascii() or _CONTROL.search(text):
        found = _HOSTILE.search(text)
        if found:
            code = f"U+{ord(found.group()):04X}"
            name = unicodedata.name(found.group(), "a control character")
            raise Unfit(
                f"The cell holds a hidden character ({code}, {name}) at position {found.start() + 1}.",
                "Remove the character; it can make a text read as another.",
            )
        text = unicodedata.normalize("NFC", text)
    return text.strip()


def website(text: str) -> str:
    """An http(s) address; a bare domain gets https://. Raises Unfit for anything else."""
    if "://" not in text and not re.match(r"^[a-z][a-z0-9+.-]*:(?!\d+(/|$))", text, re.IGNORECASE):
        text = "https://" + text
    return address(text)


def address(text: str) -> str:
    """An http(s) IRI with the characters an IRI may have. Raises Unfit."""
    wrong = Unfit(f"{text[:80]!r} is not a web address.", "Write it as https://…, or leave the cell empty.")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise wrong from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise wrong
    if not _HOST.match(parts.netloc.rsplit("@", 1)[-1] + "/") and parts.hostname != "localhost":
        raise wrong
    if parts.username or parts.password:
        raise Unfit(f"The address of {parts.hostname} holds a name or a password.", "Remove it.")
    whole, mark, fragment = text.partition("#")
    text = whole + mark + fragment.replace("#", "%23")
    return _NOT_IN_IRI.sub(lambda m: "".join(f"%{byte:02X}" for byte in m.group().encode()), text)


def iso_date(text: str) -> str:
    """2020, 2020-03 or 2020-03-25; a time after it is dropped. Raises Unfit for a day that is not in the calendar."""
    match = _DATE.match(text)
    try:
        if match is None:
            raise ValueError
        year, month, day = match.groups()
        found = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise Unfit(f"{text[:40]!r} is not a date.", "Write 2020, 2020-03 or 2020-03-25.") from None
    if found.year < 1000 or found.year > date.today().year + _LATEST_YEARS_AHEAD:
        raise Unfit(f"{text[:40]!r} cannot be right: the year is {found.year}.", "Correct the year.")
    return "-".join(part for part in (year, month, day) if part)


def number(text: str, least: float, most: float, what: str) -> float:
    """A finite number between two bounds. Raises Unfit."""
    try:
        found = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except (ValueError, OverflowError):
        raise Unfit(f"{text[:40]!r} is not a number.", f"Write the {what} in degrees with a decimal point.") from None
    if not least <= found <= most:
        raise Unfit(
            f"The {what} {text[:40]} is not between {least:g} and {most:g}.",
            "Check that latitude and longitude are not swapped.",
        )
    return found


@cache
def _countries() -> dict[str, str]:
    """Folded country name in 24 languages, or code, → ISO 3166-1 alpha-2. Source: Unicode CLDR through Babel."""
    from babel import Locale

    names: dict[str, str] = {}
    for tag in _LANGUAGES.split():
        for code, name in Locale.parse(tag).territories.items():
            if len(code) == 2 and code.isalpha():
                names.setdefault(name.casefold(), code)
                if tag == "en":
                    names[code.casefold()] = code
    for unwanted in ("eu", "un", "xa", "xb", "zz", "ez", "qo"):
        names.pop(unwanted, None)
    # What the EU's own publications write for Greece and the United Kingdom, and common short forms.
    return names | {"el": "GR", "uk": "GB", "usa": "US", "czech republic": "CZ", "holland": "NL", "england": "GB"}


def country(text: str) -> str:
    """ISO 3166-1 alpha-2 for a code or a name in any official EU language. Raises Unfit."""
    if text in _COMMON_CODES:
        return text
    code = _countries().get(text.casefold())
    if code is None:
        mend = "Write its ISO code (FR) or its name in a European language."
        raise Unfit(f"There is no country {text[:60]!r}.", mend)
    return code


def nuts(text: str) -> str:
    """A NUTS code in capitals. Raises Unfit."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{0,3}", code):
        raise Unfit(f"{text[:40]!r} is not a NUTS code.", "Write a code such as FRK2, or leave the cell empty.")
    return code


def code(text: str) -> str:
    """`scheme:notation` in its stored form. Raises Unfit."""
    found = v.normal_code(text)
    if found is None:
        raise Unfit(f"{text[:60]!r} is not a code.", "Write scheme:notation, as in cpv:33140000 or nace:20.42.")
    return found


def language_tag(text: str) -> str:
    """A BCP 47 tag in lower case. Raises Unfit."""
    if not _LANGUAGE.match(text):
        raise Unfit(f"{text[:40]!r} is not a language.", "Write a tag such as fr or pt-BR.")
    return text.lower()


def choice(text: str, allowed: tuple[str, ...], what: str) -> str:
    """One of a few words. Raises Unfit."""
    found = text.casefold().replace(" ", "-")
    if found not in allowed:
        raise Unfit(f"{text[:40]!r} is no {what}.", f"Write one of: {', '.join(allowed)}.")
    return found
