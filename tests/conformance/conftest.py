"""One served process for every test of the W3C's, and the endpoints that it may ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance import manifest
from tests.conformance.doors import Doors
from tests.conformance.endpoints import Endpoints
from tests.served import served

EVERY = 6  # of the tests that write, which take some 0.3 s each, one in so many runs each time


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    found = Endpoints(manifest.cases())
    yield found
    found.stop()


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory, endpoints: Endpoints) -> Iterator[Doors]:
    settings = {"FILIERE_SERVICES": " ".join(endpoints.urls)}
    with served(tmp_path_factory.mktemp("conformance") / "data", settings, sample=False) as service:
        client = Doors(service)
        yield client
        client.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out most tests that write, unless --whole is given or one is asked for by its name."""
    if config.getoption("whole") or config.getoption("keyword"):
        return
    writing = [item for item in items if "updat" in item.nodeid.partition("[")[0] and "[" in item.nodeid]
    writing += [item for item in items if "allows" in item.nodeid and "[syntax-update" in item.nodeid]
    left_out = {item for place, item in enumerate(writing) if place % EVERY and "conformance" in item.nodeid}
    items[:] = [item for item in items if item not in left_out]
