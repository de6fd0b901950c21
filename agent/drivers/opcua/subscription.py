"""One OPC UA subscription: nodes in, every notified value out, in order and stamped on arrival."""

import math
from collections.abc import Callable, Mapping

from asyncua import Client, ua

from agent.errors import LinkError
from agent.measuring.reading import GOOD, Batch, Reading

from .inbox import Inbox
from .settings import Settings
from .values import Seen, quality_of, seen

QUEUE_SIZE = 200
"""Changes that the server keeps per node between two publishings."""

KEEP_ALIVE_MS = 1_000
"""How often the server says that it lives when nothing changes; it may decide otherwise."""

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
        self._keep_alive_s = KEEP_ALIVE_MS / 1000
        self._now = now
        self._inbox = Inbox()
        self._signals: dict[int, str] = {}
        self._handles: dict[str, int] = {}
        self._id = 0
        self._was_heard = True
        self._silent_s = 0.0
        self.latest: dict[str, Seen] = {}
        self.counts: dict[str, int] = {}

    @property
    def settle_s(self) -> float:
        """After how long a change must have been notified, twice over."""
        return 2 * max(self._publishing_ms, self._sampling_ms) / 1000 + 0.2

    async def open(self) -> None:
        """Create the subscription on the server."""
        keep_alive = max(1, math.ceil(KEEP_ALIVE_MS / self._publishing_ms))
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

    def require_life(self, waited_s: float) -> None:
        """Raise LinkError when the server has published nothing, not even keep-alives, for too long.

        `waited_s` is how long the caller meant to wait since the last call. Silence is the sum of these, not
        what a clock says: after this process was stopped for a while, news may still wait to be read.
        """
        self._silent_s = 0.0 if self._was_heard else self._silent_s + waited_s
        self._was_heard = False
        if self._silent_s > 3 * self._keep_alive_s:
            raise LinkError(f"nothing was published for {self._silent_s:.1f} s, the server hangs")

    def _item(self, signal: str, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        # A node that is missing is asked for again and again: its handle stays the same.
        handle = self._handles.setdefault(signal, len(self._handles) + 1)
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
        self._was_heard = True
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems:
                    if signal := self._signals.get(item.ClientHandle):
                        self._note(signal, seen(item.Value))
            elif isinstance(notification, ua.StatusChangeNotification):
                self._inbox.break_off(f"the subscription ended: {quality_of(notification.Status)}")

    def _note(self, signal: str, what: Seen) -> None:
        self.latest[signal] = what
        self.counts[signal] = self.counts.get(signal, 0) + 1
        self._inbox.put(Reading(signal, what[0], self._now(), what[1]))
