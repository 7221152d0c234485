"""Rows of a table (CSV or a sheet) to records: headings mapped, lists split, flattened evidence gathered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kg import vocabulary as v
from kg.errors import RefusedInput
from kg.model import Claim, Entity, Recipe, RecipeStep, Source, Text
from kg.readers.job import Job, TableMapping, read_mapping
from kg.readers.records import Builder

_LISTS = ("identifiers", "makes", "processes", "certifications", "sectors", "clusters", "codes")
_SPOKEN = ("makes", "processes", "certifications", "sectors", "descriptions")
_EVIDENCE = ("title", "text", "lang", "date", "buyer", "source", "url", "status", "codes")
_SINGLE = (
    "id name kind country nuts city latitude longitude size website network lang description "
    "members_count members_date members_url"
)
_EXCHANGE = "id kind what lang actor who quantity unit place period note date url"
_RECIPE = "product what kind standard note url lang"
_CLAIM = "id subject kind text lang measure value said_by date url"
_ACTOR = frozenset([*_SINGLE.split(), *_LISTS, *(f"evidence_{name}" for name in _EVIDENCE)])
COLUMNS: dict[str, frozenset[str]] = {
    "actor": _ACTOR,
    "exchange": frozenset(_EXCHANGE.split()),
    "recipe": frozenset(_RECIPE.split()),
    "claim": frozenset(_CLAIM.split()),
}
_NEEDED = {
    "actor": ("id", "name"),
    "exchange": ("id", "what"),
    "recipe": ("product", "what", "kind"),
    "claim": ("subject",),
}
_FAMILY = {"cluster": "actor", "offer": "exchange", "need": "exchange", "figure": "claim"}
_SUFFIXED = re.compile(r"^(description|makes|processes|certifications|sectors)_([a-z]{2})$")
Cells = Iterable[tuple[int, list[str]]]  # (row as a spreadsheet counts, its cells)


def family(record: str) -> str:
    """The set of columns a kind of record uses."""
    return _FAMILY.get(record, record)


def load_mapping(job: Job) -> TableMapping:
    """The job's mapping, or one that takes headings as they are. Raises RefusedInput naming the culprit."""
    known = COLUMNS.get(family(job.record), frozenset())
    return read_mapping(job.mapping, known) if job.mapping else TableMapping()


def read(rows: Cells, job: Job, source: Source, builder: Builder) -> Iterator[tuple[int, Entity | None]]:
    """(row, record or None) for each row below the heading; what was wrong is in `builder.findings`.

    Raises RefusedInput when there is no heading or a column that every record needs is missing.
    """
    mapping = load_mapping(job)
    kind = family(job.record)
    numbered = iter(rows)
    heading = next(numbered, None)
    if heading is None or not any(cell.strip() for cell in heading[1]):
        mend = f"Columns are: {', '.join(sorted(COLUMNS[kind]))}."
        raise RefusedInput("The table is empty: it has no heading.", mend)
    columns = _columns(heading[1], kind, mapping)
    width = len(heading[1])
    if kind == "recipe":
        yield from _recipes(numbered, columns, mapping, source, builder)
        return
    for number, cells in numbered:
        if not any(cell.strip() for cell in cells):
            continue
        builder.begin(number)
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            builder.problem(
                "", f"The row has {len(cells)} cells, the heading {width}.", "Quote cells that hold the delimiter."
            )
            yield number, None
            continue
        fields = _fields(cells, columns, mapping)
        if kind == "actor":
            yield from _actor(number, fields, job, mapping, builder)
        elif kind == "exchange":
            yield number, builder.exchange(fields, job.record)
        else:
            yield number, builder.claim(fields, "figure" if job.record == "figure" else "statement")


def _columns(heading: list[str], kind: str, mapping: TableMapping) -> dict[str, int]:
    found: dict[str, int] = {}
    named = {theirs.casefold().strip(): ours for theirs, ours in mapping.columns.items()}
    for position, cell in enumerate(heading):
        theirs = cell.strip()
        ours = named.get(theirs.casefold(), theirs.casefold().replace(" ", "_"))
        if not ours:
            continue
        if ours in found:
            raise RefusedInput(
                f"Two columns are called {ours!r} (columns {found[ours] + 1} and {position + 1}).",
                "Rename one of them.",
            )
        found[ours] = position
    absent = [name for name in _NEEDED[kind] if name not in found and name not in mapping.defaults]
    if absent:
        seen = ", ".join(repr(cell.strip())[:40] for cell in heading[:20])
        raise RefusedInput(
            f"The column {absent[0]!r} is missing; the heading says {seen}.",
            "Rename the columns, or name them in a mapping file (--mapping) below [columns].",
        )
    return found


def _fields(cells: list[str], columns: dict[str, int], mapping: TableMapping) -> dict[str, str]:
    fields = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
    for name, text in mapping.defaults.items():
        if not fields.get(name, "").strip():
            fields[name] = text
    return fields


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _actor(
    number: int, fields: dict[str, str], job: Job, mapping: TableMapping, builder: Builder
) -> Iterator[tuple[int, Entity | None]]:
    lang = fields.get("lang", "").strip()
    record: dict[str, Any] = {name: text for name, text in fields.items() if name not in _LISTS}
    if job.record == "cluster" and not record.get("kind"):
        record["kind"] = "cluster"
    for name in _LISTS:
        spoken = mapping.languages.get(name, lang if name in _SPOKEN else "")
        parts = _split(fields.get(name, ""))
        record[name] = [{"text": part, "lang": spoken} for part in parts] if name in _SPOKEN else parts
    descriptions = [{"text": fields["description"], "lang": lang}] if fields.get("description", "").strip() else []
    for name, text in fields.items():
        match = _SUFFIXED.match(name)
        if match and text.strip():
            if match.group(1) == "description":
                descriptions.append({"text": text, "lang": match.group(2)})
            else:
                record[match.group(1)] += [{"text": part, "lang": match.group(2)} for part in _split(text)]
    record["descriptions"] = descriptions
    evidence: dict[str, Any] = {
        name: fields[f"evidence_{name}"] for name in _EVIDENCE if fields.get(f"evidence_{name}", "").strip()
    }
    if "codes" in evidence:
        evidence["codes"] = _split(evidence["codes"])
    if "text" in evidence or "title" in evidence:
        evidence.setdefault("lang", lang)
    record["evidence"] = [evidence] if evidence else []
    actor = builder.actor(record)
    yield number, actor
    members = fields.get("members_count", "").strip()
    if actor is not None and members:
        yield number, _members(builder, actor.id, members, fields)


def _members(builder: Builder, subject: str, members: str, fields: dict[str, str]) -> Claim | None:
    return builder.claim(
        {
            "subject": subject,
            "kind": "figure",
            "measure": "members",
            "value": members,
            "text": f"{members} members",
            "lang": "en",
            "date": fields.get("members_date") or fields.get("evidence_date"),
            "url": fields.get("members_url") or fields.get("evidence_url"),
        },
        "figure",
    )


def _recipes(
    rows: Cells, columns: dict[str, int], mapping: TableMapping, source: Source, builder: Builder
) -> Iterator[tuple[int, Entity | None]]:
    """Steps gathered by product; a recipe bears the number of its first row."""
    steps: dict[Text, list[RecipeStep]] = {}
    first: dict[Text, int] = {}
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        builder.begin(number)
        found = builder.step(_fields(cells, columns, mapping))
        if found is None:
            yield number, None
            continue
        product, step = found
        steps.setdefault(product, []).append(step)
        first.setdefault(product, number)
    builder.begin(None)
    namespace = source.namespace or v.source_namespace(source.id)
    for product, parts in steps.items():
        local = re.sub(r"[^a-z0-9]+", "-", product.text.casefold()).strip("-")
        local = local or hashlib.sha256(product.text.encode()).hexdigest()[:16]
        unique = tuple(dict.fromkeys(parts))
        yield first[product], Recipe(v.mint(namespace, "recipe", local), source.id, local, product, unique)
