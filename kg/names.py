"""Names of actors made comparable: case, accents, punctuation, initials and legal forms."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "’": "'"}
)
# A German umlaut written in two letters; after a vowel or q the e is a letter of its own (Bauer, Quelle).
_UMLAUT = re.compile(r"(?<![aeiouq])(ae|oe|ue)(?![iu])")
_ANDS = "and und et y e i og och ja en a"
_AND = frozenset(_ANDS.split())
_MOST, _MOST_WORDS = 300, 40  # characters and words of a name that are compared

# Legal forms said in full, as they read once folded, and the short word that stands for each.
_IN_FULL = {
    "gesellschaft mit beschrankter haftung": "gmbh",
    "aktiengesellschaft": "ag",
    "kommanditgesellschaft": "kg",
    "eingetragener verein": "ev",
    "societe anonyme": "sa",
    "societe par actions simplifiee": "sas",
    "societe a responsabilite limitee": "sarl",
    "societa per azioni": "spa",
    "societa a responsabilita limitata": "srl",
    "societa cooperativa": "sc",
    "sociedad anonima": "sa",
    "sociedad limitada": "sl",
    "sociedad de responsabilidad limitada": "sl",
    "sociedade anonima": "sa",
    "sociedade por quotas": "lda",
    "besloten vennootschap": "bv",
    "naamloze vennootschap": "nv",
    "spolka z ograniczona odpowiedzialnoscia": "spzoo",
    "spolka akcyjna": "sa",
    "public limited company": "plc",
    "limited liability company": "llc",
    "aktiebolag": "ab",
    "osakeyhtio": "oy",
    "aktieselskab": "as",
    "anpartsselskab": "aps",
    "sp zoo": "spzoo",
    "spol sro": "sro",
    "ges mbh": "gmbh",
    "gesmbh": "gmbh",
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "limitada": "lda",
    "ltda": "lda",
}
_PHRASE = re.compile(r"\b(?:" + "|".join(sorted(_IN_FULL, key=len, reverse=True)) + r")\b")
_FORMS = (
    "ab ad ae ag amba aps as asa asbl bt bv bvba cie clg co corp cv cvba cyf da dac dd doo dooel ead eg eirl ek eood "
    "epe eurl ev gbr gie gmbh hb ike inc kb kd kft kg kgaa ks ky lda llc llp lp ltd mbh nv nyrt oe ohg ood ou oy oyj "
    "plc rt sa sagl sal sapa sarl sas sasu sau sc sca sccl sci scic scoop scop scp scrl se selarl sia sl sll slne slp "
    "slu snc spa spj spk spzoo sprl sro srl srls stiftung uab ug vof vos vzw zrt zs"
)
LEGAL_FORMS = frozenset(_FORMS.split())
_LEADERS = "ab as eurl gie ooo oy sa sarl sas sasu sci scop sia sl snc spa srl uab zao"
_LEADING = frozenset(_LEADERS.split())


class Name(NamedTuple):
    """A name to compare: its words without the legal form, and that form ("" where none is written)."""

    words: tuple[str, ...]
    form: str = ""

    @property
    def key(self) -> str:
        """The words run together: equal for names that are written the same but for form, case, accents and spaces."""
        return "".join(self.words)


def fold(text: str) -> str:
    """Case-folded text without accents."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)))


def words(text: str) -> list[str]:
    """The words of a folded text; letters that stand alone side by side are one word: `S.p.A.` is `spa`."""
    out: list[str] = []
    single: list[str] = []
    for word in _WORD.findall(text):
        if len(word) == 1 and not word.isdigit():
            single.append(word)
            continue
        if single:
            out.append("".join(single))
            single = []
        out.append(word)
    if single:
        out.append("".join(single))
    return out


@lru_cache(maxsize=20_000)
def parse(name: str) -> Name:
    """A name taken apart. Names of nothing but punctuation have no words."""
    text = fold(name[:_MOST]).replace("&", " ").replace("+", " ").replace("'", " ")
    plain = " ".join(words(text))
    plain = _PHRASE.sub(lambda m: _IN_FULL[m.group()], plain)
    parts = plain.split()
    form = ""
    while len(parts) > 1 and parts[-1] in LEGAL_FORMS:
        form = parts.pop() if parts[-1] not in ("co", "cie") or not form else (parts.pop() and form)
    if len(parts) > 1 and parts[0] in _LEADING:
        form = form or parts[0]
        parts = parts[1:]
    kept = " ".join([part for part in parts if part not in _AND] or parts)
    if "ae" in kept or "oe" in kept or "ue" in kept:
        kept = _UMLAUT.sub(lambda m: m.group()[0], kept)
    return Name(tuple(kept.split()[:_MOST_WORDS]), form)


_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_MARKS = re.compile(r"[(\[–—|/:,]| - ")
_DASH = re.compile(r"\s+[–—|-]\s+|\s*/\s+|:\s+|,\s+")
_SHORTEST_ACRONYM, _LONGEST_ACRONYM = 3, 8


@lru_cache(maxsize=20_000)
def aliases(name: str) -> tuple[str, ...]:
    """Shorter names that a name is also called by: without its brackets, before its dash, what stands in brackets."""
    out: list[str] = []
    name = name[:_MOST]
    if not _MARKS.search(name):
        return ()
    bare = _BRACKETS.sub("", name).strip()
    parts = [part.strip() for part in _DASH.split(bare)]
    out += [bare, parts[0]]
    out += [inner.strip() for inner in _BRACKETS.findall(name) if len(inner.strip()) > 2]
    if len(parts) == 2 and parts[0].isupper() and " " not in parts[0]:
        out.append(parts[1])  # `CIAC – Clúster de la Indústria d'Automoció`
    own = parse(name).key
    return tuple(other for other in dict.fromkeys(out) if other and parse(other).key not in ("", own))


def initials(name: str) -> str:
    """The first letters of a name of several words, or "" where they are too few or many to be an acronym."""
    bare = _BRACKETS.sub("", name[:_MOST]) if "(" in name or "[" in name else name
    parts = [part for part in parse(bare).words if len(part) > 2]
    found = "".join(part[0] for part in parts)
    return found if _SHORTEST_ACRONYM <= len(found) <= _LONGEST_ACRONYM else ""
