"""Where the documents of a node are: at the doors of a service, or in a folder of plain files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """The addresses below a base, which ends with `/`; plain files need suffixes to be served as what they are."""

    base: str
    files: bool = False

    def _at(self, name: str, suffix: str) -> str:
        return self.base + name + (suffix if self.files else "")

    @property
    def node(self) -> str:
        """The document that describes the node."""
        return self.base + ".well-known/filiere"

    @property
    def void(self) -> str:
        """The description of the data in numbers."""
        return self.base + ".well-known/void"

    @property
    def catalog(self) -> str:
        """The catalogue."""
        return self._at("catalog", ".ttl")

    @property
    def feeds(self) -> str:
        """The list of feeds."""
        return self._at("feed", ".ttl")

    def feed(self, source: str) -> str:
        """The root of a source's feed."""
        return self._at(f"feed/{source}", ".ttl")

    def page(self, source: str, number: int) -> str:
        """One page of it."""
        return self._at(f"feed/{source}/{number}", ".trig")

    def dump(self, source: str) -> str:
        """All that a source says, in one file."""
        return f"{self.base}dumps/{source}.nt.gz"

    def dataset(self, source: str) -> str:
        """The IRI of a source as this node publishes it; for one of its own, that by which it is known everywhere."""
        return f"{self.base}graph/{source}"
