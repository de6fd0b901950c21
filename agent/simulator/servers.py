"""The seam between the simulation and the protocols: a scenario in, one server a factory and protocol out."""

import socket
from collections.abc import Callable
from typing import Protocol

from agent.errors import ConfigError
from agent.simulator.plant import MODBUS, OPCUA, Factory, Machine, Scenario
from agent.simulator.status import Status

HOST = "127.0.0.1"


class Server(Protocol):
    """Shows machines to whoever connects: `prepare`, `show` each machine, `listen`, `show` on, `close`."""

    async def prepare(self) -> None:
        """Build everything that takes time; nobody can connect yet."""

    async def listen(self) -> None:
        """Open the port; raises ConfigError when that fails."""

    async def show(self, machine: Machine, status: Status) -> None:
        """Let a machine show a status from now on."""

    async def close(self) -> None:
        """Close the port and all connections; harmless at any time."""


def ports(factory: Factory) -> dict[str, int]:
    """Return the factory's ports by protocol."""
    both = {OPCUA: factory.opcua_port, MODBUS: factory.modbus_port}
    return {protocol: port for protocol, port in both.items() if port is not None}


def check_ports(scenario: Scenario) -> None:
    """Raise ConfigError when a port of the scenario is in use."""
    for index, factory in enumerate(scenario.factories):
        for protocol, port in ports(factory).items():
            if not is_free(port):
                place = f"factories[{index}].{protocol}_port"
                cure = "stop that program or choose another port"
                raise ConfigError(f"{place}: port {port} of {HOST} is in use by another program; {cure}")


def is_free(port: int) -> bool:
    """Tell whether a port of loopback can be opened now."""
    with socket.socket() as probe:
        # As the servers do: connections of an earlier run that are still winding down are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def make_servers(scenario: Scenario, now: Callable[[], int]) -> dict[str, Server]:
    """Return every machine's prepared server, by the machine's key; with OPC UA this takes seconds.

    The protocols' libraries are imported here, and only those that the scenario needs.
    """
    servers: dict[str, Server] = {}
    if on_opcua := _groups(scenario, OPCUA):
        from agent.simulator.opcua_server import OpcUaServer, standard_space

        space = await standard_space()
        for port, machines in on_opcua:
            servers |= dict.fromkeys((m.key for m in machines), OpcUaServer(port, machines, space))
    if on_modbus := _groups(scenario, MODBUS):
        from agent.simulator.modbus_server import ModbusServer

        for port, machines in on_modbus:
            servers |= dict.fromkeys((m.key for m in machines), ModbusServer(port, machines, now))
    for server in dict.fromkeys(servers.values()):
        await server.prepare()
    return servers


def _groups(scenario: Scenario, protocol: str) -> list[tuple[int, list[Machine]]]:
    """Return port and machines of every factory that has machines on the protocol."""
    groups = []
    for factory in scenario.factories:
        machines = [m for m in scenario.machines_of(factory) if m.wiring.protocol == protocol]
        if machines:
            groups.append((ports(factory)[protocol], machines))
    return groups
