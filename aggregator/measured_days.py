"""Keeps the time elements of every machine and day in step with windows and calendars."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from zoneinfo import ZoneInfo

from aggregator.live import Board
from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.machine_days import MachineDays
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries


class MeasuredDays:
    """`now` gives UTC milliseconds. Everything it tells is in memory; nothing here waits for the store."""

    def __init__(
        self,
        *,
        timeseries: TimeSeries,
        days: MachineDays,
        records: Records,
        profiles: Profiles,
        board: Board,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._timeseries = timeseries
        self._stored = days
        self._records = records
        self._profiles = profiles
        self._board = board
        self._zone = zone
        self._now = now
        self._days: Mapping[MachineKey, Sequence[MachineDay]] = MappingProxyType({})
        self._told = Board()

    def days(self) -> Mapping[MachineKey, Sequence[MachineDay]]:
        """Return every machine's days, in order, up to 26 weeks back; what was returned never changes."""
        return self._days

    def jobs(self) -> Mapping[str, JobTotals]:
        """Return what machines did with each job's tag on, by job."""
        return {}

    def newest_ms(self, key: MachineKey) -> int | None:
        """Return the end of the machine's newest window (UTC ms); None without one."""
        return None

    def cycle_s(self, key: MachineKey) -> float | None:
        """Return the machine's measured median cycle time; None where no cycles were counted."""
        return None

    def good_share(self, key: MachineKey) -> float | None:
        """Return good pieces as a share (0 to 1) of all; None where the machine does not count them."""
        return None

    @property
    def progress(self) -> float:
        """How much of the past is measured, 0 to 1."""
        return 1.0

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[frozenset[MachineKey]]]:
        """Give an iterator of the sets of machines whose days changed since the last one."""
        return self._told.listen()

    async def refresh(self) -> None:
        """Bring every day up to date once."""

    async def run(self) -> None:
        """Follow what is stored until cancelled or the board closes."""
