"""Commands that change statements: update, history, undo."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from api.commands.asking import query_text
from api.commands.options import data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.printing import show
from api.querying import Written

HISTORY_COLUMNS = ("number", "time", "source", "upserts", "deletes", "first_seq", "last_seq", "note")


@click.command("update")
@click.argument("update")
@click.option("--allow-deletions", is_flag=True, help="Delete more than 5 records and 2 % of a source.")
@data_option
@graph_option
def update_command(update: str, allow_deletions: bool, data: Path | None) -> None:
    """Run a SPARQL UPDATE: its text, @FILE, or - for standard input. All of it is written, or nothing.

    Example: filiere update "DELETE WHERE { GRAPH <http://example.org/notes> { ?s ?p ?o } }"
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        engine.querying.configure(settings())
        _say(engine.querying.update(query_text(update), allow_deletions=allow_deletions))


@click.command("history")
@click.option("--source", default="", help="Of one source (or graph) only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Batches shown.")
@format_option
@data_option
def history_command(source: str, limit: int, form: str, data: Path | None) -> None:
    """List what was written, the newest first.

    Example: filiere history --source members
    """
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        show([asdict(batch) for batch in engine.journal.batches(source or None, limit)], HISTORY_COLUMNS, form)


@click.command("undo")
@click.argument("batch", type=int)
@data_option
@graph_option
def undo_command(batch: int, data: Path | None) -> None:
    """Take back BATCH (a number of 'filiere history') and those written together with it.

    Example: filiere undo 12
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        _say(engine.querying.undo(batch))


def _say(written: Written) -> None:
    for batch in written.batches:
        click.echo(f"Batch {batch.number}, {batch.source}: written {batch.upserts}, deleted {batch.deletes}.")
    click.echo(f"Seq {written.seq}." if written.batches else f"Nothing changed (seq {written.seq}).")
