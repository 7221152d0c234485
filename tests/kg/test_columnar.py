"""Columns give the answers that the engine gives, or none."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from kg import rdf
from kg.rdf import RdfFormat, Store
from kg.sparql import columnar, columns
from tests.kg.queries import Chance

QUERIES = 100  # of each graph


class Collected:
    """What an answer writes."""

    def __init__(self) -> None:
        self.body = b""

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def answer(store: Store, query: str, form: str = "json") -> bytes:
    out = Collected()
    rdf.answer(store, query, form, out, rdf.Dataset())
    return out.body


def rows(body: bytes, *, ordered: bool) -> tuple[list[str], object]:
    found = json.loads(body)
    lines = [json.dumps(row, sort_keys=True) for row in found["results"]["bindings"]]
    return found["head"]["vars"], lines if ordered else Counter(lines)


def graph(
    folder: Path, text: str, form: RdfFormat = RdfFormat.TURTLE, base: str | None = None
) -> tuple[Store, columnar.Columnar | None]:
    """A store with a graph in its default graph, and its columns in a folder that stands for its snapshot."""
    store, snapshot = Store(), folder / "000000000001"
    store.bulk_load(text.encode(), format=form, base_iri=base)
    snapshot.mkdir()
    columns.build(snapshot, store)
    return store, columnar.opened_in(snapshot)


def compare(folder: Path, seed: int, count: int) -> tuple[int, int]:
    """(answered, with rows) of random queries over one random graph; an answer that is not the engine's fails."""
    chance = Chance(seed)
    store, view = graph(folder, chance.graph())
    answered = held = 0
    if view is None:
        return 0, 0
    for _ in range(count):
        query, ordered = chance.query()
        rewritten = view.rewritten(query, few=-1)
        if rewritten is None:
            continue
        answered += 1
        theirs = rows(answer(store, query), ordered=ordered)
        held += bool(theirs[1])
        assert rows(answer(Store(), rewritten), ordered=ordered) == theirs, f"seed {seed}: {query}\n{rewritten}"
    return answered, held


@pytest.mark.parametrize("seed", range(30))
def test_random_queries_are_answered_as_the_engine_does(seed: int, tmp_path: Path) -> None:
    answered, held = compare(tmp_path, seed, QUERIES)
    assert answered >= QUERIES // 10 and held  # else the comparison is of nothing


ACCEPTED = 40  # of the W3C query tests over the default graph; fewer would mean that columns answer less


def w3c(folder: Path) -> list[tuple[str, Path, Path]]:
    """(name, query, data) of the W3C's query evaluation tests over one default graph."""
    store = Store()
    for manifest in folder.glob("*/manifest.ttl"):
        store.bulk_load(manifest.read_bytes(), format=RdfFormat.TURTLE, base_iri=manifest.resolve().as_uri())
    query = """
        PREFIX mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#>
        PREFIX qt: <http://www.w3.org/2001/sw/DataAccess/tests/test-query#>
        SELECT ?test ?query ?data { ?test a mf:QueryEvaluationTest ; mf:action ?a . ?a qt:query ?query ; qt:data ?data
          FILTER NOT EXISTS { ?a qt:graphData ?g } }"""
    rows = rdf.select(store, query)
    return sorted((row["test"], local(row["query"]), local(row["data"])) for row in rows)


def local(iri: str) -> Path:
    return Path(url2pathname(urlsplit(iri[1:-1]).path))


def test_the_queries_of_the_w3c_are_answered_as_the_engine_does(shared_data: Path, tmp_path: Path) -> None:
    answered = 0
    for number, (name, query, data) in enumerate(w3c(shared_data.parent / "conformance" / "sparql11")):
        text = query.read_text(encoding="utf-8")
        folder = tmp_path / str(number)
        folder.mkdir()
        form = rdf.FORMATS[data.suffix]
        store, view = graph(folder, data.read_text(encoding="utf-8"), form, base=data.as_uri())
        rewritten = view.rewritten(text, few=-1) if view else None
        if rewritten is not None:
            answered += 1
            ordered = "ORDER BY" in text
            ours = rows(answer(Store(), rewritten), ordered=ordered)
            assert ours == rows(answer(store, text), ordered=ordered), name
    assert answered >= ACCEPTED


@pytest.mark.parametrize(
    "call", ["geof:minX(?w) > 3", "geof:distance(?w, 'POINT(5 45)'^^geo:wktLiteral, uom:metre) < 9e4"]
)
def test_functions_of_our_own_mean_the_same_in_columns(call: str, tmp_path: Path) -> None:
    prefixes = """PREFIX geo: <http://www.opengis.net/ont/geosparql#>
        PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
        PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>"""
    name, of = "http://www.opengis.net/ont/geosparql#wktLiteral", "<http://www.opengis.net/ont/geosparql#asWKT>"
    points = "".join(f'<x:{n}> {of} "POINT({n} 45)"^^<{name}> .\n' for n in range(9))
    store, view = graph(tmp_path, points, RdfFormat.N_TRIPLES)
    query = f"{prefixes} SELECT ?s {{ ?s geo:asWKT ?w FILTER({call}) }}"
    assert view is not None
    rewritten = view.rewritten(query, few=-1)
    assert rewritten is not None
    ours, theirs = (rows(answer(*asked), ordered=False) for asked in ((Store(), rewritten), (store, query)))
    assert ours == theirs and ours[1]


def test_a_snapshot_on_disk_has_the_same_columns(tmp_path: Path) -> None:
    text = Chance(11).graph().replace("[]", ":blank")  # whose label would be another each time
    live = Store(str(tmp_path / "live"))
    live.bulk_load(text.encode(), format=RdfFormat.TURTLE)
    snapshot = tmp_path / "000000000002"
    live.backup(str(snapshot))
    assert columns.build(snapshot) and columns.build(snapshot)
    graph(tmp_path, text)
    for file in (snapshot / columns.FOLDER).iterdir():
        if file.name != "columns.json":
            assert file.read_bytes() == (tmp_path / "000000000001" / columns.FOLDER / file.name).read_bytes()


def test_damaged_columns_are_left_alone(tmp_path: Path) -> None:
    graph(tmp_path, Chance(7).graph())
    snapshot = tmp_path / "000000000001"
    assert columnar.opened_in(snapshot) is not None
    for file in sorted((snapshot / columns.FOLDER).iterdir()):
        whole = file.read_bytes()
        for damaged in (whole[:-1], bytes([whole[0] ^ 1]) + whole[1:], b""):
            file.write_bytes(damaged)
            assert columnar.opened_in(snapshot) is None, file.name
        file.write_bytes(whole)
    assert columnar.opened_in(snapshot) is not None
    moved = snapshot.rename(tmp_path / "000000000002")
    assert columnar.opened_in(moved) is None  # of another seq


def main() -> None:
    """A long run: python -m tests.kg.test_columnar FIRST_SEED SEEDS FOLDER."""
    answered = held = 0
    for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
        folder = Path(sys.argv[3]) / str(seed)
        folder.mkdir(parents=True)
        more = compare(folder, seed, QUERIES)
        answered, held = answered + more[0], held + more[1]
    print(f"{answered} of {int(sys.argv[2]) * QUERIES} answered, {held} with rows, all as the engine does")


if __name__ == "__main__":
    main()
