"""What a change of a profile changed: two profiles in, a short list for the audit log out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aggregator.model.calendar import Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Declared, FactoryProfile

MOST_NAMED = 20
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PARTS = ("shifts", "machine_shifts", "works_on_holidays", "closures", "planned_stops", "overtime")


def changes(before: FactoryProfile, after: FactoryProfile) -> dict[str, Any]:
    """Return the new revision and, by field, what was removed and added, or the values before and after."""
    said: dict[str, Any] = {"revision": after.revision}
    if before.reserve != after.reserve:
        said["reserve"] = [before.reserve, after.reserve]
    said |= _calendar_changes(before.calendar or Calendar(), after.calendar or Calendar())
    if (before.calendar is None) != (after.calendar is None):
        said["calendar"] = "removed" if after.calendar is None else "entered"
    machines = sorted(before.abilities.keys() | after.abilities.keys())
    changed = [name for name in machines if before.abilities.get(name) != after.abilities.get(name)]
    if changed:
        said["abilities"] = changed[:MOST_NAMED]
    if before.declared != after.declared:
        said["declared"] = _removed_and_added(before.declared, after.declared)
    return said


def _calendar_changes(before: Calendar, after: Calendar) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name in _PARTS:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        said[name] = [old, new] if isinstance(new, bool) else _removed_and_added(old, new)
    return said


def _removed_and_added(old: Iterable[object], new: Iterable[object]) -> dict[str, list[str]]:
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    removed = [_short(entry) for entry in before if entry not in after]
    added = [_short(entry) for entry in after if entry not in before]
    said = {"removed": removed, "added": added}
    return {
        name: [*each[:MOST_NAMED], f"and {len(each) - MOST_NAMED} more"] if len(each) > MOST_NAMED else each
        for name, each in said.items()
    }


def _short(entry: object) -> str:
    """Return an entry of a profile as people would say it; moments are UTC."""
    match entry:
        case Shift():
            return _shift(entry)
        case (str(machine), tuple(shifts)):
            return f"{machine}: {'; '.join(map(_shift, shifts)) or 'no working hours'}"
        case Closure(first, last, name):
            return _joined(f"{first} to {last}", name)
        case PlannedStop(start_ms, end_ms, machine, name) | Overtime(start_ms, end_ms, machine, _, name):
            return _joined(f"{_utc(start_ms)} to {_utc(end_ms)}", machine or "", name)
        case Declared(process, hours, week):
            return _joined(f"{process} {hours:g} h", week or "every week")
    return str(entry)


def _shift(shift: Shift) -> str:
    days = " ".join(_DAYS[day] for day in sorted(shift.days))
    breaks = [f"{_clock(rest.start_min)}-{_clock(rest.end_min)}" for rest in shift.breaks]
    staff = {None: "", 0: "unmanned"}.get(shift.staff, f"staff {shift.staff}")
    times = f"{days} {_clock(shift.start_min)}-{_clock(shift.end_min)}"
    return _joined(times, f"breaks {' '.join(breaks)}" if breaks else "", staff)


def _clock(minutes: int) -> str:
    """Return `30:00` for 6:00 of the next day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%MZ}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
