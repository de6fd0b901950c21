"""What a machine did minute by minute: windows in, the state that lasted longest out. Pure."""

from collections.abc import Iterable

from agent.contract.records import MINUTE_MS
from agent.contract.states import STATES, State
from aggregator.model.window import StateMs, Window


def minute_states(windows: Iterable[Window]) -> dict[int, State]:
    """Return the state that lasted longest in each minute (its start in UTC ms), in time order.

    Minutes without a window are absent. A window longer than a minute fills those it covers.
    """
    found: dict[int, StateMs] = {}
    for window in windows:
        first_ms = window.start_ms - window.start_ms % MINUTE_MS
        for at_ms in range(first_ms, window.start_ms + window.length_ms, MINUTE_MS):
            known = found.get(at_ms)
            found[at_ms] = _added(known, window.state_ms) if known else window.state_ms
    return {at_ms: STATES[spent.index(max(spent))] for at_ms, spent in sorted(found.items())}


def _added(one: StateMs, other: StateMs) -> StateMs:
    running, setup, idle, down, planned_stop, offline = (a + b for a, b in zip(one, other, strict=True))
    return running, setup, idle, down, planned_stop, offline
