"""The tokens of a query or update read as terms: its prologue, its IRIs, its brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urljoin

from kg import vocabulary as v
from kg.errors import QueryRefused
from kg.sparql import guard

_LOCAL_ESCAPE = re.compile(r"\\([^\w\s])")
_OPENING = {"(": ")", "{": "}", "[": "]"}


class Token(NamedTuple):
    """A piece of a query as `guard.tokens` tells it, and where it begins and ends."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords."""
        return self.kind == "word" and self.text.upper() in words


def tokens(text: str) -> list[Token]:
    """The tokens of a text whose escapes are undone."""
    return [Token(*found) for found in guard.tokens(text)]


@dataclass(slots=True)
class Prologue:
    """The prefixes and the base that stand, and their text."""

    prefixes: dict[str, str] = field(default_factory=dict)
    base: str = ""
    text: str = ""

    def take(self, source: str, found: list[Token], at: int) -> int:
        """Reads PREFIX and BASE from a token on; the place of the first token after them."""
        while at < len(found) and found[at].is_word("PREFIX", "BASE"):
            begin = found[at]
            if begin.is_word("BASE"):
                self.base = self.iri(_at(found, at + 1, source))
                at += 2
            else:
                name = _at(found, at + 1, source).text.rstrip(":")
                self.prefixes[name] = self.iri(_at(found, at + 2, source))
                at += 3
            self.text += source[begin.start : found[at - 1].end] + "\n"
        return at

    def iri(self, token: Token) -> str:
        """The IRI that a token writes, in full or with a prefix. Raises QueryRefused when it writes none."""
        if token.kind == "iri":
            text = token.text[1:-1]
            return urljoin(self.base, text) if self.base else text
        if token.kind == "name":
            prefix, _, local = token.text.partition(":")
            if prefix in self.prefixes:
                return self.prefixes[prefix] + _LOCAL_ESCAPE.sub(r"\1", local)
            known = f"PREFIX {prefix}: <{v.PREFIXES[prefix]}>" if prefix in v.PREFIXES else f"PREFIX {prefix}: <…>"
            raise QueryRefused(f"The prefix {prefix}: is not declared.", f"Begin with {known}.")
        raise QueryRefused(f"{token.text[:80]!r} stands where an IRI belongs.", "Write <…> or prefix:name.")


def _at(found: list[Token], at: int, source: str) -> Token:
    if at >= len(found):
        raise QueryRefused(f"The query ends too early ({len(source):,} characters).", "Complete it.")
    return found[at]


def closing(found: list[Token], at: int) -> int:
    """The place of the bracket that closes the one at a place. Raises QueryRefused when none does."""
    depth = 0
    for place in range(at, len(found)):
        if found[place].kind == "open":
            depth += 1
        elif found[place].kind == "close":
            depth -= 1
            if depth == 0:
                if found[place].text != _OPENING[found[at].text]:
                    break
                return place
    raise QueryRefused(f"A {found[at].text!r} is not closed.", f"Add the {_OPENING[found[at].text]!r}.")
