"""Factories and their machines, as the aggregator knows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from agent.contract.names import CYCLES_ALWAYS, SHARE_FULL


class MachineKey(NamedTuple):
    """A machine's full name inside the federation: ids, not display names."""

    factory: str
    machine: str


@dataclass(frozen=True, slots=True)
class Factory:
    """A member factory; `name` is what people read, `id` its Sparkplug edge node."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of a factory; `process` is a process id of the configuration, None while unknown.

    `trust` is `measured` (one of our agents counts) or `best-effort` (a foreign edge node). What its owner
    lets out: `share` of its states (`full`, or `utilization`: only busy or not), and when its `counts`
    (`always`, or `shared-jobs-only`: what was made meanwhile is stored as 0 cycles, and is unknown).
    """

    key: MachineKey
    name: str
    process: str | None
    trust: str
    share: str = SHARE_FULL
    counts: str = CYCLES_ALWAYS

    @property
    def tells_states(self) -> bool:
        """Tell whether RUNNING is running, not just any kind of being busy."""
        return self.share == SHARE_FULL

    @property
    def tells_cycles(self) -> bool:
        """Tell whether its cycles add up to all that it made; else only those of shared jobs are known."""
        return self.counts == CYCLES_ALWAYS

    @property
    def tells_pace(self) -> bool:
        """Tell whether RUNNING time by cycles is its cycle time."""
        return self.tells_states and self.tells_cycles

    def tells_cycles_of(self, job: str) -> bool:
        """Tell whether the cycles of a window with that job ("" for none) are known."""
        return job != "" or self.tells_cycles


def untold_cycles(machines: Iterable[Machine]) -> frozenset[MachineKey]:
    """Return the machines whose cycles do not add up to all that they made."""
    return frozenset(machine.key for machine in machines if not machine.tells_cycles)
