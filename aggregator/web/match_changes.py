"""The form that changes a plan: what was chosen for each lot in, changes out. Pure."""

from collections.abc import Mapping
from datetime import date

from aggregator.model.proposal import Plan
from aggregator.model.week import Week
from aggregator.planning.edit import LotChange
from aggregator.planning.errors import EditRefused

WEEKS = 12


def weeks_ahead(today: date) -> list[Week]:
    """Return the weeks that can be chosen."""
    return [Week.of(today).later(number) for number in range(WEEKS)]


def changes_of(plan: Plan, fields: Mapping[str, str], today: date) -> list[LotChange]:
    """Return a change for every lot that is to go elsewhere or into chosen weeks; raises EditRefused."""
    changes = []
    for index, lot in enumerate(plan.lots):
        factory = fields.get(f"lots.{index}.factory") or lot.factory
        weeks = _weeks(fields.get(f"lots.{index}.first", ""), fields.get(f"lots.{index}.last", ""), today)
        if factory != lot.factory or weeks:
            changes.append(LotChange(lot.step, lot.factory, factory, weeks))
    return changes


def _weeks(first: str, last: str, today: date) -> tuple[Week, ...]:
    """Return the weeks between the two; one that is left out is the first or the last there is."""
    if not first and not last:
        return ()
    ahead = weeks_ahead(today)
    names = [str(week) for week in ahead]
    if (first and first not in names) or (last and last not in names):
        raise EditRefused("weeks", "choose from the coming weeks")
    start = names.index(first) if first else 0
    end = names.index(last) if last else len(names) - 1
    if start > end:
        raise EditRefused("weeks", "the first week is behind the last")
    return tuple(ahead[start : end + 1])
