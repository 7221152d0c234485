"""A data folder with the sample, made once and copied for each test that harms it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.engine import Engine


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "data"
    with Engine.open(folder, write=True, create=True) as engine:
        engine.import_sample()
    return folder


@pytest.fixture
def copied(sample_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_folder, tmp_path / "data"))
