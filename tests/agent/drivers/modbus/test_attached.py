"""The driver behind the link that keeps it attached, with servers that fail as real ones do."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import msgspec

from agent.drivers.modbus.driver import readings
from agent.drivers.modbus.settings import Settings
from agent.link import BackOff, LinkStatus, attach
from agent.measuring.reading import Batch
from tests.agent.drivers.modbus.peer import free_port, scripted, serving
from tests.agent.drivers.processes import compiled, running
from tests.agent.drivers.streams import first, ticking, until

SIGNALS = {"parts": {"input": 0}, "green": {"discrete": 0}}


@contextlib.asynccontextmanager
async def attached(port: int, status: LinkStatus) -> AsyncIterator[AsyncGenerator[Batch, None]]:
    table = {"host": "127.0.0.1", "port": port, "poll_ms": 20, "timeout_s": 1.0, "signals": SIGNALS}
    settings = msgspec.convert(table, Settings)
    stream = attach(
        "pr-01",
        tuple(SIGNALS),
        lambda: readings(settings, ticking()),
        ticking(),
        status=status,
        silence_s=settings.silence_s,
        back_off=BackOff(first_s=0.05, longest_s=0.2),
    )
    async with contextlib.aclosing(stream):
        yield stream


async def test_a_server_that_dies_and_returns_is_found_again() -> None:
    status, port = LinkStatus(), free_port()
    async with attached(port, status) as stream:
        async with serving(inputs={0: [5]}, port=port) as peer:
            await until(stream, "parts", 5)
            await peer.stop()
            unknown = await until(stream, "parts", None)
            assert {reading.value for reading in unknown} == {None}
        async with serving(inputs={0: [6]}, port=port):
            await until(stream, "parts", 6)
    assert status.reconnects >= 1


async def test_a_frozen_server_is_unknown_and_its_values_flow_again(tmp_path: Path) -> None:
    program = compiled("libmodbus_server.c", tmp_path, "libmodbus")
    with running([program]) as peer:
        async with attached(peer.port, LinkStatus()) as stream:
            await until(stream, "parts", 1000)
            peer.freeze()
            try:
                await until(stream, "parts", None)
            finally:
                peer.thaw()
            await until(stream, "parts", 1000)


async def test_a_unit_that_never_answers_does_not_delay_the_others() -> None:
    async with (
        scripted(lambda _function, _address, _count: None) as dead,
        serving(inputs={0: [5]}) as peer,
        attached(dead, LinkStatus()) as silent,
        attached(peer.port, LinkStatus()) as alive,
    ):
        waiting = asyncio.create_task(first(silent))
        for value in range(6, 16):
            await peer.put("input", 0, [value])
            await until(alive, "parts", value)
        gone = await waiting
        assert gone["parts"].quality.startswith(f"Modbus 127.0.0.1:{dead} unit 1 did not answer within 1.0 s")
