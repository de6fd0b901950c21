"""Working hours for a demo: a factory's shifts and the present in, shifts that are open now out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agent.simulator.plant import Factory
from agent.simulator.shifts import DAY_MIN, Shift, joined, open_ms
from agent.simulator.tables import WEEKDAYS

OPEN_FOR_MIN = 90
"""How long ago a moved factory opened."""
STAYS_OPEN_MIN = 30
"""A factory that closes sooner than this counts as closed."""


def is_open(factory: Factory, now: datetime) -> bool:
    """Tell whether the factory is open now and stays so for a while; in a break it is open."""
    shifts = [replace(shift, breaks=()) for shift in factory.shifts]
    today = now.astimezone(factory.zone).date()
    days = (today, today + timedelta(days=1))
    now_ms = round(now.timestamp() * 1000)
    until_ms = now_ms + STAYS_OPEN_MIN * 60_000
    stretches = joined(span for day in days for span in open_ms(shifts, factory.closed, factory.zone, day))
    return any(start <= now_ms and until_ms <= end for start, end in stretches)


def moved(factory: Factory, now: datetime) -> tuple[list[Shift], int]:
    """Return the shifts, moved together so that the first began some 1.5 h ago, and by how many weekdays.

    The weekdays move with them, so that it is the middle of the working week: yesterday has figures too.
    """
    opening = now.astimezone(factory.zone) - timedelta(minutes=OPEN_FOR_MIN)
    opening_min = (opening.hour * 60 + opening.minute) // 5 * 5
    first = factory.shifts[0]
    worked = sorted(first.weekdays)
    days = (opening.weekday() - worked[len(worked) // 2]) % 7
    later_min = opening_min - first.start_min
    return [_later(shift, later_min, days) for shift in factory.shifts], days


def _later(shift: Shift, minutes: int, days: int) -> Shift:
    """Return the shift so many minutes and weekdays later; behind midnight it is the next day's."""
    start = shift.start_min + minutes
    days += start // DAY_MIN
    shift_by = minutes - start // DAY_MIN * DAY_MIN
    return Shift(
        frozenset((weekday + days) % 7 for weekday in shift.weekdays),
        shift.start_min + shift_by,
        shift.end_min + shift_by,
        tuple((begin + shift_by, end + shift_by) for begin, end in shift.breaks),
    )


def shift_table(shift: Shift) -> dict[str, object]:
    """Return the shift as a scenario file has it."""
    return {
        "days": [WEEKDAYS[weekday] for weekday in sorted(shift.weekdays)],
        "start": _clock(shift.start_min),
        "end": _clock(shift.end_min),
        "breaks": [f"{_clock(begin)}-{_clock(end)}" for begin, end in shift.breaks],
    }


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes % DAY_MIN, 60)
    return f"{hours:02}:{rest:02}"


def later_load(load: float | Sequence[float], days: int) -> float | list[float]:
    """Return the load of Monday to Sunday, moved by so many weekdays."""
    if isinstance(load, (int, float)):
        return load
    return [load[(weekday - days) % 7] for weekday in range(7)]
