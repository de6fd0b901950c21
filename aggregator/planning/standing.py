"""How a proposal stands against the capacity of this moment. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from aggregator.matching.offer import Market, OfferWeek
from aggregator.matching.problem import Problem, pose
from aggregator.matching.room import Shortage, shortages
from aggregator.model.capacity import CellKey
from aggregator.model.match import BasisCell, Match
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Backup, Lot, Plan
from aggregator.model.week import Week

Place = tuple[CellKey, Week]


@dataclass(frozen=True, slots=True)
class Change:
    """Minutes that a cell of the basis had free on P10 when the proposal was made, and has now.

    None: it has no measured number any more, or the week is over.
    """

    factory: str
    process: str
    week: Week
    before: int
    now: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """`shortages` keep it from being approved; `lost` are backups that no longer have the hours.

    `changed` are the cells of its basis that have less than they had.
    """

    shortages: tuple[Shortage, ...] = ()
    lost: tuple[Backup, ...] = ()
    changed: tuple[Change, ...] = ()

    @property
    def fits(self) -> bool:
        """Tell whether every hour of the plan is still there."""
        return not self.shortages

    @property
    def stale(self) -> bool:
        """Tell whether the plan no longer holds, or would cost more than was proposed."""
        return bool(self.shortages or self.lost)


def basis_cells(draft: OrderDraft, plan: Plan, market: Market) -> tuple[BasisCell, ...]:
    """Return the capacity that the plan and its backups rest on."""
    offered = _offered(market)
    return tuple(
        BasisCell(*key, week, offered[key, week].p10, _taken(offered[key, week]))
        for key, week in sorted(set(_places(draft, plan)))
        if (key, week) in offered
    )


def standing_of(match: Match, market: Market, today: date) -> Standing:
    """Return what of an open proposal's best plan does not hold any more."""
    draft, plan = match.draft, match.proposal.plans[0]
    market = _within(market, {key for key, _ in _places(draft, plan)})
    short = shortages(market, plan.lots, {step.id: step.process for step in draft.steps})
    problem = pose(draft, market, today, match.proposal.draw)
    lost = tuple(
        backup
        for lot, backup in _backed(plan)
        if backup.factory is not None and not _ready(problem, lot, backup.factory)
    )
    return Standing(tuple(short), lost, _changes(match, market) if short or lost else ())


def _ready(problem: Problem, lot: Lot, factory: str) -> bool:
    """Tell whether the factory could do the lot in the same weeks."""
    step = next(index for index, step in enumerate(problem.steps) if step.id == lot.step)
    candidate = next((each for each in problem.candidates[step] if each.factory == factory), None)
    if candidate is None:
        return False
    weeks = {work.week for work in lot.work}
    free = sum(f for week, f in zip(problem.horizon.weeks, candidate.free, strict=True) if week in weeks)
    return free >= problem.minutes(candidate, lot.pieces)


def _changes(match: Match, market: Market) -> tuple[Change, ...]:
    offered = _offered(market)
    found = []
    for cell in match.basis.cells:
        now = offered.get((CellKey(cell.factory, cell.process), cell.week))
        before, left = cell.p10 - cell.taken, now.p10 - _taken(now) if now else None
        if left is None or left < before:
            found.append(Change(cell.factory, cell.process, cell.week, before, left))
    return tuple(found)


def _places(draft: OrderDraft, plan: Plan) -> Iterator[Place]:
    processes = {step.id: step.process for step in draft.steps}
    backups = {(backup.step, backup.instead_of): backup.factory for backup in plan.backups}
    for lot in plan.lots:
        for factory in (lot.factory, backups.get((lot.step, lot.factory))):
            if factory is not None:
                yield from ((CellKey(factory, processes[lot.step]), work.week) for work in lot.work)


def _backed(plan: Plan) -> Iterator[tuple[Lot, Backup]]:
    lots = {(lot.step, lot.factory): lot for lot in plan.lots}
    yield from ((lots[each.step, each.instead_of], each) for each in plan.backups)


def _within(market: Market, keys: set[CellKey]) -> Market:
    return Market(tuple(offer for offer in market.offers if offer.key in keys))


def _offered(market: Market) -> dict[Place, OfferWeek]:
    return {(offer.key, week.week): week for offer in market.offers for week in offer.weeks}


def _taken(week: OfferWeek) -> int:
    return sum(each.minutes for each in week.taken)
