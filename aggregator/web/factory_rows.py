"""Buttons of the profile's form that add or take away rows: a form and a button in, the changed form out."""

from datetime import date, timedelta
from typing import Any

from aggregator.web.factory_form import BreakRow, ClosureRow, DeclaredRow, Draft, EventRow, ShiftRow

OBON = ((8, 13), (8, 16), "お盆")
NEW_YEAR = ((12, 29), (1, 3), "年末年始")
_SEASONS = {"obon": OBON, "new_year": NEW_YEAR}


def pressed(draft: Draft, button: str, today: date) -> None:
    """Do to the form what the button says; a button that fits no row changes nothing.

    `add.closures`, `add.shifts.0.breaks`, `drop.closures.1`, `drop.shifts.0.breaks.1`, `obon`, `new_year`.
    """
    verb, *way = button.split(".")
    if verb in _SEASONS:
        draft.closures.append(next_season(_SEASONS[verb], today))
    elif verb == "add" and way:
        _add(draft, way, today)
    elif verb == "drop" and len(way) > 1 and way[-1].isdecimal():
        rows = _rows(draft, way[:-1])
        if int(way[-1]) < len(rows):
            del rows[int(way[-1])]


def next_season(season: tuple[tuple[int, int], tuple[int, int], str], today: date) -> ClosureRow:
    """Return the closure of that season that is not over yet."""
    (first_month, first_day), (last_month, last_day), name = season
    for year in (today.year - 1, today.year, today.year + 1):
        first = date(year, first_month, first_day)
        last = date(year + (last_month < first_month), last_month, last_day)
        if last >= today:
            break
    return ClosureRow(first.isoformat(), last.isoformat(), name)


def _add(draft: Draft, way: list[str], today: date) -> None:
    monday = today + timedelta(days=7 - today.weekday())
    match way:
        case ["shifts"]:
            week = [str(day) for day in range(5)]
            draft.shifts.append(ShiftRow("", week, "08:00", "17:00", breaks=[BreakRow("12:00", "13:00")]))
        case ["shifts", index, "breaks"] if index.isdecimal() and int(index) < len(draft.shifts):
            draft.shifts[int(index)].breaks.append(BreakRow())
        case ["closures"]:
            draft.closures.append(ClosureRow())
        case ["stops"]:
            draft.stops.append(EventRow(start=f"{monday}T08:00", end=f"{monday}T12:00"))
        case ["overtime"]:
            saturday = today + timedelta(days=(5 - today.weekday()) % 7)
            draft.overtime.append(EventRow(start=f"{saturday}T08:00", end=f"{saturday}T12:00"))
        case ["declared"]:
            draft.declared.append(DeclaredRow())


def _rows(draft: Draft, way: list[str]) -> list[Any]:
    """Return the rows of a section; none for a section that is not there."""
    match way:
        case ["shifts", index, "breaks"] if index.isdecimal() and int(index) < len(draft.shifts):
            return draft.shifts[int(index)].breaks
        case [("shifts" | "closures" | "stops" | "overtime" | "declared") as section]:
            rows: list[Any] = getattr(draft, section)
            return rows
    return []
