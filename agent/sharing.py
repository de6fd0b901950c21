"""What leaves the factory: a machine's records and present as measured in, as its owner shares them out.

Pure, and the only place where that is decided: what is dropped here is neither stored for sending nor sent.

A machine's owner shares its states, or only whether it is busy; and its counts always, or only while a shared
job is on. What is not shared is unknown outside, never zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from agent.contract.names import (
    CYCLES_ALWAYS,
    SHARE_FULL,
    SHARE_UTILIZATION,
)
from agent.contract.records import Record, StateChange, Window
from agent.contract.states import INDEX, STATES, State, utilization
from agent.measuring.machine import Live

Share = Literal["full", "utilization"]
ShareCycles = Literal["always", "shared-jobs-only"]

BUSY_OR_NOT: dict[State, State] = {
    State.RUNNING: State.RUNNING,
    State.SETUP: State.RUNNING,
    State.DOWN: State.RUNNING,
    State.IDLE: State.IDLE,
    State.PLANNED_STOP: State.PLANNED_STOP,
    State.OFFLINE: State.OFFLINE,
}
"""Nobody can give work to a machine that is set up or repaired: it is busy, and must not look like spare.

A planned stop is what the calendar says, and unknown is unknown: neither tells how the machine works.
"""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What one machine's owner lets out; unless said, counts go with `share`: all, or shared jobs' only."""

    share: Share = "full"
    share_cycles: ShareCycles | None = None

    @property
    def cycles(self) -> ShareCycles:
        """When cycles are told."""
        return self.share_cycles or ("always" if self.share == SHARE_FULL else "shared-jobs-only")

    @property
    def is_whole(self) -> bool:
        """Tell whether everything leaves as it is measured."""
        return self.share == SHARE_FULL and self.cycles == CYCLES_ALWAYS

    def tells_cycles(self, job: str) -> bool:
        """Tell whether cycles that are made while `job` ("" for none) is on leave."""
        return job != "" or self.cycles == CYCLES_ALWAYS

    def tells_pieces(self, job: str) -> bool:
        """Tell whether good and scrap pieces do."""
        return job != "" or self.is_whole

    def state(self, state: State) -> State:
        """Return a state as it is told outside."""
        return BUSY_OR_NOT[state] if self.share == SHARE_UTILIZATION else state


class Told(msgspec.Struct, frozen=True):
    """What is to be remembered, also over a restart: the state told last, the cycles of shared jobs."""

    state: State | None = None
    since_ms: int = 0
    shared_cycles: int = 0


class Wall:
    """Stands between one machine and everybody outside; all records and presents pass it, in their order."""

    def __init__(self, sharing: Sharing, told: Told | None = None) -> None:
        self.told = told or Told()
        self._sharing = sharing
        self._utilization: float | None = None

    def records(self, records: Iterable[Record]) -> list[Record]:
        """Return what leaves of new records; a change between states that look alike outside is none."""
        return [told for record in records if (told := self._record(record)) is not None]

    def live(self, live: Live, open_cycles: int) -> Live:
        """Return what leaves of a machine's present; `open_cycles` are those of its open window."""
        if self._sharing.is_whole:
            return live
        state = self._sharing.state(live.state)
        since_ms = self.told.since_ms if state is self.told.state else live.state_since_ms
        total = self._total(live.cycles_total, live.job, open_cycles)
        share = live.utilization if self._sharing.share == SHARE_FULL else self._utilization
        return Live(state, since_ms, total, share, live.job)

    def shift(self, shift_ms: int) -> None:
        """The clock was put right: what was told was that much later."""
        self.told = msgspec.structs.replace(self.told, since_ms=self.told.since_ms + shift_ms)

    def _record(self, record: Record) -> Record | None:
        return self._change(record) if isinstance(record, StateChange) else self._window(record)

    def _change(self, change: StateChange) -> StateChange | None:
        state = self._sharing.state(change.state)
        if state is self.told.state and not self._sharing.is_whole:
            return None
        self.told = msgspec.structs.replace(self.told, state=state, since_ms=change.at_ms)
        return replace(change, state=state)

    def _window(self, window: Window) -> Window:
        if window.job:
            shared = self.told.shared_cycles + (window.cycles or 0)
            self.told = msgspec.structs.replace(self.told, shared_cycles=shared)
        if self._sharing.is_whole:
            return window
        state_ms = self._state_ms(window.state_ms)
        self._utilization = utilization(state_ms)
        tells_pieces = self._sharing.tells_pieces(window.job)
        return replace(
            window,
            state_ms=state_ms,
            cycles=window.cycles if self._sharing.tells_cycles(window.job) else None,
            good=window.good if tells_pieces else None,
            scrap=window.scrap if tells_pieces else None,
            cycles_total=self._total(window.cycles_total, window.job),
        )

    def _total(self, total: int | None, job: str, open_cycles: int = 0) -> int | None:
        """Return the running count as it is told: where private work is not, of shared jobs' cycles only.

        Else the difference between two shared jobs would be the private work between them.
        """
        if total is None or self._sharing.cycles == CYCLES_ALWAYS:
            return total
        return self.told.shared_cycles + open_cycles if job else None

    def _state_ms(self, state_ms: tuple[int, int, int, int, int, int]) -> tuple[int, int, int, int, int, int]:
        spent = [0] * len(STATES)
        for state, length_ms in zip(STATES, state_ms, strict=True):
            spent[INDEX[self._sharing.state(state)]] += length_ms
        running, setup, idle, down, planned_stop, offline = spent
        return running, setup, idle, down, planned_stop, offline
