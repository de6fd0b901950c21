import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec
import pytest

from agent import commissioning
from agent.drivers.modbus import driver
from agent.drivers.modbus.settings import Settings
from agent.errors import LinkError
from agent.measuring.reading import GOOD, Batch
from tests.agent.drivers.modbus.peer import scripted, serving
from tests.agent.drivers.streams import ticking

SIGNALS = {"parts": {"holding": 1}, "beyond": {"holding": 500}, "green": {"coil": 0}}


def settings(port: int, **changes: object) -> Settings:
    return msgspec.convert({"host": "127.0.0.1", "port": port, "signals": SIGNALS} | changes, Settings)


async def test_a_check_returns_every_signal_with_value_and_quality() -> None:
    async with serving({0: [5, 6]}) as peer:
        batch = await commissioning.check("modbus", settings(peer.port), ticking())
    assert [(reading.signal, reading.value, reading.quality) for reading in batch] == [
        ("parts", 6, GOOD),
        ("beyond", None, "exception 2: illegal data address (holding 500)"),
        ("green", False, GOOD),
    ]


async def test_a_check_of_a_dead_machine_says_why() -> None:
    async with scripted(lambda _function, _address, _count: None) as port:
        with pytest.raises(LinkError, match=r"did not answer within 0\.1 s"):
            await commissioning.check("modbus", settings(port, timeout_s=0.1), ticking())


async def test_a_check_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def readings(_settings: Settings, _now: Callable[[], int]) -> AsyncGenerator[Batch, None]:
        await asyncio.sleep(3600)
        yield ()

    monkeypatch.setattr(driver, "readings", readings)
    with pytest.raises(LinkError, match=r"no values came within 0\.05 s"):
        await commissioning.check("modbus", settings(1), ticking(), limit_s=0.05)
