"""Commands about what must not be kept: erase, erasures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.printing import as_json, show

if TYPE_CHECKING:
    from kg.erasures import Erased

ERASURE_COLUMNS = ("date", "sources", "reason", "id")
_SHOWN = 20  # records named that still mention what was erased


@click.command("erase")
@click.argument("names", nargs=-1, required=True, metavar="IRI|ID…")
@click.option("--reason", default="", help="Why, without a name; it is kept.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="For people, or for programs.",
)  # fmt: skip
@data_option
@graph_option
def erase_command(names: tuple[str, ...], reason: str, yes: bool, form: str, data: Path | None) -> None:
    """Erase records (the id of an actor, or any record's IRI) from every source, every view and the past, for good.

    Nodes that copied them are told by a deletion in the feed. A hash of the IRI keeps them from coming back.
    Backups and files elsewhere are not touched.

    Example: filiere erase valmy --reason "asked by letter" --yes
    """
    from api import erasing

    progress = Progress()
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        iris = erasing.names(engine, names)
        if not yes:
            click.confirm(f"Erase {', '.join(iris)} for good? This cannot be taken back", abort=True)
        erased = engine.erase(iris, reason=reason, progress=progress)
    progress.close()
    if form == "json":
        click.echo(as_json(erased), nl=False)
    else:
        _say(erased)


def _say(erased: Erased) -> None:
    where = ", ".join(erased.sources)
    click.echo(f"Erased {erased.records} records and {erased.decisions} decisions on them ({where}); seq {erased.seq}.")
    if erased.mentions:
        click.echo(
            f"{len(erased.mentions)} records of others still name them; erase those too, or have them corrected:"
        )
        for mention in erased.mentions[:_SHOWN]:
            click.echo(f"  {mention.iri}  ({mention.source}, by its {'IRI' if mention.by == 'iri' else 'name'})")
    click.echo("Backups and exports made before still hold them.")


@click.command("erasures")
@click.option("--lift", default="", metavar="IRI|HASH", help="Let this be said again; it does not come back by itself.")
@format_option
@data_option
@graph_option
def erasures_command(lift: str, form: str, data: Path | None) -> None:
    """List what was erased: when, from which sources, why, and the SHA-256 of its IRI; or lift an erasure.

    Example: filiere erasures --format csv
    """
    if lift:
        with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
            found = engine.lift_erasure(lift)
        click.echo(f"Lifted the erasure {found.id[:12]} of {found.date}: the record may be imported again.")
        return
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        show([asdict(erasure) for erasure in engine.erasures()], ERASURE_COLUMNS, form)
