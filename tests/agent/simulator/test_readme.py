"""The README of the simulator: its samples are right, and no setting is left out."""

import json
import re
import tomllib

import msgspec
import pytest
from msgspec import Struct

from agent.contract.states import State
from agent.simulator.control import Command
from agent.simulator.faces import INPUT_REGISTERS, WORK_ORDER, node_values
from agent.simulator.rhythm import KINDS, Rhythm
from agent.simulator.scenario import parse_scenario
from agent.simulator.status import Status
from agent.simulator.tables import EventTable, FactoryTable, MachineTable, ScenarioTable, ShiftTable
from tests.agent.simulator.floors import ANCHOR_MS, SCENARIOS

README = (SCENARIOS.parent / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_sample_scenario_is_right() -> None:
    scenario = parse_scenario(tomllib.loads(blocks("toml")[0]))
    assert scenario.machines[0].scripted[0].start_ms == ANCHOR_MS + 60_000


def test_the_sample_commands_are_right() -> None:
    for line in blocks("json")[1].splitlines():
        assert msgspec.json.decode(line, type=Command).machine == "north/mc-01"


def test_the_sample_ground_truth_is_json() -> None:
    lines = [json.loads(line) for line in blocks("json")[0].splitlines()]
    assert [line["event"] for line in lines] == ["start", "cycle", "state", "work_order", "breakdown"]


@pytest.mark.parametrize("table", [ScenarioTable, FactoryTable, ShiftTable, MachineTable, EventTable, Rhythm])
def test_every_setting_is_named(table: type[Struct]) -> None:
    fields = table.__struct_fields__
    assert [field for field in fields if not re.search(rf"\b{field}\b", README)] == []


def test_every_kind_and_every_variable_is_named() -> None:
    names = [*KINDS, *node_values(Status(State.IDLE, 0, 0))]
    assert [name for name in names if name not in README] == []
    assert (WORK_ORDER, INPUT_REGISTERS) == (20, 36)
