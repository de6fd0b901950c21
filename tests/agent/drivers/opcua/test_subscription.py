"""One subscription: what it asks of the server."""

from types import SimpleNamespace
from typing import Any

from asyncua import ua

from agent.drivers.opcua.settings import Settings
from agent.drivers.opcua.subscription import Subscription

MISSING = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNodeIdUnknown))


class Session:
    """A server that has none of the nodes."""

    def __init__(self) -> None:
        self.handles: list[int] = []

    async def create_monitored_items(self, wanted: Any) -> list[Any]:
        self.handles += [item.RequestedParameters.ClientHandle for item in wanted.ItemsToCreate]
        return [SimpleNamespace(StatusCode=MISSING) for _ in wanted.ItemsToCreate]


async def test_a_node_that_is_missing_for_months_takes_one_handle() -> None:
    session: Any = Session()
    client: Any = SimpleNamespace(uaclient=SimpleNamespace(session=session))
    settings = Settings(
        "opc.tcp://127.0.0.1:4840", {"parts": "nsu=urn:x;s=parts", "door": "nsu=urn:x;s=door"}
    )
    subscription = Subscription(client, settings, lambda: 0)
    nodes = {signal: ua.NodeId(ua.String(signal), ua.Int16(2)) for signal in settings.signals}
    for _ in range(100):
        assert await subscription.monitor(nodes) == set()
    assert set(session.handles) == {1, 2}
    assert subscription.latest == dict.fromkeys(nodes, (None, "BadNodeIdUnknown"))
