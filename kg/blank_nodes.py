"""Labels for blank nodes by what is said of them, so that the same statements read again get the same labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kg.terms import Statement, Term

_ROUNDS = 64  # blank nodes further than this from anything telling are rare, and cost the square of their number


def labels(statements: Sequence[Statement], most: int) -> dict[Term, str] | None:
    """Blank node → label, or None when there are more than `most`.

    Each round mixes into a node's digest the digests of the nodes it points to and that point to it, until no two
    nodes that differ still look alike (colour refinement, as in W3C RDF Dataset Canonicalization, section 4.4).
    """
    blank = {term for s, _, o in statements for term in (s, o) if term.startswith("_:")}
    if not blank:
        return {}
    if len(blank) > most:
        return None
    colours = dict.fromkeys(blank, "")
    for _ in range(_ROUNDS):
        marks: dict[Term, list[str]] = {term: [colours[term]] for term in blank}
        for s, p, o in statements:
            if s in marks:
                marks[s].append(f"> {p} {colours.get(o, o)}")
            if o in marks:
                marks[o].append(f"< {p} {colours.get(s, s)}")
        fresh = {
            term: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16] for term, lines in marks.items()
        }
        if len(set(fresh.values())) == len(set(colours.values())):
            break
        colours = fresh
    taken: dict[str, int] = {}  # what still looks alike is told apart by number
    out: dict[Term, str] = {}
    for term in sorted(blank, key=lambda term: fresh[term]):
        taken[fresh[term]] = taken.get(fresh[term], 0) + 1
        out[term] = f"{fresh[term]}-{taken[fresh[term]]}"
    return out
