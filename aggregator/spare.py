"""Keeps the spare hours of every factory, process and week ready, and tells who listens when they change.

What is measured, entered or approved is looked at again every second or so, in a thread; when the store
fails, the old numbers stay, with their age. No page waits for the store or for a computation.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import zip_longest
from zoneinfo import ZoneInfo

from aggregator.capacity.committed import committed_by_cell
from aggregator.capacity.reckoning import Known, Reckoned, Reckoning
from aggregator.fan_out import FanOut
from aggregator.market import market_of
from aggregator.matching.offer import Market
from aggregator.measured_days import MeasuredDays
from aggregator.model.capacity import CellKey, SpareCell
from aggregator.model.job import Job, JobTotals
from aggregator.model.progress import JobFacts
from aggregator.progress.pieces import pieces_of
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from aggregator.store.work import Ledgers

log = logging.getLogger(__name__)

REST_S = 1.0
"""At least this long between two looks, and four times as long as a look took: at most a fifth of a core."""
SWEEP_MS = 30_000
"""So often it is reckoned anew when nothing changed: the current week gets shorter."""

Factories = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was reckoned, and from what."""

    known: Known
    reckoned: Reckoned


class SpareHours:
    """`now` gives UTC milliseconds. Everything but `run` and `refresh` answers from memory."""

    def __init__(
        self,
        *,
        days: MeasuredDays,
        records: Records,
        profiles: Profiles,
        orders: Orders,
        ledgers: Ledgers,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._days = days
        self._records = records
        self._profiles = profiles
        self._orders = orders
        self._ledgers = ledgers
        self._zone = zone
        self._now = now
        self._reckoning = Reckoning(zone)
        self._looking = asyncio.Lock()
        self._kept = _Kept(Known((), {}, (), {}, {}, {}), Reckoned())
        self._told: FanOut[str] = FanOut()
        self._failing = False

    def cells(self, factories: Collection[str] | None = None) -> list[SpareCell]:
        """Return cells by factory, process and week, the current week first; only of these factories."""
        cells = self._kept.reckoned.cells
        return [cell for cell in cells if factories is None or cell.key.factory in factories]

    def fresh_ms(self) -> int:
        """Return the moment (UTC ms) that the cells are true of; 0 before the first since the start."""
        return self._kept.reckoned.now_ms

    def good_share(self) -> Mapping[CellKey, float]:
        """Return good pieces as a share (0 to 1) of all, by factory and process; those measured only."""
        return self._kept.reckoned.good_share

    def market(self, jobs: Sequence[Job] | None = None) -> Market:
        """Return what matching can choose from, before what `jobs` hold (None: the jobs open now)."""
        kept = self._kept
        held = kept.reckoned.held
        if jobs is not None:
            weeks = [cell.week for cell in kept.reckoned.cells[:1]]
            held = {}
            if weeks:
                held = committed_by_cell(jobs, kept.known.totals, weeks[0], kept.known.good)
        return market_of(kept.reckoned.cells, kept.known.profiles, held, kept.reckoned.good_share)

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Factories]]:
        """Give an iterator of the factories whose cells changed since the last one; it never ends."""
        return self._told.listen()

    async def run(self) -> None:
        """Follow what is measured, entered and approved until cancelled."""
        while True:
            began = time.monotonic()
            await self._look(anew=False)
            await asyncio.sleep(max(REST_S, 4 * (time.monotonic() - began)))

    async def refresh(self) -> None:
        """Reckon anew now; when the store fails, the old numbers stay."""
        await self._look(anew=True)

    async def _look(self, *, anew: bool) -> None:
        async with self._looking:
            if not self._days.loaded:  # nothing is known yet, and that nothing was measured would be false
                return
            before = self._kept
            try:
                fresh, changed = await asyncio.to_thread(self._reckon, before, anew)
            except StoreError as error:
                if not self._failing:
                    log.warning("spare hours stay as they are until the store answers again: %s", error)
                self._failing = True
                return
            if self._failing:
                log.info("spare hours are reckoned again")
            self._failing = False
            self._kept = fresh
            self._told.tell(changed)

    def _reckon(self, before: _Kept, anew: bool) -> tuple[_Kept, Factories]:
        known, now_ms = self._known(), self._now()
        old = now_ms - before.reckoned.now_ms >= SWEEP_MS
        if anew or old or known != before.known:
            fresh = self._reckoning.reckon(known, now_ms)
            return _Kept(known, fresh), _changed(before.reckoned.cells, fresh.cells)
        return before, frozenset()

    def _good(self, jobs: Sequence[Job], totals: Mapping[str, JobTotals]) -> dict[str, int]:
        """Return the good pieces of the jobs of which people report some."""
        ledgers = self._ledgers.ledgers(self._ledgers.reported().keys() & {job.id for job in jobs})
        facts = (
            JobFacts(job, totals.get(job.id), reports=ledgers[job.id].reports)
            for job in jobs
            if job.id in ledgers
        )
        return {each.job.id: pieces_of(each).good for each in facts}

    def _known(self) -> Known:
        days = self._days.days()
        newest = {key: self._days.newest_ms(key) for key in days}
        jobs, totals = self._orders.jobs(), self._days.jobs()
        return Known(
            machines=self._records.machines(),
            profiles=self._profiles.all(),
            jobs=jobs,
            totals=totals,
            days=days,
            newest_ms={key: at_ms for key, at_ms in newest.items() if at_ms is not None},
            good=self._good(jobs, totals),
            read=self._days.progress >= 1,
        )


def _changed(before: Sequence[SpareCell], now: Sequence[SpareCell]) -> Factories:
    pairs = zip_longest(before, now)
    return frozenset(cell.key.factory for pair in pairs if pair[0] != pair[1] for cell in pair if cell)
