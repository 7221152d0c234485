"""Updates and whole requests that hurt a SPARQL service, each with a name. TARGET stands for a listener on loopback."""

from __future__ import annotations

from tests.doors.attacks import CROSS, DEPTHS, TARGET, XS
from tests.doors.attacks import PATTERN as _T


def updates() -> dict[str, str]:
    """Every hostile update."""
    deep = {f"{n} nested groups": f"INSERT {{ ?s ?p ?o }} WHERE {'{' * n} {_T} {'}' * n}" for n in DEPTHS}
    return deep | {
        "LOAD": f"LOAD <{TARGET}>",
        "LOAD SILENT": f"LOAD SILENT <{TARGET}> INTO GRAPH <x:g>",
        "LOAD, escaped": f"L\\u004fAD <{TARGET}>",
        "LOAD, prefixed": f"PREFIX t: <{TARGET}> LOAD t:x INTO GRAPH t:g",
        "LOAD after another": f"INSERT DATA {{ <x:a> <x:b> <x:c> }} ; LOAD SILENT <{TARGET}>",
        "LOAD of a file": "LOAD <file:///etc/passwd>",
        "SERVICE in WHERE": f"INSERT {{ {_T} }} WHERE {{ SERVICE <{TARGET}> {{ {_T} }} }}",
        "SERVICE SILENT in WHERE": f"DELETE {{ {_T} }} WHERE {{ {_T} SERVICE SILENT <{TARGET}> {{ {_T} }} }}",
        "SERVICE, escaped": f"INSERT {{ {_T} }} WHERE {{ \\u0053ERVICE <{TARGET}> {{ {_T} }} }}",
        "SERVICE of a variable": f"INSERT {{ {_T} }} WHERE {{ VALUES ?e {{ <{TARGET}> }} SERVICE ?e {{ {_T} }} }}",
        "USING an address": f"INSERT {{ {_T} }} USING <{TARGET}> WHERE {{ {_T} }}",
        "cross product": f"INSERT {{ ?a ?b ?o }} WHERE {{ GRAPH ?x {{ ?a ?b ?c }} GRAPH ?y {{ {_T} . ?q ?r ?t }} }}",
        "doubling": "INSERT { <x:a> <x:b> ?x10 } WHERE { BIND("
        + XS
        + " AS ?x0) "
        + " ".join(f"BIND(CONCAT({','.join([f'?x{n}'] * 8)}) AS ?x{n + 1})" for n in range(10))
        + " }",
        "the ontology": f"DELETE WHERE {{ GRAPH <https://w3id.org/filiere/graph/filiere> {{ {_T} }} }}",
        "everything": "DROP ALL ; CLEAR ALL",
        "many operations": "CLEAR SILENT GRAPH <x:g> ;" * 9_000,
        "a query": f"SELECT * {{ {_T} }}",
        "a query after": f"CLEAR SILENT GRAPH <x:g> ; SELECT * {{ {_T} }}",
        "nothing": "",
        "NUL": "INSERT DATA { <x:a> <x:b> '\x00' }",
        "needs": f"# need\nINSERT DATA {{ {'GRAPH <x:g> { <x:a> <x:b> <x:c> } ' * 9_000} }}",
        "variables in data": f"INSERT DATA {{ {_T} }}",
        "a literal as subject": "INSERT DATA { 'a' <x:b> <x:c> }",
        "an IRI of spaces": "INSERT DATA { <x:a b> <x:b> <x:c> }",
        "javascript": "INSERT DATA { <javascript:alert(1)> <x:b> <x:c> }",
    }


def requests() -> dict[str, bytes]:
    """Whole requests, as bytes on the wire."""
    post = b"POST /sparql HTTP/1.1\r\nHost: x\r\n"
    direct = post + b"Content-Type: application/sparql-query\r\n"
    form = post + b"Content-Type: application/x-www-form-urlencoded\r\n"

    def body(head: bytes, content: bytes) -> bytes:
        return head + b"Content-Length: %d\r\n\r\n" % len(content) + content

    def got(path: bytes, *lines: bytes) -> bytes:
        return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"

    ask = b"/sparql?query=ASK%7B%7D"
    return {
        "NUL in the body": body(direct, b"ASK {\x00}"),
        "invalid UTF-8": body(direct, b"ASK { ?s ?p '\xff\xfe' }"),
        "a surrogate": body(direct, b"ASK { ?s ?p '\xed\xa0\x80' }"),
        "overlong": body(direct, b"ASK { ?s ?p '\xc0\xaf' }"),
        "UTF-16": body(direct, "ASK {}".encode("utf-16")),
        "a byte order mark": body(direct, b"\xef\xbb\xbfASK {}"),
        "another charset": body(post + b"Content-Type: application/sparql-query; charset=utf-7\r\n", b"ASK {}"),
        "NUL in the address": got(b"/sparql?query=ASK%7B%7D%00"),
        "half an escape": got(b"/sparql?query=ASK%7"),
        "a surrogate in the address": got(b"/sparql?query=ASK%7B%7D%ED%A0%80"),
        "two queries": got(b"/sparql?query=ASK%7B%7D&query=ASK%7B%7D"),
        "an empty query": got(b"/sparql?query="),
        "an update by GET": got(b"/sparql?update=CLEAR%20ALL"),
        "a query and an update": body(form, b"query=ASK{}&update=CLEAR ALL"),
        "an update as a query": body(direct, b"CLEAR ALL"),
        "no type": body(post, b"ASK {}"),
        "an update without a token": body(form, b"update=CLEAR+ALL"),
        "thousands of fields": body(form, b"&".join(b"a%d=1" % n for n in range(50_000))),
        "thousands of graphs": body(form, b"query=ASK{}" + b"&default-graph-uri=x:y" * 30_000),
        "thousands of graphs in the address": got(ask + b"&named-graph-uri=x:y" * 2_500),
        "graphs that are no IRIs": got(
            ask + b"&default-graph-uri=not%20an%20iri&default-graph-uri=%3Cx%3E&named-graph-uri="
        ),
        "an address of 70 KB": got(b"/sparql?query=" + b"x" * 70_000),
        "an address of 5 MB": got(b"/sparql?query=" + b"x" * 5_000_000),
        "a header of 1 MB": got(ask, b"X: " + b"y" * 1_000_000),
        "20,000 headers": got(ask, *(b"X%d: y" % n for n in range(20_000))),
        "an endless Accept": got(ask, b"Accept: " + b"a/b;q=0.1," * 5_000),
        "a wrong Accept": got(ask, b"Accept: ;;q=,,/*;q=nan"),
        "an Accept of images": got(ask, b"Accept: image/png"),
        "quality of infinity": got(ask, b"Accept: text/csv;q=inf"),
        "rows of nonsense": got(ask + b"&max-rows=1e9"),
        "negative rows": got(ask + b"&max-rows=-1"),
        "a seq of nonsense": got(ask + b"&seq=99999999999999999999"),
        "a format of nonsense": got(ask + b"&format=../../etc"),
        "two lengths": direct + b"Content-Length: 6\r\nContent-Length: 60\r\n\r\nASK {}",
        "a negative length": direct + b"Content-Length: -1\r\n\r\nASK {}",
        "a length beyond": direct + b"Content-Length: 999999999999\r\n\r\n",
        "a length and chunks": direct
        + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        "a chunk of 10^18": direct + b"Transfer-Encoding: chunked\r\n\r\nde0b6b3a7640000\r\nASK",
        "chunks without end": direct
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"4000\r\n"
        + b" " * 0x4000
        + b"\r\n"
        + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 200,
        "many small chunks": direct + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 20_000,
        "an unfinished body": direct + b"Content-Length: 100\r\n\r\nASK",
        "an unfinished head": b"GET /sparql?query=ASK HTTP/1.1\r\nHost",
        "expect": direct + b"Expect: 100-continue\r\nContent-Length: 6\r\n\r\n",
        "nothing at all": b"",
        "no HTTP": b"\x16\x03\x01\x02\x00\x01",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": b"GET /sparql\r\n\r\n",
        "no host": b"GET /sparql HTTP/1.1\r\n\r\n",
        "another address": got(TARGET.encode()),
        "a websocket": got(b"/sparql", b"Upgrade: websocket", b"Connection: Upgrade"),
        "TRACE": b"TRACE /sparql HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT": b"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n",
        "a header with NUL": got(ask, b"X: \x00"),
        "a split header": got(ask, b"Accept: a\r\n b/c"),
        "pipelined": got(ask) * 300,
        "pipelined, hostile": body(direct, b"SELECT * WHERE " + CROSS.encode() + b" ORDER BY ?l LIMIT 1") * 8,
    }
