"""A SPARQL endpoint: a CONSTRUCT of ours, page by page of subjects, or one that the operator wrote."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import urlencode

from kg.federation.asking import RDF, Asking, sha256, suffix
from kg.federation.registry import Config, State
from kg.federation.steps import Ended, Piece, Run, Work
from kg.fetch import MIB
from kg.readers.rdf import MAINS

_SUBJECTS = 200  # a page; endpoints give 10,000 solutions at most, and a record has some dozens
_SOLUTIONS = 5_000  # a page of a CONSTRUCT that the operator wrote
_MOST_PAGES = 5_000
_PAGE_BYTES = 64 * MIB
_JSON = "application/sparql-results+json"
_LIMITED = re.compile(r"\b(limit|offset)\s+\d+\s*(\b(limit|offset)\s+\d+\s*)?$", re.IGNORECASE)
_CLASSES = " ".join(sorted(MAINS))
# The parts of a record are its blank nodes and what lies below its own IRI.
_SELECT = f"""SELECT DISTINCT ?s WHERE {{
  VALUES ?class {{ {_CLASSES} }} ?s a ?class FILTER(isIRI(?s) && STR(?s) > %s)
}} ORDER BY STR(?s) LIMIT {_SUBJECTS}"""
_CONSTRUCT = """CONSTRUCT { ?s ?p ?o . ?part ?q ?r } WHERE {
  VALUES ?s { %s }
  { ?s ?p ?o }
  UNION { ?s ?link ?part . ?part ?q ?r FILTER(isBlank(?part) || STRSTARTS(STR(?part), CONCAT(STR(?s), "/"))) }
}"""


def fetch(asking: Asking, work: Work, run: Run, config: Config, state: State) -> Run:
    """The run with a file a page. Raises Ended; `unchanged` when the pages are those of the last time."""
    pieces = _written(asking, work, config) if config.query else _ours(asking, work, config)
    if not pieces:
        raise Ended("stale", f"{config.url} gives an empty answer; what it said before is kept.", "Ask its operator.")
    run = replace(run, pieces=tuple(pieces), step="fetched")
    known = {"sha256": run.sha256}
    if state.validators.get(config.url) == known:
        raise Ended("unchanged")
    origin = config.url + (f"#{sha256(config.query.encode())[:8]}" if config.query else "")
    return replace(run, about={"origin": origin}, validators={config.url: known})


def find(asking: Asking, url: str) -> bool:
    """Whether a SPARQL endpoint answers at a URL."""
    try:
        found = asking.ask(f"{url}{'&' if '?' in url else '?'}{urlencode({'query': 'ASK {}'})}", {"accept": _JSON})
    except Ended:
        return False
    try:
        said = json.loads(found.body) if found else {}
        return "head" in said and ("boolean" in said or "results" in said)  # Virtuoso answers an ASK with a row
    except (ValueError, TypeError, RecursionError):
        return False


def _post(asking: Asking, url: str, query: str, accept: str) -> tuple[bytes, str]:
    """(body, suffix of its form) of the answer to a query. Raises Ended."""
    headers = {"accept": accept, "content-type": "application/x-www-form-urlencoded"}
    found = asking.ask(url, headers, urlencode({"query": query}).encode(), _PAGE_BYTES)
    assert found is not None
    return found.body, "" if accept == _JSON else suffix(found, wanted=".nt")


def _ours(asking: Asking, work: Work, config: Config) -> list[Piece]:
    """All records of classes we read, `_SUBJECTS` at a time, each with its parts."""
    pieces: list[Piece] = []
    last = ""
    while len(pieces) < _MOST_PAGES:
        subjects = _subjects(
            _post(asking, config.url, _SELECT % json.dumps(last, ensure_ascii=False), _JSON)[0], config.url
        )
        subjects = [subject for subject in subjects if subject > last]
        if not subjects:
            return pieces
        named = " ".join(f"<{subject}>" for subject in subjects)
        body, form = _post(asking, config.url, _CONSTRUCT % named, RDF)
        pieces.append(work.put(f"page-{len(pieces) + 1:05}{form}", body, "rdf"))
        last = max(subjects)
    raise Ended("refused", f"{config.url} has more than {_MOST_PAGES * _SUBJECTS:,} records.", "Give it a --query.")


def _subjects(body: bytes, url: str) -> list[str]:
    """The IRIs of a page. Raises Ended."""
    try:
        rows = json.loads(body)["results"]["bindings"]
        found = [row["s"]["value"] for row in rows if row["s"]["type"] == "uri"]
        return [name for name in found if isinstance(name, str) and not re.search(r'[\x00-\x20<>"{}|\\^`]', name)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Ended("refused", f"{url} does not answer a SELECT in SPARQL's JSON.", "Check the address.") from error


def _written(asking: Asking, work: Work, config: Config) -> list[Piece]:
    """The operator's CONSTRUCT, `_SOLUTIONS` at a time unless it says itself how many; joined into one file."""
    if _LIMITED.search(config.query.strip()):
        body, form = _post(asking, config.url, config.query, RDF)
        return [work.put(f"page{form}", body, "rdf")]
    lines: dict[str, None] = {}
    seen: set[str] = set()
    for page in range(_MOST_PAGES):
        query = f"{config.query.strip()}\nLIMIT {_SOLUTIONS} OFFSET {page * _SOLUTIONS}"
        try:
            body, form = _post(asking, config.url, query, RDF)
        except Ended as ended:
            if page and "empty" in ended.reason:
                break
            raise
        mark = sha256(body)
        if mark in seen or (form == ".nt" and not _statements(body)):
            break
        seen.add(mark)
        if form != ".nt":
            if page:
                raise Ended("refused", f"{config.url} does not give N-Triples.", "Write LIMIT into the query.")
            return [work.put(f"page{form}", body, "rdf")]
        lines |= dict.fromkeys(_renamed(line, page) for line in _statements(body))
    text = "".join(sorted(f"{line}\n" for line in lines))
    return [work.put("pages.nt", text.encode(), "rdf")] if text else []


def _statements(body: bytes) -> list[str]:
    lines = (line.strip() for line in body.decode("utf-8", "replace").split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _renamed(line: str, page: int) -> str:
    """A line whose blank nodes bear the number of the page: a label means nothing beyond its answer."""
    return re.sub(r"(^|\s)_:(?=\S+(\s*\.$|\s+<))", rf"\1_:p{page}x", line)
