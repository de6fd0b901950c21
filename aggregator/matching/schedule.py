"""When the lots of an order are worked on: pieces by week, and the days of each week that a step uses."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aggregator.matching.cell import Cell, Machines
from aggregator.matching.needs import minutes_for
from aggregator.matching.problem import Candidate, Edge, Problem

Key = tuple[int, str]  # number of the step, factory


@dataclass(frozen=True, slots=True)
class Schedule:
    """`done` are a lot's good pieces by the end of each week, all weeks before it included.

    `windows` are, by step and week, the day of the week on whose morning a step's work begins and that on
    whose morning it has ended; all lots of the step share it. Pieces of a week are passed on at its end.
    """

    done: dict[Key, tuple[int, ...]]
    windows: tuple[tuple[tuple[int, int], ...], ...]

    def lots(self, step: int) -> list[Key]:
        """Return the lots of a step."""
        return [key for key in self.done if key[0] == step]

    def team(self) -> set[str]:
        """Return the factories with work."""
        return {factory for _, factory in self.done}

    def pieces(self, step: int, week: int) -> int:
        """Return what the step has done by the end of the week; 0 for week -1."""
        return sum(self.done[key][week] for key in self.lots(step)) if week >= 0 else 0

    def at_home(self, edge: Edge) -> bool:
        """Tell whether both steps have all their lots in one and the same factory."""
        factories = {factory for step, factory in self.done if step in (edge.before, edge.after)}
        return len(factories) == 1 and bool(self.lots(edge.before)) and bool(self.lots(edge.after))


def weekly_minutes(problem: Problem, candidate: Candidate, done: Sequence[int]) -> list[int]:
    """Return the machine minutes by week of a lot whose pieces by the end of each week are `done`."""
    step = problem.steps[candidate.step]
    found, before, minutes = [], 0, 0
    for pieces in done:
        more = 0
        if pieces != before:
            more = minutes_for(step, pieces, candidate.good) - minutes
            before, minutes = pieces, minutes + more
        found.append(more)
    return found


def works(problem: Problem, schedule: Schedule) -> Iterator[tuple[Candidate, list[int]]]:
    """Yield every lot's candidate with its minutes by week."""
    for key, done in schedule.done.items():
        candidate = problem.candidate(*key)
        yield candidate, weekly_minutes(problem, candidate, done)


def end_of(problem: Problem, schedule: Schedule) -> int:
    """Return the number of days from today's morning until all placed work is done; 0 for no work."""
    end = 0
    for step in range(len(problem.steps)):
        for week, begin in enumerate(problem.horizon.begins):
            if schedule.pieces(step, week) > schedule.pieces(step, week - 1):
                end = max(end, begin + schedule.windows[step][week][1])
    return end


class Ledger:
    """The minutes that works of one order take of cells, week by week."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._works: defaultdict[tuple[Cell, int], list[tuple[Machines, int]]] = defaultdict(list)

    @classmethod
    def of(cls, problem: Problem, schedule: Schedule) -> "Ledger":
        """Return the ledger of a whole schedule."""
        ledger = cls(problem)
        for candidate, minutes in works(problem, schedule):
            for week, each in enumerate(minutes):
                ledger.add(candidate, week, each)
        return ledger

    def add(self, candidate: Candidate, week: int, minutes: int) -> None:
        """Note work of the candidate."""
        if minutes:
            self._works[self._problem.cell(candidate), week].append((candidate.machines, minutes))

    def room(self, candidate: Candidate, week: int) -> int:
        """Return the minutes that the candidate could still take in that week."""
        cell = self._problem.cell(candidate)
        noted = self._works.get((cell, week))
        if not noted:
            return candidate.free[week]
        limits = cell.limits(week, [candidate.machines, *(machines for machines, _ in noted)])
        return max(
            0,
            min(
                each.free - sum(minutes for machines, minutes in noted if machines <= each.machines)
                for each in limits
                if candidate.machines <= each.machines
            ),
        )
