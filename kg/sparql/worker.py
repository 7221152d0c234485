"""The child that evaluates queries over one immutable snapshot: python -m kg.sparql.worker SNAPSHOT MEMORY_MB.

Each request is a length (4 bytes, big-endian) and JSON; each answer a length and JSON, then the body it announces.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from kg import rdf
from kg.errors import QueryRefused, TooLarge
from kg.sparql import guard, sandbox
from kg.sparql.formats import form_for

_MIB = 2**20


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


def answer(store: rdf.Store, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """(head, body) for one request: {query, accept, body_bytes, default_graphs, named_graphs}."""
    try:
        kind = guard.check(request["query"]).kind
        media, form = form_for(request["accept"], kind)
        out = _Bounded(int(request["body_bytes"]))
        rdf.answer(store, request["query"], form, out, request["default_graphs"], request["named_graphs"])
    except SyntaxError as error:
        return {
            "refused": f"The query has a mistake: {error}.",
            "mend": "Correct it there.",
            "class": "QueryRefused",
        }, b""
    except (QueryRefused, TooLarge) as error:
        return {"refused": error.problem, "mend": error.mend, "class": type(error).__name__}, b""
    except MemoryError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        return {
            "refused": f"The query cannot be evaluated: {error}.",
            "mend": "Change it.",
            "class": "QueryRefused",
        }, b""
    body = b"".join(out.parts)
    return {"media": media, "form": kind, "length": len(body)}, body


def _network() -> str:
    """What a try to open a socket gives, for the test of the sandbox."""
    try:
        socket.socket().close()
    except OSError as error:
        return str(error.strerror)
    return "open"


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    found: dict[str, Any] = json.loads(stream.read(struct.unpack(">I", head)[0]))
    return found


def _write(stream: BinaryIO, head: dict[str, Any], body: bytes) -> None:
    text = json.dumps(head).encode()
    stream.write(struct.pack(">I", len(text)) + text + body)
    stream.flush()


def main() -> None:
    """Opens the snapshot, gives up what it does not need, and answers until its input ends."""
    store = rdf.Store.read_only(str(Path(sys.argv[1])))
    sandbox.limit(int(sys.argv[2]) * _MIB)
    confined = sandbox.confine()
    _write(sys.stdout.buffer, {"ready": confined, "network": _network()}, b"")
    while (request := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, *answer(store, request))


if __name__ == "__main__":
    main()
