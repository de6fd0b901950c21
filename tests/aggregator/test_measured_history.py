"""Days measured from the simulator's history agree with a sum over its state changes, made another way."""

import asyncio
import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from agent.contract.records import MINUTE_MS
from aggregator.capacity.calendar import open_spans
from aggregator.model.calendar import Calendar, Shift, over_midnight
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from tests.aggregator.shop import TODAY, Shop, open_shop

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SHORTEST_MS = 15 * MINUTE_MS
UNTIL = "2026-11-24T18:00:00+09:00"  # the shop's time

Change = tuple[int, str]


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "agent", "simulate", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def minute_of(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def shift_of(table: dict[str, Any]) -> Shift:
    """Return the simulator's shift as a calendar has it: minutes go on after midnight."""
    breaks = [text.split("-") for text in table.get("breaks", [])]
    rests = [(minute_of(first), minute_of(last)) for first, last in breaks]
    end, pauses = over_midnight(minute_of(table["start"]), minute_of(table["end"]), rests)
    days = frozenset(WEEK.index(day) for day in table["days"])
    return Shift(days, minute_of(table["start"]), end, pauses)


@pytest.fixture(scope="module")
def changes() -> dict[MachineKey, list[Change]]:
    return defaultdict(list)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, changes: dict[MachineKey, list[Change]]) -> Shop:
    """A shop with two days of the demo's six factories, their calendars those of the simulator."""
    folder = tmp_path_factory.mktemp("history")
    shop = open_shop(folder, calendar=None)
    scenario = folder / "scenario.toml"
    run("--demo-scenario", str(scenario))
    for factory in tomllib.loads(scenario.read_text())["factories"]:
        shifts = tuple(shift_of(shift) for shift in factory["shifts"])
        shop.set_calendar(Calendar(shifts, works_on_holidays=True), factory["id"])
    lines = run("--scenario", str(scenario), "--history-days", "2", "--until", UNTIL).splitlines()
    windows = []
    for kind, factory, machine, start_ms, *rest in map(json.loads, lines):
        key = MachineKey(factory, machine)
        if kind == "window":
            length_ms, state_ms, cycles, good, scrap, job = rest
            windows.append(
                Window(key, start_ms, length_ms, tuple(state_ms), cycles, good, scrap, job=job or "")
            )
        else:
            changes[key].append((start_ms, rest[0]))
    shop.write(windows)
    asyncio.run(shop.days.refresh())
    return shop


def stretches(told: list[Change], spans: list[tuple[int, int]]) -> tuple[dict[str, int], list[int]]:
    """Return the milliseconds by state inside the spans, and the length of each idle stretch in them."""
    sums: dict[str, int] = defaultdict(int)
    found: list[int] = []
    idle = 0
    # States and spans cut each other: every piece lies in one state, and wholly in a span or in none.
    edges = sorted({edge for span in spans for edge in span} | {at_ms for at_ms, _ in told})
    states = dict(told)
    state, closed_ms = "", 0
    for edge, following in pairwise(edges):
        state = states.get(edge, state)
        if not any(start <= edge < end for start, end in spans):
            closed_ms += following - edge
            if closed_ms > 2 * 60 * MINUTE_MS or state in {"RUNNING", "SETUP", "DOWN", "OFFLINE"}:
                found, idle = [*found, idle], 0
            continue
        closed_ms = 0
        sums[state] += following - edge
        if state == "IDLE":
            idle += following - edge
        elif state != "PLANNED_STOP":
            found, idle = [*found, idle], 0
    return sums, [*found, idle]


@pytest.mark.parametrize("back", [1, 2])
def test_a_day_is_what_its_state_changes_say(
    shop: Shop, changes: dict[MachineKey, list[Change]], back: int
) -> None:
    day = TODAY - timedelta(days=back)
    first_ms, last_ms = shop.at(0, back), shop.at(0, back - 1)
    spare_ms = 0
    assert len(changes) == 20
    for key, told in changes.items():
        calendar = shop.services.profiles.get(key.factory).calendar
        assert calendar is not None
        spans = [span[:2] for span in open_spans(calendar, key.machine, first_ms, last_ms, shop.zone)]
        before = max((change for change in told if change[0] <= first_ms), default=(0, "OFFLINE"))
        of_day = [(first_ms, before[1])] + [each for each in told if first_ms < each[0] < last_ms]
        sums, gaps = stretches(sorted([*of_day, (last_ms, "OFFLINE")]), spans)
        (found,) = (each for each in shop.days.days()[key] if each.day == day)
        assert found.pbt_ms == sum(end - start for start, end in spans) - sums["PLANNED_STOP"], key
        assert found.apt_ms == sums["RUNNING"], key
        assert found.aust_ms == sums["SETUP"], key
        assert found.unknown_ms == sums["OFFLINE"], key
        assert found.adet_ms + found.adot_ms == sums["IDLE"] + sums["DOWN"], key
        # A gap loses the minutes that it shares with work: two at most, always toward delay.
        long = [gap for gap in gaps if gap > SHORTEST_MS]
        surely = [gap - 2 * MINUTE_MS for gap in gaps if gap > SHORTEST_MS + 2 * MINUTE_MS]
        assert sum(surely) <= found.adot_ms <= sum(long), key
        spare_ms += found.adot_ms
    assert spare_ms > 0
