"""The settings as a table: name, default, one sentence. The only module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import UserError

if TYPE_CHECKING:
    from kg.endpoint import Address

PREFIX = "FILIERE_"


def _row(default: Any, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen without touching code; each row is also the environment variable FILIERE_<NAME>."""

    data: Path = _row(Path("filiere-data"), "The data folder.")
    host: str = _row("127.0.0.1", "The address `filiere serve` listens on; 0.0.0.0 opens it to the network.")
    port: int = _row(8000, "The port `filiere serve` listens on; 0 takes a free one.")
    url: str = _row("", "The address under which others reach this node; empty for the one each request came to.")
    node_title: str = _row("Filière", "The name of this node.")
    node_publisher: str = _row("", "Who runs this node.")
    node_contact: str = _row("", "A page where whoever runs it can be reached; never a person's address.")
    graph: str = _row("", "The graph store: empty for the embedded one, or the URL of a SPARQL 1.1 endpoint.")
    graph_update: str = _row("", "The endpoint's URL for updates, where it is another.")
    graph_user: str = _row("", "Who we are to the endpoint (HTTP Basic or Digest), said only where it asks.")
    graph_password: str = _row("", "The password for it.")
    model: str = _row("", "The encoder: empty for the built-in one, or a sentence-transformers name or folder.")
    query_seconds: float = _row(10.0, "A SPARQL query that runs longer, in seconds, is stopped.")
    query_memory_mb: int = _row(1024, "A SPARQL query that takes more memory, in MiB, is stopped.")
    query_rows: int = _row(1_000_000, "A SPARQL result with more rows is refused, unless it may be cut (max-rows).")
    services: str = _row("", "The SPARQL endpoints that `SERVICE` may call: URLs or `ALIAS=URL`, spaces between.")
    query_cache_mb: int = _row(
        64, "Answers to SPARQL queries kept for who asks again, in MiB all together; 0 keeps none."
    )
    live_seconds: float = _row(1.5, "A node that is asked live has so many seconds to answer.")
    live_failures: int = _row(3, "After so many failures in a row a node is not asked live for a while.")
    live_pause: float = _row(30.0, "For so many seconds; then one question tries whether it is back.")
    body_mb: int = _row(256, "A request body larger than this, in MiB, is refused.")
    request_seconds: float = _row(30.0, "A request that takes longer to arrive, in seconds, is refused.")
    harvest_seconds: float = _row(60.0, "An answer to a harvest that takes longer, in seconds, is given up.")
    cors: str = _row("*", "The origin whose pages may read the answers; empty for none.")
    crash_at: str = _row("", "Tests only: `POINT` or `POINT:NTH`, where the process kills itself.")
    require_all: bool = _row(False, "Tests only: a test that would be skipped for want of data or a package fails.")

    def store(self) -> Address | None:
        """The endpoint that keeps the graph; None for the embedded store."""
        if not self.graph:
            return None
        from kg.credentials import Credentials
        from kg.endpoint import Address

        return Address(self.graph, self.graph_update, Credentials(self.graph_user, self.graph_password))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings, each taken from its variable where that is set. Raises UserError naming a wrong variable."""
        given = os.environ if environment is None else environment
        chosen: dict[str, Any] = {}
        for row in fields(cls):
            text = given.get(PREFIX + row.name.upper())
            if text is not None:
                chosen[row.name] = _read(row.name, type(row.default), text)
        return cls(**chosen)


def _read(name: str, kind: type, text: str) -> Any:
    variable = PREFIX + name.upper()
    if kind is bool:
        if text.casefold() not in ("0", "1", "true", "false", "yes", "no", ""):
            raise UserError(f"{variable} is {text[:40]!r}, which is neither true nor false.", "Set it to 1 or 0.")
        return text.casefold() in ("1", "true", "yes")
    if kind is str:
        return text
    if issubclass(kind, Path):
        return Path(text)
    number: float
    try:
        number = int(text) if kind is int else float(text)
    except ValueError as error:
        raise UserError(f"{variable} is {text[:40]!r}, which is no number.", "Correct it, or unset it.") from error
    if not 0 <= number < float("inf"):
        raise UserError(f"{variable} is {text[:40]!r}, which is out of range.", "Correct it, or unset it.")
    return number


def table() -> list[tuple[str, str, str, str]]:
    """(name, variable, default, sentence) of every setting, for `--help`, the README and the tests."""
    return [(row.name, PREFIX + row.name.upper(), str(row.default), row.metadata["says"]) for row in fields(Settings)]
