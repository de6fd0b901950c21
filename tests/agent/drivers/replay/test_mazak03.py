"""Twenty months of a real machining centre (NIST) through replay and tracker, against its own `auto_time`."""

import asyncio
import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from agent.config import parse_config
from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import State
from agent.drivers.replay import driver
from agent.drivers.replay.log import to_ms
from agent.drivers.replay.settings import Settings
from agent.measuring.machine import MachineTracker
from tests.auto_time import (
    LOG,
    Spent,
    compare,
    median_error,
    spent,
    total_error,
    unavailable_stretches,
    within,
)

SAMPLE = tomllib.loads((Path(driver.__file__).parent / "sample.toml").read_text("utf-8"))
FACTORY = {"federation": "higashimachi", "factory": "aoki", "data": "data", "mqtt": {"host": "127.0.0.1"}}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return asyncio.run(replayed())


async def replayed() -> list[Record]:
    machine = parse_config({**FACTORY, **SAMPLE}).machines[0]
    settings = msgspec.convert({**msgspec.to_builtins(machine.settings), "file": str(LOG)}, Settings)
    tracker: MachineTracker | None = None
    records: list[Record] = []
    async for batch in driver.readings(settings, lambda: 0):
        if tracker is None:
            tracker, records = MachineTracker.begin(machine.id, machine.rules, batch[0].at_ms)
        records += tracker.take(batch)
    assert tracker is not None
    return records + tracker.close(tracker.at_ms)


@pytest.fixture(scope="module")
def windows(records: list[Record]) -> list[Window]:
    return [one for one in records if isinstance(one, Window)]


@pytest.fixture(scope="module")
def minutes(windows: list[Window]) -> list[Spent]:
    return spent(windows)


def test_running_agrees_with_the_machines_own_clock(minutes: list[Spent]) -> None:
    days = compare(minutes)
    assert len(days) == 27
    assert sum(day.auto_time_s for day in days) == 176_046  # 48.9 h
    assert total_error(days) < 0.005
    assert median_error(days) < 0.002


def test_unavailable_is_offline_and_never_idle(minutes: list[Spent]) -> None:
    stretches = list(unavailable_stretches())
    unknown = [window for from_ms, to_ms in stretches for window in within(minutes, from_ms, to_ms)]
    assert len(stretches) > 500
    assert len(unknown) > 500_000
    assert all(window.offline_ms == window.length_ms for window in unknown)


def test_between_files_that_are_not_adjacent_the_machine_is_offline(minutes: list[Spent]) -> None:
    """It was READY when the file of 14 November ended; the next file is that of the 16th."""
    gap = within(minutes, to_ms("2016-11-14T17:54:00Z"), to_ms("2016-11-16T20:06:00Z"))
    assert len(gap) == 50 * 60 + 12
    assert all(window.offline_ms == window.length_ms for window in gap)


def test_twenty_months_are_gapless_minutes(windows: list[Window]) -> None:
    assert len(windows) == 862_048
    assert all(one.start_ms + one.length_ms == after.start_ms for one, after in pairwise(windows))
    assert all(one.length_ms == MINUTE_MS for one in windows[:-1])
    assert all(sum(one.state_ms) == one.length_ms for one in windows)


def test_no_stale_row_brings_a_state_back(records: list[Record]) -> None:
    changes = [one for one in records if isinstance(one, StateChange)]
    assert all(one.at_ms < after.at_ms and one.state is not after.state for one, after in pairwise(changes))
    assert {one.state for one in changes} == {State.RUNNING, State.IDLE, State.OFFLINE}
    assert changes[-1].at_ms < to_ms("2018-01-01T00:00:00Z"), "files of 2019 and 2020 hold stale rows only"
