"""Messages between the service and a child: a length (4 bytes, big-endian) and JSON, then the body it announces."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

HEAD = struct.Struct(">I")


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message without a body, or None at the end."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    found: dict[str, Any] = json.loads(stream.read(HEAD.unpack(head)[0]))
    return found


def packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    """A message as it goes over the pipe."""
    text = json.dumps(head).encode()
    return HEAD.pack(len(text)) + text + body


def write(stream: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Sends a message."""
    stream.write(packed(head, body))
    stream.flush()
