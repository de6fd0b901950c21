"""What a change of a profile changed: two profiles in, a short list for the audit log out."""

from collections.abc import Iterable
from typing import Any

from aggregator.model.calendar import Calendar
from aggregator.model.factory_profile import FactoryProfile

MOST_NAMED = 20
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
    before, after = list(old), list(new)
    removed = [str(entry) for entry in before if entry not in after]
    added = [str(entry) for entry in after if entry not in before]
    return {"removed": removed[:MOST_NAMED], "added": added[:MOST_NAMED]}
