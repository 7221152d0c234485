"""A SPARQL 1.1 endpoint that we write to and read from; nothing here knows what its graphs mean.

Its answers are read with the same suspicion as those of SERVICE. Credentials go out only to who asks for them, so that
a query address that is open to everybody is read with no more rights than everybody has.
Source: W3C SPARQL 1.1 Protocol.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import responses
from urllib.parse import urlencode

from kg import rdf
from kg.addresses import read_url
from kg.credentials import Credentials
from kg.errors import QueryRefused, TooLarge, Unreachable
from kg.fetch import MIB, Fetched, fetch
from kg.sparql.remote import suspect
from kg.terms import Term

SECONDS = 600.0  # for one of our own updates or reads; clearing a large graph takes a server minutes
MOST_BYTES = 256 * MIB
_MOST_VARIABLES = 200
_RESULTS = "application/sparql-results+json"
Row = dict[str, Term]


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is: for queries, for updates (the same when empty), and as whom."""

    query: str
    update: str = ""
    credentials: Credentials = Credentials()  # noqa: RUF009  it is frozen


class RefusedThere(Unreachable):
    """The endpoint understood the request and will not do it."""


class Endpoint:
    """Queries and updates by HTTP. Safe to use from several threads. Raises RefusedAddress for what is no URL."""

    def __init__(self, address: Address) -> None:
        self.address = address
        urls = address.query, address.update or address.query
        self._query, self._update = urls
        self.server = ""  # how it names itself
        self._challenges: dict[str, str] = {}  # who asked who we are, and how
        self._allow = {read_url(url).authority for url in urls}  # named by who runs this, so it may be private

    def update(self, text: str) -> None:
        """Runs an update. Raises RefusedThere or Unreachable."""
        answer = self._post(self._update, {"update": [text]}, "*/*", SECONDS, MIB)
        if answer.status >= 300:
            raise _error(self._update, answer)

    def results(
        self,
        query: str,
        default: str = "",
        named: Sequence[str] = (),
        *,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> tuple[bytes, bool]:
        """(SPARQL results in JSON, whether the server says that it left rows out) of a SELECT or ASK.

        Its dataset is the graph `default` and the graphs `named`. Raises RefusedThere, Unreachable or TooLarge.
        """
        form = {"query": [query], "default-graph-uri": [default] if default else [], "named-graph-uri": list(named)}
        answer = self._post(self._query, form, _RESULTS, seconds, most_bytes)
        if answer.status != 200:
            raise _error(self._query, answer)
        if answer.media_type not in (_RESULTS, "application/json") or (wrong := suspect(answer.body, "json")):
            what = wrong if answer.media_type in (_RESULTS, "application/json") else repr(answer.media_type[:60])
            raise Unreachable(f"{self._query} answers with {what}, not with results.", "Is it a SPARQL endpoint?")
        # Virtuoso's way of saying that it stopped at its own bound: on rows, or on time (an "anytime" answer).
        return answer.body, "x-sparql-maxrows" in answer.headers or "x-sql-state" in answer.headers

    def rows(
        self, query: str, default: str = "", named: Sequence[str] = (), *, seconds: float = SECONDS
    ) -> tuple[list[Row], bool]:
        """(rows, whether some were left out) of a SELECT of our own."""
        body, cut = self.results(query, default, named, seconds=seconds)
        try:
            return list(rdf.read_solutions(body, "json", _MOST_VARIABLES)[1]), cut
        except (SyntaxError, ValueError):
            raise Unreachable(f"{self._query} answers with unsound JSON.", "Tell its operator.") from None

    def _post(self, url: str, form: dict[str, list[str]], accept: str, seconds: float, most_bytes: int) -> Fetched:
        ends = time.monotonic() + seconds
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form, doseq=True).encode()
        path = read_url(url).path
        if url in self._challenges:
            headers["Authorization"] = self.address.credentials.answer(self._challenges[url], "POST", path)
        for again in (False, True):
            answer = fetch(
                url, method="POST", headers=headers, body=body, seconds=max(0.0, ends - time.monotonic()),
                most_bytes=most_bytes, most_redirects=0, allow=self._allow,
            )  # fmt: skip
            self.server = answer.headers.get("server", "")
            told = answer.headers.get("www-authenticate", "")
            proof = self.address.credentials.answer(told, "POST", path) if answer.status == 401 else ""
            if again or not proof:
                break
            self._challenges[url], headers["Authorization"] = told, proof
        return answer


def _error(url: str, answer: Fetched) -> Unreachable:
    said = f"{url} answers {answer.status} ({responses.get(answer.status, 'a status of its own')})."
    if answer.status in (401, 403):
        return Unreachable(said, "Set FILIERE_GRAPH_USER and FILIERE_GRAPH_PASSWORD to who may do this there.")
    if answer.status in (400, 413, 414, 500):
        return RefusedThere(said, "Its own log says why.")
    return Unreachable(said, "Check the address (FILIERE_GRAPH, FILIERE_GRAPH_UPDATE), or ask again later.")


def refused_query(error: RefusedThere) -> QueryRefused:
    """A query that the endpoint does not take."""
    return QueryRefused(
        f"The graph store does not evaluate this query: {error.problem}",
        "Write it more simply; not every engine has all of SPARQL 1.1.",
    )


def cut_answer() -> TooLarge:
    """An answer that the endpoint cut at a bound of its own."""
    return TooLarge(
        "The graph store stopped at a bound of its own; no partial answer is given.",
        "Add a LIMIT, or ask for less; its operator can raise the bound (ResultSetMaxRows in Virtuoso).",
    )
