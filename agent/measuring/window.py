"""Windows: states and cycles over time enter, aligned one-minute records leave.

The open window is a value; each function returns the next one and the windows that were closed on the way.
The milliseconds of the six states add up to a window's length exactly, and windows follow each other without
gap or overlap, because time is added once, from `at_ms` on, and never runs backwards.
"""

import msgspec
from msgspec.structs import replace

from agent.contract.records import HOUR_MS, MINUTE_MS, Window
from agent.contract.states import INDEX, State

FINE_GAP_MS = 2 * HOUR_MS
"""A gap longer than this is told in whole hours: two weeks off are 336 records and not 20,160."""

StateMs = tuple[int, int, int, int, int, int]
_NOTHING: StateMs = (0, 0, 0, 0, 0, 0)


class OpenWindow(msgspec.Struct, frozen=True):
    """The window that has not ended yet: totals from `start_ms` to `at_ms`, in `state` since.

    `scrap` is None where scrap is not counted. `owed` are pieces of scrap that were counted before their
    cycles: they are taken off the good pieces of a later window, for a window's pieces are never negative.
    """

    machine: str
    start_ms: int
    at_ms: int
    state: State = State.OFFLINE
    state_ms: StateMs = _NOTHING
    cycles: int = 0
    scrap: int | None = None
    cycles_total: int | None = None
    job: str = ""
    pieces_per_cycle: int = 1
    owed: int = 0

    @property
    def end_ms(self) -> int:
        """Where the window ends if nothing ends it early: the next full minute of UTC."""
        return (self.start_ms // MINUTE_MS + 1) * MINUTE_MS


Step = tuple[OpenWindow, list[Window]]


def advance(window: OpenWindow, at_ms: int) -> Step:
    """Add the time up to `at_ms` to the present state; raises ValueError if that is past already."""
    if at_ms < window.at_ms:
        raise ValueError(f"{window.machine}: time ran backwards from {window.at_ms} to {at_ms}")
    if at_ms < window.end_ms:
        return _spend(window, at_ms), []
    end_ms, last_ms = window.end_ms, at_ms // MINUTE_MS * MINUTE_MS
    closed = _record(_spend(window, end_ms))
    window = _next(_spend(window, end_ms))
    return _spend(replace(window, start_ms=last_ms, at_ms=last_ms), at_ms), [
        closed,
        *_alike(window, last_ms, MINUTE_MS),
    ]


def close(window: OpenWindow, at_ms: int) -> Step:
    """Advance, and end the window at `at_ms`, early if need be: nothing is left open."""
    window, closed = advance(window, at_ms)
    if window.start_ms == at_ms:
        return window, closed
    return _next(window), [*closed, _record(window)]


def change_job(window: OpenWindow, job: str, at_ms: int) -> Step:
    """Advance, and start a window of its own for `job` ("" for none): a window never spans two jobs.

    The next job does not owe pieces that were spoiled before it.
    """
    if job == window.job:
        return advance(window, at_ms)
    window, closed = close(window, at_ms)
    return replace(window, job=job, owed=0), closed


def skip(window: OpenWindow, at_ms: int) -> Step:
    """Add time that nobody watched: OFFLINE, in whole hours (UTC) where it is longer than `FINE_GAP_MS`."""
    window = replace(window, state=State.OFFLINE)
    if at_ms - window.at_ms <= FINE_GAP_MS:
        return advance(window, at_ms)
    window, closed = advance(window, -(-window.at_ms // HOUR_MS) * HOUR_MS)
    last_ms = at_ms // HOUR_MS * HOUR_MS
    closed += _alike(window, last_ms, HOUR_MS)
    window, rest = advance(replace(window, start_ms=last_ms, at_ms=last_ms), at_ms)
    return window, closed + rest


def add_state(state_ms: StateMs, state: State, length_ms: int) -> StateMs:
    """Return milliseconds by state with `length_ms` more in `state`."""
    place = INDEX[state]
    running, setup, idle, down, planned_stop, offline = (
        spent + length_ms if index == place else spent for index, spent in enumerate(state_ms)
    )
    return running, setup, idle, down, planned_stop, offline


def _spend(window: OpenWindow, at_ms: int) -> OpenWindow:
    if at_ms == window.at_ms:
        return window
    state_ms = add_state(window.state_ms, window.state, at_ms - window.at_ms)
    return replace(window, at_ms=at_ms, state_ms=state_ms)


def _next(window: OpenWindow) -> OpenWindow:
    """Return the empty window that follows one that ends where it stands."""
    return replace(
        window,
        start_ms=window.at_ms,
        state_ms=_NOTHING,
        cycles=0,
        scrap=None if window.scrap is None else 0,
        owed=max(0, -_pieces(window)),
    )


def _pieces(window: OpenWindow) -> int:
    return window.cycles * window.pieces_per_cycle - (window.scrap or 0) - window.owed


def _record(window: OpenWindow) -> Window:
    good = None if window.scrap is None else max(0, _pieces(window))
    return Window(
        window.machine,
        window.start_ms,
        window.at_ms - window.start_ms,
        window.state_ms,
        window.cycles,
        good,
        window.scrap,
        window.cycles_total,
        window.job,
    )


def _alike(window: OpenWindow, until_ms: int, length_ms: int) -> list[Window]:
    """Return the windows from an empty one to `until_ms`, alike but for their start: nothing happens."""
    if window.start_ms >= until_ms:
        return []
    record = _record(replace(window, state_ms=add_state(_NOTHING, window.state, length_ms)))
    return [
        Window(
            record.machine,
            start_ms,
            length_ms,
            record.state_ms,
            0,
            record.good,
            record.scrap,
            record.cycles_total,
            record.job,
        )
        for start_ms in range(window.start_ms, until_ms, length_ms)
    ]
