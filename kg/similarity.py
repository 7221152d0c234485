"""How alike two names are, 0 to 1: letter by letter and word by word, rare words counting more than common ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rapidfuzz.distance import Indel

from kg.names import Name

_LETTERS, _WORDS = 0.35, 0.65  # weights of the two ways of looking
_ALIKE = 0.74  # likeness from which two words are taken for one, misspelt
_OTHER_FORM = 0.97  # of names that differ in nothing but the legal form
_SLIP = 0.9  # likeness of names run together from which they are the same, their words cut in other places
_SHORTENED = 0.85  # of a word and its beginning (`Ind.` for `Industries`)
_OTHER_NUMBER = 0.8  # what is left of the likeness where one has a number that the other has not


def ratio(one: str, other: str) -> float:
    """Likeness of two texts letter by letter, 0 to 1."""
    return float(Indel.normalized_similarity(one, other))


def likeness(one: Name, other: Name, weight: Callable[[str], float]) -> float:
    """Likeness of two names, 0 to 1; `weight` says how much a word distinguishes. 1 for the very same name."""
    if not one.words or not other.words:
        return 0.0
    if one.key == other.key:
        return _OTHER_FORM if one.form and other.form and one.form != other.form else 1.0
    letters = max(ratio(one.key, other.key), ratio("".join(sorted(one.words)), "".join(sorted(other.words))))
    found = _LETTERS * letters + _WORDS * _by_words(one.words, other.words, weight)
    if _numbers(one) != _numbers(other):
        found *= _OTHER_NUMBER
    return min(found, 0.999)


def is_slip(one: Name, other: Name) -> bool:
    """Whether two names differ in the spelling of their words alone: each word has its fellow in the other name."""
    if one.key == other.key or (abs(len(one.key) - len(other.key)) <= 1 and ratio(one.key, other.key) >= _SLIP):
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


def _numbers(name: Name) -> set[str]:
    return {word for word in name.words if any(letter.isdigit() for letter in word)}


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
