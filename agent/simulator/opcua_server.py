"""A factory's OPC UA server on loopback; the only module that imports asyncua."""

import gc
import logging
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

from agent.errors import ConfigError
from agent.simulator.faces import Value, node_values
from agent.simulator.plant import Machine
from agent.simulator.status import Status
from agent.simulator.styles import NAMESPACE

HOST = "127.0.0.1"
EPOCH = ua.DateTime(1970, 1, 1, tzinfo=UTC)
TYPES = {
    "Execution": ua.VariantType.String,
    "OperationMode": ua.VariantType.Int32,
    "Alarm": ua.VariantType.Boolean,
    "PlannedStop": ua.VariantType.Boolean,
    "PackMLState": ua.VariantType.Int32,
    "SpindleLoad": ua.VariantType.Double,
    "PartsCount": ua.VariantType.UInt32,
    "ScrapCount": ua.VariantType.UInt32,
    "WorkOrder": ua.VariantType.String,
}


class CopiedSpace(InternalServer):
    """A server core whose standard address space is a copy: filling one takes seconds."""

    def __init__(self, template: AddressSpace) -> None:
        super().__init__()
        self.template = template

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        nodeids = self.template.keys()
        for nodeid in nodeids:
            self.aspace[nodeid] = _copy(self.template[nodeid])


def _copy(original: NodeData) -> NodeData:
    """Copy what servers change, the references and the holder of the value; sharing the rest saves 20 MB."""
    node = NodeData(original.nodeid)
    node.references = list(original.references)
    node.attributes = dict(original.attributes)
    held = original.attributes.get(AttributeIds.Value)
    if held is not None and held.value is not None:
        node.attributes[AttributeIds.Value] = AttributeValue(held.value)
    node.call = original.call
    return node


async def standard_space() -> AddressSpace:
    """Return a filled address space to copy from; takes seconds."""
    core = InternalServer()
    gc.disable()  # 6,000 nodes that stay: looking for garbage among them costs a fifth of the time
    try:
        await core.load_standard_address_space()
    finally:
        gc.enable()
    return core.aspace


class OpcUaServer:
    """Serves the given machines of one factory on its OPC UA port, unencrypted, for anyone on loopback."""

    def __init__(self, port: int, machines: Sequence[Machine], space: AddressSpace) -> None:
        self.port = port
        self.machines = machines
        self.server = Server(iserver=CopiedSpace(space))
        self.shown: dict[str, dict[str, Value]] = {}
        self.index = 0

    async def prepare(self) -> None:
        """Build the address space; nobody can connect yet."""
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://{HOST}:{self.port}")
        self.server.set_server_name("Machikoba simulator")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self.server.set_identity_tokens([ua.AnonymousIdentityToken])
        self.index = await self.server.register_namespace(NAMESPACE)
        for machine in self.machines:
            await self._add_machine(machine)

    async def _add_machine(self, machine: Machine) -> None:
        objects = self.server.nodes.objects
        name = ua.QualifiedName(machine.id, self.index)
        parent = await objects.add_object(self._node_id(machine, ""), name)
        for variable, kind in TYPES.items():
            name = ua.QualifiedName(variable, self.index)
            nothing = ua.get_default_value(kind)
            await parent.add_variable(self._node_id(machine, f".{variable}"), name, nothing, varianttype=kind)

    def _node_id(self, machine: Machine, tail: str) -> ua.NodeId:
        return ua.NodeId(ua.String(f"{machine.id}{tail}"), ua.Int16(self.index))

    async def listen(self) -> None:
        """Open the port; raises ConfigError when it is taken."""
        log = logging.getLogger("asyncua.server.server")
        log.disabled = True  # it would print a traceback before it raises
        try:
            await self.server.start()
        except OSError as error:
            raise ConfigError(f"opcua_port: port {self.port} of {HOST} cannot be opened ({error})") from error
        finally:
            log.disabled = False

    async def show(self, machine: Machine, status: Status) -> None:
        """Write what differs from what the machine shows, in one call and with the status' own time."""
        values = node_values(status)
        before = self.shown.get(machine.key, {})
        at = EPOCH + timedelta(milliseconds=max(status.since_ms, status.last_cycle_ms))
        writes = ua.WriteParameters()
        for name, value in values.items():
            if name not in before or before[name] != value:
                variant = ua.Variant(value, TYPES[name])
                held = ua.DataValue(variant, SourceTimestamp=at)
                node_id = self._node_id(machine, f".{name}")
                writes.NodesToWrite.append(ua.WriteValue(node_id, AttributeIds.Value, Value=held))
        for result in await self.server.iserver.isession.write(writes):
            result.check()
        self.shown[machine.key] = values

    async def close(self) -> None:
        """Close the port and all connections."""
        if self.server.bserver is not None:
            await self.server.stop()
