"""The child that evaluates queries over one immutable snapshot: python -m kg.sparql.worker FOLDER MEMORY_MB read|write.

With "write" the folder is a copy of its own, on which an update is tried.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

from kg import rdf
from kg.errors import Malformed, QueryRefused, RefusedInput, TooLarge
from kg.readers.job import Limits
from kg.readers.rdf import check_bytes
from kg.sparql import guard, messages, results, rows, sandbox, services
from kg.sparql.building import Standing
from kg.sparql.formats import form_for
from kg.sparql.update import Evaluation

_MIB = 2**20
_FILE_BYTES = 1024 * _MIB  # that the files of a copy may grow to
Answer = tuple[dict[str, Any], bytes]


class _Bounded:
    """Takes what is written until it is too much."""

    def __init__(self, most: int) -> None:
        self.parts: list[bytes] = []
        self._left = most

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge("The result is larger than what one answer may hold.", "Add a LIMIT, or ask for less.")
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""


def answer(store: rdf.Store, columns: Standing, request: dict[str, Any], ask: services.Ask) -> Answer:
    """(head, body) for one request: a query, or an update where that is possible.

    A query is {query, accept, body_bytes, default_graphs, named_graphs, rows, cut}: with more rows than `rows` it is
    refused, or with `cut` ends there.
    """
    try:
        if "parse" in request:
            return _parse(Path(request["parse"]), request["base"])
        if "results" in request:
            return _written(request)
        if "check" in request:
            return _checked(request["check"])
        if "update" in request:
            return _update(store, request, ask)
        return _query(store, columns, request, ask)
    except SyntaxError as error:
        return _refused("QueryRefused", f"The query has a mistake: {error}.", "Correct it there.")
    except (QueryRefused, RefusedInput) as error:
        return _refused(type(error).__name__, error.problem, error.mend)
    except MemoryError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        return _refused("QueryRefused", f"The query cannot be evaluated: {error}.", "Change it.")


def _refused(kind: str, problem: str, mend: str) -> Answer:
    return {"refused": problem, "mend": mend, "class": kind}, b""


def _query(store: rdf.Store, columns: Standing, request: dict[str, Any], ask: services.Ask) -> Answer:
    text = request["query"]
    defaults, named = request["default_graphs"], request["named_graphs"]
    dataset = rdf.Dataset(defaults, named) if defaults or named else rdf.Dataset(None, rdf.graph_names(store))
    kind = request["kind"]  # as the service's own check of the very text found it
    media, form = form_for(request["accept"], kind)
    resolved = services.resolve(text, lambda query: rdf.solutions(store, query, dataset), ask)
    if resolved != text or request["services"]:
        guard.check(resolved, most=guard.MOST_ANSWERED)
    text = resolved
    most = int(request["rows"])
    own = not request["dataset"] and not defaults and not named
    plain = columns.rewritten(text) if kind == "select" and own else None
    if plain is not None:
        store, text = rdf.Store(), plain  # it holds its data, fewer rows than any bound
    elif kind == "select":
        text = rows.limited(text, most + 1)
    out = _Bounded(int(request["body_bytes"]))
    rdf.answer(store, text, form, out, dataset)
    body = b"".join(out.parts)
    head = {"media": media, "form": kind}
    if kind == "select" and rows.exceeds(body, form, most):
        if not request["cut"]:
            raise TooLarge(f"The result has over {most:,} rows.", "Add a LIMIT, or ask for max-rows=.")
        body, head["cut"] = rows.cut(body, form, most), str(most)
    return {**head, "length": len(body)}, body


def _written(request: dict[str, Any]) -> Answer:
    out = _Bounded(int(request["body_bytes"]))
    head = results.written(request, out)
    body = b"".join(out.parts)
    return {**head, "length": len(body)}, body


def _checked(query: str) -> Answer:
    """Whether our own parser takes a query that goes to another store."""
    if problem := rdf.query_error(query):
        return _refused("QueryRefused", f"The query has a mistake: {problem}.", "Correct it there.")
    return {"media": "", "form": ""}, b""


def _update(store: rdf.Store, request: dict[str, Any], ask: services.Ask) -> Answer:
    def resolve(query: str) -> str:
        text = services.resolve(query, lambda found: rdf.solutions(store, found, rdf.Dataset()), ask)
        guard.check(text, most=guard.MOST_ANSWERED)
        return text

    evaluation = Evaluation(store, resolve, request["using"], request["using_named"])
    body = json.dumps(evaluation.run(request["update"]).as_json()).encode()
    return {"form": "update", "length": len(body)}, body


def _parse(file: Path, base: str) -> Answer:
    data, form = file.read_bytes(), rdf.FORMATS[file.suffix]
    check_bytes(data, form, Limits())
    try:
        found = list(rdf.parse(data, form, base=base))
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise Malformed(f"The body is not {form.name}: {error}.", "Correct it there.") from error
    if any(graph for *_, graph in found):
        raise Malformed("The body writes into graphs of its own.", "Send one graph at a time.")
    body = json.dumps([(s, p, o) for s, p, o, _ in found]).encode()
    return {"form": "statements", "length": len(body)}, body


def _network() -> str:
    """What a try to open a socket gives, for the test of the sandbox."""
    try:
        socket.socket().close()
    except OSError as error:
        return str(error.strerror)
    return "open"


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    messages.write(sys.stdout.buffer, question)
    found = messages.read(sys.stdin.buffer)
    if found is None:
        sys.exit(0)  # the service is gone
    return found


def main() -> None:
    """Opens the snapshot, gives up what it does not need, and answers until its input ends."""
    folder, memory, mode = sys.argv[1:]
    writable = mode == "write"
    store = rdf.Store(folder) if writable else rdf.Store.read_only(str(Path(folder)))
    columns = Standing(Path(folder))
    sandbox.limit(int(memory) * _MIB, _FILE_BYTES if writable else 0)
    confined = sandbox.confine(files=writable)
    messages.write(sys.stdout.buffer, {"ready": confined, "network": _network()})
    while (request := messages.read(sys.stdin.buffer)) is not None:
        messages.write(sys.stdout.buffer, *answer(store, columns, request, _ask))


if __name__ == "__main__":
    main()
