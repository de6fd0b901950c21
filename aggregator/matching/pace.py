"""Places chosen lots as early as a simple rule can: step after step, week after week, never overbooked."""

from collections.abc import Mapping, Sequence

from aggregator.matching.needs import minutes_for, pieces_within
from aggregator.matching.problem import Candidate, Edge, Problem
from aggregator.matching.schedule import Key, Ledger, Schedule

Lots = Mapping[int, Sequence[tuple[Candidate, int]]]  # by step: who makes how many pieces


def pace(problem: Problem, lots: Lots) -> Schedule | None:
    """Return a schedule with all these lots, or None if the rule finds none within the weeks.

    In each week a step begins on the day from which it gets most done until the week's end.
    """
    ledger, weeks = Ledger(problem), range(len(problem.horizon))
    done: dict[Key, tuple[int, ...]] = {}
    windows: list[tuple[tuple[int, int], ...]] = []
    arrivals: list[list[tuple[int, int]]] = []
    for step in range(len(problem.steps)):
        sources = [(arrivals[edge.before], _days(edge, lots)) for edge in problem.edges_into[step]]
        run = _Run(problem, ledger, list(lots[step]))
        for week in weeks:
            run.work(week, sources)
        if run.left:
            return None
        done.update(run.done())
        windows.append(tuple(run.windows))
        arrivals.append(run.ends)
    return Schedule(done, tuple(windows))


def _days(edge: Edge, lots: Lots) -> int:
    factories = {candidate.factory for step in (edge.before, edge.after) for candidate, _ in lots[step]}
    return 0 if len(factories) == 1 else edge.days


class _Run:
    """One step's way through the weeks; `ends` are (day from today, pieces done by then)."""

    def __init__(self, problem: Problem, ledger: Ledger, lots: list[tuple[Candidate, int]]) -> None:
        self._problem = problem
        self._ledger = ledger
        self._lots = lots
        self._made = [0] * len(lots)
        self._rows: list[list[int]] = [[] for _ in lots]
        self.windows: list[tuple[int, int]] = []
        self.ends: list[tuple[int, int]] = []

    @property
    def left(self) -> int:
        """Pieces still to be made."""
        return sum(pieces for _, pieces in self._lots) - sum(self._made)

    def done(self) -> dict[Key, tuple[int, ...]]:
        """Return the pieces of each lot by the end of each week."""
        return {
            (candidate.step, candidate.factory): tuple(row)
            for (candidate, _), row in zip(self._lots, self._rows, strict=True)
        }

    def work(self, week: int, sources: list[tuple[list[tuple[int, int]], int]]) -> None:
        """Do what can be done in the week."""
        begin = self._problem.horizon.begins[week]
        days = self._problem.horizon.days[week]
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

    def _make(self, week: int, start: int, arrived: int | None) -> list[int]:
        """Return how many pieces of each lot can be made from that day of the week on."""
        days = self._problem.horizon.days[week]
        left = self.left if arrived is None else min(self.left, arrived - sum(self._made))
        more = []
        for (candidate, pieces), made in zip(self._lots, self._made, strict=True):
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
        for index, (candidate, _) in enumerate(self._lots):
            step = self._problem.steps[candidate.step]
            before = minutes_for(step, self._made[index], candidate.good)
            self._made[index] += more[index]
            minutes = minutes_for(step, self._made[index], candidate.good) - before
            if minutes:
                self._ledger.add(candidate, week, minutes)
                end = max(end, start + -(-minutes * days // candidate.free[week]))
        return end


def _arrived(sources: list[tuple[list[tuple[int, int]], int]], day: int) -> int | None:
    """Return the pieces that all sources have delivered by the morning of that day; None without a source."""
    counts = [max((pieces for end, pieces in ends if end + lag <= day), default=0) for ends, lag in sources]
    return min(counts, default=None)
