"""How fast a job goes on: plan, the factory's habit and what the job has made in, its pace and spread out."""

from dataclasses import dataclass
from math import log, sqrt

from agent.contract.records import HOUR_MS
from aggregator.model.order import DraftStep
from aggregator.model.progress import JobFacts, JobProgress
from aggregator.progress.habits import LEAST_H, active_hours, piece_hours
from aggregator.progress.supply import JobSupply
from aggregator.progress.worktime import work_time

DAY_SPREAD = 0.3
"""How far one working day's pace lies from the job's own."""
DAY_H = 8.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`piece_h` machine hours a good piece as planned, `setup_h` still to come.

    The job makes pieces exp(`factor`) times as fast, give or take exp(`spread`). `weight` (0 to 1) is how
    much of that rests on what factory and job have shown, and not on hours that look free.
    """

    piece_h: float
    setup_h: float
    factor: float
    spread: float
    weight: float


def pace_of(step: DraftStep, job: JobProgress, facts: JobFacts, supply: JobSupply, now_ms: int) -> Pace:
    """Return the job's pace: that of its plan and factory, and the more it has made, its own.

    Its own is what it made in working time since it began, without breakdowns, setup and waiting for pieces.
    """
    habit = supply.habit
    good_share, share = supply.good_share or 1.0, supply.usual_share
    piece_h = piece_hours(step) / good_share
    factor = log(piece_h / share / habit.hours(piece_h, share, good_share))
    made = job.pieces.good
    if job.started_ms is None and not made:
        return Pace(piece_h, step.setup_h, factor, habit.spread, habit.trust / 2)
    began_ms = job.started_ms if job.started_ms is not None else now_ms
    whole_h = max(work_time(supply.spans).between(began_ms, now_ms), 0.0)
    if not made:
        spent_h = whole_h if facts.totals is None else facts.totals.open_ms[1] / HOUR_MS
        return Pace(piece_h, max(step.setup_h - spent_h, 0.0), factor, habit.spread, habit.trust / 2)
    active_h = max(active_hours(step, facts, whole_h), LEAST_H)
    observed = log(made * piece_h / (active_h * share)) - log(1 + habit.down)
    noise = DAY_SPREAD**2 * DAY_H / active_h + 1 / (made + 1)
    weight = habit.spread**2 / (habit.spread**2 + noise)
    blended = weight * observed + (1 - weight) * factor
    return Pace(piece_h, 0.0, blended, sqrt(weight * noise), max(weight, habit.trust / 2))
