"""Identifiers as sources write them, to numbers of a register that are checked; the only module that imports stdnum.

A number is `register:number`, as in "fr:siren:732829320". Registered is what one register gave to one legal entity.
A VAT number is known too, but several companies may share one, so that alone it says too little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from stdnum import get_cc_module, lei
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

_SIGNS = re.compile(r"[\s.\-_/\\·:–—']+")
_LABELS = re.compile(
    r"\b(?:company|registration|registered|register|number|numero|num[eé]ro|nummer|nr|no|n°|reg|id|ident\w*|rcs|siege|"
    r"cod|fiscal|partita|codice|fiscale|tva|vat|ust-?id\w*|btw|mva|iva|intracommunautaire|zvr-zahl)\b\.?:?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(siren|siret|lei|krs|nip|regon|kvk|hrb|hra|vr|pr|gnr|fn|cif|nif|nipc|cui|cvr|oib|eik|orgnr|y-tunnus|ico|ičo|vat|"
    r"p\.? ?iva|c\.? ?f\.?|codice fiscale|partita iva|cbe|kbo|bce|company number|crn)\b\.?\s*[:=#]?\s*",
    re.IGNORECASE,
)
# As a Handelsregister writes them; the number means nothing without the court that keeps the register.
_GERMAN = re.compile(r"\b(HRA|HRB|VR|PR|GNR)\s*(\d{1,6})(?:\s*([A-Z]{1,3}))?\b", re.IGNORECASE)
_LEAST_DIGITS = 4
_SHORTEST = 6  # signs of an identifier that is compared as it is written; a shorter one names too much
_MOST_TEXT = 200  # characters of an identifier that are looked at
_PLACEHOLDERS = ("12345678", "123456789", "1234567890", "123456", "1234567", "987654321", "11223344")


@dataclass(frozen=True, slots=True)
class Known:
    """What an actor's identifiers say: registered numbers, VAT numbers, what these name, and what counts for nothing.

    `implied` are registered numbers that a VAT number holds; `faults` say of each refused one why.
    """

    registered: frozenset[str] = frozenset()
    vat: frozenset[str] = frozenset()
    implied: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


def read(identifiers: Iterable[str], country: str = "") -> Known:
    """The numbers that the identifiers of an actor of `country` (ISO 3166-1 alpha-2, "" where unknown) hold."""
    registered: set[str] = set()
    taxed: set[str] = set()
    implied: set[str] = set()
    faults: list[str] = []
    for identifier in identifiers:
        found = _read(identifier[:_MOST_TEXT], country.upper())
        registered.update(found.registered)
        taxed.update(found.vat)
        implied.update(found.implied)
        faults += found.faults
    return Known(frozenset(registered), frozenset(taxed), frozenset(implied), tuple(faults))


@lru_cache(maxsize=65_536)
def read_cell(text: str, country: str = "") -> Known:
    """The numbers that one text of unknown origin holds: what it says itself or in its country, else a SIREN or SIRET.

    For comparing with what a person asked for, where too many readings only cost a look; nothing is merged by it.
    """
    found = read([text], country)
    return found if found.registered or found.vat else read([text], "FR")


def letters(text: str) -> str:
    """An identifier without its label, spaces and signs, or "" where it is too short or a placeholder."""
    plain = _SIGNS.sub("", _LABELS.sub(" ", _NAMED.sub(" ", text[:_MOST_TEXT]))).upper()
    return "" if len(plain) < _SHORTEST or _is_placeholder(plain) else plain


def register_of(number: str) -> str:
    """The register of a number: "fr:siren" of "fr:siren:732829320"."""
    return number.rpartition(":")[0]


def shown(number: str) -> str:
    """A number as people write it: "SIREN 732829320"."""
    country, name, digits = number.split(":", 2)
    return f"{name.upper()} {digits}" + (
        "" if country in ("eu", "world") or name in _OWN_NAMES else f" ({country.upper()})"
    )


_OWN_NAMES = ("siren", "lei", "krs", "nip", "regon", "kvk")


@lru_cache(maxsize=65_536)
def _read(identifier: str, country: str) -> Known:
    text = " ".join(identifier.split())
    plain = _SIGNS.sub("", text).upper()
    if _is_placeholder(plain):
        return Known(faults=(f"{text!r} is a placeholder.",) if plain else ())
    if found := _as_vat(plain, country):
        return found
    for part, named in _parts(text):
        digits = _SIGNS.sub("", part).upper()
        if _is_placeholder(digits):
            continue
        numbers = [number for reader in _readers(country, named) if (number := _try(reader, digits))]
        if numbers:
            return _merged(numbers, text, country, named)
        if found := _as_vat(digits, country):
            return found
    if german := _german(text, country):
        return Known(frozenset([german]))
    return Known(faults=(f"{text!r} is no number of a register that is known for {country or 'an unknown country'}.",))


def _is_placeholder(plain: str) -> bool:
    digits = re.sub(r"\D", "", plain)
    if "*" in plain or len(digits) < _LEAST_DIGITS or digits in _PLACEHOLDERS:
        return True
    return len(set(digits)) == 1 or not digits.strip("0")


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """(what may be a number, the name of the register written before it) of a text, the named ones first."""
    marks = list(_NAMED.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):  # without a mark there is nothing that ends
        part = re.split(r"\s[-–/]\s|;|,", text[mark.end() : end])[0]
        if part.strip():
            yield part, re.sub(r"[^a-zč]", "", mark.group(1).lower())
    yield _LABELS.sub(" ", _NAMED.sub(" ", text)), ""
    runs = re.findall(r"\b[A-Z]?\d[\d .\-]{5,}\d[A-Z]?\b", text)
    for run in runs:
        yield run, ""


def _merged(numbers: list[str], text: str, country: str, named: str) -> Known:
    if named not in _VAT_NAMES and not (country == "IT" and named == "" and numbers[0].startswith("it:")):
        return Known(frozenset(numbers[:1]))
    # An Italian number without a name may be a partita IVA, which the companies of a group share.
    return Known(
        vat=frozenset(f"eu:vat:IT{number.rpartition(':')[2]}" for number in numbers[:1]), implied=frozenset(numbers[:1])
    )


_VAT_NAMES = ("vat", "piva", "partitaiva")


def _as_vat(plain: str, country: str) -> Known | None:
    """A VAT number that begins with the letters of its country, and the registered number that it holds, if any."""
    text = re.sub(r"^(?:VAT|TVA|BTW|USTID(?:NR)?|NIF|CIF|DIC|PIVA|CFPIVA|CF)(?=[A-Z]{2})", "", plain)
    prefix = text[:2]
    if not prefix.isalpha() or len(text) < 7 or not re.search(r"\d", text[2:]):
        return None
    if prefix in ("NO", "CH") or (prefix == "GB" and country in ("GB", "")):
        return _as_other_vat(prefix, text)
    try:
        number = str(vat.validate(text))
    except ValidationError:
        return None
    except (AttributeError, ValueError, IndexError):  # stdnum stumbles over letters where it looks for digits
        return None
    # A Spanish NIF begins with a letter, and others with two by chance: only what names its country counts.
    number = number if number[:2].isalpha() else prefix + number
    implied = _implied(prefix, number[2:])
    return Known(vat=frozenset([f"eu:vat:{number}"]), implied=frozenset([implied] if implied else []))


def _as_other_vat(prefix: str, text: str) -> Known | None:
    modules = {"NO": "mva", "CH": "vat", "GB": "vat"}
    digits = re.sub(r"(MVA|MWST|TVA|IVA)$", "", text[2:]) if prefix == "NO" else text
    try:
        module = _module(prefix.lower(), "orgnr" if prefix == "NO" else modules[prefix])
        number = str(module.validate(digits))
    except (ValidationError, AttributeError, ValueError):
        return None
    implied = [f"no:orgnr:{number}"] if prefix == "NO" else []
    return Known(vat=frozenset([f"eu:vat:{prefix}{number.removeprefix(prefix)}"]), implied=frozenset(implied))


def _implied(country: str, number: str) -> str:
    """The registered number that a VAT number of a country is made of, or ""."""
    match country:
        case "FR":
            return f"fr:siren:{number[2:]}" if number[2:].isdigit() else ""
        case "SE":
            return f"se:orgnr:{number[:10]}"
        case "IT" | "RO" | "ES" | "PT" | "BE" | "FI" | "CZ" | "DK" | "HR" | "BG" | "PL" | "LV" | "EL" | "GR" | "HU":
            return next(
                (found for reader in _readers(country.replace("EL", "GR"), "") if (found := _try(reader, number))), ""
            )
    return ""


def _german(text: str, country: str) -> str:
    """A German register number with its court, or "": without the court the same number stands in many registers."""
    match = _GERMAN.search(text)
    if country not in ("DE", "") or match is None:
        return ""
    court = re.sub(
        r"(?i)amtsgericht|registergericht|handelsregister|\bAG\b|\bbeim?\b|[^\w ]",
        " ",
        text.replace(match.group(), " "),
    )
    words = sorted({word.casefold() for word in court.split() if len(word) > 3 and not word.isdigit()})
    number = f"{match.group(1).upper()} {int(match.group(2))}{(match.group(3) or '').upper()}"
    return f"de:register:{number} {' '.join(words)}" if words else ""


@cache
def _module(country: str, name: str) -> Any:
    return get_cc_module(country, name)


_Reader = tuple[str, Callable[[str], str]]  # the register, and what checks a number of it; it raises when it is none


def _try(reader: _Reader, digits: str) -> str:
    register, check = reader
    try:
        number = check(digits)
    except (ValidationError, ValueError, AttributeError, IndexError, KeyError):
        return ""
    return f"{register}:{number}" if number else ""


def _std(country: str, name: str) -> Callable[[str], str]:
    def check(digits: str) -> str:
        return str(_module(country, name).validate(digits))

    return check


def _shape(pattern: str, width: int = 0) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(digits: str) -> str:
        match = compiled.fullmatch(digits)
        return (match.group(1) if compiled.groups else match.group()).zfill(width) if match else ""

    return check


def _siret(digits: str) -> str:
    """The SIREN of an establishment: it names the same legal entity."""
    if len(digits) != 14:
        return ""
    return str(_module("fr", "siret").validate(digits))[:9]


def _czech(digits: str) -> str:
    """IČO of eight digits with their check digit; Slovakia kept the same."""
    if not re.fullmatch(r"\d{6,8}", digits):
        return ""
    number = digits.zfill(8)
    check = (11 - sum((8 - n) * int(d) for n, d in enumerate(number[:7])) % 11) % 10
    return number if check == int(number[7]) else ""


def _bulgarian(digits: str) -> str:
    return str(_module("bg", "vat").validate(digits)) if len(digits) == 9 else ""


def _italian(digits: str) -> str:
    return str(_module("it", "iva").validate(digits)) if len(digits) == 11 else ""


def _hungarian(digits: str) -> str:
    return str(_module("hu", "anum").validate(digits[:8])) if len(digits) in (8, 11) else ""


def _slovenian(digits: str) -> str:
    return str(_module("si", "maticna").validate(digits))[:7] if len(digits) in (7, 10) else ""


def _romanian(digits: str) -> str:
    return str(_module("ro", "cui").validate(digits)) if len(digits) <= 10 else ""


def _spanish(digits: str) -> str:
    return str(_module("es", "nif").validate(digits))


def _austrian(digits: str) -> str:
    match = re.fullmatch(r"(?:FN)?(\d{1,6}[A-Z])", digits)
    return match.group(1).lower() if match else ""


_SIREN: _Reader = ("fr:siren", lambda digits: str(_std("fr", "siren")(digits)) if len(digits) == 9 else "")
_SIRET: _Reader = ("fr:siren", _siret)
_LEI: _Reader = ("world:lei", lambda digits: str(lei.validate(digits)) if len(digits) == 20 else "")
_KRS: _Reader = ("pl:krs", _shape(r"0{3,4}\d{6,7}"))
_ANY_KRS: _Reader = ("pl:krs", _shape(r"\d{1,10}", 10))
_NIP: _Reader = ("pl:nip", _std("pl", "nip"))
_REGON: _Reader = ("pl:regon", lambda digits: _std("pl", "regon")(digits)[:9])
_BRITISH: _Reader = (
    "gb:company", _shape(r"(\d{6,8}|(?:SC|NI|OC|SO|NC|FC|BR|IP|RC|CE)\d{6})", 8),
)  # fmt: skip

# Which numbers a bare identifier of a country may be, those whose check digits tell more first.
_REGISTERS: dict[str, tuple[_Reader, ...]] = {
    "FR": (_SIRET, _SIREN),
    "ES": (("es:nif", _spanish),),
    "IT": (("it:cf", _italian),),
    "PL": (_KRS, _NIP, _REGON),
    "NL": (("nl:kvk", _shape(r"(\d{8})(?:0000)?")),),
    "BE": (("be:cbe", _std("be", "vat")),),
    "PT": (("pt:nipc", _std("pt", "nif")),),
    "RO": (("ro:cui", _romanian),),
    "CZ": (("cz:ico", _czech),),
    "SK": (("sk:ico", _czech),),
    "FI": (("fi:ytunnus", _std("fi", "ytunnus")),),
    "SE": (("se:orgnr", _std("se", "orgnr")),),
    "NO": (("no:orgnr", _std("no", "orgnr")),),
    "DK": (("dk:cvr", _std("dk", "cvr")),),
    "EE": (("ee:registrikood", _std("ee", "registrikood")),),
    "LV": (("lv:regnr", _std("lv", "pvn")),),
    "LT": (("lt:kodas", _shape(r"\d{9}")),),
    "HR": (("hr:oib", _std("hr", "oib")),),
    "HU": (("hu:adoszam", _hungarian), ("hu:ekrsz", _shape(r"EKRSZ(\d{8})"))),
    "SI": (("si:maticna", _slovenian),),
    "BG": (("bg:eik", _bulgarian),),
    "AT": (("at:fn", _austrian),),
    "GR": (("gr:afm", _std("gr", "vat")),),
    "LU": (("lu:rcs", _shape(r"B\d{3,6}")),),
    "IE": (("ie:cro", _shape(r"\d{5,6}", 6)),),
    "MT": (("mt:company", _shape(r"C\d{3,6}")),),
    "GB": (_BRITISH,),
    "CH": (("ch:uid", _std("ch", "uid")),),
}
_BY_NAME: dict[str, tuple[_Reader, ...]] = {
    "siren": (_SIREN, _SIRET),
    "siret": (_SIRET, _SIREN),
    "lei": (_LEI,),
    "krs": (_ANY_KRS,),
    "nip": (_NIP,),
    "regon": (_REGON,),
    "kvk": _REGISTERS["NL"],
    "cif": _REGISTERS["ES"],
    "nipc": _REGISTERS["PT"],
    "cui": _REGISTERS["RO"],
    "cvr": _REGISTERS["DK"],
    "oib": _REGISTERS["HR"],
    "eik": _REGISTERS["BG"],
    "ytunnus": _REGISTERS["FI"],
    "fn": _REGISTERS["AT"],
    "cf": _REGISTERS["IT"],
    "codicefiscale": _REGISTERS["IT"],
    "piva": _REGISTERS["IT"],
    "partitaiva": _REGISTERS["IT"],
    "cbe": _REGISTERS["BE"],
    "kbo": _REGISTERS["BE"],
    "bce": _REGISTERS["BE"],
    "companynumber": _REGISTERS["GB"],
    "crn": _REGISTERS["GB"],
}


def _readers(country: str, named: str) -> tuple[_Reader, ...]:
    """Those of the register that is named, else those of the country and what is the same everywhere."""
    return _BY_NAME[named] if named in _BY_NAME else (*_REGISTERS.get(country, ()), _LEI)
