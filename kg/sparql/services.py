"""SERVICE blocks, answered before a query is evaluated: each becomes the VALUES that its answer says.

The child that evaluates queries has no network and no index, so it asks the service, which knows the allowed endpoints
and how to search. Where a need or an endpoint is a variable, its values are found first by the rest of its group.
Source: W3C SPARQL 1.1 Federated Query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kg import rdf
from kg import vocabulary as v
from kg.errors import QueryRefused, TooLarge
from kg.sparql import guard, semantic
from kg.sparql.reading import Prologue, Token, closing, tokens
from kg.terms import Term, value

SEARCH = v.NS + "search"
MOST_VALUES = 100  # distinct needs, or endpoints, that one block is asked for
MOST_ROWS = 100_000  # that all blocks of a query may answer
MOST_BLOCKS = 16
Ask = Callable[[dict[str, Any]], dict[str, Any]]
Select = Callable[[str], Iterator[dict[str, Any]]]
Row = dict[str, Term]


@dataclass(frozen=True, slots=True)
class Block:
    """One SERVICE block of a text: where it stands, whom it asks, and the groups around it, the innermost last.

    `groups` are (offset of the opening brace, offset after the closing one, whether a SELECT begins in it).
    """

    start: int
    end: int
    endpoint: Token
    silent: bool
    body: str
    groups: tuple[tuple[int, int, bool], ...]


def blocks(text: str) -> list[Block]:
    """The SERVICE blocks of a query whose escapes are undone, those within others left out. Raises QueryRefused."""
    found = tokens(text)
    out: list[Block] = []
    groups: list[tuple[int, int, bool]] = []
    at = 0
    while at < len(found):
        token = found[at]
        if token.text == "{" and token.kind == "open":
            inner = found[at + 1] if at + 1 < len(found) else token
            groups.append((token.start, found[closing(found, at)].end, inner.is_word("SELECT")))
        elif token.text == "}" and token.kind == "close" and groups:
            groups.pop()
        elif token.is_word("SERVICE"):
            out.append(_block(text, found, at, tuple(groups)))
            while found[at].end < out[-1].end:
                at += 1
        at += 1
    if len(out) > MOST_BLOCKS:
        raise QueryRefused(f"The query has {len(out)} SERVICE blocks; at most {MOST_BLOCKS} fit.", "Use fewer.")
    return out


def _block(text: str, found: list[Token], at: int, groups: tuple[tuple[int, int, bool], ...]) -> Block:
    silent = at + 1 < len(found) and found[at + 1].is_word("SILENT")
    place = at + (2 if silent else 1)
    if place + 1 >= len(found) or found[place + 1].text != "{" or found[place].kind not in ("iri", "name", "variable"):
        raise QueryRefused(f"SERVICE at character {found[at].start} has no {{ … }}.", "Write SERVICE <endpoint> { … }.")
    if not groups:
        raise QueryRefused("SERVICE stands outside of any group.", "Put it into WHERE { … }.")
    close = closing(found, place + 1)
    body = text[found[place + 1].start : found[close].end]
    return Block(found[at].start, found[close].end, found[place], silent, body, groups)


def endpoints(text: str) -> list[str]:
    """The IRIs that the SERVICE blocks of a query name; "" for each that is a variable. Raises QueryRefused.

    A block within another is for that one's endpoint to ask, but names whom it asks in our name.
    """
    plain = semantic.wrapped(guard.unescape(text), SEARCH)
    prologue = _prologue(plain)
    return list(_named(plain, prologue))


def _named(text: str, prologue: Prologue) -> Iterator[str]:
    for block in blocks(text):
        yield "" if block.endpoint.kind == "variable" else prologue.iri(block.endpoint)
        for iri in _named(block.body, prologue):
            if not iri:
                raise QueryRefused("A SERVICE within another asks a variable.", "Name its endpoint, or take it out.")
            yield iri


def may_ask(text: str) -> bool:
    """Whether a query could hold a SERVICE block, or a need without one: a quick look, not a reading."""
    plain = text.lower()
    return "\\u" in plain or "service" in plain or "need" in plain


def _prologue(text: str) -> Prologue:
    prologue = Prologue()
    prologue.take(text, tokens(text), 0)
    return prologue


def resolve(text: str, select: Select, ask: Ask) -> str:
    """The query with every SERVICE block replaced by its answer. Raises QueryRefused or TooLarge.

    `select` evaluates a SELECT over the query's dataset; `ask` hands a question to the service.
    """
    if not may_ask(text):
        return text
    plain = guard.unescape(text)
    plain = semantic.wrapped(plain, SEARCH)
    total = 0
    while found := blocks(plain):
        block, rest = found[0], found[1:]
        call = _Call(plain, block, rest, select, ask)
        rows, names = call.answer()
        total += len(rows)
        if total > MOST_ROWS:
            raise TooLarge(f"The SERVICE blocks answer over {MOST_ROWS:,} rows.", "Ask for less (filiere:limit).")
        plain = plain[: block.start] + values(names, rows) + plain[block.end :]
    return plain


class _Call:
    """One block, asked of whom it names."""

    def __init__(self, text: str, block: Block, later: list[Block], select: Select, ask: Ask) -> None:
        self.text, self.block, self.later = text, block, later
        self.select, self.ask = select, ask
        self.prologue = _prologue(text)

    def answer(self) -> tuple[list[Row], list[str]]:
        """(rows, variables) that the block answers."""
        endpoint = self.block.endpoint
        if endpoint.kind != "variable":
            return self._asked(self.prologue.iri(endpoint))
        rows: list[Row] = []
        names: dict[str, None] = {endpoint.text[1:]: None}
        for iri in self._values_of(endpoint.text):
            if not iri.startswith("<"):
                raise QueryRefused(f"{endpoint.text} is {iri[:80]}, which is no endpoint.", "Bind it to an IRI.")
            some, variables = self._asked(value(iri))
            names.update(dict.fromkeys(variables))
            rows += [{**row, endpoint.text[1:]: iri} for row in some]
        return rows, list(names)

    def _asked(self, endpoint: str) -> tuple[list[Row], list[str]]:
        if endpoint == SEARCH:
            return self._searched()
        query = f"{self.prologue.text}SELECT * WHERE {self.block.body}"
        found = self.ask({"ask": "endpoint", "endpoint": endpoint, "query": query})
        if "refused" in found:
            if self.block.silent and not found.get("forbidden"):
                return [{}], []
            raise QueryRefused(found["refused"], found["mend"])
        return [_without_blanks(row) for row in found["rows"]], list(found["variables"])

    def _searched(self) -> tuple[list[Row], list[str]]:
        rows: list[Row] = [{}]
        names: dict[str, None] = {}
        for asked in semantic.read(self.block.body, self.prologue):
            needs = [asked.need] if asked.need[:1] != "?" else self._values_of(asked.need)
            some: list[Row] = []
            for need in needs:
                found = self.ask({"ask": "search", **asked.question(need)})
                if "refused" in found:
                    raise QueryRefused(found["refused"], found["mend"])
                some += asked.rows(need, found["matches"])
            names.update(dict.fromkeys(asked.variables()))
            rows = [joined for one in rows for other in some if (joined := _joined(one, other)) is not None]
        return rows, list(names)

    def _values_of(self, variable: str) -> list[Term]:
        """The values that the rest of the innermost group that binds a variable gives it."""
        block = self.block
        spoken_of = False
        for start, end, is_select in reversed(block.groups):
            group = self.text[start:end]
            for other in (*reversed(self.later), block):
                if start <= other.start and other.end <= end:
                    group = group[: other.start - start] + "{}" + group[other.end - start :]
            if any(t.kind == "variable" and t.text[1:] == variable[1:] for t in tokens(group)):
                spoken_of = True
                query = f"{self.prologue.text}SELECT DISTINCT {variable} WHERE {group} LIMIT {MOST_VALUES + 1}"
                guard.check(query, most=guard.MOST_ANSWERED)
                rows = [row[variable[1:]] for row in self.select(query) if variable[1:] in row]
                if len(rows) > MOST_VALUES:
                    raise TooLarge(f"{variable} has over {MOST_VALUES} values.", "Bind it to fewer before SERVICE.")
                if rows:
                    return [rdf.spelled(term) for term in rows]
            if is_select:
                break
        if spoken_of:
            return []
        raise QueryRefused(
            f"Nothing gives {variable} a value.", f"Bind it in its group: VALUES {variable} {{ … }}, or BIND."
        )


def _joined(one: Row, other: Row) -> Row | None:
    if any(one[name] != other[name] for name in one.keys() & other.keys()):
        return None
    return {**one, **other}


def _without_blanks(row: Row) -> Row:
    """VALUES holds no blank nodes: those of another store get names of their own."""
    return {name: f"<urn:filiere:blank:{term[2:]}>" if term.startswith("_:") else term for name, term in row.items()}


def values(names: list[str], rows: list[Row]) -> str:
    """The pattern that has the rows as its solutions."""
    if not names and len(rows) == 1:
        return "{}"
    head = " ".join(f"?{name}" for name in names)
    lines = "\n".join(f"({' '.join(row.get(name, 'UNDEF') for name in names)})" for row in rows)
    return f"{{ VALUES ({head}) {{\n{lines}\n}} }}"
