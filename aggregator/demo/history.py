"""Fills the store with weeks before the first start: chunks of days, newest first, each loaded once."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.demo.floor import TIME_ZONE, rfc3339
from aggregator.demo.folder import DemoError, Folder, Memory, write_private
from aggregator.demo.supervisor import end, python, spawn

DAYS = 56
CHUNK_DAYS = 7
NICENESS = 10
"""The pages, the agents and the simulator come first."""


class History:
    """Remembers in the folder how far back it has come, so that the next start goes on from there."""

    def __init__(self, folder: Folder, memory: Memory) -> None:
        self._folder = folder
        self._memory = memory
        self._begin = days_before(memory.measured_since_ms, DAYS)

    @property
    def share(self) -> float:
        """How much of the weeks is in the store, 0 to 1."""
        made = self._memory.measured_since_ms - self._memory.history_since_ms
        return min(1.0, made / (self._memory.measured_since_ms - self._begin))

    async def load_newest(self) -> None:
        """Load the first start's day and the one before, unless that is done."""
        if self._memory.history_since_ms == self._memory.measured_since_ms:
            await self._load(1, niceness=0)

    async def load_rest(self, progress: Callable[[float], None]) -> None:
        """Load what is missing, oldest days last; `progress` is told the share that is there."""
        while self._memory.history_since_ms > self._begin:
            progress(self.share)
            await self._load(min(CHUNK_DAYS, self._days_left()))
        progress(1.0)

    def _days_left(self) -> int:
        left_ms = self._memory.history_since_ms - self._begin
        return max(1, round(left_ms / timedelta(days=1).total_seconds() / 1000))

    async def _load(self, days: int, niceness: int = NICENESS) -> None:
        """Load the local days before what is there, `days` full ones; raises DemoError."""
        until_ms = self._memory.history_since_ms
        reader, writer = os.pipe()
        make = python(
            *("-m", "agent", "simulate", "--scenario", str(self._folder.scenario)),
            *("--history-days", str(days), "--until", rfc3339(until_ms)),
        )
        load = python("-m", "aggregator", "db", "load", "-", "--config", str(self._folder.aggregator_config))
        with _log(self._folder).open("ab") as log:
            try:
                maker = await spawn(make, stdout=writer, stderr=log.fileno(), niceness=niceness)
            finally:
                os.close(writer)
            try:
                loader = await spawn(
                    load, stdin=reader, stdout=log.fileno(), stderr=log.fileno(), niceness=niceness
                )
            finally:
                os.close(reader)
        await _to_the_end(maker, loader, _log(self._folder))
        self._memory.history_since_ms = days_before(until_ms, days)
        write_private(self._folder.memory, self._memory.model_dump_json(indent=2) + "\n")


async def _to_the_end(
    maker: asyncio.subprocess.Process, loader: asyncio.subprocess.Process, log: Path
) -> None:
    try:
        codes = [await process.wait() for process in (maker, loader)]
    finally:
        await asyncio.gather(end(maker, 1.0), end(loader, 5.0))
    if any(codes):
        raise DemoError(f"the history could not be loaded; {log} says why")


def days_before(ms: int, days: int) -> int:
    """Return the local midnight `days` days before the one that began the day of `ms` (UTC milliseconds)."""
    moment = datetime.fromtimestamp(ms / 1000, ZoneInfo(TIME_ZONE))
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return round(midnight.timestamp() * 1000)


def _log(folder: Folder) -> Path:
    return folder.logs / "history.log"
