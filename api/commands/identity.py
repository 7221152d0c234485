"""Commands about identity: let the rules run, list pairs of actors, say which are one, take a decision back."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from api.commands.options import Progress, data_option, folder, format_option, graph_option, settings
from api.engine import Engine
from api.identity import IDENTITY_COLUMNS, STATES
from api.printing import as_csv, as_json, show

_SHOWN = ("one_name", "one_source", "other_name", "other_source", "verdict", "by",
          "probability", "because", "one_id", "other_id")  # fmt: skip


@click.group("identity")
def identity_command() -> None:
    """Find which actors of the sources are one, review what the rules are unsure of, confirm, reject, undo.

    Example: filiere identity list --state review
    """


def _open(data: Path | None, write: bool = True) -> Engine:
    return Engine.open(folder(data), write=write, model=settings().model or None, graph=settings().store())


@identity_command.command("run")
@click.option("--whole", is_flag=True, help="Compare everybody anew, not only who changed since the last run.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided; write nothing.")
@format_option
@data_option
@graph_option
def identity_run(whole: bool, dry_run: bool, form: str, data: Path | None) -> None:
    """Let the rules compare the actors: who bears one registered number, or is surely one, is merged; who may be, is
    listed for review.

    Example: filiere identity run --dry-run
    """
    progress = Progress()
    with _open(data) as engine:
        done = engine.identity.run(whole=whole, dry_run=dry_run, progress=progress)
        progress.close()
        waiting = engine.identity.to_review()
    row = {name: content for name, content in asdict(done).items() if name != "decisions"}
    if form != "table":
        show([row], tuple(row), form) if form == "csv" else click.echo(as_json(row), nl=False)
        return
    would = "Would be decided" if dry_run else "Decided"
    click.echo(f"Compared {done.actors:,} actors in {done.pairs:,} pairs ({done.seconds:.1f} s).")
    click.echo(f"{would}: {done.same:,} same, {done.review:,} to review, {done.different:,} registered apart.")
    if not dry_run:
        click.echo(f"Written {done.written:,}, withdrawn {done.withdrawn:,}; {waiting:,} pairs wait for a person.")


@identity_command.command("list")
@click.option("--state", default="", help=f"{', '.join(STATES)}.")
@click.option("--actor", default="", help="Id or IRI of an actor.")
@click.option("--limit", type=int, default=100, show_default=True, help="Pairs shown.")
@click.option("--offset", type=int, default=0, show_default=True, help="Pairs passed over.")
@format_option
@data_option
def identity_list(form: str, data: Path | None, **given: Any) -> None:
    """List pairs of actors: those to review, the likeliest first, then what persons and what the rules decided.

    Example: filiere identity list --state same --format csv
    """
    with _open(data, write=False) as engine:
        found = engine.identity.list(**given)
    rows = [asdict(row) for row in found.pairs]
    if form == "json":
        click.echo(as_json(found), nl=False)
    elif form == "csv":
        click.echo(as_csv(rows, IDENTITY_COLUMNS), nl=False)
    else:
        show(rows, _SHOWN, form)
        if found.total > len(rows):
            click.echo(f"{len(rows):,} of {found.total:,} pairs; --offset and --limit show others.")


def _decision(function: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options of a decision."""
    for option in (
        data_option,
        click.option("--who", default=None, help="Who decides.  [default: the account's name]"),
        click.option("--note", default="", help="Why."),
        click.argument("other"),
        click.argument("one"),
    ):
        function = option(function)
    return function


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container an account may have no name
        return ""


def _decide(one: str, other: str, verdict: str, who: str | None, note: str, data: Path | None) -> None:
    with _open(data) as engine:
        row = engine.identity.decide(one, other, verdict, who=_account() if who is None else who, note=note)
    does = "they share one place in every search" if verdict == "same" else "each has a place of its own"
    click.echo(
        f"{verdict.capitalize()}: {row.one_name} ({row.one_source}), {row.other_name} ({row.other_source}); {does}."
    )


@identity_command.command("confirm")
@_decision
def identity_confirm(one: str, other: str, who: str | None, note: str, data: Path | None) -> None:
    """Say that ONE and OTHER (ids or IRIs of actors) are the same, whatever the rules say.

    Example: filiere identity confirm valeo valeo-sa --note "one SIREN"
    """
    _decide(one, other, "same", who, note, data)


@identity_command.command("reject")
@_decision
def identity_reject(one: str, other: str, who: str | None, note: str, data: Path | None) -> None:
    """Say that ONE and OTHER are different: the rules never join them again, nor does a search.

    Example: filiere identity reject valeo valeo-service
    """
    _decide(one, other, "different", who, note, data)


@identity_command.command("undo")
@click.argument("one", default="")
@click.argument("other", default="")
@click.option("--rules", is_flag=True, help="Take back all that the rules decided; what persons decided stays.")
@data_option
def identity_undo(one: str, other: str, rules: bool, data: Path | None) -> None:
    """Take the decision on ONE and OTHER back: a person's, so that the rules speak again, else the rules' own.

    Example: filiere identity undo valeo valeo-service
    """
    if rules == bool(one or other) or bool(one) != bool(other):
        raise click.UsageError("Name two actors, or give --rules.")
    with _open(data) as engine:
        if rules:
            click.echo(f"Undone: {engine.identity.undo_rules():,} decisions of the rules.")
            return
        row = engine.identity.undo(one, other)
    click.echo(f"Undone: {row.one_name} and {row.other_name} are no longer {row.verdict} by a {row.by}.")
