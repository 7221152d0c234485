"""Counts the solutions of a result while the engine writes it, and stops a result that passes its budget."""

from __future__ import annotations

from collections.abc import Callable

from kg.errors import TooLarge

MEND = "Add a LIMIT, or ask for less."
_CHUNK = 256 * 1024  # bytes handed on at once


class Solutions:
    """Counts solutions in the bytes of a form, piece by piece. The engine writes each form in one fixed way."""

    def __init__(self, form: str) -> None:
        self._count = {"json": self._json, "xml": self._xml, "csv": self._csv, "tsv": self._tsv}[form]
        self._header = form in ("csv", "tsv")
        self._found = 0
        self._tail = b""
        self._half = b""  # a backslash whose partner is still to come
        self._inside = False  # a string that the piece before left open

    @property
    def rows(self) -> int:
        """Solutions seen so far."""
        return max(0, self._found - self._header)

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes."""
        self._found += self._count(piece)

    def _outside(self, piece: bytes) -> bytes:
        """What stands outside double quotes, the quotes left out."""
        parts = piece.split(b'"')
        outside = b"".join(parts[self._inside :: 2])
        self._inside ^= len(parts) % 2 == 0
        return outside

    def _tsv(self, piece: bytes) -> int:
        return piece.count(b"\n")

    def _csv(self, piece: bytes) -> int:
        return self._outside(piece).count(b"\n")

    def _xml(self, piece: bytes) -> int:
        text = self._tail + piece
        self._tail = text[1 - len(b"<result>") :]
        return text.count(b"<result>")

    def _json(self, piece: bytes) -> int:
        """Outside strings `[{` opens the first solution and `},{` each other one: no other list holds objects."""
        text = (self._half + piece).replace(b"\\\\", b"")
        self._half = b"\\" if text.endswith(b"\\") else b""
        text = text.removesuffix(b"\\").replace(b'\\"', b"")
        before, text = self._tail, self._tail + self._outside(text)
        self._tail = text[-2:]
        return text.count(b"},{") + text.count(b"[{") - before.count(b"[{")


class Bounded:
    """A file to write to: hands on what is written in large pieces, and refuses what passes a budget."""

    def __init__(self, send: Callable[[bytes], None], most: int, rows: int, solutions: Solutions | None = None) -> None:
        self._send = send
        self._left = most
        self._most_rows = rows
        self._solutions = solutions
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        """Takes bytes. Raises TooLarge once they or the solutions in them are more than the budget."""
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge("The result is larger than what one answer may hold.", MEND)
        self._waiting += data
        if len(self._waiting) >= _CHUNK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Hands on what waits."""
        piece = bytes(self._waiting)
        self._waiting.clear()
        if self._solutions is not None:
            self._solutions.feed(piece)
            check_rows(self._solutions.rows, self._most_rows)
        if piece:
            self._send(piece)


def check_rows(rows: int, most: int) -> None:
    """Raises TooLarge when a result has more rows than the budget."""
    if rows > most:
        raise TooLarge(f"The result has more than {most:,} rows, the most one answer may hold.", MEND)
