"""What a calendar means: calendar and machines in, open time of two weeks and hours of eight out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from aggregator.capacity.attendance import unattended_ms
from aggregator.capacity.calendar import Span, open_ms, spans_by_machine
from aggregator.capacity.holidays import public_holidays
from aggregator.capacity.local_time import moment_ms
from aggregator.model.calendar import Calendar
from aggregator.model.week import Week

DAYS, WEEKS = 14, 8


@dataclass(frozen=True, slots=True)
class OpenBar:
    """A part of a day in which people tend `share` (0 to 1) of the machines; `x`, `width`: shares of it."""

    x: float
    width: float
    share: float
    start_ms: int
    end_ms: int
    machines: int


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A local day; `why` is the name of a holiday or closure, `hours` are machine hours with people."""

    day: date
    bars: tuple[OpenBar, ...]
    hours: float
    why: str


@dataclass(frozen=True, slots=True)
class PlannedWeek:
    """Machine hours with people in a whole week."""

    week: Week
    hours: float


@dataclass(frozen=True, slots=True)
class Preview:
    """From the Monday of this week on."""

    days: tuple[OpenDay, ...]
    weeks: tuple[PlannedWeek, ...]
    machines: int

    @property
    def most_hours(self) -> float:
        """Hours of the fullest week."""
        return max((week.hours for week in self.weeks), default=0.0)


def preview_of(
    calendar: Calendar, machines: Sequence[str], today: date, zone: ZoneInfo, language: str
) -> Preview:
    """Return what is planned from the week of `today` on; holidays are named in the language."""
    monday = Week.of(today).monday
    since, until = moment_ms(monday, 0, zone), moment_ms(monday + timedelta(weeks=WEEKS), 0, zone)
    spans = spans_by_machine(calendar, machines, since, until, zone)
    days = (_day(calendar, spans, monday + timedelta(days=number), zone, language) for number in range(DAYS))
    return Preview(tuple(days), tuple(_weeks(spans, monday, zone, WEEKS)), len(machines))


def planned_hours(calendar: Calendar, machines: Sequence[str], week: Week, zone: ZoneInfo) -> float:
    """Return the machine hours with people of one week."""
    since, until = moment_ms(week.monday, 0, zone), moment_ms(week.later(1).monday, 0, zone)
    spans = spans_by_machine(calendar, machines, since, until, zone)
    return next(_weeks(spans, week.monday, zone, 1)).hours


def _weeks(
    spans: Mapping[str, Sequence[Span]], monday: date, zone: ZoneInfo, count: int
) -> Iterator[PlannedWeek]:
    for number in range(count):
        first = monday + timedelta(weeks=number)
        since, until = moment_ms(first, 0, zone), moment_ms(first + timedelta(weeks=1), 0, zone)
        yield PlannedWeek(Week.of(first), _hours(spans, since, until))


def _hours(spans: Mapping[str, Sequence[Span]], since_ms: int, until_ms: int) -> float:
    whole = sum(open_ms(own, since_ms, until_ms) for own in spans.values())
    return (whole - sum(unattended_ms(spans, since_ms, until_ms).values())) / 3_600_000


def _day(
    calendar: Calendar, spans: Mapping[str, Sequence[Span]], day: date, zone: ZoneInfo, language: str
) -> OpenDay:
    since, until = moment_ms(day, 0, zone), moment_ms(day + timedelta(days=1), 0, zone)
    near = {
        machine: [span for span in own if span.start_ms < until and span.end_ms > since]
        for machine, own in spans.items()
    }
    closed = [each.name for each in calendar.closures if each.first <= day <= each.last]
    holiday = "" if calendar.works_on_holidays else public_holidays(day.year, language).get(day, "")
    why = next((name for name in (*closed, holiday) if name), "")
    return OpenDay(day, tuple(_bars(near, since, until)), _hours(near, since, until), why)


def _bars(spans: Mapping[str, Sequence[Span]], since_ms: int, until_ms: int) -> list[OpenBar]:
    edges = {since_ms, until_ms}
    for own in spans.values():
        for span in own:
            edges |= {max(span.start_ms, since_ms), min(span.end_ms, until_ms)}
    found: list[tuple[int, int, int]] = []
    for start, end in pairwise(sorted(edges)):
        count = round(_hours(spans, start, end) * 3_600_000 / (end - start))
        if found and found[-1][1:] == (start, count):
            start = found.pop()[0]  # noqa: PLW2901 (goes on from where the one before began)
        if count:
            found.append((start, end, count))
    length = until_ms - since_ms
    return [
        OpenBar((start - since_ms) / length, (end - start) / length, count / len(spans), start, end, count)
        for start, end, count in found
    ]
