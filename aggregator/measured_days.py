"""Keeps the time elements of every machine and day in step with windows and calendars.

What is stored is there at once after a start. From then on two tasks share one thread's time: one measures
today and yesterday of machines that stored something, the other looks over all days now and then for what
changed by other ways (late records, `machikoba db load`, calendars), the newest day first. Both rest in
proportion to what they worked, so that a thousand machines leave the process its breath; where nothing
changes, the second one rests longer and longer, unless a calendar changes.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import local_day
from aggregator.day_book import DayBook
from aggregator.day_past import PastDays
from aggregator.day_survey import Ground, StaleDay, Survey
from aggregator.live import Board
from aggregator.model.calendar import Calendar
from aggregator.model.capacity import MachineDay
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.store.machine_days import MachineDays
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.results import Results
from aggregator.store.timeseries import StoreError, TimeSeries

log = logging.getLogger(__name__)

KEPT_DAYS = 26 * 7
"""Days before today that are measured and kept in memory."""

RECENT_DAYS = 2
"""Days, today included, that are looked at as soon as something is stored."""

CHUNK_DAYS = 14
SLICE_S = 0.2
"""So long the thread works before it lets go of the store and the interpreter."""

FOLLOW_REST_S = 2.0
FOLLOW_REST_SHARE = 4
SWEEP_REST_S = 5.0
SWEEP_REST_SHARE = 9
"""Rest at least so many times as long as the work before it took."""
QUIET_REST_S = 60.0


class MeasuredDays:
    """`now` gives UTC milliseconds. What it tells is in memory: nothing here waits for the store."""

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
        results: Results | None = None,
    ) -> None:
        self._book = DayBook()
        self._survey = Survey(timeseries, days, profiles, self._book, zone=zone, results=results)
        self._stored = days
        self._past = PastDays(timeseries, days, profiles, zone, results) if results is not None else None
        self._past_seen: date | None = None
        self._machines = records.machines
        self._board = board
        self._zone = zone
        self._now = now
        self._newest_ms: dict[MachineKey, int] = {}
        self._told = Board()
        self._working = asyncio.Lock()
        self._loaded = False
        self._failing = False
        self._progress = 0.0
        self._calendars: Mapping[str, Calendar] = {}
        self._found = False

    def days(self) -> Mapping[MachineKey, Sequence[MachineDay]]:
        """Return every machine's days, in order, up to 26 weeks back; what was returned never changes."""
        return self._book.days

    def jobs(self) -> Mapping[str, JobTotals]:
        """Return what machines did with each job's tag on, by job."""
        return self._book.jobs

    def job_days(self, job: str) -> Mapping[tuple[MachineKey, date], JobTotals]:
        """Return what machines did with the job's tag on, by machine and local day."""
        return self._book.job_days(job)

    def newest_ms(self, key: MachineKey) -> int | None:
        """Return the end of the machine's newest window (UTC ms); None without one."""
        return self._newest_ms.get(key)

    def cycle_s(self, key: MachineKey) -> float | None:
        """Return the machine's median cycle time over its newest 28 days with cycles; None without one.

        A day's cycle time is its RUNNING time by its cycles, of machines that tell both.
        """
        return self._book.cycle_s(key, local_day(self._now(), self._zone))

    def good_share(self, key: MachineKey) -> float | None:
        """Return good pieces as a share (0 to 1) of all, over its newest 28 days that counted any."""
        return self._book.good_share(key)

    @property
    def loaded(self) -> bool:
        """Whether what was measured before the start is there; until then nothing is known."""
        return self._loaded

    @property
    def progress(self) -> float:
        """How much of the past was looked over since the start, 0 to 1."""
        return self._progress

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[frozenset[MachineKey]]]:
        """Give an iterator of the sets of machines whose days changed since the last one."""
        return self._told.listen()

    async def refresh(self) -> None:
        """Bring every day up to date once; while the store fails, the old numbers stay."""
        await self._try(self._sweep)

    async def remeasure(self, key: MachineKey, since_ms: int, until_ms: int) -> None:
        """Measure days again of which windows have other jobs now, which their sums do not tell.

        Raises StoreError. Once it returns, the days are measured, or will be after a kill.
        """
        await self._load()
        today = local_day(self._now(), self._zone)
        since = local_day(since_ms, self._zone)
        first = max(since, today - timedelta(days=KEPT_DAYS))
        last = min(local_day(until_ms, self._zone), today)
        async with self._working:
            await asyncio.to_thread(self._stored.forget, key, since, last)
            self._past_seen = None if since < first else self._past_seen
            if first > last:
                return
            self._book.forget_basis(key, first, last)
            ground = await self._ground([key], (today - first).days)
            days = [last - timedelta(days=back) for back in range((last - first).days + 1)]
            stale = await asyncio.to_thread(self._survey.look, ground, days, {})
        await self._measure(stale)

    async def run(self) -> None:
        """Follow what is stored until cancelled or the board closes."""
        try:
            async with asyncio.TaskGroup() as tasks:
                sweeping = tasks.create_task(self._sweep_again(), name="measured days[sweep]")
                await self._follow()
                sweeping.cancel()
        finally:
            self._told.close()

    async def _follow(self) -> None:
        async with self._board.listen(stored_only=True) as changes:
            async for changed in changes:
                took_s = await self._try(partial(self._refresh_recent, changed))
                await asyncio.sleep(max(FOLLOW_REST_S, FOLLOW_REST_SHARE * took_s))

    async def _sweep_again(self) -> None:
        quiet_s = SWEEP_REST_S
        while True:
            took_s = await self._try(self._sweep)
            quiet_s = SWEEP_REST_S if self._found or self._failing else min(2 * quiet_s, QUIET_REST_S)
            await asyncio.sleep(SWEEP_REST_SHARE * took_s)
            await self._try(partial(self._rest, quiet_s))

    async def _rest(self, rest_s: float) -> float:
        """Wait that long, or until a calendar changes."""
        end_s = time.monotonic() + rest_s
        while time.monotonic() < end_s:
            await asyncio.sleep(SWEEP_REST_S)
            if await asyncio.to_thread(self._survey.calendars) != self._calendars:
                break
        return 0.0

    async def _try(self, work: Callable[[], Awaitable[float]]) -> float:
        """Return how long the thread worked, in seconds; when the store fails, say so once."""
        try:
            await self._load()
            took_s = await work()
        except StoreError as error:
            if not self._failing:
                log.warning("days are not measured until the store answers again: %s", error)
            self._failing = True
            return 0.0
        if self._failing:
            log.info("days are measured again")
        self._failing = False
        return took_s

    async def _load(self) -> None:
        """Take up what is stored, once."""
        async with self._working:
            if self._loaded:
                return
            first = local_day(self._now(), self._zone) - timedelta(days=KEPT_DAYS)
            rows = await asyncio.to_thread(self._stored.load, first)
            jobs = await asyncio.to_thread(self._stored.jobs)
            changed = await asyncio.to_thread(self._book.put, rows)
            self._book.put_jobs(jobs)
            self._loaded = True
            self._told.measured(changed)

    async def _refresh_recent(self, keys: Collection[MachineKey]) -> float:
        began = time.monotonic()
        async with self._working:
            ground = await self._ground(keys, RECENT_DAYS - 1)
            days = [ground.today - timedelta(days=back) for back in range(RECENT_DAYS)]
            stale = await asyncio.to_thread(self._survey.look, ground, days, {})
        return time.monotonic() - began + await self._measure(stale)

    async def _sweep(self) -> float:
        """Look over all days, the newest first, and measure those that are stale."""
        began = time.monotonic()
        async with self._working:
            ground = await self._ground(None, KEPT_DAYS)
            self._book.forget_before(ground.today - timedelta(days=KEPT_DAYS))
        took_s = time.monotonic() - began
        self._calendars, self._found = ground.calendars, False
        empty: dict[MachineKey, list[date]] = {}
        for back in range(0, KEPT_DAYS + 1, CHUNK_DAYS):
            last = min(back + CHUNK_DAYS, KEPT_DAYS + 1)
            days = [ground.today - timedelta(days=each) for each in range(back, last)]
            async with self._working:
                began = time.monotonic()
                stale = await asyncio.to_thread(self._survey.look, ground, days, empty)
                took_s += time.monotonic() - began
            self._found |= any((ground.today - each.day).days >= RECENT_DAYS for each in stale)
            took_s += await self._measure(stale)
            self._progress = max(self._progress, last / (KEPT_DAYS + 1))
        return took_s + await self._sweep_past(ground)

    async def _sweep_past(self, ground: Ground) -> float:
        """Look once a day over days older than those in memory, whose hours are written back too."""
        if self._past is None or self._past_seen == ground.today:
            return 0.0
        took_s, self._past_seen = 0.0, ground.today
        try:
            for key in sorted(ground.spans):
                took_s += await self._measure_past(self._past, ground, key)
        except StoreError:
            self._past_seen = None
            raise
        return took_s

    async def _measure_past(self, past: PastDays, ground: Ground, key: MachineKey) -> float:
        began = time.monotonic()
        machine, before = ground.machines.get(key), ground.today - timedelta(days=KEPT_DAYS)
        async with self._working:
            jobs = self._book.jobs_of(key)
            survey, stale = await asyncio.to_thread(past.look, key, machine, jobs, before, ground.now_ms)
        took_s = time.monotonic() - began
        while stale:
            began = time.monotonic()
            async with self._working:
                self._book.put_past_jobs(await asyncio.to_thread(survey.measure, stale, SLICE_S))
            slice_s = time.monotonic() - began
            await asyncio.sleep(slice_s)
            took_s += slice_s
        return took_s

    async def _ground(self, keys: Collection[MachineKey] | None, days: int) -> Ground:
        machines = await asyncio.to_thread(self._machines)
        self._book.leave_out({machine.key for machine in machines if not machine.tells_pace})
        ground = await asyncio.to_thread(self._survey.ground, keys, self._now(), days, machines)
        self._newest_ms |= ground.newest_ms
        return ground

    async def _measure(self, stale: deque[StaleDay]) -> float:
        """Measure days slice by slice, and tell after each; return how long it took."""
        took_s = 0.0
        while stale:
            async with self._working:
                began = time.monotonic()
                rows = await asyncio.to_thread(self._survey.measure, stale, SLICE_S)
                changed = self._book.put(rows)
            slice_s = time.monotonic() - began
            self._told.measured(changed)
            await asyncio.sleep(slice_s)
            took_s += slice_s
        return took_s
