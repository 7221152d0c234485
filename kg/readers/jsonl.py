"""actors.jsonl: one actor a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from kg.errors import RefusedInput
from kg.model import Entity
from kg.readers.job import Limits
from kg.readers.records import ACTOR_FIELDS, Builder

_TOLD = {"iri", "source", "licence", "attribution"}  # that an export adds; whoever imports says it of the whole file
_MARK = b"\xef\xbb\xbf"


def _no_constants(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read(
    stream: BinaryIO, builder: Builder, limits: Limits, cluster: bool = False
) -> Iterator[tuple[int, Entity | None]]:
    """(line number, actor or None) for each line; what was wrong is in `builder.findings`."""
    for number, line in enumerate(stream, 1):
        text = line.removeprefix(_MARK) if number == 1 else line
        if text.strip():
            builder.begin(number)
            yield number, _actor(text, number, builder, limits, cluster)


def _actor(line: bytes, number: int, builder: Builder, limits: Limits, cluster: bool) -> Entity | None:
    if number == 1 and line.lstrip().startswith(b"["):
        raise RefusedInput("The file is a JSON list, not JSON Lines.", "Write one actor, one JSON object, a line.")
    if line.count(b"[") + line.count(b"{") > 100 * limits.depth:
        builder.problem("", "The line is nested too deeply or holds too many lists.", "Split it into several lines.")
        return None
    try:
        fields = json.loads(line.decode("utf-8"), parse_constant=_no_constants)
    except UnicodeDecodeError as error:
        builder.problem("", f"The line is not UTF-8: byte {error.start + 1} is wrong.", "Save the file as UTF-8.")
        return None
    except (ValueError, RecursionError) as error:
        builder.problem("", f"The line is not JSON: {error}.", "Write one JSON object a line.")
        return None
    if not isinstance(fields, dict):
        builder.problem("", f"The line holds a {type(fields).__name__}, not an object.", "Write one object a line.")
        return None
    unknown = sorted(set(fields) - ACTOR_FIELDS - _TOLD)
    if cluster:
        fields.setdefault("kind", "cluster")
    actor = builder.actor(fields)
    if unknown:
        names = ", ".join(repr(name)[:40] for name in unknown[:5])
        builder.problem(unknown[0][:40], f"Unknown fields were left out: {names}.", "Rename or remove them.", "warning")
    return actor
