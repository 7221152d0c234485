"""An actor on its way from one node to another that asks live: a line of actors.jsonl and its IRI, both directions.

What arrives was written by anybody. It is read by the same rules as an import, within bounds, and only believed about
actors in the namespaces that the node may speak about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from kg import mapping
from kg.errors import RefusedInput
from kg.model import Actor, Evidence, Source
from kg.readers.records import ACTOR_FIELDS, Builder

MOST_PIECES = 40  # texts and pieces of evidence of one actor; who is found by others is not helped by more
_LONGEST = 4_000  # bytes of one text; a piece of an actor is matched by its first 600 characters
_IRI = re.compile(r"https?://[^\x00-\x20<>\"{}|\\^`\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]{1,1000}")
_LISTS = ("makes", "processes", "certifications", "sectors", "descriptions", "codes", "identifiers", "clusters")
_MEND = "Tell the operator of that node."


def to_row(actor: Actor, telling: Collection[str] = ()) -> dict[str, Any]:
    """The actor as it is sent. Of more pieces than are taken, those stay that are `telling` (terms of their IRIs)."""
    said = {name: content for name, content in asdict(actor).items() if content not in ("", None, ())}
    first = [e for e in actor.evidence if f"<{e.iri}>" in telling]
    evidence = [*first, *(e for e in actor.evidence if e not in first)]
    left = MOST_PIECES - min(len(evidence), MOST_PIECES // 2)
    for name in _LISTS:
        if name in said:
            said[name] = list(said[name][:left])
            left -= len(said[name])
    if evidence:
        kept = evidence[: MOST_PIECES // 2 + left]
        said["evidence"] = [_evidence(found) for found in actor.evidence if found in kept]
    return said


def _evidence(found: Evidence) -> dict[str, Any]:
    said = {name: content for name, content in asdict(found).items() if content not in ("", ()) and name != "iri"}
    return said | ({"codes": list(found.codes)} if found.codes else {})


def from_row(row: Any, namespaces: Collection[str] | None, forbidden: Collection[str] = ()) -> Actor:
    """The actor that a row describes. Raises RefusedInput saying what is wrong with it.

    `namespaces` are those the node may speak about, None when it does not say which; `forbidden` are ours alone.
    """
    if not isinstance(row, Mapping):
        raise RefusedInput("A row of the evidence is no object.", _MEND)
    name, source = row.get("iri"), row.get("source", "")
    if not isinstance(name, str) or not _IRI.fullmatch(name):
        raise RefusedInput("An actor has no sound IRI.", _MEND)
    if not isinstance(source, str) or len(source) > 200:
        raise RefusedInput(f"{name}: the source is no short text.", _MEND)
    allowed = namespaces is None or any(name.startswith(prefix) for prefix in namespaces)
    if not allowed or any(name.startswith(prefix) for prefix in forbidden):
        raise RefusedInput(f"{name} is not in a namespace that this node may speak about.", _MEND)
    fields = {key: content for key, content in row.items() if key in ACTOR_FIELDS}
    pieces = sum(len(fields[key]) for key in (*_LISTS, "evidence") if isinstance(fields.get(key), list))
    if pieces > 2 * MOST_PIECES:
        raise RefusedInput(f"{name} says more than {2 * MOST_PIECES} things.", _MEND)
    builder = Builder("", Source(id=source, namespace=name.rsplit("/", 1)[0] + "/"), _LONGEST)
    builder.begin(None)
    actor = builder.actor(fields)
    if actor is None:
        wrong = next(finding for finding in builder.findings if finding.severity == "error")
        raise RefusedInput(f"{name}: {wrong.column}: {wrong.reason}", _MEND)
    try:
        # As the graph would give it back, so that it is scored as it would be if it were held here.
        said = mapping.to_statements(replace(actor, iri=name))
    except ValueError as error:
        raise RefusedInput(f"{name} cannot be stated ({error}).", _MEND) from error
    found = mapping.from_statements(name, source, said)
    assert isinstance(found, Actor)
    return found


def from_result(result: Any, namespaces: Collection[str] | None, forbidden: Collection[str] = ()) -> Actor:
    """What a match tells of its actor, from a node that sends no evidence: its reasons' quotes stand for it.

    Raises RefusedInput.
    """
    told = result.get("actor") if isinstance(result, Mapping) else None
    reasons = result.get("reasons", []) if isinstance(result, Mapping) else []
    if not isinstance(told, Mapping) or not isinstance(reasons, list):
        raise RefusedInput("A result names no actor.", _MEND)
    quoted = [
        {"text": r.get("quote"), "lang": r.get("language"), "date": r.get("date"), "url": r.get("url")}
        for r in reasons[:MOST_PIECES]
        if isinstance(r, Mapping)
    ]
    return from_row({**told, "source": "", "evidence": quoted}, namespaces, forbidden)
