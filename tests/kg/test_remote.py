"""Other endpoints: only those that were named, asked as they want to be asked, and never trusted with our process."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from kg import rdf
from kg.errors import RefusedAddress, Unreachable, UserError
from kg.sparql.remote import MOST_BYTES, Endpoints
from kg.terms import XSD
from tests.kg.servers import Asked, Script, Server, answer, drips, redirects, says, serving

_SECONDS = 1.5
_SLACK = 1.5  # seconds that a busy machine may take beyond a deadline
QUERY = 'SELECT ?a ?b { ?a ?b "é" }'
JSON = "application/sparql-results+json"
XML = "application/sparql-results+xml"
STORE = rdf.memory(
    [
        ("<x:a>", "<x:says>", '"masque \\"FFP2\\"\\n"@fr-fr'),
        ("<x:a>", "<x:says>", f'"5"^^<{XSD}integer>'),
        ("<x:a>", "<x:knows>", "_:b"),
    ]
)
ROWS = [
    {"p": "<x:says>", "o": f'"5"^^<{XSD}integer>'},
    {"p": "<x:says>", "o": '"masque \\"FFP2\\"\\n"@fr-fr'},
]


def _solutions(server: Server, query: str = QUERY, **more: int) -> tuple[list[str], list[dict[str, str]]]:
    endpoints = Endpoints(server.url, **more)
    return endpoints.solutions(server.url, query, time.monotonic() + _SECONDS)


def _real(media: str, form: str, *, only_forms: int = 0) -> Script:
    """An endpoint over STORE that answers in one form; with a status in `only_forms`, to a form alone."""

    def script(send: Callable[[bytes], None], asked: Asked) -> None:
        query = asked.body.decode()
        if asked.headers["content-type"] == "application/x-www-form-urlencoded":
            (query,) = parse_qs(query)["query"]
        elif only_forms:
            send(answer(b"no", status=f"{only_forms} No"))
            return
        out = io.BytesIO()
        rdf.answer(STORE, query, form, out, rdf.Dataset())
        send(answer(out.getvalue(), media=media))

    return script


FORMS = [(JSON, "json"), ("application/json;charset=utf-8", "json"), (XML, "xml"), ("text/xml", "xml")]


@pytest.mark.parametrize(("media", "form"), FORMS, ids=[media for media, _ in FORMS])
def test_rows_come_as_terms(media: str, form: str) -> None:
    with serving(_real(media, form)) as server:
        names, rows = _solutions(server, "SELECT ?p ?o ?none { <x:a> ?p ?o OPTIONAL { ?o <x:no> ?none } } ORDER BY ?o")
    assert names == ["p", "o", "none"]
    blank = [row for row in rows if row["p"] == "<x:knows>"]
    assert sorted((row for row in rows if row not in blank), key=str) == sorted(ROWS, key=str)
    assert len(blank) == 1
    assert blank[0]["o"].startswith("_:")
    (asked,) = server.asked
    assert asked.headers["content-type"] == "application/sparql-query"
    assert asked.headers["accept"].startswith(JSON)


@pytest.mark.parametrize("status", [400, 405, 415])
def test_an_endpoint_that_wants_a_form_gets_one_and_is_remembered(status: int) -> None:
    with serving(_real(JSON, "json", only_forms=status)) as server:
        endpoints = Endpoints(server.url)
        for _ in range(2):
            rows = endpoints.solutions(server.url, "SELECT ?a { ?a <x:says> 5, ?é }", time.monotonic() + 5)[1]
            assert rows == [{"a": "<x:a>"}] * 2
    assert [asked.headers["content-type"].rpartition("/")[2] for asked in server.asked] == [
        "sparql-query",
        "x-www-form-urlencoded",
        "x-www-form-urlencoded",
    ]


def _results(*bindings: object, names: object = ("a",)) -> bytes:
    return json.dumps({"head": {"vars": list(names)}, "results": {"bindings": bindings}}).encode()  # type: ignore[call-overload]


_A = {"a": {"type": "uri", "value": "x:a"}}
_TRIPLE = {"type": "triple", "value": {"subject": _A["a"], "predicate": _A["a"], "object": _A["a"]}}
_DEEP = b'{"head":{"vars":["a"]},"results":{"bindings":[{"a":' + b'{"type":"triple","value":{"object":' * 100_000
_DEEP_CLOSED = _DEEP + b"{}" + b"}}" * 100_000 + b"}]}}"
_HEAD = b'<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="a"/></head><results>'
_XML_ROW = b'<result><binding name="a"><uri>x:a</uri></binding></result>'
_END = b"</results></sparql>"
_STATEMENT = b"<triple><subject><uri>x:a</uri></subject><predicate><uri>x:a</uri></predicate><object>"
_DEEP_XML = b'<result><binding name="a">' + _STATEMENT * 50_000


def _json(data: bytes) -> Script:
    return says(answer(data, media=JSON))


def _xml(data: bytes) -> Script:
    return says(answer(data, media=XML))


BAD: dict[str, tuple[Script, str]] = {
    "500": (says(answer(b"java.lang.Secret", status="500 x")), r"answers 500 \(Internal Server Error\)"),
    "404": (says(answer(b"secret", status="404 x")), "answers 404"),
    "401": (says(answer(b"secret", status="401 x")), "answers 401"),
    "400 to both forms": (says(answer(b"secret", status="400 x")), "answers 400"),
    "204": (says(b"HTTP/1.1 204 x\r\n\r\n"), "answers 204"),
    "HTML": (says(answer(b"<html>secret</html>", media="text/html")), "answers with 'text/html'"),
    "HTML that claims to be results": (_xml(b"<html>secret</html>"), "cut short"),
    "no media type": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "no media type"),
    "a redirect to this machine": (redirects("http://127.0.0.1:1/"), "this machine itself"),
    "slow": (drips(b"HTTP/1.1 200 OK\r\nContent-Type: " + JSON.encode() + b"\r\n\r\n", b"{", 0.1), "no whole answer"),
    "endless": (
        drips(b"HTTP/1.1 200 OK\r\nContent-Type: " + JSON.encode() + b"\r\n\r\n", b" " * 500_000, 0),
        f"more than {MOST_BYTES:,} bytes|no whole answer",
    ),
    "cut short": (_json(_results(_A, _A)[:-4]), "cut short"),
    "not JSON": (_json(b"secret"), "not sound JSON"),
    "empty": (_json(b""), "not sound JSON"),
    "yes": (_json(b'{"head":{},"boolean":true}'), "not sound JSON"),
    "a number that is none": (_json(_results({"a": {"type": "literal", "value": float("nan")}})), "not sound JSON"),
    "no IRI": (_json(_results({"a": {"type": "uri", "value": "a b>"}})), "not sound JSON"),
    "no blank node": (_json(_results({"a": {"type": "bnode", "value": "b>"}})), "not sound JSON"),
    "no language": (_json(_results({"a": {"type": "literal", "value": "x", "xml:lang": "f r"}})), "not sound JSON"),
    "another variable": (_json(_results({"b": _A["a"]})), "not sound JSON"),
    "half a character": (_json(_results(_A).replace(b"x:a", b"x:\\ud800")), "not sound JSON"),
    "a statement": (_json(_results({"a": _TRIPLE})), "not sound JSON"),
    "too many rows": (_json(_results(*[_A] * 10_001)), "more than 10,000 rows"),
    "too many variables": (_json(_results(_A, names=[*"abc", *map(str, range(300))])), "not sound JSON"),
    "Latin-1": (_json(_results(_A).replace(b"x:a", b"x:\xe9")), "not UTF-8"),
    "deep JSON": (_json(_DEEP), "nests too deep"),
    "deep JSON, well closed": (_json(_DEEP_CLOSED), "nests too deep"),
    "deep lists": (_json(b"[" * 1_000_000), "nests too deep"),
    "entities": (_xml(b'<!DOCTYPE s [<!ENTITY a "b">]>' + _HEAD + _XML_ROW + _END), "declares entities"),
    "XML cut short": (_xml(_HEAD + _XML_ROW), "cut short"),
    "XML in UTF-16": (_xml((_HEAD + _XML_ROW + _END).decode().encode("utf-16")), "not UTF-8"),
    "deep XML": (_xml(_HEAD + _DEEP_XML + _END), "nests statements"),
    "XML of something else": (_xml(b"<sparql><table/></sparql>"), "not sound XML"),
}


@pytest.mark.parametrize(("script", "says_what"), BAD.values(), ids=BAD)
def test_a_bad_answer_ends_in_time_and_names_the_endpoint(script: Script, says_what: str) -> None:
    began = time.monotonic()
    with serving(script) as server, pytest.raises((Unreachable, RefusedAddress), match=says_what) as caught:
        _solutions(server)
    assert time.monotonic() - began < _SECONDS + _SLACK
    assert "127.0.0.1" in caught.value.problem
    assert caught.value.mend
    assert "ecret" not in str(caught.value)


def test_the_deep_answers_would_have_killed_the_process() -> None:
    """So that whoever meets a parser without this fault knows that the check before it can go."""
    code = (
        "import pyoxigraph as ox\nfrom tests.kg.test_remote import _DEEP\n"
        "list(ox.parse_query_results(_DEEP.replace(b'\"object\"', b'\"subject\"'), format=ox.QueryResultsFormat.JSON))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode < 0


def test_rows_are_counted_and_a_limit_is_kept() -> None:
    with serving(_json(_results(*[_A] * 10_000))) as server:
        assert len(_solutions(server)[1]) == 10_000
        with pytest.raises(Unreachable, match="more than 99 rows"):
            _solutions(server, most_rows=99)


def test_only_what_was_named_is_called() -> None:
    with serving(_json(_results(_A))) as server:
        endpoints = Endpoints(f"https://example.org/sparql?a=http://b, ours={server.url}\n")
        assert endpoints
        for named in ("https://example.org/sparql?a=http://b", "ours", server.url):
            assert endpoints.allows(named)
        assert endpoints.solutions("ours", QUERY, time.monotonic() + 5)[1] == [{"a": "<x:a>"}]
        for other in ("https://example.org/sparql", "https://EXAMPLE.org/sparql?a=http://b", f"{server.url}x", ""):
            assert not endpoints.allows(other)
            with pytest.raises(RefusedAddress, match="no endpoint") as caught:
                endpoints.solutions(other, QUERY, time.monotonic() + 5)
            assert "ours" in caught.value.mend
        assert len(server.asked) == 1
    assert not Endpoints()
    with pytest.raises(RefusedAddress) as refused:
        Endpoints("").solutions("ours", QUERY, time.monotonic() + 5)
    assert "FILIERE_SERVICES" in refused.value.mend


def test_this_machine_is_called_when_it_was_named_and_a_public_name_that_leads_here_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(_json(_results(_A))) as server:
        local = f"http://localhost:{server.port}/"
        assert Endpoints(local).solutions(local, QUERY, time.monotonic() + 5)[1]
        public = f"http://example.org:{server.port}/"
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])
        with pytest.raises(RefusedAddress, match="this machine itself"):
            Endpoints(f"{public} {local}").solutions(public, QUERY, time.monotonic() + 5)


def test_a_deadline_that_is_past_asks_nobody() -> None:
    with serving(_json(_results(_A))) as server, pytest.raises(Unreachable):
        Endpoints(server.url).solutions(server.url, QUERY, time.monotonic() - 1)
    assert not server.asked


@pytest.mark.parametrize("entry", ["example.org", "ours=", "o u r s=http://example.org/", "ftp://example.org/", "a=b"])
def test_an_entry_that_is_no_endpoint_is_named(entry: str) -> None:
    with pytest.raises(UserError, match="SERVICE") as caught:
        Endpoints(entry)
    assert "ALIAS=URL" in caught.value.mend
