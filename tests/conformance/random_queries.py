"""Random queries, answered by the query pool and by rdflib: python -m tests.conformance.random_queries [--count N].

The two may not differ. What rdflib is known to answer otherwise than the standard is left out of the grammar, or
counted with its reason:

- a solution in which nothing is bound is lost (an aggregate of nothing, a group without variables; 18.5);
- a row that both sides of a UNION give counts once where it is joined (18.5);
- CONSTRUCT gives triples with literals as subjects (16.2 leaves them out), which are taken out before graphs meet.

Left out of the grammar, since rdflib answers otherwise: SELECT * over MINUS and EXISTS, whose variables it shows
(18.2.1); sub-selects that hide a variable of the group around them, and MINUS within a group, both of which see what is
bound outside (18.2.4.4, 18.5); functions of what may be unbound or a blank node, which it does not make errors (17.2,
17.4.2.5); IN with numbers of two types (17.4.1.9); errors beside && and || (17.2); EXISTS within a group (18.6);
casts of fractions to integers and Booleans (17.5); !^:p (18.4); aggregates of what may be unbound (18.5.1); sub-selects
that give a row twice (18.5).

Left out since the engine answers otherwise: sub-selects in GRAPH ?g, paths of no step from a term that is nowhere, and
how often a path with alternatives gives the same pair (18.4), which is why compound paths are asked for distinct pairs.
"""

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
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import rdflib

from kg.rdf import RdfFormat, Store
from kg.sparql.pool import QueryPool
from tests.conformance import answers
from tests.conformance.answers import XSD, Row, Solutions, Term
from tests.conformance.grammar import Grammar, Query, dataset

EACH = 40  # queries over one dataset
NUMERIC = {XSD + name for name in ("integer", "decimal", "double", "float")}
JSON = "application/sparql-results+json"


@dataclass
class Outcome:
    """How many were the same, and of those empty; what was left out, by reason; what differs and how."""

    same: int = 0
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
                compare(grammar.query(), data, ours, theirs, outcome)
    return outcome


@contextmanager
def pool(folder: Path, data: str) -> Iterator[QueryPool]:
    """A query pool over a snapshot that holds the data in named graphs, and their union in the default graph."""
    store = Store(str(folder))
    union = re.sub(r" <\S+> \.\n", " .\n", data)
    store.load((data + union).encode(), format=RdfFormat.N_QUADS)
    store.flush()
    del store
    queries = QueryPool(lambda seq: folder)
    try:
        yield queries
    finally:
        queries.close()


def compare(query: Query, data: str, ours: QueryPool, theirs: rdflib.Dataset, outcome: Outcome) -> None:
    """Counts one query in the outcome."""
    try:
        found = theirs.query(query.whole or query.text)
        rows = list(found) if query.kind == "select" else []
    except Exception as error:
        outcome.excused[f"rdflib gives up ({type(error).__name__})"] += 1
        return
    body = ours.query(query.text, "nt" if query.kind == "graph" else "json").body
    wrong = difference(query, found, rows, body)
    if not wrong:
        outcome.same += 1
        outcome.empty += query.kind == "select" and not rows
    elif query.kind == "select" and lost(query, wrong, rows, body):
        outcome.excused["rdflib loses solutions in which nothing is bound"] += 1
    elif " UNION " in query.text and not difference(query, found, rows, body, often=False):
        outcome.excused["rdflib loses rows that both sides of a UNION give"] += 1
    else:
        outcome.different.append((query.text, data, wrong))


def lost(query: Query, wrong: str, rows: list[Any], body: bytes) -> bool:
    """Whether the difference is that rdflib leaves out solutions in which nothing is bound."""
    nothing = sum(not any(row) for row in answers.solutions(body, JSON).rows)
    if query.limit is not None:
        return nothing > sum(not any(row) for row in rows)
    return re.fullmatch(r"missing \[\], too many \[(\((None,)?( None,?)*\)(, )?)+\]", wrong) is not None


def difference(query: Query, found: Any, rows: list[Any], body: bytes, *, often: bool = True) -> str:
    """What our answer says otherwise than rdflib's, or ""; without `often` each row counts once."""
    if query.kind == "ask":
        ours = answers.solutions(body, JSON).boolean
        return "" if ours == found.askAnswer else f"rdflib {found.askAnswer}, ours {ours}"
    if query.kind == "graph":
        graph = rdflib.Graph()
        graph.parse(data=body, format="nt")
        return answers.graph_difference(legal(found.graph), graph)
    names = tuple(str(name) for name in found.vars)
    theirs = tuple(tuple(None if one is None else rounded(answers.of_rdflib(one)) for one in row) for row in rows)
    ours = answers.solutions(body, JSON)
    ours = Solutions(ours.variables, tuple(tuple(one and rounded(one) for one in row) for row in ours.rows))
    if not often:
        ours, theirs = Solutions(ours.variables, tuple(set(ours.rows))), tuple(set(theirs))
        query = replace(query, keys=())
    if query.limit is not None or query.offset:
        return cut_difference(query, Solutions(names, theirs), ours)
    return answers.difference(Solutions(names, theirs), ours) or misordered(query, ours)


def rounded(term: Term) -> Term:
    """A decimal to nine places, since the standard leaves its precision open; a concatenation in one order.

    A whole number counts as an integer: rdflib takes a product of integers for a decimal, and ROUND for an integer.
    """
    if term.datatype == XSD + "decimal":
        number = round(Decimal(term.text), 9)
        if number == int(number):
            return Term("literal", str(int(number)), XSD + "integer")
        return Term("literal", str(number.normalize()), term.datatype)
    if term.kind == "literal" and "|" in term.text:
        return Term("literal", "|".join(sorted(term.text.split("|"))), term.datatype, term.language)
    return term


def legal(graph: rdflib.Graph) -> rdflib.Graph:
    """The triples that are RDF."""
    out = rdflib.Graph()
    for s, p, o in graph:
        if not isinstance(s, rdflib.Literal) and isinstance(p, rdflib.URIRef):
            out.add((s, p, o))
    return out


def cut_difference(query: Query, wanted: Solutions, got: Solutions) -> str:
    """What is wrong with a part of the rows: too few, rows from nowhere, or rows that others go before."""
    places = [got.variables.index(name) for name in wanted.variables]
    rows = [tuple(row[place] for place in places) for row in got.rows]
    most = max(0, len(wanted.rows) - query.offset)
    if len(rows) != (most if query.limit is None else min(most, query.limit)):
        return f"{len(rows)} rows of {len(wanted.rows)}"
    all_, ours = Counter(map(answers.veiled, wanted.rows)), Counter(map(answers.veiled, rows))
    if ours - all_:
        return f"rows from nowhere: {list(ours - all_)[:3]}"
    shown = Solutions(wanted.variables, tuple(rows))
    for row in rows if not query.offset else []:
        for other in (all_ - ours).elements():
            if precedes(query, shown, other, row):
                return f"{other} was left out, and goes before {row}"
    return misordered(query, shown)


def misordered(query: Query, got: Solutions) -> str:
    """Two rows side by side in the wrong order, or ""."""
    for one, following in pairwise(got.rows):
        if precedes(query, got, following, one):
            return f"{following} comes after {one}"
    return ""


def precedes(query: Query, solutions: Solutions, one: Row, other: Row) -> bool:
    """Whether a row surely goes before another; what the standard leaves open is False. Source: section 15.1."""
    for name, descending in query.keys:
        place = solutions.variables.index(name[1:])
        first, second = rank(one[place]), rank(other[place])
        if first[0] != second[0]:
            return (first[0] < second[0]) != descending
        if first[1] != second[1] or first[2] is None:
            return False  # two blank nodes, or literals of kinds that the standard does not order
        if first[2] != second[2]:
            return bool(first[2] < second[2]) != descending
    return False


def rank(term: Term | None) -> tuple[int, str, Any]:
    """(class, kind within the class, value): what is unbound, blank nodes, IRIs, literals."""
    if term is None:
        return 0, "", ""
    if term.kind != "literal":
        return (1, "", None) if term.kind == "blank" else (2, "", term.text)
    if term.datatype in NUMERIC:
        return 3, "number", float(term.text)
    if not term.datatype and not term.language:
        return 3, "string", term.text
    return 3, term.datatype or "language", None


def main() -> None:
    """Prints the seed, the counts and every difference; fails when there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(given.count, given.seed, Path(folder))
    for text, data, wrong in outcome.different:
        print(f"{text}\n{data}{wrong[:1000]}\n")
    print(f"{outcome.same} the same (no row: {outcome.empty}), {len(outcome.different)} different")
    for reason, number in outcome.excused.most_common():
        print(f"{number} left out: {reason}")
    sys.exit(bool(outcome.different))


if __name__ == "__main__":
    main()
