"""Licences of data: recognised however they are written, what each asks, and which may be put together.

What is put together here counts as one new work, so each licence's demands bear on the whole. Source: the licences
themselves; the IRIs of the EU's licence table (Publications Office, authority table `licence`) where it names one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_EU = "http://publications.europa.eu/resource/authority/licence/"
_CC = "https://creativecommons.org/licenses/"
_BY_SA, _BY_NC_SA, _ODBL, _IODL = "CC BY-SA", "CC BY-NC-SA", "ODbL", "IODL 1.0"
_NON_COMMERCIAL_FAMILIES = frozenset({_BY_NC_SA})
_LONGEST = 2000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence. `iri` is "" where none is known, `families` the licences that what is made of it may bear."""

    name: str
    iri: str = ""
    attribution: bool = True
    families: frozenset[str] = frozenset()  # empty: any; else share-alike
    non_commercial: bool = False
    no_derivatives: bool = False
    known: bool = True

    @property
    def share_alike(self) -> bool:
        """Whether what is made of it must bear the same licence, or one like it."""
        return bool(self.families)

    @property
    def asks(self) -> tuple[str, ...]:
        """What it asks of who uses it, in a word each."""
        told = (
            (self.attribution, "attribution"),
            (self.share_alike, "share-alike"),
            (self.non_commercial, "non-commercial"),
            (self.no_derivatives, "no-derivatives"),
        )
        return tuple(word for asked, word in told if asked)


UNKNOWN = Licence("unknown", known=False)


def _creative_commons(parts: str, version: str) -> Licence:
    """A licence of Creative Commons: its parts as in "by-nc-sa", its version as in "4.0" or "" when not said."""
    eu = f"{_EU}CC_{parts.upper().replace('-', '')}_4_0"
    return Licence(
        f"CC {parts.upper()} {version}".strip(),
        eu if version == "4.0" else f"{_CC}{parts}/{version}/" if version else "",
        families=frozenset({_BY_NC_SA if "nc" in parts else _BY_SA}) if parts.endswith("sa") else frozenset(),
        non_commercial="nc" in parts,
        no_derivatives=parts.endswith("nd"),
    )


KNOWN = (
    Licence("CC0 1.0", _EU + "CC0", attribution=False),
    Licence("PDM 1.0", _EU + "CC_PDM_1_0", attribution=False),
    Licence("PDDL 1.0", _EU + "ODC_PDDL", attribution=False),
    *(
        _creative_commons(parts, version)
        for parts in ("by", "by-sa", "by-nc", "by-nc-sa", "by-nd", "by-nc-nd")
        for version in ("4.0", "3.0", "2.5", "2.0", "1.0", "")
    ),
    Licence("ODbL 1.0", _EU + "ODC_BL", families=frozenset({_ODBL})),
    Licence("ODC-By 1.0", _EU + "ODC_BY"),
    Licence("Licence Ouverte 1.0", "https://www.etalab.gouv.fr/wp-content/uploads/2014/05/Licence_Ouverte.pdf"),
    Licence("Licence Ouverte 2.0", "https://www.etalab.gouv.fr/licence-ouverte-open-licence"),
    Licence("OGL UK 1.0", _EU + "OGL_1_0"),
    Licence("OGL UK 2.0", _EU + "OGL_2_0"),
    Licence("OGL UK 3.0", _EU + "OGL_3_0"),
    Licence("dl-de/by-2-0", "https://www.govdata.de/dl-de/by-2-0"),
    Licence("dl-de/by-1-0", "https://www.govdata.de/dl-de/by-1-0"),
    Licence("dl-de/zero-2-0", "https://www.govdata.de/dl-de/zero-2-0", attribution=False),
    # Its text lets what is made of it bear CC BY-SA or ODbL too.
    Licence("IODL 1.0", "https://www.dati.gov.it/iodl/1.0/", families=frozenset({_IODL, _BY_SA, _ODBL})),
    Licence("IODL 2.0", "https://www.dati.gov.it/iodl/2.0/"),
    Licence("NLOD 1.0", "https://data.norge.no/nlod/no/1.0"),
    Licence("NLOD 2.0", "https://data.norge.no/nlod/no/2.0"),
    Licence("Apache 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    Licence("EU reuse decision 2011/833", _EU + "COM_REUSE"),
)
_BY_NAME = {licence.name: licence for licence in KNOWN}
_BY_IRI = {licence.iri.removeprefix("https://").removeprefix("http://").rstrip("/"): licence for licence in KNOWN}

# Words of licences in the languages of the alliance, and the short form of each.
_WORDS = (
    (r"creative[\s_-]*commons", "cc"),
    (r"share[\s_-]*alike|partage dans les m[eê]mes conditions|partage [àa] l'identique|weitergabe unter gleichen "
     r"bedingungen|compartir[\s_-]*igual|condividi allo stesso modo|gelijk[\s_-]*delen|compartilha[\s_-]*igual", "sa"),
    (r"non?[\s_-]*commercial(?:e|i)?\b|pas d'utilisation commerciale|nicht[\s_-]*kommerziell\w*|no comercial|"
     r"non commerciale|niet[\s_-]*commercieel|nao comercial|não comercial", "nc"),
    (r"no[\s_-]*deriv\w*|pas de modification\w*|keine bearbeitung\w*|sin obra\w* derivada\w*|non opere derivate|"
     r"geen afgeleide werken", "nd"),
    (r"attribution|paternit[eé]|namensnennung|reconocimiento|attribuzione|naamsvermelding|atribui[cç][aã]o|"
     r"atribuci[oó]n", "by"),
)  # fmt: skip
_CC_URL = re.compile(r"creativecommons\.org/licen[sc]es/((?:by|nc|sa|nd)(?:-(?:nc|sa|nd))*)(?:/([1-4]\.[05]))?")
_CC_CODE = re.compile(
    r"(?<![a-z0-9])cc[\s_/:-]*(by(?:[\s_/-]*(?:nc|sa|nd)(?![a-z]))*)(?![a-z])[\s_/:v(-]*([1-4](?:[._-]\d)?)?(?![\d.]*\d{2})"
)
_EU_CODE = re.compile(r"authority/licence/cc_(by(?:nc|sa|nd)*)(?:_([1-4])_(\d))?")
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"publicdomain/zero|(?<![a-z])cc[\s_-]*(?:0|zero)(?![0-9a-z])|authority/licence/cc0", "CC0 1.0"),
    (r"publicdomain/mark|(?<![a-z])pdm(?![a-z])|cc_pdm|public domain mark", "PDM 1.0"),
    (r"(?<![a-z])pddl(?![a-z])|public domain dedication and licen[sc]e", "PDDL 1.0"),
    (r"\bodbl\b|odc-odbl|odc_bl|open (?:data commons )?database licen[sc]e|licenses/odbl", "ODbL 1.0"),
    (r"odc[\s_-]by\b|open data commons attribution|opendatacommons\.org/licenses/by", "ODC-By 1.0"),
    (r"licence_ouverte\.pdf|licence[\s_-]ouverte[^0-9]{0,40}1\b|\blov1\b|\betalab[\s-]1", "Licence Ouverte 1.0"),
    (r"licence[\s_-]ouverte|etalab|\blov2\b|\bfr-lo\b|(?<![a-z])lo-?ol\b", "Licence Ouverte 2.0"),
    (r"open[\s_-]government[\s_-]licen[cs]e(?:/version/|[^0-9]{0,20})1\b|ogl[\s_-](?:uk[\s_-])?(?:v)?1", "OGL UK 1.0"),
    (r"open[\s_-]government[\s_-]licen[cs]e(?:/version/|[^0-9]{0,20})2\b|ogl[\s_-](?:uk[\s_-])?(?:v)?2", "OGL UK 2.0"),
    (r"open[\s_-]government[\s_-]licen[cs]e|\bogl\b|ogl[\s_-](?:uk[\s_-])?(?:v)?3|\buk-ogl\b", "OGL UK 3.0"),
    (r"dl-de[/-]zero|dl-zero-de|datenlizenz deutschland[\s,–-]*zero", "dl-de/zero-2-0"),
    (r"dl-de[/-]by-1|dl-by-de/1|datenlizenz deutschland[\s,–-]*namensnennung[^0-9]{0,12}1", "dl-de/by-1-0"),
    (r"dl-de[/-]by|dl-by-de|datenlizenz deutschland", "dl-de/by-2-0"),
    (r"iodl[/\s_-]*v?1|italian open data licen[cs]e[^0-9]{0,12}1", "IODL 1.0"),
    (r"\biodl|italian open data licen[cs]e", "IODL 2.0"),
    (r"nlod(?:/no|/en)?[/\s_-]*1|norwegian licen[cs]e[^0-9]{0,40}1", "NLOD 1.0"),
    (r"\bnlod\b|norwegian licen[cs]e for open government data|norsk lisens for offentlige data", "NLOD 2.0"),
    (r"apache[\s_-]*(?:licen[cs]e)?[,\s_-]*(?:version[\s_-]*)?2|apache\.org/licenses/license-2", "Apache 2.0"),
    (r"com_reuse|2011/833|commission reuse|reuse of commission documents", "EU reuse decision 2011/833"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), name) for pattern, name in _PATTERNS)


@lru_cache(maxsize=4096)
def read(text: str) -> Licence:
    """The licence that a text or an address means; UNKNOWN for none of ours, or for a text that names several."""
    folded = " ".join(text[:_LONGEST].casefold().replace("’", "'").split())
    if not folded:
        return UNKNOWN
    exact = _BY_IRI.get(folded.removeprefix("https://").removeprefix("http://").rstrip("/"))
    if exact is not None and exact.iri:
        return exact
    found = _commons(folded)
    for pattern, name in _COMPILED:
        if pattern.search(folded) and not any(_kin(name, other) for other in found):
            found.append(name)
    return _BY_NAME[found[0]] if len(found) == 1 else UNKNOWN


def _kin(name: str, other: str) -> bool:
    """Whether two names are versions of one licence, of which the first found is the one that is meant."""
    return name.rpartition(" ")[0] == other.rpartition(" ")[0] != "" or (name[:5] == other[:5] == "dl-de")


def _commons(folded: str) -> list[str]:
    """The names of the licences of Creative Commons that a folded text holds, each once."""
    spelled = folded
    if re.search(r"creative[\s_-]*commons(?!\.org)", folded):
        for pattern, short in _WORDS:
            spelled = re.sub(pattern, f" {short} ", spelled)
        spelled = re.sub(r"[\s,;–—-]+", "-", spelled)
    out: dict[str, None] = {}
    for code, content in ((_EU_CODE, folded), (_CC_URL, folded), (_CC_CODE, spelled)):
        for match in code.finditer(content):
            parts = set(re.findall(r"by|nc|sa|nd", match.group(1))) - {"by"}
            name = "-".join(["by", *(part for part in ("nc", "sa", "nd") if part in parts)])
            if name in {"by-nc-sa-nd", "by-sa-nd"}:
                continue  # there is none
            version = match.group(2) or ""
            if code is _EU_CODE and version:
                version = f"{version}.{match.group(3)}"
            version = re.sub(r"[_-]", ".", version) if len(version) > 1 else f"{version}.0" if version else ""
            full = f"CC {name.upper()} {version}".strip()
            out[full if full in _BY_NAME else f"CC {name.upper()}"] = None
        if out:
            break
    return list(out)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why sources cannot be put together: which, and the reason."""

    sources: tuple[str, ...]
    reason: str


def conflicts(sources: Mapping[str, Licence], *, commercial: bool = False) -> list[Conflict]:
    """What forbids to put the sources together, or, with `commercial`, to use them so; [] when nothing does."""
    out: list[Conflict] = []
    if commercial:
        barred = tuple(name for name, licence in sources.items() if licence.non_commercial)
        unsure = tuple(name for name, licence in sources.items() if not licence.known)
        if barred:
            out.append(Conflict(barred, f"{_each(barred, sources)} forbids commercial use"))
        if unsure:
            out.append(Conflict(unsure, f"nothing known allows commercial use of {', '.join(unsure)}"))
    if len(sources) < 2:
        return out
    unsaid = tuple(name for name, licence in sources.items() if not licence.known)
    if unsaid and not commercial:
        out.append(Conflict(unsaid, f"the licence of {', '.join(unsaid)} is not known"))
    whole = tuple(name for name, licence in sources.items() if licence.no_derivatives)
    if whole:
        out.append(Conflict(whole, f"{_each(whole, sources)} forbids that anything is made of it with others"))
    return out + _families(sources)


def _families(sources: Mapping[str, Licence]) -> list[Conflict]:
    """The conflict of licences each of which wants the whole for itself."""
    alike = {name: licence for name, licence in sources.items() if licence.share_alike}
    common: frozenset[str] | None = None
    for licence in alike.values():
        common = licence.families if common is None else common & licence.families
    if common is not None and not common:
        return [Conflict(tuple(alike), f"{_each(alike, sources)} each want the whole under their own licence")]
    paid = tuple(name for name, licence in sources.items() if licence.non_commercial)
    if common and paid and not common & _NON_COMMERCIAL_FAMILIES:
        both = (*alike, *paid)
        return [Conflict(both, f"{_each(alike, sources)} lets all use the whole, {_each(paid, sources)} forbids trade")]
    return []


def _each(names: Iterable[str], sources: Mapping[str, Licence]) -> str:
    return ", ".join(f"{sources[name].name} ({name})" for name in names)


def attribution(title: str, publisher: str, stated: str, licence: str, url: str = "") -> str:
    """How a source is to be named, in one line: as its publisher asks, else title and publisher; then its licence."""
    who = stated or ", ".join(part for part in (title, publisher) if part)
    found = read(licence)
    name = found.name if found.known else licence or "licence not stated"
    address = found.iri if found.known else ""
    return " – ".join(part for part in (who, url, " ".join(part for part in (name, address) if part)) if part)


def result(licences: Sequence[Licence]) -> str:
    """What the whole may bear, in words."""
    common: frozenset[str] | None = None
    for licence in licences:
        if licence.share_alike:
            common = licence.families if common is None else common & licence.families
    if common:
        return " or ".join(sorted(common))
    if any(licence.non_commercial for licence in licences):
        return "any licence that forbids commercial use and names the sources"
    return "any licence that names the sources" if any(one.attribution for one in licences) else "any licence"
