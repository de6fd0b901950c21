"""One OPC UA subscription: nodes in, every notified value out, in order and stamped on arrival."""

import asyncio
import math
from collections.abc import Callable, Mapping

from asyncua import Client, ua

from agent.drivers.reading import GOOD, Batch, Reading
from agent.errors import LinkError

from .inbox import Inbox
from .settings import Settings
from .values import Seen, quality_of, seen

QUEUE_SIZE = 200
"""Changes that the server keeps per node between two publishings."""

LIFETIME_MS = 60_000
NODES_PER_CALL = 100
AT_MOST = 10_000


class Subscription:
    """Notified values by signal.

    `latest` holds what was last notified of every signal, `counts` how often something was. The library's own
    subscription class is left aside: it starts one task a value, and rebuilds itself without telling.
    """

    def __init__(self, client: Client, settings: Settings, now: Callable[[], int]) -> None:
        self._session = client.uaclient.session
        self._publishing_ms = float(settings.publishing_interval_ms)
        sampling_ms = settings.sampling_interval_ms
        self._sampling_ms = self._publishing_ms if sampling_ms is None else float(sampling_ms)
        self._keep_alive_s = settings.resync_s
        self._now = now
        self._clock = asyncio.get_running_loop().time
        self._inbox = Inbox()
        self._signals: dict[int, str] = {}
        self._id = 0
        self._heard_at = self._clock()
        self.latest: dict[str, Seen] = {}
        self.counts: dict[str, int] = {}

    @property
    def settle_s(self) -> float:
        """After how long a change must have been notified, twice over."""
        return 2 * max(self._publishing_ms, self._sampling_ms) / 1000 + 0.2

    async def open(self) -> None:
        """Create the subscription on the server."""
        keep_alive = max(1, math.ceil(self._keep_alive_s * 1000 / self._publishing_ms))
        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self._publishing_ms,
            RequestedLifetimeCount=max(3 * keep_alive, math.ceil(LIFETIME_MS / self._publishing_ms)),
            RequestedMaxKeepAliveCount=keep_alive,
            MaxNotificationsPerPublish=AT_MOST,
            PublishingEnabled=True,
        )
        granted = await self._session.create_subscription(wanted, self._published)
        self._id = granted.SubscriptionId
        self._publishing_ms = granted.RevisedPublishingInterval
        self._keep_alive_s = granted.RevisedMaxKeepAliveCount * self._publishing_ms / 1000
        self._heard_at = self._clock()

    async def monitor(self, nodes: Mapping[str, ua.NodeId]) -> set[str]:
        """Ask for every change of these nodes; notes why some are refused, and returns the accepted."""
        accepted: set[str] = set()
        names = list(nodes)
        for start in range(0, len(names), NODES_PER_CALL):
            part = names[start : start + NODES_PER_CALL]
            results = await self._session.create_monitored_items(
                ua.CreateMonitoredItemsParameters(
                    SubscriptionId=self._id,
                    TimestampsToReturn=ua.TimestampsToReturn.Neither,
                    ItemsToCreate=[self._item(signal, nodes[signal]) for signal in part],
                )
            )
            for signal, result in zip(part, results, strict=True):
                quality = quality_of(result.StatusCode)
                if quality == GOOD:
                    accepted.add(signal)
                    self._sampling_ms = max(self._sampling_ms, result.RevisedSamplingInterval)
                else:
                    self.note_unknown(signal, quality)
        return accepted

    def note_unknown(self, signal: str, quality: str) -> None:
        """Tell that a signal has no value, unless that was told already."""
        if self.latest.get(signal) != (None, quality):
            self._note(signal, (None, quality))

    async def take(self, limit_s: float) -> Batch:
        """Return what was notified, waiting up to `limit_s`; raises LinkError when it is over."""
        return await self._inbox.take(limit_s)

    def require_life(self, grace_s: float) -> None:
        """Raise LinkError when the server has published nothing, not even keep-alives, for too long."""
        silent_s = self._clock() - self._heard_at
        if silent_s > 3 * self._keep_alive_s + grace_s:
            raise LinkError(f"the subscription is dead: nothing was published for {silent_s:.0f} s")

    def _item(self, signal: str, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        handle = len(self._signals) + 1
        self._signals[handle] = signal
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle,
                SamplingInterval=self._sampling_ms,
                QueueSize=QUEUE_SIZE,
                DiscardOldest=True,
            ),
        )

    def _published(self, result: ua.PublishResult) -> None:
        self._heard_at = self._clock()
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems:
                    self._note(self._signals[item.ClientHandle], seen(item.Value))
            elif isinstance(notification, ua.StatusChangeNotification):
                self._inbox.break_off(f"the subscription ended: {quality_of(notification.Status)}")

    def _note(self, signal: str, what: Seen) -> None:
        self.latest[signal] = what
        self.counts[signal] = self.counts.get(signal, 0) + 1
        self._inbox.put(Reading(signal, what[0], self._now(), what[1]))
