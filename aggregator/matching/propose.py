"""Turns an order draft and the market into ranked plans, with what each choice is worth."""

from collections.abc import Sequence
from datetime import date

from aggregator.matching.offer import Market
from aggregator.matching.problem import Candidate, Problem, pose
from aggregator.matching.taken import with_taken
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Alternative, Backup, Finish, Lot, Plan, Proposal, Tiers, WeekWork


def propose(draft: OrderDraft, market: Market, today: date, draw: str, plans: int = 3) -> Proposal:
    """Return up to `plans` ranked plans for a draft without `faults`; always at least one.

    `today` is the local day. `draw` is published: the same input gives the same answer.
    """
    problem = pose(draft, market, today, draw)
    best = _first_fit(problem)
    without = tuple(
        Alternative(lot.step, lot.factory, _first_fit(problem.without(_index(problem, lot), lot.factory)))
        for lot in best.lots
    )
    others = sorted({each.plan for each in without} - {best}, key=lambda each: _cost(each.tiers))
    return Proposal((best, *others)[:plans], without, draw)


def propose_many(
    drafts: Sequence[OrderDraft], market: Market, today: date, draw: str, plans: int = 3
) -> list[Proposal]:
    """Place several orders one after another, the best plan of each earlier one frozen."""
    found = []
    for draft in drafts:
        proposal = propose(draft, market, today, draw, plans)
        found.append(proposal)
        market = with_taken(market, draft, proposal.plans[0].lots)
    return found


def _cost(tiers: Tiers) -> tuple[int, ...]:
    return (
        tiers.unplaced_minutes,
        tiers.late_orders,
        tiers.late_days,
        tiers.without_backup,
        tiers.largest_share_permille,
        tiers.transport_days,
    )


def _index(problem: Problem, lot: Lot) -> int:
    return next(number for number, step in enumerate(problem.steps) if step.id == lot.step)


def _first_fit(problem: Problem) -> Plan:
    """Place each step at the first factory that has the minutes, each in weeks behind the step before."""
    lots: list[Lot] = []
    backups: list[Backup] = []
    since = [0] * len(problem.steps)
    for number, step in enumerate(problem.steps):
        start = max((since[edge.before] for edge in problem.edges_into[number]), default=0)
        fitting = [
            (each, work) for each in problem.candidates[number] if (work := _work(problem, each, start))
        ]
        if not fitting:
            since[number] = start
            continue
        chosen, work = fitting[0]
        lots.append(Lot(step.id, chosen.factory, problem.quantity, work, tuple(sorted(chosen.machines))))
        backups.append(Backup(step.id, chosen.factory, fitting[1][0].factory if fitting[1:] else None))
        since[number] = problem.horizon.weeks.index(work[-1].week) + 1
    unplaced = [step for step in problem.steps if step.id not in {lot.step for lot in lots}]
    tiers = Tiers(len(unplaced) * 60, 0, 0, sum(each.factory is None for each in backups), 0, 0)
    lead = max(lots, key=lambda lot: lot.minutes).factory if lots else None
    last = problem.horizon.date(7 * max(since, default=0)) if lots else None
    return Plan(tuple(lots), lead, tuple(backups), (), Finish(last, last, 0.0 if unplaced else 1.0), tiers)


def _work(problem: Problem, candidate: Candidate, start: int) -> tuple[WeekWork, ...]:
    left = problem.minutes(candidate, problem.quantity)
    work = []
    for week in range(start, len(problem.horizon)):
        minutes = min(left, candidate.free[week])
        if minutes:
            work.append(WeekWork(problem.horizon.weeks[week], minutes))
            left -= minutes
    return () if left else tuple(work)
