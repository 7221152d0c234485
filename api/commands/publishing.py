"""The command that publishes as plain files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from api.commands.options import data_option, folder, format_option, settings
from api.engine import Engine
from api.printing import as_csv, as_json, show

_COLUMNS = ("source", "entities", "seq", "dump_bytes")


@click.command("publish")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--url", metavar="BASE", default=None,
    help="The address under which DIR is served. [default: FILIERE_URL, else relative addresses]",
)  # fmt: skip
@format_option
@data_option
def publish_command(target: Path, url: str | None, form: str, data: Path | None) -> None:
    """Write what this node publishes of its public sources into DIR, as plain files for any static web server.

    The node's document, the catalogue, a dump and a feed a source, and a page that names them. Files that say the same
    are left alone, those of sources that are published no more are removed; nothing else in DIR is touched.

    Example: filiere publish public --url https://data.example.org/
    """
    from api.publishing import Publishing, base_of
    from api.webfolder import WebFolder

    chosen = settings()
    with Engine.open(folder(data), model=chosen.model or None, graph=chosen.store()) as engine:
        publishing = Publishing(engine, engine.folder, chosen)
        try:
            written = WebFolder(
                target, publishing, engine.journal, base_of(chosen.url if url is None else url)
            ).publish()
        finally:
            publishing.close()
    if form == "json":
        click.echo(as_json(asdict(written) | {"folder": str(target)}), nl=False)
    elif form == "csv":
        click.echo(as_csv(written.sources, _COLUMNS), nl=False)
    else:
        show(written.sources, _COLUMNS, form)
        counts = f"{len(written.new)} new, {len(written.changed)} changed, {len(written.unchanged)} unchanged"
        click.echo(f"{target}: {counts}, {len(written.removed)} removed.")
        for path in written.kept:
            click.echo(f"{target / path} is published no more; it was changed by somebody, so it was left.")
