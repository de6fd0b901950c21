"""When a factory works: shifts, closures, planned stops and overtime, as its people enter them.

All clock times are local to the federation's zone; minutes count from local midnight and go beyond
1,440 where a shift ends on the next day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

DAY_MIN = 1440
"""Minutes of a day on the clock."""


@dataclass(frozen=True, slots=True)
class Break:
    """Minutes from the local midnight on which the shift began."""

    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Shift:
    """Work that begins on the weekdays `days` (0 is Monday) and lasts from `start_min` to `end_min`.

    `staff` is how many of the factory's machines its people can tend at once: None all of them, 0 unmanned
    (machines may run, but such hours are never capacity).
    """

    days: frozenset[int]
    start_min: int
    end_min: int
    breaks: tuple[Break, ...] = ()
    staff: int | None = None

    @property
    def work_min(self) -> int:
        """Minutes between the breaks; below 0 if the breaks are longer than the shift."""
        return self.end_min - self.start_min - sum(rest.end_min - rest.start_min for rest in self.breaks)


def over_midnight(
    start_min: int, end_min: int, breaks: Iterable[tuple[int, int]]
) -> tuple[int, tuple[Break, ...]]:
    """Return end and breaks of a shift told in clock times; what is before its start is the next day's."""
    end_min += DAY_MIN if end_min <= start_min else 0
    rests = []
    for first, last in breaks:
        first_min = first + (DAY_MIN if first < start_min else 0)
        rests.append(Break(first_min, last + (DAY_MIN if last < first_min else 0)))
    return end_min, tuple(rests)


@dataclass(frozen=True, slots=True)
class Closure:
    """Days on which no shift begins: お盆, 年末年始, …; both ends count."""

    first: date
    last: date
    name: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """`[start_ms, end_ms)` (UTC ms) without capacity; of one machine, or of the whole factory (None)."""

    start_ms: int
    end_ms: int
    machine: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Overtime:
    """`[start_ms, end_ms)` (UTC ms) of extra work, also on closed days; `staff` as in `Shift`."""

    start_ms: int
    end_ms: int
    machine: str | None = None
    staff: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A factory's calendar; `machine_shifts` are of machines that work at other times than the rest.

    On a public holiday no shift begins unless `works_on_holidays`.
    """

    shifts: tuple[Shift, ...] = ()
    machine_shifts: tuple[tuple[str, tuple[Shift, ...]], ...] = ()
    works_on_holidays: bool = False
    closures: tuple[Closure, ...] = ()
    planned_stops: tuple[PlannedStop, ...] = ()
    overtime: tuple[Overtime, ...] = ()
