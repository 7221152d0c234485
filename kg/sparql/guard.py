"""What is refused before a query is evaluated: forms that write or reach out, and shapes that hurt the parser.

The engine parses the query itself and knows no update form in it; this looks at tokens, so that words inside strings,
comments and IRIs count for nothing. Where the engine's parser is laxer than the grammar (it needs no space after a
keyword, and reads `<` as "less than" where an operand went before), a token that could be read both ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from kg.errors import QueryRefused, TooLarge

MOST_CHARACTERS = 200_000
MOST_UPDATE = 16_000_000  # characters of an update, which may carry data
MOST_ANSWERED = 64_000_000  # characters of a query into which SERVICE blocks have answered
_SHORT = 20_000  # characters of a query whose tokens are kept
MOST_DEPTH = 64  # brackets within brackets; 2,200 kill the parser, no real query has more than a dozen
MOST_CHAIN = 2000  # operators within one pair of brackets; 10,000 kill the parser
_TOKEN = re.compile(
    r"""
    (?P<skip>\#[^\r\n]*+|\s++)
  | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*+\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*+'{3}
      |"(?:[^"\\\r\n]|\\.)*+"|'(?:[^'\\\r\n]|\\.)*+')
  | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>)
  | (?P<name>(?:[^\W\d][\w.·-]*+(?<!\.))?+:(?:(?:[\w:]|%[0-9A-Fa-f]{2}|\\[^\w\s])
      (?:\.*(?:[\w:·-]|%[0-9A-Fa-f]{2}|\\[^\w\s]))*+)?)
  | (?P<variable>[?$]\w++)
  | (?P<language>@[a-zA-Z]++(?:-[a-zA-Z0-9-]++)?)
  | (?P<number>[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?)
  | (?P<word>[^\W\d][\w.·-]*+)
  | (?P<open>[({\[]) | (?P<close>[)}\]])
  | (?P<typed>\^\^)
  | (?P<operator>\|\||&&|<<|>>|[|/^!+*=<>-])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_PIECE = re.compile(r"[^\W\d]\w*+|-")  # what `a-b.c` may be to the engine: words, and operators between them
_WRITES = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD", "WITH"})
_QUERIES = {"SELECT": "select", "ASK": "ask", "CONSTRUCT": "graph", "DESCRIBE": "graph"}


class Shape(NamedTuple):
    """What is known of a query before it runs: "select", "ask" or "graph"; whether it names its own graphs; whether
    it asks a SERVICE."""

    kind: str
    dataset: bool
    services: bool = False


def unescape(query: str) -> str:
    """The query with its codepoint escapes undone, as SPARQL 1.1 section 19.2 asks before anything is read."""

    def character(match: re.Match[str]) -> str:
        code = int(match.group(1) or match.group(2), 16)
        if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            where = _where(query, match.start())
            raise QueryRefused(f"The query holds {match.group()} ({where}), which is no character.", "Remove it.")
        return chr(code)

    return _ESCAPED.sub(character, query)


def tokens(query: str) -> Iterator[tuple[str, str, int]]:
    """(kind, text, offset) of everything but white space and comments."""
    return iter(_listed(query)) if len(query) <= _SHORT else _tokens(query)


@lru_cache(maxsize=4)
def _listed(query: str) -> tuple[tuple[str, str, int], ...]:
    """A query is looked at several times on its way; its tokens are read once."""
    return tuple(_tokens(query))


def _tokens(query: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup or "other"
        if kind == "word":  # read in one go and then cut, so that `a.a.a.a` takes no longer than it is long
            for piece in _PIECE.finditer(query, match.start(), match.end()):
                yield "operator" if piece.group() == "-" else "word", piece.group(), piece.start()
        elif kind != "skip":
            yield kind, match.group(), match.start()


def check(query: str, *, services: bool = False, most: int = MOST_CHARACTERS) -> Shape:
    """The shape of a query that may be evaluated. Raises QueryRefused or TooLarge, naming the place and the mend.

    With `services` the keyword SERVICE may stand in it, to be replaced by what it answers; no disguise of it may.

    A query with escapes is read twice, as it stands and with them undone: the engine undoes them only inside strings
    and IRIs, where the standard undoes them everywhere, and neither reading may hide a form that is refused.
    """
    _check_characters(query, most)
    plain = unescape(query)
    shape = _read(plain, services)
    return shape if plain == query else _read(query, services)


def check_update(text: str) -> None:
    """Raises QueryRefused or TooLarge for an update that would hurt the parser."""
    _check_characters(text, MOST_UPDATE)
    plain = unescape(text)
    for reading in {plain, text}:
        _read(reading, True, update=True)


def _check_characters(query: str, most: int) -> None:
    if len(query) > most:
        raise TooLarge(f"The query has {len(query):,} characters; at most {most:,} fit.", "Shorten it.")
    if (nul := query.find("\x00")) >= 0:
        raise QueryRefused(f"The query holds a NUL character ({_where(query, nul)}).", "Remove it.")
    if (lone := re.search("[\ud800-\udfff]", query)) is not None:
        raise QueryRefused(f"The query holds half a character ({_where(query, lone.start())}).", "Send it as UTF-8.")


def _where(query: str, offset: int) -> str:
    line = query.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - query.rfind(chr(10), 0, offset)}"


def _read(query: str, services: bool, *, update: bool = False) -> Shape:
    kind, dataset, chains, asked = "", False, [0], False
    name_before = ""
    for token, text, offset in tokens(query):
        if text == "{" and "service" in name_before.lower():
            raise _reaches_out(query, offset)  # the engine reads `service:x {` as a call of :x
        name_before = text.partition(":")[0] if token == "name" else ""
        if token == "open":
            chains.append(0)
            if len(chains) > MOST_DEPTH + 1:
                where = _where(query, offset)
                raise QueryRefused(f"The query nests deeper than {MOST_DEPTH} brackets ({where}).", "Flatten it.")
        elif token == "close":
            chains = chains[:-1] or [0]
        elif token == "operator":
            chains[-1] += 1
            if chains[-1] > MOST_CHAIN:
                where = _where(query, offset)
                raise QueryRefused(f"The query chains over {MOST_CHAIN} operators ({where}).", "Use VALUES or IN.")
        elif token == "word":
            word = text.upper()
            if "SERVICE" in word:  # no other keyword or function holds it, and the engine needs no space around it
                if not services or word != "SERVICE":
                    raise _reaches_out(query, offset)
                asked = True
            dataset = dataset or (len(chains) == 1 and word.startswith("FROM"))
            kind = "update" if update else kind or _kind(word, query, offset)
        elif token == "iri" and _disguised(text.lower()):
            raise _reaches_out(query, offset)
    if not kind:
        raise QueryRefused("The query has no SELECT, ASK, CONSTRUCT or DESCRIBE.", "Begin it with one of them.")
    return Shape(kind, dataset, asked)


def _disguised(iri: str) -> bool:
    """FILTER(?a<?b)SERVICE#>: an IRI to us, "less than" and then a call to the engine."""
    closed = iri.find(")")
    called = iri.find("service", closed) if closed >= 0 else -1
    return called >= 0 and "#" in iri[called:]


def _reaches_out(query: str, offset: int) -> QueryRefused:
    return QueryRefused(
        f"SERVICE reaches out to another address ({_where(query, offset)}); that is not allowed here.",
        "Fetch the other data first and import it as a source.",
    )


def _kind(word: str, query: str, offset: int) -> str:
    if word in _WRITES:
        raise QueryRefused(
            f"{word} is an update ({_where(query, offset)}); a query only reads.",
            "Send it as an update: POST /sparql with update=, or 'filiere update'.",
        )
    return _QUERIES.get(word, "")
