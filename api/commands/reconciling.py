"""The command that matches a spreadsheet's rows with actors and competencies."""

from __future__ import annotations

from pathlib import Path

import click

from api.commands.options import Progress, data_option, folder, format_option, settings
from api.engine import Engine
from api.printing import as_csv, as_json, show
from kg.errors import UserError

_FILE = click.Path(path_type=Path)


@click.command("reconcile")
@click.argument("file", type=_FILE)
@click.option("--column", required=True, help="The column with the names.")
@click.option("--type", "type_", default="", help="actor, firm, cluster, lab …, competency, product, process …")
@click.option(
    "--property", "pairs", multiple=True, metavar="PROPERTY=COLUMN",
    help="What else is known: country, city, nuts, website, identifiers, clusters, kind, size, source.",
)  # fmt: skip
@click.option("--out", type=_FILE, default=None, help="Where to save the rows, with what they mean, as CSV.")
@format_option
@data_option
def reconcile_command(
    file: Path, column: str, type_: str, pairs: tuple[str, ...], out: Path | None, form: str, data: Path | None
) -> None:
    """Find the actor or competency that each row of FILE (CSV or XLSX) means.

    Columns are added: matched_id, matched_iri, matched_name, matched_score (0 to 100), and matched, which is yes where
    one alone can be meant. With --out the numbers of rows are printed, without it the rows.

    Example: filiere reconcile members.xlsx --column Firm --type firm --property country=Country --out matched.csv
    """
    from api.reconciling import spreadsheet

    table = spreadsheet.read(file)
    asked = spreadsheet.queries(table, column, type_, _properties(pairs))
    progress = Progress()
    try:
        with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
            rows = list(spreadsheet.match(engine.reconciling, table, asked, progress))
    finally:
        progress.close()
    heading = [*(name for name in table.heading if name not in spreadsheet.ADDED), *spreadsheet.ADDED]
    if out is None:
        if form == "json":
            click.echo(as_json(rows), nl=False)
        else:
            name = table.heading[spreadsheet.column_of(table, column)]
            show(rows, heading if form == "csv" else [name, *spreadsheet.ADDED], form)
        return
    try:
        out.write_text(as_csv(rows, heading), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}).", "Name another file.") from error
    sure = sum(row["matched"] for row in rows)
    none = sum(not row["candidates"] for row in rows)
    counts = {"rows": len(rows), "matched": sure, "to_review": len(rows) - sure - none, "nothing_like_it": none}
    show([{**counts, "written_to": str(out)}], [*counts, "written_to"], form)


def _properties(pairs: tuple[str, ...]) -> dict[str, str]:
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, theirs = pair.partition("=")
        if not equals or not name.strip() or not theirs.strip():
            raise UserError(f"--property {pair[:60]!r} names no column.", "Write it as country=COLUMN.")
        out[name.strip()] = theirs
    return out
