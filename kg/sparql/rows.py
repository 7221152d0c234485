"""The rows of a serialised result: how many there may be, how many there are, and an answer that ends at one of them.

The engine's serialisers write one shape, which is what is read here: they are counted where they stand, since writing
a million rows in Python would take ten times as long as the query.
"""

from __future__ import annotations

import re

from kg import vocabulary as v
from kg.sparql.reading import closing, tokens

_JSON_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_JSON_HEAD, _JSON_ROWS, _XML_ROWS = b'"head":{', b'"bindings":[', b"<results>"
_CSV_TEXT = re.compile(rb'"[^"]*+"')
NOTE = v.NS + "CutResult"


def limited(query: str, most: int) -> str:
    """A SELECT query that gives at most `most` rows, by its own LIMIT or one of ours."""
    found = tokens(query)
    at, groups = 0, 0
    insert = len(query)
    while at < len(found):
        token = found[at]
        if token.kind == "open":
            groups += token.text == "{"
            at = closing(found, at)
        elif groups and token.is_word("LIMIT") and at + 1 < len(found):
            number = found[at + 1]
            if number.text.isdigit() and int(number.text) <= most:
                return query
            return f"{query[: number.start]}{most}{query[number.end :]}"
        elif groups and token.is_word("VALUES"):
            insert = token.start
            break
        at += 1
    return f"{query[:insert]}\nLIMIT {most}\n{query[insert:]}"


def count(body: bytes, form: str) -> int:
    """The number of rows of a complete SELECT result in a form: json, xml, csv or tsv."""
    return len(_ends(body, form)[1])


def exceeds(body: bytes, form: str, most: int) -> bool:
    """Whether a complete SELECT result has more than `most` rows."""
    marks = {"json": b"},{", "xml": b"</result>"}.get(form, b"\n")
    # Texts may hold the mark too, so that this is the most there can be; it takes no time beside the exact count.
    return body.count(marks) + 1 > most and count(body, form) > most


def cut(body: bytes, form: str, most: int) -> bytes:
    """The result with its first `most` rows alone; JSON and XML say in their head that it is cut."""
    begin, ends = _ends(body, form)
    end = ends[most - 1] if most else begin
    if form == "json":
        head = body.index(_JSON_HEAD) + len(_JSON_HEAD)
        return body[:head] + f'"link":["{NOTE}"],'.encode() + body[head:end] + b"]}}"
    if form == "xml":
        head = body.index(b"</head>")
        return body[:head] + f'<link href="{NOTE}"/>'.encode() + body[head:end] + b"</results></sparql>"
    return body[:end]


def _ends(body: bytes, form: str) -> tuple[int, list[int]]:
    """Where the rows begin, and where each ends."""
    if form == "xml":
        return body.index(_XML_ROWS) + len(_XML_ROWS), [match.end() for match in re.finditer(rb"</result>", body)]
    if form == "json":
        begin, plain = body.index(_JSON_ROWS) + len(_JSON_ROWS), _blank(body, _JSON_TEXT)
        last = plain.rindex(b"]")
        ends = [match.start() + 1 for match in re.finditer(rb"\},\{", plain[begin:last])]
        return begin, [begin + end for end in ends] + ([last] if last > begin else [])
    plain = body if form == "tsv" else _blank(body, _CSV_TEXT)  # TSV escapes the line ends of texts
    lines = [match.end() for match in re.finditer(rb"\n", plain)]
    return lines[0], lines[1:]


def _blank(body: bytes, texts: re.Pattern[bytes]) -> bytes:
    """The body with what is quoted in it blanked, every byte in its place."""
    return texts.sub(lambda match: b"_" * len(match.group()), body)
