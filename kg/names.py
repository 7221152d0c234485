"""Names as people write them, taken apart: the words that tell one actor from another, legal forms, initials, aliases.

Accents, capitals, scripts and punctuation go; the legal form and the role in a tender are set aside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


def _letters(those: str, written: str) -> dict[str, str]:
    """How letters of another script are written."""
    return dict(zip(those, written.split(), strict=True))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPECIAL = str.maketrans(
    {
        "ß": "ss",
        "ł": "l",
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ħ": "h",
        "ŋ": "n",
        "’": "'",
    }
)
# ISO 843 and what is usual for Bulgarian, Serbian, Russian and Ukrainian names in trade.
_GREEK = _letters("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_CYRILLIC = _letters(
    "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґјљњћђџ",
    "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y - e yu ya i yi ye g j lj nj c dj dz",
)
_SCRIPTS = str.maketrans({**_GREEK, **{letter: written.strip("-") for letter, written in _CYRILLIC.items()}})
_GREEK_PAIRS = (("ου", "ou"), ("αυ", "av"), ("ευ", "ev"), ("μπ", "b"), ("ντ", "d"), ("γκ", "g"))

# Legal forms in full, as they stand after folding, and what they are short for. Longest first.
_WRITTEN_OUT = {
    "spolka z ograniczona odpowiedzialnoscia": "spzoo",
    "spolka z ograniczona odpowidzialnoscia": "spzoo",
    "spolka komandytowa": "spk",
    "spolka akcyjna": "sa",
    "spolka jawna": "spj",
    "sp k": "spk",
    "sp j": "spj",
    "spolka z oo": "spzoo",
    "spolka zoo": "spzoo",
    "sp z oo": "spzoo",
    "sp zoo": "spzoo",
    "spol s ro": "sro",
    "spol sro": "sro",
    "spolecnost s rucenim omezenym": "sro",
    "spolocnost s rucenim obmedzenym": "sro",
    "akciova spolecnost": "as",
    "akciova spolocnost": "as",
    "zartkoruen mukodo reszvenytarsasag": "zrt",
    "nyilvanosan mukodo reszvenytarsasag": "nyrt",
    "korlatolt felelossegu tarsasag": "kft",
    "beteti tarsasag": "bt",
    "gesellschaft mit beschrankter haftung": "gmbh",
    "gesellschaft mbh": "gmbh",
    "ges m b h": "gmbh",
    "aktiengesellschaft": "ag",
    "kommanditgesellschaft": "kg",
    "eingetragener verein": "ev",
    "gmbh and co kgaa": "gmbhcokgaa",
    "gmbh co kgaa": "gmbhcokgaa",
    "gmbh and co kg": "gmbhcokg",
    "gmbh co kg": "gmbhcokg",
    "gmbh u co kg": "gmbhcokg",
    "gmbh und co kg": "gmbhcokg",
    "and co kgaa": "kgaa",
    "and co kg": "kg",
    "und co kg": "kg",
    "ag and co kg": "agcokg",
    "societe par actions simplifiee": "sas",
    "societe a responsabilite limitee": "sarl",
    "societe anonyme": "sa",
    "societe cooperative": "sc",
    "societa per azioni": "spa",
    "societa a responsabilita limitata": "srl",
    "societa cooperativa": "scoop",
    "sociedad limitada unipersonal": "slu",
    "sociedad anonima unipersonal": "sau",
    "sociedad de responsabilidad limitada": "sl",
    "sociedad limitada": "sl",
    "sociedad anonima": "sa",
    "sociedade anonima": "sa",
    "sociedade por quotas": "lda",
    "limitada": "lda",
    "ltda": "lda",
    "unipessoal lda": "lda",
    "besloten vennootschap": "bv",
    "naamloze vennootschap": "nv",
    "sabiedriba ar ierobezotu atbildibu": "sia",
    "aktsiaselts": "as",
    "osauhing": "ou",
    "osakeyhtio": "oy",
    "aktiebolag": "ab",
    "aktieselskab": "as",
    "anpartsselskab": "aps",
    "uzdaroji akcine bendrove": "uab",
    "public limited company": "plc",
    "limited liability company": "llc",
    "limited liability partnership": "llp",
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "private company": "pc",
    "anonymi etaireia": "ae",
    "anonimi eteria": "ae",
}
_LONGEST = max(len(form.split()) for form in _WRITTEN_OUT)
FORMS = _words(
    "sa sas sasu sarl eurl scop sci snc selarl selas aarpi scp scm sc sca gmbh gmbhcokg agcokg ag kg ohg ug mbh ek ev "
    "kgaa gbr se bv nv vof cv ltd plc llp llc inc corp lp srl spa sapa sl slu sau slp spzoo spk spj oy oyj ab hb aps "
    "as asa ans ks sro vos kft zrt nyrt bt doo dd jdoo ood eood ad ead et kd lda sia ou uab mb scoop onlus "
    "ae abete epe oe ee ike sprl bvba srls pc gmbhcokgaa asbl vzw gie eirl scic sccl sll slne sagl amba cvba clg dac "
    "cyf dooel rt zs zao ooo"
)
_JOINING = _words("and und et y e i og och ja en a")  # between the names of partners
_COMPANY = ("co", "cie")  # at the end of a name; at the beginning they are a word
_LITTLE = _JOINING | _words(
    "the and und et de la le les du des di del della dell dei degli der die das el los las da do dos van den het en i "
    "y e of for fur pour per a al l d o w z s sur in im am u"
)
# What tenders add to the name of who won: a role, a rank, points, a number of the contract.
_ROLES = re.compile(
    r"\(?\b(?:lider(?:em)?(?: konsorcjum)?|partner konsorcjum|mandataire|mandataria|mandante|chef de file"
    r"|lead partner)\b\)?"
    r"|\((?:partner|leader)\)|\brang \d+\b|\bcandidat individuel\b|\bkonsorcjum(?: firm)?\s*:"
    r"|\(total [^)]*\)|\(\d+ titulaires\)|\b[a-z]{2}/[a-z]{2,4}\d+\b|\btrading as\b.*",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r";|\bgme\b|\barge\b|\bati\b|\bgroupement\b|\bdzzd\b|\bconsortium\b|\bute\b|\brti\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+")
_POSTAL = re.compile(r"\b(cedex|kommune|gemeinde)\b.*|\(.*?\)|\d+")
# A German umlaut written in two letters; after a vowel or q the e is a letter of its own (Bauer, Quelle).
_UMLAUT = re.compile(r"(?<![aeiouq])(ae|oe|ue)(?![iu])")
_MOST, _MOST_WORDS = 300, 40  # characters and words of a name that are looked for


class Name(NamedTuple):
    """A name taken apart: its words, the same run together, its legal forms, its numbers, several parties.

    Equal when run together are names written the same but for form, case, accents and spaces.
    """

    words: tuple[str, ...]
    plain: str
    forms: frozenset[str]
    numbers: frozenset[str]
    several: bool


def fold(text: str) -> str:
    """Lower case, Latin letters, no accents; signs stay: "Ελληνική Α.Ε." → "elliniki a.e."."""
    if text.isascii():
        return text.lower()
    lower = text.casefold()
    if any("\u0370" <= letter <= "\u03ff" for letter in lower):
        lower = "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))
        for pair, written in _GREEK_PAIRS:
            lower = lower.replace(pair, written)
    lower = unicodedata.normalize("NFKD", lower.translate(_SCRIPTS))
    return "".join(c for c in lower if not unicodedata.combining(c)).translate(_SPECIAL)


def folded(text: str) -> str:
    """A folded text without its signs: "Ελληνική Α.Ε." → "elliniki a e"."""
    return " ".join(_WORD.findall(fold(text).replace("&", " and ").replace("+", " and ")))


def words(text: str) -> list[str]:
    """The words of a text, folded; letters that stand alone side by side are one word: "S.p.A." → "spa"."""
    return _joined_letters(folded(text).split())


@lru_cache(maxsize=20_000)
def parse(name: str) -> Name:
    """A name that somebody looks for: all its words but those that join, umlauts in one letter."""
    found = _apart(name[:_MOST], _JOINING)
    kept = [_UMLAUT.sub(lambda m: m.group()[0], word) for word in found.words[:_MOST_WORDS]]
    while len(kept) > 1 and kept[-1] in _COMPANY:
        kept.pop()
    return found._replace(words=tuple(kept), plain="".join(kept))


def telling(name: str) -> Name:
    """A name to weigh against another: without the little words, which records of one actor write or leave out."""
    return _apart(name, _LITTLE)


def _apart(text: str, little: frozenset[str]) -> Name:
    """The parts of a name. A name of nothing but legal forms and little words is kept whole."""
    written = _short_forms(words(_ROLES.sub(" ", text)))
    kept, forms = [], set()
    for word in written:
        if word in FORMS:
            forms.add(word)
        elif word not in little:
            kept.append(word)
    all_words = tuple(kept or written or folded(text).split())
    numbers = frozenset(word for word in all_words if any(letter.isdigit() for letter in word))
    return Name(all_words, "".join(all_words), frozenset(forms), numbers, bool(_SEVERAL.search(text)))


def _joined_letters(words: Sequence[str]) -> list[str]:
    """Letters that stand alone in a row as one word: "s p a" → "spa", "sp z o o" → "sp zoo"."""
    out: list[str] = []
    run = ""
    for word in words:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            out.append(run)
            run = ""
        out.append(word)
    return [*out, run] if run else out


def _short_forms(words: list[str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            short = _WRITTEN_OUT.get(" ".join(words[at : at + length]))
            if short:
                out.append(short)
                at += length
                break
        else:
            out.append(words[at])
            at += 1
    return out


def town(text: str) -> str:
    """A town without its postal additions: "Paris La Défense Cedex 12" → "paris la defense"."""
    return folded(_POSTAL.sub(" ", text.casefold()))


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
    own = parse(name).plain
    return tuple(other for other in dict.fromkeys(out) if other and parse(other).plain not in ("", own))


def initials(name: str) -> str:
    """The first letters of a name of several words, or "" where they are too few or many to be an acronym."""
    bare = _BRACKETS.sub("", name[:_MOST]) if "(" in name or "[" in name else name
    parts = [part for part in parse(bare).words if len(part) > 2]
    found = "".join(part[0] for part in parts)
    return found if _SHORTEST_ACRONYM <= len(found) <= _LONGEST_ACRONYM else ""
