"""SERVICE filiere:search { ?m filiere:need "gel"@fr ; filiere:actor ?actor ; filiere:score ?score }: reading and rows.

The same triples outside of SERVICE mean the same, so that any engine that federates can send them to this endpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kg import vocabulary as v
from kg.errors import QueryRefused
from kg.sparql.reading import Prologue, Token, closing, tokens
from kg.terms import Term, datatype, language, literal, value

NEED = v.NS + "need"
MOST_NEEDS = 16  # triples about matches outside of SERVICE; as many as there may be SERVICE blocks
# What a match answers: property → its key in a match, and how it is written.
_ANSWERS = {
    "actor": ("actor", "iri"),
    "score": ("score", "decimal"),
    "level": ("level", "plain"),
    "rank": ("rank", "integer"),
    "reason": ("reason", "plain"),
    "quote": ("quote", "text"),
    "evidenceSource": ("source", "plain"),
    "evidenceDate": ("date", "plain"),
    "evidenceUrl": ("url", "iri"),
    "concerns": ("concept", "iri"),
}
# What a search is told: property → the constraint's name. These take constants.
_TOLD = {
    "limit": "limit", "language": "lang", "country": "country", "nuts": "nuts", "near": "near",
    "withinKm": "within_km", "size": "size", "kind": "kind", "cluster": "cluster", "certificate": "certificate",
    "source": "source",
}  # fmt: skip
_SINGLE = ("limit", "lang", "near", "within_km")
_NUMBERS = ("limit", "within_km")


@dataclass(slots=True)
class Search:
    """One match variable of a block: its need (a term, or ?variable), what it is told, and what it is asked."""

    subject: str
    need: str = ""
    told: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (property, ?variable or a term)

    def question(self, need: Term) -> dict[str, Any]:
        """What the service is asked."""
        if not need.startswith('"') or datatype(need) not in (v.XSD + "string", v.RDF + "langString"):
            raise QueryRefused(f"The need is {need[:80]}, which is no text.", 'Write it as "…"@fr.')
        told: dict[str, Any] = {name: found[0] if name in _SINGLE else found for name, found in self.told.items()}
        if language(need) and "lang" not in told:
            told["lang"] = language(need)
        return {"need": value(need), "constraints": told}

    def rows(self, need: Term, matches: list[dict[str, Any]]) -> list[dict[str, Term]]:
        """The solutions that the matches of a need are."""
        out = []
        for match in matches:
            row: dict[str, Term] = {}
            mark = hashlib.sha256(f"{need} {match['actor']} {sorted(self.told.items())}".encode()).hexdigest()[:24]
            pairs = [(self.subject, f"<urn:filiere:match:{mark}>"), (self.need, need)]
            pairs += [(wanted, _term(match, name)) for name, wanted in self.asked]
            if all(_put(row, wanted, found) for wanted, found in pairs):
                out.append(row)
        return out

    def variables(self) -> list[str]:
        """The names of its variables."""
        named = [self.subject, self.need, *(wanted for _, wanted in self.asked)]
        return list(dict.fromkeys(name[1:] for name in named if name.startswith("?")))


def _put(row: dict[str, Term], wanted: str, found: Term) -> bool:
    """Whether a value fits what is wanted: a variable without a value yet, or that very term."""
    if not wanted.startswith("?"):
        return not wanted or wanted == found
    if not found:
        return True
    return row.setdefault(wanted[1:], found) == found


def _term(match: dict[str, Any], name: str) -> Term:
    key, form = _ANSWERS[name]
    found = match.get(key)
    if found in (None, ""):
        return ""
    if form == "iri":
        return f"<{found}>"
    if form == "text":
        return literal(str(found), str(match.get("language") or ""))
    return literal(str(found), "", "" if form == "plain" else v.XSD + form)


def read(body: str, prologue: Prologue) -> list[Search]:
    """The searches of a block with its braces. Raises QueryRefused naming what cannot be understood."""
    found = tokens(body)[1:-1]
    searches: dict[str, Search] = {}
    for subject, predicate, target in _triples(found, prologue):
        search = searches.setdefault(subject, Search(subject if subject[0] == "?" else ""))
        _take(search, predicate, target)
    for search in searches.values():
        if not search.need:
            raise QueryRefused(f"{search.subject or 'A match'} has no filiere:need.", 'Add filiere:need "…"@fr.')
    if not searches:
        raise QueryRefused("SERVICE filiere:search is empty.", 'Write ?m filiere:need "…"@fr ; filiere:actor ?actor.')
    return list(searches.values())


def _take(search: Search, predicate: str, target: str) -> None:
    name = predicate.removeprefix(v.NS) if predicate.startswith(v.NS) else ""
    if predicate == NEED:
        if search.need:
            raise QueryRefused("A match has two needs.", "Give each need a match of its own.")
        search.need = target
    elif name in _TOLD:
        if target.startswith("?"):
            raise QueryRefused(f"filiere:{name} is given by {target}.", "Give it a constant.")
        found = search.told.setdefault(_TOLD[name], [])
        found.append(_plain(target, name))
        if _TOLD[name] in _SINGLE and len(found) > 1:
            raise QueryRefused(f"filiere:{name} is given twice.", "Give it once.")
    elif name in _ANSWERS:
        search.asked.append((name, target))
    elif predicate != v.TYPE:
        known = ", ".join(f"filiere:{known}" for known in ("need", *_ANSWERS, *_TOLD))
        raise QueryRefused(f"A search knows nothing of <{predicate[:200]}>.", f"It knows {known}.")


def _plain(target: Term, name: str) -> str:
    text = value(target)
    if target.startswith("<"):
        text = v.local_name(text)
    if _TOLD[name] in _NUMBERS:
        try:
            float(text)
        except ValueError as error:
            raise QueryRefused(f"filiere:{name} is {text[:40]!r}.", "Give it a number.") from error
    return text


def _triples(found: list[Token], prologue: Prologue) -> Iterator[tuple[str, str, str]]:
    at = 0
    while at < len(found):
        subject, at = _operand(found, at, prologue)
        if subject.startswith(('"', "<")):
            raise QueryRefused(f"{subject[:80]} stands where a match belongs.", "Write a variable, such as ?m.")
        while True:
            predicate, at = _predicate(found, at, prologue)
            while True:
                target, at = _operand(found, at, prologue)
                yield subject, predicate, target
                if at < len(found) and found[at].text == ",":
                    at += 1
                    continue
                break
            ended = True
            while at < len(found) and found[at].text == ";":
                ended, at = False, at + 1
            if ended or at >= len(found) or found[at].text == ".":
                break
        if at < len(found):
            if found[at].text != ".":
                raise _odd(found[at])
            at += 1


def _odd(token: Token) -> QueryRefused:
    return QueryRefused(
        f"{token.text[:80]!r} cannot stand in SERVICE filiere:search.",
        "It holds triples alone; put filters and other patterns beside it.",
    )


def _predicate(found: list[Token], at: int, prologue: Prologue) -> tuple[str, int]:
    if at >= len(found):
        raise QueryRefused("A triple of SERVICE filiere:search ends too early.", "Complete it.")
    if found[at].text == "a":
        return v.TYPE, at + 1
    if found[at].kind not in ("iri", "name"):
        raise _odd(found[at])
    return prologue.iri(found[at]), at + 1


def _operand(found: list[Token], at: int, prologue: Prologue) -> tuple[str, int]:
    """(a variable as ?name, a blank node as _:name, or a term; the place after it)."""
    if at >= len(found):
        raise QueryRefused("A triple of SERVICE filiere:search ends too early.", "Complete it.")
    token = found[at]
    if token.kind == "variable":
        return "?" + token.text[1:], at + 1
    if token.text == "[" and at + 1 < len(found) and found[at + 1].text == "]":
        return f"_:[{at}", at + 2
    if token.kind == "name" and token.text.startswith("_:"):
        return token.text, at + 1
    if token.kind == "word" and token.text == "_" and at + 1 < len(found):
        return f"_:{found[at + 1].text}", at + 2
    if token.kind in ("iri", "name"):
        return f"<{prologue.iri(token)}>", at + 1
    if token.kind == "number":
        kind = "integer" if token.text.lstrip("+-").isdigit() else "decimal"
        return literal(token.text, "", v.XSD + kind), at + 1
    if token.is_word("TRUE", "FALSE"):
        return literal(token.text.lower(), "", v.XSD + "boolean"), at + 1
    if token.kind != "string":
        raise _odd(token)
    text, at = _unquoted(token.text), at + 1
    if at < len(found) and found[at].kind == "language":
        return literal(text, found[at].text[1:]), at + 1
    if at + 1 < len(found) and found[at].kind == "typed":
        return literal(text, "", prologue.iri(found[at + 1])), at + 2
    return literal(text), at


def _unquoted(text: str) -> str:
    quotes = 3 if text[:3] in ('"""', "'''") else 1
    return value(f'"{text[quotes:-quotes]}"')


def wrapped(text: str, search: str) -> str:
    """The text with triples about matches that stand outside of SERVICE put into SERVICE <search>.

    Raises QueryRefused for more than MOST_NEEDS of them: each is moved in a text that is read anew.
    """
    for _ in range(MOST_NEEDS + 1):
        found, prologue = tokens(text), Prologue()
        at = _first_need(found, prologue.take(text, found, 0), prologue)
        if at is None:
            return text
        text = _moved(text, found, at, search)
    raise QueryRefused(f"The query asks for over {MOST_NEEDS} needs.", "Ask for fewer at a time.")


def _first_need(found: list[Token], at: int, prologue: Prologue) -> int | None:
    """The place of the first filiere:need from a place on that stands outside of SERVICE."""
    while at < len(found):
        if found[at].is_word("SERVICE"):
            while at < len(found) and found[at].text != "{":
                at += 1
            at = closing(found, at) if at < len(found) else at
        elif found[at].kind in ("iri", "name") and _is_need(found[at], prologue):
            return at
        at += 1
    return None


def _is_need(token: Token, prologue: Prologue) -> bool:
    if token.kind == "iri" and token.text == f"<{NEED}>":
        return True
    prefix, _, local = token.text.partition(":")
    return token.kind == "name" and local == "need" and prologue.prefixes.get(prefix) == v.NS


def _moved(text: str, found: list[Token], at: int, search: str) -> str:
    """The text with the triples of the group that are about the same match put into SERVICE <search>."""
    start = _statement_start(found, at)
    subject = found[start]
    if subject.kind != "variable":
        raise QueryRefused(f"filiere:need is said of {subject.text[:80]!r}.", "Say it of a variable, such as ?m.")
    depth, first = 0, start
    while first and depth <= 0:
        first -= 1
        depth += {"open": 1, "close": -1}.get(found[first].kind, 0) if found[first].text in "{}" else 0
    pieces: list[tuple[int, int]] = []
    place, last = first + 1, closing(found, first)
    while place < last:
        token = found[place]
        if token.text == "{":
            place = closing(found, place)
        elif token.kind == "variable" and token.text[1:] == subject.text[1:] and _is_edge(found[place - 1]):
            end = _statement_end(found, place)
            pieces.append((token.start, found[end].start))
            place = end - 1
        place += 1
    body = " . ".join(text[begin:end].strip().rstrip(".") for begin, end in pieces)
    block = f" SERVICE <{search}> {{ {body} }} "
    for begin, end in reversed(pieces):
        text = text[:begin] + (block if begin == pieces[0][0] else " ") + text[end:]
    return text


def _is_edge(token: Token) -> bool:
    """Whether no triple goes across a token."""
    word = token.kind == "word" and token.text.upper() not in ("A", "TRUE", "FALSE")
    return word or token.text in (".", "{", "}", "(", ")")


def _statement_start(found: list[Token], at: int) -> int:
    while at and not _is_edge(found[at - 1]):
        at -= 1
    return at


def _statement_end(found: list[Token], at: int) -> int:
    """The place of the first token after a statement and its full stop."""
    while at < len(found) and not _is_edge(found[at]):
        at += 1
    return at + 1 if at < len(found) and found[at].text == "." else at
