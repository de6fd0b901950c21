"""Many orders one after another, and how evenly factories are asked: beside a rule that asks who is first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggregator.matching.answer import answer
from aggregator.matching.offer import Market
from aggregator.matching.pace import earliest
from aggregator.matching.problem import Problem, pose
from aggregator.matching.schedule import Schedule, end_of, works
from aggregator.matching.taken import with_taken
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Lot, WeekWork
from tests.aggregator.matching.small_markets import TODAY

Place = Callable[[OrderDraft, Market], tuple[Problem, Schedule | None]]


@dataclass(frozen=True)
class Fairness:
    """Of the assigned shares of all factories; `failed` orders were late or found no place."""

    gini: float
    largest_permille: int
    failed: int


def best(draft: OrderDraft, market: Market) -> tuple[Problem, Schedule | None]:
    """Place an order as `propose` does, without its counterfactuals."""
    problem = pose(draft, market, TODAY, f"draw of {draft.quantity} {draft.due}")
    return problem, answer(problem).schedule


def greedy(draft: OrderDraft, market: Market) -> tuple[Problem, Schedule | None]:
    """Place each step where it is done first."""
    problem = pose(draft, market, TODAY, "one draw for ever")
    return problem, earliest(problem)


def simulate(drafts: Sequence[OrderDraft], market: Market, place: Place = best) -> Fairness:
    """Place the orders one after another, each earlier one frozen."""
    failed = 0
    for draft in drafts:
        problem, schedule = place(draft, market)
        late = schedule is None or end_of(problem, schedule) > problem.due
        whole = schedule is not None and all(
            schedule.pieces(step, len(problem.horizon) - 1) == draft.quantity
            for step in range(len(problem.steps))
        )
        failed += late or not whole
        if schedule is not None:
            market = with_taken(market, draft, _lots(problem, schedule))
    shares = pose(drafts[0], market, TODAY, "").shares.values()
    permille = [1000 * each.taken / each.spare for each in shares if each.spare]
    return Fairness(gini(permille), round(max(permille)), failed)


def gini(values: Sequence[float]) -> float:
    """0: all have the same; towards 1: one has all."""
    ordered = sorted(values)
    count, whole = len(ordered), sum(ordered)
    weighted = sum((2 * place - count + 1) * value for place, value in enumerate(ordered))
    return weighted / (count * whole) if whole else 0.0


def _lots(problem: Problem, schedule: Schedule) -> list[Lot]:
    return [
        Lot(
            problem.steps[candidate.step].id,
            candidate.factory,
            schedule.done[candidate.step, candidate.factory][-1],
            tuple(
                WeekWork(week, each)
                for week, each in zip(problem.horizon.weeks, minutes, strict=True)
                if each
            ),
            tuple(candidate.machines),
        )
        for candidate, minutes in works(problem, schedule)
    ]
