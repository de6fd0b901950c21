"""Looks around in an OPC UA server: where it is in, its variables out, named as `signals` wants them."""

import base64
from collections.abc import AsyncIterator

from asyncua import Client, ua

from agent.drivers.finding import Finding, signal_name, toml_text

from .nodes import NodeName
from .session import session
from .settings import Settings
from .subscription import NODES_PER_CALL
from .values import seen, type_of

OBJECTS = ua.NodeId(ua.Int32(ua.ObjectIds.ObjectsFolder))
SERVER_ITSELF = ua.NodeId(ua.Int32(ua.ObjectIds.Server))
HAS_PROPERTY = ua.NodeId(ua.Int32(ua.ObjectIds.HasProperty))
LIMIT = 500
DEPTH = 8

Variable = tuple[ua.NodeId, tuple[str, ...]]
"""A variable and the browse names that lead to it from Objects."""


async def discover(settings: Settings, limit: int = LIMIT, depth: int = DEPTH) -> tuple[Finding, ...]:
    """Return up to `limit` variables, up to `depth` levels below Objects; raises LinkError.

    The server's own object and properties (descriptions of other values) are left out.
    """
    async with session(settings) as client:
        namespaces = await client.get_namespace_array()
        found = [variable async for variable in _variables(client, limit, depth)]
        values = await _values(client, [node for node, _ in found])
    return tuple(
        Finding(
            signal_name(path),
            toml_text(str(name_of(node, namespaces))),
            "/".join(path),
            type_of(data),
            *seen(data),
        )
        for (node, path), data in zip(found, values, strict=True)
    )


def name_of(node: ua.NodeId, namespaces: list[str]) -> NodeName:
    """Return a node's name by the URI of its namespace."""
    uri = None if node.NamespaceIndex == 0 else namespaces[node.NamespaceIndex]
    match node.NodeIdType:
        case ua.NodeIdType.String:
            return NodeName(uri, "s", str(node.Identifier))
        case ua.NodeIdType.Guid:
            return NodeName(uri, "g", str(node.Identifier))
        case ua.NodeIdType.ByteString:
            return NodeName(uri, "b", base64.b64encode(bytes(node.Identifier)).decode())  # type: ignore[arg-type]
        case _:
            return NodeName(uri, "i", str(node.Identifier))


async def _variables(client: Client, limit: int, depth: int) -> AsyncIterator[Variable]:
    """Walk level by level, so that what is near comes first."""
    level: list[Variable] = [(OBJECTS, ())]
    met = {OBJECTS, SERVER_ITSELF}
    for _ in range(depth):
        below: list[Variable] = []
        for parent, path in level:
            for child in await _children(client, parent):
                if child.NodeId in met or len(met) > 20 * limit:
                    continue
                met.add(child.NodeId)
                place = (child.NodeId, (*path, child.BrowseName.Name or ""))
                below.append(place)
                if child.NodeClass == ua.NodeClass.Variable:
                    yield place
                    limit -= 1
                    if limit == 0:
                        return
        level = below


async def _children(client: Client, parent: ua.NodeId) -> list[ua.ReferenceDescription]:
    references = await client.get_node(parent).get_references(
        ua.ObjectIds.HierarchicalReferences,
        ua.BrowseDirection.Forward,
        ua.NodeClass.Object | ua.NodeClass.Variable,  # type: ignore[arg-type]  # a mask
    )
    return [child for child in references if child.ReferenceTypeId != HAS_PROPERTY]


async def _values(client: Client, nodes: list[ua.NodeId]) -> list[ua.DataValue]:
    values: list[ua.DataValue] = []
    for start in range(0, len(nodes), NODES_PER_CALL):
        part = nodes[start : start + NODES_PER_CALL]
        values += await client.uaclient.session.read_attributes(part, ua.AttributeIds.Value)
    return values
