"""The free minutes of one factory's machines of a process, for any set of them, week by week."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from aggregator.matching.offer import Offer, Taken
from aggregator.model.week import Week

Machines = frozenset[str]


@dataclass(frozen=True, slots=True)
class Limit:
    """All new work on machines within `machines` together may take `free` minutes of the week."""

    machines: Machines
    free: int


class Cell:
    """One offer over the weeks of a problem.

    Works that need sets of machines fit together exactly if, for every union of such sets, the works within
    it need no more than its machines offer (Hall). Each machine offers its share of the cell's P10, by
    planned busy time.
    """

    def __init__(self, offer: Offer, weeks: Collection[Week]) -> None:
        self.offer = offer
        self.all: Machines = frozenset(machine.id for machine in offer.machines)
        self._index = {week: index for index, week in enumerate(weeks)}
        self._rows: list[_Row] = [_Row(0, 0, 0, {}, ())] * len(self._index)
        for position, week in enumerate(offer.weeks):
            if week.week in self._index:
                minutes = {each.id: _at(each.minutes, position) for each in offer.machines}
                taken = tuple(_within(each, self.all) for each in week.taken if each.minutes > 0)
                self._rows[self._index[week.week]] = _Row(
                    max(0, week.p10), week.p50, week.p90, minutes, taken
                )

    @property
    def p10_minutes(self) -> int:
        """P10 of all weeks together, taken work included."""
        return sum(row.p10 for row in self._rows)

    @property
    def taken_minutes(self) -> int:
        """What earlier orders hold of all weeks."""
        return sum(each.minutes for row in self._rows for each in row.taken)

    def spare(self, week: int, machines: Machines) -> tuple[float, float, float]:
        """Return what these machines have of P10, P50 and P90, taken work included, in minutes."""
        row = self._rows[week]
        planned = sum(row.minutes.values())
        share = sum(row.minutes.get(each, 0) for each in machines) / planned if planned else 0.0
        return row.p10 * share, row.p50 * share, row.p90 * share

    def limits(self, week: int, sets: Collection[Machines]) -> list[Limit]:
        """Return what binds works on `sets` in that week: one limit for each union of sets in play."""
        row = self._rows[week]
        return [
            Limit(union, row.room(union))
            for union in unions([*sets, *(each.machines for each in row.taken)])
            if any(each <= union for each in sets)
        ]

    def free(self, week: int, machines: Machines) -> int:
        """Return the minutes that work on these machines can have, if nothing else is added."""
        if not machines:
            return 0
        limits = self.limits(week, [machines])
        return max(0, min(each.free for each in limits if machines <= each.machines))


@dataclass(frozen=True, slots=True)
class _Row:
    """Spare minutes, planned minutes by machine and taken work of one week."""

    p10: int
    p50: int
    p90: int
    minutes: dict[str, int]
    taken: tuple[Taken, ...]

    def room(self, machines: Machines) -> int:
        """Return P10 of these machines less what is taken of nothing but them."""
        planned = sum(self.minutes.values())
        offered = self.p10 * sum(self.minutes.get(each, 0) for each in machines) // planned if planned else 0
        return offered - sum(each.minutes for each in self.taken if each.machines <= machines)


def unions(sets: Iterable[Machines]) -> list[Machines]:
    """Return every union of one or more of the sets, each once: up to 2 to the power of the sets in play."""
    found: dict[Machines, None] = {}
    singles = list(dict.fromkeys(each for each in sets if each))
    for single in singles:
        for other in [*found]:
            found.setdefault(other | single)
        found.setdefault(single)
    return list(found)


def _at(values: tuple[int, ...], position: int) -> int:
    return values[position] if position < len(values) else 0


def _within(taken: Taken, machines: Machines) -> Taken:
    """Work on machines that are no longer there weighs on all of the cell."""
    return Taken((taken.machines & machines) or machines, taken.minutes)
