"""What agents are to be told: wishes and announcements in, NCMD and DCMD messages out.

Of each kind only the newest for a factory or machine waits, so what waits is bounded by their number.
"""

import asyncio
from collections.abc import Callable

from agent.contract import names
from agent.contract.sparkplug import DataType, Metric, Payload, encode
from agent.contract.topics import Topic
from aggregator.ingest import metrics
from aggregator.model.machine import MachineKey
from aggregator.status import Status

Message = tuple[str, bytes]
"""(topic, payload)"""


class Commands:
    """The commands that wait to be published; `now` gives UTC milliseconds."""

    def __init__(self, federation: str, status: Status, now: Callable[[], int]) -> None:
        self._federation = federation
        self._status = status
        self._now = now
        self._rebirths: dict[str, None] = {}
        self._stored: dict[str, tuple[str, int]] = {}
        self._jobs: dict[MachineKey, str] = {}
        self._waiting = asyncio.Event()

    def rebirth(self, factory: str) -> None:
        """Ask the factory's agent for its births."""
        self._rebirths[factory] = None
        self._waiting.set()

    def stored(self, factory: str, epoch: str, through: int) -> None:
        """Announce that records up to `through` of the outbox with this epoch are stored for good."""
        self._stored[factory] = (epoch, through)
        self._waiting.set()

    def job(self, key: MachineKey, job: str) -> None:
        """Say which job the machine works on from now on; "" for none."""
        self._jobs[key] = job
        self._waiting.set()

    def clear(self) -> None:
        """Forget what waits: the connection it was meant for is gone."""
        self._rebirths.clear()
        self._stored.clear()
        self._jobs.clear()

    async def next(self) -> Message:
        """Return the next message to publish, as soon as there is one."""
        while True:
            if self._rebirths:
                factory = next(iter(self._rebirths))
                del self._rebirths[factory]
                metrics.REBIRTHS.inc()
                return self._message("NCMD", factory, (names.REBIRTH, DataType.BOOLEAN, True))
            if self._jobs:
                key = next(iter(self._jobs))
                told_job = (names.JOB, DataType.STRING, self._jobs.pop(key))
                return self._message("DCMD", key.factory, told_job, machine=key.machine)
            if self._stored:
                factory = next(iter(self._stored))
                epoch, through = self._stored.pop(factory)
                self._status.last_announced_ms = self._now()
                told = (names.STORED_EPOCH, DataType.STRING, epoch)
                return self._message("NCMD", factory, told, (names.STORED_THROUGH, DataType.INT64, through))
            self._waiting.clear()
            await self._waiting.wait()

    def _message(
        self,
        kind: str,
        factory: str,
        *values: tuple[str, DataType, bool | int | str],
        machine: str | None = None,
    ) -> Message:
        now_ms = self._now()
        told = tuple(Metric(name, value, datatype, None, now_ms) for name, datatype, value in values)
        return str(Topic(self._federation, kind, factory, machine)), encode(Payload(now_ms, told))
