"""What cannot be right in a factory's profile: a profile in, the places and reasons out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from aggregator.model.calendar import DAY_MIN, Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.model.text import shows
from aggregator.model.week import Week

MAX_STAFF = 1_000
MAX_WORDS = 50
MAX_LENGTH = 120
MAX_ENTRIES = 5_000
MAX_CLOSURE_DAYS = 366
MAX_SIZE_MM = 100_000.0
MAX_TOLERANCE_UM = 100_000.0
MAX_TONNAGE_KN = 1_000_000.0
MAX_HOURS = 100_000.0
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2099
MAX_EVENT_MS = 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Fault:
    """`place` reads `calendar.shifts[1].end_min`; `reason` is a sentence below, filled by `values`."""

    place: str
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.place}: {self.reason.format(**self.values)}"


NO_DAY = "choose at least one weekday"
WRONG_DAY = "weekdays are 0 (Monday) to 6 (Sunday)"
START_OF_DAY = "has to be between 0:00 and 23:59"
ENDS_EARLY = "ends before it starts"
TOO_LONG_SHIFT = "lasts longer than 24 hours"
BREAK_OUTSIDE = "lies outside the shift"
BETWEEN = "has to be between {least} and {most}"
TOO_MANY = "may have at most {most} entries"
TOO_LONG_TEXT = "may have at most {most} characters, all of them visible"
TWICE = "stands here twice"
EMPTY = "is empty"
TOO_LONG_CLOSURE = "may last at most {most} days"
FAR_YEAR = "has to lie between the years 2000 and 2099"
NO_WEEK = "is no ISO week such as 2026-W48"
POSITIVE = "has to be more than 0 and at most {most}"


def faults_of(profile: FactoryProfile) -> list[Fault]:
    """Return all that keeps the profile from being saved, in the order of its fields."""
    found = list(_number("reserve", profile.reserve, 0, 1))
    if profile.calendar is not None:
        found += _calendar(profile.calendar)
    for machine, abilities in profile.abilities.items():
        found += _text("abilities", machine)
        found += _abilities(f"abilities.{machine}", abilities)
    found += _many("abilities", len(profile.abilities))
    found += _declared(profile.declared)
    return found


def _calendar(calendar: Calendar) -> Iterator[Fault]:
    for index, shift in enumerate(calendar.shifts):
        yield from _shift(f"calendar.shifts[{index}]", shift)
    for number, (machine, shifts) in enumerate(calendar.machine_shifts):
        place = f"calendar.machine_shifts[{number}]"
        yield from _text(f"{place}.machine", machine)
        if not machine:
            yield Fault(f"{place}.machine", EMPTY)
        for index, shift in enumerate(shifts):
            yield from _shift(f"{place}.shifts[{index}]", shift)
    yield from _twice("calendar.machine_shifts", [machine for machine, _ in calendar.machine_shifts])
    for index, closure in enumerate(calendar.closures):
        yield from _closure(f"calendar.closures[{index}]", closure)
    for index, stop in enumerate(calendar.planned_stops):
        yield from _event(f"calendar.planned_stops[{index}]", stop)
    for index, extra in enumerate(calendar.overtime):
        yield from _event(f"calendar.overtime[{index}]", extra)
    for name in ("shifts", "machine_shifts", "closures", "planned_stops", "overtime"):
        yield from _many(f"calendar.{name}", len(getattr(calendar, name)))


def _shift(place: str, shift: Shift) -> Iterator[Fault]:
    if not shift.days:
        yield Fault(f"{place}.days", NO_DAY)
    if any(not 0 <= day <= 6 for day in shift.days):
        yield Fault(f"{place}.days", WRONG_DAY)
    if not 0 <= shift.start_min < DAY_MIN:
        yield Fault(f"{place}.start_min", START_OF_DAY)
    if shift.end_min <= shift.start_min:
        yield Fault(f"{place}.end_min", ENDS_EARLY)
    if shift.end_min - shift.start_min > DAY_MIN:
        yield Fault(f"{place}.end_min", TOO_LONG_SHIFT)
    yield from _staff(place, shift.staff)
    yield from _many(f"{place}.breaks", len(shift.breaks))
    for index, rest in enumerate(shift.breaks):
        yield from _break(f"{place}.breaks[{index}]", rest, shift)


def _break(place: str, rest: Break, shift: Shift) -> Iterator[Fault]:
    if rest.end_min <= rest.start_min:
        yield Fault(f"{place}.end_min", ENDS_EARLY)
    elif rest.start_min < shift.start_min:
        yield Fault(f"{place}.start_min", BREAK_OUTSIDE)
    elif rest.end_min > shift.end_min:
        yield Fault(f"{place}.end_min", BREAK_OUTSIDE)


def _closure(place: str, closure: Closure) -> Iterator[Fault]:
    yield from _text(f"{place}.name", closure.name)
    if closure.last < closure.first:
        yield Fault(f"{place}.last", ENDS_EARLY)
    elif (closure.last - closure.first).days >= MAX_CLOSURE_DAYS:
        yield Fault(f"{place}.last", TOO_LONG_CLOSURE, {"most": MAX_CLOSURE_DAYS})
    if not 2000 <= closure.first.year <= 2099:
        yield Fault(f"{place}.first", FAR_YEAR)


def _event(place: str, event: PlannedStop | Overtime) -> Iterator[Fault]:
    yield from _text(f"{place}.name", event.name)
    yield from _text(f"{place}.machine", event.machine or "")
    if event.end_ms <= event.start_ms:
        yield Fault(f"{place}.end", ENDS_EARLY)
    elif event.end_ms - event.start_ms > MAX_EVENT_MS:
        yield Fault(f"{place}.end", TOO_LONG_CLOSURE, {"most": MAX_CLOSURE_DAYS})
    if not EARLIEST_MS <= event.start_ms < LATEST_MS:
        yield Fault(f"{place}.start", FAR_YEAR)
    if isinstance(event, Overtime):
        yield from _staff(place, event.staff)


def _abilities(place: str, abilities: Abilities) -> Iterator[Fault]:
    for name in ("materials", "others"):
        words: frozenset[str] = getattr(abilities, name)
        if len(words) > MAX_WORDS:
            yield Fault(f"{place}.{name}", TOO_MANY, {"most": MAX_WORDS})
        for word in sorted(words):
            yield from _text(f"{place}.{name}", word)
    yield from _positive(f"{place}.tolerance_um", abilities.tolerance_um, MAX_TOLERANCE_UM)
    yield from _positive(f"{place}.tonnage_kn", abilities.tonnage_kn, MAX_TONNAGE_KN)
    for size in (abilities.size_mm or ())[:3]:
        yield from _positive(f"{place}.size_mm", size, MAX_SIZE_MM)


def _declared(declared: Sequence[Declared]) -> Iterator[Fault]:
    yield from _many("declared", len(declared))
    for index, entry in enumerate(declared):
        place = f"declared[{index}]"
        if not entry.process:
            yield Fault(f"{place}.process", EMPTY)
        yield from _text(f"{place}.process", entry.process)
        yield from _number(f"{place}.hours", entry.hours, 0, MAX_HOURS)
        if entry.week is not None and not _is_week(entry.week):
            yield Fault(f"{place}.week", NO_WEEK)
    yield from _twice("declared", [(entry.process, entry.week) for entry in declared])


def _is_week(text: str) -> bool:
    try:
        Week.parse(text)
    except ValueError:
        return False
    return True


def _staff(place: str, staff: int | None) -> Iterator[Fault]:
    if staff is not None:
        yield from _number(f"{place}.staff", staff, 0, MAX_STAFF)


def _number(place: str, number: float, least: float, most: float) -> Iterator[Fault]:
    if not isfinite(number) or not least <= number <= most:
        yield Fault(place, BETWEEN, {"least": f"{least:g}", "most": f"{most:,g}"})


def _positive(place: str, number: float | None, most: float) -> Iterator[Fault]:
    if number is not None and (not isfinite(number) or not 0 < number <= most):
        yield Fault(place, POSITIVE, {"most": f"{most:,.0f}"})


def _text(place: str, text: str) -> Iterator[Fault]:
    if len(text) > MAX_LENGTH or not shows(text):
        yield Fault(place, TOO_LONG_TEXT, {"most": MAX_LENGTH})


def _many(place: str, count: int) -> Iterator[Fault]:
    if count > MAX_ENTRIES:
        yield Fault(place, TOO_MANY, {"most": MAX_ENTRIES})


def _twice(place: str, keys: Iterable[object]) -> Iterator[Fault]:
    found = list(keys)
    doubled = {key for key, count in Counter(found).items() if count > 1}
    yield from (
        Fault(f"{place}[{index}]", TWICE)
        for index, key in enumerate(found)
        if key in doubled and key in found[:index]
    )
