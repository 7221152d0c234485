"""What a server is told that asks who we are: Basic (RFC 7617) and Digest (RFC 7616, with qop=auth)."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

_FIELD = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password; an empty name means that there are none."""

    user: str = ""
    password: str = field(default="", repr=False)

    def answer(self, challenge: str, method: str, path: str) -> str:
        """The Authorization header that answers a WWW-Authenticate header; "" when none can.

        `path` is the request's, with its query.
        """
        scheme, _, rest = challenge.strip().partition(" ")
        if not self.user:
            return ""
        if scheme.lower() == "basic":
            return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"
        told = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(rest)}
        algorithm = told.get("algorithm", "MD5").upper()
        offered = [part.strip() for part in told.get("qop", "").split(",")]
        if scheme.lower() != "digest" or algorithm not in _HASHES or "auth" not in offered or "nonce" not in told:
            return ""

        def hashed(*parts: str) -> str:
            return _HASHES[algorithm](":".join(parts).encode()).hexdigest()

        count, ours, nonce, realm = "00000001", uuid4().hex, told["nonce"], told.get("realm", "")
        secret = hashed(self.user, realm, self.password)
        response = hashed(secret, nonce, count, ours, "auth", hashed(method, path))
        lines = {"username": self.user, "realm": realm, "nonce": nonce, "uri": path, "response": response}
        lines |= {"cnonce": ours} | ({"opaque": told["opaque"]} if "opaque" in told else {})
        quoted = ", ".join(f'{name}="{text}"' for name, text in lines.items())
        return f"Digest {quoted}, algorithm={algorithm}, qop=auth, nc={count}"
