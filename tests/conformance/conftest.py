"""One served process over an empty data folder, for every test of the W3C's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.doors import Doors
from tests.served import served


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with served(tmp_path_factory.mktemp("conformance") / "data", {}, sample=False) as service:
        client = Doors(service)
        yield client
        client.close()
