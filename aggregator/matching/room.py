"""Whether a plan's work fits beside earlier orders: lots and offers in, the minutes that are lacking out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.matching.cell import Cell, Machines
from aggregator.matching.offer import Market
from aggregator.model.capacity import CellKey
from aggregator.model.proposal import Lot
from aggregator.model.week import Week

Work = tuple[Machines, int]


@dataclass(frozen=True, slots=True)
class Shortage:
    """`minutes` more than the cell has on P10 in that week; of `machines` only, when they are named."""

    factory: str
    process: str
    week: Week
    minutes: int
    machines: tuple[str, ...] = ()


def shortages(market: Market, lots: Iterable[Lot], processes: Mapping[str, str]) -> list[Shortage]:
    """Return where the lots find too little room; nothing when all fit. `processes` are by step."""
    offers = {offer.key: offer for offer in market.offers}
    found: list[Shortage] = []
    for (key, week), works in sorted(work_by_cell(lots, processes).items()):
        offer = offers.get(key)
        offered = offer is not None and any(each.week == week for each in offer.weeks)
        if offer is None or not offered:
            found.append(Shortage(*key, week, sum(minutes for _, minutes in works)))
            continue
        worst = _worst(Cell(offer, [week]), week, works)
        if worst:
            found.append(worst)
    return found


def work_by_cell(lots: Iterable[Lot], processes: Mapping[str, str]) -> dict[tuple[CellKey, Week], list[Work]]:
    """Return the machines and minutes of each lot's work, by the cell and week that it falls in."""
    found: dict[tuple[CellKey, Week], list[Work]] = {}
    for lot in lots:
        for work in lot.work:
            cell = (CellKey(lot.factory, processes[lot.step]), work.week)
            found.setdefault(cell, []).append((frozenset(lot.machines), work.minutes))
    return found


def _worst(cell: Cell, week: Week, works: Sequence[Work]) -> Shortage | None:
    """Return the largest shortage that the work has a part in; machines that are gone can do nothing."""
    key = cell.offer.key
    gone = sum(minutes for machines, minutes in works if not machines & cell.all)
    if gone:
        return Shortage(*key, week, gone)
    present = [(machines & cell.all, minutes) for machines, minutes in works]
    worst: Shortage | None = None
    for limit in cell.limits(0, [machines for machines, _ in present]):
        needed = sum(minutes for machines, minutes in present if machines <= limit.machines)
        if needed - limit.free > (worst.minutes if worst else 0):
            named = () if limit.machines == cell.all else tuple(sorted(limit.machines))
            worst = Shortage(*key, week, needed - limit.free, named)
    return worst
