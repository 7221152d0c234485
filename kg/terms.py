"""RDF terms and statements as N-Triples text, which is how the journal keeps them.

A term is its N-Triples form (`<iri>`, `"text"@fr`, `"5"^^<…integer>`); a statement is a tuple of three
terms. Blank nodes are not used: what a file leaves unnamed is named before it gets here.
Source of the grammar: W3C RDF 1.1 N-Triples, canonical form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

Term = str
Statement = tuple[Term, Term, Term]

XSD = "http://www.w3.org/2001/XMLSchema#"
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_NEEDS_ESCAPE = re.compile(r'[\\"\x00-\x1f\x7f\ufffe\uffff]')
_BAD_IN_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_UNESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([tbnrf"\'\\]))')
_SHORT = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def iri(text: str) -> Term:
    """The IRI as a term. Raises ValueError when `text` holds characters an IRI cannot."""
    if not text or _BAD_IN_IRI.search(text):
        raise ValueError(f"not an IRI: {text[:80]!r}")
    return f"<{text}>"


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    return _ESCAPES.get(found) or f"\\u{ord(found):04X}"


def literal(text: str, lang: str = "", datatype: str = "") -> Term:
    """A literal term; `lang` is a BCP 47 tag (kept lower-case), `datatype` a full IRI (xsd:string is left out)."""
    body = f'"{_NEEDS_ESCAPE.sub(_escape, text)}"' if _NEEDS_ESCAPE.search(text) else f'"{text}"'
    if lang:
        if not _LANGUAGE.fullmatch(lang):
            raise ValueError(f"not a language tag: {lang[:40]!r}")
        return f"{body}@{lang.lower()}"
    if datatype and datatype != XSD + "string":
        return f"{body}^^<{datatype}>"
    return body


def is_iri(term: Term) -> bool:
    """Whether the term is an IRI rather than a literal."""
    return term.startswith("<")


def value(term: Term) -> str:
    """The IRI, or the lexical form of a literal with its escapes undone."""
    if term.startswith("<"):
        return term[1:-1]
    if term.startswith("_:"):  # only between a parser and the naming of what a file left unnamed
        return term
    body = term[1 : term.rindex('"')]
    return _UNESCAPE.sub(_unescape, body) if "\\" in body else body


def _unescape(match: re.Match[str]) -> str:
    four, eight, short = match.groups()
    return _SHORT[short] if short else chr(int(four or eight, 16))


def language(term: Term) -> str:
    """The language tag of a literal, or an empty string."""
    tail = term[term.rindex('"') + 1 :] if term.startswith('"') else ""
    return tail[1:] if tail.startswith("@") else ""


def datatype(term: Term) -> str:
    """The datatype IRI of a literal (xsd:string when none is written), or an empty string for an IRI."""
    if not term.startswith('"'):
        return ""
    tail = term[term.rindex('"') + 1 :]
    if tail.startswith("^^"):
        return tail[3:-1]
    return "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString" if tail else XSD + "string"


def to_payload(statements: Iterable[Statement]) -> str:
    """Sorted, duplicate-free N-Triples text: the form that is stored, hashed and published."""
    return "".join(sorted({f"{s} {p} {o} .\n" for s, p, o in statements}))


def from_payload(payload: str) -> list[Statement]:
    """The statements of a payload that `to_payload` wrote. Raises ValueError naming the first line that is none."""
    statements: list[Statement] = []
    for number, line in enumerate(payload.split("\n"), 1):
        if not line:
            continue
        parts = line.split(" ", 2)
        if len(parts) != 3 or parts[0][:1] + parts[1][:1] != "<<" or not parts[2].endswith(" ."):
            raise ValueError(f"line {number} is not a statement: {line[:80]!r}")
        statements.append((parts[0], parts[1], parts[2][:-2]))
    return statements


def digest(payload: str) -> str:
    """SHA-256 of the payload's UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(payload.encode("utf-8")).hexdigest()
