"""What is refused before a query is evaluated: forms that write or reach out, and shapes that hurt the parser.

The engine parses the query itself and knows no update form in it; this looks at tokens, so that words inside strings,
comments and IRIs count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.errors import QueryRefused, TooLarge

MOST_CHARACTERS = 200_000
MOST_DEPTH = 48  # brackets within brackets; 2,200 kill the parser, no real query has more than a dozen
MOST_CHAIN = 2000  # operators of one kind in a row of an expression; 10,000 kill the parser
_TOKEN = re.compile(
    r"""
    (?P<skip>\#[^\r\n]*|\s+)
  | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}
      |"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
  | (?P<iri><[^<>"{}|^`\\\x00-\x20]*>)
  | (?P<name>[^\W\d][\w.-]*:[^\s(){}\[\],;"'<>]*|:[^\s(){}\[\],;"'<>]*)
  | (?P<variable>[?$]\w+)
  | (?P<word>[^\W\d]\w*)
  | (?P<open>[({\[]) | (?P<close>[)}\]])
  | (?P<operator>\|\||&&|\^\^|[|/^!+*=<>-])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_WRITES = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD"})
_QUERIES = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})


def unescape(query: str) -> str:
    """The query with its codepoint escapes undone, as SPARQL 1.1 section 19.2 asks before anything is read."""

    def character(match: re.Match[str]) -> str:
        code = int(match.group(1) or match.group(2), 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise QueryRefused(f"The query holds the escape {match.group()}, which is no character.", "Remove it.")
        return chr(code)

    return _ESCAPED.sub(character, query)


def tokens(query: str) -> Iterator[tuple[str, str, int]]:
    """(kind, text, offset) of everything but white space and comments."""
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup or "other"
        if kind != "skip":
            yield kind, match.group(), match.start()


def _where(query: str, offset: int) -> str:
    line = query.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - query.rfind(chr(10), 0, offset)}"


def check(query: str) -> str:
    """The form of the query: "select", "ask" or "graph" (CONSTRUCT, DESCRIBE). Raises QueryRefused or TooLarge."""
    if len(query) > MOST_CHARACTERS:
        raise TooLarge(f"The query has {len(query):,} characters; at most {MOST_CHARACTERS:,} fit.", "Shorten it.")
    if "\x00" in query:
        raise QueryRefused("The query holds a NUL character.", "Remove it.")
    plain = unescape(query)
    form, depth, chain = "", 0, 0
    for kind, text, offset in tokens(plain):
        if kind == "open":
            depth += 1
            if depth > MOST_DEPTH:
                raise QueryRefused(
                    f"The query nests deeper than {MOST_DEPTH} brackets ({_where(plain, offset)}).", "Flatten it."
                )
        elif kind == "close":
            depth -= 1
        elif kind == "operator":
            chain += 1
            if chain > MOST_CHAIN:
                raise QueryRefused(
                    f"The query chains more than {MOST_CHAIN} operators ({_where(plain, offset)}).", "Use VALUES or IN."
                )
        elif kind == "word":
            form = _word(text.upper(), plain, offset, depth, form)
    if not form:
        raise QueryRefused("The query has no SELECT, ASK, CONSTRUCT or DESCRIBE.", "Begin it with one of them.")
    return form


def _word(word: str, query: str, offset: int, depth: int, form: str) -> str:
    if word == "SERVICE":
        raise QueryRefused(
            f"SERVICE reaches out to another address ({_where(query, offset)}); that is not allowed here.",
            "Fetch the other data first and import it as a source.",
        )
    if not form and depth == 0:
        if word in _WRITES:
            raise QueryRefused(
                f"{word} is an update ({_where(query, offset)}); here queries only read.",
                "Write through an import: 'filiere import', or PUT /sources/NAME.",
            )
        if word in _QUERIES:
            return "graph" if word in ("CONSTRUCT", "DESCRIBE") else word.lower()
    return form
