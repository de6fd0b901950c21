"""The simulated factories and machines, as the model and the servers see them (made by `scenario.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self
from zoneinfo import ZoneInfo

from agent.contract.states import State
from agent.simulator.rhythm import Kind, Rhythm
from agent.simulator.shifts import Shift

Protocol = str
OPCUA: Protocol = "opcua"
MODBUS: Protocol = "modbus"


@dataclass(frozen=True, slots=True)
class Factory:
    """One simulated factory: its hours, and the ports of its servers on loopback (None = no such server)."""

    id: str
    name: str
    zone: ZoneInfo
    shifts: tuple[Shift, ...]
    closed: frozenset[date] = frozenset()
    opcua_port: int | None = None
    modbus_port: int | None = None


@dataclass(frozen=True, slots=True)
class Scripted:
    """A scripted interruption: the machine is in `state` from `start_ms` until `end_ms` (excluded)."""

    start_ms: int
    end_ms: int
    state: State


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where a machine's values stand in its server; only Modbus has a unit, an order and a width."""

    protocol: Protocol
    unit: int = 1
    order: str = "ABCD"
    counter_bits: int = 32


@dataclass(frozen=True, slots=True)
class Machine:
    """One simulated machine; with its id and the seed, everything that its timeline depends on."""

    id: str
    name: str
    factory: Factory
    kind: str
    traits: Kind
    process: str
    rhythm: Rhythm
    load: tuple[float, ...]
    """Share of the open time with orders, Monday to Sunday."""
    wiring: Wiring
    seed: str
    end_ms: int | None = None
    """From here on the machine stands still (PLANNED_STOP)."""
    scripted: tuple[Scripted, ...] = ()
    initial_count: int = 0
    pieces_per_cycle: int = 1
    counts_scrap: bool = True
    work_order: str | None = None
    """What it shows as its work order at first; None: nobody reads it there."""
    agent: Mapping[str, Any] = field(default_factory=dict)
    """What its table in `agent.toml` says besides."""

    def broken(self, after_ms: int, for_ms: int) -> Self:
        """Return the machine as it is if it breaks down right after a moment: all before stays as it was."""
        breakdown = Scripted(after_ms + 1, after_ms + 1 + for_ms, State.DOWN)
        return replace(self, scripted=(*self.scripted, breakdown))

    @property
    def key(self) -> str:
        """Return the machine's name across factories, `factory/machine`."""
        return f"{self.factory.id}/{self.id}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything to be simulated; lifetime counters start at `anchor_ms`."""

    federation: str
    anchor_ms: int
    factories: tuple[Factory, ...]
    machines: tuple[Machine, ...]

    def machines_of(self, factory: Factory) -> tuple[Machine, ...]:
        """Return the factory's machines in the order of the scenario."""
        return tuple(machine for machine in self.machines if machine.factory.id == factory.id)
