"""Keeps the time elements of every machine and day in step with windows and calendars."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from aggregator.live import Board
from aggregator.store.machine_days import MachineDays
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries


class MeasuredDays:
    """`now` gives UTC milliseconds."""

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
        self._days = days
        self._records = records
        self._profiles = profiles
        self._board = board
        self._zone = zone
        self._now = now

    async def run(self) -> None:
        """Follow what is stored until cancelled."""
