"""Moves the days of a schedule as early as its pieces by week allow."""

from aggregator.matching.problem import Edge, Problem
from aggregator.matching.schedule import Schedule, weekly_minutes
from aggregator.matching.tiers import unplaced_pieces


def tidy(problem: Problem, schedule: Schedule) -> Schedule:
    """Return the same lots and weeks, each step in each week begun on the first day that its pieces allow."""
    windows: list[tuple[tuple[int, int], ...]] = []
    for step in range(len(problem.steps)):
        row = []
        for week in range(len(problem.horizon)):
            sources = [
                _arrival(problem, schedule, edge, windows[edge.before], week)
                for edge in problem.edges_into[step]
            ]
            begin = max(0, max(sources, default=0) - problem.horizon.begins[week])
            length = _length(problem, schedule, step, week)
            row.append((begin, begin + length) if length else (0, 0))
        windows.append(tuple(row))
    return Schedule(schedule.done, tuple(windows))


def _length(problem: Problem, schedule: Schedule, step: int, week: int) -> int:
    """Return the days that the longest of the step's lots takes in the week."""
    longest = 0
    for key in schedule.lots(step):
        candidate = problem.candidate(*key)
        minutes = weekly_minutes(problem, candidate, schedule.done[key])[week]
        if minutes:
            longest = max(longest, -(-minutes * problem.horizon.days[week] // candidate.free[week]))
    return longest


def _arrival(
    problem: Problem, schedule: Schedule, edge: Edge, windows: tuple[tuple[int, int], ...], week: int
) -> int:
    """Return the day, from today, on whose morning all is there that the step does by the week's end."""
    wanted = schedule.pieces(edge.after, week) - unplaced_pieces(problem, schedule, edge.before)
    if schedule.pieces(edge.after, week) == schedule.pieces(edge.after, week - 1) or wanted <= 0:
        return 0
    source = next(each for each in range(week + 1) if schedule.pieces(edge.before, each) >= wanted)
    days = 0 if schedule.at_home(edge) else edge.days
    return problem.horizon.begins[source] + windows[source][1] + days
