"""Commands that make and keep a data folder: demo, status, check, backup, restore."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.printing import as_json, show, show_matches
from kg.errors import DamagedData

DEMO_NEEDS = ("hydroalcoholic gel", "pièces pour respirateurs", "FFP2-Masken")


@click.command("demo")
@data_option
@graph_option
def demo_command(data: Path | None) -> None:
    """Make a data folder with the sample (who made what in the spring of 2020) and answer three needs.

    Example: filiere demo --data ./demo-data
    """
    from search.query import Query

    place = folder(data)
    progress = Progress()
    with Engine.open(
        place, write=True, create=True, model=settings().model or None, graph=settings().store(), progress=progress
    ) as engine:
        click.echo(engine.import_sample(progress=progress).summary() + "\n")
        progress.close()
        for need in DEMO_NEEDS:
            show_matches(engine.search(Query(need, limit=3)))
    option = "" if data is None else f" --data {data}"
    click.echo(
        "Go on:\n"
        f'  filiere search "Schutzkittel für Krankenhäuser" --country DE{option}\n'
        f'  filiere search "gel hydroalcoolique" --near "Lyon, FR" --within-km 100{option}\n'
        f'  filiere sparql "SELECT ?kind (COUNT(?a) AS ?n) WHERE {{ ?a a ?kind }} GROUP BY ?kind"{option}\n'
        f"  filiere serve{option}        then open http://127.0.0.1:8000/"
    )


@click.command("status")
@format_option
@data_option
@graph_option
def status_command(form: str, data: Path | None) -> None:
    """Show what the data folder holds and how far each view has come.

    Example: filiere status --format json
    """
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        status = engine.status()
    if form == "json":
        click.echo(as_json(status), nl=False)
        return
    rows = [
        {"what": name, "value": content}
        for name, content in asdict(status).items()
        if name not in ("sources", "sandbox")
    ]
    rows.append({"what": "sources", "value": ", ".join(f"{s.id} ({s.entities})" for s in status.sources)})
    show(rows, ("what", "value"), form)


@click.command("check")
@click.option("--repair", is_flag=True, help="Build again what does not agree with the journal.")
@format_option
@data_option
@graph_option
def check_command(repair: bool, form: str, data: Path | None) -> None:
    """Compare journal, graph and index, record by record; the journal decides.

    Example: filiere check --repair
    """
    with Engine.open(
        folder(data), write=True, model=settings().model or None, graph=settings().store(), catch_up=False
    ) as engine:
        problems = engine.check(repair)
        seq = engine.seq
    if form == "table" and not problems:
        click.echo(f"Journal, graph and index agree at seq {seq}.")
    else:
        show([asdict(problem) for problem in problems], ("view", "what", "repaired", "mend"), form)
    if any(not problem.repaired for problem in problems):
        raise DamagedData(f"{len(problems)} problems were found.", problems[0].mend)


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path), default=Path())
@data_option
def backup_command(target: Path, data: Path | None) -> None:
    """Write TARGET (a new file, or a folder to put one in): one archive from which everything can be restored.

    Example: filiere backup /media/usb/filiere.tar.gz
    """
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        click.echo(f"Wrote {engine.backup(target)} (seq {engine.seq}).")


@click.command("restore")
@click.argument("archive", type=click.Path(path_type=Path))
@data_option
@graph_option
def restore_command(archive: Path, data: Path | None) -> None:
    """Make a new data folder from ARCHIVE; every part is compared with its checksum first.

    Example: filiere restore /media/usb/filiere.tar.gz --data ./restored
    """
    place = folder(data)
    progress = Progress()
    status = Engine.restore(archive, place, model=settings().model or None, graph=settings().store(), progress=progress)
    progress.close()
    click.echo(f"Restored {status.entities} records, seq {status.journal_seq}, into {place}.")
