"""What commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import click

_NARROWEST = 12  # a column is never cut below this many characters
_LEVELS = {"match": "green", "possible": "yellow", "none": "red"}
_ALSO_NAMED = 3  # of those that share a place
_RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins with one of these
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@cache
def _members(kind: type) -> tuple[str, ...]:
    return tuple(member.name for member in fields(kind))


def members(value: Any) -> dict[str, Any]:
    """What a dataclass holds, by name, as it is: what `json` is told for its values. Raises TypeError for another."""
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return {name: getattr(value, name) for name in _members(type(value))}


def as_json(value: Any) -> str:
    """JSON text with a line end, readable and in UTF-8."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=members) + "\n"


def cell(value: Any) -> str:
    """A value in one cell; lists are joined by `; `."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "; ".join(cell(item) for item in value)
    return str(value)


def as_csv(rows: Iterable[Mapping[str, Any]], heading: Sequence[str]) -> str:
    """CSV text; a cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return "".join(csv_lines(rows, heading))


def csv_lines(rows: Iterable[Mapping[str, Any]], heading: Sequence[str]) -> Iterator[str]:
    """The same, a heading and then a line a row, as the rows come."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heading)
    for row in rows:
        yield out.getvalue()
        out.seek(0)
        out.truncate()
        writer.writerow([_safe(row.get(name)) for name in heading])
    yield out.getvalue()


def _safe(value: Any) -> str:
    text = cell(value)
    number = isinstance(value, int | float) or _NUMBER.fullmatch(text) is not None
    return "'" + text if text.startswith(_RISKY) and not number else text


def _width(text: str) -> int:
    """Columns a text takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def as_table(rows: Sequence[Mapping[str, Any]], heading: Sequence[str]) -> str:
    """A table as wide as the terminal; the widest columns are cut with `…`."""
    cells = [[" ".join(cell(row.get(name)).split()) for name in heading] for row in rows]
    widths = [max([_width(name), *(_width(line[at]) for line in cells)]) for at, name in enumerate(heading)]
    space = max(shutil.get_terminal_size((120, 24)).columns, 60) - 2 * (len(widths) - 1)
    while sum(widths) > space and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1

    def line(parts: Sequence[str]) -> str:
        fitted = [part if _width(part) <= w else part[: w - 1] + "…" for part, w in zip(parts, widths, strict=True)]
        return "  ".join(part + " " * (w - _width(part)) for part, w in zip(fitted, widths, strict=True)).rstrip()

    return "\n".join([click.style(line(list(heading)), bold=True), *map(line, cells)]) + "\n"


def show(rows: Sequence[Mapping[str, Any]], heading: Sequence[str], form: str) -> None:
    """Prints rows as a table, JSON or CSV."""
    if form == "json":
        click.echo(as_json([{name: row.get(name) for name in heading} for row in rows]), nl=False)
    elif form == "csv":
        click.echo(as_csv(rows, heading), nl=False)
    elif rows:
        click.echo(as_table(rows, heading), nl=False)
    else:
        click.echo("Nothing to show.")


def show_matches(matches: Any) -> None:
    """Prints an answer for people: who, where, how sure, why, and who says so."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 110)
    understood = (
        ", ".join(hit.label for hit in matches.need.concepts[:3]) or "no known competency; compared by its words"
    )
    click.echo(
        click.style(matches.need.text, bold=True) + (f"  [{matches.need.language}]" if matches.need.language else "")
    )
    click.echo(f"  understood as: {understood}")
    words = {
        "match": f"{matches.total} actors found",
        "possible": f"nobody surely; {matches.total} possible",
        "none": "nobody here is known to meet this need",
    }
    click.echo("  " + click.style(words[matches.answer], fg=_LEVELS[matches.answer]) + f" ({matches.took_ms:.0f} ms)")
    for number, match in enumerate(matches.results, 1):
        actor = match.actor
        place = ", ".join(part for part in (actor.city, actor.country) if part) or "place unknown"
        level = click.style(f"{match.score:.2f} {match.level}", fg=_LEVELS[match.level])
        held = f" at {match.node.name}" if match.node else ""
        click.echo(
            f"{number:3}. {click.style(actor.name, bold=True)}  {place}  {level}  [{actor.kind} {actor.id}{held}]"
        )
        if match.also_count:
            named = "; ".join(f"{other.name} [{other.id}]" for other in match.also[:_ALSO_NAMED])
            more = match.also_count - min(len(match.also), _ALSO_NAMED)
            click.echo("     also as " + named + (f"; and {more} more" if more else ""))
        for reason in match.reasons:
            quote = f"“{reason.quote}”" if reason.quote else ""
            origin = ", ".join(part for part in (reason.source, reason.date, reason.url) if part)
            text = f"{reason.says} {quote}" + (f" ({origin})" if origin else "")
            click.echo(
                textwrap.fill(
                    text,
                    width,
                    initial_indent="     - ",
                    subsequent_indent="       ",
                    break_on_hyphens=False,
                    break_long_words=False,
                )
            )
    for peer in (source for source in matches.sources if source.node):
        told = f"as of {peer.as_of[:10]}" if peer.status == "ok" and peer.as_of else ""
        click.echo(
            "  " + ", ".join(part for part in (f"{peer.id} ({peer.node}): {peer.status}", told, peer.says) if part)
        )
    if not matches.complete:
        click.echo("  Not every node answered wholly: there may be others.")
    click.echo()
