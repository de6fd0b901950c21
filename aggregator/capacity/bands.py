"""What factories are told of each other's spare hours: hours of a day and groups in, bands out. Pure.

Nobody may find out one factory's figure, however cleverly they ask:

- A band is the sum (P50) of a group of others, never of fewer than three, each with a number and agreeing;
  the one who looks is left out of it, so that their own figure is no key to the rest.
- If one of the others has more than 70 % of the sum, nothing is told: the band would be theirs.
- The lowest band reaches from nothing to 20 hours: "all have nothing" would tell every single figure.
- Of one process and week only one group is ever told. Who joins counts from weeks on that were never told;
  if one leaves, the weeks told with them fall silent. So no two answers differ by one factory.
- The hours are those of the day's first look: what moves during the day can not be watched.
- No sum over weeks or processes is told: there is nothing to subtract from.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aggregator.model.capacity import SpareCell
from aggregator.model.week import Week

LEAST_FACTORIES = 3
LARGEST_SHARE = 0.7
SOME_H, PLENTY_H = 20.0, 60.0

Place = tuple[str, Week]
"""A process and a week."""
Group = frozenset[str]


class Band(StrEnum):
    """Hours of all others together: `little` is 0 to 20, `some` 20 to 60, `plenty` from 60 on."""

    LITTLE = "little"
    SOME = "some"
    PLENTY = "plenty"


EDGES_H: Mapping[Band, tuple[float, float | None]] = {
    Band.LITTLE: (0.0, SOME_H),
    Band.SOME: (SOME_H, PLENTY_H),
    Band.PLENTY: (PLENTY_H, None),
}
"""From (included), to (not included; None: no end)."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a day's bands are made of: hours by factory, and the group, of each process and week."""

    hours: Mapping[Place, Mapping[str, float]] = field(default_factory=dict)
    groups: Mapping[Place, Group] = field(default_factory=dict)


def hours_of(cells: Iterable[SpareCell]) -> dict[Place, dict[str, float]]:
    """Return the P50 of everyone who has a number."""
    found: dict[Place, dict[str, float]] = {}
    for cell in cells:
        if cell.spare is not None:
            found.setdefault((cell.key.process, cell.week), {})[cell.key.factory] = cell.spare.p50
    return found


def grouped(
    groups: Mapping[Place, Group], hours: Mapping[Place, Mapping[str, float]], agreed: Collection[str]
) -> dict[Place, Group]:
    """Return the groups, with new ones where there was none and enough factories agree and have a number."""
    members = {place: frozenset(own) & frozenset(agreed) for place, own in hours.items()}
    fresh = {place: group for place, group in members.items() if len(group) >= LEAST_FACTORIES}
    return {**fresh, **groups}


def band_of(fixed: Fixed, place: Place, viewer: str, agreed: Collection[str]) -> Band | None:
    """Return what the viewer is told of all others; None: nothing, and not why.

    `agreed` is who agrees at this very moment.
    """
    others = fixed.groups.get(place, frozenset()) - {viewer}
    hours = fixed.hours.get(place, {})
    if len(others) < LEAST_FACTORIES or not all(each in hours and each in agreed for each in others):
        return None
    total = sum(hours[each] for each in sorted(others))
    if max(hours[each] for each in others) > LARGEST_SHARE * total:
        return None
    if total < SOME_H:
        return Band.LITTLE
    return Band.SOME if total < PLENTY_H else Band.PLENTY
