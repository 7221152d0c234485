"""HTTP/1.1 as uvicorn speaks it, with bounds where it has none: on slow heads, on bodies in crumbs, on slow readers.

Without them a client that sends half a head, or takes no answer, holds its connection for ever, and 300,000 chunks of
one byte keep everybody waiting for seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_READ = 16_384  # bytes taken from a connection before others have their turn; asyncio takes 16 times as many
_CRUMBS = 32_768  # bytes of a body before its pieces are looked at
_FRAMING = 2  # times as many bytes with their framing as without: chunks of five bytes on average
_ANSWER = (
    "HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
    "content-length: {length}\r\nconnection: close\r\n\r\n{says}"
)


class Bounded(H11Protocol):
    """One connection. A head has `seconds` to arrive, and a client as many to take some more of an answer."""

    seconds = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; its first head is waited for."""
        super().connection_made(transport)
        transport.max_size = _READ  # type: ignore[attr-defined]
        self._head: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._framed = self._said = 0
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        self._cancel("_head")
        self._cancel("_taking")

    def data_received(self, data: bytes) -> None:
        """Some bytes of a head or a body."""
        cycle, before = self.cycle, len(self.cycle.body) if self.cycle is not None else 0
        super().data_received(data)
        if self.cycle is not cycle:
            self._framed = self._said = 0
        elif cycle is not None and not cycle.response_complete:
            self._framed += len(data)
            self._said += len(cycle.body) - before
            if self._framed > max(_CRUMBS, _FRAMING * self._said):
                self._refuse(400, "Bad Request", "The body comes in pieces of a few bytes; send larger ones.")
        self._wait_for_head()

    def on_response_complete(self) -> None:
        """An answer is sent; the next head may have come already, or some of it."""
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        """Gives a head that has begun, or the first one, its time; a whole one ends it."""
        begun = self.cycle is None or bool(self.conn.trailing_data[0])
        if self.conn.their_state is not h11.IDLE or not begun:
            self._cancel("_head")
        elif self._head is None:
            self._head = self.loop.call_later(self.seconds, self._late)

    def _late(self) -> None:
        self._refuse(408, "Request Timeout", f"The head of the request did not arrive within {self.seconds:g} seconds.")

    def _refuse(self, status: int, phrase: str, says: str) -> None:
        if not self.transport.is_closing():
            answer = _ANSWER.format(status=status, phrase=phrase, length=len(says), says=says)
            self.transport.write(answer.encode("ascii"))
            self.transport.close()

    def pause_writing(self) -> None:
        """The client takes an answer more slowly than it is made."""
        super().pause_writing()
        self._watch_taking(None)

    def resume_writing(self) -> None:
        """It has taken nearly all there was."""
        super().resume_writing()
        self._cancel("_taking")

    def _watch_taking(self, left: int | None) -> None:
        """Ends a connection of whose answer nothing more was taken since `left` bytes were left."""
        self._cancel("_taking")
        now = self.transport.get_write_buffer_size()
        if left is not None and now >= left:
            self.transport.abort()
        else:
            self._taking = self.loop.call_later(self.seconds, self._watch_taking, now)

    def _cancel(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)


def bounded(seconds: float) -> type[asyncio.Protocol]:
    """The protocol with so many seconds."""
    members: dict[str, Any] = {"seconds": seconds}
    return type("Bounded", (Bounded,), members)
