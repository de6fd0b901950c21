"""Reckons when open orders arrive, in a thread, and keeps what was told: facts and progress in, arrivals out.

An order is reckoned again soon after something that matters changed (an entry, a machine's state), later
after mere counts, and now and then anyway, since time goes on. Reckoning rests as long as it worked and more.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from agent.contract.states import State
from aggregator.live import LiveMachine
from aggregator.model.job import Job
from aggregator.model.machine import MachineKey
from aggregator.model.progress import Arrival, Delay, OrderFacts, OrderProgress
from aggregator.model.told import Told
from aggregator.store.arrivals import Arrivals
from aggregator.store.timeseries import StoreError
from aggregator.telling import to_tell

log = logging.getLogger(__name__)

URGENT_S, COUNTED_S, SWEEP_S = 3.0, 20.0, 60.0
"""An order is reckoned at most so often: after what matters, after counts, and when nothing changed."""
REST_S = 0.5
REST_SHARE = 3

Arrive = Callable[[OrderFacts, OrderProgress, Sequence[Job]], OrderProgress]
"""Fills in arrivals and delays of an order, beside the jobs of all open orders; runs in a thread."""


@dataclass(slots=True)
class _Order:
    """`wanted_s`: when it is to be reckoned next, by the monotonic clock; `arrived`: as reckoned last."""

    wanted_s: float = 0.0
    reckoned_s: float = float("-inf")
    arrived: OrderProgress | None = None
    told: tuple[Told, ...] = ()
    delays_told: tuple[Delay, ...] | None = None


class OrderArrivals:
    """Used in the event loop's thread, `read` in any. `now` of facts is what arrivals are reckoned from."""

    def __init__(self, store: Arrivals, arrive: Arrive, zone: ZoneInfo) -> None:
        self._store = store
        self._arrive = arrive
        self._zone = zone
        self._orders: dict[str, _Order] = {}
        self._states: dict[MachineKey, State] = {}
        self.rest_s = REST_S

    def read(self, orders: Collection[str]) -> dict[str, tuple[Told, ...]]:
        """Return what was told of these orders; blocks, raises StoreError."""
        return self._store.of(orders)

    def take(self, orders: Collection[str], told: Mapping[str, tuple[Told, ...]]) -> None:
        """Go on with these orders and no others."""
        for order in self._orders.keys() - set(orders):
            del self._orders[order]
        for order in orders:
            self._orders.setdefault(order, _Order()).told = told.get(order, ())

    def told(self, order: str) -> tuple[Told, ...]:
        """Return what was told of an open order, oldest first."""
        known = self._orders.get(order)
        return known.told if known else ()

    def graft(self, progress: OrderProgress) -> OrderProgress:
        """Return the progress with arrivals and delays as reckoned last; before that, as told last."""
        known = self._orders.get(progress.order)
        if known is None:
            return progress
        if known.arrived is None:
            return replace(progress, arrival=_arrival(known.told[-1])) if known.told else progress
        by_id = {each.step.id: each for each in known.arrived.steps}
        steps = tuple(
            replace(each, arrival=by_id[each.step.id].arrival, delay=by_id[each.step.id].delay)
            if each.step.id in by_id
            else each
            for each in progress.steps
        )
        return replace(progress, steps=steps, arrival=known.arrived.arrival, delays=known.arrived.delays)

    def changed(self, order: str, *, matters: bool) -> None:
        """Note that an order's progress changed."""
        if (known := self._orders.get(order)) is not None:
            due_s = known.reckoned_s + (URGENT_S if matters else COUNTED_S)
            known.wanted_s = min(known.wanted_s, due_s)

    def machine_shown(self, order: str, live: LiveMachine) -> None:
        """Note what a machine that works on the order does: a new state matters."""
        if self._states.get(live.key) is not live.state:
            self._states[live.key] = live.state
            self.changed(order, matters=True)

    async def reckon_due(
        self,
        facts: Mapping[str, OrderFacts],
        orders: Mapping[str, OrderProgress],
        waits: Callable[[str], bool],
    ) -> AsyncIterator[str]:
        """Reckon the orders whose time has come, and name each when it is done; who `waits` stays due."""
        began, now_s = time.monotonic(), time.monotonic()
        due = [order for order, known in self._orders.items() if known.wanted_s <= now_s and order in facts]
        for order in sorted(due, key=lambda order: self._orders[order].wanted_s):
            if order not in facts or order not in orders or waits(order):
                continue
            if await self._reckon(order, facts, orders[order]):
                yield order
        self.rest_s = max(REST_S, REST_SHARE * (time.monotonic() - began)) if due else REST_S

    async def reckon_all(
        self, facts: Mapping[str, OrderFacts], orders: Mapping[str, OrderProgress]
    ) -> AsyncIterator[str]:
        """Reckon every order now."""
        for order in list(facts):
            if await self._reckon(order, facts, orders[order]):
                yield order

    async def _reckon(self, order: str, facts: Mapping[str, OrderFacts], progress: OrderProgress) -> bool:
        known = self._orders.get(order)
        if known is None:
            return False
        known.reckoned_s = time.monotonic()
        known.wanted_s = known.reckoned_s + SWEEP_S
        try:
            jobs = [each.job for of_order in facts.values() for each in of_order.jobs]
            known.arrived = await asyncio.to_thread(self._arrive, facts[order], progress, jobs)
            await self._tell(known, known.arrived)
        except StoreError as error:
            log.warning("order %s: what changed could not be noted, tried again soon: %s", order, error)
        except Exception:  # one order that cannot be reckoned keeps no other from being so
            log.exception("order %s: when it arrives could not be reckoned; tried again in %g s",
                          order, SWEEP_S)  # fmt: skip
        return known.arrived is not None

    async def _tell(self, known: _Order, arrived: OrderProgress) -> None:
        before = known.told[-1] if known.told else None
        if known.delays_told is None:
            known.delays_told = () if before is None else None
        told = to_tell(before, known.delays_told or (), arrived, self._zone)
        if told is not None:
            await asyncio.to_thread(self._store.add, told)
            known.told = (*known.told, told)
        if told is not None or known.delays_told is None:
            known.delays_told = arrived.delays


def _arrival(told: Told) -> Arrival:
    return Arrival(told.p10_ms, told.p50_ms, told.p90_ms, told.on_time, None, told.raw_ms)
