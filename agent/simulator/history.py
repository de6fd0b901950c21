"""History: a scenario and an end in, JSON lines of windows and state changes out, newest day first.

One line a record: `["window", factory, machine, start_ms, length_ms, [six ms], cycles, good, scrap, job]` and
`["state", factory, machine, at_ms, state, job]`. good and scrap are null where the machine counts no scrap;
job is always null.
"""

from collections.abc import Iterator
from datetime import timedelta

from agent.contract.states import INDEX, STATES, State
from agent.simulator.activity import Change
from agent.simulator.plant import Machine, Scenario
from agent.simulator.shifts import day_of
from agent.simulator.timeline import Day, make_day

WINDOW_MS = 60_000
PLANNED_STOP = INDEX[State.PLANNED_STOP]


def history(scenario: Scenario, days: int, until_ms: int) -> Iterator[str]:
    """Yield chunks of lines, one machine's day each: the windows of that day up to `until_ms`.

    The newest day of every machine comes first, then `days` full local days back. The last window is shorter
    than a minute when `until_ms` is not on a minute.
    """
    # Only the day before tells whether a day's first state is a change: it waits here until then.
    waiting: dict[str, Change] = {}
    for age in range(days + 1):
        for machine in scenario.machines:
            day = make_day(machine, day_of(until_ms, machine.factory.zone) - timedelta(days=age))
            yield from _day_lines(machine, day, until_ms, waiting)
    for machine in scenario.machines:
        if machine.key in waiting:
            yield _state_line(machine, waiting[machine.key])


def _day_lines(machine: Machine, day: Day, until_ms: int, waiting: dict[str, Change]) -> Iterator[str]:
    end_ms = min(day.end_ms, until_ms)
    if end_ms <= day.start_ms:
        return
    changes = [change for change in day.changes if change[0] < end_ms]
    newer = waiting.pop(machine.key, None)
    lines = [_state_line(machine, change) for change in changes[1:]]
    if newer is not None and newer[1] is not changes[-1][1]:
        lines.append(_state_line(machine, newer))
    waiting[machine.key] = changes[0]
    lines += _window_lines(machine, day, changes, end_ms)
    yield "".join(lines)


def _state_line(machine: Machine, change: Change) -> str:
    return f'["state","{machine.factory.id}","{machine.id}",{change[0]},"{change[1]}",null]\n'


def _window_lines(machine: Machine, day: Day, changes: list[Change], end_ms: int) -> list[str]:
    """Return a line a minute; minutes that are one whole planned stop share their text."""
    times = state_times(changes, day.start_ms, end_ms)
    cycles, scrapped = cycle_counts(day, end_ms)
    prefix = f'["window","{machine.factory.id}","{machine.id}"'
    stopped = f",{WINDOW_MS},{_full_stop()},0,{'0,0' if machine.counts_scrap else 'null,null'},null]\n"
    pieces = machine.pieces_per_cycle
    lines = []
    for minute, start_ms in enumerate(range(day.start_ms, end_ms, WINDOW_MS)):
        ms = times[6 * minute : 6 * minute + 6]
        if ms[PLANNED_STOP] == WINDOW_MS:
            lines.append(f"{prefix},{start_ms}{stopped}")
            continue
        good, scrap = "null", "null"
        if machine.counts_scrap:
            scrap_pieces = scrapped[minute] * pieces
            good, scrap = str(cycles[minute] * pieces - scrap_pieces), str(scrap_pieces)
        length_ms = min(WINDOW_MS, end_ms - start_ms)
        lines.append(f"{prefix},{start_ms},{length_ms},{ms},{cycles[minute]},{good},{scrap},null]\n")
    return lines


def _full_stop() -> str:
    return str([WINDOW_MS if state is State.PLANNED_STOP else 0 for state in STATES])


def state_times(changes: list[Change], start_ms: int, end_ms: int) -> list[int]:
    """Return ms by state, six numbers a minute, of the minutes from `start_ms` until `end_ms`."""
    minutes = -(-(end_ms - start_ms) // WINDOW_MS)
    times = [0] * (6 * minutes)
    ends = [at_ms for at_ms, _state in changes[1:]] + [end_ms]
    for (from_ms, state), to_ms in zip(changes, ends, strict=True):
        begin, end, column = from_ms - start_ms, to_ms - start_ms, INDEX[state]
        first, last = begin // WINDOW_MS, end // WINDOW_MS
        if first == last:
            times[6 * first + column] += end - begin
            continue
        times[6 * first + column] += (first + 1) * WINDOW_MS - begin
        for minute in range(first + 1, last):
            times[6 * minute + column] = WINDOW_MS
        if end % WINDOW_MS:
            times[6 * last + column] += end % WINDOW_MS
    return times


def cycle_counts(day: Day, end_ms: int) -> tuple[list[int], list[int]]:
    """Return cycles and scrapped cycles by minute of the day, up to `end_ms`."""
    minutes = -(-(end_ms - day.start_ms) // WINDOW_MS)
    cycles, scrapped = [0] * minutes, [0] * minutes
    for at_ms in day.cycles:
        if at_ms < end_ms:
            cycles[(at_ms - day.start_ms) // WINDOW_MS] += 1
    for index in day.scrapped:
        at_ms = day.cycles[index]
        if at_ms < end_ms:
            scrapped[(at_ms - day.start_ms) // WINDOW_MS] += 1
    return cycles, scrapped
