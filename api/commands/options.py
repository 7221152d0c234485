"""Options that commands share, and the progress bar of long work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from api.settings import Settings

_Function = TypeVar("_Function", bound=Callable[..., Any])


def data_option(function: _Function) -> _Function:
    """--data DIR, with the setting as its default."""
    return click.option(
        "--data", type=click.Path(path_type=Path), default=None, help="The data folder. [default: ./filiere-data]"
    )(function)


def graph_option(function: _Function) -> _Function:
    """--graph URL, which takes the place of the setting."""

    def chosen(ctx: click.Context, parameter: click.Parameter, url: str | None) -> None:
        if url is not None:
            ctx.find_root().obj = replace(settings(), graph=url)

    return click.option(
        "--graph", metavar="URL", default=None, expose_value=False, callback=chosen,
        help="A SPARQL 1.1 endpoint that keeps the graph. [default: an embedded store]",
    )(function)  # fmt: skip


def format_option(function: _Function) -> _Function:
    """--format table|json|csv."""
    return click.option(
        "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
        help="For people, or for programs.",
    )(function)  # fmt: skip


def settings() -> Settings:
    """The settings this command was started with."""
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, Settings) else Settings.from_environment()


def folder(data: Path | None) -> Path:
    """The data folder: the option, else the setting."""
    return data or settings().data


class Progress:
    """A progress bar on a terminal; silent elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if what != self._what:
            from tqdm import tqdm

            self.close()
            self._what, self._bar = what, tqdm(total=total or None, desc=what, unit="", leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._what = None, ""
