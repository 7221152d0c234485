"""Templates to pages, in the language the reader prefers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader

from api.pages.words import LANGUAGES, WORDS
from api.places import country_name
from kg.sparql.formats import accepted

FOLDER = Path(__file__).resolve().parent


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["segment"] = lambda text: quote(str(text), safe="")
    environment.filters["web"] = _web
    environment.filters["host"] = lambda url: (urlsplit(url).hostname or "").removeprefix("www.")
    environment.globals["country_name"] = country_name
    environment.globals["query"] = lambda pairs: urlencode([(k, x) for k, x in pairs if x not in ("", None)])
    return environment


def _web(url: str) -> str:
    """The address if it is one of the web, else nothing: a link never runs code."""
    return url if url.lower().startswith(("http://", "https://")) else ""


def language(headers: Mapping[str, str], chosen: str = "") -> str:
    """The page's language: the one chosen, else the first the reader accepts that there is, else English."""
    if chosen in LANGUAGES:
        return chosen
    for name, quality in accepted(headers.get("accept-language", "")):
        if quality > 0 and name[:2] in LANGUAGES:
            return name[:2]
    return "en"


def page(template: str, headers: Mapping[str, str], ui: str = "", **content: Any) -> str:
    """The HTML of a page."""
    lang = language(headers, ui)
    words = {name: texts[LANGUAGES.index(lang)] for name, texts in WORDS.items()}
    return _environment().get_template(template).render(lang=lang, ui=ui, w=words, **content)
