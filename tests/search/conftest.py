"""An index over the sample, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.engine import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("search") / "data"
    with Engine.open(folder, write=True, create=True) as opened:
        opened.import_sample()
        yield opened
