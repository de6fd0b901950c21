"""The rules of a Sparkplug host application, pure: messages and time in, what they mean out.

Sparkplug 3.0, chapter 5. A node's data counts only after its birth, in the order of its sequence numbers,
under the names its birth gave; after its death, or a gap, nothing counts until it is born again.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from agent.contract import names
from agent.contract.sparkplug import Payload
from agent.contract.topics import Topic
from aggregator.ingest.events import Event, RebirthWanted
from aggregator.ingest.node import Explained, Node
from aggregator.ingest.order import Order
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.values import TEXT_LIMIT

REORDER_MS = 2_000
"""So long a message may be late behind those that were sent after it, unless the settings say otherwise."""
GRACE_MS = 10_000
"""So long a rebirth may take before what was known of the machines counts as stale."""
REBIRTH_PAUSE_MS = 5_000
"""A node is asked for a rebirth at most so often; one that does not answer is asked ever more seldom."""
REBIRTH_PAUSE_LIMIT_MS = 300_000
MOST_NODES = 2_000
"""A federation is far smaller: whoever makes up names must not fill the memory."""
BD_SEQS = 256
_GAPS_BELIEVED = 3


@dataclass(slots=True)
class _Link:
    """Our side of a node: whether it is born, what is asked of it and since when."""

    node: Node
    order: Order[tuple[Topic, Payload]] | None = None  # None: not born, or a rebirth is awaited
    wanted: str | None = None  # why a rebirth is wanted
    asked_ms: int | None = None
    asked: int = 0  # times in a row without an answer
    stale_ms: int | None = None
    gaps: int = 0


class Session:
    """Everything known of a federation's nodes and machines over one connection to the broker.

    `processes` are the ids of processes that machines may name, `foreign` what the configuration explains of
    machines that no agent of ours measures: factory -> machine -> its metrics.
    """

    def __init__(
        self,
        federation: str,
        processes: Collection[str],
        refusals: Refusals,
        foreign: Mapping[str, Mapping[str, Explained]] | None = None,
        reorder_ms: int = REORDER_MS,
    ) -> None:
        self._federation = federation
        self._reorder_ms = reorder_ms
        self._foreign = foreign or {}
        self._processes = processes
        self._refusals = refusals
        self._links: dict[str, _Link] = {}

    def receive(self, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        """Return what a message means; never raises, whatever its sender put into it."""
        if topic.type in {"NCMD", "DCMD"}:
            return []
        if topic.federation != self._federation:
            place = f"node {topic.factory} of federation {topic.federation!r}"
            why = f"refused, this is federation {self._federation!r}"
            return [self._refusals.refuse(place, why, "message")]
        for id in (topic.factory, topic.machine or ""):
            if len(id) > TEXT_LIMIT or any(unicodedata.category(sign)[0] == "C" for sign in id):
                place = f"node {topic.factory[:60]!r}"
                why = f"refused, ids have at most {TEXT_LIMIT} characters that can be seen"
                return [self._refusals.refuse(place, why, "message")]
        link = self._links.get(topic.factory)
        if link is None:
            if len(self._links) >= MOST_NODES:
                place = "nodes"
                why = f"more than {MOST_NODES} of them are told of; {topic.factory!r} is refused"
                return [self._refusals.refuse(place, why, "message")]
            explained = self._foreign.get(topic.factory)
            link = _Link(Node(topic.factory, self._processes, self._refusals, explained))
            self._links[topic.factory] = link
        return self._asked(link, self._receive(link, topic, payload, now_ms), now_ms)

    def tick(self, now_ms: int) -> list[Event]:
        """Return what the passing of time means; call it about twice a second."""
        events: list[Event] = []
        for link in self._links.values():
            events += self._asked(link, self._tick(link, now_ms), now_ms)
        return events

    def disconnect(self, now_ms: int) -> list[Event]:
        """The broker is lost: nothing is known of anyone until they are born again."""
        links, self._links = self._links, {}
        return [link.node.death(now_ms) for link in links.values()]

    def _receive(self, link: _Link, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        if topic.type == "NBIRTH":
            return self._birth(link, topic, payload, now_ms)
        if topic.type == "NDEATH":
            return self._death(link, payload, now_ms)
        if link.order is None:
            wanted = RebirthWanted(topic.factory, f"{topic.type} without the node's birth")
            return [wanted, *link.node.unborn(topic, payload, now_ms)]
        ready = link.order.accept(payload.seq, (topic, payload), now_ms)
        return [event for item in ready for event in link.node.process(*item, now_ms)]

    def _birth(self, link: _Link, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        events = link.node.birth(topic, payload, now_ms)
        # Some foreign nodes never number their messages rightly: asking them again and again helps nobody.
        numbered = link.node.epoch is not None or link.gaps < _GAPS_BELIEVED
        link.order = Order(payload.seq if numbered else None)
        link.wanted, link.asked = None, 0
        link.stale_ms = now_ms + GRACE_MS
        return events

    def _death(self, link: _Link, payload: Payload, now_ms: int) -> list[Event]:
        said = {metric.name: metric.value for metric in payload.metrics}.get(names.BD_SEQ)
        if _is_stale(said, link.node):
            return []
        link.order, link.wanted, link.stale_ms = None, None, None
        return [link.node.death(now_ms)]

    def _tick(self, link: _Link, now_ms: int) -> list[Event]:
        events: list[Event] = []
        missing = link.order.missing(now_ms, self._reorder_ms) if link.order else None
        if missing is not None:
            link.order, link.stale_ms = None, now_ms + GRACE_MS
            link.gaps += 1
            events.append(RebirthWanted(link.node.factory, f"message {missing} is missing"))
        if link.stale_ms is not None and now_ms >= link.stale_ms:
            link.stale_ms = None
            events += link.node.drop_unborn(now_ms) if link.order else [link.node.death(now_ms)]
        if link.wanted is not None:
            events.append(RebirthWanted(link.node.factory, link.wanted))
        return events

    def _asked(self, link: _Link, events: Iterable[Event], now_ms: int) -> list[Event]:
        """Let a wish for a rebirth pass when it is time to ask; remember it otherwise."""
        passed: list[Event] = []
        for event in events:
            if isinstance(event, RebirthWanted):
                link.wanted = event.reason
                if not self._may_ask(link, now_ms):
                    continue
                link.asked_ms, link.asked = now_ms, link.asked + 1
            passed.append(event)
        return passed

    def _may_ask(self, link: _Link, now_ms: int) -> bool:
        pause_ms = min(REBIRTH_PAUSE_MS << min(max(link.asked - 1, 0), 10), REBIRTH_PAUSE_LIMIT_MS)
        return link.asked_ms is None or not 0 <= now_ms - link.asked_ms < pause_ms


def _is_stale(said: object, node: Node) -> bool:
    """Tell whether a death with bdSeq `said` is the will of an earlier connection than the one that was born.

    Of foreign nodes the number may also be ahead: pysparkplug says goodbye with that of its next connection,
    and whoever has one more has no more of the present one.
    """
    if not isinstance(said, int) or node.bd_seq is None or said == node.bd_seq:
        return False
    is_ahead = (said - node.bd_seq) % BD_SEQS < BD_SEQS // 2
    return node.epoch is not None or not is_ahead
