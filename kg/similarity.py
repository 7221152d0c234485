"""How alike two names are; the only module that imports rapidfuzz. Rare words count more than common ones.

There are two comparisons, for two questions. Whom somebody means who typed a name (`likeness`): one number, in which
the letters count too, for what is typed is misspelt. Whether two records are of one actor (`overlap`): what is in both
and how much it weighs apart, since weights were learnt for each; two words are one there only where a letter or two
differ. In the place of the first, the second loses two or three of a hundred sure matches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Indel

from kg.names import Name

_LETTERS, _WORDS = 0.35, 0.65  # weights of the two ways of looking
_ALIKE = 0.74  # likeness from which two words are taken for one, misspelt
_OTHER_FORM = 0.97  # of names that differ in nothing but the legal form
_SLIP = 0.9  # likeness of names run together from which they are the same, their words cut in other places
_SHORTENED = 0.85  # of a word and its beginning (`Ind.` for `Industries`)
_SHORT = 4  # letters up to which a word is compared to the letter
_CUT = 0.8  # how surely a word that another begins with is that one, cut short
_FAR = 60.0  # likeness of two names, run together, below which no word of one is a misspelt word of the other
_OTHER_NUMBER = 0.8  # what is left of the likeness where one has a number that the other has not


def ratio(one: str, other: str) -> float:
    """Likeness of two texts letter by letter, 0 to 1."""
    return float(Indel.normalized_similarity(one, other))


def likeness(one: Name, other: Name, weight: Callable[[str], float]) -> float:
    """Likeness of two names, 0 to 1; `weight` says how much a word distinguishes. 1 for the very same name."""
    if not one.words or not other.words:
        return 0.0
    if one.plain == other.plain:
        return _OTHER_FORM if one.forms and other.forms and one.forms != other.forms else 1.0
    letters = max(ratio(one.plain, other.plain), ratio("".join(sorted(one.words)), "".join(sorted(other.words))))
    found = _LETTERS * letters + _WORDS * _by_words(one.words, other.words, weight)
    if one.numbers != other.numbers:
        found *= _OTHER_NUMBER
    return min(found, 0.999)


def is_slip(one: Name, other: Name) -> bool:
    """Whether two names differ in the spelling of their words alone: each word has its fellow in the other name."""
    if one.plain == other.plain or (
        abs(len(one.plain) - len(other.plain)) <= 1 and ratio(one.plain, other.plain) >= _SLIP
    ):
        return True
    if len(one.words) != len(other.words):
        return False
    left = list(other.words)
    for word in sorted(one.words, key=len, reverse=True):
        best = max(left, key=lambda a: _alike(word, a))
        if _alike(word, best) < _ALIKE:
            return False
        left.remove(best)
    return True


def _alike(one: str, other: str) -> float:
    return 1.0 if one == other else _same(one, other)


def _by_words(one: Sequence[str], other: Sequence[str], weight: Callable[[str], float]) -> float:
    """The share of both names' words, by weight, that the other has too."""
    left, right = list(one), list(other)
    total_left, total_right = sum(map(weight, left)), sum(map(weight, right))
    had_left = had_right = 0.0
    for word in one:
        if word in right:
            left.remove(word)
            right.remove(word)
            had_left += weight(word)
            had_right += weight(word)
    pairs = sorted(((alike, a, b) for a in left for b in right if (alike := _same(a, b)) >= _ALIKE), reverse=True)
    for alike, a, b in pairs:
        if a in left and b in right:
            left.remove(a)
            right.remove(b)
            had_left += alike * weight(a)
            had_right += alike * weight(b)
    share_left, share_right = had_left / (total_left or 1), had_right / (total_right or 1)
    return 2 * share_left * share_right / (share_left + share_right) if share_left + share_right else 0.0


def _same(one: str, other: str) -> float:
    """Likeness of two words."""
    short, long = sorted((one, other), key=len)
    if any(letter.isdigit() for letter in short + long):
        return 0.0
    if len(short) >= 2 and long.startswith(short) and len(short) < len(long):
        return max(_SHORTENED, ratio(short, long)) if len(short) > 2 else _ALIKE
    if len(short) < 3:
        return 0.0
    return ratio(one, other)


class Overlap(NamedTuple):
    """How far two names are one: what share of their weight is in both, of the lighter one's, and the weight shared."""

    share: float
    contained: float
    weight: float  # of the words in common


_NOTHING = Overlap(0.0, 0.0, 0.0)


def overlap(one: Name, other: Name, weigh: Callable[[str], float]) -> Overlap:
    """Compares the words of two names; `weigh` says how much a word tells."""
    if one.plain == other.plain or sorted(one.words) == sorted(other.words):
        return Overlap(1.0, 1.0, sum(map(weigh, set(one.words))))
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
        best, found = max(((_one_word(word, candidate), candidate) for candidate in right), default=(0.0, ""))
        if best:
            shared += best * (left[word] + right.pop(found)) / 2
    if shared == 0.0 or shared_whole == 0.0:
        # Nothing in common to the letter: then the whole has to be close, as with one word written as two.
        whole = fuzz.ratio(one.plain, other.plain) / 100
        if whole > 0.9 and min(len(one.plain), len(other.plain)) > _SHORT + 1:
            shared = max(shared, whole * sum(total) / 2)
    share = min(1.0, 2 * shared / (sum(total) or 1.0))
    return Overlap(share, min(1.0, shared / (min(total) or 1.0)), shared)


def _one_word(one: str, other: str) -> float:
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
