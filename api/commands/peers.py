"""Commands about the nodes that are asked live: list, add, remove."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from api.commands.options import data_option, folder, format_option, settings
from api.engine import Engine
from api.live import PEER_COLUMNS, Live
from api.printing import show

_SHOWN = ("name", "url", "title", "namespaces", "allow_private", "described")


def _engine(data: Path | None) -> Engine:
    return Engine.open(folder(data), model=settings().model or None)


def _live(engine: Engine) -> Live:
    engine.live.configure(settings())
    return engine.live


@click.group("peers")
def peers_command() -> None:
    """List, add or remove the nodes that `filiere search --live` asks beside your own data.

    Example: filiere peers add france https://data.clusters.fr/
    """


@peers_command.command("list")
@format_option
@data_option
def list_command(form: str, data: Path | None) -> None:
    """List the nodes that are asked live.

    Example: filiere peers list
    """
    with _engine(data) as engine:
        rows = [asdict(row) for row in _live(engine).status()]
    show(rows, _SHOWN if form == "table" else PEER_COLUMNS, form)


@peers_command.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--allow-private", is_flag=True, help="The node may have a private address, such as 127.0.0.1.")
@format_option
@data_option
def add_command(name: str, url: str, allow_private: bool, form: str, data: Path | None) -> None:
    """Add the node at URL, its base address, under a NAME of your own; the same NAME again changes it.

    Example: filiere peers add france https://data.clusters.fr/
    """
    with _engine(data) as engine:
        row = _live(engine).add(name, url, allow_private)
    show([asdict(row)], _SHOWN if form == "table" else (*PEER_COLUMNS, "trouble"), form)
    if row.trouble:
        click.echo(f"It is asked from now on, but could not be read yet: {row.trouble}", err=True)


@peers_command.command("remove")
@click.argument("name")
@data_option
def remove_command(name: str, data: Path | None) -> None:
    """Ask the node called NAME no more.

    Example: filiere peers remove france
    """
    with _engine(data) as engine:
        peer = engine.live.remove(name)
    click.echo(f"{peer.name} ({peer.url}) is not asked any more.")
