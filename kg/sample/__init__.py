"""The packaged sample: who made, offered and needed what in the health crisis of spring 2020."""

from __future__ import annotations

from pathlib import Path

from kg.model import Source
from kg.readers.job import Job

_FOLDER = Path(__file__).resolve().parent / "crisis2020"
_TABLES = {
    "clusters": "cluster",
    "actors": "actor",
    "offers_needs": "exchange",
    "value_chains": "recipe",
    "press_release": "claim",
    "press_release_figures": "figure",
}

SOURCE = Source(
    id="crisis2020",
    title="Clusters, firms, offers and needs in the health crisis of spring 2020",
    publisher="Filière",
    licence="Facts compiled from public sources, each named in its row; Apache-2.0 as a compilation",
    url="http://franceclusters.fr/2020/03/24/de-lagilite-et-solidarite-des-clusters-poles-en-cas-de-crise/",
    issued="2026-11-23",
)


def jobs() -> list[Job]:
    """What to read for the whole sample, clusters first."""
    return [Job(_FOLDER / f"{name}.csv", record, _FOLDER / f"{name}.toml") for name, record in _TABLES.items()]


def needs() -> Path:
    """The judged needs: a JSON list of {id, text, lang}; `none-…` must be refused."""
    return _FOLDER / "needs.json"


def qrels() -> Path:
    """The judgements in TREC form: 2 = documented product or service, 1 = documented process."""
    return _FOLDER / "qrels.trec"
