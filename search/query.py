"""What is asked: a need in words, and the constraints beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

MOST_TEXT = 2000  # characters of a need
MOST_RESULTS = 100  # results of one page
MOST_OFFSET = 10_000


@dataclass(frozen=True, slots=True)
class Query:
    """A need and its constraints; an empty constraint allows everything. Values of one constraint are alternatives."""

    text: str
    lang: str = ""  # BCP 47; "" lets the language be guessed
    country: tuple[str, ...] = ()  # ISO 3166-1 alpha-2
    nuts: tuple[str, ...] = ()  # code, or the beginning of one
    near: tuple[float, float] | None = None  # latitude, longitude in degrees (WGS 84)
    within_km: float | None = None
    size: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()  # ids of clusters
    certificate: tuple[str, ...] = ()  # words found in a certification
    source: tuple[str, ...] = ()
    limit: int = 10
    offset: int = 0

    def constraints(self) -> Query:
        """The constraints alone."""
        return replace(self, text="", lang="", limit=10, offset=0)

    def is_constrained(self) -> bool:
        """Whether any actor could be left out before ranking."""
        lists = (self.country, self.nuts, self.size, self.kind, self.cluster, self.certificate, self.source)
        return any(lists) or self.near is not None
