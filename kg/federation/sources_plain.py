"""One file at an address: a table, or RDF in any form."""

from __future__ import annotations

from dataclasses import replace

from kg.federation.asking import RDF, Asking, suffix, validators
from kg.federation.registry import Config, State
from kg.federation.steps import Ended, Run, Work
from kg.readers import files

_TABLE = "text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet;q=0.9, */*;q=0.5"


def fetch(asking: Asking, work: Work, run: Run, config: Config, state: State) -> Run:
    """The run with the file at the address. Raises Ended."""
    return take(asking, work, run, config.url, state, tables=config.kind == "csv" or state.kind == "csv")


def take(asking: Asking, work: Work, run: Run, url: str, state: State, *, tables: bool, wanted: str = "") -> Run:
    """The run with one file. Raises Ended."""
    known = state.validators.get(url)
    found = asking.get(url, _TABLE if tables else f"{RDF}, */*;q=0.1", known)
    if found is None:
        raise Ended("unchanged")
    named = suffix(found, url, wanted or (".csv" if tables else ""))
    plain = named.removesuffix(".gz") in files.GRAPHS
    piece = work.put(f"data{named}", found.body, "rdf" if plain else "table")
    about = {"origin": url, **run.about}
    learnt = {**run.validators, url: validators(found)}
    return replace(run, pieces=(piece,), about=about, validators=learnt, step="fetched")
