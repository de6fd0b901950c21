"""What each candidate of an order can take within a largest share and its days, and what a choice costs."""

from collections.abc import Iterator
from itertools import combinations
from math import comb

from aggregator.matching.needs import pieces_within
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Key
from aggregator.matching.shortlist import days_of, minutes_between

Choice = tuple[Candidate, ...]  # who shares a step, each with a lot
MOST_CHOICES = 5000
HIGHEST = 10**9  # per mille, and minutes
DRAW, LOT, ROAD = 40, 80, 100  # bits at which draws end, shares end, lots end


class Reach:
    """Candidates of one problem; a choice of them costs its lots, then what is assigned, then the draw."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._days = days_of(problem)
        self._span: dict[Key, int] = {}
        self._cost: dict[Key, int] = {}
        self._whole = {
            each.key: problem.minutes(each, problem.quantity) for row in problem.candidates for each in row
        }

    def cost(self, choice: Choice) -> int:
        """Return a number that is less for fewer lots, then less assigned factories, then by the draw."""
        return sum(self._cost_of(each) for each in choice)

    def whole(self, candidate: Candidate) -> int:
        """Return the minutes of all pieces at the candidate."""
        return self._whole[candidate.key]

    def minutes(self, candidate: Candidate, largest: int) -> int:
        """Return what a factory may take within that share, from this order."""
        share = self.problem.shares[candidate.factory]
        return share.spare * largest // 1000 - share.taken if share.spare else HIGHEST

    def pieces(self, candidate: Candidate, largest: int, besides: int = 0) -> int:
        """Return the most pieces of a lot within that share and its days, `besides` other minutes."""
        step = self.problem.steps[candidate.step]
        minutes = min(self.minutes(candidate, largest) - besides, self._span_of(candidate))
        most = pieces_within(step, minutes, candidate.good) if minutes > 0 else 0
        return min(self.problem.quantity, most)

    def alone(self, step: int, largest: int) -> list[Candidate]:
        """Return who could do the whole step within that share."""
        row = self.problem.candidates[step]
        return [
            each for each in row if self.whole(each) <= self.minutes(each, largest) and self._in_days(each)
        ]

    def together(self, step: int, largest: int) -> Iterator[Choice]:
        """Yield every choice of the fewest lots, two or more, that could do the step within that share.

        Raises OverflowError if they are too many to be looked at.
        """
        least, quantity = self.problem.steps[step].min_lot, self.problem.quantity
        rooms = self._rooms(step, largest)
        for count in range(2, self._most_lots(step) + 1):
            if sum(pieces for pieces, _ in rooms[:count]) >= quantity and count <= len(rooms):
                if comb(len(rooms), count) > MOST_CHOICES:
                    raise OverflowError
                for some in combinations(rooms, count):
                    if sum(pieces for pieces, _ in some) >= quantity and least * count <= quantity:
                        yield tuple(each for _, each in some)
                return

    def least_share(self) -> int | None:
        """Return a share that no answer on time can stay below; None if there is none on time at all."""
        largest = 0
        for step in range(len(self.problem.steps)):
            alone = [
                self.problem.shares[each.factory].permille(self.whole(each))
                for each in self.problem.candidates[step]
                if self._in_days(each)
            ]
            if min(alone, default=HIGHEST) > largest:
                if not self._possible(step, HIGHEST):
                    return None
                largest = self._least_of(step, largest, min(alone, default=HIGHEST))
        return largest

    def _least_of(self, step: int, low: int, high: int) -> int:
        """Return the least share between the two within which the step can be done; `high` is one."""
        if self._possible(step, low):
            return low
        while high - low > 1:
            middle = min((low + high) // 2, 2 * low + 64)
            low, high = (low, middle) if self._possible(step, middle) else (middle, high)
        return high

    def _possible(self, step: int, largest: int) -> bool:
        if self.alone(step, largest):
            return True
        rooms = [pieces for pieces, _ in self._rooms(step, largest)]
        counts = range(2, min(self._most_lots(step), len(rooms)) + 1)
        return any(sum(rooms[:count]) >= self.problem.quantity for count in counts)

    def _rooms(self, step: int, largest: int) -> list[tuple[int, Candidate]]:
        """Return the pieces that each could take, the most first; nobody below the least size of a lot."""
        if self._most_lots(step) < 2:
            return []
        rooms = [(self.pieces(each, largest), each) for each in self.problem.candidates[step]]
        able = [each for each in rooms if each[0] >= self.problem.steps[step].min_lot]
        return sorted(able, key=lambda each: -each[0])

    def _most_lots(self, step: int) -> int:
        found = self.problem.steps[step]
        return min(found.max_lots, self.problem.quantity // max(1, found.min_lot))

    def _in_days(self, candidate: Candidate) -> bool:
        """`on_time` has looked at steps of one lot."""
        only = self.problem.steps[candidate.step].max_lots == 1
        return only or self.whole(candidate) <= self._span_of(candidate)

    def _span_of(self, candidate: Candidate) -> int:
        found = self._span.get(candidate.key)
        if found is None:
            found = minutes_between(self.problem, candidate, *self._days[candidate.step])
            self._span[candidate.key] = found
        return found

    def _cost_of(self, candidate: Candidate) -> int:
        found = self._cost.get(candidate.key)
        if found is None:
            before, draw = self.problem.before(candidate), self.problem.lottery(candidate)
            found = self._cost[candidate.key] = (1 << LOT) + (before << DRAW) + draw
        return found
