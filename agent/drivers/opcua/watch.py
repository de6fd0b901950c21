"""Holds the wanted nodes against those that the server has, and proves by reading that notifications come."""

import asyncio
import base64
from collections.abc import Mapping

from asyncua import Client, ua

from agent.errors import LinkError
from agent.measuring.reading import Batch

from .nodes import NodeName
from .settings import Settings, nodes
from .subscription import NODES_PER_CALL, Subscription
from .values import Seen, seen

NAMESPACE_ARRAY = ua.NodeId(ua.Int32(ua.ObjectIds.Server_NamespaceArray))
FIRST_VALUES_S = 1.0


class Watch:
    """Subscribes the wanted nodes of one session; raises LinkError when the session must be made anew."""

    def __init__(self, client: Client, settings: Settings, subscription: Subscription) -> None:
        self._session = client.uaclient.session
        self._settings = settings
        self._subscription = subscription
        self._wanted = nodes(settings.signals)
        self._monitored: dict[str, ua.NodeId] = {}
        self._suspects: dict[str, int] = {}

    @property
    def agrees(self) -> bool:
        """Tell whether everything that was read at the last resync had been notified."""
        return not self._suspects

    async def begin(self) -> Batch:
        """Subscribe; returns the first values, at least one reading of every signal."""
        clock = asyncio.get_running_loop().time
        await self._subscribe_missing(await self._namespaces())
        deadline = clock() + FIRST_VALUES_S + self._subscription.settle_s
        batch: Batch = ()
        while self._subscription.latest.keys() < self._wanted.keys() and (left := deadline - clock()) > 0:
            batch += await self._subscription.take(left)
        for signal in self._wanted.keys() - self._subscription.latest.keys():
            self._subscription.note_unknown(signal, "BadWaitingForInitialData")
        return batch + await self._subscription.take(0)

    async def resync(self) -> float:
        """Read everything once, subscribe what was missing; returns how long to wait before the next time."""
        namespaces = await self._namespaces()
        for signal, node in self._monitored.items():
            if resolve(self._wanted[signal], namespaces) != node:
                raise LinkError("the namespaces of the server have changed")
        found = await self._read(self._monitored)
        counts = self._subscription.counts
        suspects, dead = judge(found, self._subscription.latest, counts, self._suspects)
        if dead:
            raise LinkError(
                f"the subscription is dead: {', '.join(sorted(dead))} changed without a notification"
            )
        self._suspects = suspects
        await self._subscribe_missing(namespaces)
        return self._subscription.settle_s if suspects else self._settings.resync_s

    async def _subscribe_missing(self, namespaces: list[str]) -> None:
        found: dict[str, ua.NodeId] = {}
        for signal in self._wanted.keys() - self._monitored.keys():
            name = self._wanted[signal]
            node = resolve(name, namespaces)
            if node is None:
                self._subscription.note_unknown(signal, f"BadNodeIdUnknown: no namespace {name.uri}")
            else:
                found[signal] = node
        accepted = await self._subscription.monitor(found)
        self._monitored |= {signal: found[signal] for signal in accepted}

    async def _namespaces(self) -> list[str]:
        (array,) = await self._session.read_attributes([NAMESPACE_ARRAY], ua.AttributeIds.Value)
        value = array.Value.Value if array.Value is not None else None
        if not isinstance(value, list):
            raise LinkError("the server does not tell its namespaces")
        return value

    async def _read(self, monitored: Mapping[str, ua.NodeId]) -> dict[str, Seen]:
        names = list(monitored)
        found: dict[str, Seen] = {}
        for start in range(0, len(names), NODES_PER_CALL):
            part = names[start : start + NODES_PER_CALL]
            values = await self._session.read_attributes(
                [monitored[signal] for signal in part], ua.AttributeIds.Value
            )
            found |= {signal: seen(value) for signal, value in zip(part, values, strict=True)}
        return found


def judge(
    found: Mapping[str, Seen],
    latest: Mapping[str, Seen],
    counts: Mapping[str, int],
    before: Mapping[str, int],
) -> tuple[dict[str, int], set[str]]:
    """Compare what was read with what was notified; returns (suspects, dead).

    A suspect reads differently from its last notification; its count of notifications is kept. It is dead
    when it was a suspect `before` and nothing was notified of it since.
    """
    suspects = {signal: counts.get(signal, 0) for signal, read in found.items() if read != latest.get(signal)}
    return suspects, {signal for signal, count in suspects.items() if before.get(signal) == count}


def resolve(name: NodeName, namespaces: list[str]) -> ua.NodeId | None:
    """Return the id of a node on a server with these namespaces; None when it lacks the node's namespace."""
    if name.uri is not None and name.uri not in namespaces:
        return None
    index = ua.Int16(0 if name.uri is None else namespaces.index(name.uri))
    match name.kind:
        case "i":
            return ua.NodeId(ua.Int32(int(name.identifier)), index)
        case "g":
            return ua.NodeId(ua.Guid(name.identifier), index)
        case "b":
            return ua.NodeId(ua.ByteString(base64.b64decode(name.identifier)), index)
        case _:
            return ua.NodeId(ua.String(name.identifier), index)
