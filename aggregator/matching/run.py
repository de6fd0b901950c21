"""One step worked through the weeks by a simple rule: as much each week as its sources and machines allow."""

from collections.abc import Sequence

from aggregator.matching.needs import minutes_for, pieces_within
from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Key, Ledger

Ends = list[tuple[int, int]]
LONG_AGO = -(10**6)
Sources = list[tuple[Ends, int]]  # where pieces come from: when they were done, and the days on the road


class Run:
    """One step's way through the weeks; `ends` are (day from today, pieces done by then).

    Nothing is noted in the ledger before `note`.
    """

    def __init__(self, problem: Problem, ledger: Ledger, lots: Sequence[tuple[Candidate, int]]) -> None:
        self._problem = problem
        self._ledger = ledger
        self.lots = lots
        self._made = [0] * len(lots)
        self._rows: list[list[int]] = [[] for _ in lots]
        self._works: list[tuple[Candidate, int, int]] = []
        self.windows: list[tuple[int, int]] = []
        self.ends: Ends = []

    @property
    def made(self) -> int:
        """Pieces made so far."""
        return sum(self._made)

    @property
    def left(self) -> int:
        """Pieces still to be made."""
        return sum(pieces for _, pieces in self.lots) - sum(self._made)

    def days_from(self, source: "Run", days: int) -> int:
        """Return the days on the road from another step: none if both are wholly under one roof."""
        factories = {candidate.factory for run in (self, source) for candidate, _ in run.lots}
        return 0 if len(factories) == 1 else days

    @property
    def outflow(self) -> Ends:
        """When pieces are there for the next step; what is in no lot counts as there from the beginning."""
        others = self._problem.quantity - sum(self._made)
        return [(LONG_AGO, others), *((day, pieces + others) for day, pieces in self.ends)]

    def settle(self) -> bool:
        """Let the lots be what was made; returns whether they keep to the least size."""
        kept = [index for index, made in enumerate(self._made) if made]
        self.lots = [(self.lots[index][0], self._made[index]) for index in kept]
        self._rows = [self._rows[index] for index in kept]
        self._made = [self._made[index] for index in kept]
        least = min(self._made, default=0)
        return not self.lots or least >= self._problem.steps[self.lots[0][0].step].min_lot

    def note(self) -> None:
        """Note the work in the ledger."""
        for candidate, week, minutes in self._works:
            self._ledger.add(candidate, week, minutes)

    def done(self) -> dict[Key, tuple[int, ...]]:
        """Return the pieces of each lot by the end of each week."""
        return {
            (candidate.step, candidate.factory): tuple(row)
            for (candidate, _), row in zip(self.lots, self._rows, strict=True)
        }

    def work(self, week: int, sources: Sources) -> None:
        """Do what can be done in the week."""
        begin = self._problem.horizon.begins[week]
        days = self._problem.horizon.days[week]
        arrived = _arrived(sources, begin + days - 1)
        if not self.left or (arrived is not None and arrived <= self.made):
            self._rest()
            return
        starts = {0, *(day + lag - begin for ends, lag in sources for day, _ in ends)}
        options = [
            (self._make(week, start, _arrived(sources, begin + start)), start)
            for start in sorted(starts)
            if 0 <= start < days and self.left
        ]
        best, start = max(options, key=lambda each: (sum(each[0]), -each[1]), default=([], 0))
        end = self._book(week, start, best) if sum(best) else start
        self.windows.append((start, end))
        for row, made in zip(self._rows, self._made, strict=True):
            row.append(made)
        if sum(best):
            self.ends.append((begin + end, sum(self._made)))

    def _rest(self) -> None:
        self.windows.append((0, 0))
        for row, made in zip(self._rows, self._made, strict=True):
            row.append(made)

    def _make(self, week: int, start: int, arrived: int | None) -> list[int]:
        """Return how many pieces of each lot can be made from that day of the week on."""
        days = self._problem.horizon.days[week]
        left = self.left if arrived is None else min(self.left, arrived - sum(self._made))
        more = []
        for (candidate, pieces), made in zip(self.lots, self._made, strict=True):
            step = self._problem.steps[candidate.step]
            minutes = min(self._ledger.room(candidate, week), candidate.free[week] * (days - start) // days)
            spent = minutes_for(step, made, candidate.good)
            possible = pieces_within(step, spent + minutes, candidate.good) - made
            more.append(max(0, min(possible, pieces - made, left)))
            left -= more[-1]
        return more

    def _book(self, week: int, start: int, more: list[int]) -> int:
        """Take the minutes; returns the day of the week on which the last lot is through."""
        days, end = self._problem.horizon.days[week], start
        for index, (candidate, _) in enumerate(self.lots):
            step = self._problem.steps[candidate.step]
            before = minutes_for(step, self._made[index], candidate.good)
            self._made[index] += more[index]
            minutes = minutes_for(step, self._made[index], candidate.good) - before
            if minutes:
                self._works.append((candidate, week, minutes))
                end = max(end, start + -(-minutes * days // candidate.free[week]))
        return end


def _arrived(sources: Sources, day: int) -> int | None:
    """Return the pieces that all sources have delivered by the morning of that day; None without a source."""
    counts = [max((pieces for end, pieces in ends if end + lag <= day), default=0) for ends, lag in sources]
    return min(counts, default=None)
