"""Keeps every open order's progress at hand, counting along with the machines, and tells who listens.

What is stored and entered is looked at again every second or so, in a thread; cycles at the machines count
at once. Arrivals are reckoned in a thread beside it (`order_arrivals.py`), and grafted on what is counted.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from aggregator.fan_out import FanOut
from aggregator.live import Board
from aggregator.measured_days import MeasuredDays
from aggregator.model.machine import MachineKey
from aggregator.model.match import OrderStatus
from aggregator.model.progress import OrderFacts, OrderProgress, Progress, StepProgress
from aggregator.model.told import Told
from aggregator.model.work import Handover
from aggregator.order_arrivals import OrderArrivals
from aggregator.order_counts import Counts
from aggregator.order_facts import Entered, Made, facts_of, read_entered, read_one
from aggregator.progress.progress import order_progress
from aggregator.store.orders import Orders
from aggregator.store.timeseries import StoreError
from aggregator.store.work import Ledgers

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""At least this long between two looks at what was entered, and four times as long as a look took."""
SETTLE_S = 10.0
"""So long after a start, or after they fell silent, machines may take to be heard."""
GATHER_S = 0.05
"""So long live counts that come together wait for each other."""


_ENDED = {OrderStatus.CANCELLED: Progress.CANCELLED, OrderStatus.DONE: Progress.DONE}


@dataclass(frozen=True, slots=True)
class OrderNow:
    """An order as of now, with what was handed on and told; `heard_ms` as `for_buyer` takes it."""

    progress: OrderProgress
    handovers: tuple[Handover, ...]
    told: tuple[Told, ...]
    heard_ms: Mapping[str, int | None]


class OrderBook:
    """`now` gives UTC milliseconds. Everything but `run`, `refresh` and `find` answers from memory.

    All of it is used in the event loop's thread, `nudge` from any.
    """

    def __init__(
        self,
        *,
        orders: Orders,
        ledgers: Ledgers,
        arrivals: OrderArrivals,
        counts: Counts,
        days: MeasuredDays,
        board: Board,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._stored = orders
        self._ledgers = ledgers
        self._arrivals = arrivals
        self._days = days
        self._board = board
        self._zone = zone
        self._now = now
        self._counts = counts
        self._entered = Entered()
        self._measured: object = None
        self._facts: dict[str, OrderFacts] = {}
        self._plain: dict[str, OrderProgress] = {}
        self._orders: dict[str, OrderProgress] = {}
        self._machines: set[MachineKey] = set()
        self._told: FanOut[str] = FanOut()
        self._looking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failing = False
        self._settled_s = float("-inf")
        self._looked = False

    def orders(self) -> list[OrderProgress]:
        """Return the progress of every open order as of now, by id."""
        return [self._orders[order] for order in sorted(self._orders)]

    def progress(self, order: str) -> OrderProgress | None:
        """Return the order as of now, arrival and delays as reckoned last; None when it is not open."""
        return self._orders.get(order)

    def facts(self, order: str) -> OrderFacts | None:
        """Return what that is made of; None when the order is not open."""
        return self._facts.get(order)

    def heard_ms(self, order: str) -> dict[str, int | None]:
        """Return, of each step whose machines work on it now, when one was heard last (UTC ms).

        None stands for machines that are not connected: their count stands still, however they run.
        """
        found: dict[str, int | None] = {}
        live = {each.job: each for each in self._board.all().values() if each.job}
        for each in self._facts[order].jobs if order in self._facts else ():
            if (machine := live.get(each.job.id)) is not None:
                found[each.job.step] = machine.heard_ms if machine.connected else None
        return found

    def now(self, order: str) -> OrderNow | None:
        """Return an open order with all that is known of it."""
        if order not in self._orders:
            return None
        facts = self._facts[order]
        return OrderNow(self._orders[order], _handovers(facts), self.told(order), self.heard_ms(order))

    async def find(self, order: str) -> OrderProgress | None:
        """Return an order that was approved once, a done or cancelled one too; raises StoreError."""
        found = await self.find_now(order)
        return found.progress if found else None

    async def find_now(self, order: str) -> OrderNow | None:
        """Return the same with all that is known of it; after a start what is stored is counted first."""
        while time.monotonic() < self._settled_s and not self._looked:  # noqa: ASYNC110 (at most 10 s)
            await asyncio.sleep(0.05)
        return self.now(order) or await asyncio.to_thread(self._find, order)

    def told(self, order: str) -> tuple[Told, ...]:
        """Return the arrivals that were told of an open order, oldest first: a new one for every new date."""
        return self._arrivals.told(order)

    async def settled(self, order: str) -> None:
        """Wait until the machines at work on an order were heard since the start, but not long.

        So a page that comes back after a restart is not shown a count without what is live.
        """
        while time.monotonic() < self._settled_s and self._unheard(order):  # noqa: ASYNC110 (at most 10 s)
            await asyncio.sleep(0.1)

    def listen(
        self, orders: Collection[str] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[frozenset[str]]]:
        """Give an iterator of the open orders whose progress changed since the last one; of these only."""
        return self._told.listen(orders)

    def nudge(self) -> None:
        """Look at once, not in a second: something was entered. Safe from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def refresh(self) -> None:
        """Look and reckon everything anew now; when the store fails, the old figures stay."""
        await self._look(anew=True)
        await self._arrive(self._arrivals.reckon_all(self._facts, self._orders))

    async def run(self) -> None:
        """Follow what is counted, stored and entered until cancelled or the board closes."""
        self._loop = asyncio.get_running_loop()
        self._settled_s = time.monotonic() + SETTLE_S
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self._follow_entries(), name="order book[entries]"),
                tasks.create_task(self._follow_windows(), name="order book[windows]"),
                tasks.create_task(self._follow_arrivals(), name="order book[arrivals]"),
            ]
            await self._follow_machines()
            for task in others:
                task.cancel()

    def close(self) -> None:
        """End every listener's iterator, present and future."""
        self._told.close()

    def _unheard(self, order: str) -> bool:
        return any(self._board.get(key).heard_ms is None for key in self._entered.at_work.get(order, ()))

    def _waits(self, order: str) -> bool:
        """Whether its machines may be back in a moment: of what looks OFFLINE meanwhile no date is made."""
        if time.monotonic() < self._settled_s and self._unheard(order):
            return True
        left_ms = self._now() - round(SETTLE_S * 1000)
        return any(
            not live.connected and live.since_ms is not None and live.since_ms > left_ms
            for live in map(self._board.get, self._entered.at_work.get(order, ()))
        )

    async def _follow_entries(self) -> None:
        while True:
            began = time.monotonic()
            await self._look(anew=False)
            rest_s = max(LOOK_S, 4 * (time.monotonic() - began))
            try:
                async with asyncio.timeout(rest_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _follow_windows(self) -> None:
        async with self._board.listen(stored_only=True) as changes:
            async for changed in changes:
                began = time.monotonic()
                await self._count(changed & self._machines)
                await asyncio.sleep(4 * (time.monotonic() - began))

    async def _follow_machines(self) -> None:
        async with self._board.listen() as changes:
            self._show(self._board.all())
            async for changed in changes:
                self._show(changed)
                await asyncio.sleep(GATHER_S)

    async def _follow_arrivals(self) -> None:
        while True:
            await self._arrive(self._arrivals.reckon_due(self._facts, self._orders, self._waits))
            await asyncio.sleep(self._arrivals.rest_s)

    async def _arrive(self, reckoning: AsyncIterator[str]) -> None:
        async for order in reckoning:
            self._reckon([order])
            self._told.tell([order])

    async def _look(self, *, anew: bool) -> None:
        async with self._looking:
            try:
                entered = await asyncio.to_thread(self._read_entered, anew)
                if entered is not None:
                    await self._take(entered)
                elif self._days.jobs() is not self._measured:
                    self._reckon(self._orders)
            except StoreError as error:
                if not self._failing:
                    log.warning("orders stay as they are until the store answers again: %s", error)
                self._failing = self._looked = True
                return
            self._looked = True
            if self._failing:
                log.info("orders are followed again")
            self._failing = False

    def _read_entered(self, anew: bool) -> Entered | None:
        """Return what is entered; None when that is what it was."""
        if not anew and self._ledgers.mark() == self._entered.mark:
            return None
        return read_entered(self._stored, self._ledgers)

    async def _take(self, entered: Entered) -> None:
        """Go on from what is entered now; machines that are new to us are counted first."""
        machines = self._counts.machines(entered, self._board.all().values())
        told = await asyncio.to_thread(self._arrivals.read, entered.drafts)
        counted = await asyncio.to_thread(self._counts.read, self._counts.missing(machines))
        self._counts.put(counted)
        gone = self._orders.keys() - entered.drafts.keys()
        self._entered, self._machines = entered, machines
        for order in gone:
            del self._orders[order], self._plain[order], self._facts[order]
        self._arrivals.take(entered.drafts, told)
        for key in machines:
            self._counts.show(self._board.get(key), entered)
        self._reckon(entered.drafts)
        self._told.tell(gone)

    async def _count(self, keys: Collection[MachineKey]) -> None:
        if not keys:
            return
        try:
            counted = await asyncio.to_thread(self._counts.read, keys)
        except StoreError:
            return  # the next window brings them along; who looks at what is entered says so in the log
        self._counts.put(counted)
        order_of = self._entered.order_of
        jobs = {job for each in counted.values() for job in each.jobs}
        self._reckon({order_of[job] for job in jobs if job in order_of})

    def _show(self, changed: Iterable[MachineKey]) -> None:
        order_of, orders = self._entered.order_of, set()
        for key in changed:
            live = self._board.get(key)
            if key not in self._machines and live.job not in order_of:
                continue
            if key not in self._machines:
                self.nudge()  # a machine that works for an order for the first time
                self._entered = replace(self._entered, mark=None)
                continue
            jobs = self._counts.show(live, self._entered)
            orders |= {order_of[job] for job in jobs if job in order_of}
            if live.job in order_of:
                self._arrivals.machine_shown(order_of[live.job], live)
        self._reckon(orders)

    def _reckon(self, orders: Iterable[str]) -> None:
        """Bring orders up to date, and tell of those that changed."""
        wanted = [order for order in orders if order in self._entered.drafts]
        if not wanted:
            return
        self._measured = self._days.jobs()
        made = self._counts.made({job.id for order in wanted for job in self._entered.jobs[order]})
        self._told.tell([order for order in wanted if self._reckon_one(order, made)])

    def _reckon_one(self, order: str, made: Made) -> bool:
        facts = facts_of(order, self._entered, made, self._now(), self._zone)
        plain = order_progress(facts)
        self._compare(self._plain.get(order), plain)
        fresh, before = self._arrivals.graft(plain), self._orders.get(order)
        self._facts[order], self._plain[order], self._orders[order] = facts, plain, fresh
        return before is None or replace(before, now_ms=fresh.now_ms) != fresh

    def _compare(self, before: OrderProgress | None, now: OrderProgress) -> None:
        if before is not None and replace(before, now_ms=now.now_ms) == now:
            return
        matters = before is None or [_doing(each) for each in before.steps] != [
            _doing(each) for each in now.steps
        ]
        self._arrivals.changed(now.order, matters=matters)

    def _find(self, order: str) -> OrderNow | None:
        found = self._stored.begun([order]).get(order)
        if found is None:
            return None
        status, draft = found
        entered = read_one(order, draft, self._ledgers)
        made = Made(dict(self._days.jobs()))
        facts = facts_of(order, entered, made, self._now(), self._zone)
        progress = order_progress(facts)
        progress = replace(progress, progress=_ENDED.get(status, progress.progress))
        return OrderNow(progress, _handovers(facts), self._arrivals.read([order]).get(order, ()), {})


def _handovers(facts: OrderFacts) -> tuple[Handover, ...]:
    return tuple(handover for job in facts.jobs for handover in job.sent)


def _doing(step: StepProgress) -> object:
    """Return what matters beyond counts: what jobs do, and what was handed on."""
    return [(each.job, each.progress, each.sent, each.accepted, each.received) for each in step.jobs]
