"""A factory's calendar in, the manned working time of its machines out."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
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
    if since_ms >= until_ms:
        return []
    shifts = dict(calendar.machine_shifts).get(machine, calendar.shifts)
    pieces = list(_shift_pieces(calendar, shifts, since_ms, until_ms, zone))
    pieces += [
        _Piece(extra.start_ms, extra.end_ms, _staff(extra.staff))
        for extra in calendar.overtime
        if extra.machine in {None, machine} and extra.staff != 0
    ]
    stops = [
        (stop.start_ms, stop.end_ms)
        for stop in calendar.planned_stops
        if stop.machine in {None, machine} and stop.start_ms < until_ms and stop.end_ms > since_ms
    ]
    return _merged(_cut(pieces, since_ms, until_ms), stops)


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


def _shift_pieces(
    calendar: Calendar, shifts: Sequence[Shift], since_ms: int, until_ms: int, zone: ZoneInfo
) -> Iterator[_Piece]:
    manned = [shift for shift in shifts if shift.staff != 0]
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
    cut = (
        _Piece(max(piece.start_ms, since_ms), min(piece.end_ms, until_ms), piece.staff) for piece in pieces
    )
    return sorted(piece for piece in cut if piece.start_ms < piece.end_ms)


def _merged(pieces: Sequence[_Piece], stops: Sequence[tuple[int, int]]) -> list[Span]:
    """Return the pieces, sorted by start, as disjoint spans, less the stops."""
    merged: list[Span] = []
    begin = 0
    while begin < len(pieces):
        end, reach = begin + 1, pieces[begin].end_ms
        while end < len(pieces) and pieces[end].start_ms < reach:
            reach = max(reach, pieces[end].end_ms)
            end += 1
        start = pieces[begin].start_ms
        near = [stop for stop in stops if stop[0] < reach and stop[1] > start]
        for span in _flattened(pieces[begin:end], near):
            _append(merged, span)
        begin = end
    return merged


def _flattened(pieces: Sequence[_Piece], stops: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """Give pieces that overlap as spans without overlap: the larger staff counts, no stop is within."""
    if len(pieces) == 1 and not stops:
        yield _span(*pieces[0])
        return
    edges = {edge for start, end, _ in pieces for edge in (start, end)}
    edges |= {edge for stop in stops for edge in stop}
    for start, end in pairwise(sorted(edges)):
        staffs = [piece.staff for piece in pieces if piece.start_ms <= start < piece.end_ms]
        if staffs and not any(first <= start < last for first, last in stops):
            yield _span(start, end, max(staffs))


def _span(start_ms: int, end_ms: int, staff: float) -> Span:
    return Span(start_ms, end_ms, None if staff == inf else int(staff))


def _append(merged: list[Span], span: Span) -> None:
    last = merged[-1] if merged else None
    if last and last.end_ms == span.start_ms and last.staff == span.staff:
        merged[-1] = Span(last.start_ms, span.end_ms, span.staff)
    else:
        merged.append(span)
