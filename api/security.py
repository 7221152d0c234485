"""Tokens for writing: only their hashes are kept, in tokens.json, readable by its owner alone."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.outcomes import Unauthorised
from kg import disk
from kg.errors import DamagedData, Forbidden, NotFound, UserError, storage_error

_SCOPE = re.compile(r"^write:(\*|[a-z0-9][a-z0-9._-]{0,63})$")
_BYTES = 32  # 256 bits: beyond guessing, so a plain SHA-256 of it needs no salt and no slow hash
_HOW = "Make a token with 'filiere token create --scope write:NAME' and send it as 'Authorization: Bearer TOKEN'."


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored: who it is for, what it allows, and the SHA-256 of its secret."""

    id: str
    scopes: tuple[str, ...]
    note: str
    created: str
    sha256: str


def hash_of(secret: str) -> str:
    """SHA-256 of a token's secret, as 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Tokens:
    """The tokens of a data folder; what another process changes is seen at the next look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._seen: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first. Raises DamagedData when the file cannot be read."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return ()
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp != self._stamp:
            self._seen, self._stamp = self._read(), stamp
        return self._seen

    def _read(self) -> tuple[Token, ...]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))["tokens"]
            return tuple(Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            mend = "Remove it and make the tokens again, or restore it from a backup."
            raise DamagedData(f"{self._path} cannot be read.", mend) from error

    def create(self, scopes: tuple[str, ...], note: str = "") -> tuple[Token, str]:
        """A new token and its secret, which is shown this once. Raises UserError for a wrong scope."""
        for scope in scopes or ("",):
            if not _SCOPE.match(scope):
                raise UserError(f"{scope!r} is no scope.", "Write 'write:NAME' for one source, or 'write:*' for all.")
        secret = "fil_" + secrets.token_urlsafe(_BYTES)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as tokens:
            token = Token(secrets.token_hex(4), scopes, note, now, hash_of(secret))
            self._write((*tokens, token))
        return token, secret

    def revoke(self, token_id: str) -> Token:
        """Makes a token worthless from now on. Raises NotFound."""
        with self._changing() as tokens:
            for token in tokens:
                if token.id == token_id:
                    self._write(tuple(other for other in tokens if other is not token))
                    return token
        raise NotFound(f"There is no token {token_id[:40]!r}.", "See 'filiere token list'.")

    @contextmanager
    def _changing(self) -> Iterator[tuple[Token, ...]]:
        try:
            with self._path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self.all()
        except OSError as error:
            raise storage_error(error, self._path.parent) from error

    def _write(self, tokens: tuple[Token, ...]) -> None:
        said = {"tokens": [asdict(token) for token in tokens]}
        disk.save(self._path, json.dumps(said, indent=1).encode(), 0o600)

    def authorise(self, header: str, source: str) -> Token:
        """The token of an Authorization header, if it may write to `source`. Raises Unauthorised or Forbidden."""
        found = self.known(header)
        if "write:*" not in found.scopes and f"write:{source}" not in found.scopes:
            raise Forbidden(f"This token does not allow writing to the source {source[:80]!r}.", _HOW)
        return found

    def known(self, header: str) -> Token:
        """The token of an Authorization header, whatever it allows. Raises Unauthorised."""
        kind, _, secret = header.partition(" ")
        if kind.casefold() != "bearer" or not secret.strip():
            raise Unauthorised("Writing needs a bearer token.", _HOW)
        given = hash_of(secret.strip())
        found: Token | None = None
        for token in self.all():  # every hash is compared, in constant time
            if hmac.compare_digest(token.sha256, given):
                found = token
        if found is None:
            raise Unauthorised("This token is unknown or was revoked.", _HOW)
        return found
