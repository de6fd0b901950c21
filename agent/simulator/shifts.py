"""Shifts: a factory's weekly hours and breaks in, the open stretches of one local day out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60

Interval = tuple[int, int]
"""Start and end, end excluded."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours that begin on the given weekdays (0 = Monday).

    Minutes count from the local midnight of the day on which the shift begins, and on past 1,440.
    """

    weekdays: frozenset[int]
    start_min: int
    end_min: int
    breaks: tuple[Interval, ...] = ()

    def working_min(self) -> Iterator[Interval]:
        """Yield the stretches between the breaks, in minutes."""
        start = self.start_min
        for pause_start, pause_end in sorted(self.breaks):
            if pause_start > start:
                yield start, pause_start
            start = max(start, pause_end)
        if start < self.end_min:
            yield start, self.end_min


def at_local_ms(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return the moment `minutes` after the local midnight of `day` by the clock on the wall, in ms."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)
    return int(local.timestamp()) * 1000


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """Return the local day in which a moment lies."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def day_span_ms(day: date, zone: ZoneInfo) -> Interval:
    """Return the local day's first millisecond and the next day's; 23 to 25 hours where clocks change."""
    return at_local_ms(day, 0, zone), at_local_ms(day + timedelta(days=1), 0, zone)


def open_ms(shifts: Iterable[Shift], closed: frozenset[date], zone: ZoneInfo, day: date) -> list[Interval]:
    """Return the local day's working stretches in ms, in order and apart; shifts of the day before reach in.

    A shift that would begin on a `closed` date is not worked.
    """
    first_ms, last_ms = day_span_ms(day, zone)
    stretches = []
    for began in (day - timedelta(days=1), day):
        for shift in shifts:
            if began.weekday() not in shift.weekdays or began in closed:
                continue
            for start_min, end_min in shift.working_min():
                start = max(first_ms, at_local_ms(began, start_min, zone))
                end = min(last_ms, at_local_ms(began, end_min, zone))
                if start < end:
                    stretches.append((start, end))
    return joined(stretches)


def joined(stretches: Iterable[Interval]) -> list[Interval]:
    """Return the same time as stretches in order that neither touch nor overlap."""
    apart: list[Interval] = []
    for start, end in sorted(stretches):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart
