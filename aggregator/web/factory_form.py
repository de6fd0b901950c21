"""The form of a factory's profile as text: a profile or what a browser posted in, rows of fields out.

A field's name is its way through the rows: `shifts.0.breaks.1.start`. Nothing is checked here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from aggregator.model.calendar import DAY_MIN, Calendar, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, FactoryProfile
from aggregator.web.entered_text import number_text

MAX_SHOWN = 60
"""Of closures, stops and overtime so many are shown; what is over is not, but kept."""

Fields = Mapping[str, Sequence[str]]
"""What was posted: every value by the field's name."""


@dataclass(slots=True)
class BreakRow:
    """Clock times such as `12:00`."""

    start: str = ""
    end: str = ""


@dataclass(slots=True)
class ShiftRow:
    """`machine` is empty for the whole factory, `staff` empty for all machines tended."""

    machine: str = ""
    days: list[str] = field(default_factory=list)
    start: str = ""
    end: str = ""
    staff: str = ""
    unmanned: str = ""
    breaks: list[BreakRow] = field(default_factory=list)


@dataclass(slots=True)
class ClosureRow:
    """Dates such as `2026-08-13`."""

    first: str = ""
    last: str = ""
    name: str = ""


@dataclass(slots=True)
class EventRow:
    """A planned stop, or overtime; local times such as `2026-08-13T08:00`."""

    machine: str = ""
    start: str = ""
    end: str = ""
    staff: str = ""
    name: str = ""


@dataclass(slots=True)
class MachineRow:
    """What one machine can take; `idle`: it has no working hours at all."""

    id: str = ""
    idle: str = ""
    materials: str = ""
    tolerance: str = ""
    length: str = ""
    width: str = ""
    height: str = ""
    tonnage: str = ""
    others: str = ""


@dataclass(slots=True)
class DeclaredRow:
    """Hours a week; `week` is empty for every other week."""

    process: str = ""
    week: str = ""
    hours: str = ""


@dataclass(slots=True)
class Draft:
    """The whole form; `shown_from` is the day before which nothing was shown."""

    revision: int
    shown_from: date
    reserve: str = ""
    works_on_holidays: str = ""
    shifts: list[ShiftRow] = field(default_factory=list)
    closures: list[ClosureRow] = field(default_factory=list)
    stops: list[EventRow] = field(default_factory=list)
    overtime: list[EventRow] = field(default_factory=list)
    machines: list[MachineRow] = field(default_factory=list)
    declared: list[DeclaredRow] = field(default_factory=list)


Row = TypeVar("Row", BreakRow, ShiftRow, ClosureRow, EventRow, MachineRow, DeclaredRow)


def draft_of(profile: FactoryProfile, machines: Sequence[str], shown_from: date, zone: ZoneInfo) -> Draft:
    """Return the form that shows a stored profile."""
    calendar = profile.calendar or Calendar()
    shown = shown_part(calendar, shown_from, zone)
    own = dict(calendar.machine_shifts)
    return Draft(
        revision=profile.revision,
        shown_from=shown_from,
        reserve=number_text(profile.reserve * 100),
        works_on_holidays="on" if calendar.works_on_holidays else "",
        shifts=[_shift_row("", shift) for shift in calendar.shifts]
        + [_shift_row(machine, shift) for machine in machines for shift in own.get(machine, ())],
        closures=[
            ClosureRow(each.first.isoformat(), each.last.isoformat(), each.name) for each in shown.closures
        ],
        stops=[_event_row(stop, "", zone) for stop in shown.planned_stops],
        overtime=[
            _event_row(extra, "" if extra.staff is None else str(extra.staff), zone)
            for extra in shown.overtime
        ],
        machines=[
            _machine_row(id_, profile.abilities.get(id_, Abilities()), own.get(id_) == ()) for id_ in machines
        ],
        declared=[
            DeclaredRow(each.process, each.week or "", number_text(each.hours)) for each in profile.declared
        ],
    )


def shown_part(calendar: Calendar, shown_from: date, zone: ZoneInfo) -> Calendar:
    """Return of closures, stops and overtime what the form shows: the first that are not over."""
    from_ms = round(datetime.combine(shown_from, datetime.min.time(), zone).timestamp() * 1000)
    return Calendar(
        closures=tuple(each for each in calendar.closures if each.last >= shown_from)[:MAX_SHOWN],
        planned_stops=tuple(each for each in calendar.planned_stops if each.end_ms > from_ms)[:MAX_SHOWN],
        overtime=tuple(each for each in calendar.overtime if each.end_ms > from_ms)[:MAX_SHOWN],
    )


def hidden_counts(calendar: Calendar | None, shown_from: date, zone: ZoneInfo) -> dict[str, int]:
    """Return by section how many entries the form keeps without showing them."""
    known = calendar or Calendar()
    shown = shown_part(known, shown_from, zone)
    return {
        "closures": len(known.closures) - len(shown.closures),
        "stops": len(known.planned_stops) - len(shown.planned_stops),
        "overtime": len(known.overtime) - len(shown.overtime),
    }


def read_draft(posted: Fields) -> Draft:
    """Return what a browser posted; raises ValueError when it is no form of ours."""
    return Draft(
        revision=int(_last(posted, "revision")),
        shown_from=date.fromisoformat(_last(posted, "shown_from")),
        reserve=_last(posted, "reserve"),
        works_on_holidays=_last(posted, "works_on_holidays"),
        shifts=[_shift_read(posted, prefix) for prefix in _prefixes(posted, "shifts")],
        closures=_rows(posted, "closures", ClosureRow),
        stops=_rows(posted, "stops", EventRow),
        overtime=_rows(posted, "overtime", EventRow),
        machines=_rows(posted, "machines", MachineRow),
        declared=_rows(posted, "declared", DeclaredRow),
    )


def clock(minutes: int) -> str:
    """Return minutes after midnight as the clock shows them: `06:00` for 1,800 too."""
    return f"{minutes % DAY_MIN // 60:02}:{minutes % 60:02}"


def local_text(at_ms: int, zone: ZoneInfo) -> str:
    """Return a moment as the browser's field takes it, with seconds only where there are some."""
    at = datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)
    return at.isoformat(timespec="seconds" if at.second else "minutes")


def _shift_row(machine: str, shift: Shift) -> ShiftRow:
    return ShiftRow(
        machine,
        [str(day) for day in sorted(shift.days)],
        clock(shift.start_min),
        clock(shift.end_min),
        str(shift.staff) if shift.staff else "",
        "on" if shift.staff == 0 else "",
        [BreakRow(clock(rest.start_min), clock(rest.end_min)) for rest in shift.breaks],
    )


def _event_row(event: PlannedStop | Overtime, staff: str, zone: ZoneInfo) -> EventRow:
    start, end = local_text(event.start_ms, zone), local_text(event.end_ms, zone)
    return EventRow(event.machine or "", start, end, staff, event.name)


def _machine_row(machine: str, abilities: Abilities, idle: bool) -> MachineRow:
    length, width, height = abilities.size_mm or (None, None, None)
    return MachineRow(
        machine,
        "on" if idle else "",
        ", ".join(sorted(abilities.materials)),
        number_text(abilities.tolerance_um),
        number_text(length),
        number_text(width),
        number_text(height),
        number_text(abilities.tonnage_kn),
        ", ".join(sorted(abilities.others)),
    )


def _shift_read(posted: Fields, prefix: str) -> ShiftRow:
    row = _row(posted, prefix, ShiftRow)
    row.days = list(posted.get(f"{prefix}.days", ()))
    row.breaks = _rows(posted, f"{prefix}.breaks", BreakRow)
    return row


def _rows(posted: Fields, section: str, kind: type[Row]) -> list[Row]:
    return [_row(posted, prefix, kind) for prefix in _prefixes(posted, section)]


def _row(posted: Fields, prefix: str, kind: type[Row]) -> Row:
    names = [item.name for item in fields(kind) if item.type is str]
    texts: dict[str, Any] = {name: _last(posted, f"{prefix}.{name}") for name in names}
    return kind(**texts)


def _prefixes(posted: Fields, section: str) -> list[str]:
    """Return the rows of a section in their order: `closures.0`, `closures.1`."""
    begins = re.compile(rf"{re.escape(section)}\.(\d{{1,4}})\.")
    numbers = {int(match[1]) for name in posted if (match := begins.match(name))}
    return [f"{section}.{index}" for index in sorted(numbers)]


def _last(posted: Fields, name: str) -> str:
    values = posted.get(name) or ("",)
    return values[-1].strip()
