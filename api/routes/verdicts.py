"""What the doors of tags and of identity are told: two names in the path, a verdict and a note in the body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import unquote

from fastapi import Request

from kg.errors import RefusedInput, UserError


def named(request: Request, what: str, example: str) -> tuple[str, str]:
    """The two names of the path as it was sent. Raises UserError when it does not have these two parts.

    `what` says what they name, `example` how the address is written.
    """
    path = request.scope.get("raw_path") or request.url.path.encode()
    parts = path.partition(b"?")[0].decode("latin-1").split("/")[2:]
    try:
        one, other = (unquote(part, errors="strict") for part in parts)
    except ValueError as error:  # more or fewer parts, or bytes that are no UTF-8
        raise UserError(
            f"The address does not name {what}.",
            f"Write {example}, each percent-encoded as a whole, with %2F for / in an IRI.",
        ) from error
    return one, other


def verdict(body: bytes, verdicts: Sequence[str]) -> tuple[str, str]:
    """(verdict, note) of the body. Raises RefusedInput."""
    how = f'Send {{"verdict": "{verdicts[0]}", "note": "…"}}; the verdict is one of: {", ".join(verdicts)}.'
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"The body is not JSON ({error}).", how) from error
    if not isinstance(found, dict) or set(found) - {"verdict", "note"}:
        raise RefusedInput("The body is not an object with a verdict and a note.", how)
    said, note = found.get("verdict", ""), found.get("note", "")
    if not isinstance(said, str) or not isinstance(note, str):
        raise RefusedInput("The verdict and the note are texts.", how)
    return said, note
