"""Which addresses Filière goes to: URLs read strictly, and what is private, by its numbers.

Source: the IANA registries of special-purpose addresses (RFC 6890); RFC 4291, 6052, 3056 for IPv4 inside IPv6.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from kg.errors import RefusedAddress

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_PORTS = {"http": 80, "https": 443}
_PRINTED = "!$%&'()*+,/:;=?@[]~"  # stays as it is in a path and query
_MOST_CHARACTERS = 32 * 2**10  # a need of 2,000 characters takes up to 24,000 in a query
# Beside what the standard library knows as not global: all of the protocol assignments, the relays of 6to4, and an
# address in the public range at which a cloud answers its own machines.
_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
_V6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: `host` a lower-case name or a bare IP address, `path` with the query, all of it ASCII."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The host as a URL writes it, with the port unless it is the usual one."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"

    @property
    def authority(self) -> str:
        """`host:port`, as an operator names what is allowed."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL again, in one spelling."""
        return f"{'https' if self.tls else 'http'}://{self.host_header}{self.path}"


def read_url(url: str) -> Target:
    """The target of an http or https URL. Raises RefusedAddress saying what is wrong with it."""
    shown = repr(url[:120])
    if len(url) > _MOST_CHARACTERS or any(c <= " " or c in "\x7f\\" for c in url):
        raise RefusedAddress(f"{shown} is too long, or holds a space or control character.", "Write it as a plain URL.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedAddress(f"{shown} is no URL.", "Check its host and port.") from None
    if parts.scheme not in _PORTS:
        raise RefusedAddress(f"{shown} is neither http nor https.", "Other ways to reach out are not taken.")
    if "@" in parts.netloc:
        raise RefusedAddress("A URL with a user name or password is not taken.", "Leave what goes before the @ out.")
    port = _PORTS[parts.scheme] if port is None else port
    if port < 1:
        raise RefusedAddress(f"{shown} names the port {port}.", "Ports go from 1 to 65535.")
    path = quote(parts.path or "/", safe=_PRINTED) + (f"?{quote(parts.query, safe=_PRINTED)}" if parts.query else "")
    return Target(parts.scheme == "https", _host(parts.hostname or "", shown), port, path)


def _host(given: str, shown: str) -> str:
    if ":" in given:
        try:
            return str(ipaddress.IPv6Address(given.replace("%", "-")))  # a zone is for the local link alone
        except ValueError:
            raise RefusedAddress(f"{shown} has no sound IPv6 address.", "Check its host.") from None
    try:
        name = given.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if not _HOST.fullmatch(name):
        raise RefusedAddress(f"{shown} has no sound host name.", "Check its host.")
    return name


def refused(address: str) -> str:
    """Why nobody goes to an IP address unless its operator says so; "" for one on the public net."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "no address"
    if found.version == 6:
        return _refused_v6(found)
    return _refused_v4(found)


def _refused_v4(address: ipaddress.IPv4Address) -> str:
    if address.is_unspecified:
        return "no place"
    if address.is_loopback:
        return "this machine itself"
    if address.is_multicast:
        return "a group, not one machine"
    if address.is_link_local:
        return "on the local link only"
    if not address.is_global or any(address in network for network in _V4):
        return "private or reserved"
    return ""


def _refused_v6(address: ipaddress.IPv6Address) -> str:
    within = address.ipv4_mapped or address.sixtofour
    if within is None and address in _NAT64:
        within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if within is not None:
        return _refused_v4(within)
    if address.is_unspecified:
        return "no place"
    if address.is_loopback:
        return "this machine itself"
    if address.is_multicast:
        return "a group, not one machine"
    if address.is_link_local:
        return "on the local link only"
    if address not in _V6_GLOBAL or address.is_private or any(address in network for network in _V6):
        return "private or reserved"
    # ISATAP (RFC 5214) carries an IPv4 address behind 0:5efe, whatever network it is in.
    if (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE:
        return _refused_v4(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return ""
