"""What to tell of each machine's present, and when: what it shows enters, machines that are due leave. Pure.

A change of state is told at once, but not twice within `PAUSE_S`; everything else `PAUSE_S` after the
machine's last message: a change of state never waits behind a cycle count. The newest value always goes out.
"""

from dataclasses import dataclass

from agent.measuring.machine import Live

PAUSE_S = 1.0
_LONG_AGO = float("-inf")


@dataclass(slots=True)
class _Machine:
    shows: Live
    told: Live
    told_s: float = _LONG_AGO
    state_told_s: float = _LONG_AGO


class LiveValues:
    """The present of all machines of a factory; times are seconds of any clock that only moves forward."""

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}

    def show(self, machine: str, live: Live) -> None:
        """Note what a machine shows now."""
        entry = self._machines.get(machine)
        if entry is None:
            self._machines[machine] = _Machine(live, live)
        else:
            entry.shows = live

    def now(self, machine: str) -> Live:
        """Return what a machine shows; KeyError before it showed anything."""
        return self._machines[machine].shows

    def told(self, machine: str) -> Live:
        """Return what was told of a machine last."""
        return self._machines[machine].told

    def tell(self, machine: str, now_s: float) -> None:
        """Note that what the machine shows is told now."""
        entry = self._machines[machine]
        if _state(entry.shows) != _state(entry.told):
            entry.state_told_s = now_s
        entry.told, entry.told_s = entry.shows, now_s

    def due(self, now_s: float) -> list[str]:
        """Return the machines whose present is to be told now."""
        return [
            machine
            for machine, entry in self._machines.items()
            if (due_s := _due_s(entry)) is not None and due_s <= now_s
        ]

    def next_due_s(self) -> float | None:
        """Return when the next machine is due; None if all is told."""
        return min(
            (due_s for entry in self._machines.values() if (due_s := _due_s(entry)) is not None), default=None
        )


def _state(live: Live) -> tuple[str, int]:
    return live.state, live.state_since_ms


def _due_s(entry: _Machine) -> float | None:
    if entry.shows == entry.told:
        return None
    if _state(entry.shows) != _state(entry.told):
        return entry.state_told_s + PAUSE_S
    return entry.told_s + PAUSE_S
