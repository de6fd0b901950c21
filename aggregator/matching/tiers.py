"""What a schedule costs in each tier, and which of two is better."""

from aggregator.matching.backups import Backups
from aggregator.matching.needs import PER_MILLE, minutes_for
from aggregator.matching.problem import Problem
from aggregator.matching.schedule import Schedule, end_of, works
from aggregator.model.proposal import Tiers


def in_order_of_weight(tiers: Tiers) -> tuple[int, ...]:
    """Return the tiers, the weightier first: the smaller of two such tuples is the better answer."""
    return (
        tiers.unplaced_minutes,
        tiers.late_orders,
        tiers.late_days,
        tiers.without_backup,
        tiers.largest_share_permille,
        tiers.transport_days,
    )


def tiers_of(problem: Problem, schedule: Schedule, backups: Backups) -> Tiers:
    """Return what the schedule costs."""
    late_days = max(0, end_of(problem, schedule) - problem.due)
    return Tiers(
        unplaced_minutes=sum(unplaced_minutes(problem, schedule, step) for step in range(len(problem.steps))),
        late_orders=1 if late_days else 0,
        late_days=late_days,
        without_backup=sum(backup is None for backup in backups.values()),
        largest_share_permille=largest_share(problem, schedule),
        transport_days=sum(edge.days for edge in problem.edges if not schedule.at_home(edge)),
    )


def unplaced_pieces(problem: Problem, schedule: Schedule, step: int) -> int:
    """Return the pieces of the step that nobody makes."""
    return problem.quantity - schedule.pieces(step, len(problem.horizon) - 1)


def unplaced_minutes(problem: Problem, schedule: Schedule, step: int) -> int:
    """Return the machine time that those pieces would take without scrap, as one lot."""
    return minutes_for(problem.steps[step], unplaced_pieces(problem, schedule, step), PER_MILLE)


def largest_share(problem: Problem, schedule: Schedule) -> int:
    """Return the largest assigned share of the team's factories in per mille, earlier orders included."""
    minutes = dict.fromkeys(schedule.team(), 0)
    for candidate, weekly in works(problem, schedule):
        minutes[candidate.factory] += sum(weekly)
    return max((problem.shares[each].permille(more) for each, more in minutes.items()), default=0)
