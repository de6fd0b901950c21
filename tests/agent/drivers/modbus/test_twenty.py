"""Twenty units, one of them dead: the others keep their samples, and it is found when it is back."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from agent.drivers.modbus.driver import readings
from agent.drivers.modbus.settings import Settings
from agent.link import BackOff, LinkStatus, attach
from tests.agent.drivers.modbus.lines import Units, pair
from tests.agent.drivers.modbus.peer import registers_pdu, scripted
from tests.agent.drivers.streams import ticking

UNITS = range(1, 21)
DEAD = 20
MOST_LOST = 0.01
"""Of the samples of each healthy unit."""


class Watch:
    """Counts samples by unit, and notes when the dead one was heard."""

    def __init__(self) -> None:
        self.samples: Counter[int] = Counter()
        self.heard_s: float | None = None

    async def follow(self, settings: Settings) -> None:
        """Follow one unit as the agent does, for ever."""
        stream = attach(
            f"unit {settings.unit}",
            tuple(settings.signals),
            lambda: readings(settings, ticking()),
            ticking(),
            status=LinkStatus(),
            silence_s=settings.silence_s,
        )
        async with contextlib.aclosing(stream):
            async for batch in stream:
                if all(reading.value is not None for reading in batch):
                    self.samples[settings.unit] += 1
                    if settings.unit == DEAD:
                        self.heard_s = self.heard_s or time.monotonic()


@contextlib.asynccontextmanager
async def watched(place: dict[str, object]) -> AsyncIterator[Watch]:
    watch = Watch()
    tables = [{**place, "unit": unit, "signals": {"parts": {"holding": 0}}} for unit in UNITS]
    tasks = [asyncio.create_task(watch.follow(msgspec.convert(table, Settings))) for table in tables]
    try:
        yield watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def assert_nearly_all(samples: Counter[int]) -> None:
    """The unit that was read most tells how many samples this computer had time for."""
    healthy = [samples[unit] for unit in UNITS if unit != DEAD]
    assert samples[DEAD] == 0
    assert sum(healthy) >= (1 - MOST_LOST) * len(healthy) * max(healthy) - len(healthy)


async def test_on_tcp_the_others_keep_their_samples_and_the_dead_one_is_found_within_its_back_off() -> None:
    is_alive = False

    def answer(unit: int, function: int) -> bytes | None:
        return registers_pdu(function, [unit]) if unit != DEAD or is_alive else None

    async with (
        scripted(lambda *_: None, answer) as port,
        watched({"host": "127.0.0.1", "port": port, "poll_ms": 100, "timeout_s": 1.0}) as watch,
    ):
        await asyncio.sleep(9)
        assert_nearly_all(watch.samples)
        assert max(watch.samples.values()) > 20
        is_alive, back_s = True, time.monotonic()
        async with asyncio.timeout(60):
            while watch.heard_s is None:  # noqa: ASYNC110  what is waited for happens in other tasks
                await asyncio.sleep(0.05)
        assert watch.heard_s - back_s < BackOff().longest_s + 5


async def test_on_one_serial_line_they_do_so_too(tmp_path: Path) -> None:
    with pair(tmp_path) as ends, Units(ends[1], {unit: lambda _: 0.0 for unit in UNITS if unit != DEAD}):
        table: dict[str, object] = {"serial": str(ends[0]), "poll_ms": 1_000, "timeout_s": 0.3, "pause_ms": 1}
        async with watched(table) as watch:
            await asyncio.sleep(12)
        assert_nearly_all(watch.samples)
        assert max(watch.samples.values()) > 4, "the line was read"
