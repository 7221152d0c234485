"""An answer as it comes off the wire: bytes counted and timed one by one, framing checked, compression undone."""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from dataclasses import dataclass

from kg.errors import Unsound

_KIB = 2**10
HEADER_BYTES = 64 * _KIB
_READ_AHEAD = 8 * _KIB
_CHUNKED = 8  # bytes on the wire for one of the body, at worst that is taken: `1\r\nX\r\n` has six
_PART = 64 * _KIB


class TimedSocket(io.RawIOBase):
    """A socket that is given one deadline (monotonic clock) for all it does, and a number of bytes it may bring."""

    def __init__(self, connection: socket.socket, deadline: float, most_bytes: int, url: str) -> None:
        super().__init__()
        self._socket = connection
        self._deadline = deadline
        self._left = HEADER_BYTES
        self._body = most_bytes * _CHUNKED
        self._part = "headers"
        self._url = url

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client reads from."""
        return io.BufferedReader(self, _READ_AHEAD)

    def readable(self) -> bool:
        """Whether it is a stream to read; it is."""
        return True

    def headers_are_read(self) -> None:
        """From here on the limit is that of a body and what may follow it."""
        self._part = "an answer"
        self._left = HEADER_BYTES + self._body

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Some bytes. Raises TimeoutError at the deadline, Unsound past the limit."""
        self._wait()
        count = self._socket.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise Unsound(f"{self._url} sends {self._part} without end.", "Ask it for less, or tell its operator.")
        return count

    def sendall(self, data: bytes) -> None:
        """All of the data, by the deadline."""
        view = memoryview(data)
        while view:
            self._wait()
            view = view[self._socket.send(view) :]

    def close(self) -> None:
        """Lets go of the connection."""
        self._socket.close()
        super().close()


@dataclass(slots=True)
class Body:
    """How long the body of an answer is said to be, in bytes; None when its end is the end of the connection."""

    left: int | None
    chunked: bool
    url: str

    @classmethod
    def of(cls, answer: http.client.HTTPResponse, url: str) -> Body:
        """The framing of an answer whose headers are read. Raises Unsound when it can be read in two ways."""
        lengths = set(answer.headers.get_all("content-length") or [])
        codings = [text.strip().lower() for text in answer.headers.get_all("transfer-encoding") or []]
        sound = codings in ([], ["chunked"]) and len(lengths) <= 1 and not (codings and lengths)
        if not sound or answer.status < 200 or any(not (n.isascii() and n.isdigit()) for n in lengths):
            raise Unsound(f"{url} does not say in one way how long its answer is.", "Tell its operator.")
        return cls(answer.length, bool(codings), url)

    def read(self, answer: http.client.HTTPResponse) -> bytes:
        """The next bytes, b"" at the end. Raises Unsound for an end that comes too early."""
        part = answer.read(_PART)
        if self.left is not None and not self.chunked:
            self.left -= len(part)
            if not part and self.left > 0:
                raise Unsound(f"{self.url} broke its answer off.", "Ask again later.")
        return part


class Unpacker:
    """Gathers a body and undoes its compression as it comes, so that a bomb never unfolds."""

    def __init__(self, encodings: list[str], most_bytes: int, url: str) -> None:
        named = [part.strip().lower() for text in encodings for part in text.split(",") if part.strip()]
        named = [name for name in named if name != "identity"]
        if len(named) > 1 or any(name not in ("gzip", "x-gzip", "deflate") for name in named):
            raise Unsound(f"{url} packs its answer in a way that was not asked for.", "Tell its operator.")
        self._gzip = bool(named) and named[0] != "deflate"
        self._packed = bool(named)
        self._stream: zlib._Decompress | None = None
        self._parts: list[bytes] = []
        self._most = self._left = most_bytes
        self._url = url

    def _keep(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise Unsound(f"{self._url} answers with more than {self._most:,} bytes.", "Ask it for less.")
        self._parts.append(data)

    def add(self, data: bytes) -> None:
        """Takes the next bytes. Raises Unsound when they are damaged or too many."""
        if not self._packed:
            self._keep(data)
            return
        try:
            while data:
                if self._stream is None:
                    self._stream = zlib.decompressobj(self._window(data))
                self._keep(self._stream.decompress(data, self._left + 1))
                data = self._stream.unconsumed_tail
                if self._stream.eof:  # a gzip file may hold several one after another
                    data, self._stream = self._stream.unused_data, None
        except zlib.error:
            raise self._damaged() from None

    def _window(self, data: bytes) -> int:
        if self._gzip:
            return 16 + zlib.MAX_WBITS
        # Some servers send what RFC 9110 calls deflate without the zlib header around it.
        return zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS

    def _damaged(self) -> Unsound:
        return Unsound(f"{self._url} packs its answer wrongly.", "Ask again later, or tell its operator.")

    def end(self) -> bytes:
        """The whole body. Raises Unsound when its packing was cut short."""
        if self._stream is not None:
            raise self._damaged()
        return b"".join(self._parts)
