"""A data folder that holds nothing but the ontology: made once a run, then copied in a fiftieth of the time."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from api.engine import Engine


@cache
def _template() -> Path:
    scratch = Path(tempfile.mkdtemp(prefix="filiere-template-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    with Engine.open(scratch / "data", write=True, create=True):
        return scratch / "data"


def blank(folder: Path) -> Path:
    """A new data folder at `folder`, searched with the built-in model."""
    shutil.copytree(_template(), folder)
    return folder
