"""A factory's calendar in, the manned working time of its machines out."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aggregator.capacity.holidays import is_public_holiday
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.model.calendar import Calendar, Shift

_DAY = timedelta(days=1)
_SHIFT_DAYS = 2
"""A shift that began so many days before can still run: it lasts a day at most, from any hour."""


class Span(NamedTuple):
    """`[start_ms, end_ms)` (UTC ms) of manned work.

    `staff` is how many of the factory's machines can be tended at once; None all of them, never 0.
    """

    start_ms: int
    end_ms: int
    staff: int | None


class _Piece(NamedTuple):
    """Working time before it is merged; `staff` is infinite where all machines are tended."""

    start_ms: int
    end_ms: int
    staff: float


def open_spans(calendar: Calendar, machine: str, since_ms: int, until_ms: int, zone: ZoneInfo) -> list[Span]:
    """Return when the machine works with people beside it, within `[since_ms, until_ms)` (UTC ms).

    Shifts (the machine's own, or else the factory's) less breaks, and none that begins on a closed day or a
    public holiday; overtime, also on closed days; less planned stops, which win over everything. The spans
    are sorted and disjoint. Where shifts overlap, the larger staff counts. Unmanned time is none of it.
    """
    return list(_spans(_of_machine(calendar, machine), since_ms, until_ms, zone))


def spans_by_machine(
    calendar: Calendar, machines: Iterable[str], since_ms: int, until_ms: int, zone: ZoneInfo
) -> dict[str, list[Span]]:
    """Return the open spans of many machines; those that work like the rest share one list."""
    special = {machine for machine, _ in calendar.machine_shifts}
    special |= {stop.machine for stop in calendar.planned_stops if stop.machine}
    special |= {extra.machine for extra in calendar.overtime if extra.machine}
    shared: list[Span] | None = None
    found: dict[str, list[Span]] = {}
    for machine in machines:
        if machine in special:
            found[machine] = open_spans(calendar, machine, since_ms, until_ms, zone)
            continue
        if shared is None:
            shared = open_spans(calendar, machine, since_ms, until_ms, zone)
        found[machine] = shared
    return found


def open_ms(spans: Sequence[Span], since_ms: int, until_ms: int) -> int:
    """Return how much of `[since_ms, until_ms)` the spans cover, in ms."""
    first = bisect_right(spans, since_ms, key=lambda span: span.end_ms)
    last = bisect_left(spans, until_ms, key=lambda span: span.start_ms)
    return sum(min(span.end_ms, until_ms) - max(span.start_ms, since_ms) for span in spans[first:last])


def _of_machine(calendar: Calendar, machine: str) -> Calendar:
    """Return the calendar as the machine has it, the same for all that have nothing of their own."""
    return replace(
        calendar,
        shifts=dict(calendar.machine_shifts).get(machine, calendar.shifts),
        machine_shifts=(),
        planned_stops=tuple(stop for stop in calendar.planned_stops if stop.machine in {None, machine}),
        overtime=tuple(extra for extra in calendar.overtime if extra.machine in {None, machine}),
    )


@lru_cache(maxsize=1 << 10)
def _spans(calendar: Calendar, since_ms: int, until_ms: int, zone: ZoneInfo) -> tuple[Span, ...]:
    """Return the open spans of a machine's own calendar; asked for the same range again and again."""
    if since_ms >= until_ms:
        return ()
    pieces = list(_shift_pieces(calendar, since_ms, until_ms, zone))
    pieces += [
        _Piece(extra.start_ms, extra.end_ms, _staff(extra.staff))
        for extra in calendar.overtime
        if extra.staff != 0
    ]
    stops = [
        (stop.start_ms, stop.end_ms)
        for stop in calendar.planned_stops
        if stop.start_ms < until_ms and stop.end_ms > since_ms
    ]
    return tuple(_merged(_cut(pieces, since_ms, until_ms), stops))


def _shift_pieces(calendar: Calendar, since_ms: int, until_ms: int, zone: ZoneInfo) -> Iterator[_Piece]:
    manned = [shift for shift in calendar.shifts if shift.staff != 0]
    if not manned:
        return
    day = max(local_day(since_ms, zone), date.min + 3 * _DAY) - _SHIFT_DAYS * _DAY
    last = local_day(until_ms - 1, zone)
    while day <= last:
        weekday = day.weekday()
        today = [shift for shift in manned if weekday in shift.days]
        if today and not is_closed(calendar, day):
            for shift in today:
                yield from _worked(shift, day, zone)
        day += _DAY


def is_closed(calendar: Calendar, day: date) -> bool:
    """Tell whether no shift begins on the day: closed, or a public holiday that is kept."""
    if any(closure.first <= day <= closure.last for closure in calendar.closures):
        return True
    return not calendar.works_on_holidays and is_public_holiday(day)


def _worked(shift: Shift, day: date, zone: ZoneInfo) -> Iterator[_Piece]:
    """Give the shift of one day less its breaks."""
    staff = _staff(shift.staff)
    at = shift.start_min
    for rest in sorted(shift.breaks, key=lambda rest: rest.start_min):
        start = min(rest.start_min, shift.end_min)
        if start > at:
            yield _Piece(moment_ms(day, at, zone), moment_ms(day, start, zone), staff)
        at = max(at, rest.end_min)
    if at < shift.end_min:
        yield _Piece(moment_ms(day, at, zone), moment_ms(day, shift.end_min, zone), staff)


def _staff(staff: int | None) -> float:
    return inf if staff is None else staff


def _cut(pieces: Iterable[_Piece], since_ms: int, until_ms: int) -> list[_Piece]:
    """Return the parts of the pieces within the range, sorted by start."""
    return sorted(
        piece
        if piece.start_ms >= since_ms and piece.end_ms <= until_ms
        else _Piece(max(piece.start_ms, since_ms), min(piece.end_ms, until_ms), piece.staff)
        for piece in pieces
        if piece.start_ms < piece.end_ms and piece.start_ms < until_ms and piece.end_ms > since_ms
    )


def _merged(pieces: Sequence[_Piece], stops: Sequence[tuple[int, int]]) -> list[Span]:
    """Return the pieces, sorted by start, as disjoint spans, less the stops."""
    merged: list[Span] = []
    group: list[_Piece] = []
    reach = 0
    for piece in pieces:
        if group and piece.start_ms >= reach:
            _close(group, reach, stops, merged)
            group = []
        reach = max(reach, piece.end_ms) if group else piece.end_ms
        group.append(piece)
    if group:
        _close(group, reach, stops, merged)
    return merged


def _close(
    group: Sequence[_Piece], reach_ms: int, stops: Sequence[tuple[int, int]], merged: list[Span]
) -> None:
    """Add pieces that overlap each other, and reach to `reach_ms`, to the spans."""
    start_ms = group[0].start_ms
    near = [stop for stop in stops if stop[0] < reach_ms and stop[1] > start_ms] if stops else ()
    if len(group) == 1 and not near:
        _append(merged, *group[0])
        return
    edges = {edge for start, end, _ in group for edge in (start, end)}
    edges |= {edge for stop in near for edge in stop}
    pieces, halts = list(reversed(group)), sorted(near, reverse=True)  # the next one is the last
    working: list[_Piece] = []
    stopped_until = start_ms
    for start, end in pairwise(sorted(edges)):
        while pieces and pieces[-1].start_ms <= start:
            working.append(pieces.pop())
        while halts and halts[-1][0] <= start:
            stopped_until = max(stopped_until, halts.pop()[1])
        working = [piece for piece in working if piece.end_ms > start]
        if working and stopped_until <= start:
            _append(merged, start, end, max(piece.staff for piece in working))


def _append(merged: list[Span], start_ms: int, end_ms: int, staff: float) -> None:
    people = None if staff == inf else int(staff)
    if merged and merged[-1].end_ms == start_ms and merged[-1].staff == people:
        start_ms = merged.pop().start_ms
    merged.append(Span(start_ms, end_ms, people))
