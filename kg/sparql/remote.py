"""The endpoints that a query may call with SERVICE: those an operator named, and their answers read with suspicion.

Sources: SPARQL 1.1 Protocol; SPARQL 1.1 Query Results JSON Format; SPARQL Query Results XML Format.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from http.client import responses
from itertools import islice
from urllib.parse import urlencode

from kg import rdf
from kg.addresses import read_url, refused
from kg.errors import RefusedAddress, Unreachable, UserError
from kg.fetch import MIB, Fetched, fetch
from kg.terms import Term

MOST_ROWS = 10_000
MOST_BYTES = 16 * MIB
_MOST_VARIABLES = 200
# A table of results nests five levels of JSON; a statement about statements, nested 100,000 deep, kills the parser.
_MOST_DEPTH = 12
_ACCEPT = "application/sparql-results+json, application/sparql-results+xml;q=0.8"
_FORMS = {
    "application/sparql-results+json": "json",
    "application/json": "json",
    "application/sparql-results+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_NOT_TAKEN = (400, 405, 415)  # what endpoints say that take a query as a form only
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9+.:_-]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_BRACKET = re.compile(rb"[^\[\]{}]+")
_TRICKS = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<(?:[\w.-]+:)?triple\b", re.IGNORECASE)
_XML_END = re.compile(rb"</(?:[\w.-]+:)?sparql\s*>\s*(?:<!--(?:[^-]|-(?!->))*+-->\s*)*\Z")
_Row = dict[str, Term]


class Endpoints:
    """The SPARQL endpoints that may be called, by their URL or alias. Safe to use from several threads."""

    def __init__(self, named: str = "", *, most_rows: int = MOST_ROWS) -> None:
        """`named`: URLs, or ALIAS=URL, between spaces or commas. One whose host is `localhost` or a private address
        is thereby allowed to be private. Raises UserError naming an entry that is neither."""
        self._urls: dict[str, str] = {}
        self._allow: set[str] = set()
        self._want_forms: set[str] = set()
        self._most_rows = most_rows
        for entry in filter(None, re.split(r"[\s,]+", named)):
            alias, equals, url = entry.partition("=")
            if not equals or not _ALIAS.fullmatch(alias):
                alias, url = entry, entry
            try:
                target = read_url(url)
            except RefusedAddress as error:
                raise UserError(
                    f"{entry[:120]!r} cannot be called by SERVICE: {error.problem}",
                    "Name an endpoint by its http(s) URL, or as ALIAS=URL.",
                ) from error
            self._urls[alias] = self._urls[url] = url
            if target.host == "localhost" or (_is_address(target.host) and refused(target.host)):
                self._allow.add(target.authority)

    def __bool__(self) -> bool:
        return bool(self._urls)

    def allows(self, iri: str) -> bool:
        """Whether a query may call this IRI or alias."""
        return iri in self._urls

    def solutions(self, iri: str, query: str, deadline: float) -> tuple[list[str], list[_Row]]:
        """The variables and rows of a SELECT, evaluated there, by `deadline` (monotonic clock).

        Terms are N-Triples; what a row leaves out is unbound; a blank node is `_:label`, the same within one answer.
        Raises RefusedAddress for an endpoint nobody named, Unreachable when it gives no whole and sound answer.
        """
        if iri not in self._urls:
            raise RefusedAddress(
                f"SERVICE <{iri[:200]}> is no endpoint that may be called here.",
                f"Call one of: {', '.join(self._urls)}."
                if self._urls
                else "The operator names them: FILIERE_SERVICES.",
            )
        url = self._urls[iri]
        answer = self._ask(url, query, deadline, url in self._want_forms)
        if answer.status in _NOT_TAKEN and url not in self._want_forms:
            second = self._ask(url, query, deadline, True)
            if second.status == 200:
                self._want_forms.add(url)
                answer = second
        if answer.status != 200:
            raise Unreachable(f"{url} answers {answer.status} ({_meaning(answer.status)}).", _mend(answer.status))
        return self._read(url, answer, deadline)

    def _ask(self, url: str, query: str, deadline: float, as_form: bool) -> Fetched:
        media = "application/x-www-form-urlencoded" if as_form else "application/sparql-query"
        body = urlencode({"query": query}).encode() if as_form else query.encode()
        return fetch(
            url,
            method="POST",
            headers={"Accept": _ACCEPT, "Content-Type": media},
            body=body,
            seconds=max(0.0, deadline - time.monotonic()),
            most_bytes=MOST_BYTES,
            allow=self._allow,
        )

    def _read(self, url: str, answer: Fetched, deadline: float) -> tuple[list[str], list[_Row]]:
        form = _FORMS.get(answer.media_type)
        if form is None:
            what = repr(answer.media_type[:60]) if answer.media_type else "what has no media type"
            raise Unreachable(f"{url} answers with {what}, not with SPARQL results.", "Is it a SPARQL endpoint?")
        if wrong := suspect(answer.body, form):
            raise Unreachable(f"{url} answers with {wrong}.", "Tell its operator.")
        try:
            names, rows = rdf.read_solutions(answer.body, form, _MOST_VARIABLES)
            kept = list(islice(_until(rows, deadline), self._most_rows + 1))
        except TimeoutError:
            raise Unreachable(f"{url} left no time to read its answer.", "Ask it for less.") from None
        except (SyntaxError, ValueError):
            raise Unreachable(
                f"{url} answers with results that are not sound {form.upper()}.", "Tell its operator."
            ) from None
        if len(kept) > self._most_rows:
            raise Unreachable(
                f"{url} answers with more than {self._most_rows:,} rows.", "Ask it for less, or add a LIMIT."
            )
        return names, kept


def _is_address(host: str) -> bool:
    return ":" in host or refused(host) != "no address"


def _until(rows: Iterator[_Row], deadline: float) -> Iterator[_Row]:
    for row in rows:
        if time.monotonic() > deadline:
            raise TimeoutError
        yield row


def suspect(body: bytes, form: str) -> str:
    """What makes a body unfit for the parser, or ""."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "what is not UTF-8"
    if form == "xml":
        if _TRICKS.search(body):
            return "XML that declares entities or nests statements"
        return "" if _XML_END.search(body) else "XML that is cut short"  # the parser would take it for whole
    brackets = _NO_BRACKET.sub(b"", _STRING.sub(b"", body))
    for _ in range(_MOST_DEPTH):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return "JSON that is cut short or nests too deep" if brackets else ""


def _meaning(status: int) -> str:
    return responses.get(status, "a status of its own")


def _mend(status: int) -> str:
    if status in (401, 403, 407):
        return "It asks for credentials, which Filière does not send."
    if status == 429 or status >= 500:
        return "Ask again later, or for less."
    return "Check its address, and whether it understands what is asked inside SERVICE."
