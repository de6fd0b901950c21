"""A floor that runs inside a test, and the clock it runs by."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.simulator.plant import Scenario
from agent.simulator.runner import Floor
from agent.simulator.truth import GroundTruth

DEADLINE_S = 60.0
LOOK_EVERY_S = 0.02


async def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened; AssertionError after the deadline."""
    for _look in range(int(DEADLINE_S / LOOK_EVERY_S)):
        if happened():
            return
        await asyncio.sleep(LOOK_EVERY_S)
    raise AssertionError("did not happen in time")


class Clock:
    """A wall clock that runs from a moment that the test sets; a `held` one stands still until it is set."""

    def __init__(self, at_ms: int, held: bool = False) -> None:
        self.at_ms = at_ms
        self.set_at = math.inf if held else time.monotonic()

    def set(self, at_ms: int) -> None:
        self.at_ms, self.set_at = at_ms, time.monotonic()

    def __call__(self) -> int:
        return self.at_ms + int(max(0.0, time.monotonic() - self.set_at) * 1000)


@asynccontextmanager
async def running(
    scenario: Scenario, path: Path | None, now: Callable[[], int], control: Path | None = None
) -> AsyncIterator[Floor]:
    """Run the floor until the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    with GroundTruth(path) as truth:
        floor = Floor(scenario, truth, now, control)
        task = asyncio.create_task(floor.run(stop, ready.set))
        waiting = asyncio.create_task(ready.wait())
        try:
            async with asyncio.timeout(DEADLINE_S):
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            yield floor
        finally:
            waiting.cancel()
            stop.set()
            await task
