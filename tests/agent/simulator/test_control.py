"""Commands to a running floor: breakdowns and work orders that are in the truth, and survive a restart."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.states import State
from agent.simulator.control import Command, ControlFile
from agent.simulator.plant import Machine, Scenario
from agent.simulator.scenario import parse_scenario
from agent.simulator.status import status_at
from agent.simulator.timeline import CycleDone, StateChanged, events_after, make_day
from tests.agent.simulator.floors import ANCHOR, ANCHOR_MS, HOUR_MS, machine, on_modbus_only, short_day
from tests.agent.simulator.live import Clock, running, until
from tests.agent.simulator.test_runner import Line, lines_of, ms_of

MACHINES = ("south/pr-01",)


def command(path: Path, *lines: dict[str, Any] | str) -> None:
    with path.open("a", encoding="utf-8") as file:
        for line in lines:
            file.write(line if isinstance(line, str) else json.dumps(line) + "\n")


def of(kind: str, lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == kind]


@pytest.fixture
def scenario() -> Scenario:
    text = on_modbus_only(short_day())
    text["machines"][0]["work_order"] = "PRIVATE-77"
    return parse_scenario(text)


def test_a_control_file_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "control.jsonl"
    command(path, {"machine": "south/pr-01", "work_order": "of an earlier floor"})
    control = ControlFile(path, MACHINES)
    assert control.read() == ([], [])
    command(path, {"machine": "south/pr-01", "breakdown_s": 57600}, '{"machine": "south/pr-01", ')
    assert control.read() == ([Command("south/pr-01", breakdown_s=57600)], [])
    command(path, '"work_order": ""}\n\n')
    assert control.read() == ([Command("south/pr-01", work_order="")], [])
    assert control.read() == ([], [])


def test_a_file_that_comes_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    control = ControlFile(tmp_path / "control.jsonl", MACHINES)
    assert control.read() == ([], [])
    command(tmp_path / "control.jsonl", {"machine": "south/pr-01", "work_order": "WO-1"})
    assert control.read() == ([Command("south/pr-01", work_order="WO-1")], [])
    assert ControlFile(None, MACHINES).read() == ([], [])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("rubbish\n", "new line 1 is ignored: JSON is malformed"),
        ('{"machine": "south/pr-01"}\n', "expected work_order or breakdown_s"),
        ('{"machine": "south/pr-01", "breakdown_s": 0}\n', "breakdown_s"),
        ('{"machine": "south/pr-01", "work_order": "%s"}\n' % ("注" * 11), "expected at most 32 bytes"),
        ('{"machine": "south/pr-01", "break_s": 1}\n', "unknown field `break_s`"),
        ('{"machine": "south/pr-99", "work_order": ""}\n', "there is no machine 'south/pr-99'"),
    ],
)
def test_a_line_that_is_no_command_is_told_and_the_next_one_obeyed(
    tmp_path: Path, line: str, what: str
) -> None:
    control = ControlFile(tmp_path / "control.jsonl", MACHINES)
    command(tmp_path / "control.jsonl", line, {"machine": "south/pr-01", "work_order": "WO-1"})
    commands, wrong = control.read()
    assert commands == [Command("south/pr-01", work_order="WO-1")]
    (sentence,) = wrong
    assert what in sentence


@given(st.integers(0, 3 * 3_600_000), st.integers(1, 26 * 3_600_000))
@settings(max_examples=30)
def test_a_breakdown_changes_nothing_that_was_before_it(after_ms: int, for_ms: int) -> None:
    well = machine("plating_line", rhythm={"scrap_rate": 0.2})
    at_ms = ANCHOR_MS + after_ms
    broken = well.broken(at_ms, for_ms)
    day = ANCHOR.date()
    before = [event for event in make_day(well, day).events() if event.at_ms <= at_ms]
    assert [event for event in make_day(broken, day).events() if event.at_ms <= at_ms] == before
    assert status_at(broken, ANCHOR_MS, at_ms) == status_at(well, ANCHOR_MS, at_ms)
    after = events_after(broken, at_ms)
    first = next(after)
    if status_at(well, ANCHOR_MS, at_ms).state is not State.DOWN:
        assert first == StateChanged(at_ms + 1, State.DOWN)
        first = next(after)
    assert isinstance(first, StateChanged)
    assert first.at_ms >= at_ms + 1 + for_ms, "nothing happens while it is down"


def assert_tells(lines: list[Line], machine: Machine, start_ms: int) -> None:
    """The file tells the timeline of a machine that was broken as the file itself says."""
    for line in of("breakdown", lines):
        machine = machine.broken(ms_of(line), line["for_ms"])
    told = [line for line in lines if line["event"] in ("state", "cycle")]
    for event, line in zip(islice(events_after(machine, start_ms), len(told)), told, strict=True):
        if isinstance(event, CycleDone):
            assert (line["event"], line["good"]) == ("cycle", event.good)
        else:
            assert (line["event"], line["state"]) == ("state", event.state)


async def test_a_machine_breaks_when_it_is_told_to_and_the_truth_says_so(
    scenario: Scenario, tmp_path: Path
) -> None:
    path, control, clock = tmp_path / "truth.jsonl", tmp_path / "control.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    press = scenario.machines[0]
    async with running(scenario, path, clock, control) as floor:
        await until(lambda: len(of("cycle", lines_of(path, press))) > 1)
        command(control, {"machine": "south/pr-01", "breakdown_s": 57600})
        await until(lambda: of("breakdown", lines_of(path, press)) != [])
        broken_ms = ms_of(of("breakdown", lines_of(path, press))[0])
        await until(lambda: floor.statuses[press.key].state is State.DOWN)
    # It is still broken after a restart, ten hours later; nothing was made meanwhile.
    clock.set(broken_ms + 10 * HOUR_MS)
    before = len(lines_of(path, press))
    async with running(scenario, path, clock, control) as floor:
        assert floor.statuses[press.key].state is State.DOWN
        assert len(lines_of(path, press)) == before
        clock.set(broken_ms + 16 * HOUR_MS + 500)
        await until(lambda: floor.statuses[press.key].state is not State.DOWN)
    lines = lines_of(path, press)
    (breakdown,) = of("breakdown", lines)
    assert breakdown["for_ms"] == 57_600_000
    later = lines[lines.index(breakdown) + 1 :]
    back = next(line for line in later if line.get("state") != "DOWN")
    assert ms_of(back) >= broken_ms + 57_600_000
    assert_tells(lines, press, ms_of(lines[0]))


async def test_a_work_order_is_shown_told_and_remembered(scenario: Scenario, tmp_path: Path) -> None:
    path, control, clock = tmp_path / "truth.jsonl", tmp_path / "control.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    press = scenario.machines[0]
    async with running(scenario, path, clock, control) as floor:
        assert floor.statuses[press.key].work_order == "PRIVATE-77"
        command(control, "rubbish\n", {"machine": "south/pr-01", "work_order": "WO-12"})
        await until(lambda: floor.statuses[press.key].work_order == "WO-12")
        await until(lambda: of("work_order", lines_of(path, press)) != [])
    async with running(scenario, path, clock, control) as floor:
        assert floor.statuses[press.key].work_order == "WO-12"
        command(control, {"machine": "south/pr-01", "work_order": ""})
        await until(lambda: floor.statuses[press.key].work_order == "")
    assert [line["work_order"] for line in of("work_order", lines_of(path, press))] == ["WO-12", ""]
    assert_tells(lines_of(path, press), press, ms_of(lines_of(path, press)[0]))
