"""What matching can choose from: cells, abilities and jobs in, the market out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import ceil

from aggregator.capacity.committed import Minutes
from aggregator.matching.offer import Market, Offer, OfferedMachine, OfferWeek, Taken
from aggregator.model.capacity import CellKey, SpareCell
from aggregator.model.factory_profile import Abilities, FactoryProfile
from aggregator.model.job import Job

Held = Mapping[CellKey, Sequence[tuple[Job, Minutes]]]
"""Open jobs and the minutes that they still need in each week, by the cell that they hold."""

_UNSAID = Abilities()


def market_of(
    cells: Iterable[SpareCell],
    profiles: Mapping[str, FactoryProfile],
    held: Held,
    good_share: Mapping[CellKey, float],
) -> Market:
    """Return what there is to choose from; `cells` are in their order, by cell and then by week.

    Minutes offered are rounded down, minutes taken are rounded up: nobody is promised what is not there.
    """
    offers, silent = [], []
    for key, grouped in groupby(cells, key=lambda cell: cell.key):
        weeks = list(grouped)
        if any(week.gross is None for week in weeks):
            silent.append(key)
            continue
        abilities = profiles[key.factory].abilities if key.factory in profiles else {}
        offers.append(
            Offer(
                key,
                _machines(weeks, abilities),
                tuple(_week(week, held.get(key, ())) for week in weeks),
                good_share.get(key, 1.0),
            )
        )
    return Market(tuple(offers), tuple(silent))


def _machines(weeks: Sequence[SpareCell], abilities: Mapping[str, Abilities]) -> tuple[OfferedMachine, ...]:
    ids = [machine.machine for machine in weeks[0].machines]
    return tuple(
        OfferedMachine(
            id_, abilities.get(id_, _UNSAID), tuple(_down(week.machines[at].pbt_h) for week in weeks)
        )
        for at, id_ in enumerate(ids)
    )


def _week(cell: SpareCell, held: Sequence[tuple[Job, Minutes]]) -> OfferWeek:
    assert cell.gross is not None
    taken = tuple(
        Taken(frozenset({job.machine}) if job.machine else job.machines, ceil(minutes[cell.week]))
        for job, minutes in held
        if cell.week in minutes
    )
    return OfferWeek(cell.week, _down(cell.gross.p10), _down(cell.gross.p50), _down(cell.gross.p90), taken)


def _down(hours: float) -> int:
    """Whole minutes; what is a hair below one for want of precision is that minute."""
    return int(hours * 60 + 1e-6)
