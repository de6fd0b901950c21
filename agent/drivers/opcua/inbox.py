"""Readings between the library's callback and the driver's stream: in order, bounded, none dropped."""

import asyncio
import contextlib

from agent.errors import LinkError
from agent.measuring.reading import Batch, Reading

LIMIT = 10_000
"""Readings held at most; when it is full the link breaks, because a lost edge would be a lost piece."""


class Inbox:
    """Filled by `put`, emptied by `take`. Once broken it gives what it holds and then raises LinkError."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._reason: str | None = None
        self._changed = asyncio.Event()

    def put(self, reading: Reading) -> None:
        """Add one reading at the end."""
        if len(self._readings) >= LIMIT:
            self.break_off(f"more than {LIMIT} notified values wait to be taken")
        if self._reason is None:
            self._readings.append(reading)
            self._changed.set()

    def break_off(self, reason: str) -> None:
        """Let `take` raise LinkError with the first such reason."""
        self._reason = self._reason or reason
        self._changed.set()

    async def take(self, limit_s: float) -> Batch:
        """Return all readings held; waits up to `limit_s` for the first, and is empty when none came."""
        if not self._changed.is_set() and limit_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._changed.wait()
        batch, self._readings = tuple(self._readings), []
        if not batch and self._reason is not None:
            raise LinkError(self._reason)
        if self._reason is None:
            self._changed.clear()
        return batch
