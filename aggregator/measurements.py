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
from aggregator.model.machine import Machine, MachineKey, untold_cycles
from aggregator.store.timeseries import StoreError, TimeSeries

log = logging.getLogger(__name__)

_Read = tuple[dict[MachineKey, Machine], dict[MachineKey, Measured]]

STRANGER_TRIES = 10  # a birth is stored a moment after the board heard of it
SWEEP_DELAY_MS = 1_000  # past the minute: by then the windows of machines that talk have come
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
        self._sweep_ms = 0  # when to measure those of whom nothing is stored

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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_fresh(), name="measurements[stored]")
            tasks.create_task(self._meet_strangers(), name="measurements[strangers]")

    async def _keep_fresh(self) -> None:
        async with self._board.listen(stored_only=True) as changes:
            waiting = asyncio.ensure_future(anext(changes, None))
            try:
                while True:
                    await asyncio.wait({waiting}, timeout=self._until_sweep_s())
                    if waiting.done():
                        stored = waiting.result()
                        if stored is None:
                            return
                        waiting = asyncio.ensure_future(anext(changes, None))
                        await self.refresh(stored)
                    if self._now() >= self._sweep_ms:
                        await self._sweep()
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

    async def _meet_strangers(self) -> None:
        """Learn who machines are that the board speaks of: pages show them as soon as their name is known."""
        async with self._board.listen() as changes:
            async for changed in changes:
                for _ in range(STRANGER_TRIES):
                    strangers = [key for key in changed if key not in self._machines]
                    if not strangers:
                        break
                    await self.refresh(strangers)
                    await asyncio.sleep(REST_S)

    def _measure(self, keys: Collection[MachineKey] | None) -> _Read:
        machines = {machine.key: machine for machine in self._all_machines()}
        wanted = machines.keys() if keys is None else [key for key in keys if key in machines]
        untold = untold_cycles(machines.values())
        return machines, measure(self._timeseries, wanted, self._now(), self._zone, untold)

    async def _sweep(self) -> None:
        """Measure again what has not been since the minute turned: those of whom nothing was stored."""
        minute_ms = self._now() // MINUTE_MS * MINUTE_MS
        self._sweep_ms = minute_ms + MINUTE_MS + SWEEP_DELAY_MS
        old = [key for key in self._machines if self.get(key).at_ms < minute_ms]
        await self.refresh(old if self._machines else None)

    def _until_sweep_s(self) -> float:
        return max(self._sweep_ms - self._now(), 0) / 1000
