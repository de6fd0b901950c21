"""One node-opcua server for all tests of this folder: it takes seconds to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.drivers.processes import Peer, node_opcua


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where node-opcua keeps its certificates."""
    return tmp_path_factory.mktemp("node-opcua")


@pytest.fixture(scope="session")
def peer(folder: Path) -> Iterator[Peer]:
    """A running server; tests leave `parts` at 7 and `load` at 12.5."""
    with node_opcua(folder) as server:
        yield server
