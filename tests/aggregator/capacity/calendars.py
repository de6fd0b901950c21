"""Calendars for property tests, and an oracle that counts their open minutes one by one."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from aggregator.capacity.calendar import Span, is_closed
from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift

MINUTE_MS = 60_000
FIRST = date(2026, 10, 22)  # clocks go back in Berlin on the 25th; a public holiday in Japan on 3 November
DAYS = 14
ZONES = {
    name: ZoneInfo(name)
    for name in ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
}


def ms(at: datetime) -> int:
    """Return UTC milliseconds."""
    return round(at.timestamp() * 1000)


def range_of(first: date, days: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the moments between which the local days lie."""
    return (
        ms(datetime.combine(first, time(), zone)),
        ms(datetime.combine(first + timedelta(days=days), time(), zone)),
    )


@st.composite
def shifts(draw: st.DrawFn) -> Shift:
    """Any shift, with breaks inside and partly outside it."""
    start = draw(st.integers(0, 1439))
    end = start + draw(st.integers(1, 1440))
    rests = draw(st.lists(st.tuples(st.integers(start - 30, end + 30), st.integers(1, 90)), max_size=2))
    return Shift(
        draw(st.frozensets(st.integers(0, 6), min_size=1)),
        start,
        end,
        tuple(Break(at, at + length) for at, length in rests),
        draw(st.sampled_from([None, 0, 1, 2, 5])),
    )


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    """A time within the fortnight or at its edges, whole minutes, up to two days."""
    first_ms = ms(datetime.combine(FIRST, time(), UTC)) - 86_400_000
    start = first_ms + draw(st.integers(0, (DAYS + 2) * 1440)) * MINUTE_MS
    return start, start + draw(st.integers(1, 2880)) * MINUTE_MS


def machine_names() -> st.SearchStrategy[str | None]:
    """One of two machines, or the factory."""
    return st.sampled_from([None, "m-1", "m-2"])


@st.composite
def stops(draw: st.DrawFn) -> PlannedStop:
    """Any planned stop."""
    return PlannedStop(*draw(stretches()), draw(machine_names()))


@st.composite
def extras(draw: st.DrawFn) -> Overtime:
    """Any overtime."""
    return Overtime(*draw(stretches()), draw(machine_names()), draw(st.sampled_from([None, 0, 3])))


@st.composite
def closures(draw: st.DrawFn) -> Closure:
    """Some closed days."""
    first = FIRST + timedelta(days=draw(st.integers(-2, DAYS)))
    return Closure(first, first + timedelta(days=draw(st.integers(0, 3))))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any calendar of a small factory."""
    own = draw(st.one_of(st.none(), st.lists(shifts(), max_size=2)))
    return Calendar(
        tuple(draw(st.lists(shifts(), max_size=3))),
        () if own is None else (("m-1", tuple(own)),),
        draw(st.booleans()),
        tuple(draw(st.lists(closures(), max_size=2))),
        tuple(draw(st.lists(stops(), max_size=3))),
        tuple(draw(st.lists(extras(), max_size=3))),
    )


def open_minutes(
    calendar: Calendar, machine: str, since_ms: int, until_ms: int, zone: ZoneInfo
) -> dict[int, int | None]:
    """Return every open minute and its staff, found by looking at a wall clock every minute."""
    own = dict(calendar.machine_shifts).get(machine, calendar.shifts)
    found: dict[int, set[int | None]] = {}
    reached = _Clock(since_ms - 4 * 86_400_000, until_ms + 4 * 86_400_000, zone)
    first = datetime.fromtimestamp(since_ms / 1000, zone).date() - timedelta(days=3)
    for offset in range((until_ms - since_ms) // 86_400_000 + 6):
        day = first + timedelta(days=offset)
        for shift in own:
            if day.weekday() not in shift.days or is_closed(calendar, day):
                continue
            minutes = set(reached.minutes(day, shift.start_min, shift.end_min))
            for rest in shift.breaks:
                minutes -= set(reached.minutes(day, rest.start_min, rest.end_min))
            for minute in minutes:
                found.setdefault(minute, set()).add(shift.staff)
    for extra in calendar.overtime:
        if extra.machine in {None, machine}:
            for minute in range(extra.start_ms, extra.end_ms, MINUTE_MS):
                found.setdefault(minute, set()).add(extra.staff)
    stopped = {
        minute
        for stop in calendar.planned_stops
        if stop.machine in {None, machine}
        for minute in range(stop.start_ms, stop.end_ms, MINUTE_MS)
    }
    return {
        minute: None if None in staffs else max(staff for staff in staffs if staff is not None)
        for minute, staffs in found.items()
        if since_ms <= minute < until_ms and minute not in stopped and staffs != {0}
    }


class _Clock:
    """When the wall clock first showed a time, or had gone past it."""

    def __init__(self, since_ms: int, until_ms: int, zone: ZoneInfo) -> None:
        self._first: list[tuple[datetime, int]] = []
        latest = datetime(1, 1, 1)  # noqa: DTZ001 (a wall clock)
        for at_ms in range(since_ms, until_ms, MINUTE_MS):
            wall = datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)
            if wall > latest:
                latest = wall
                self._first.append((wall, at_ms))
        self._walls = [wall for wall, _ in self._first]

    def minutes(self, day: date, start_min: int, end_min: int) -> range:
        """Return the minutes between two clock times of a day."""
        midnight = datetime.combine(day, time())
        start, end = (self._at(midnight + timedelta(minutes=minutes)) for minutes in (start_min, end_min))
        return range(start, end, MINUTE_MS)

    def _at(self, wall: datetime) -> int:
        return self._first[bisect_left(self._walls, wall)][1]


def minutes_of(spans: Sequence[Span]) -> dict[int, int | None]:
    """Return every minute of the spans and its staff."""
    return {minute: span.staff for span in spans for minute in range(span.start_ms, span.end_ms, MINUTE_MS)}
