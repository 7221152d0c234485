"""Forms of SPARQL that Virtuoso 7.2 was seen to answer wrongly, beside the same questions put to our own engine."""

from __future__ import annotations

from kg.errors import QueryRefused
from kg.sparql.reading import Token, closing, tokens


def check(text: str) -> None:
    """Raises QueryRefused, naming the form."""
    found = tokens(text)
    opened: list[int] = []
    opening = 0  # of the brackets that closed last
    for place, token in enumerate(found):
        if token.kind == "open":
            opened.append(place)
        elif token.kind == "close" and opened:
            opening = opened.pop()
        elif token.text in ("*", "+") and place and _is_path(found, opening, place - 1):
            raise QueryRefused(
                f"The path with {token.text} (character {token.start}) is not asked of Virtuoso: it gives an end once "
                "for each way there, and loses the way of no steps.",
                "Write out how many steps it may take: p | p/p | p/p/p. The embedded graph has paths of any length.",
            )
        elif token.is_word("MINUS") and _binds(found, place + 1):
            raise QueryRefused(
                f"MINUS with BIND in it (character {token.start}) is not asked of Virtuoso: it takes away too much.",
                "Use FILTER NOT EXISTS, with FILTER in place of BIND.",
            )


def _binds(found: list[Token], opening: int) -> bool:
    """Whether BIND stands in the group that opens at a place."""
    if opening >= len(found) or found[opening].text != "{":
        return False
    return any(token.is_word("BIND") for token in found[opening : closing(found, opening)])


def _is_path(found: list[Token], opening: int, last: int) -> bool:
    """Whether a piece of a path ends at a place: an IRI, or brackets that hold nothing but IRIs and operators."""
    if found[last].kind in ("iri", "name") or found[last].text == "a":
        return True
    inner = found[opening + 1 : last]
    return (
        found[last].text == ")"
        and any(token.kind in ("iri", "name") for token in inner)
        and all(
            token.kind in ("iri", "name", "operator", "open", "close") or token.text in ("a", "?") for token in inner
        )
    )
