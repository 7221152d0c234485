"""Servers on loopback that answer byte by byte as a test says: well, wrongly, slowly, or without end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

# A key that protects nothing, and its certificate for the name filiere.test until 2126.
CERTIFICATE = Path(__file__).parent / "self_signed.pem"


class Asked(NamedTuple):
    """A request as a server saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Callable[[bytes], None], Asked], None]  # (send, the request)


class Server:
    """Where it listens, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.authority = f"127.0.0.1:{port}"
        self.url = f"http://{self.authority}/"
        self.asked: list[Asked] = []


def _read(connection: socket.socket) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): text for name, text in (field.split(": ", 1) for field in fields)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Asked(line, headers, body)


@contextmanager
def serving(script: Script, *, tls: bool = False) -> Iterator[Server]:
    """A server that answers each request by a script, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    ending = threading.Event()

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) if tls else plain as connection:

            def send(data: bytes) -> None:
                if ending.is_set():
                    raise OSError
                connection.sendall(data)

            asked = _read(connection)
            server.asked.append(asked)
            script(send, asked)

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield server
    finally:
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)  # or a thread that waits in accept takes one more
        listener.close()


def answer(body: bytes, *more: str, status: str = "200 OK", media: str = "text/plain") -> bytes:
    """A whole well-formed answer, with more header lines."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


def says(data: bytes) -> Script:
    """A script that sends some bytes and is done."""
    return lambda send, _: send(data)


def drips(head: bytes, drop: bytes, seconds: float = 0.05) -> Script:
    """A script that never ends: the head, then a drop again and again."""

    def script(send: Callable[[bytes], None], _: Asked) -> None:
        send(head)
        while True:
            send(drop)
            time.sleep(seconds)

    return script


def redirects(location: str, status: int = 302) -> Script:
    """A script that sends elsewhere."""
    return says(f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
