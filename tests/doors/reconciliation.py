"""The JSON Schemas of the Reconciliation API, both versions, as validators by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

VERSIONS = ("0.2", "1.0-draft")
# Examples that are of no schema of their own: parts of a manifest, of a result, and the answer of a flyout.
PARTS = ("data-extension-metadata", "flyout-response", "preview-metadata", "reconciliation-candidate",
         "security-scheme", "suggest-metadata")  # fmt: skip


@cache
def validator(folder: Path, version: str, name: str) -> Draft7Validator:
    """The validator of one schema, its references answered by the files beside it."""
    schemas = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / version / "schemas").iterdir())
    ]
    resources = [(schema["$id"], Resource.from_contents(schema, default_specification=DRAFT7)) for schema in schemas]
    registry: Any = Registry().with_resources(resources)
    wanted = json.loads((folder / version / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    # The schemas name a metaschema that is in no registry ("http://json-schema.org/schema#").
    registry = registry.with_resource(
        "http://json-schema.org/schema#", DRAFT7.create_resource(Draft7Validator.META_SCHEMA)
    )
    return Draft7Validator(wanted, registry=registry)


def faults(folder: Path, version: str, name: str, said: Any) -> list[str]:
    """What is wrong with an answer by its schema."""
    return [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
        for e in validator(folder, version, name).iter_errors(said)
    ]


def examples(folder: Path, version: str) -> Iterator[tuple[str, Path]]:
    """(schema, file) of every valid example that has a schema."""
    for path in sorted((folder / version / "examples").glob("*/valid/*.json")):
        if path.parent.parent.name not in PARTS:
            yield path.parent.parent.name, path
