"""Brings about what a Sparkplug message means: events in; board, writer and commands act."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from aggregator.foreign.listening import Listening
from aggregator.ingest import metrics
from aggregator.ingest.commands import Commands
from aggregator.ingest.events import (
    AgentChanged,
    Event,
    LiveChanged,
    MachineBorn,
    MachineDied,
    MetricsIgnored,
    NodeBorn,
    NodeDied,
    RebirthWanted,
    RecordsArrived,
    RecordsForgotten,
    Refused,
    SignalsHeard,
)
from aggregator.ingest.writer import Writer
from aggregator.live import Board, LiveAgent

logger = logging.getLogger(__name__)


class Effects:
    """The one place that knows who acts on which event."""

    def __init__(self, board: Board, writer: Writer, commands: Commands, foreign: Listening) -> None:
        self._board = board
        self._foreign = foreign
        self._writer = writer
        self._commands = commands

    def apply(self, events: Iterable[Event]) -> None:
        """Act on events, in their order."""
        for event in events:
            match event:
                case LiveChanged():
                    self._board.update(event.live)
                case AgentChanged():
                    self._board.update_agent(event.agent)
                case SignalsHeard():
                    self._foreign.hear(event.key, event.values, whole=event.whole)
                case RecordsArrived():
                    self._writer.submit(event)
                case RecordsForgotten():
                    self._writer.forgotten(event)
                case NodeBorn() | NodeDied() | MachineBorn() | MachineDied():
                    self._come_or_gone(event)
                case RebirthWanted():
                    logger.info("factory %s: asking for a rebirth: %s", event.factory, event.reason)
                    self._commands.rebirth(event.factory)
                case Refused():
                    self._refuse(event)
                case MetricsIgnored():
                    metrics.METRICS_IGNORED.inc(event.count)

    def _come_or_gone(self, event: NodeBorn | NodeDied | MachineBorn | MachineDied) -> None:
        match event:
            case NodeBorn():
                self._node_born(event)
            case NodeDied():
                self._node_died(event)
            case MachineBorn():
                self._writer.machine_born(event)
                self._board.update(event.live)
            case MachineDied():
                logger.info("machine %s/%s is gone", *event.key)
                self._foreign.lose([event.key])
                self._board.disconnect([event.key], event.at_ms)

    def _refuse(self, event: Refused) -> None:
        metrics.REFUSED.labels(event.what).inc()
        if not event.repeated:
            logger.warning("%s", event.reason)

    def _node_born(self, event: NodeBorn) -> None:
        logger.info("factory %s is there", event.factory.id)
        if event.epoch is not None:
            self._foreign.dismiss(event.factory.id)
        self._writer.node_born(replace(event, factory=self._foreign.named(event.factory)))
        self._board.update_agent(event.agent or LiveAgent(event.factory.id, connected=True))

    def _node_died(self, event: NodeDied) -> None:
        if event.machines:
            logger.info("factory %s is gone", event.factory)
        self._writer.node_died(event.factory)
        self._board.agent_left(event.factory)
        self._foreign.lose(event.machines)
        self._board.disconnect(event.machines, event.at_ms)
