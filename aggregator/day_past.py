"""Days older than those that are kept in memory: which are stale, machine by machine; everything blocks.

They matter where results are written back: a history that was moved there, or came late, is whole there too.
The gap rule takes cycle times of the weeks around a day, so that a day of the past does not change with the
present.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.day_book import RECENT_DAYS, DayBook
from aggregator.day_survey import StaleDay, Survey
from aggregator.model.job import JobTotals
from aggregator.model.machine import Machine, MachineKey
from aggregator.store.machine_days import MachineDays
from aggregator.store.profiles import Profiles
from aggregator.store.results import Results
from aggregator.store.timeseries import TimeSeries

DAY = timedelta(days=1)
Found = tuple[Survey, deque[StaleDay]]


class PastDays:
    """All methods raise StoreError."""

    def __init__(
        self, timeseries: TimeSeries, days: MachineDays, profiles: Profiles, zone: ZoneInfo, results: Results
    ) -> None:
        self._timeseries = timeseries
        self._stored = days
        self._profiles = profiles
        self._zone = zone
        self._results = results

    def look(
        self,
        key: MachineKey,
        machine: Machine | None,
        jobs: Iterable[tuple[MachineKey, date, JobTotals]],
        before: date,
        now_ms: int,
    ) -> Found:
        """Return which of the machine's days before that date are stale, and the survey to measure them with.

        `jobs` is what it did for jobs, by day.
        """
        book = DayBook()
        survey = Survey(
            self._timeseries, self._stored, self._profiles, book, zone=self._zone, results=self._results
        )
        stale: deque[StaleDay] = deque()
        hours = self._timeseries.hours([key], 0, moment_ms(before, 0, self._zone))
        if not hours:
            return survey, stale
        today, first = local_day(now_ms, self._zone), local_day(hours[0].start_ms, self._zone)
        book.leave_out({key} if machine is not None and not machine.tells_pace else ())
        book.put(self._stored.load(first, before, key))
        book.put_jobs(jobs)
        ground = survey.ground([key], now_ms, (today - first).days, [machine] if machine else [])
        survey.look_at_paces(ground, [today - back * DAY for back in range((today - first).days + 1)])
        past = [before - back * DAY for back in range(1, (before - first).days + 1)]
        empty: dict[MachineKey, list[date]] = {}
        for number, days in groupby(past, key=lambda day: day.toordinal() // RECENT_DAYS):
            after = date.fromordinal((number + 1) * RECENT_DAYS)
            stale += survey.look(replace(ground, today=after), list(days), empty)
        return survey, stale
