"""A SPARQL update taken apart into its operations. Source: W3C SPARQL 1.1 Update, section 3."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.errors import QueryRefused
from kg.sparql.reading import Prologue, Token, closing, tokens

DEFAULT, NAMED, ALL = "DEFAULT", "NAMED", "ALL"


@dataclass(slots=True)
class Operation:
    """One operation. `kind` is modify, data, or the name of a graph operation in lower case.

    Templates and `where` are texts with their braces, "" where there is none; `prologue` goes before each. Graphs are
    IRIs, or DEFAULT, NAMED, ALL.
    """

    kind: str
    prologue: str
    delete: str = ""
    insert: str = ""
    where: str = ""
    with_graph: str = ""
    using: list[str] = field(default_factory=list)
    using_named: list[str] = field(default_factory=list)
    silent: bool = False
    source: str = ""
    target: str = ""

    @property
    def names_its_dataset(self) -> bool:
        """Whether USING or WITH says what it reads."""
        return bool(self.with_graph or self.using or self.using_named)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found = tokens(text)
        self.at = 0
        self.prologue = Prologue()

    def next(self) -> Token:
        if self.at >= len(self.found):
            raise QueryRefused("The update ends too early.", "Complete it.")
        self.at += 1
        return self.found[self.at - 1]

    def skips(self, *words: str) -> bool:
        if self.at < len(self.found) and self.found[self.at].is_word(*words):
            self.at += 1
            return True
        return False

    def block(self) -> str:
        start = self.found[self.at] if self.at < len(self.found) else None
        if start is None or start.text != "{":
            raise QueryRefused("A '{' is missing in the update.", "Write INSERT, DELETE and WHERE with { … }.")
        end = closing(self.found, self.at)
        self.at = end + 1
        return self.text[start.start : self.found[end].end]

    def iri(self) -> str:
        return self.prologue.iri(self.next())

    def graph(self, *others: str) -> str:
        """GRAPH <iri>, <iri> alone, or one of the words."""
        for word in others:
            if self.skips(word):
                return word
        self.skips("GRAPH")
        return self.iri()


def split(text: str) -> list[Operation]:
    """The operations of an update whose escapes are undone, in order. Raises QueryRefused naming what is no operation.

    The engine's parser has accepted the text before: this only finds the parts.
    """
    reader = _Reader(text)
    out: list[Operation] = []
    while True:
        reader.at = reader.prologue.take(text, reader.found, reader.at)
        if reader.at >= len(reader.found):
            return out
        out.append(_operation(reader))
        if reader.at < len(reader.found) and reader.next().text != ";":
            raise QueryRefused(f"{reader.found[reader.at - 1].text[:80]!r} follows an operation.", "Put ';' between.")


def _operation(reader: _Reader) -> Operation:
    first = reader.next()
    word = first.text.upper() if first.kind == "word" else ""
    prologue = reader.prologue.text
    if word in ("INSERT", "DELETE") and reader.skips("DATA"):
        block = reader.block()
        return Operation("data", prologue, **{word.lower(): block})  # type: ignore[arg-type]
    if word == "DELETE" and reader.skips("WHERE"):
        block = reader.block()
        return Operation("modify", prologue, delete=block, where=block)
    if word in ("INSERT", "DELETE", "WITH"):
        reader.at -= 1
        return _modify(reader, prologue)
    silent = reader.skips("SILENT")
    if word == "LOAD":
        source = reader.iri()
        return Operation("load", prologue, silent=silent, source=source, target=_into(reader))
    if word in ("CLEAR", "DROP"):
        return Operation(word.lower(), prologue, silent=silent, target=reader.graph(DEFAULT, NAMED, ALL))
    if word == "CREATE":
        return Operation("create", prologue, silent=silent, target=reader.graph())
    if word in ("ADD", "MOVE", "COPY"):
        source = reader.graph(DEFAULT)
        reader.skips("TO")
        return Operation(word.lower(), prologue, silent=silent, source=source, target=reader.graph(DEFAULT))
    raise QueryRefused(f"{first.text[:80]!r} begins no update operation.", "Begin with INSERT, DELETE, WITH, CLEAR …")


def _into(reader: _Reader) -> str:
    return reader.graph() if reader.skips("INTO") else DEFAULT


def _modify(reader: _Reader, prologue: str) -> Operation:
    out = Operation("modify", prologue)
    if reader.skips("WITH"):
        out.with_graph = reader.iri()
    if reader.skips("DELETE"):
        out.delete = reader.block()
    if reader.skips("INSERT"):
        out.insert = reader.block()
    while reader.skips("USING"):
        named = reader.skips("NAMED")
        (out.using_named if named else out.using).append(reader.iri())
    reader.skips("WHERE")
    out.where = reader.block()
    return out
