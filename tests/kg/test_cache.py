"""Answers that are kept: for whom, how long, and how many."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from kg.rdf import RdfFormat, Store
from kg.sparql.cache import Cache
from kg.sparql.pool import Budget, QueryPool, QueryResult

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def result(size: int) -> QueryResult:
    return QueryResult(b"x" * size, "text/csv", 1, "select")


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    cache = Cache(20_000)
    for name in "abcdefghij":
        cache.put(name, result(1_000))
    assert cache.get("a") is not None
    cache.put("k", result(1_000))
    assert [cache.get(name) is not None for name in "abk"] == [True, False, True]
    for _ in range(100):
        cache.put("k", result(1_400))
    assert sum(cache.get(name) is not None for name in "abcdefghijk") >= 8
    cache.put("large", result(19_000))
    assert cache.get("large") is None


@pytest.mark.parametrize("call", ["NOW()", "rand()", "UUID()", "STRUUID()", "BNODE()"])
def test_what_is_another_answer_each_time_is_not_kept(call: str) -> None:
    cache = Cache(1_000_000)
    assert not cache.takes(f"SELECT ({call} AS ?x) {{}}")
    assert cache.takes(f"SELECT ('{call}' AS ?x) {{}}")
    assert not Cache(0).takes(COUNT)


def snapshot(folder: Path, triples: str) -> Path:
    live = Store(str(folder / "live"))
    live.clear()
    live.bulk_load(triples.encode(), format=RdfFormat.N_TRIPLES)
    target = folder / "000000000001"
    shutil.rmtree(target, ignore_errors=True)
    live.backup(str(target))
    return target


def test_a_kept_answer_is_of_the_graph_as_it_stands_even_at_the_same_seq(tmp_path: Path) -> None:
    where = snapshot(tmp_path, "<x:a> <x:p> <x:b> .\n")
    pool = QueryPool(lambda seq: where, Budget(cache_bytes=1_000_000), workers=1)
    try:
        first = pool.query(COUNT, "csv")
        assert first.body == b"n\r\n1\r\n"
        assert pool.query(COUNT, "csv") is first
        assert pool.query(COUNT, "tsv").body == b"?n\n1\n"
        snapshot(tmp_path, "<x:a> <x:p> <x:b> .\n<x:a> <x:p> <x:c> .\n")
        assert pool.query(COUNT, "csv").body == b"n\r\n2\r\n"
    finally:
        pool.close()


def test_columns_come_to_stand_while_queries_are_answered(tmp_path: Path) -> None:
    where = snapshot(tmp_path, "".join(f"<x:{n}> <x:p> <x:{n % 7}> .\n" for n in range(100)))
    pool = QueryPool(lambda seq: where, workers=1)
    query = "SELECT ?o (COUNT(?s) AS ?n) { ?s <x:p> ?o } GROUP BY ?o ORDER BY ?o"
    try:
        before = [pool.query(query, "csv").body for _ in range(6)]
        end = time.monotonic() + 60
        while not (where / "columns").is_dir():
            assert time.monotonic() < end
            time.sleep(0.05)
        after = pool.query(query, "csv").body
        (child,) = pool.pids()  # the same one, confined since before there were columns
        assert "columns/terms.bin" in Path(f"/proc/{child}/maps").read_text(encoding="utf-8")
        assert {after, *before} == {before[0]} and after.count(b"\r\n") == 8
    finally:
        pool.close()
