"""A publisher that runs in a test, with its outbox, and waiting for what it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from agent.config import Config
from agent.contract import names
from agent.contract.records import Record
from agent.contract.sparkplug import Scalar
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.outbox import Outbox, open_outbox
from agent.publisher import Publisher
from tests.agent.records import NOON_MS

IDLE = Live(State.IDLE, NOON_MS, 100, None, "")
HEALTH: dict[str, Scalar | None] = {
    names.VERSION: "1.2.3",
    names.TIME_SYNCHRONISED: True,
    names.MEMORY_BYTES: 30_000_000,
    names.UPTIME_S: 5,
}


class Line:
    """A publisher with its outbox; `append` does what the journal does."""

    def __init__(self, outbox: Outbox, publisher: Publisher) -> None:
        self.outbox = outbox
        self.publisher = publisher
        self.jobs: list[tuple[str, str]] = []

    async def append(self, *records: Record) -> None:
        """Append records, and tell the publisher so."""
        await asyncio.to_thread(self.outbox.append, records, {})
        self.publisher.appended(self.outbox.last_sequence)


def now() -> int:
    """Return the time of which the publisher's clock never moves."""
    return NOON_MS + 5 * 60_000


@contextlib.asynccontextmanager
async def running(settings: Config) -> AsyncIterator[Line]:
    """Run a publisher until the end of the block; it says goodbye then."""
    outbox = await asyncio.to_thread(open_outbox, settings.data)
    jobs: list[tuple[str, str]] = []
    publisher = Publisher(settings, outbox, now, health=lambda: HEALTH, set_job=lambda *job: jobs.append(job))
    for machine in settings.machines:
        publisher.show(machine.id, IDLE)
    task = asyncio.create_task(publisher.run())
    line = Line(outbox, publisher)
    line.jobs = jobs
    try:
        yield line
    finally:
        publisher.stop()
        await asyncio.wait_for(task, 30)
        await asyncio.to_thread(outbox.close)


async def until(done: Callable[[], object], what: str, within_s: float = 60) -> None:
    """Wait in the loop until `done()`."""
    try:
        async with asyncio.timeout(within_s):
            while not done():  # noqa: ASYNC110  what is waited for happens in another thread
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {what}") from None
