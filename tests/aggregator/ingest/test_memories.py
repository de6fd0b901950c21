"""What is measured here of foreign machines: durable before its records are, written again after a crash."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from sqlalchemy import Engine

from agent.contract.states import State
from aggregator.ingest.commands import Commands
from aggregator.ingest.commit import Batch, Committer
from aggregator.ingest.writer import QUEUE_ROWS, Writer
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.model.memory import Memory
from aggregator.model.window import StateChange, Window
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.memories import Memories
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from tests.aggregator.ingest.messages import AT_MS, FEDERATION, MINUTE_MS

LATHE, MILL = MachineKey("nishi", "lathe"), MachineKey("nishi", "mill")
END_MS = 10**13


def memory(tracker: str, *starts: int, key: MachineKey = LATHE) -> Memory:
    windows = tuple(
        Window(key, start * MINUTE_MS, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 3, cycles_total=9, job="J-1")
        for start in starts
    )
    return Memory(key, windows, (StateChange(key, starts[0] * MINUTE_MS, State.RUNNING, "J-1"),), tracker)


class Down(Embedded):
    """A store that takes nothing until it is `well`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.well = False
        self.tried = threading.Event()

    def write(self, *what: Any) -> tuple[()]:
        if not self.well:
            self.tried.set()
            raise StoreError("away")
        return super().write(*what)


def test_what_was_remembered_but_not_written_is_written_after_a_crash(
    engine: Engine, timeseries: Embedded, records: Records
) -> None:
    with pytest.raises(StoreError):
        Committer(Down(engine), records).commit(Batch(memories={LATHE: memory("{}", 1, 2)}), AT_MS)
    assert timeseries.windows(LATHE, 0, END_MS) == []

    for _ in range(2):  # and once more, as if it had crashed just after
        remembered = {each.key: each for each in Memories(engine).load()}
        Committer(timeseries, records).commit(Batch(memories=remembered), AT_MS)
    total = timeseries.totals([LATHE], 0, END_MS)[LATHE]
    assert (sum(total.state_ms), total.cycles) == (2 * MINUTE_MS, 6)
    assert [change.state for change in timeseries.changes(LATHE, 0, END_MS)] == [State.RUNNING]


def writer(engine: Engine, store: Embedded, records: Records) -> Writer:
    status = Status()
    commands = Commands(FEDERATION, status, lambda: AT_MS)
    return Writer(Committer(store, records), commands, Board(), status, lambda: AT_MS)


async def test_what_gathers_before_it_is_stored_is_one_memory(
    engine: Engine, timeseries: Embedded, records: Records
) -> None:
    one = writer(engine, timeseries, records)
    one.measured(memory("first", 1))
    one.measured(memory("second", 2))
    await one.finish()
    (kept,) = await asyncio.to_thread(Memories(engine).load)
    assert kept.tracker == "second"
    assert [window.start_ms for window in kept.windows] == [MINUTE_MS, 2 * MINUTE_MS]
    assert len(await asyncio.to_thread(timeseries.windows, LATHE, 0, END_MS)) == 2


async def test_a_stop_while_the_store_is_away_says_what_is_lost(
    engine: Engine, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    one = writer(engine, Down(engine), records)
    one.measured(memory("{}", 1))
    await one.finish()
    assert "the last minute of foreign machines waits for the next start: away" in caplog.text
    assert [each.rows for each in await asyncio.to_thread(Memories(engine).load)] == [2]


async def test_a_stop_between_two_tries_leaves_no_gap(engine: Engine, records: Records) -> None:
    """The store is well again, but nobody has tried yet; what is remembered goes on behind the gap else."""
    store = Down(engine)
    one = writer(engine, store, records)
    one.measured(memory("first", 1))
    running = asyncio.create_task(one.run())
    assert await asyncio.to_thread(store.tried.wait, 30)
    store.well = True
    running.cancel()
    await asyncio.wait([running])
    one.measured(memory("second", 2))
    await one.finish()
    (kept,) = await asyncio.to_thread(Memories(engine).load)
    assert (kept.tracker, kept.rows) == ("second", 4)
    stored = await asyncio.to_thread(store.windows, LATHE, 0, END_MS)
    assert [window.start_ms for window in stored] == [MINUTE_MS, 2 * MINUTE_MS]


async def test_a_full_queue_loses_records_loudly_and_goes_on(
    engine: Engine, timeseries: Embedded, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    one = writer(engine, timeseries, records)
    one.measured(memory("full", *range(1, QUEUE_ROWS)))
    one.measured(memory("more", 1, key=MILL))
    one.measured(memory("more", 2, key=MILL))
    assert caplog.text.count("records of foreign machines are lost") == 1
    await one.finish()
    (mill,) = [each for each in await asyncio.to_thread(Memories(engine).load) if each.key == MILL]
    assert (mill.rows, mill.tracker) == (0, "more")
