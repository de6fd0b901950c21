"""The command: what it prints and writes, what it refuses, and that SIGKILL loses nothing."""

import argparse
import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.simulator.command import add_arguments, run
from agent.simulator.scenario import load_scenario
from agent.simulator.timeline import StateChanged, events_after
from agent.simulator.toml import rendered
from tests.agent.simulator.floors import HOUR_MS, SCENARIOS, document, on_modbus_only
from tests.agent.simulator.live import until

TWO = str(SCENARIOS / "two.toml")


def simulate(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "agent", "simulate", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(rendered(on_modbus_only(document()) | {"anchor": datetime.now(UTC)}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", TWO, "--write-agents", "x"], "--write-agents: goes with --mqtt only"),
        (["--scenario", TWO, "--mqtt", "a:1"], "--mqtt: goes with --write-agents only"),
        (["--scenario", TWO, "--until", "2026-11-22T00:00:00Z"], "--until: goes with --history-days only"),
        (["--scenario", TWO, "--stop-after", "9"], "--stop-after: goes with --demo-scenario only"),
        (["--scenario", TWO, "--history-days", "-1"], "--history-days: expected 0 or more, got -1"),
        (["--scenario", TWO, "--history-days", "1", "--until", "noon"], "--until: expected a time such as"),
        (
            ["--scenario", TWO, "--history-days", "1", "--until", "2026-11-22T00:00:00"],
            "--until: needs an offset",
        ),
        (["--scenario", TWO, "--write-agents", "x", "--mqtt", "broker"], "--mqtt: expected HOST:PORT"),
        (["--scenario", TWO, "--write-agents", "x", "--mqtt", "broker:0"], "--mqtt: expected HOST:PORT"),
        (["--scenario", "absent.toml"], r"absent\.toml: cannot be read"),
        (["--demo-scenario", "/proc/demo.toml"], "--demo-scenario /proc/demo.toml: cannot be written"),
        (
            ["--scenario", TWO, "--write-agents", "/proc/x", "--mqtt", "a:1"],
            "--write-agents /proc/x: cannot be written",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate(*arguments)


def test_live_mistakes_name_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "later.toml"
    path.write_text(
        rendered(on_modbus_only(document()) | {"anchor": datetime(2999, 1, 1, tzinfo=UTC)}), "utf-8"
    )
    with pytest.raises(ConfigError, match=r"later\.toml: anchor: lies in the future"):
        simulate("--scenario", str(path), "--seconds", "1")


def test_the_demo_scenario_is_written_and_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "demo.toml"
    assert simulate("--demo-scenario", str(path), "--stop-after", "60") == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert len(load_scenario(path).machines) == 20


def test_agents_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate("--scenario", TWO, "--write-agents", str(tmp_path), "--mqtt", "[::1]:1883") == 0
    assert capsys.readouterr().out.count("wrote ") == 2
    assert tomllib.loads((tmp_path / "north.toml").read_text("utf-8"))["mqtt"] == {
        "host": "::1",
        "port": 1883,
    }


def test_history_is_printed_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate("--scenario", TWO, "--history-days", "1", "--until", "2026-11-20T01:00:00+09:00") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(row[0] == "window" for row in rows) == 2 * 25 * 60
    assert {len(row) for row in rows} == {6, 10}


def test_a_reader_that_has_had_enough_ends_the_history() -> None:
    with process("--scenario", TWO, "--history-days", "60") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b'["state","north"')
        running.stdout.close()
        assert running.wait(60) == 1
        assert running.stderr.read() == b""


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_simulation_cleanly(scenario: Path, name: signal.Signals) -> None:
    with process("--scenario", str(scenario)) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b"south: modbus on 127.0.0.1:")
        assert running.stdout.readline() == b"1 machines are running; Ctrl-C ends the simulation\n"
        running.send_signal(name)
        assert running.wait(30) == 0
        assert running.stderr.read() == b""


def test_the_simulation_ends_by_itself_after_the_given_time(scenario: Path) -> None:
    with process("--scenario", str(scenario), "--seconds", "0.5") as running:
        assert running.wait(60) == 0


def has_lines(path: Path, wanted: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") >= wanted


async def test_killed_and_started_again_the_ground_truth_has_no_hole(scenario: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    lines = 0
    for _run in range(3):
        with process("--scenario", str(scenario), "--ground-truth", str(truth)) as running:
            await until(partial(has_lines, truth, lines + 3))
            running.send_signal(signal.SIGKILL)
        lines = truth.read_bytes().count(b"\n")
    told = [json.loads(line) for line in truth.read_text("utf-8").splitlines()]
    machine = load_scenario(scenario).machines[0]
    assert [line["event"] for line in told].count("start") == 1
    start_ms = round(datetime.fromisoformat(told[0]["at"]).timestamp() * 1000)
    for line, event in zip(told[1:], events_after(machine, start_ms), strict=False):
        expected = event.state if isinstance(event, StateChanged) else event.good
        assert line.get("state", line.get("good")) == expected
        at_ms = round(datetime.fromisoformat(line["at"]).timestamp() * 1000)
        assert 0 <= at_ms - event.at_ms < HOUR_MS
    totals = [line["total"] for line in told if "total" in line]
    assert totals == list(range(totals[0], totals[0] + len(totals)))
