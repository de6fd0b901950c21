"""Measured time: windows, state changes and totals of machines, as stored."""

from dataclasses import dataclass

from agent.contract.states import State
from aggregator.model.machine import MachineKey

StateMs = tuple[int, int, int, int, int, int]
"""Milliseconds in each of the six states, in the order of `agent.contract.states.STATES`."""


@dataclass(frozen=True, slots=True)
class Window:
    """One machine's totals over `length_ms` from `start_ms` (UTC ms); see `agent.contract.records.Window`."""

    key: MachineKey
    start_ms: int
    length_ms: int
    state_ms: StateMs
    cycles: int
    good: int | None = None
    scrap: int | None = None
    cycles_total: int | None = None
    job: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A machine went into `state` at `at_ms` (UTC ms)."""

    key: MachineKey
    at_ms: int
    state: State
    job: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of windows over `[start_ms, end_ms)`.

    `state_ms` adds up to the length that windows cover, which may be less than the bucket: coverage.
    `good` and `scrap` are None when no window in it counted them.
    """

    key: MachineKey
    start_ms: int
    end_ms: int
    state_ms: StateMs
    cycles: int
    good: int | None
    scrap: int | None

    def merged(self, job: str = "") -> Window:
        """Return one window that holds the sums, from the start on: what came in which order is lost."""
        return Window(
            self.key,
            self.start_ms,
            sum(self.state_ms),
            self.state_ms,
            self.cycles,
            self.good,
            self.scrap,
            job=job,
        )
