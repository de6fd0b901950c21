"""Turns an order draft and the market into ranked plans, with what each choice is worth."""

from collections.abc import Sequence
from datetime import date

from aggregator.matching.answer import Answer, answer, judged
from aggregator.matching.in_turn import EFFORT
from aggregator.matching.offer import Market
from aggregator.matching.plan import plan_of
from aggregator.matching.problem import Problem
from aggregator.matching.question import Question
from aggregator.matching.schedule import Key
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
    found, others = _with_others(problem, answer(problem))
    best = plan_of(question, problem, found, cure=True)
    without = tuple(_without(question, problem, others, lot) for lot in best.lots)
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


def _with_others(problem: Problem, best: Answer) -> tuple[Answer, dict[Key, Answer]]:
    """Return the best answer, and the best without each of its choices.

    An answer that was not proven may be outdone by one without a choice of it: then that is the best.
    """
    while True:
        others = {key: answer(problem.without(*key), EFFORT / 10, best) for key in best.schedule.done}
        better = min(others.values(), key=_cost, default=best)
        if _cost(better) >= _cost(best):
            return best, others
        best = judged(problem, better.schedule, proven=False)


def _cost(answer: Answer) -> tuple[int, ...]:
    return in_order_of_weight(answer.tiers)


def _without(question: Question, problem: Problem, others: dict[Key, Answer], lot: Lot) -> Alternative:
    number = next(index for index, step in enumerate(problem.steps) if step.id == lot.step)
    other = problem.without(number, lot.factory)
    return Alternative(lot.step, lot.factory, plan_of(question, other, others[number, lot.factory]))


def _ranked(best: Plan, without: Sequence[Alternative]) -> tuple[Plan, ...]:
    """Return the best and what is best without one of its choices, each team once; whole plans if any is."""
    ranked = {_team(best): best}
    for other in sorted((each.plan for each in without), key=lambda plan: in_order_of_weight(plan.tiers)):
        if best.missing or not other.missing:
            ranked.setdefault(_team(other), other)
    return tuple(ranked.values())


def _team(plan: Plan) -> frozenset[tuple[str, str]]:
    return frozenset((lot.step, lot.factory) for lot in plan.lots)
