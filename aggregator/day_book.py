"""What is known of every machine's days, in memory: measured days in, the figures that others ask for out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from types import MappingProxyType

from aggregator.capacity.job_totals import add_jobs
from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.machine_days import NO_BASIS, MeasuredDay

RECENT_DAYS = 28
"""Cycle times and yields are those of so many of the newest days that have any."""

Pace = tuple[int, int]
"""Milliseconds RUNNING and cycles of a day, at any hour."""

_NO_PACES: Mapping[date, Pace] = {}


class DayBook:
    """Read from several threads, written by one at a time: what it hands out never changes."""

    def __init__(self) -> None:
        self._rows: dict[MachineKey, dict[date, MeasuredDay]] = {}
        self._days: Mapping[MachineKey, Sequence[MachineDay]] = MappingProxyType({})
        self._paces: dict[MachineKey, Mapping[date, Pace]] = {}
        self._paceless: Collection[MachineKey] = ()
        self._cycles_s: dict[MachineKey, tuple[Mapping[date, Pace], date, float | None]] = {}
        self._jobs_of_day: dict[tuple[MachineKey, date], tuple[JobTotals, ...]] = {}
        self._job_days: dict[str, dict[tuple[MachineKey, date], JobTotals]] = defaultdict(dict)
        self._jobs: Mapping[str, JobTotals] = MappingProxyType({})

    @property
    def days(self) -> Mapping[MachineKey, Sequence[MachineDay]]:
        """Every machine's days in order."""
        return self._days

    @property
    def jobs(self) -> Mapping[str, JobTotals]:
        """What machines did for each job, by job."""
        return self._jobs

    def job_days(self, job: str) -> Mapping[tuple[MachineKey, date], JobTotals]:
        """Return what machines did for the job, by machine and day."""
        return dict(self._job_days.get(job, {}))  # copied at once: another thread may add to it

    def basis(self, key: MachineKey, day: date) -> int | None:
        """Return what the day was made of; None while it is not measured."""
        row = self._rows.get(key, {}).get(day)
        return None if row is None else row.basis

    def row(self, key: MachineKey, day: date) -> MeasuredDay | None:
        """Return the day as it was measured, with what it did for jobs; None while it is not measured."""
        row = self._rows.get(key, {}).get(day)
        return None if row is None else row._replace(jobs=self._jobs_of_day.get((key, day), ()))

    def first_day(self, key: MachineKey) -> date | None:
        """Return the machine's oldest measured day."""
        days = self._days.get(key)
        return days[0].day if days else None

    def cycle_s(self, key: MachineKey, today: date) -> float | None:
        """Return the median of the newest days' RUNNING seconds a cycle; today counts while it is alone.

        None for a machine that does not tell all states and cycles: RUNNING by cycles is no cycle time.
        """
        if key in self._paceless:
            return None
        paces = self._paces.get(key, _NO_PACES)
        known = self._cycles_s.get(key)
        if known is None or known[0] is not paces or known[1] != today:
            known = self._cycles_s[key] = paces, today, _median_cycle_s(paces, today)
        return known[2]

    def leave_out(self, paceless: Collection[MachineKey]) -> None:
        """Note which machines' cycle times cannot be told from what they share."""
        self._paceless = paceless

    def good_share(self, key: MachineKey) -> float | None:
        """Return good pieces as a share of all, over the newest days that counted any."""
        newest = [day for day in reversed(self._days.get(key, ())) if day.good is not None]
        good = sum(day.good or 0 for day in newest[:RECENT_DAYS])
        pieces = good + sum(day.scrap or 0 for day in newest[:RECENT_DAYS])
        return good / pieces if pieces else None

    def forget_basis(self, key: MachineKey, first: date, last: date) -> None:
        """Let these days count as made of something else: whoever looks at them measures them anew."""
        rows = self._rows.get(key, {})
        for day in [day for day in rows if first <= day <= last]:
            rows[day] = rows[day]._replace(basis=NO_BASIS)

    def put_paces(self, paces: Iterable[tuple[MachineKey, date, Pace]]) -> None:
        """Remember what days say of cycle times, before the days themselves are measured."""
        fresh: dict[MachineKey, dict[date, Pace]] = {}
        for key, day, pace in paces:
            if self._paces.get(key, {}).get(day) != pace:
                fresh.setdefault(key, {})[day] = pace
        for key, days in fresh.items():
            self._paces[key] = {**self._paces.get(key, {}), **days}  # never changed: others may read it

    def put(self, rows: Iterable[MeasuredDay]) -> frozenset[MachineKey]:
        """Add days or replace them, jobs included; return the machines of which anything changed."""
        rows = list(rows)
        changed, jobs = set(), set()
        for row in rows:
            key, day = row.elements.key, row.elements.day
            before = self._rows.setdefault(key, {}).get(day)
            self._rows[key][day] = row
            if before is None or before.elements != row.elements:
                changed.add(key)
            jobs |= self._put_jobs(key, day, row.jobs)
        self.put_paces(
            (row.elements.key, row.elements.day, (row.running_ms, row.elements.cycles)) for row in rows
        )
        self._show(changed)
        self._add_up(jobs)
        return frozenset(changed)

    def put_jobs(self, found: Iterable[tuple[MachineKey, date, JobTotals]]) -> None:
        """Add what machines did for jobs on days that are as stored."""
        by_day: dict[tuple[MachineKey, date], list[JobTotals]] = defaultdict(list)
        for key, day, totals in found:
            by_day[key, day].append(totals)
        jobs: set[str] = set()
        for (key, day), of_day in by_day.items():
            jobs |= self._put_jobs(key, day, tuple(of_day))
        self._add_up(jobs)

    def put_past_jobs(self, rows: Iterable[MeasuredDay]) -> None:
        """Add what machines did for jobs on days that are older than those that are kept here."""
        jobs: set[str] = set()
        for row in rows:
            jobs |= self._put_jobs(row.elements.key, row.elements.day, row.jobs)
        self._add_up(jobs)

    def jobs_of(self, key: MachineKey) -> list[tuple[MachineKey, date, JobTotals]]:
        """Return what the machine did for jobs, by day."""
        known = list(self._jobs_of_day.items())
        return [(key, day, totals) for (it, day), of_day in known if it == key for totals in of_day]

    def forget_before(self, first: date) -> None:
        """Drop older days; what jobs did stays."""
        old = {key for key, days in self._days.items() if days and days[0].day < first}
        for key in old:
            self._rows[key] = {day: row for day, row in self._rows[key].items() if day >= first}
            self._paces[key] = {day: pace for day, pace in self._paces[key].items() if day >= first}
        self._show(old)

    def _put_jobs(self, key: MachineKey, day: date, now: tuple[JobTotals, ...]) -> set[str]:
        before = self._jobs_of_day.get((key, day), ())
        if before == now:
            return set()
        self._jobs_of_day[key, day] = now
        for totals in before:
            self._job_days[totals.job].pop((key, day), None)
        for totals in now:
            self._job_days[totals.job][key, day] = totals
        return {totals.job for totals in (*before, *now)}

    def _add_up(self, jobs: Iterable[str]) -> None:
        fresh = dict(self._jobs)
        for job in jobs:
            fresh.pop(job, None)
            for totals in self._job_days[job].values():
                fresh[job] = add_jobs(fresh[job], totals) if job in fresh else totals
        self._jobs = MappingProxyType(fresh)

    def _show(self, keys: Iterable[MachineKey]) -> None:
        fresh = dict(self._days)
        for key in keys:
            rows = self._rows[key]
            fresh[key] = tuple(rows[day].elements for day in sorted(rows))
        self._days = MappingProxyType(fresh)


def _median_cycle_s(paces: Mapping[date, Pace], today: date) -> float | None:
    worked = sorted((day for day, (_, cycles) in paces.items() if cycles and day <= today), reverse=True)
    complete = [day for day in worked if day < today] or worked
    found = [paces[day][0] / paces[day][1] / 1000 for day in complete[:RECENT_DAYS]]
    return median(found) or None if found else None
