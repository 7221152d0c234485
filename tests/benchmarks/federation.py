"""Thirteen associations harvested by one: at first, when nothing changed, when 1 % did: make bench-federation.

python -m tests.benchmarks.federation [--actors 112000] [--sources 13] [--data FOLDER] [--jobs 4]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from api.engine import Engine
from api.harvesting import Harvesting, config_of
from kg import vocabulary as v
from kg.federation.registry import Outcome
from kg.intake import parse
from kg.model import Source
from kg.readers.job import Job
from tests.benchmarks import generator
from tests.kg.published import Folder, Site, publishing

CHANGED = 100  # one actor of so many changes from day to day


def payloads(actors: list[dict[str, Any]], source: str, folder: Path) -> dict[str, str]:
    """IRI → payload of actors, as a node of that source holds them."""
    file = folder / f"{source}.jsonl"
    file.write_text("".join(json.dumps(actor) + "\n" for actor in actors), encoding="utf-8")
    rows = parse([Job(file)], Source(source, namespace=v.source_namespace(source)))
    found = {row.iri: row.payload for row in rows if row.payload}
    file.unlink()
    return found


def shares(count: int, sources: int, seed: int = 1) -> Iterator[list[dict[str, Any]]]:
    """The actors of each source."""
    actors = generator.actors(count, seed)
    for at in range(sources):
        yield list(islice(actors, count * (at + 1) // sources - count * at // sources))


def publish(web: Path, count: int, sources: int) -> list[Folder]:
    """A folder a source, published."""
    folders = []
    for at, actors in enumerate(shares(count, sources)):
        folder = Folder(web / f"node{at}", f"node{at}", page=1000)
        folder.say(payloads(actors, folder.source, web))
        folders.append(folder)
    return folders


def change(folders: list[Folder]) -> int:
    """One actor of `CHANGED` makes something else from now on. Returns how many."""
    total = 0
    for folder in folders:
        records = dict(folder.live)
        for iri in sorted(records)[::CHANGED]:
            subject = f"<{iri}>"
            line = f'{subject} <{v.NS}makes> "hydraulic cylinders {folder.seq}"@en .\n'
            records[iri] = "".join(sorted([*records[iri].splitlines(keepends=True), line]))
            total += 1
        folder.say(records)
    return total


def measured(harvesting: Harvesting, site: Site, jobs: int, wanted: str) -> tuple[float, int]:
    """(seconds until searchable, requests) of one harvest of all. Raises AssertionError for another outcome."""
    site.asked()
    started = time.perf_counter()
    outcomes: list[Outcome] = harvesting.run(jobs=jobs)
    seconds = time.perf_counter() - started
    assert {outcome.outcome for outcome in outcomes} == {wanted}, outcomes
    return seconds, len(site.asked())


def main() -> None:
    """Publishes, harvests, changes, harvests again, and prints the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--actors", type=int, default=112_000)
    parser.add_argument("--sources", type=int, default=13)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        web = Path(scratch) / "web"
        web.mkdir()
        folders = publish(web, given.actors, given.sources)
        data = given.data or Path(scratch) / "data"
        with publishing(web) as site, Engine.open(data, write=True, create=True) as engine:
            harvesting = Harvesting(engine)
            for folder in folders:
                url = f"{site.url}{folder.source}/"
                harvesting.registry.add(
                    config_of(folder.source, {"url": url, "kind": "filiere", "allow_private": True})
                )
            print(f"{given.actors:,} actors in {given.sources} sources, {given.jobs} fetched at a time")
            for what, wanted in (("first harvest", "ok"), ("nothing changed", "unchanged"), ("1 % changed", "ok")):
                if what == "1 % changed":
                    print(f"{change(folders):,} actors change")
                seconds, requests = measured(harvesting, site, given.jobs, wanted)
                print(f"{what:16} {seconds:8.1f} s  {requests:4} requests")
            print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
