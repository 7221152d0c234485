"""The document in which a node describes itself: what is written is read back, and what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kg.errors import RefusedInput
from kg.federation.node import Dump, Node, Published, from_json, to_json

ADDRESS = "https://data.clusters.test/.well-known/filiere"
DUMP = Dump("https://data.clusters.test/dumps/fr.nt.gz", "0" * 64, 10, 100, 3, 30, 7)
SOURCE = Published("fr", "https://data.clusters.test/graph/fr", "https://data.clusters.test/id/", 7, 3, dump=DUMP)
NODE = Node("https://data.clusters.test/", 9, title="Clusters", sources=(SOURCE,))


def test_what_is_written_is_read_back() -> None:
    assert from_json(json.dumps(to_json(NODE)).encode(), ADDRESS) == NODE
    assert NODE.source("fr") == SOURCE and NODE.source("de") is None


def test_addresses_may_be_relative_to_the_document() -> None:
    moved = replace(NODE, node="../", endpoints={"feed": "../feed"}, sources=(replace(SOURCE, feed="../feed/fr"),))
    found = from_json(json.dumps(to_json(moved)).encode(), "https://elsewhere.test/folder/.well-known/filiere")
    assert found.node == "https://elsewhere.test/folder/"
    assert found.endpoints == {"feed": "https://elsewhere.test/folder/feed"}
    assert found.sources[0].feed == "https://elsewhere.test/folder/feed/fr"


@pytest.mark.parametrize(
    ("path", "content", "named"),
    [
        (("filiere",), 2, "newer"),
        (("filiere",), "1", "does not describe"),
        (("seq",), True, "seq"),
        (("seq",), -1, "seq"),
        (("node",), None, "node"),
        (("title",), "x" * 5000, "title"),
        (("sources",), {}, "sources"),
        (("endpoints",), [1], "endpoints"),
        (("sources", 0), "fr", "sources[0]"),
        (("sources", 0, "namespace"), 1, "sources[0].namespace"),
        (("sources", 0, "dump", "sha256"), "xyz", "sha256"),
        (("sources", 0, "dump"), 3, "sources[0].dump"),
    ],
)
def test_what_is_wrong_is_named(path: tuple[Any, ...], content: Any, named: str) -> None:
    document = json.loads(json.dumps(to_json(NODE)))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = content
    with pytest.raises(RefusedInput) as caught:
        from_json(json.dumps(document).encode(), ADDRESS)
    assert named in str(caught.value) and ADDRESS in str(caught.value) and caught.value.mend


@pytest.mark.parametrize("data", [b"", b"<html>", b"[" * 100_000, b"[]", b'{"filiere": 1}', b"\xff"])
def test_other_documents_are_refused(data: bytes) -> None:
    with pytest.raises(RefusedInput):
        from_json(data, ADDRESS)
