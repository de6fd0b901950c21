import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aggregator import measurements
from aggregator.live import Board, LiveMachine
from aggregator.measurements import Measurements
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.window import Totals, Window
from aggregator.store.timeseries import StoreError
from tests.aggregator.town import MINUTE_MS, NOW_MS, ZONE, Town, found_town, machines

KEY = MachineKey("aoki", "mc-01")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return found_town(tmp_path, days=0.2)


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class FailingStore:
    """The town's store, which fails while told to."""

    real: Any
    fails: bool = True
    asked: list[Collection[MachineKey]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def totals(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> Mapping[MachineKey, Totals]:
        if self.fails:
            raise StoreError("database: disk full")
        self.asked.append(set(keys))
        found: Mapping[MachineKey, Totals] = self.real.totals(keys, since_ms, until_ms)
        return found


def cycle(services: Any, total: int) -> None:
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    spent = (MINUTE_MS, 0, 0, 0, 0, 0)
    services.timeseries.write([Window(KEY, start_ms, MINUTE_MS, spent, 1, cycles_total=total)], [])


async def test_what_is_stored_is_measured_again_and_told(town: Town) -> None:
    services, clock = town.services, Clock()
    kept = Measurements(services.timeseries, machines, services.board, ZONE, clock)
    running = asyncio.create_task(kept.run())
    async with services.board.listen() as changes:
        first = await anext(changes)
        assert len(first) == 20  # everything is measured at the start
        before = kept.get(KEY).cycles_today
        assert before is not None
        cycle(services, 1)
        clock.now_ms += MINUTE_MS
        services.board.stored([KEY])
        told: set[MachineKey] = set()
        while kept.get(KEY).cycles_today == before:
            told |= await asyncio.wait_for(anext(changes), 20)
        assert told == {KEY}
    assert kept.get(KEY).cycles_today == before + 1
    services.board.close()
    await asyncio.wait_for(running, 20)  # ends by itself


async def test_machines_that_fall_silent_are_measured_once_a_minute(town: Town) -> None:
    services, clock = town.services, Clock()
    kept = Measurements(services.timeseries, machines, services.board, ZONE, clock)
    running = asyncio.create_task(kept.run())
    async with services.board.listen() as changes:
        await anext(changes)
        clock.now_ms += 2 * MINUTE_MS
        while kept.get(KEY).at_ms != clock.now_ms:
            services.board.stored([MachineKey("aoki", "mc-02")])  # others talk all the time
            await asyncio.wait_for(anext(changes), 20)
    assert len(kept.get(KEY).windows) == 58  # the hour moved on, nothing new came
    running.cancel()


async def test_when_the_store_fails_the_old_figures_stay(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    services = town.services
    store = FailingStore(services.timeseries, fails=False)
    kept = Measurements(store, machines, services.board, ZONE, lambda: NOW_MS)
    await kept.refresh()
    old = kept.get(KEY)
    store.fails = True
    with caplog.at_level(logging.INFO):
        await kept.refresh()
        await kept.refresh([KEY])
        assert kept.get(KEY) is old
        store.fails = False
        await kept.refresh([KEY])
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "disk full" in caplog.text


async def test_only_what_changed_is_asked_of_the_store(town: Town) -> None:
    store = FailingStore(town.services.timeseries, fails=False)
    kept = Measurements(store, machines, Board(), ZONE, lambda: NOW_MS)
    await kept.refresh([KEY])
    assert store.asked == [{KEY}, {KEY}]
    assert kept.machine(KEY) is not None
    assert len(kept.machines()) == 20


async def test_a_machine_is_known_soon_after_its_birth_is_stored(town: Town) -> None:
    services = town.services
    kept = Measurements(services.timeseries, services.records.machines, services.board, ZONE, lambda: NOW_MS)
    running = asyncio.create_task(kept.run())
    stranger = Machine(MachineKey("aoki", "mc-99"), "新しい機械", "cutting", "measured")
    async with services.board.listen() as changes:
        await anext(changes)
        services.board.update(LiveMachine(stranger.key, connected=True))
        await anext(changes)
        services.records.remember([], [stranger])
        while kept.machine(stranger.key) is None:
            await asyncio.wait_for(anext(changes), 20)
    assert kept.machine(stranger.key) == stranger
    running.cancel()


async def test_a_store_that_fails_at_the_start_is_asked_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FailingStore(town.services.timeseries)
    kept = Measurements(store, machines, town.services.board, ZONE, lambda: NOW_MS)
    monkeypatch.setattr(measurements, "SWEEP_DELAY_MS", -MINUTE_MS)
    running = asyncio.create_task(kept.run())
    await asyncio.sleep(0.2)
    assert kept.machine(KEY) is None
    async with town.services.board.listen() as changes:
        store.fails = False
        await asyncio.wait_for(anext(changes), 20)
    assert kept.machine(KEY) is not None
    running.cancel()


def test_a_machine_never_measured_is_unknown(tmp_path: Path) -> None:
    town = found_town(tmp_path, settled=False)
    kept = town.services.measurements
    assert kept.get(KEY).cycles_today is None
    assert kept.machine(KEY) is None
