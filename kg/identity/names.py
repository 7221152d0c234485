"""Names as people write them, to the words that tell one actor from another; the only module that imports rapidfuzz.

Accents, capitals, scripts and punctuation go; the legal form and the role in a tender are set aside. Two sets of words
are compared by what they weigh: a rare word in common says much, a word of the trade little.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA


def _letters(those: str, written: str) -> dict[str, str]:
    """How letters of another script are written."""
    return dict(zip(those, written.split(), strict=True))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPECIAL = str.maketrans(
    {"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
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
    "gmbh and co kg": "gmbhcokg",
    "gmbh co kg": "gmbhcokg",
    "gmbh u co kg": "gmbhcokg",
    "gmbh und co kg": "gmbhcokg",
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
    "sociedad limitada": "sl",
    "sociedad anonima": "sa",
    "sociedade anonima": "sa",
    "unipessoal lda": "lda",
    "besloten vennootschap": "bv",
    "naamloze vennootschap": "nv",
    "sabiedriba ar ierobezotu atbildibu": "sia",
    "aktsiaselts": "as",
    "osauhing": "ou",
    "osakeyhtio": "oy",
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
    "ae abete epe oe ee ike sprl bvba srls pc"
)
_FILLERS = _words(
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
_SHORT = 4  # letters up to which a word is compared to the letter
_CUT = 0.8  # how surely a word that another begins with is that one, cut short


class Name(NamedTuple):
    """A name taken apart: its telling words, the same run together, its legal forms, its numbers, several parties."""

    words: tuple[str, ...]
    plain: str
    forms: frozenset[str]
    numbers: frozenset[str]
    several: bool


def folded(text: str) -> str:
    """Lower case, Latin letters, no accents, no signs: "Ελληνική Α.Ε." → "elliniki a e"."""
    lower = text.casefold()
    if not lower.isascii():
        if any("\u0370" <= letter <= "\u03ff" for letter in lower):
            lower = "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))
            for pair, written in _GREEK_PAIRS:
                lower = lower.replace(pair, written)
        lower = lower.translate(_SCRIPTS)
        lower = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
        lower = lower.translate(_SPECIAL)
    return " ".join(_WORD.findall(lower.replace("&", " and ").replace("+", " and ")))


def taken_apart(text: str) -> Name:
    """The parts of a name. A name of nothing but legal forms and fillers is kept whole."""
    several = bool(_SEVERAL.search(text))
    words = _joined_letters(folded(_ROLES.sub(" ", text)).split())
    words = _short_forms(words)
    telling, forms = [], set()
    for word in words:
        if word in FORMS:
            forms.add(word)
        elif word not in _FILLERS:
            telling.append(word)
    kept = tuple(telling or words or folded(text).split())
    numbers = frozenset(word for word in kept if any(letter.isdigit() for letter in word))
    return Name(kept, "".join(kept), frozenset(forms), numbers, several)


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


_FAR = 60.0  # likeness of two names, run together, below which no word of one is a misspelt word of the other


class Likeness(NamedTuple):
    """How far two names are one: what share of their weight is in both, of the lighter one's, and the weight shared."""

    share: float
    contained: float
    weight: float  # of the words in common


_NOTHING = Likeness(0.0, 0.0, 0.0)


def likeness(one: Name, other: Name, weigh: Callable[[str], float]) -> Likeness:
    """Compares the words of two names; `weigh` says how much a word tells."""
    if one.plain == other.plain or sorted(one.words) == sorted(other.words):
        return Likeness(1.0, 1.0, sum(map(weigh, set(one.words))))
    if set(one.words).isdisjoint(other.words) and not fuzz.ratio(one.plain, other.plain, score_cutoff=_FAR):
        return _NOTHING
    left = {word: weigh(word) for word in one.words}
    right = {word: weigh(word) for word in other.words}
    total = sum(left.values()), sum(right.values())
    shared = 0.0
    for word in left.keys() & right.keys():
        shared += left.pop(word)
        right.pop(word)
    shared_whole = shared
    for word in sorted(left, key=left.__getitem__, reverse=True):
        best, found = max(((_alike(word, candidate), candidate) for candidate in right), default=(0.0, ""))
        if best:
            shared += best * (left[word] + right.pop(found)) / 2
    if shared == 0.0 or shared_whole == 0.0:
        # Nothing in common to the letter: then the whole has to be close, as with one word written as two.
        whole = fuzz.ratio(one.plain, other.plain) / 100
        if whole > 0.9 and min(len(one.plain), len(other.plain)) > _SHORT + 1:
            shared = max(shared, whole * sum(total) / 2)
    share = min(1.0, 2 * shared / (sum(total) or 1.0))
    return Likeness(share, min(1.0, shared / (min(total) or 1.0)), shared)


def _alike(one: str, other: str) -> float:
    """How surely two words are one, misspelt or cut short; 0 for words that only look alike."""
    short, long = sorted((len(one), len(other)))
    if short < _SHORT or any(letter.isdigit() for letter in one + other):
        return 0.0
    if one.startswith(other) or other.startswith(one):
        return _CUT
    errors = 1 if short < 2 * _SHORT else 2
    if (wrong := OSA.distance(one, other, score_cutoff=errors)) > errors:
        return 0.0
    return 1 - wrong / long


def misspelt(one: str, other: str) -> bool:
    """Whether two words or short texts differ by a letter or two."""
    return min(len(one), len(other)) > _SHORT and bool(fuzz.ratio(one, other, score_cutoff=88.0))
