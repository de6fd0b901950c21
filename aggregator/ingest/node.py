"""One edge node from its birth on: its messages in order in, what they mean out (Sparkplug 3.0, 5)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from agent.contract import names
from agent.contract.sparkplug import DataSet, Metric, Payload
from agent.contract.topics import Topic
from aggregator.ingest.aliases import Aliases, Named, Value, named
from aggregator.ingest.births import read_machine_birth, read_node_birth
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
    SignalsHeard,
)
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.values import AGENT_METRICS, ValueRefused, agent_present, count, present, text
from aggregator.live import LiveAgent, LiveMachine
from aggregator.model.machine import MachineKey

HEARD_STEP_MS = 10_000
"""A node's records are a sign of life of its machines, noted at most so often."""
MOST_MACHINES = 1_000
"""Of one node: whoever makes up names must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The `metrics` of a foreign machine whose meaning the configuration tells; `of_node`: the node's own."""

    metrics: frozenset[str]
    of_node: bool = False


@dataclass(slots=True)
class _Machine:
    live: LiveMachine
    aliases: Aliases | None  # None: the node was born again, the machine not yet


class Node:
    """What the births of a factory's agent and of its machines said.

    `processes` are the ids of processes that machines may name, `foreign` what is explained of machines of
    this factory, if no agent of ours is there.
    """

    def __init__(
        self,
        factory: str,
        processes: Collection[str],
        refusals: Refusals,
        foreign: Mapping[str, Explained] | None = None,
    ) -> None:
        self.factory = factory
        self._foreign = foreign or {}
        self.epoch: str | None = None
        self.bd_seq: int | None = None
        self._processes = processes
        self._refusals = refusals
        self._aliases = Aliases()
        self._machines: dict[str, _Machine] = {}
        self._agent = LiveAgent(factory)

    def birth(self, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        """Return what an NBIRTH means. Its machines count again when they are born again."""
        metrics = named(payload.metrics)
        birth = read_node_birth(topic, metrics)
        self._agent, refused = agent_present(LiveAgent(self.factory), metrics, now_ms)
        self.epoch, self.bd_seq = birth.epoch, birth.bd_seq
        self._aliases = Aliases(payload.metrics)
        for machine in self._machines.values():
            machine.aliases = None
        born = NodeBorn(birth.factory, birth.epoch, birth.forgotten_through, self._agent)
        told = [*birth.refused, *refused]
        of_node = [self._signals(id, payload.metrics, whole=True) for id in self._of_node()]
        return [born, *of_node, *self._refusals.refuse_metrics(topic, told)]

    def process(self, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        """Return what one of the messages means that follow the node's birth."""
        key = MachineKey(self.factory, topic.machine or "")
        if topic.type == "NDATA":
            return self._node_data(topic, payload, now_ms)
        if topic.type == "DBIRTH":
            return self._machine_birth(topic, key, payload, now_ms)
        if topic.type == "DDEATH":
            return self._machine_death(key, payload, now_ms)
        return self._machine_data(topic, key, payload, now_ms)

    def unborn(self, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        """Return what a message without the node's birth means: little, unless a foreign machine says it all.

        Some foreign nodes are never born again, whoever asks; but they name each metric and its type. That
        a machine is dead is so, whoever was born.
        """
        if topic.type == "DDEATH":
            return self._machine_death(MachineKey(self.factory, topic.machine or ""), payload, now_ms)
        whole = topic.type == "DBIRTH"
        whose = self._of_node() if topic.type == "NDATA" else [topic.machine]
        told = [
            metric for metric in payload.metrics if metric.name is not None and metric.datatype is not None
        ]
        return [self._signals(id, told, whole=whole) for id in whose if id and self._explains(id) and told]

    def death(self, now_ms: int) -> NodeDied:
        """Forget the machines and return what that means."""
        keys = tuple(machine.live.key for machine in self._machines.values())
        self._machines.clear()
        return NodeDied(self.factory, keys, now_ms)

    def drop_unborn(self, now_ms: int) -> list[Event]:
        """Give up the machines that were not born again after the node."""
        unborn = [id for id, machine in self._machines.items() if machine.aliases is None]
        return [MachineDied(self._machines.pop(id).live.key, now_ms) for id in unborn]

    def _machine_birth(self, topic: Topic, key: MachineKey, payload: Payload, now_ms: int) -> list[Event]:
        if key.machine not in self._machines and len(self._machines) >= MOST_MACHINES:
            why = f"more than {MOST_MACHINES} machines; {key.machine!r} is refused"
            return [self._refusals.refuse(f"factory {self.factory}", why, "message")]
        if self._explains(key.machine):
            return [self._signals(key.machine, payload.metrics, whole=True)]
        measured = self.epoch is not None
        birth = read_machine_birth(key, named(payload.metrics), self._processes, measured, now_ms)
        self._machines[key.machine] = _Machine(birth.live, Aliases(payload.metrics))
        born = MachineBorn(birth.machine, birth.live)
        return [born, *self._refusals.refuse_metrics(topic, birth.refused)]

    def _machine_death(self, key: MachineKey, payload: Payload, now_ms: int) -> list[Event]:
        died = self._machines.pop(key.machine, None)
        at_ms = now_ms if payload.timestamp_ms is None else min(payload.timestamp_ms, now_ms)
        return [MachineDied(key, at_ms)] if died else []

    def _machine_data(self, topic: Topic, key: MachineKey, payload: Payload, now_ms: int) -> list[Event]:
        machine = self._machines.get(key.machine)
        if machine is None or machine.aliases is None:
            wanted = RebirthWanted(self.factory, f"DDATA of machine {key.machine} without a birth")
            return [wanted, *self.unborn(topic, payload, now_ms)]
        if self._explains(key.machine):
            return [self._signals(key.machine, payload.metrics, whole=False)]
        metrics, ignored = machine.aliases.resolve(_present(payload.metrics))
        machine.live, refused = present(machine.live, metrics, now_ms)
        changed = LiveChanged(machine.live)
        return [changed, *self._refusals.refuse_metrics(topic, refused), *self._ignored(ignored)]

    def _node_data(self, topic: Topic, payload: Payload, now_ms: int) -> list[Event]:
        metrics, ignored = self._aliases.resolve(payload.metrics)
        found: dict[str, Value] = {item.name: item.value for item in metrics if item.value is not None}
        events: list[Event] = self._health(topic, metrics, now_ms)
        events += [self._signals(id, payload.metrics, whole=False) for id in self._of_node()]
        try:
            events += self._delivery(found)
        except ValueRefused as error:
            events.append(self._refusals.refuse(f"topic {topic}: delivery", str(error), "metric"))
        if not any(metric.is_historical for metric in payload.metrics):
            events += self._signs_of_life(now_ms)
        return [*events, *self._ignored(ignored)]

    def _health(self, topic: Topic, metrics: Iterable[Named], now_ms: int) -> list[Event]:
        """Return what the `Agent/*` metrics of an NDATA mean; most have none."""
        if not any(metric.name in AGENT_METRICS for metric in metrics):
            return []
        self._agent, refused = agent_present(self._agent, metrics, now_ms)
        return [AgentChanged(self._agent), *self._refusals.refuse_metrics(topic, refused)]

    def _delivery(self, found: dict[str, Value]) -> list[Event]:
        """Return what the `Delivery/*` metrics of an NDATA mean; raises ValueRefused."""
        table, through = found.get(names.RECORDS), found.get(names.FORGOTTEN_THROUGH)
        if table is None and through is None:
            return []
        epoch = text(found.get(names.EPOCH, self.epoch))
        if not epoch:
            raise ValueRefused(f"{names.EPOCH} is empty")
        events: list[Event] = []
        if isinstance(table, DataSet):
            events += [RecordsArrived(self.factory, epoch, table)] if table.rows else []
        elif table is not None:
            raise ValueRefused(f"expected a DataSet of records, got {type(table).__name__}")
        if through is not None:
            events.append(RecordsForgotten(self.factory, epoch, count(through)))
        return events

    def _signs_of_life(self, now_ms: int) -> list[Event]:
        events: list[Event] = []
        for id, machine in self._machines.items():
            heard_ms = machine.live.heard_ms
            if self._explains(id):
                continue
            if machine.aliases and not (heard_ms and 0 <= now_ms - heard_ms < HEARD_STEP_MS):
                machine.live = replace(machine.live, heard_ms=now_ms)
                events.append(LiveChanged(machine.live))
        return events

    def _explains(self, machine: str) -> bool:
        return self.epoch is None and machine in self._foreign

    def _of_node(self) -> list[str]:
        return [id for id, each in self._foreign.items() if each.of_node and self.epoch is None]

    def _signals(self, id: str, metrics: Iterable[Metric], *, whole: bool) -> SignalsHeard:
        """Note that a foreign machine is there, and return what its metrics say now; history is no news."""
        key, explained = MachineKey(self.factory, id), self._foreign[id]
        metrics = _present(metrics)
        known = self._machines.get(id)
        if whole or known is None or known.aliases is None:
            aliases = Aliases(metrics if whole else (), explained.metrics)
            known = self._machines[id] = _Machine(LiveMachine(key, connected=True), aliases)
        heard, _ = (known.aliases or Aliases()).resolve(metrics)
        values = tuple((each.name, each.value) for each in heard if each.name in explained.metrics)
        return SignalsHeard(key, values, whole)

    def _ignored(self, number: int) -> list[Event]:
        return [MetricsIgnored(self.factory, number)] if number else []


def _present(metrics: Iterable[Metric]) -> list[Metric]:
    """Return what is so now: history that is sent late must not change it."""
    return [metric for metric in metrics if not metric.is_historical]
