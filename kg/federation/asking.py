"""What a harvest asks of another server, within its limits, and what its answers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from kg.addresses import read_url
from kg.errors import RefusedAddress, Unreachable
from kg.federation.registry import Config
from kg.federation.steps import Ended
from kg.fetch import MIB, Fetched, Resolve, fetch, resolve
from kg.readers import files

RDF = (
    "application/n-triples, text/turtle;q=0.9, application/trig;q=0.8, application/ld+json;q=0.7, "
    "application/rdf+xml;q=0.6"
)
MOST_BYTES = 256 * MIB
MOST_DOCUMENT = 16 * MIB  # of what describes, not of what is described
_SUFFIXES = {
    "application/n-triples": ".nt", "text/ntriples": ".nt", "text/turtle": ".ttl", "application/x-turtle": ".ttl",
    "application/trig": ".trig", "application/n-quads": ".nq", "application/ld+json": ".jsonld",
    "application/rdf+xml": ".rdf", "text/csv": ".csv", "text/tab-separated-values": ".tsv",
    "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}  # fmt: skip
_VAGUE = ("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/gzip", "application/x-gzip")
_SETTLED = 2  # seconds; HTTP's dates have no parts of one (RFC 9110, section 8.8.2.2)
_GZIP = b"\x1f\x8b"


class Asking:
    """The requests of one harvest."""

    def __init__(self, config: Config, seconds: float, resolve: Resolve = resolve) -> None:
        self._seconds = seconds
        self._resolve = resolve
        self._allow = (read_url(config.url).authority,) if config.allow_private else ()
        self.requests = 0

    def get(
        self, url: str, accept: str = "*/*", known: Mapping[str, str] | None = None, most_bytes: int = MOST_BYTES
    ) -> Fetched | None:
        """The answer; None when it is what we know already. Raises Ended for one that nothing can be taken from."""
        headers = {"accept": accept}
        known = known or {}
        if "etag" in known:
            headers["if-none-match"] = known["etag"]
        if "modified" in known:
            headers["if-modified-since"] = known["modified"]
        found = self.ask(url, headers, most_bytes=most_bytes)
        if found is None or (known.get("sha256") and known["sha256"] == sha256(found.body)):
            return None
        return found

    def ask(
        self, url: str, headers: Mapping[str, str], body: bytes = b"", most_bytes: int = MOST_BYTES
    ) -> Fetched | None:
        """The answer to a GET, or to a POST where there is a body; None for 304. Raises Ended."""
        self.requests += 1
        try:
            found = fetch(
                url, method="POST" if body else "GET", headers=headers, body=body, seconds=self._seconds,
                most_bytes=most_bytes, allow=self._allow, resolve=self._resolve,
            )  # fmt: skip
        except RefusedAddress as error:
            mend = "Correct the address, or consent with 'filiere sources add … --allow-private'."
            raise Ended("refused", error.problem, mend) from error
        except Unreachable as error:
            raise Ended("stale", error.problem, error.mend) from error
        if found.status == 304:
            return None
        if found.status in (404, 410):
            reason = f"{url} is no longer there (HTTP {found.status}); what it said before is kept."
            raise Ended("gone", reason, "Ask its publisher for the new address, or remove the source.")
        if not 200 <= found.status < 300:
            reason = f"{url} answers with HTTP {found.status}; what it said before is kept."
            raise Ended("stale", reason, "Nothing to do if it passes; otherwise ask its operator.")
        if not found.body.strip():
            raise Ended("stale", f"{url} gives an empty answer; what it said before is kept.", "Ask its operator.")
        return found


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def validators(found: Fetched) -> dict[str, str]:
    """What to send along next time, so that an unchanged answer costs nothing."""
    out = {"sha256": sha256(found.body)}
    for header, name in (("etag", "etag"), ("last-modified", "modified")):
        text = found.headers.get(header, "")
        if text and text.isascii() and len(text) < 300 and (name == "etag" or _settled(found)):
            out[name] = text
    return out


def _settled(found: Fetched) -> bool:
    """Whether a date says which version this is: what changed within the last seconds may change again in the same."""
    try:
        dates = [parsedate_to_datetime(found.headers[name]) for name in ("date", "last-modified")]
        return (dates[0] - dates[1]).total_seconds() >= _SETTLED
    except (KeyError, TypeError, ValueError):
        return False


def suffix(found: Fetched, url: str = "", wanted: str = "") -> str:
    """The suffix for a file with this body, .gz included. Raises Ended for what no reader knows: HTML, images …"""
    beginning = found.body[:1000].lstrip().lower()
    if found.media_type in ("text/html", "application/xhtml+xml") or beginning.startswith(
        (b"<!doctype html", b"<html")
    ):
        raise Ended(
            "refused", f"{found.url} answers with a page (HTML), not with data.", "Name the address of the data."
        )
    named = _SUFFIXES.get(found.media_type, "")
    if not named and found.media_type in (*_VAGUE, "application/json", "application/xml", "text/xml"):
        path = PurePosixPath(unquote(urlsplit(url or found.url).path).lower().removesuffix(".gz")).suffix
        named = path if path in files.SUFFIXES else wanted
    if not named:
        reason = f"{found.url} answers with {found.media_type[:80] or 'data of no type'}, which no reader knows."
        raise Ended("refused", reason, "Name an address of RDF, CSV or XLSX.")
    packed = found.body.startswith(_GZIP)
    return named + (".gz" if packed else "")
