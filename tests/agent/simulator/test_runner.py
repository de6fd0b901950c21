"""The live floor: real Modbus servers, a clock that the test moves, restarts without holes or repeats."""

import asyncio
import json
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ConfigError
from agent.simulator.plant import Machine, Scenario
from agent.simulator.runner import Floor
from agent.simulator.scenario import parse_scenario
from agent.simulator.status import status_at
from agent.simulator.timeline import StateChanged, events_after
from agent.simulator.truth import GroundTruth
from tests.agent.simulator.floors import ANCHOR_MS, HOUR_MS, on_modbus_only, short_day
from tests.agent.simulator.live import Clock, running, until

Line = dict[str, Any]


def lines_of(path: Path, machine: Machine) -> list[Line]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if (line["factory"], line["machine"]) == (machine.factory.id, machine.id)]


async def until_lines(path: Path, wanted: int) -> None:
    await until(lambda: path.exists() and path.read_bytes().count(b"\n") >= wanted)


def assert_tells_the_timeline(path: Path, scenario: Scenario, start_ms: int) -> None:
    """The file has every event from the start on, each once, in order and with the right counter."""
    for machine in scenario.machines:
        first, *rest = lines_of(path, machine)
        status = status_at(machine, scenario.anchor_ms, start_ms)
        assert (first["event"], first["state"], first["total"]) == ("start", status.state, status.total)
        total = status.total
        expected: list[Line] = []
        for event in islice(events_after(machine, start_ms), len(rest)):
            if isinstance(event, StateChanged):
                expected.append({"event": "state", "state": event.state.value})
            else:
                total += 1
                expected.append({"event": "cycle", "total": total, "good": event.good})
        told = [{k: v for k, v in line.items() if k not in ("at", "factory", "machine")} for line in rest]
        assert told == expected


@pytest.fixture
def scenario() -> Scenario:
    return parse_scenario(on_modbus_only(short_day()))


async def test_the_ground_truth_tells_the_timeline_as_it_happens(scenario: Scenario, tmp_path: Path) -> None:
    path, start = tmp_path / "truth.jsonl", ANCHOR_MS + HOUR_MS
    async with running(scenario, path, Clock(start)):
        await until_lines(path, 6)
    first_ms = status_start(path)
    assert_tells_the_timeline(path, scenario, first_ms)
    planned = [event.at_ms for event in islice(events_after(scenario.machines[0], first_ms), 5)]
    told = [ms_of(line) for line in lines_of(path, scenario.machines[0])[1:6]]
    assert all(there >= here for here, there in zip(planned, told, strict=True))


def ms_of(line: Line) -> int:
    return round(datetime.fromisoformat(line["at"]).timestamp() * 1000)


def status_start(path: Path) -> int:
    return ms_of(json.loads(path.read_text("utf-8").splitlines()[0]))


async def test_a_restart_continues_without_repeats_or_holes(scenario: Scenario, tmp_path: Path) -> None:
    path, clock = tmp_path / "truth.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    async with running(scenario, path, clock):
        await until_lines(path, 3)
    for nth in range(3):
        clock.set(clock() + (nth + 1) * 90_000)
        before = path.read_bytes().count(b"\n")
        async with running(scenario, path, clock):
            await until_lines(path, before + 2)
    assert path.read_bytes().count(b"\n") > 100
    assert_tells_the_timeline(path, scenario, status_start(path))


async def test_after_a_crash_with_a_torn_line_nothing_is_missing(scenario: Scenario, tmp_path: Path) -> None:
    path, clock = tmp_path / "truth.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    async with running(scenario, path, clock):
        await until_lines(path, 5)
    for cut in (7, 60, 150):
        path.write_bytes(path.read_bytes()[:-cut])
        before = path.read_bytes().count(b"\n")
        async with running(scenario, path, clock):
            await until_lines(path, before + 2)
    assert_tells_the_timeline(path, scenario, status_start(path))


async def test_what_happened_while_nobody_ran_is_told_at_its_own_time(
    scenario: Scenario, tmp_path: Path
) -> None:
    path, clock = tmp_path / "truth.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    async with running(scenario, path, clock):
        await until_lines(path, 2)
    stopped_ms, before = clock(), path.read_bytes().count(b"\n")
    clock.set(stopped_ms + 60_000)
    async with running(scenario, path, clock):
        await until_lines(path, before + 20)
    machine = scenario.machines[0]
    planned = {e.at_ms for e in islice(events_after(machine, stopped_ms + 1000), 20)}
    told = {ms_of(line) for line in lines_of(path, machine)}
    assert planned <= told


async def test_an_event_that_comes_late_carries_the_moment_it_happened(
    scenario: Scenario, tmp_path: Path
) -> None:
    path, clock = tmp_path / "truth.jsonl", Clock(ANCHOR_MS + HOUR_MS, held=True)
    async with running(scenario, path, clock):
        clock.set(ANCHOR_MS + 2 * HOUR_MS)
        await until_lines(path, 3)
    late = lines_of(path, scenario.machines[0])[1:3]
    assert all(ms_of(line) >= ANCHOR_MS + 2 * HOUR_MS for line in late)
    assert_tells_the_timeline(path, scenario, status_start(path))


async def test_after_the_end_the_floor_still_answers(tmp_path: Path) -> None:
    text = on_modbus_only(short_day()) | {"stop_after_s": 3600}
    scenario, path = parse_scenario(text), tmp_path / "truth.jsonl"
    async with running(scenario, path, Clock(ANCHOR_MS + HOUR_MS - 1500)) as floor:
        await until(lambda: b"PLANNED_STOP" in path.read_bytes())
        last = path.read_bytes()
        port = scenario.factories[0].modbus_port
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        assert floor.statuses[scenario.machines[0].key].state == "PLANNED_STOP"
    assert path.read_bytes() == last
    assert lines_of(path, scenario.machines[0])[-1]["state"] == "PLANNED_STOP"


async def test_an_anchor_in_the_future_is_refused(scenario: Scenario) -> None:
    floor = Floor(scenario, GroundTruth(None), Clock(ANCHOR_MS - HOUR_MS))
    with pytest.raises(ConfigError, match="anchor: lies in the future"):
        await floor.run(asyncio.Event(), lambda: None)


async def test_a_port_in_use_is_named_with_its_key(scenario: Scenario) -> None:
    port = scenario.factories[0].modbus_port
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with server:
        floor = Floor(scenario, GroundTruth(None), Clock(ANCHOR_MS + HOUR_MS))
        with pytest.raises(
            ConfigError, match=rf"factories\[0\].modbus_port: port {port} of 127.0.0.1 is in use"
        ):
            await floor.run(asyncio.Event(), lambda: None)


async def test_the_ground_truth_of_another_scenario_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    path, clock = tmp_path / "truth.jsonl", Clock(ANCHOR_MS + HOUR_MS)
    async with running(scenario, path, clock):
        await until_lines(path, 2)
    other = parse_scenario(on_modbus_only(short_day()) | {"seed": 99})
    with GroundTruth(path) as truth, pytest.raises(ConfigError, match="another scenario"):
        await Floor(other, truth, clock).run(asyncio.Event(), lambda: None)
