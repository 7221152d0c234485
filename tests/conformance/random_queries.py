"""Random queries, answered by the query pool and by rdflib: python -m tests.conformance.random_queries [--count N]."""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import rdflib

from kg.rdf import RdfFormat, Store
from kg.sparql.pool import QueryPool
from tests.conformance import answers
from tests.conformance.answers import XSD, Row, Solutions, Term
from tests.conformance.grammar import Grammar, Query, dataset

NUMERIC = {XSD + name for name in ("integer", "decimal", "double", "float")}
EACH = 40  # queries over one dataset


@dataclass
class Outcome:
    """How many were compared, how many were left out by reason, and what differs: (query, data, difference)."""

    compared: int = 0
    empty: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    different: list[tuple[str, str, str]] = field(default_factory=list)


def run(count: int, seed: int, folder: Path) -> Outcome:
    """Compares `count` queries; the same seed makes the same queries."""
    warnings.simplefilter("ignore")
    chance, outcome = random.Random(seed), Outcome()
    for number in range(0, count, EACH):
        data = dataset(chance)
        grammar = Grammar(chance)
        theirs = rdflib.Dataset(default_union=True)
        theirs.parse(data=data, format="nquads")
        with pool(folder / str(number + 1), data) as ours:
            for _ in range(min(EACH, count - number)):
                query = grammar.query()
                compare(query, data, ours, theirs, outcome)
    return outcome


@contextmanager
def pool(folder: Path, data: str) -> Iterator[QueryPool]:
    """A query pool over a snapshot that holds the data."""
    store = Store(str(folder))
    store.load(data.encode(), format=RdfFormat.N_QUADS)
    store.flush()
    del store
    queries = QueryPool(lambda: folder)
    try:
        yield queries
    finally:
        queries.close()


def compare(query: Query, data: str, ours: QueryPool, theirs: rdflib.Dataset, outcome: Outcome) -> None:
    """Counts one query in the outcome."""
    try:
        found = theirs.query(query.whole or query.text)
        expected = list(found) if query.kind == "select" else found
    except Exception as error:
        outcome.excused[f"rdflib gives up: {type(error).__name__}"] += 1
        return
    answer = ours.query(query.text, "nt" if query.kind == "graph" else "json")
    wrong = difference(query, found, expected, answer.body)
    if not wrong:
        outcome.compared += 1
        outcome.empty += not expected
        return
    reason = excuse(query, wrong)
    if reason:
        outcome.excused[reason] += 1
    else:
        outcome.different.append((query.text, data, wrong))


def difference(query, found, expected, body):
    if query.kind == "ask":
        ours = answers.solutions(body, "application/sparql-results+json").boolean
        return "" if ours == found.askAnswer else f"rdflib {found.askAnswer}, ours {ours}"
    if query.kind == "graph":
        graph = rdflib.Graph()
        graph.parse(data=body, format="nt")
        return answers.graph_difference(legal(found.graph), graph)
    names = tuple(str(v) for v in found.vars)
    wanted = Solutions(names, tuple(tuple(None if t is None else rounded(answers.of_rdflib(t)) for t in row) for row in expected))
    got = answers.solutions(body, "application/sparql-results+json")
    got = Solutions(got.variables, tuple(tuple(None if t is None else rounded(t) for t in row) for row in got.rows))
    if query.limit is not None or query.offset:
        return cut_difference(query, wanted, got)
    return answers.difference(wanted, got) or misordered(query, got)


def rounded(term):
    if term.datatype == XSD + "decimal":
        return Term("literal", str(round(Decimal(term.text), 9).normalize() + 0), term.datatype)
    if term.kind == "literal" and "|" in term.text:
        return Term("literal", "|".join(sorted(term.text.split("|"))), term.datatype, term.language)
    return term


def cut_difference(query: Query, wanted: Solutions, got: Solutions) -> str:
    """What is wrong with a part of the rows: too few, rows from nowhere, or rows that others go before."""
    places = [got.variables.index(name) for name in wanted.variables]
    rows = [tuple(row[place] for place in places) for row in got.rows]
    whole = len(wanted.rows)
    most = max(0, whole - query.offset)
    if len(rows) != (most if query.limit is None else min(most, query.limit)):
        return f"{len(rows)} rows of {whole}"
    veiled = Counter(map(answers._veiled, rows))
    strange = veiled - Counter(map(answers._veiled, wanted.rows))
    if strange:
        return f"rows from nowhere: {list(strange)[:3]}"
    left = list((Counter(map(answers._veiled, wanted.rows)) - veiled).elements())
    ours = Solutions(wanted.variables, tuple(rows))
    for row in rows if not query.offset else []:
        for other in left:
            if precedes(query, ours, other, row):
                return f"{other} was left out, and goes before {row}"
    return misordered(query, ours)


def misordered(query: Query, got: Solutions) -> str:
    """Two rows side by side in the wrong order, or ""."""
    for one, next_ in pairwise(got.rows):
        if precedes(query, got, next_, one):
            return f"{next_} comes after {one}"
    return ""


def precedes(query: Query, solutions: Solutions, one: Row, other: Row) -> bool:
    """Whether a row surely goes before another. Source: SPARQL 1.1 Query, section 15.1; what it leaves open is False."""
    for name, descending in query.keys:
        place = solutions.variables.index(name[1:])
        first, second = rank(one[place]), rank(other[place])
        if first[0] != second[0]:
            return (first[0] < second[0]) != descending
        if first[1] != second[1] or first[2] is None:
            return False  # two literals of kinds that the standard does not order
        if first[2] != second[2]:
            return (first[2] < second[2]) != descending
    return False


def rank(term: Term | None) -> tuple[int, str, object]:
    """(class, kind within the class, value): unbound, blank nodes, IRIs, literals."""
    if term is None:
        return 0, "", ""
    if term.kind != "literal":
        return (1, "", None) if term.kind == "blank" else (2, "", term.text)
    if term.datatype in NUMERIC:
        return 3, "number", float(term.text)
    if term.datatype == "" and not term.language:
        return 3, "string", term.text
    return 3, term.datatype or "language", None


def legal(graph: rdflib.Graph) -> rdflib.Graph:
    """The triples that are RDF; rdflib also constructs those with a literal for a subject."""
    out = rdflib.Graph()
    for s, p, o in graph:
        if not isinstance(s, rdflib.Literal) and isinstance(p, rdflib.URIRef):
            out.add((s, p, o))
    return out


def excuse(query, wrong):
    if re.fullmatch(r"missing \[\], too many \[(\((None,?)?( None,?)*\)(, )?)+\]", wrong):
        return "rdflib leaves out rows in which nothing is bound"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--show", type=int)
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(given.count, given.seed, Path(folder))
    print(outcome.compared, "same", outcome.empty, "empty", dict(outcome.excused))
    for text, data, wrong in outcome.different[:int(sys.argv[-1]) if sys.argv[-2] == '--show' else 12]:
        print(f"--- {text.split('Schema#>')[1]}\n    {wrong[:500]}")
    print(len(outcome.different), "different")


if __name__ == "__main__":
    main()
