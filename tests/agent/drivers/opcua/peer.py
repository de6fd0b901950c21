"""An asyncua server in this process for tests, on a free port of the loopback address."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from asyncua import Node, Server, ua

from tests.agent.drivers.modbus.peer import free_port

URI = "urn:machikoba:test"


class OpcuaPeer:
    """A running server with one folder of variables, named by string identifiers in the namespace `URI`."""

    def __init__(self, server: Server, url: str, index: int, folder: Node) -> None:
        self._server = server
        self._index = index
        self._folder = folder
        self._nodes: dict[str, Node] = {}
        self.url = url

    async def add(self, name: str, value: object, kind: ua.VariantType | None = None) -> None:
        """Let a variable exist from now on."""
        node_id = ua.NodeId(ua.String(name), ua.Int16(self._index))
        self._nodes[name] = await self._folder.add_variable(node_id, name, value, kind)

    async def put(self, name: str, value: object) -> None:
        """Write a value (or a whole DataValue)."""
        await self._nodes[name].write_value(value)

    async def put_status(self, name: str, status: int) -> None:
        """Write a DataValue with this status and no value."""
        data = ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(status)))
        await self._server.write_attribute_value(self._nodes[name].nodeid, data)

    async def mute(self) -> None:
        """Let every subscription die silently: its items are forgotten, its keep-alives go on."""
        for subscription in self._server.iserver.subscription_service.subscriptions.values():
            subscription.monitored_item_srv.delete_all_monitored_items()

    async def hang(self) -> None:
        """Let every subscription stop publishing, keep-alives too, while everything else goes on."""
        for subscription in self._server.iserver.subscription_service.subscriptions.values():
            await subscription.stop()

    @property
    def sessions(self) -> int:
        """How many sessions clients hold now."""
        return len(self._server.iserver._external_sessions)

    async def stop(self) -> None:
        """Close the server and every connection."""
        await self._server.stop()


@contextlib.asynccontextmanager
async def serving(
    values: Mapping[str, object],
    port: int = 0,
    other_uris: tuple[str, ...] = (),
    user_manager: Any = None,
) -> AsyncIterator[OpcuaPeer]:
    """Serve variables by name; `other_uris` are registered first, so that the index of `URI` differs."""
    server = Server(user_manager=user_manager)
    await server.init()
    url = f"opc.tcp://127.0.0.1:{port or free_port()}"
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for uri in other_uris:
        await server.register_namespace(uri)
    index = await server.register_namespace(URI)
    folder = await server.nodes.objects.add_object(index, "Machine")
    peer = OpcuaPeer(server, url, index, folder)
    for name, value in values.items():
        await peer.add(name, value)
    async with server:
        yield peer
        await asyncio.sleep(0)


def node(name: str) -> str:
    """Return the text of a variable's node."""
    return f"nsu={URI};s={name}"
