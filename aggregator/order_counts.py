"""Tallies of the machines that work on open orders: windows and live counts in, cycles by job out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.live import LiveMachine
from aggregator.measured_days import MeasuredDays
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.order_facts import Entered, Made
from aggregator.store.timeseries import TimeSeries
from aggregator.tally import Counted, Tally, count_windows, job_now, live_by_job, totals_by_job

SETTLED_AFTER_MS = 3 * HOUR_MS
"""So long after midnight the day before is taken as measured: until then its windows are counted here too."""


class Counts:
    """`read` blocks and may run in a thread; everything else belongs to the event loop's thread."""

    def __init__(
        self, timeseries: TimeSeries, days: MeasuredDays, zone: ZoneInfo, now: Callable[[], int]
    ) -> None:
        self._timeseries = timeseries
        self._days = days
        self._zone = zone
        self._now = now
        self._tallies: dict[MachineKey, Tally] = {}

    def machines(self, entered: Entered, live: Iterable[LiveMachine]) -> set[MachineKey]:
        """Return the machines that work on these orders, did so lately, or may."""
        order_of = entered.order_of
        keys = {each.key for each in live if each.job in order_of}
        for key, assignments in entered.assignments.items():
            if any(each.job in order_of for each in assignments):
                keys.add(key)
        for jobs in entered.jobs.values():
            for job in jobs:
                keys |= {MachineKey(job.factory, machine) for machine in job.machines}
                keys |= {key for key, day in self._days.job_days(job.id) if day >= self._since()}
        return keys

    def missing(self, keys: Collection[MachineKey]) -> set[MachineKey]:
        """Return those of which nothing was read yet."""
        return {key for key in keys if key not in self._tallies}

    def read(self, keys: Collection[MachineKey]) -> dict[MachineKey, Counted]:
        """Return what the machines' recent windows come to; blocks, raises StoreError."""
        since = self._since()
        since_ms = moment_ms(since, 0, self._zone)
        until_ms = moment_ms(since + timedelta(days=3), 0, self._zone)
        found = {}
        for key in keys:
            counted = count_windows(since, self._timeseries.windows(key, since_ms, until_ms))
            if counted.through_total is None and (newest := self._timeseries.latest([key]).get(key)):
                counted = replace(counted, through_total=newest.cycles_total, job=newest.job)
            found[key] = counted
        return found

    def put(self, counted: Mapping[MachineKey, Counted]) -> None:
        """Note what was read."""
        for key, each in counted.items():
            self._tallies.setdefault(key, Tally()).put(each)

    def show(self, live: LiveMachine, entered: Entered) -> set[str]:
        """Note what a machine shows now; return the jobs whose cycles changed by that."""
        tally = self._tallies.get(live.key)
        if tally is None:
            return set()
        before = tally.live_cycles()
        assignments = entered.assignments.get(live.key, ())
        tally.show(live.cycles_total, job_now(live.job, assignments, self._now()))
        after = tally.live_cycles()
        return {job for job in before | after if before.get(job) != after.get(job)}

    def made(self, jobs: Collection[str]) -> Made:
        """Return what machines made of these jobs."""
        days = {job: self._days.job_days(job) for job in jobs}
        totals = totals_by_job(jobs, days, self._tallies)
        measured = self._days.jobs()
        return Made(
            {job: _with_times(each, measured.get(job)) for job, each in totals.items()},
            live_by_job(self._tallies.values()),
        )

    def _since(self) -> date:
        return local_day(self._now() - SETTLED_AFTER_MS, self._zone)


def _with_times(counted: JobTotals, measured: JobTotals | None) -> JobTotals:
    """Take what was counted, and where the time went as the days measured it: that may be a minute older."""
    if measured is None:
        return counted
    return replace(counted, busy_ms=measured.busy_ms, open_ms=measured.open_ms)
