"""What is compared of an actor: its name, place, site and numbers, read from its record and kept small."""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from kg import vocabulary as v
from kg.identity import identifiers
from kg.identity.identifiers import Known
from kg.names import Name, telling, town
from kg.terms import value

_FIELDS = {
    f"<{v.SKOS}prefLabel>": "name",
    f"<{v.SCHEMA}addressCountry>": "country",
    f"<{v.SCHEMA}addressLocality>": "city",
    f"<{v.NS}nuts>": "nuts",
    f"<{v.FOAF}homepage>": "website",
    f"<{v.SCHEMA}identifier>": "identifiers",
    f"<{v.TYPE}>": "type",
}
_KINDS = {f"<{cls}>": kind for kind, cls in v.ACTOR_CLASSES.items()}
_ACTOR = f"<{v.NS}Actor>"
# Sites on which many have a page: an address there says nothing of who it is.
_SHARED_HOSTS = re.compile(
    r"(?:^|\.)(facebook|linkedin|twitter|instagram|youtube|google|wixsite|wordpress|blogspot|societe|infogreffe|pappers|"
    r"verif|pagesjaunes|kompass|europages|wikipedia|gov|gouv|github|amazonaws|jimdo|etsy|ebay|sites)\.[a-z.]{2,7}$"
)
_MOST = 500  # characters of a name that are compared


class Profile(NamedTuple):
    """An actor as it is compared with others."""

    iri: str
    source: str
    kind: str
    written: str  # its name as it is written
    name: Name
    country: str
    nuts: str
    town: str
    host: str
    known: Known


def of_payload(iri: str, source: str, payload: str) -> Profile | None:
    """The profile of a live record, None when it is no actor. Only what the record says of itself is read."""
    if _ACTOR not in payload:
        return None
    subject = f"<{iri}> "
    found: dict[str, list[str]] = {}
    for line in payload.split("\n"):
        if line.startswith(subject):
            predicate, _, term = line[len(subject) :].partition(" ")
            field = _FIELDS.get(predicate)
            if field:
                found.setdefault(field, []).append(term[:-2])
    kinds = [_KINDS[term] for term in found.pop("type", ()) if term in _KINDS]
    texts = {field: sorted(map(value, terms)) for field, terms in found.items()}
    name, country = texts.get("name", [""])[0], texts.get("country", [""])[0]
    return Profile(
        iri,
        source,
        kinds[0] if kinds else "firm",
        name[:_MOST],
        telling(name[:_MOST]),
        country,
        v.local_name(texts["nuts"][0]) if "nuts" in texts else "",
        town(texts.get("city", [""])[0]),
        host(texts.get("website", [""])[0]),
        identifiers.read(texts.get("identifiers", ()), country),
    )


def host(website: str) -> str:
    """The domain of a site, "" for none or for one where many have a page."""
    try:
        found = (urlsplit(website if "//" in website else f"//{website}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    return "" if "." not in found or _SHARED_HOSTS.search(found) else found


def to_bytes(profile: Profile) -> bytes:
    """A profile as it is kept."""
    name, known = profile.name, profile.known
    parts = [
        *profile[:4],
        [list(name.words), sorted(name.forms), sorted(name.numbers), int(name.several)],
        *profile[5:9],
        [sorted(known.registered), sorted(known.vat), sorted(known.implied), list(known.faults)],
    ]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def from_bytes(kept: bytes) -> Profile:
    """The other way round."""
    iri, source, kind, written, name, country, nuts, city, site, known = json.loads(kept)
    words = tuple(name[0])
    return Profile(
        iri,
        source,
        kind,
        written,
        Name(words, "".join(words), frozenset(name[1]), frozenset(name[2]), bool(name[3])),
        country,
        nuts,
        city,
        site,
        Known(frozenset(known[0]), frozenset(known[1]), frozenset(known[2]), tuple(known[3])),
    )
