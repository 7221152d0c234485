"""Commands that write what others publish: import, vocabulary, sources."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.commands import harvesting
from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.exporting import FORMS, past
from api.printing import as_json, show
from api.reader import attribution_of
from kg.errors import UserError

if TYPE_CHECKING:
    from kg.report import Report

_FILE = click.Path(path_type=Path)
_KINDS = ["actor", "cluster", "offer", "need", "exchange", "recipe", "claim", "figure"]
SOURCE_COLUMNS = (
    "id",
    "title",
    "publisher",
    "licence_name",
    "licence",
    "entities",
    "as_of",
    "public",
    "namespace",
    "url",
)


def _report_options(function: Any) -> Any:
    for option in (
        click.option("--strict", is_flag=True, help="Refuse everything when one row is bad."),
        click.option("--dry-run", is_flag=True, help="Show the report alone; write nothing."),
        click.option("--report", "report_file", type=_FILE, default=None, help="Where to save the findings as CSV."),
        click.option(
            "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
            help="How the report is printed.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def _finish(report: Report, report_file: Path | None, form: str) -> None:
    if report_file is not None:
        try:
            report_file.write_text(report.to_csv(), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{report_file} cannot be written ({error.strerror}).", "Name another file.") from error
    if form == "json":
        click.echo(as_json(report.as_dict()), nl=False)
    elif form == "csv":
        click.echo(report.to_csv(), nl=False)
    else:
        click.echo(report.summary())


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--source", required=True, help="Name of the source: who publishes the data.")
@click.option(
    "--record", type=click.Choice(_KINDS), default="actor", show_default=True, help="What a row of a table is."
)
@click.option("--mapping", "mapping_file", type=_FILE, default=None, help="TOML file that names other headings.")
@click.option("--title", default=None, help="Title of the source.")
@click.option("--publisher", default=None, help="Who publishes it.")
@click.option("--licence", default=None, help="IRI or name of its licence.")
@click.option("--url", default=None, help="Where it is published.")
@click.option("--issued", default=None, help="Date of this version: 2020-03-25.")
@click.option("--namespace", default=None, help="IRI prefix the source may speak about.")
@click.option("--private", is_flag=True, help="Keep the source out of what is published.")
@click.option("--partial", is_flag=True, help="The files add and change; what they do not name stays.")
@click.option("--allow-deletions", is_flag=True, help="Confirm that many records are to be deleted.")
@click.option(
    "--later", is_flag=True,
    help="Leave graph and index for later: the next command that writes, or 'filiere serve', brings them up.",
)  # fmt: skip
@_report_options
@data_option
@graph_option
def import_command(
    files: tuple[Path, ...],
    source: str,
    record: Any,
    mapping_file: Path | None,
    private: bool,
    strict: bool,
    dry_run: bool,
    partial: bool,
    allow_deletions: bool,
    later: bool,
    report_file: Path | None,
    form: str,
    data: Path | None,
    **described: str | None,
) -> None:
    """Make FILES the new complete version of a source: only the differences are written, deletions included.

    Formats: .jsonl (actors.jsonl), .csv, .tsv, .xlsx, .ttl, .nt, .nq, .trig, .jsonld, .rdf, TED's ePO; each also .gz.

    Example: filiere import members.xlsx --source clusters-fr --licence https://creativecommons.org/licenses/by/4.0/
    """
    progress = Progress()
    place = folder(data)
    with Engine.open(
        place, write=True, create=not dry_run or not place.exists(), model=settings().model or None,
        graph=settings().store(), catch_up=not later, progress=progress,
    ) as engine:  # fmt: skip
        about = engine.described(source, public=False if private else None, **described)
        report = engine.import_files(
            files, about, record=record, mapping_file=mapping_file, strict=strict, dry_run=dry_run, partial=partial,
            allow_deletions=allow_deletions, later=later, progress=progress,
        )  # fmt: skip
    progress.close()
    _finish(report, report_file, form)


@click.group("vocabulary")
def vocabulary_command() -> None:
    """Add a vocabulary, whose codes and labels then take part in matching.

    Example: filiere vocabulary add cpv_23lang.tsv --scheme cpv
    """


@vocabulary_command.command("add")
@click.argument("file", type=_FILE)
@click.option("--scheme", required=True, help="Short name, as codes bear it: cpv, nace, esco …")
@_report_options
@data_option
@graph_option
def vocabulary_add(
    file: Path, scheme: str, strict: bool, dry_run: bool, report_file: Path | None, form: str, data: Path | None
) -> None:
    """Make FILE (SKOS in any RDF form, or a TSV or CSV with a column a language) the scheme's new version.

    A table may have one column 'name' instead of the languages, and 'latitude' and 'longitude', as one of regions does.

    Example: filiere vocabulary add cpv_23lang.tsv --scheme cpv
    """
    progress = Progress()
    with Engine.open(
        folder(data),
        write=True,
        create=True,
        model=settings().model or None,
        graph=settings().store(),
        progress=progress,
    ) as engine:
        report = engine.add_vocabulary(file, scheme, strict=strict, dry_run=dry_run, progress=progress)
    progress.close()
    _finish(report, report_file, form)


@click.group("sources", invoke_without_command=True)
@format_option
@data_option
@click.pass_context
def sources_command(ctx: click.Context, form: str, data: Path | None) -> None:
    """List the sources: who publishes what, under which licence, how much, and since when.

    Example: filiere sources --format csv
    """
    if ctx.invoked_subcommand is None:
        with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
            show([asdict(source) for source in engine.sources()], SOURCE_COLUMNS, form)


@sources_command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
@graph_option
def sources_remove(name: str, yes: bool, data: Path | None) -> None:
    """Take everything a source said out of every view; the journal keeps that it was said. It is harvested no more.

    Example: filiere sources remove ted
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        count = engine.journal.counts().get(name, 0)
        if not yes and count:
            click.confirm(f"Remove {count} records of the source {name!r}?", abort=True)
        click.echo(f"Removed {engine.remove_source(name)} records of the source {name!r}.")


for _command in (
    harvesting.sources_add, harvesting.sources_show, harvesting.sources_release, harvesting.sources_pause,
    harvesting.sources_resume,
):  # fmt: skip
    sources_command.add_command(_command)


@sources_command.command("describe")
@click.argument("name")
@click.option("--title", default=None, help="Title of the source.")
@click.option("--publisher", default=None, help="Who publishes it.")
@click.option("--licence", default=None, help="IRI or name of its licence.")
@click.option("--attribution", default=None, help="How the publisher wants to be named.")
@click.option("--url", default=None, help="Where it is published.")
@data_option
@graph_option
def sources_describe(name: str, data: Path | None, **given: str | None) -> None:
    """Say something else of a source; its records stay as they are. What is not given stays too.

    Example: filiere sources describe members --licence "CC BY 4.0" --attribution "Members of the alliance, 2026"
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        engine.describe_source(name, **given)
        found = next(source for source in engine.sources() if source.id == name)
    click.echo(f"{name}: {attribution_of(found)}")


@sources_command.command("past")
@click.argument("name")
@click.option("--at", "moment", required=True, help="A day (its end) or a time: 2020-03-25, 2020-03-25T10:00:00Z.")
@click.option("--out", type=_FILE, default=None, help="A file instead of the screen.")
@click.option(
    "--form", type=click.Choice(FORMS), default="jsonl", show_default=True, help="jsonl and csv: actors only."
)
@data_option
def sources_past(name: str, moment: str, out: Path | None, form: str, data: Path | None) -> None:
    """Show what a source said at a moment, also when it was removed since; what was erased says nothing.

    Example: filiere sources past members --at 2026-03-25 --form nq --out members-in-march.nq
    """
    from api.commands.exporting import write

    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        export = past(engine, name, moment)
        if out is not None:
            write(export, form, out)
            return
        for chunk in export.chunks(form):
            click.echo(chunk, nl=False)


@sources_command.command("restore")
@click.argument("name")
@click.option("--at", "moment", required=True, help="A day (its end) or a time: 2020-03-25, 2020-03-25T10:00:00Z.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
@graph_option
def sources_restore(name: str, moment: str, yes: bool, data: Path | None) -> None:
    """Make what a source said at a moment its version again, also when it was removed; 'filiere undo' takes it back.

    Example: filiere sources restore members --at 2026-03-25
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        if not yes:
            click.confirm(f"Make what the source {name!r} said at {moment} its version again?", abort=True)
        records, changed = engine.restore_source(name, moment)
    click.echo(f"Restored {records} records of the source {name!r}; {changed} differ from what stood.")
