"""Ways to take readings from a driver or link in a test, each with a deadline instead of a sleep."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count

from agent.measuring.reading import Batch, Reading, Value

DEADLINE_S = 60.0


def ticking() -> Callable[[], int]:
    """Return a clock in ms that moves by one at every call."""
    times = count(1_000_000)
    return lambda: next(times)


async def first(stream: AsyncIterator[Batch]) -> dict[str, Reading]:
    """Return the next batch that holds anything, by signal."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            batch = await anext(stream)
            if batch:
                return {reading.signal: reading for reading in batch}


async def until(stream: AsyncIterator[Batch], signal: str, value: Value | None) -> list[Reading]:
    """Take readings until `signal` has `value`; returns all that were taken."""
    taken: list[Reading] = []
    async with asyncio.timeout(DEADLINE_S):
        async for batch in stream:
            taken += batch
            if any(reading.signal == signal and reading.value == value for reading in batch):
                return taken
    raise AssertionError(f"the stream ended before {signal} was {value!r}")
