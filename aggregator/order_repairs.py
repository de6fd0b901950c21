"""How long a machine's past breakdowns lasted: its stored state changes in, hours out."""

from collections.abc import Callable, Iterable

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange
from aggregator.store.timeseries import StoreError, TimeSeries

BACK_MS = 4 * 7 * 24 * HOUR_MS
FRESH_MS = HOUR_MS
"""What was read of a machine's past holds so long."""
MOST = 50
"""So many of the newest breakdowns tell how long the next one lasts."""


class Repairs:
    """Its method blocks: call it in a thread. `now` gives UTC milliseconds."""

    def __init__(self, timeseries: TimeSeries, now: Callable[[], int]) -> None:
        self._timeseries = timeseries
        self._now = now
        self._known: dict[MachineKey, tuple[int, tuple[float, ...]]] = {}

    def of(self, key: MachineKey) -> tuple[float, ...]:
        """Return the hours of the machine's breakdowns of the last weeks that are over, oldest first.

        While the store does not answer they are what they were, none if they were never read.
        """
        now_ms = self._now()
        read_ms, known = self._known.get(key, (None, ()))
        if read_ms is not None and now_ms - read_ms < FRESH_MS:
            return known
        try:
            changes = self._timeseries.changes(key, now_ms - BACK_MS, now_ms)
        except StoreError:
            return known  # a date that knows less of repairs is better than none
        found = tuple(breakdowns_h(changes)[-MOST:])
        self._known[key] = now_ms, found
        return found


def breakdowns_h(changes: Iterable[StateChange]) -> list[float]:
    """Return how many hours each DOWN lasted that is over; changes in time order, of one machine.

    One that turned into OFFLINE is left out: when it was over is not known.
    """
    found: list[float] = []
    since_ms: int | None = None
    for each in changes:
        if each.state is State.DOWN:
            since_ms = each.at_ms if since_ms is None else since_ms
            continue
        if since_ms is not None and each.state is not State.OFFLINE:
            found.append((each.at_ms - since_ms) / HOUR_MS)
        since_ms = None
    return found
