"""One foreign machine: values of its metrics and time in; windows, state changes and its present out. Pure.

It measures with the agent's own tracker, at the time at which its messages arrive here: clocks of foreign
nodes are anybody's guess, and some give their metrics no time at all.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Self

from agent.contract.records import Record, StateChange, Window
from agent.measuring.machine import Live, MachineTracker
from agent.measuring.reading import Reading, Value
from aggregator.foreign.settings import ForeignMachine
from aggregator.model import window as model
from aggregator.model.machine import MachineKey
from aggregator.model.memory import Memory

NOT_HEARD = "not heard"


class Measurer:
    """Begin with `begin`, or after a restart with `resume`; each call may leave records to `take`."""

    def __init__(self, machine: ForeignMachine, tracker: MachineTracker, records: Sequence[Record]) -> None:
        self.key = MachineKey(machine.factory, machine.machine)
        self._machine = machine
        self._metrics: dict[str, list[str]] = {}
        for signal, metric in machine.signals.items():
            self._metrics.setdefault(metric, []).append(signal)
        self._tracker = tracker
        self._records = list(records)
        self._silent_ms: int | None = None
        self._heard = False

    @classmethod
    def begin(cls, machine: ForeignMachine, now_ms: int) -> Self:
        """Measure a machine that is new here: OFFLINE until it is heard."""
        return cls(machine, *MachineTracker.begin(machine.machine, machine.measuring, now_ms))

    @classmethod
    def resume(cls, machine: ForeignMachine, saved: str, now_ms: int) -> Self:
        """Go on where `saved` left off, OFFLINE since; raises ValueError if it is no tracker's."""
        return cls(machine, *MachineTracker.resume(machine.measuring, json.loads(saved), now_ms))

    @property
    def live(self) -> Live:
        """What the machine shows now."""
        return self._tracker.live

    @property
    def next_due_ms(self) -> int:
        """When something changes at the latest if nothing is heard.

        A state is a state, and recorded, as soon as it has lasted: right after it was heard.
        """
        due_ms = self._tracker.at_ms + 1 if self._heard else self._tracker.next_due_ms
        return due_ms if self._silent_ms is None else min(due_ms, self._silent_ms)

    def hear(self, values: Iterable[tuple[str, object]], now_ms: int, *, whole: bool) -> None:
        """Take values by metric, in their order; after a birth (`whole`) what it did not name is unknown."""
        readings = [
            Reading(signal, _value(value), now_ms)
            for metric, value in values
            for signal in self._metrics.get(metric, ())
        ]
        if whole:
            said = {reading.signal for reading in readings}
            readings += self._unknown(self._machine.signals.keys() - said, now_ms)
        self._records += self._tracker.take(readings)
        self._heard = True
        silence_s = self._machine.silence_s
        self._silent_ms = None if silence_s is None else now_ms + round(silence_s * 1000)

    def lose(self, now_ms: int) -> None:
        """Nothing is known of the machine from now on."""
        self._records += self._tracker.take(self._unknown(self._machine.signals, now_ms))
        self._heard, self._silent_ms = True, None

    def advance(self, now_ms: int) -> bool:
        """Let time pass; return whether the machine has fallen silent just now."""
        silent_ms, self._heard = self._silent_ms, False
        if silent_ms is None or silent_ms > now_ms:
            self._records += self._tracker.advance(now_ms)
            return False
        self._records += self._tracker.advance(silent_ms)
        self.lose(silent_ms)
        self._records += self._tracker.advance(now_ms)
        self._heard = False
        return True

    def miss(self, from_ms: int, to_ms: int) -> None:
        """Nobody listened between the two: OFFLINE meanwhile."""
        self._records += self._tracker.advance(from_ms)
        self._records += self._tracker.miss(to_ms)

    def set_job(self, job: str, now_ms: int) -> None:
        """Start, change or end ("") the machine's job: a window never spans two."""
        self._records += self._tracker.set_job(job, now_ms)

    def close(self, now_ms: int) -> None:
        """End the open window now: nobody listens from now on."""
        self._records += self._tracker.close(now_ms)

    def take(self) -> Memory | None:
        """Return what was measured since the last time; None: nothing."""
        if not self._records:
            return None
        records, self._records = self._records, []
        windows = tuple(self._window(record) for record in records if isinstance(record, Window))
        changes = tuple(self._change(record) for record in records if isinstance(record, StateChange))
        return Memory(self.key, windows, changes, json.dumps(self._tracker.snapshot()))

    def _unknown(self, signals: Iterable[str], now_ms: int) -> list[Reading]:
        return [Reading(signal, None, now_ms, NOT_HEARD) for signal in signals]

    def _window(self, window: Window) -> model.Window:
        counts = (window.cycles or 0, window.good, window.scrap, window.cycles_total, window.job)
        return model.Window(self.key, window.start_ms, window.length_ms, window.state_ms, *counts)

    def _change(self, change: StateChange) -> model.StateChange:
        return model.StateChange(self.key, change.at_ms, change.state, change.job)


def _value(value: object) -> Value | None:
    """Return a metric's value; null, and what is no single value (a table, bytes), is unknown."""
    return value if isinstance(value, bool | int | float | str) else None
