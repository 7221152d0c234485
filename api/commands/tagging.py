"""Commands about tags: list the competencies actors are tagged with, confirm, reject, withdraw."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from api.commands.options import data_option, folder, format_option, settings
from api.engine import Engine
from api.printing import as_csv, as_json, show
from api.tagging import STATES, TAG_COLUMNS, short

_SHOWN = ("actor_id", "competency_id", "label", "state", "confidence", "words", "field", "who", "date")


class _Tags(click.Group):
    """A group whose first word may be an actor: what is none of its commands is listed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("tags", cls=_Tags)
def tags_command() -> None:
    """List the competencies that actors are tagged with, and by which words; confirm or reject them.

    Without a command, or with an actor instead, `list` is meant.

    Example: filiere tags valeo --state suggested
    """


@tags_command.command("list")
@click.argument("actor", default="")
@click.option("--competency", default="", help="Short id (hydroalcoholic-gel), code (cpv:33140000) or IRI.")
@click.option("--state", default="", help=f"{', '.join(STATES)}.")
@click.option("--lang", default="en", show_default=True, help="Language of the labels.")
@click.option("--limit", type=int, default=100, show_default=True, help="Tags shown.")
@click.option("--offset", type=int, default=0, show_default=True, help="Tags passed over.")
@format_option
@data_option
def tags_list(actor: str, form: str, data: Path | None, **given: Any) -> None:
    """List the tags of ACTOR (its id or IRI), or of all: those decided on first, then the suggested ones, surest first.

    Example: filiere tags list --competency hydroalcoholic-gel --state suggested --format csv
    """
    with Engine.open(folder(data), model=settings().model or None, graph=settings().store()) as engine:
        found = engine.tags(actor, **given)
    if form == "json":
        click.echo(as_json(found), nl=False)
    elif form == "csv":
        click.echo(as_csv([asdict(row) for row in found.tags], TAG_COLUMNS), nl=False)
    else:
        show([asdict(row) for row in found.tags], _SHOWN, form)
        if found.total > len(found.tags):
            click.echo(f"{len(found.tags):,} of {found.total:,} tags; --offset and --limit show others.")


def _decision(function: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options of a decision."""
    for option in (
        data_option,
        click.option("--who", default=None, help="Who decides.  [default: the account's name]"),
        click.option("--note", default="", help="Why."),
        click.argument("competency"),
        click.argument("actor"),
    ):
        function = option(function)
    return function


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container an account may have no name
        return ""


def _decide(actor: str, competency: str, verdict: str, who: str | None, note: str, data: Path | None) -> None:
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        row = engine.decide(actor, competency, verdict, who=_account() if who is None else who, note=note)
    does = "counts for sure in every search" if verdict == "confirmed" else "no longer counts in any search"
    click.echo(f"{verdict.capitalize()}: {row.actor_name} has {row.label} ({row.competency_id}); it {does}.")


@tags_command.command("confirm")
@_decision
def tags_confirm(actor: str, competency: str, who: str | None, note: str, data: Path | None) -> None:
    """Confirm that ACTOR has COMPETENCY (short id, code or IRI), whether it was suggested or not.

    Example: filiere tags confirm valeo injection-moulding --note "seen at their works"
    """
    _decide(actor, competency, "confirmed", who, note, data)


@tags_command.command("reject")
@_decision
def tags_reject(actor: str, competency: str, who: str | None, note: str, data: Path | None) -> None:
    """Say that ACTOR does not have COMPETENCY: it never comes up for it again, whatever is imported.

    Example: filiere tags reject valeo hydroalcoholic-gel
    """
    _decide(actor, competency, "rejected", who, note, data)


@tags_command.command("withdraw")
@click.argument("actor")
@click.argument("competency")
@data_option
def tags_withdraw(actor: str, competency: str, data: Path | None) -> None:
    """Take the decision on ACTOR and COMPETENCY back, so that the index alone speaks again.

    Example: filiere tags withdraw valeo hydroalcoholic-gel
    """
    with Engine.open(folder(data), write=True, model=settings().model or None, graph=settings().store()) as engine:
        decision = engine.withdraw(actor, competency)
    click.echo(f"Withdrawn: {short(decision.competency)} of {decision.actor} is no longer {decision.verdict}.")
