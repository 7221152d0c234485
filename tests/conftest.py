"""What every room's tests share: a journal of their own, and the data that is too large to ship."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.endpoint import Address
from kg.journal import Journal
from tests.kg.virtuoso import virtuoso


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--whole` runs suites that have a short form in their long one."""
    parser.addoption("--whole", action="store_true", help="run the long form of suites that have a short one")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest begins first, so that no process is left with it alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_sentence_encoder.py")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    opened = Journal.open(tmp_path / "journal.sqlite", create=True)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A Virtuoso that every test empties of what is ours before it begins."""
    with virtuoso(tmp_path_factory.mktemp("virtuoso")) as address:
        yield address


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with TED's contracts and the vocabularies: FILIERE_SHARED, or ../shared/data beside the checkout."""
    given = os.environ.get("FILIERE_SHARED")
    folder = Path(given) if given else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"The shared data is not at {folder}; set FILIERE_SHARED to its folder."
        if os.environ.get("FILIERE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
