"""The command that writes what sources say to a file: export."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from api.commands.options import data_option, folder, settings
from api.engine import Engine
from api.exporting import FORMS, Export, Wanted, exported, prepare
from kg.errors import UserError, storage_error


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--form", type=click.Choice(FORMS), default=None, help="What is written.  [default: by the name's end]")
@click.option("--source", "sources", multiple=True, help="Name of a source; may be repeated.  [default: all public]")
@click.option("--country", default="", help="Code or name: only the actors that are there.")
@click.option("--as-of", "moment", default="", help="As it stood at a day's end or a time: 2020-03-25.")
@click.option("--for", "use", type=click.Choice(["commercial"]), default=None, help="Refuse licences that forbid it.")
@click.option("--each", is_flag=True, help="One file a source, its name before the ending: firms-ted.jsonl.")
@data_option
def export_command(
    file: Path, form: str | None, sources: tuple[str, ...], country: str, moment: str, use: str | None, each: bool,
    data: Path | None,
) -> None:  # fmt: skip
    """Write what sources say to FILE: jsonl and csv hold actors, nt, nq and ttl every record.

    Each row names its source, licence and attribution; FILE.attributions.txt lists them. Sources whose licences exclude
    one another are not put together.

    Example: filiere export firms.jsonl --country FR --for commercial
    """
    form = form or file.suffix.removeprefix(".")
    if form not in FORMS:
        raise UserError(f"{file.name} does not say what is to be written.", f"Add --form: {', '.join(FORMS)}.")
    wanted = Wanted(sources, country, moment, use == "commercial")
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        tables = form in ("jsonl", "csv")
        if not each:
            write(prepare(engine, wanted, private=True, tables=tables), form, file)
            return
        for name in sources or [source.id for source in exported(engine)]:
            one = Wanted((name,), country, moment, wanted.commercial)
            _one(prepare(engine, one, private=True, tables=tables), form, file, name)


def _one(export: Export, form: str, file: Path, name: str) -> None:
    if export.sources:
        write(export, form, file.with_name(f"{file.stem}-{name}{file.suffix}"))


def write(export: Export, form: str, file: Path) -> None:
    """Writes an export and, beside it, whom to name; each takes its place when it is whole."""
    try:
        _put(export.chunks(form), file)
        _put([export.text()], file.with_name(file.name + ".attributions.txt"))
    except OSError as error:
        raise storage_error(error, file.parent) from error
    click.echo(f"Wrote {file} ({', '.join(export.sources) or 'no records'}) and {file.name}.attributions.txt.")


def _put(chunks: Iterable[str], file: Path) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            for chunk in chunks:
                stream.write(chunk)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
