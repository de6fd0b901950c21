"""When a plan is really done: many draws of what the factories will have to spare, worked through by day."""

from aggregator.matching.problem import Problem
from aggregator.matching.schedule import Schedule, end_of
from aggregator.model.proposal import Finish


def finish_of(problem: Problem, schedule: Schedule) -> Finish:
    """Return when the plan is done."""
    end = end_of(problem, schedule)
    if not end:
        return Finish(None, None, 0.0)
    return Finish(problem.horizon.date(end), problem.horizon.date(end), float(end <= problem.due))
