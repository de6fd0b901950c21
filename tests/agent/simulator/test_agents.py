"""Agent configurations: what the simulator writes, the agent reads, and its rules see every state."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from agent.config import Machine as AgentMachine
from agent.config import load_config
from agent.contract.states import State
from agent.drivers.modbus.blocks import coalesce
from agent.drivers.modbus.decode import values
from agent.drivers.modbus.settings import Settings as ModbusSettings
from agent.drivers.modbus.settings import points
from agent.drivers.opcua.settings import Settings as OpcUaSettings
from agent.measuring.reading import Reading, Value
from agent.measuring.state import StateWatch
from agent.simulator.agents import write_agents
from agent.simulator.faces import input_registers, lamps, node_values
from agent.simulator.plant import Machine
from agent.simulator.scenario import parse_scenario
from agent.simulator.status import Status
from agent.simulator.styles import NAMESPACE
from tests.agent.simulator.floors import document

DEMO = parse_scenario(document("demo"))
STATES = [state for state in State if state is not State.OFFLINE]
START_MS = 1_000_000
POLL_MS = 250
WORST_MS = 3_000
"""Blinking, lamp tests and debounce: after so long the state must be the right one."""


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AgentMachine]:
    folder = tmp_path_factory.mktemp("agents")
    paths = write_agents(DEMO, folder, ("127.0.0.1", 1884))
    configs = [load_config(path) for path in paths]
    return {f"{config.factory}/{machine.id}": machine for config in configs for machine in config.machines}


def test_every_factory_gets_a_configuration_of_its_own(tmp_path: Path) -> None:
    paths = write_agents(DEMO, tmp_path / "new" / "folder", ("broker.example", 8883))
    configs = [load_config(path) for path in paths]
    assert [path.name for path in paths] == [f"{factory.id}.toml" for factory in DEMO.factories]
    for config, factory in zip(configs, DEMO.factories, strict=True):
        assert (config.federation, config.factory, config.name) == ("higashimachi", factory.id, factory.name)
        assert (config.mqtt.host, config.mqtt.port) == ("broker.example", 8883)
        assert config.data == (tmp_path / "new" / "folder" / factory.id).resolve()
        expected = [(m.id, m.name, m.process) for m in DEMO.machines_of(factory)]
        assert [(m.id, m.name, m.process) for m in config.machines] == expected


def test_with_bundles_the_line_is_encrypted_by_each_factorys_own_certificate(tmp_path: Path) -> None:
    paths = write_agents(DEMO, tmp_path / "agents", ("broker.example", 8883), bundles=tmp_path / "bundles")
    for path, factory in zip(paths, DEMO.factories, strict=True):
        tls = load_config(path).mqtt.tls
        assert tls is not None
        own = tmp_path / "bundles" / factory.id
        assert (tls.ca_file, tls.certificate_file, tls.key_file) == (
            own / "ca.crt", own / "agent.crt", own / "agent.key"
        )  # fmt: skip


def read(machine: Machine, agent: AgentMachine, status: Status, now_ms: int) -> list[Reading]:
    """Return what the agent's driver would read; the Modbus part by the driver's own decoder."""
    if machine.wiring.protocol == "opcua":
        names = cast(OpcUaSettings, agent.settings).signals
        shown = node_values(status)
        prefix = f"nsu={NAMESPACE};s={machine.id}."
        found: list[tuple[str, Value | None]] = [
            (s, shown[node.removeprefix(prefix)]) for s, node in names.items()
        ]
    else:
        found = list(modbus_values(machine, cast(ModbusSettings, agent.settings), status, now_ms))
    return [Reading(signal, value, now_ms) for signal, value in found]


def modbus_values(
    machine: Machine, settings: ModbusSettings, status: Status, now_ms: int
) -> list[tuple[str, Value | None]]:
    word = lamps(machine, status, now_ms).word()
    bits = [bool(word >> bit & 1) for bit in range(16)]
    registers = input_registers(machine, status)
    found: list[tuple[str, Value | None]] = []
    for block in coalesce(points(settings.signals)):
        span = slice(block.address, block.address + block.count)
        of_block = bits[span] if block.table == "discrete" else registers[span]
        found += [(signal, value) for signal, value, _quality in values(block, of_block)]
    return found


@pytest.mark.parametrize("machine", DEMO.machines, ids=lambda machine: machine.id)
def test_the_rules_see_every_state_of_every_machine(
    machine: Machine, agents: dict[str, AgentMachine]
) -> None:
    """From every state to every other; within a few seconds the rules say what the machine does."""
    agent = agents[machine.key]
    for before in STATES:
        for state in STATES:
            watch = StateWatch(agent.rules.rules, agent.rules.otherwise)
            seen = []
            for nth in range(60):
                now_ms = START_MS + nth * POLL_MS
                turned_ms = START_MS + 30 * POLL_MS
                status = Status(before, START_MS, 70_000, 3)
                if now_ms >= turned_ms:
                    status = replace(status, state=state, since_ms=turned_ms, last_cycle_ms=turned_ms)
                watch.hear(read(machine, agent, status, now_ms), now_ms)
                seen.append(watch.state)
            assert seen[29] is before
            settled = 30 + WORST_MS // POLL_MS
            assert set(seen[settled:]) == {state}, (before, state)


@pytest.mark.parametrize("machine", DEMO.machines, ids=lambda machine: machine.id)
def test_counters_arrive_unharmed(machine: Machine, agents: dict[str, AgentMachine]) -> None:
    agent = agents[machine.key]
    status = Status(State.RUNNING, START_MS, total=65_600, scrap=70_001)
    readings = {reading.signal: reading.value for reading in read(machine, agent, status, START_MS)}
    assert agent.rules.cycles is not None
    bits = agent.rules.cycles.bits
    assert bits == machine.wiring.counter_bits
    assert readings[agent.rules.cycles.signal] == 65_600 % 2 ** (bits or 64)
    assert (agent.rules.scrap is not None) is machine.counts_scrap
    if agent.rules.scrap is not None:
        assert readings[agent.rules.scrap.signal] == 70_001


def test_no_cycle_of_the_demo_is_too_fast_to_be_believed(agents: dict[str, AgentMachine]) -> None:
    for machine in DEMO.machines:
        cycles, scrap = agents[machine.key].rules.cycles, agents[machine.key].rules.scrap
        assert cycles is not None
        assert 0 < cycles.min_cycle_s < 0.5 * machine.rhythm.cycle_s
        if scrap is not None:
            assert scrap.min_cycle_s * machine.pieces_per_cycle <= 1.0


def test_a_work_order_and_what_is_shared_get_into_the_configuration(tmp_path: Path) -> None:
    text = document("two")
    for entry in text["machines"]:
        entry["work_order"] = "PRIVATE-77"
        entry["agent"] = {
            "share": "utilization",
            "job": {"signal": "work_order", "pattern": "WO-(?P<job>.+)"},
        }
    paths = write_agents(parse_scenario(text), tmp_path, ("127.0.0.1", 1884))
    opcua, modbus = (load_config(path).machines[0] for path in paths)
    assert opcua.settings.signals["work_order"] == f"nsu={NAMESPACE};s=mc-01.WorkOrder"
    assert modbus.settings.signals["work_order"].registers == 16
    for machine in (opcua, modbus):
        assert machine.sharing.cycles == "shared-jobs-only"
        assert machine.rules.job is not None
        assert machine.rules.job.signal == "work_order"
