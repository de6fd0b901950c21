"""Turns an order draft and the market into ranked plans, with what each choice is worth."""

from collections.abc import Sequence
from datetime import date

from aggregator.matching.answer import answer
from aggregator.matching.in_turn import EFFORT
from aggregator.matching.offer import Market
from aggregator.matching.plan import plan_of
from aggregator.matching.problem import Problem
from aggregator.matching.question import Question
from aggregator.matching.taken import with_taken
from aggregator.matching.tiers import in_order_of_weight
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Alternative, Lot, Plan, Proposal


def propose(draft: OrderDraft, market: Market, today: date, draw: str, plans: int = 3) -> Proposal:
    """Return up to `plans` ranked plans for a draft without `faults`; always at least one.

    `today` is the local day. `draw` is published: the same input gives the same answer.
    """
    question = Question(draft, market, today, draw)
    problem = question.problem()
    best = plan_of(question, problem, answer(problem), cure=True)
    without = tuple(_without(question, problem, lot) for lot in best.lots)
    return Proposal(_ranked(best, without)[:plans], without, draw)


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


def _without(question: Question, problem: Problem, lot: Lot) -> Alternative:
    number = next(index for index, step in enumerate(problem.steps) if step.id == lot.step)
    other = problem.without(number, lot.factory)
    return Alternative(lot.step, lot.factory, plan_of(question, other, answer(other, EFFORT / 10)))


def _ranked(best: Plan, without: Sequence[Alternative]) -> tuple[Plan, ...]:
    """Return the best and what is best without one of its choices, each team once; whole plans if any is."""
    ranked = {_team(best): best}
    for other in sorted((each.plan for each in without), key=lambda plan: in_order_of_weight(plan.tiers)):
        if best.missing or not other.missing:
            ranked.setdefault(_team(other), other)
    return tuple(ranked.values())


def _team(plan: Plan) -> frozenset[tuple[str, str]]:
    return frozenset((lot.step, lot.factory) for lot in plan.lots)
