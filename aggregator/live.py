"""The board: what every machine does now, and who listens to its changes.

Everything here runs in the event loop's thread. Ingest updates the board; pages read it and listen.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from agent.contract.states import State
from aggregator.fan_out import FanOut
from aggregator.model.machine import MachineKey

Changed = frozenset[MachineKey]


@dataclass(frozen=True, slots=True)
class LiveMachine:
    """A machine now. Not `connected` (never born, died, broker lost): its state is OFFLINE, unknown.

    `since_ms`: since when in this state; `heard_ms`: when it last said something (both UTC ms).
    `cycles_total` is the agent's running count; `utilization` (0 to 1) that of its last window.
    """

    key: MachineKey
    state: State = State.OFFLINE
    since_ms: int | None = None
    cycles_total: int | None = None
    utilization: float | None = None
    job: str = ""
    heard_ms: int | None = None
    connected: bool = False


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """A factory's agent now, and what it said of itself last; None where it never did.

    `outbox_records` wait at the agent until they are stored here.
    """

    factory: str
    connected: bool = False
    heard_ms: int | None = None
    version: str | None = None
    outbox_records: int | None = None
    time_synchronised: bool | None = None
    reconnects: int | None = None
    memory_bytes: int | None = None
    uptime_s: int | None = None


class Board:
    """The present of all machines, and of the agents beside them."""

    def __init__(self) -> None:
        self._machines: dict[MachineKey, LiveMachine] = {}
        self._agents: dict[str, LiveAgent] = {}
        self._changes: FanOut[MachineKey] = FanOut()
        self._stored: FanOut[MachineKey] = FanOut()

    def get(self, key: MachineKey) -> LiveMachine:
        """Return the machine's present; one never heard of is OFFLINE and not connected."""
        return self._machines.get(key) or LiveMachine(key)

    def all(self) -> Mapping[MachineKey, LiveMachine]:
        """Return every machine heard of since the start."""
        return self._machines.copy()

    def agents(self) -> Mapping[str, LiveAgent]:
        """Return every agent heard of since the start, by factory."""
        return self._agents.copy()

    def update_agent(self, agent: LiveAgent) -> None:
        """Replace the agent's present."""
        self._agents[agent.factory] = agent

    def agent_left(self, factory: str) -> None:
        """Nothing is heard of the agent any more; what it said last stays."""
        agent = self._agents.get(factory)
        if agent is not None:
            self._agents[factory] = replace(agent, connected=False)

    def update(self, machine: LiveMachine) -> None:
        """Replace the machine's present; listeners hear of it when anything changed."""
        if self._machines.get(machine.key) != machine:
            self._machines[machine.key] = machine
            self._changes.tell((machine.key,))

    def disconnect(self, keys: Iterable[MachineKey], at_ms: int) -> None:
        """From `at_ms` on nothing is known of these machines; what they last counted stays."""
        for key in keys:
            machine = self.get(key)
            if machine.connected:
                offline = replace(machine, state=State.OFFLINE, since_ms=at_ms, utilization=None)
                self.update(replace(offline, connected=False))

    def stored(self, keys: Iterable[MachineKey]) -> None:
        """Tell listeners that the store has more of these machines."""
        known = frozenset(keys)
        self._stored.tell(known)
        self._changes.tell(known)

    def measured(self, keys: Iterable[MachineKey]) -> None:
        """Tell listeners that what is computed from the store has been refreshed for these machines."""
        self._changes.tell(keys)

    def listen(self, stored_only: bool = False) -> AbstractAsyncContextManager[AsyncIterator[Changed]]:
        """Give an iterator of the sets of machines that changed since the last one; `close` ends it.

        With `stored_only` it hears of nothing but `stored`.
        """
        return (self._stored if stored_only else self._changes).listen()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._changes) + len(self._stored)

    def close(self) -> None:
        """End every listener's iterator, present and future: the server is about to stop."""
        self._changes.close()
        self._stored.close()
