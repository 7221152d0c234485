"""Commands about sources that are harvested: harvest, sources add, show, release, pause, resume."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from api import folder as folders
from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.harvesting import HARVEST_COLUMNS, STATUS_COLUMNS, Harvesting, config_of, needs_somebody, report
from api.printing import as_csv, as_json, show
from kg.errors import UserError
from kg.federation.registry import KINDS, Outcome, Registry

_FILE = click.Path(path_type=Path)
_RECORDS = ["actor", "cluster", "offer", "need", "exchange", "recipe", "claim", "figure"]
_SHOWN = 10  # outcomes and findings that `sources show` prints


def _harvesting(engine: Engine) -> Harvesting:
    from api.publishing import base_of

    base = base_of(settings().url)
    return Harvesting(engine, seconds=settings().harvest_seconds, ours=f"{base}graph/" if base else "")


def _open(data: Path | None, progress: Progress | None = None) -> Engine:
    return Engine.open(
        folder(data), write=True, model=settings().model or None, graph=settings().store(), progress=progress
    )


@click.command("harvest")
@click.argument("names", nargs=-1)
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Sources fetched at a time.")
@format_option
@data_option
@graph_option
def harvest_command(names: tuple[str, ...], jobs: int, form: str, data: Path | None) -> None:
    """Bring the sources NAMES (or all) up to what they say now where they are published; one outcome a source.

    Outcomes: ok, unchanged, held (a person must look), quarantined (some records were set aside), stale (no good
    answer), gone (no longer there), refused. In all but ok and quarantined what was known stays as it was. The exit
    code is 0 when all are ok or unchanged, else 1.

    Example: filiere harvest clusters-fr --format json
    """
    progress = Progress()
    with _open(data, progress) as engine:
        outcomes = _harvesting(engine).run(names, jobs=jobs, progress=progress)
    progress.close()
    _print(outcomes, form)


def _print(outcomes: list[Outcome], form: str) -> None:
    rows = [asdict(outcome) for outcome in outcomes]
    if form == "json":
        click.echo(as_json(rows), nl=False)
    elif form == "csv":
        click.echo(as_csv(rows, HARVEST_COLUMNS), nl=False)
    else:
        for outcome in outcomes:
            click.echo(_line(outcome))
        if not outcomes:
            click.echo("No source is to be harvested; add one: filiere sources add NAME URL.")
    if needs_somebody(outcomes):
        sys.exit(1)


def _line(outcome: Outcome) -> str:
    counts = ""
    if outcome.written or outcome.deleted or outcome.set_aside:
        counts = f"written {outcome.written:,}, deleted {outcome.deleted:,}, set aside {outcome.set_aside:,}; "
    said = " ".join(part for part in (outcome.reason, outcome.mend) if part)
    return f"{outcome.source}: {outcome.outcome} ({counts}{outcome.seconds:.1f} s){'. ' if said else ''}{said}"


@click.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--kind", type=click.Choice(KINDS), default=None, help="What answers there.  [default: found out]")
@click.option("--part", default="", help="Id of the source at that node, or of the dataset in that catalogue.")
@click.option("--mapping", "mapping_file", type=_FILE, default=None, help="TOML file that names other headings.")
@click.option("--query", "query_file", type=_FILE, default=None, help="A CONSTRUCT, for a SPARQL endpoint.")
@click.option("--record", type=click.Choice(_RECORDS), default="actor", show_default=True, help="What a row is.")
@click.option("--namespace", default="", help="IRI prefix the source may speak about.")
@click.option("--title", default="", help="Title of the source.")
@click.option("--publisher", default="", help="Who publishes it.")
@click.option("--licence", default="", help="Its licence, where it does not say so itself.")
@click.option(
    "--every", default="1h", show_default=True, help="How often 'filiere serve' harvests it: 30s, 15m, 1h, 1d."
)
@click.option("--private", is_flag=True, help="Keep it out of what we publish.")
@click.option("--allow-private", is_flag=True, help="Consent to a private address (this machine, the local network).")
@data_option
def sources_add(
    name: str, url: str, kind: str | None, mapping_file: Path | None, query_file: Path | None, data: Path | None,
    **given: Any,
) -> None:  # fmt: skip
    """Say that the source NAME is harvested from URL: a node of Filière, a DCAT catalogue, a SPARQL endpoint, a file.

    Example: filiere sources add clusters-fr https://data.clusters.example/ --every 1d
    """
    texts = {"mapping": _text(mapping_file), "query": _text(query_file), "kind": kind or ""}
    config = config_of(name, {"url": url, **given, **texts})
    place = folder(data)
    if not (place / "journal.sqlite").is_file():
        with Engine.open(place, write=True, create=True, model=settings().model or None, catch_up=False):
            pass
    new = Registry(folders.existing(place).harvest).add(config)
    click.echo(f"{'Added' if new else 'Changed'}: {name} is harvested from {config.url}. Next: filiere harvest {name}")


def _text(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read ({error}).", "Check the path, and save it as UTF-8.") from error


@click.command("show")
@click.argument("name")
@click.option("--report", "report_file", type=_FILE, default=None, help="Where to save what is set aside, as CSV.")
@format_option
@data_option
def sources_show(name: str, report_file: Path | None, form: str, data: Path | None) -> None:
    """Show where a source is harvested from, how it stands, its last outcomes, and what is set aside.

    Example: filiere sources show clusters-fr
    """
    registry = Registry(folders.existing(folder(data)).harvest)
    from api.harvesting import REPORT_COLUMNS, Standing

    standing = Standing(registry.config(name), registry.state(name)).row()
    outcomes = [asdict(outcome) for outcome in registry.outcomes(name, _SHOWN)]
    findings = report(registry, name)
    if report_file is not None:
        report_file.write_text(as_csv(findings, REPORT_COLUMNS), encoding="utf-8")
    if form == "json":
        click.echo(as_json({**standing, "outcomes": outcomes, "set_aside": findings}), nl=False)
        return
    if form == "csv":
        click.echo(as_csv([standing], STATUS_COLUMNS), nl=False)
        return
    for key, content in standing.items():
        if content not in ("", 0, False) and key not in ("mapping", "query"):
            click.echo(f"{key:14} {content}")
    click.echo()
    show(outcomes, ("time", "outcome", "written", "deleted", "set_aside", "reason"), form)
    if findings:
        click.echo()
        show(findings[:_SHOWN], ("entity", "column", "reason", "mend"), form)


@click.command("release")
@click.argument("name")
@data_option
@graph_option
def sources_release(name: str, data: Path | None) -> None:
    """Accept what is held of a source: it is written as it was fetched.

    Example: filiere sources release clusters-fr
    """
    with _open(data) as engine:
        outcome = _harvesting(engine).release(name)
    click.echo(_line(outcome))


@click.command("pause")
@click.argument("name")
@data_option
def sources_pause(name: str, data: Path | None) -> None:
    """Harvest a source no more until it is resumed; what it said stays.

    Example: filiere sources pause clusters-fr
    """
    _pause(name, data, True)


@click.command("resume")
@click.argument("name")
@data_option
def sources_resume(name: str, data: Path | None) -> None:
    """Harvest a source again.

    Example: filiere sources resume clusters-fr
    """
    _pause(name, data, False)


def _pause(name: str, data: Path | None, paused: bool) -> None:
    from dataclasses import replace

    registry = Registry(folders.existing(folder(data)).harvest)
    registry.add(replace(registry.config(name), paused=paused))
    click.echo(f"{name} is {'paused' if paused else 'harvested again'}.")
