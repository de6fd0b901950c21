"""Places lots as early as a simple rule can: step after step, week after week, never overbooked."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.run import Run, Sources
from aggregator.matching.schedule import Key, Ledger, Schedule

Lots = Sequence[tuple[Candidate, int]]  # who makes how many pieces of a step
Choices = Callable[[int, int], Iterator[Lots]]  # by step, and by the day on which its first pieces are there


def pace(problem: Problem, lots: Mapping[int, Lots], last: Sequence[int] | None = None) -> Schedule | None:
    """Return a schedule with all these lots, or None if the rule finds none within the weeks.

    `last` are days on whose mornings each step has to have ended; it gives up where one has not.

    In each week a step begins on the day from which it gets most done until the week's end.
    """
    return _pace(problem, lambda step, _: iter([lots[step]]), last=last)


def earliest(problem: Problem) -> Schedule | None:
    """Return a schedule with everything, each step where it is done first; None if the rule finds none."""
    return _pace(problem, lambda step, day: _choices(problem, step, day))


def as_much(problem: Problem) -> Schedule:
    """Return a schedule of what the rule can place; each step has the lots by which it makes most."""
    found = _pace(problem, lambda step, day: _choices(problem, step, day), part=True)
    return found or Schedule({}, ((((0, 0),) * len(problem.horizon)),) * len(problem.steps))


def _pace(
    problem: Problem, choices: Choices, *, part: bool = False, last: Sequence[int] | None = None
) -> Schedule | None:
    ledger = Ledger(problem)
    done: dict[Key, tuple[int, ...]] = {}
    runs: list[Run] = []
    for step in range(len(problem.steps)):
        edges = problem.edges_into[step]
        first = max((runs[edge.before].ends[0][0] for edge in edges if runs[edge.before].ends), default=0)
        nothing: list[Lots] = [[]] if part else []
        tried = []
        for lots in [*choices(step, first), *nothing]:
            run = Run(problem, ledger, lots)
            sources: Sources = [
                (runs[edge.before].outflow, run.days_from(runs[edge.before], edge.days)) for edge in edges
            ]
            for week in range(len(problem.horizon)):
                run.work(week, sources)
            if (part and run.settle()) or not (part or run.left):
                tried.append(run)
        if not tried:
            return None
        best = min(tried, key=lambda run: (-run.made, run.ends[-1][0] if run.ends else 0, len(run.lots)))
        if last is not None and best.ends and best.ends[-1][0] > last[step]:
            return None
        best.note()
        runs.append(best)
        done.update(best.done())
    return Schedule(done, tuple(tuple(run.windows) for run in runs))


def _choices(problem: Problem, step: int, day: int) -> Iterator[Lots]:
    """Yield each candidate for all pieces, then the freest together, with lots in proportion."""
    row = problem.candidates[step]
    for candidate in row:
        yield [(candidate, problem.quantity)]
    begins = problem.horizon.begins
    free = {
        each: sum(minutes for begin, minutes in zip(begins, each.free, strict=True) if begin + 7 > day)
        for each in row
    }
    ranked = sorted(row, key=lambda each: -free[each])
    for count in range(2, 1 + min(problem.steps[step].max_lots, len(row))):
        together = ranked[:count]
        pieces = _shared_out(problem.quantity, [free[each] for each in together])
        if min(pieces) >= problem.steps[step].min_lot:
            yield list(zip(together, pieces, strict=True))


def _shared_out(quantity: int, weights: Sequence[int]) -> list[int]:
    """Return whole pieces in proportion to the weights."""
    whole = sum(weights) or 1
    sums = [quantity * sum(weights[: index + 1]) // whole for index in range(len(weights))]
    return [each - (sums[index - 1] if index else 0) for index, each in enumerate(sums)]
