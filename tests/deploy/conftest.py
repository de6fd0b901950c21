"""A federation with two factories and its guarded broker, shared by the tests of a file."""

from collections.abc import Callable, Iterator

import pytest

from agent.contract.tls import TlsFiles
from tests.deploy.enrolled import Federation, GuardedBroker, Line, files_of, guarded

Connect = Callable[..., Line]


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """The authority."""
    return Federation(tmp_path_factory.mktemp("federation"))


@pytest.fixture(scope="module")
def kits(federation: Federation) -> dict[str, TlsFiles]:
    """The files of everybody: `aoki`, `sakura`, `aggregator`, `broker`."""
    return {
        "aoki": files_of(federation.enrolled("aoki")),
        "sakura": files_of(federation.enrolled("sakura")),
        "aggregator": files_of(federation.enrolled("--aggregator")),
        "broker": files_of(federation.enrolled("--broker", "127.0.0.1,localhost")),
    }


@pytest.fixture(scope="module")
def broker(kits: dict[str, TlsFiles], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    """The broker."""
    with guarded(tmp_path_factory.mktemp("broker"), kits["broker"].ca_file.parent) as broker:
        yield broker


@pytest.fixture
def connect(broker: GuardedBroker, kits: dict[str, TlsFiles]) -> Iterator[Connect]:
    """Connect somebody by name; everybody leaves in the end."""
    lines = []

    def connect(who: str, **how: object) -> Line:
        line = Line(broker.port, kits[who], **how)  # type: ignore[arg-type]
        lines.append(line)
        return line

    yield connect
    for line in lines:
        line.close()
