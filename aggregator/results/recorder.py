"""Writes results back beside the time series, so that a dashboard plots what the pages show.

Spare hours are written when they change, what is now once a minute. KPIs are written by `day_survey.py`, with
the day that they are part of. While the store fails, what would have been written waits for the next turn.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from zoneinfo import ZoneInfo

from agent.contract.records import MINUTE_MS
from aggregator.live import Board
from aggregator.model.capacity import CellKey, NoNumber, SpareCell
from aggregator.model.machine import MachineKey
from aggregator.model.point import Point
from aggregator.model.week import Week
from aggregator.order_book import OrderBook
from aggregator.results.capacity_points import CAPACITY, capacity_points, monday_ms, process_points
from aggregator.results.now_points import agent_points, machine_points, order_points
from aggregator.spare import SpareHours
from aggregator.store.records import Records
from aggregator.store.results import Results
from aggregator.store.timeseries import StoreError, TimeSeries

log = logging.getLogger(__name__)

Written = Mapping[object, Point]
Cell = tuple[CellKey, Week]

REST_S = 5.0
"""At least so long between two turns; what is now is written once a minute."""


class Recorder:
    """`now` gives UTC milliseconds; `run` ends when it is cancelled, at once where results have no place."""

    def __init__(
        self,
        *,
        results: Results | None,
        timeseries: TimeSeries,
        records: Records,
        board: Board,
        spare: SpareHours,
        order_book: OrderBook,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._results = results
        self._timeseries = timeseries
        self._records = records
        self._board = board
        self._spare = spare
        self._order_book = order_book
        self._zone = zone
        self._now = now
        self._cells: Set[Cell] = set()
        self._capacity: Written = {}
        self._names: Written = {}
        self._minute_ms = 0
        self._failing = False

    async def run(self) -> None:
        """Write what is to be written until cancelled."""
        while self._results is not None:
            try:
                await self.turn(self._results)
            except StoreError as error:
                if not self._failing:
                    log.warning("results are not written back until the store answers again: %s", error)
                self._failing = True
            else:
                if self._failing:
                    log.info("results are written back again")
                self._failing = False
            await asyncio.sleep(REST_S)

    async def turn(self, results: Results) -> None:
        """Write spare hours that changed, and once a minute what is now; raises StoreError."""
        await asyncio.to_thread(self._write_spare, results, self._spare.cells())
        now_ms = self._now()
        minute_ms = now_ms - now_ms % MINUTE_MS
        if minute_ms != self._minute_ms:
            orders = list(order_points(self._order_book.orders(), minute_ms))
            await asyncio.to_thread(self._write_now, results, orders, now_ms)
            self._minute_ms = minute_ms

    def _write_spare(self, results: Results, cells: Sequence[SpareCell]) -> None:
        found = {(cell.key, cell.week) for cell in cells}
        if not cells or any(cell.no_number is NoNumber.STILL_READING for cell in cells):
            return  # not reckoned yet, or not of all that is stored: what was written last stays
        first = min(cell.week for cell in cells)
        if not self._cells:  # what was written before the start may be of machines that are no longer there
            since_ms = monday_ms(first, self._zone)
            told = results.things(CAPACITY, "known", ("factory", "process", "week"), since_ms)
            self._cells = {
                (CellKey(each["factory"], each["process"]), Week.parse(each["week"])) for each in told
            }
        gone = [cell for cell in self._cells - found if cell[1] >= first]
        both = [*cells, *(_nothing(*cell) for cell in gone)]
        points = [*capacity_points(both, self._zone), *process_points(both, self._zone)]
        self._capacity = _written(results, points, self._capacity)
        self._cells = found

    def _write_now(self, results: Results, orders: Sequence[Point], now_ms: int) -> None:
        minute_ms = now_ms - now_ms % MINUTE_MS
        machines, factories = self._records.machines(), self._records.factories()
        keys = [machine.key for machine in machines]
        newest = {key: at.start_ms + at.length_ms for key, at in self._timeseries.latest(keys).items()}
        agents = agent_points(factories, self._board.agents(), newest, minute_ms)
        results.write([*agents, *orders])
        self._names = _written(results, machine_points(machines, factories), self._names)
        results.mark_silence(self._all_machines(keys), now_ms)

    def _all_machines(self, known: Sequence[MachineKey]) -> Sequence[MachineKey]:
        return sorted({*known, *self._timeseries.machines()})


def _written(results: Results, points: Iterable[Point], before: Written) -> Written:
    """Write the points that are not what was written of the same thing last; return what is written now."""
    now: dict[object, Point] = {(each.measurement, *each.tags.items(), each.at_ms): each for each in points}
    results.write([each for name, each in now.items() if before.get(name) != each])
    return now


def _nothing(key: CellKey, week: Week) -> SpareCell:
    """Return the cell of machines that are no longer there: no hours, and no number."""
    return SpareCell(
        key, week, pbt_h=0.0, unattended_h=0.0, private=None, committed_h=0.0, reserve_h=0.0, gross=None,
        spare=None, declared_h=None, coverage=0.0, no_number=NoNumber.NO_HISTORY, measured_ms=None,
    )  # fmt: skip
