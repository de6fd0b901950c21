"""What a birth says of a factory or machine: metrics in, each checked by itself, entities out."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from agent.contract import names
from agent.contract.topics import Topic
from aggregator.ingest.aliases import Named, Value
from aggregator.ingest.values import RefusedMetric, ValueRefused, count, present, text
from aggregator.live import LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey

Checked = TypeVar("Checked")

_TRUSTS = (names.TRUST_MEASURED, names.TRUST_BEST_EFFORT)
_SHARES = (names.SHARE_FULL, names.SHARE_UTILIZATION)
_COUNTS = (names.CYCLES_ALWAYS, names.CYCLES_SHARED_JOBS_ONLY)


@dataclass(frozen=True, slots=True)
class NodeBirth:
    """A factory's birth; without an `epoch` it is a foreign edge node: it delivers no records.

    `bd_seq` is None when missing. `refused` names single metrics and what is wrong with them.
    """

    factory: Factory
    epoch: str | None
    bd_seq: int | None
    forgotten_through: int
    refused: list[RefusedMetric]


@dataclass(frozen=True, slots=True)
class MachineBirth:
    """A machine's birth; `refused` names single metrics and what is wrong with them."""

    machine: Machine
    live: LiveMachine
    refused: list[RefusedMetric]


def read_node_birth(topic: Topic, metrics: Iterable[Named]) -> NodeBirth:
    """Return what an NBIRTH says."""
    reader = _Reader(metrics)
    name = reader.read(names.NAME, text) or topic.factory
    epoch = reader.read(names.EPOCH, text) or None
    bd_seq = reader.read(names.BD_SEQ, count)
    forgotten = reader.read(names.FORGOTTEN_THROUGH, count) or 0
    return NodeBirth(Factory(topic.factory, name), epoch, bd_seq, forgotten, reader.refused)


def read_machine_birth(
    key: MachineKey, metrics: Collection[Named], processes: Collection[str], measured: bool, now_ms: int
) -> MachineBirth:
    """Return what a DBIRTH says; only an agent of ours (`measured`) can be trusted to count."""
    reader = _Reader(metrics)
    name = reader.read(names.NAME, text) or key.machine
    process = reader.read(names.PROCESS, lambda value: _one_of(value, processes)) or None
    trust = reader.read(names.TRUST, lambda value: _one_of(value, _TRUSTS)) if measured else None
    share = reader.read(names.SHARE, lambda value: _one_of(value, _SHARES)) or names.SHARE_FULL
    counts = reader.read(names.CYCLES, lambda value: _one_of(value, _COUNTS)) or names.CYCLES_ALWAYS
    live, refused = present(LiveMachine(key, connected=True), metrics, now_ms)
    machine = Machine(key, name, process, trust or names.TRUST_BEST_EFFORT, share, counts)
    return MachineBirth(machine, live, reader.refused + refused)


def _one_of(value: Value, known: Collection[str]) -> str:
    if value != "" and text(value) not in known:
        raise ValueRefused(f"expected one of {', '.join(known)}, got {value!r}")
    return text(value)


class _Reader:
    def __init__(self, metrics: Iterable[Named]) -> None:
        self._values = {metric.name: metric.value for metric in metrics}
        self.refused: list[RefusedMetric] = []

    def read(self, name: str, check: Callable[[Value], Checked]) -> Checked | None:
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return check(value)
        except ValueRefused as error:
            self.refused.append((name, str(error)))
            return None
