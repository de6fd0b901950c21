"""States by minute, so that a timeline can be drawn: windows in, lines of `states` out.

Whoever draws a timeline takes missing points for the last state, so minutes of which nothing came are written
as OFFLINE, a while after they are over. What comes later replaces them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.minute import minute_states
from aggregator.model.window import Window
from aggregator.store.influx.points import STATES, WINDOW_FIELDS, WINDOWS, read_window, state_line
from aggregator.store.influx.server import Server
from aggregator.store.influx.statements import newest, select

LATE_MS = 3 * MINUTE_MS
"""So long a window may be on its way before its minute counts as silent."""
LOOK_BACK_MS = 24 * HOUR_MS
"""So far back the first look after a start goes at least: what came before it may have left a hole."""
LONGEST_MS = 30 * 24 * HOUR_MS
"""Machines that were silent for so long have gone: nothing more is written of them."""

AT_ONCE = 50
"""Machines whose minutes are read in one go: a day of them at the first look."""

Covered = tuple[int, int]
"""Start and end of a window, UTC ms."""


def whole_minutes(windows: Iterable[Window]) -> tuple[dict[int, State], set[int]]:
    """Return states of minutes that one window covers, and minutes that windows cover in part only."""
    known: dict[int, State] = {}
    partly: set[int] = set()
    for window in windows:
        end_ms = window.start_ms + window.length_ms
        for at_ms, state in minute_states([window]).items():
            if window.start_ms <= at_ms and at_ms + MINUTE_MS <= end_ms:
                known[at_ms] = state
            else:
                partly.add(at_ms)
    return known, partly


def silent_minutes(covered: Iterable[Covered], since_ms: int, until_ms: int) -> Iterator[int]:
    """Yield the minutes of `[since_ms, until_ms)`, both whole, in which no window has any part."""
    told: set[int] = set()
    for start_ms, end_ms in covered:
        first_ms = max(start_ms - start_ms % MINUTE_MS, since_ms)
        told.update(range(first_ms, min(end_ms, until_ms), MINUTE_MS))
    return (at_ms for at_ms in range(since_ms, until_ms, MINUTE_MS) if at_ms not in told)


class Minutes:
    """Used by one thread at a time; raises StoreError."""

    def __init__(self, server: Server, bucket: str) -> None:
        self._server = server
        self._bucket = bucket
        self._told_ms: dict[MachineKey, int] = {}

    def lines(self, key: MachineKey, new: Sequence[Window]) -> Iterator[str]:
        """Yield the lines of the minutes that stored windows fall in; those of a part are read again."""
        known, partly = whole_minutes(new)
        if partly:
            since_ms, until_ms = min(partly) - HOUR_MS, max(partly) + MINUTE_MS
            statement = select(WINDOW_FIELDS, WINDOWS, [key], since_ms, until_ms)
            stored = [read_window(*row) for row in self._server.rows(self._bucket, statement)]
            states = minute_states(stored)
            known |= {at_ms: states[at_ms] for at_ms in partly & states.keys()}
        return (state_line(key, at_ms, state) for at_ms, state in known.items())

    def waiting(self, keys: Collection[MachineKey], until_ms: int) -> list[list[MachineKey]]:
        """Return the machines whose silence is not told up to there, some at a time."""
        known = self._ends(WINDOWS, "length_ms")
        present = [key for key in keys if key in known and known[key] > until_ms - LONGEST_MS]
        fresh = [key for key in present if key not in self._told_ms]
        first = self._ends(STATES, "code", "first") if fresh else {}
        last = self._ends(STATES, "code") if fresh else {}
        for key in fresh:
            told_ms = min(last.get(key, until_ms), until_ms - LOOK_BACK_MS)
            self._told_ms[key] = max(told_ms, first.get(key, until_ms), until_ms - LONGEST_MS)
        groups: dict[int, list[MachineKey]] = defaultdict(list)
        for key in present:
            if self._told_ms[key] < until_ms:
                groups[self._told_ms[key]].append(key)
        return [some[at : at + AT_ONCE] for some in groups.values() for at in range(0, len(some), AT_ONCE)]

    def mark(self, keys: Sequence[MachineKey], until_ms: int) -> None:
        """Write OFFLINE for the silent minutes of machines that were told up to the same minute."""
        since_ms = self._told_ms[keys[0]]
        covered: dict[MachineKey, list[Covered]] = defaultdict(list)
        statement = select(("length_ms",), WINDOWS, keys, since_ms - HOUR_MS, until_ms)
        for key, at_ms, (length_ms,) in self._server.rows(self._bucket, statement):
            covered[key].append((at_ms, at_ms + length_ms))
        lines: list[str] = []
        for key in keys:
            silent = silent_minutes(covered[key], since_ms, until_ms)
            lines += [state_line(key, at_ms, State.OFFLINE) for at_ms in silent]
        self._server.write(self._bucket, lines)
        self._told_ms |= dict.fromkeys(keys, until_ms)

    def _ends(self, measurement: str, field: str, selector: str = "last") -> Mapping[MachineKey, int]:
        """Return when each machine's newest point is, or its first one."""
        rows = self._server.rows(self._bucket, newest(field, measurement, None, selector))
        return {key: at_ms for key, at_ms, _ in rows}
