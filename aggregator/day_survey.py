"""Finds the days whose windows, calendar or gap rule changed, and measures them; everything here blocks.

Whether a day is stale tells a digest of all it is made of: the sums of its windows, its open spans, the
longest gap that is delay, and the version of the rules. So it does not matter who wrote the windows, this
process or another one, nor when.
"""

import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.capacity.calendar import Span, spans_by_machine
from aggregator.capacity.cut import cut_to
from aggregator.capacity.job_totals import jobs_of_day
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.capacity.time_elements import elements_of_day, elements_of_hours, gap_ms
from aggregator.day_book import DayBook
from aggregator.model.calendar import Calendar
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.point import Point
from aggregator.model.window import Totals, Window
from aggregator.results.kpi_points import kpi_points
from aggregator.store.machine_days import MachineDays, MeasuredDay
from aggregator.store.profiles import Profiles
from aggregator.store.results import Results
from aggregator.store.timeseries import TimeSeries

RULES = 2
"""Raise it when the same windows and calendar come to other elements: all days are measured again."""

LATE_MS = 3 * MINUTE_MS
SILENT_STEP_MS = 5 * MINUTE_MS

Written = tuple[str | bool, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a survey stands on: calendars, and each machine's open spans and newest window's end."""

    today: date
    now_ms: int
    calendars: Mapping[str, Calendar]
    newest_ms: Mapping[MachineKey, int]
    spans: Mapping[MachineKey, Sequence[Span]]
    machines: Mapping[MachineKey, Machine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StaleDay:
    """A day to measure; `spans` and `[start_ms, end_ms)` are cut to what of the day is over.

    `basis` is what it will be made of, `was` what the book had when it was found stale.
    """

    key: MachineKey
    day: date
    start_ms: int
    end_ms: int
    spans: tuple[tuple[int, int], ...]
    cycle_s: float | None
    totals: Totals | None
    basis: int
    was: int | None
    machine: Machine | None = None


class Survey:
    """All methods raise StoreError."""

    def __init__(
        self,
        timeseries: TimeSeries,
        days: MachineDays,
        profiles: Profiles,
        book: DayBook,
        *,
        zone: ZoneInfo,
        results: Results | None = None,
    ) -> None:
        self._timeseries = timeseries
        self._stored = days
        self._profiles = profiles
        self._book = book
        self._zone = zone
        self._results = results

    def ground(
        self,
        keys: Collection[MachineKey] | None,
        now_ms: int,
        days: int,
        machines: Iterable[Machine] = (),
    ) -> Ground:
        """Return what a survey of these machines (or all) over the last so many days stands on."""
        if keys is None:
            keys = list(self._timeseries.machines())
        today = local_day(now_ms, self._zone)
        since_ms, until_ms = self._midnight(today - timedelta(days=days)), self._midnight(today, 1)
        latest = self._timeseries.latest(keys)
        newest = {key: window.start_ms + window.length_ms for key, window in latest.items()}
        by_factory: dict[str, list[MachineKey]] = {}
        for key in keys:
            by_factory.setdefault(key.factory, []).append(key)
        spans: dict[MachineKey, Sequence[Span]] = dict.fromkeys(keys, ())
        calendars = self.calendars()
        for factory in calendars.keys() & by_factory.keys():
            names = [key.machine for key in by_factory[factory]]
            open_ = spans_by_machine(calendars[factory], names, since_ms, until_ms, self._zone)
            spans |= {MachineKey(factory, machine): found for machine, found in open_.items()}
        known = {machine.key: machine for machine in machines}
        return Ground(today, now_ms, calendars, newest, spans, known)

    def calendars(self) -> dict[str, Calendar]:
        """Return the calendars of factories that have one."""
        profiles = self._profiles.all().items()
        return {factory: profile.calendar for factory, profile in profiles if profile.calendar is not None}

    def look(
        self, ground: Ground, days: Sequence[date], empty: dict[MachineKey, list[date]]
    ) -> deque[StaleDay]:
        """Return which of these days (a run of them, the newest first) are stale, the newest first.

        A day without any window counts from the machine's first window on: until an older day has one, it
        waits in `empty`.
        """
        totals = self.look_at_paces(ground, days)
        cycles = {key: self._gap_cycle_s(key, ground.today) for key in ground.spans}
        stale: deque[StaleDay] = deque()
        for day in days:
            for key, cycle_s in cycles.items():
                found = totals.get((key, day))
                first = self._book.first_day(key)
                if found is None and (first is None or first > day):
                    empty.setdefault(key, []).append(day)
                    continue
                waiting = empty.pop(key, [])
                several = [self._stale(ground, key, each, cycle_s, None) for each in waiting]
                several.append(self._stale(ground, key, day, cycle_s, found))
                stale += [one for one in several if one is not None]
        return stale

    def look_at_paces(self, ground: Ground, days: Sequence[date]) -> Mapping[tuple[MachineKey, date], Totals]:
        """Note what these days (a run of them, the newest first) say of cycle times; return their sums."""
        totals = self._totals(ground, days)
        self._book.put_paces(
            (key, day, (found.state_ms[0], found.cycles)) for (key, day), found in totals.items()
        )
        return totals

    def measure(self, stale: deque[StaleDay], within_s: float) -> list[MeasuredDay]:
        """Take as many days off the front as fit into `within_s` (one at least), measure and store them.

        Days that someone measured since they were found stale are dropped: that was newer. A day whose
        windows have gone stays what it was. Hours are written back before their day counts as measured: what
        breaks in between is done again.
        """
        end = time.monotonic() + within_s
        measured: list[MeasuredDay] = []
        points: list[Point] = []
        while stale:
            each = stale.popleft()
            if self._book.basis(each.key, each.day) == each.was:
                windows = self._windows(each)
                known = self._book.row(each.key, each.day)
                if windows is None and known is not None:
                    measured.append(known._replace(basis=each.basis))
                else:
                    windows = windows if windows is not None else self._merged(each)
                    measured.append(_measured(each, windows))
                    points += _points(each, windows) if self._results is not None else ()
                if time.monotonic() >= end:
                    break
        if self._results is not None:
            self._results.write(points)
        self._stored.save(measured)
        return measured

    def _totals(self, ground: Ground, days: Sequence[date]) -> dict[tuple[MachineKey, date], Totals]:
        start_ms, end_ms = self._midnight(days[-1]), self._midnight(days[0], 1)
        by_start = {self._midnight(day): day for day in days}
        found = self._timeseries.days(list(ground.spans), start_ms, end_ms, self._zone)
        return {(each.key, by_start[each.start_ms]): each for each in found}

    def _gap_cycle_s(self, key: MachineKey, today: date) -> float | None:
        """Return the cycle time that the gap rule uses: two figures of it, so that it seldom changes."""
        cycle_s = self._book.cycle_s(key, today)
        return None if cycle_s is None else float(f"{cycle_s:.2g}")

    def _stale(
        self, ground: Ground, key: MachineKey, day: date, cycle_s: float | None, totals: Totals | None
    ) -> StaleDay | None:
        start_ms, end_ms = self._midnight(day), self._midnight(day, 1)
        if day == ground.today:
            end_ms = min(end_ms, max(start_ms, over_until(ground.now_ms, ground.newest_ms.get(key))))
        spans = _between(ground.spans[key], start_ms, end_ms)
        machine, was = ground.machines.get(key), self._book.basis(key, day)
        basis = basis_of(end_ms, gap_ms(cycle_s), spans, totals, self._written(machine))
        if basis == was:
            return None
        return StaleDay(key, day, start_ms, end_ms, spans, cycle_s, totals, basis, was, machine)

    def _written(self, machine: Machine | None) -> Written:
        """Return what decides where and how a machine's hours are written back."""
        if self._results is None:
            return ()
        described = (machine.process or "", machine.tells_states) if machine else ()
        return (self._results.place, *described)

    def _windows(self, stale: StaleDay) -> list[Window] | None:
        """Return the day's windows; those before opening and after closing only if they hold any work.

        None where some have gone: hours, which are kept for good, hold more than they do.
        """
        opened: list[Window] = []
        if stale.spans:
            opened = self._read(stale.key, stale.spans[0][0], stale.spans[-1][1])
        if stale.totals is None:
            return opened
        if _work(opened) == _work([stale.totals]) and (opened or not stale.spans):
            return opened
        whole_day = stale.key, stale.start_ms, self._midnight(stale.day, 1)  # as totals are
        found = list(self._timeseries.windows(*whole_day))
        if sum(window.length_ms for window in found) < sum(stale.totals.state_ms):
            return None
        return self._cut(stale.key, found, stale.start_ms, stale.end_ms)

    def _merged(self, stale: StaleDay) -> list[Window]:
        """Return a window an hour, of which only sums are known any more."""
        hours = self._timeseries.hours([stale.key], stale.start_ms, stale.end_ms)
        return [hour.merged() for hour in hours]

    def _read(self, key: MachineKey, start_ms: int, end_ms: int) -> list[Window]:
        return self._cut(key, list(self._timeseries.windows(key, start_ms, end_ms)), start_ms, end_ms)

    def _cut(self, key: MachineKey, found: list[Window], start_ms: int, end_ms: int) -> list[Window]:
        if not found or found[0].start_ms > start_ms:  # one that began before may reach into it
            found = [*self._timeseries.windows(key, start_ms - HOUR_MS, start_ms), *found]
        inside = not found or (
            found[0].start_ms >= start_ms and found[-1].start_ms + found[-1].length_ms <= end_ms
        )
        return found if inside else list(cut_to(found, start_ms, end_ms))

    def _midnight(self, day: date, later: int = 0) -> int:
        return moment_ms(day + timedelta(days=later), 0, self._zone)


def over_until(now_ms: int, newest_ms: int | None) -> int:
    """Return up to when today's time counts as over: nothing after it is unknown yet.

    That is the end of the machine's newest window as long as it keeps sending; once it is late, the clock's
    time in steps of five minutes.
    """
    step_ms = now_ms - now_ms % SILENT_STEP_MS
    if newest_ms is None or newest_ms > now_ms + LATE_MS:
        return step_ms
    return newest_ms if newest_ms >= now_ms - LATE_MS else max(step_ms, newest_ms)


def basis_of(
    end_ms: int,
    longest_delay_ms: int,
    spans: tuple[tuple[int, int], ...],
    totals: Totals | None,
    written: Written = (),
) -> int:
    """Return a digest of all that a day is made of, and of where its hours are `written` back to."""
    sums = None if totals is None else (totals.state_ms, totals.cycles, totals.good, totals.scrap)
    text = repr((RULES, end_ms, longest_delay_ms, spans, sums, *written))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _measured(stale: StaleDay, windows: Sequence[Window]) -> MeasuredDay:
    elements = elements_of_day(stale.key, stale.day, windows, stale.spans, stale.cycle_s)
    running_ms = 0
    if stale.totals is not None:  # a window counts where it begins, as in all sums of the store
        running_ms = stale.totals.state_ms[0]
        sums = stale.totals
        elements = replace(elements, cycles=sums.cycles, good=sums.good, scrap=sums.scrap)
    return MeasuredDay(elements, running_ms, stale.basis, tuple(jobs_of_day(windows, stale.spans)))


def _points(stale: StaleDay, windows: Sequence[Window]) -> Iterator[Point]:
    hours = elements_of_hours(windows, stale.spans, stale.cycle_s)
    return kpi_points(stale.key, stale.machine, hours, stale.start_ms, stale.end_ms)


def _between(spans: Sequence[Span], start_ms: int, end_ms: int) -> tuple[tuple[int, int], ...]:
    first = bisect_right(spans, start_ms, key=lambda span: span.end_ms)
    last = bisect_left(spans, end_ms, key=lambda span: span.start_ms)
    return tuple((max(span.start_ms, start_ms), min(span.end_ms, end_ms)) for span in spans[first:last])


def _work(many: Iterable[Window | Totals]) -> tuple[int, int]:
    """Return busy milliseconds and cycles."""
    busy_ms = cycles = 0
    for each in many:
        running, setup, _, down, _, _ = each.state_ms
        busy_ms += running + setup + down
        cycles += each.cycles
    return busy_ms, cycles
