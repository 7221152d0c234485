"""What holds for every request, as plain ASGI: limits, headers, one line of log, errors in one shape."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from api.outcomes import RequestTimeout, problem, problem_of
from kg.errors import FiliereError, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MIB = 2**20
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": (
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'"
    ),
}
# Of the pages with a script, which asks this service alone.
SCRIPTED = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Of the one page that others may show in a frame: it holds no form, no script and nothing that a click would do.
FRAMED = b"default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors *; base-uri 'none'"
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Filiere-Seq, If-None-Match"),
    (b"access-control-max-age", b"86400"),
]
_SMALL_BODY = _MIB  # bytes that a door takes where no file or update is expected
_UPDATE_BODY = 16 * _MIB


class Doorkeeper:
    """Bounds the size and the time of arrival of bodies, adds headers, logs, and catches what nobody caught."""

    def __init__(self, app: App, *, body_mb: int, seconds: float, cors: str, log: TextIO | None = None) -> None:
        self._app = app
        self._most = body_mb * _MIB
        self._seconds = seconds
        self._cors = cors.encode()
        self._log = log or sys.stderr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request_id = time.perf_counter(), secrets.token_hex(8)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message.get("headers", ()), *self._headers(message, request_id)]
            await send(message)

        try:
            if self._cors and _is_preflight(scope):
                await answer({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
                await answer({"type": "http.response.body", "body": b""})
                return
            await self._app(scope, self._bounded(scope, receive), answer)
        except FiliereError as error:
            if not status:
                await _send_problem(answer, problem_of(error))
        except Exception as error:
            self._write(
                {"level": "error", "request": request_id, "error": type(error).__name__, "where": _place(error)}
            )
            if not status:
                detail = "Something went wrong in the service; it was logged."
                await _send_problem(answer, problem(500, "Error", detail, "Try again.", request=request_id))
            else:
                raise
        finally:
            self._write(
                {
                    "level": "info",
                    "request": request_id,
                    "method": scope["method"],
                    "route": _template(scope),
                    "status": status,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                }
            )

    def _headers(self, message: Message, request_id: str) -> list[tuple[bytes, bytes]]:
        there = {name.lower() for name, _ in message.get("headers", ())}
        if (b"content-security-policy", FRAMED) in message.get("headers", ()):
            there.add(b"x-frame-options")  # which cannot say "anywhere"
        out = [(name, content) for name, content in _HEADERS.items() if name not in there]
        out.append((b"x-request-id", request_id.encode()))
        if self._cors:
            out.append((b"access-control-allow-origin", self._cors))
            out.append((b"access-control-expose-headers", b"Filiere-Seq, Filiere-Cut, X-Request-Id, ETag, Location"))
        return out

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        path = str(scope["path"])
        if scope["method"] == "PUT" or path.startswith("/graphs"):
            most = self._most
        else:
            most = min(self._most, _UPDATE_BODY if path == "/sparql" else _SMALL_BODY)
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        deadline = time.monotonic() + self._seconds
        seen, complete = 0, False

        async def bounded() -> Message:
            nonlocal seen, complete
            if complete:
                return await receive()  # waits for the client to go away, which may take as long as it likes
            if declared.isdigit() and int(declared) > most:
                raise _too_large(most)
            try:
                message = await asyncio.wait_for(receive(), max(0.01, deadline - time.monotonic()))
            except TimeoutError:
                raise RequestTimeout(
                    f"The request did not arrive within {self._seconds:g} seconds.", "Send it faster, or in parts."
                ) from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if seen > most:
                    raise _too_large(most)
            return message

        return bounded

    def _write(self, line: dict[str, Any]) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **line}
        try:
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()
        except (OSError, ValueError):
            return  # a log that cannot be written must not take the answers with it


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def _place(error: BaseException) -> str:
    """File, line and function where an error arose; its message may quote what a client sent, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames[-4:]))


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than {most // _MIB} MiB.", "Split it, or raise FILIERE_BODY_MB.")


def _template(scope: Scope) -> str:
    """The route without what the client put into it: neither needs nor names are logged."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "(none)"


async def _send_problem(send: Send, body: dict[str, Any]) -> None:
    data = json.dumps(body, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": body["status"], "headers": headers})
    await send({"type": "http.response.body", "body": data})
