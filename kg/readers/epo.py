"""TED's eProcurement Ontology: winners become firms, the lots they were awarded become evidence with CPV codes.

Source: ePO 3 as TED's RDF mapping writes it; the path from a lot to its winner is LotAwardOutcome →
TenderAwardOutcome → Winner → Organization.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kg import rdf
from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.model import Actor
from kg.readers.job import Limits
from kg.readers.rdf import check_bytes
from kg.readers.records import Builder
from kg.terms import Term, is_iri, language, value

_E = v.EPO
_LEGAL_NAME = _E + "hasLegalName"
_ADDRESS = "http://data.europa.eu/m8g/registeredAddress"
_TOWN = "http://www.w3.org/ns/locn#postName"
_NOTICE = re.compile(r"^(\d{4})/S \d{3}-0*(\d+)$")
# What a firm is told apart by: shorter numbers are order numbers or "n/a", not registrations.
_SHORTEST_IDENTIFIER = 6
_SIZES = {"sme": "sme", "micro": "micro", "small": "small", "medium": "medium", "large": "large", "nonsme-oth": "large"}

_Nodes = dict[Term, dict[str, list[Term]]]


@dataclass(slots=True)
class _Firm:
    """One winner, gathered from every notice that names it."""

    names: dict[str, None] = field(default_factory=dict)
    identifiers: dict[str, None] = field(default_factory=dict)
    country: str = ""
    town: str = ""
    nuts: str = ""
    size: str = ""
    awards: dict[Term, Term] = field(default_factory=dict)  # what was awarded → the procedure, "" when not said


def read(data: bytes, suffix: str, limits: Limits, builder: Builder) -> Iterator[tuple[int | None, Actor | None]]:
    """(None, firm or None) for each winner. Raises RefusedInput when the file is not RDF or names no winner."""
    form = rdf.FORMATS[suffix]
    check_bytes(data, form, limits)
    nodes: _Nodes = defaultdict(lambda: defaultdict(list))
    try:
        for s, p, o, _ in rdf.parse(data, form):
            nodes[s][p[1:-1]].append(o)
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise RefusedInput(
            f"The file is not {form.name}: {getattr(error, 'msg', error)}.", "Correct it there."
        ) from error
    firms = _firms(nodes)
    if not firms:
        raise RefusedInput("The file names no winner of a contract.", "Use award notices, which do.")
    context = _context(nodes)
    for local, firm in sorted(firms.items()):
        builder.begin(None)
        yield None, builder.actor(_fields(local, firm, nodes, context))


def _all(nodes: _Nodes, subject: Term, predicate: str) -> list[Term]:
    return sorted(nodes[subject][predicate]) if subject in nodes and predicate in nodes[subject] else []


def _one(nodes: _Nodes, subject: Term, *path: str) -> str:
    """The first value at the end of a path of predicates, with white space folded; an empty text where it breaks."""
    for predicate in path:
        found = _all(nodes, subject, predicate)
        if not found:
            return ""
        subject = found[0]
    return " ".join(value(subject).split())


def _firms(nodes: _Nodes) -> dict[str, _Firm]:
    """Firms by local id: one for each registered identifier, else for each name and country."""
    found: dict[tuple[str, str, str], _Firm] = {}
    for award in sorted(nodes):
        for outcome in _all(nodes, award, _E + "comprisesTenderAwardOutcome"):
            for winner in _all(nodes, outcome, _E + "indicatesAwardOfLotToWinner"):
                for organisation in _all(nodes, winner, _E + "playedBy"):
                    _add(found, nodes, organisation, award, _under(nodes, winner))
    named: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for key, firm in found.items():
        if key[1]:
            for name in firm.names:
                named[key[0], _folded(name)].append(key)
    firms: dict[str, _Firm] = {}
    for (country, identifier, name), firm in found.items():
        twins = named[country, name] if not identifier else []
        if len(twins) == 1:  # the only registered firm of that name in that country
            _merge(found[twins[0]], firm)
            continue
        stem = re.sub(r"[^a-z0-9]+", "-", _ascii(name)).strip("-")[:60]
        mark = hashlib.sha256(f"{country} {name}".encode()).hexdigest()[:8]
        firms["-".join(p for p in (country.lower(), identifier.lower() or f"{stem}-{mark}") if p)] = firm
    return firms


def _under(nodes: _Nodes, role: Term) -> Term:
    """The procedure in which a winner or buyer plays its role, or an empty text."""
    return next(iter(_all(nodes, role, _E + "contextualisedBy")), "")


def _add(
    found: dict[tuple[str, str, str], _Firm], nodes: _Nodes, organisation: Term, award: Term, procedure: Term
) -> None:
    name = _one(nodes, organisation, _LEGAL_NAME)
    if not name:
        return
    country = _country(_one(nodes, organisation, _ADDRESS, _E + "hasCountryCode"))
    identifier = _one(nodes, organisation, _E + "hasID", _E + "hasIdentifierValue")
    plain = re.sub(r"[^A-Za-z0-9]", "", identifier).upper()
    telling = len(plain) >= _SHORTEST_IDENTIFIER and len(set(re.findall(r"\d", plain))) > 1
    key = (country, plain if telling else "", "" if telling else _folded(name))
    firm = found.setdefault(key, _Firm(country=country))
    firm.names[name] = None
    if telling:
        firm.identifiers[identifier] = None
    firm.town = firm.town or _one(nodes, organisation, _ADDRESS, _TOWN)
    nuts = v.local_name(_one(nodes, organisation, _ADDRESS, _E + "hasNutsCode") or "x/")
    firm.nuts = firm.nuts or (nuts if nuts != "x" else "")
    firm.size = firm.size or _SIZES.get(v.local_name(_one(nodes, organisation, _E + "hasBusinessSize") or "x/"), "")
    firm.awards[award] = procedure


def _merge(into: _Firm, other: _Firm) -> None:
    into.names |= other.names
    into.awards |= other.awards
    into.town, into.nuts, into.size = into.town or other.town, into.nuts or other.nuts, into.size or other.size


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()


def _folded(name: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold()))


@cache
def _alpha_2() -> dict[str, str]:
    """ISO 3166-1 alpha-3 → alpha-2. Source: Unicode CLDR through Babel."""
    from babel.core import get_global

    aliases = get_global("territory_aliases")
    return {code: found[0] for code, found in aliases.items() if len(code) == 3 and code.isalpha()}


def _country(authority: str) -> str:
    """Alpha-2 for an IRI of the EU's country authority table; an empty text where it names none."""
    return _alpha_2().get(v.local_name(authority), "") if authority else ""


@dataclass(slots=True)
class _Context:
    """What stands above a lot: its procedure, the notice, the buyers."""

    procedure_of: dict[Term, Term] = field(default_factory=dict)
    notice_of: dict[Term, Term] = field(default_factory=dict)
    buyers_of: dict[Term, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))  # by procedure


def _context(nodes: _Nodes) -> _Context:
    context = _Context()
    for subject in sorted(nodes):
        for lot in _all(nodes, subject, _E + "hasProcurementScopeDividedIntoLot"):
            context.procedure_of[lot] = subject
        for procedure in _all(nodes, subject, _E + "refersToProcedure"):
            context.notice_of[procedure] = subject
            for role in _all(nodes, subject, _E + "announcesRole"):
                _buyer(nodes, role, procedure, context)
        if _under(nodes, subject):
            _buyer(nodes, subject, _under(nodes, subject), context)
    return context


def _buyer(nodes: _Nodes, role: Term, procedure: Term, context: _Context) -> None:
    if f"<{_E}Buyer>" in _all(nodes, role, v.TYPE):
        name = _one(nodes, role, _E + "playedBy", _LEGAL_NAME)
        if name:
            context.buyers_of[procedure][name] = None


def _fields(local: str, firm: _Firm, nodes: _Nodes, context: _Context) -> dict[str, Any]:
    evidence = [
        item for award, procedure in firm.awards.items() for item in _evidence(award, procedure, nodes, context)
    ]
    unique = {tuple((name, str(said)) for name, said in item.items()): item for item in evidence}
    return {
        "id": local,
        "name": min(firm.names, key=lambda name: (-len(name), name)),
        "kind": "firm",
        "country": firm.country,
        "nuts": firm.nuts,
        "city": firm.town,
        "size": firm.size,
        "identifiers": list(firm.identifiers),
        "evidence": list(unique.values()),
    }


def _evidence(award: Term, under: Term, nodes: _Nodes, context: _Context) -> Iterator[dict[str, Any]]:
    """One piece of evidence for each lot that the award describes; what the lot leaves out its procedure says."""
    for lot in _all(nodes, award, _E + "describesLot"):
        # A notice of a modified contract describes the lot a second time, and names the first.
        first = next(iter(_all(nodes, lot, _E + "containsModificationsOf")), lot)
        procedure = context.procedure_of.get(first, under)
        notice = context.notice_of.get(procedure, "")
        codes = _codes(nodes, lot) or _codes(nodes, first) or _codes(nodes, procedure)
        titles = _said(nodes, lot, _E + "hasTitle") or _said(nodes, procedure, _E + "hasTitle")
        texts = _said(nodes, lot, _E + "hasDescription") or _said(nodes, procedure, _E + "hasDescription")
        if not titles and not texts and not codes:
            continue
        tongue = next((tag for tag in titles if tag in texts), next(iter([*titles, *texts]), ""))
        number = _NOTICE.match(_one(nodes, notice, _E + "hasID", _E + "hasIdentifierValue"))
        item: dict[str, Any] = {
            "title": titles.get(tongue, ""),
            "text": texts.get(tongue, ""),
            "lang": tongue,
            "date": _one(nodes, award, _E + "hasAwardDecisionDate") or _one(nodes, notice, _E + "hasDispatchDate"),
            "buyer": ", ".join(context.buyers_of.get(procedure, ())),
            "status": "awarded",
            "codes": codes,
        }
        if number:
            named = f"{number.group(2)}-{number.group(1)}"
            item |= {"source": f"TED notice {named}", "url": f"https://ted.europa.eu/en/notice/-/detail/{named}"}
        yield item


def _said(nodes: _Nodes, subject: Term, predicate: str) -> dict[str, str]:
    """Language → text, white space folded."""
    return {language(term): " ".join(value(term).split()) for term in _all(nodes, subject, predicate)}


def _codes(nodes: _Nodes, subject: Term) -> list[str]:
    """The CPV codes of a lot or procedure, the main one and the others."""
    found = [
        code
        for purpose in _all(nodes, subject, _E + "hasPurpose")
        for predicate in ("hasMainClassification", "hasAdditionalClassification")
        for code in _all(nodes, purpose, _E + predicate)
        if is_iri(code)
    ]
    return list(dict.fromkeys(v.code_of(value(code)) for code in found if v.code_of(value(code)).startswith("cpv:")))
