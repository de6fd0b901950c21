"""The board: what every machine does now, and who listens to its changes.

Everything here runs in the event loop's thread. Ingest updates the board; pages read it and listen. A
listener that is slow gets fewer, larger sets of changed machines: what waits for it is bounded by the
number of machines.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from agent.contract.states import State
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


class Board:
    """The present of all machines."""

    def __init__(self) -> None:
        self._machines: dict[MachineKey, LiveMachine] = {}
        self._listeners: set[_Listener] = set()
        self._closed = False

    def get(self, key: MachineKey) -> LiveMachine:
        """Return the machine's present; one never heard of is OFFLINE and not connected."""
        return self._machines.get(key) or LiveMachine(key)

    def all(self) -> Mapping[MachineKey, LiveMachine]:
        """Return every machine heard of since the start."""
        return self._machines.copy()

    def update(self, machine: LiveMachine) -> None:
        """Replace the machine's present; listeners hear of it when anything changed."""
        if self._machines.get(machine.key) != machine:
            self._machines[machine.key] = machine
            self._tell((machine.key,))

    def disconnect(self, keys: Iterable[MachineKey], at_ms: int) -> None:
        """From `at_ms` on nothing is known of these machines; what they last counted stays."""
        for key in keys:
            machine = self.get(key)
            if machine.connected:
                offline = replace(machine, state=State.OFFLINE, since_ms=at_ms, utilization=None)
                self.update(replace(offline, connected=False))

    def stored(self, keys: Iterable[MachineKey]) -> None:
        """Tell listeners that the store has more of these machines."""
        self._tell(keys, stored=True)

    def measured(self, keys: Iterable[MachineKey]) -> None:
        """Tell listeners that what is computed from the store has been refreshed for these machines."""
        self._tell(keys)

    @asynccontextmanager
    async def listen(self, stored_only: bool = False) -> AsyncIterator[AsyncIterator[Changed]]:
        """Give an iterator of the sets of machines that changed since the last one; `close` ends it.

        With `stored_only` it hears of nothing but `stored`.
        """
        listener = _Listener(stored_only)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener.changes()
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every listener's iterator, present and future: the server is about to stop."""
        self._closed = True
        for listener in self._listeners:
            listener.close()

    def _tell(self, keys: Iterable[MachineKey], stored: bool = False) -> None:
        changed = set(keys)
        if changed:
            for listener in self._listeners:
                if stored or not listener.stored_only:
                    listener.add(changed)


class _Listener:
    def __init__(self, stored_only: bool) -> None:
        self.stored_only = stored_only
        self._changed: set[MachineKey] = set()
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, keys: set[MachineKey]) -> None:
        self._changed |= keys
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def changes(self) -> AsyncIterator[Changed]:
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = frozenset(self._changed), set()
            if changed:
                yield changed
