"""Cycles that a machine's counter cannot have made: windows as told in, what the store lacks of them out.

An agent whose data folder was restored from an old copy counts from there: all that its counter grew by
since, though most of that was stored before. The time between it tells as OFFLINE, and where the store knows
more of that time (`store/overlap.py`), it also knows how far the counter had come.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Self

from agent.contract.records import HOUR_MS
from agent.contract.states import INDEX, State
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.timeseries import TimeSeries

LOOK_BACK_MS = 6 * HOUR_MS
"""So far before the first window that an outbox sends: after our own restart it may be any of its windows."""
LONGEST_LOOK_MS = 400 * 24 * HOUR_MS
"""So far where nothing was measured in that time; windows live no longer."""
FOR_GOOD_MS = 10**15


@dataclass(frozen=True, slots=True)
class Totals:
    """How far a machine's counter had come by the windows that begin at `starts_ms`, since `since_ms`."""

    since_ms: int
    starts_ms: Sequence[int] = ()
    totals: Sequence[int] = ()
    is_measured: bool = False
    """A machine was measured in some of the windows: else they say where an agent's memory stood."""

    @classmethod
    def of(cls, since_ms: int, stored: Iterable[Window]) -> Self:
        """Read stored windows, in time order."""
        told = [each for each in stored if each.cycles_total is not None]
        starts = [each.start_ms for each in told]
        totals = list(accumulate((each.cycles_total or 0 for each in told), max))
        return cls(since_ms, starts, totals, any(_is_measured(each.state_ms) for each in told))

    @property
    def last_ms(self) -> int:
        """When the last of them begins; before everything if there is none."""
        return self.starts_ms[-1] if self.starts_ms else -1

    def before(self, start_ms: int) -> int | None:
        """Return how far it had come by the windows that begin earlier; None where nobody knows."""
        place = bisect_left(self.starts_ms, start_ms)
        return self.totals[place - 1] if place else None


class Growth:
    """Remembers what was stored when an outbox began to send; blocks on the store when one does."""

    def __init__(self, timeseries: TimeSeries) -> None:
        self._timeseries = timeseries
        self._epochs: dict[str, str] = {}
        self._known: dict[MachineKey, Totals] = {}
        self._believed_ms: dict[MachineKey, int] = {}
        """Where each machine's first window beyond what was stored begins: later ones go on from it."""

    def note(self, factory: str, epoch: str) -> None:
        """Take note of whose records come: what is stored by now was told by the outboxes before."""
        if self._epochs.get(factory) == epoch:
            return
        self._epochs[factory] = epoch
        for key in [key for key in self._known if key.factory == factory]:
            del self._known[key]
            self._believed_ms.pop(key, None)

    def settled(self, windows: Sequence[Window]) -> list[Window]:
        """Return the windows without the cycles that are stored already; raises StoreError."""
        for key, start_ms in self._unknown(windows).items():
            since_ms = max(0, start_ms - LOOK_BACK_MS)
            self._known[key] = Totals.of(since_ms, self._timeseries.windows(key, since_ms, FOR_GOOD_MS))
        return [self._settled(window) if window.cycles else window for window in windows]

    def _look_further(self, key: MachineKey, known: Totals) -> Totals:
        """Return what is known and the last hour before in which the machine was measured.

        We were started again since an agent's memory of days ago told of the time until now: all OFFLINE.
        """
        since_ms = max(0, known.since_ms - LONGEST_LOOK_MS)
        hours = self._timeseries.hours([key], since_ms, known.since_ms)
        starts = [hour.start_ms for hour in hours if _is_measured(hour.state_ms)]
        last = self._timeseries.windows(key, starts[-1], starts[-1] + HOUR_MS) if starts else ()
        recent = self._timeseries.windows(key, known.since_ms, max(known.since_ms, known.last_ms + 1))
        return replace(Totals.of(known.since_ms, [*last, *recent]), is_measured=True)

    def _settled(self, window: Window) -> Window:
        known, believed_ms = self._known[window.key], self._believed_ms.get(window.key, FOR_GOOD_MS)
        if window.start_ms > believed_ms:
            return window
        if not known.is_measured:
            known = self._known[window.key] = self._look_further(window.key, known)
        if window.start_ms > known.last_ms:
            self._believed_ms[window.key] = window.start_ms
        return without_stored(window, known.before(window.start_ms))

    def _unknown(self, windows: Iterable[Window]) -> Mapping[MachineKey, int]:
        """Return of which machines the store is to be asked, and their first windows.

        The very first one tells how old the copy was, also where it is OFFLINE: days may lie before cycles.
        """
        first: dict[MachineKey, int] = {}
        for window in windows:
            known = self._known.get(window.key)
            if known is None or (window.cycles and window.start_ms < known.since_ms):
                first[window.key] = min(window.start_ms, first.get(window.key, window.start_ms))
        return first


def _is_measured(state_ms: Sequence[int]) -> bool:
    return sum(state_ms) > state_ms[INDEX[State.OFFLINE]]


def without_stored(window: Window, total_before: int | None) -> Window:
    """Return the window with no more cycles than its counter grew by since it stood at `total_before`.

    Of good pieces and scrap the same share stays: which of them were told before nobody knows. A total beyond
    the window's own is another counter's: nothing is concluded from it.
    """
    if total_before is None or window.cycles_total is None:
        return window
    grown = window.cycles_total - total_before
    if not 0 <= grown < window.cycles:
        return window
    good, scrap = (
        None if pieces is None else round(pieces * grown / window.cycles)
        for pieces in (window.good, window.scrap)
    )
    return replace(window, cycles=grown, good=good, scrap=scrap)
