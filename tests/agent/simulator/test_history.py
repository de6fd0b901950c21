"""History: windows and state changes that say the same as the event stream."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from agent.contract.states import STATES
from agent.simulator.history import history
from agent.simulator.plant import Scenario
from agent.simulator.scenario import parse_scenario
from agent.simulator.shifts import day_of
from agent.simulator.timeline import CycleDone, StateChanged, events_after, make_day
from tests.agent.simulator.floors import ANCHOR_MS, DAY_MS, HOUR_MS, MINUTE_MS, document

DEMO = parse_scenario(document("demo"))
UNTIL_MS = ANCHOR_MS + 10 * HOUR_MS + 12_345
DAYS = 2

Row = list[Any]


def rows(scenario: Scenario, days: int, until_ms: int) -> list[Row]:
    return [json.loads(line) for chunk in history(scenario, days, until_ms) for line in chunk.splitlines()]


@pytest.fixture(scope="module")
def told() -> list[Row]:
    return rows(DEMO, DAYS, UNTIL_MS)


def by_machine(told: list[Row], kind: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in told:
        if row[0] == kind:
            found[f"{row[1]}/{row[2]}"].append(row)
    return {key: sorted(lines, key=lambda row: row[3]) for key, lines in found.items()}


def test_windows_of_every_machine_are_gapless_and_add_up(told: list[Row]) -> None:
    windows = by_machine(told, "window")
    assert set(windows) == {machine.key for machine in DEMO.machines}
    for lines in windows.values():
        assert lines[0][3] == ANCHOR_MS - DAYS * DAY_MS
        assert lines[-1][3] + lines[-1][4] == UNTIL_MS
        assert all(first[3] + first[4] == second[3] for first, second in pairwise(lines))
        assert all(line[3] % MINUTE_MS == 0 and sum(line[5]) == line[4] for line in lines)
        assert {line[4] for line in lines[:-1]} == {MINUTE_MS}
        assert lines[-1][4] == 12_345


def test_windows_agree_with_the_events(told: list[Row]) -> None:
    windows = by_machine(told, "window")
    for machine in DEMO.machines:
        cycles: dict[int, int] = defaultdict(int)
        bad: dict[int, int] = defaultdict(int)
        for event in events_after(machine, ANCHOR_MS - DAYS * DAY_MS - 1):
            if event.at_ms >= UNTIL_MS:
                break
            if isinstance(event, CycleDone):
                cycles[event.at_ms // MINUTE_MS] += 1
                bad[event.at_ms // MINUTE_MS] += not event.good
        for line in windows[machine.key]:
            minute = line[3] // MINUTE_MS
            assert line[6] == cycles[minute]
            scrap = bad[minute] * machine.pieces_per_cycle if machine.counts_scrap else None
            good = None if scrap is None else line[6] * machine.pieces_per_cycle - scrap
            assert line[7:] == [good, scrap, None]
        assert sum(line[6] for line in windows[machine.key]) == sum(cycles.values())


def test_state_changes_agree_with_the_events_and_with_the_windows(told: list[Row]) -> None:
    states, windows = by_machine(told, "state"), by_machine(told, "window")
    for machine in DEMO.machines:
        start_ms = ANCHOR_MS - DAYS * DAY_MS
        expected = [(start_ms, make_day(machine, day_of(start_ms, machine.factory.zone)).changes[0][1].value)]
        for event in events_after(machine, start_ms):
            if event.at_ms >= UNTIL_MS:
                break
            if isinstance(event, StateChanged):
                expected.append((event.at_ms, event.state.value))
        changes = [(line[3], line[4]) for line in states[machine.key]]
        assert changes == expected
        ends = [at_ms for at_ms, _state in changes[1:]] + [UNTIL_MS]
        for state in STATES:
            by_changes = sum(
                end - at_ms for (at_ms, name), end in zip(changes, ends, strict=True) if name == state.value
            )
            column = STATES.index(state)
            assert by_changes == sum(line[5][column] for line in windows[machine.key])


def test_the_newest_day_of_every_machine_comes_first(told: list[Row]) -> None:
    days = [(ANCHOR_MS + DAY_MS - 1 - row[3]) // DAY_MS for row in told if row[0] == "window"]
    assert days == sorted(days)
    assert days[-1] == DAYS


def test_a_history_that_ends_at_midnight_has_no_empty_window() -> None:
    windows = [row for row in rows(DEMO, 0, ANCHOR_MS) if row[0] == "window"]
    assert windows == []
