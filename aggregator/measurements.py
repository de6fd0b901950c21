"""Keeps the figures of every machine ready, so that no page waits for the store when a state changes.

What is stored is measured again at once, what falls silent once a minute (the last hour moves on); both in
a thread. The board tells pages when figures were refreshed.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from zoneinfo import ZoneInfo

from aggregator.live import Board
from aggregator.measured import MINUTE_MS, Measured, measure
from aggregator.model.machine import Machine, MachineKey
from aggregator.store.timeseries import StoreError, TimeSeries

log = logging.getLogger(__name__)

_Read = tuple[dict[MachineKey, Machine], dict[MachineKey, Measured]]

REST_S = 0.5  # at least this long between two refreshes; what is stored meanwhile is gathered


class Measurements:
    """`machines` gives every machine there is (it blocks); `now` gives UTC milliseconds."""

    def __init__(
        self,
        timeseries: TimeSeries,
        machines: Callable[[], Iterable[Machine]],
        board: Board,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._timeseries = timeseries
        self._all_machines = machines
        self._board = board
        self._zone = zone
        self._now = now
        self._machines: dict[MachineKey, Machine] = {}
        self._measured: dict[MachineKey, Measured] = {}
        self._failing = False

    def get(self, key: MachineKey) -> Measured:
        """Return the machine's newest figures; all unknown while there are none."""
        return self._measured.get(key) or Measured(0)

    def machine(self, key: MachineKey) -> Machine | None:
        """Return who the machine is; None while it is not known here."""
        return self._machines.get(key)

    def machines(self) -> Collection[MachineKey]:
        """Return every machine known here."""
        return self._machines.keys()

    async def run(self) -> None:
        """Refresh until cancelled or the board closes."""
        async with self._board.listen(stored_only=True) as changes:
            await self.refresh()
            waiting = asyncio.ensure_future(anext(changes, None))
            try:
                while True:
                    done, _ = await asyncio.wait({waiting}, timeout=self._until_next_minute_s())
                    if not done:
                        await self.refresh(self._old())
                        continue
                    stored = waiting.result()
                    if stored is None:
                        return
                    waiting = asyncio.ensure_future(anext(changes, None))
                    await self.refresh(stored)
                    await asyncio.sleep(REST_S)
            finally:
                waiting.cancel()

    async def refresh(self, keys: Collection[MachineKey] | None = None) -> None:
        """Measure these machines again, or all; when the store fails, the old figures stay."""
        try:
            machines, fresh = await asyncio.to_thread(self._measure, keys)
        except StoreError as error:
            if not self._failing:
                log.warning("figures of the pages are not refreshed until the store answers again: %s", error)
            self._failing = True
            return
        if self._failing:
            log.info("figures of the pages are refreshed again")
        self._failing = False
        self._machines = machines
        self._measured.update(fresh)
        self._board.measured(fresh)

    def _measure(self, keys: Collection[MachineKey] | None) -> _Read:
        machines = {machine.key: machine for machine in self._all_machines()}
        wanted = machines.keys() if keys is None else keys
        return machines, measure(self._timeseries, wanted, self._now(), self._zone)

    def _old(self) -> Collection[MachineKey]:
        minute_ms = self._now() // MINUTE_MS * MINUTE_MS
        return [key for key, measured in self._measured.items() if measured.at_ms < minute_ms]

    def _until_next_minute_s(self) -> float:
        """A second past the minute: by then the windows of machines that talk have come."""
        return (MINUTE_MS - self._now() % MINUTE_MS) / 1000 + 1.0
