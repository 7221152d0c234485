"""The one place where Filière reaches out to another server: bounded in time and size, to no private address.

The name is resolved once, and the very address that was checked is the one connected to, so that a name server which
changes its mind has no effect; TLS still verifies the name. Redirects are followed by hand, each hop checked anew.
Nothing that the other server sent is repeated in an error.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple
from urllib.parse import urljoin

from kg.addresses import Target, read_url, refused
from kg.errors import Late, RefusedAddress, Unreachable, Unsound, UserError
from kg.wire import Body, TimedSocket, Unpacker

MIB = 2**20
SECONDS = 20.0
MOST_BYTES = 32 * MIB
MOST_REDIRECTS = 3
Resolve = Callable[[str, int], Collection[str]]  # (name, port) → IP addresses
_REDIRECTS = {301, 302, 303, 307, 308}
_SECRETS = {"authorization", "cookie", "proxy-authorization"}  # never told to another host
_OURS = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer: headers by lower-case name, the body unpacked, and the URL that gave it after redirects."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str

    @property
    def media_type(self) -> str:
        """The media type of the body without its parameters, in lower case; "" when none was said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class _Limits(NamedTuple):
    deadline: float  # on the monotonic clock
    seconds: float
    most_bytes: int
    allow: Collection[str]
    resolve: Resolve


def resolve(name: str, port: int) -> list[str]:
    """The addresses the system gives for a name. Raises OSError."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    seconds: float = SECONDS,
    most_bytes: int = MOST_BYTES,
    most_redirects: int = MOST_REDIRECTS,
    allow: Collection[str] = (),
    resolve: Resolve = resolve,
) -> Fetched:
    """The answer of another server, whatever its status, within `seconds` from here to the last byte of its body.

    `most_bytes` bounds the body as sent and as unpacked (gzip, deflate). `allow` names, as `host:port`, what may have a
    private address. A redirect keeps the method and body, but 303 asks again with GET; it never leads from https to
    http, nor between the public net and private addresses, and to another host it takes no credentials along.
    Raises RefusedAddress (our side will not go there) or Unreachable (theirs gave no whole, well-formed answer).
    """
    sent = {name.lower(): text for name, text in (headers or {}).items() if name.lower() not in _OURS}
    for name, text in sent.items():
        if not (name.isascii() and name.replace("-", "").isalnum()) or any(c in text for c in "\r\n\0"):
            raise UserError(f"The header {name[:40]!r} cannot be sent.", "Leave line breaks out of it.")
    limits = _Limits(time.monotonic() + seconds, seconds, most_bytes, allow, resolve)
    target, private = read_url(url), None
    for _ in range(most_redirects + 1):
        addresses = _addresses(target, limits)
        here = any(refused(address) for address in addresses)
        if private is not None and here != private:
            raise RefusedAddress(
                f"{url} redirects to {target.authority}, which is {'private' if here else 'public'}, unlike itself.",
                "Name the address it means, if you trust it.",
            )
        private = here
        found = _ask(target, addresses, method, sent, body, limits)
        if found.status not in _REDIRECTS or "location" not in found.headers:
            return found
        following = _following(target, found.headers["location"])
        if (following.host, following.port) != (target.host, target.port):
            sent = {name: text for name, text in sent.items() if name not in _SECRETS}
        if found.status == 303:
            method, body = "GET", b""
            sent.pop("content-type", None)
        target = following
    raise Unreachable(f"{url} redirects more than {most_redirects} times.", "Name the address it means.")


def _following(target: Target, location: str) -> Target:
    try:
        following = read_url(urljoin(target.url, location))
    except ValueError:
        raise RefusedAddress(f"{target.url} redirects to what is no URL.", "Tell its operator.") from None
    if target.tls and not following.tls:
        raise RefusedAddress(f"{target.url} redirects from https to http.", "Ask its operator to mend that.")
    return following


def _addresses(target: Target, limits: _Limits) -> list[str]:
    """The addresses of a target, all of them checked. Name servers may be slow, so they are asked on the side."""
    out: list[Collection[str] | OSError] = []

    def ask() -> None:
        try:
            out.append(limits.resolve(target.host, target.port))
        except (OSError, UnicodeError) as error:
            out.append(error if isinstance(error, OSError) else OSError(str(error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(max(0.0, limits.deadline - time.monotonic()))
    if not out or isinstance(out[0], OSError) or not out[0]:
        why = "has no address" if out else f"was not found within {limits.seconds:g} seconds"
        raise (Unreachable if out else Late)(f"The name {target.host} {why}.", "Check the name and the network.")
    addresses = list(out[0])
    named = target.authority in limits.allow
    for address in addresses:
        why = "" if named else refused(address)
        if why:
            raise RefusedAddress(
                f"{target.authority} has the address {address}, which is {why}.",
                f"If that is meant, the operator must name {target.authority} as allowed.",
            )
    return addresses


def _ask(
    target: Target, addresses: list[str], method: str, headers: Mapping[str, str], body: bytes, limits: _Limits
) -> Fetched:
    """One request to one of the addresses and its whole answer."""
    try:
        wire = TimedSocket(_connect(target, addresses, limits), limits.deadline, limits.most_bytes, target.url)
        try:
            return _exchange(wire, target, method, headers, body, limits.most_bytes)
        finally:
            wire.close()
    except TimeoutError:
        raise Late(
            f"{target.url} gave no whole answer within {limits.seconds:g} seconds.", "Ask again later, or for less."
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"{target.url} does not prove that it is {target.host} ({error.verify_message}).",
            "Do not go on; tell its operator.",
        ) from None
    except http.client.HTTPException as error:
        raise Unsound(
            f"{target.url} does not answer in well-formed HTTP ({type(error).__name__}).", "Tell its operator."
        ) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Unreachable(
            f"{target.url} cannot be reached ({why}).", "Check the address, or ask again later."
        ) from None


def _connect(target: Target, addresses: list[str], limits: _Limits) -> socket.socket:
    """A connection to the first address that takes one, each given its share of the time. Raises OSError."""
    for at, address in enumerate(addresses):
        left = limits.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        share = left / (len(addresses) - at)
        try:
            plain = socket.create_connection((address, target.port), timeout=share)
        except OSError:
            if at == len(addresses) - 1:
                raise
            continue
        if not target.tls:
            return plain
        plain.settimeout(max(0.001, limits.deadline - time.monotonic()))
        try:
            # An end of data that TLS does not announce may be a cut; it is an error, not an end.
            return _tls().wrap_socket(plain, server_hostname=target.host, suppress_ragged_eofs=False)
        except BaseException:
            plain.close()
            raise
    raise OSError("no address")


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@cache
def _agent() -> str:
    try:
        return f"filiere/{version('filiere')}"
    except PackageNotFoundError:
        return "filiere"


def _exchange(
    wire: TimedSocket, target: Target, method: str, headers: Mapping[str, str], body: bytes, most_bytes: int
) -> Fetched:
    lines = {"host": target.host_header, "user-agent": _agent(), "accept-encoding": "gzip, deflate", "accept": "*/*"}
    lines |= {**headers, "connection": "close"}
    if body or method in ("POST", "PUT"):
        lines["content-length"] = str(len(body))
    head = "".join(f"{name.title()}: {text}\r\n" for name, text in lines.items())
    wire.sendall(f"{method} {target.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + body)
    answer = http.client.HTTPResponse(wire, method=method)  # type: ignore[arg-type]  # it asks for makefile alone
    try:
        answer.begin()
        wire.headers_are_read()
        framing = Body.of(answer, target.url)
        unpacker = Unpacker(answer.headers.get_all("content-encoding") or [], most_bytes, target.url)
        while part := framing.read(answer):
            unpacker.add(part)
        named = {name.lower(): text for name, text in answer.headers.items()}
        return Fetched(answer.status, named, unpacker.end(), target.url)
    finally:
        answer.close()
