import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.drivers.modbus.driver import readings
from agent.drivers.modbus.settings import Settings
from agent.errors import LinkError
from tests.agent.drivers.processes import Peer, compiled, running
from tests.agent.drivers.streams import first, ticking, until

WANTED = {
    "first": {"input": 0},
    "last": {"input": 9},
    "beyond": {"input": 10},
    "weight": {"holding": 10, "type": "float32", "order": "CDAB"},
    "offset": {"holding": 12, "type": "int32"},
    "door": {"coil": 3},
    "green": {"discrete": 5},
    "red": {"discrete": 4},
}
FOUND = {
    "first": 1000,
    "last": 1009,
    "beyond": None,
    "weight": 123456.0,
    "offset": -2,
    "door": True,
    "green": True,
    "red": False,
}
"""What the server made with libmodbus holds."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("libmodbus_server.c", tmp_path_factory.mktemp("libmodbus"), "libmodbus")


@pytest.fixture
def server(program: Path) -> Iterator[Peer]:
    with running([program]) as peer:
        yield peer


def settings(peer: Peer, timeout_s: float = 10.0) -> Settings:
    table = {"host": "127.0.0.1", "port": peer.port, "poll_ms": 20, "timeout_s": timeout_s, "signals": WANTED}
    return msgspec.convert(table, Settings)


async def test_libmodbus_is_read_and_its_missing_register_harms_nothing_else(server: Peer) -> None:
    async with contextlib.aclosing(readings(settings(server), ticking())) as stream:
        seen = await first(stream)
    assert {name: got.value for name, got in seen.items()} == FOUND
    assert seen["beyond"].quality == "exception 2: illegal data address (input 10)"


async def test_a_frozen_server_breaks_the_link_within_the_time_out(server: Peer) -> None:
    async with contextlib.aclosing(readings(settings(server, 1.0), ticking())) as stream:
        await first(stream)
        server.freeze()
        with pytest.raises(LinkError, match=r"did not answer within 1\.0 s"):
            await until(stream, "first", -1)
        server.thaw()
    async with contextlib.aclosing(readings(settings(server), ticking())) as stream:
        assert (await first(stream))["first"].value == 1000
