"""What was asked of matching: an order, a market, a day, a draw."""

from dataclasses import dataclass
from datetime import date

from aggregator.matching.offer import Market
from aggregator.matching.problem import Problem, pose
from aggregator.model.order import OrderDraft


@dataclass(frozen=True, slots=True)
class Question:
    """Cures ask it again, a little changed; `banned` are steps (by number) that a factory may not do."""

    draft: OrderDraft
    market: Market
    today: date
    draw: str
    banned: tuple[tuple[int, str], ...] = ()

    def problem(self) -> Problem:
        """Return it as a problem."""
        problem = pose(self.draft, self.market, self.today, self.draw)
        for step, factory in self.banned:
            problem = problem.without(step, factory)
        return problem
