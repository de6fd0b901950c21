"""How fast a job goes on: plan, measured yield and what it has made in, a factor and its spread out."""

from dataclasses import dataclass
from math import log, sqrt

from agent.contract.records import HOUR_MS
from aggregator.model.order import DraftStep
from aggregator.model.progress import JobFacts, JobProgress
from aggregator.progress.supply import JobSupply
from aggregator.progress.worktime import WorkTime

PLAN_SPREAD = 0.25
"""How far (as a logarithm) the pace of a job lies from its plan, one standard deviation."""
DAY_SPREAD = 0.3
"""How far one working day's pace lies from the job's own."""
DAY_H = 8.0
LEAST_H = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """`piece_h` machine hours a good piece as planned, `setup_h` still to come.

    The job makes pieces exp(`factor`) times as fast, give or take exp(`spread`). `weight` (0 to 1) is how
    much of that rests on what the job itself has made.
    """

    piece_h: float
    setup_h: float
    factor: float
    spread: float
    weight: float


def pace_of(step: DraftStep, job: JobProgress, facts: JobFacts, supply: JobSupply, now_ms: int) -> Pace:
    """Return the job's pace: that of its plan, and the more it has made, its own.

    Its own is what it made in working time since it began, without breakdowns and setup: those have their
    own place.
    """
    piece_h = step.cycle_s / 3600 / max(step.pieces_per_cycle, 1) / (supply.good_share or 1.0)
    made = job.pieces.good
    if job.started_ms is None and not made:
        return Pace(piece_h, step.setup_h, 0.0, PLAN_SPREAD, 0.0)
    active_h, setup_h = _active_h(step, job, facts, supply, now_ms)
    if not made:
        return Pace(piece_h, max(step.setup_h - setup_h, 0.0), 0.0, PLAN_SPREAD, 0.0)
    share = supply.shares[0].p50 if supply.shares else 1.0
    observed = log(made * piece_h / (max(active_h, LEAST_H) * share))
    noise = DAY_SPREAD**2 * DAY_H / max(active_h, LEAST_H) + 1 / (made + 1)
    weight = PLAN_SPREAD**2 / (PLAN_SPREAD**2 + noise)
    return Pace(piece_h, 0.0, weight * observed, sqrt(weight * noise), weight)


def _active_h(
    step: DraftStep, job: JobProgress, facts: JobFacts, supply: JobSupply, now_ms: int
) -> tuple[float, float]:
    """Return the hours of working time in which the job could make pieces, and those of its setup."""
    time = WorkTime(supply.spans)
    began_ms = job.started_ms if job.started_ms is not None else now_ms
    whole_h = max(time.between(began_ms, now_ms), 0.0)
    if facts.totals is None:
        return whole_h - min(step.setup_h, whole_h), whole_h
    _, setup, _, down, _, offline = (spent / HOUR_MS for spent in facts.totals.open_ms)
    return whole_h - (setup or min(step.setup_h, whole_h)) - down - offline, setup
