"""Real servers, read by real clients of the protocol libraries, against the ground truth."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.server.address_space import AddressSpace
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.mixin import ModbusClientMixin

from agent.contract.states import State
from agent.errors import ConfigError
from agent.simulator.faces import CURRENT, INPUT_REGISTERS, SCRAP, STATUS_WORD, node_values
from agent.simulator.modbus_server import ModbusServer
from agent.simulator.opcua_server import TYPES, OpcUaServer, standard_space
from agent.simulator.plant import Scenario
from agent.simulator.scenario import parse_scenario
from agent.simulator.servers import make_servers
from agent.simulator.status import Status
from agent.simulator.styles import NAMESPACE
from agent.simulator.timeline import CycleDone, Event, StateChanged, events_after
from tests.agent.simulator.floors import ANCHOR_MS, document, on_modbus_only, short_day
from tests.agent.simulator.live import Clock, running, until

SECONDS = 8

Line = dict[str, Any]
SHOWN = Status(State.RUNNING, ANCHOR_MS, total=0x01020304, scrap=0x0A0B0C0D)


def lively_moment(scenario: Scenario) -> int:
    """Return a moment after which both machines make cycles and change their state within seconds."""
    end_ms = ANCHOR_MS + 900_000
    hour = [
        takewhile(lambda event: event.at_ms < end_ms, events_after(m, ANCHOR_MS)) for m in scenario.machines
    ]
    told = [list(events) for events in hour]
    for start_ms in range(ANCHOR_MS, end_ms, 1_000):
        soon = [[e for e in events if 0 < e.at_ms - start_ms < SECONDS * 1000] for events in told]
        if all(lively(events) for events in soon):
            return start_ms
    raise AssertionError("the scenario has become too quiet for this test")


def lively(events: list[Event]) -> bool:
    kinds = [type(event) for event in events]
    return kinds.count(CycleDone) >= 3 and kinds.count(StateChanged) >= 2


def truth_of(path: Path, machine: str) -> list[Line]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line["machine"] == machine]


class Heard:
    """Notifications of an OPC UA subscription, by variable: (value, source time in ms)."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[tuple[Any, int]]] = {}

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        at = data.monitored_item.Value.SourceTimestamp.replace(tzinfo=UTC)
        name = node.nodeid.Identifier.rpartition(".")[2]
        self.by_name.setdefault(name, []).append((value, round(at.timestamp() * 1000)))


async def test_what_clients_hear_is_the_ground_truth(tmp_path: Path) -> None:
    """The floor runs for some seconds over both protocols, then stops; nothing may differ."""
    start_ms = lively_moment(parse_scenario(short_day()))
    scenario = parse_scenario(short_day() | {"stop_after_s": (start_ms - ANCHOR_MS) / 1000 + SECONDS})
    path, heard, clock = tmp_path / "truth.jsonl", Heard(), Clock(start_ms, held=True)
    north, south = scenario.factories
    async with running(scenario, path, clock):
        async with Client(f"opc.tcp://127.0.0.1:{north.opcua_port}") as client:
            index = await client.get_namespace_index(NAMESPACE)
            subscription = await client.create_subscription(50, heard)
            nodes = [client.get_node(f"ns={index};s=mc-01.{name}") for name in TYPES]
            await subscription.subscribe_data_change(nodes, queuesize=100)
            await until(lambda: len(heard.by_name) == len(TYPES))
            clock.set(start_ms)
            await until(lambda: path.read_bytes().count(b"PLANNED_STOP") == 2)
            await until(lambda: heard.by_name["PlannedStop"][-1][0] is True)
        registers = await read_inputs(south.modbus_port, 1)
    states = [line["state"] for line in truth_of(path, "mc-01") if "state" in line]
    cycles = [line for line in truth_of(path, "mc-01") if line["event"] == "cycle"]
    executions = [value for value, _at in heard.by_name["Execution"]]
    assert [name for name in executions if name in ("ACTIVE", "INTERRUPTED", "STOPPED")] == [
        {"RUNNING": "ACTIVE", "DOWN": "INTERRUPTED", "PLANNED_STOP": "STOPPED"}[state]
        for state in states
        if state in ("RUNNING", "DOWN", "PLANNED_STOP")
    ]
    counted = dict(heard.by_name["PartsCount"][1:])
    assert counted == {line["total"]: ms_of(line) for line in cycles}
    assert len(cycles) >= 3
    presses = [line["total"] for line in truth_of(path, "pr-01") if line["event"] == "cycle"]
    assert registers[0] == presses[-1] % 65_536
    assert registers[STATUS_WORD] == 16


def ms_of(line: Line) -> int:
    return round(datetime.fromisoformat(line["at"]).timestamp() * 1000)


async def read_inputs(port: int | None, unit: int) -> list[int]:
    assert port is not None
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    assert await client.connect()
    try:
        answer = await client.read_input_registers(0, count=INPUT_REGISTERS, device_id=unit)
        assert not answer.isError()
        return list(answer.registers)
    finally:
        client.close()


@pytest.fixture(scope="module")
def space() -> AddressSpace:
    """The standard address space, which takes seconds to fill."""
    return asyncio.run(standard_space())


@pytest.fixture
def halls() -> Scenario:
    """The Modbus half of the demo: all byte orders, 16-bit counters, three towers a factory."""
    return parse_scenario(on_modbus_only(document("demo")))


async def test_every_machine_of_the_modbus_factories_is_its_own_unit(halls: Scenario) -> None:
    servers = await make_servers(halls, Clock(ANCHOR_MS))
    try:
        for nth, machine in enumerate(halls.machines):
            await servers[machine.key].show(machine, replace(SHOWN, total=SHOWN.total + nth))
        for server in set(servers.values()):
            await server.listen()
        orders = set()
        for nth, machine in enumerate(halls.machines):
            registers = await read_inputs(machine.factory.modbus_port, machine.wiring.unit)
            if machine.wiring.counter_bits == 16:
                assert registers[0] == (SHOWN.total + nth) % 65_536
                continue
            orders.add(machine.wiring.order)
            assert number_of(registers[:2], machine.wiring.order) == SHOWN.total + nth
            assert number_of(registers[SCRAP : SCRAP + 2], machine.wiring.order) == SHOWN.scrap
            assert 70 <= registers[CURRENT] * 0.1 <= 160
        assert orders == {"ABCD", "CDAB", "BADC", "DCBA"}
    finally:
        await asyncio.gather(*(server.close() for server in set(servers.values())))


def number_of(registers: list[int], order: str) -> int:
    """Decode as pymodbus does, and by hand what it cannot (the order of the bytes within a word)."""
    if order in ("BADC", "DCBA"):
        registers = [value >> 8 | (value & 0xFF) << 8 for value in registers]
    word_order = "big" if order in ("ABCD", "BADC") else "little"
    kind = ModbusClientMixin.DATATYPE.UINT32
    number = ModbusClientMixin.convert_from_registers(registers, kind, word_order=word_order)  # type: ignore[arg-type]
    assert isinstance(number, int)
    return number


async def test_lamps_are_read_together_and_blink_by_the_clock(halls: Scenario) -> None:
    clock = Clock(ANCHOR_MS)
    press = halls.machines[0]
    port = press.factory.modbus_port
    assert port is not None
    server = ModbusServer(port, [press], clock)
    await server.prepare()
    await server.show(press, replace(SHOWN, state=State.SETUP))
    await server.listen()
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    try:
        assert await client.connect()
        seen = []
        for after_ms in (0, 500, 1000, 1500):
            clock.set(ANCHOR_MS + after_ms)
            answer = await client.read_discrete_inputs(0, count=3, device_id=1)
            seen.append(answer.bits[:3])
        assert seen == [[False, True, False], [False] * 3, [False, True, False], [False] * 3]
        await server.show(press, replace(SHOWN, state=State.DOWN))
        assert (await client.read_discrete_inputs(2, count=1, device_id=1)).bits[0] is True
    finally:
        client.close()
        await server.close()


async def test_what_no_machine_has_is_refused_and_harms_nothing(halls: Scenario) -> None:
    press = halls.machines[0]
    port = press.factory.modbus_port
    assert port is not None
    server = ModbusServer(port, [press], Clock(ANCHOR_MS))
    await server.prepare()
    await server.listen()
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    try:
        assert await client.connect()
        busy = await client.read_input_registers(0, count=1, device_id=1)
        assert (busy.isError(), busy.exception_code) == (True, 6)
        await server.show(press, SHOWN)
        for answer in (
            await client.read_input_registers(INPUT_REGISTERS, count=1, device_id=1),
            await client.read_holding_registers(0, count=1, device_id=1),
            await client.read_input_registers(0, count=1, device_id=9),
            await client.write_register(0, 1, device_id=1),
            await client.write_coil(0, True, device_id=1),
        ):
            assert answer.isError()
        good = await client.read_input_registers(0, count=2, device_id=1)
        assert good.registers == [SHOWN.total % 65_536, 0]
    finally:
        client.close()
        await server.close()


async def test_two_opcua_servers_of_one_process_share_nothing_that_changes() -> None:
    text = document("demo")
    kept = [entry for entry in text["factories"] if entry["id"] in ("aoki", "minato")]
    machines = [entry for entry in text["machines"] if entry["factory"] in ("aoki", "minato")]
    scenario = parse_scenario(text | {"factories": kept, "machines": machines})
    servers = await make_servers(scenario, Clock(ANCHOR_MS))
    try:
        for nth, machine in enumerate(scenario.machines):
            await servers[machine.key].show(machine, replace(SHOWN, total=nth))
        for server in set(servers.values()):
            await server.listen()
        for factory in scenario.factories:
            async with Client(f"opc.tcp://127.0.0.1:{factory.opcua_port}") as client:
                folder = await client.nodes.objects.get_children()
                names = {(await node.read_browse_name()).Name for node in folder}
                assert {m.id for m in scenario.machines_of(factory)} == names - {
                    "Server",
                    "Aliases",
                    "Locations",
                    "Quantities",
                }
                index = await client.get_namespace_index(NAMESPACE)
                for machine in scenario.machines_of(factory):
                    expected = node_values(replace(SHOWN, total=scenario.machines.index(machine)))
                    for name, value in expected.items():
                        node = client.get_node(f"ns={index};s={machine.id}.{name}")
                        assert await node.read_value() == value
                        assert await node.read_data_type_as_variant_type() is TYPES[name]
    finally:
        await asyncio.gather(*(server.close() for server in set(servers.values())))


async def test_only_what_changed_is_written_with_the_time_of_the_event(space: AddressSpace) -> None:
    scenario = parse_scenario(document())
    machine = scenario.machines[0]
    port = machine.factory.opcua_port
    assert port is not None
    server = OpcUaServer(port, [machine], space)
    await server.prepare()
    await server.show(machine, SHOWN)
    await server.show(machine, replace(SHOWN, total=SHOWN.total + 1, last_cycle_ms=ANCHOR_MS + 5000))
    await server.listen()
    try:
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            index = await client.get_namespace_index(NAMESPACE)
            times = {}
            for name in TYPES:
                data = await client.get_node(f"ns={index};s=mc-01.{name}").read_data_value()
                assert data.SourceTimestamp is not None
                at = data.SourceTimestamp.replace(tzinfo=UTC)
                times[name] = round(at.timestamp() * 1000) - ANCHOR_MS
            assert {name for name, after_ms in times.items() if after_ms == 5000} == {
                "PartsCount",
                "SpindleLoad",
            }
            assert set(times.values()) == {0, 5000}
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node(f"ns={index};s=mc-01.Missing").read_value()
    finally:
        await server.close()


async def test_a_port_that_cannot_be_opened_is_named(halls: Scenario, space: AddressSpace) -> None:
    port = halls.factories[0].modbus_port
    assert port is not None
    blocker = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with blocker:
        for server in (ModbusServer(port, [], Clock(0)), OpcUaServer(port, [], space)):
            await server.prepare()
            with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 cannot be opened"):
                await server.listen()
            await server.close()
