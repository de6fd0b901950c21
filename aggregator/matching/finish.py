"""When a plan is really done: many draws of what the factories will have to spare, worked through in time."""

from datetime import date
from hashlib import sha256
from math import ceil

import numpy as np
from numpy.typing import NDArray

from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Schedule, end_of, weekly_minutes
from aggregator.matching.tiers import unplaced_pieces
from aggregator.model.proposal import Finish

Floats = NDArray[np.float64]
DRAWS = 1000
SLACK = 1e-6  # days


def finish_of(problem: Problem, schedule: Schedule) -> Finish:
    """Return when all placed work is done; work without a place makes it certainly late.

    A factory that turns out to have more or less to spare than P10 has so in all weeks and processes alike:
    one number a factory and draw. No week's work begins before its planned day, nor before its pieces are
    there; what does not get done in its week goes on in the next.
    """
    if not end_of(problem, schedule):
        return Finish(None, None, 0.0)
    ends = np.sort(_ends(problem, schedule))
    whole = not any(unplaced_pieces(problem, schedule, step) for step in range(len(problem.steps)))
    return Finish(
        p50=_date(problem, float(ends[ceil(DRAWS * 0.5) - 1])),
        p90=_date(problem, float(ends[ceil(DRAWS * 0.9) - 1])),
        on_time=float(np.mean(ends <= problem.due + SLACK)) if whole else 0.0,
    )


def _date(problem: Problem, end: float) -> date | None:
    return problem.horizon.date(ceil(end - SLACK)) if np.isfinite(end) else None


def _ends(problem: Problem, schedule: Schedule) -> Floats:
    """Return the day, from today's morning, on which all is done, of each draw; inf is behind the weeks."""
    batches: list[dict[int, Floats]] = []
    last = np.zeros(DRAWS)
    for step in range(len(problem.steps)):
        ready = [_ready(problem, schedule, step, week, batches) for week in range(len(problem.horizon))]
        ends: dict[int, Floats] = {}
        for key in schedule.lots(step):
            candidate = problem.candidate(*key)
            for week, end in _lot_ends(problem, schedule, candidate, ready).items():
                ends[week] = np.maximum(ends[week], end) if week in ends else end
        batches.append(ends)
        last = np.maximum.reduce([last, *ends.values()])
    return last


def _ready(
    problem: Problem, schedule: Schedule, step: int, week: int, batches: list[dict[int, Floats]]
) -> Floats:
    """Return when a step's work of a week can begin: on its planned day, once its pieces are there."""
    ready = np.full(DRAWS, float(problem.horizon.begins[week] + schedule.windows[step][week][0]))
    for edge in problem.edges_into[step]:
        wanted = schedule.pieces(step, week) - unplaced_pieces(problem, schedule, edge.before)
        days = 0 if schedule.at_home(edge) else edge.days
        for source, end in batches[edge.before].items():
            if schedule.pieces(edge.before, source - 1) < wanted:
                ready = np.maximum(ready, end + days)
    return ready


def _lot_ends(
    problem: Problem, schedule: Schedule, candidate: Candidate, ready: list[Floats]
) -> dict[int, Floats]:
    """Return when each week's work of a lot is done, one after another."""
    rates, sums = _capacity(problem, candidate)
    ends: dict[int, Floats] = {}
    before = np.zeros(DRAWS)
    done = schedule.done[candidate.step, candidate.factory]
    for week, minutes in enumerate(weekly_minutes(problem, candidate, done)):
        if done[week] > (done[week - 1] if week else 0):
            begin = np.maximum(before, ready[week])
            before = ends[week] = _end(problem, rates, sums, begin, minutes)
    return ends


def _capacity(problem: Problem, candidate: Candidate) -> tuple[Floats, Floats]:
    """Return, by draw and week, minutes a day that the candidate has, and all those before the week."""
    luck = _luck(problem.draw, candidate.factory)
    cell, days = problem.cell(candidate), np.array(problem.horizon.days, dtype=np.float64)
    minutes = np.empty((DRAWS, len(days)))
    for week, free in enumerate(candidate.free):
        p10, p50, p90 = cell.spare(week, candidate.machines)
        least = max(0.0, p10 - (p50 - p10) / 4)
        drawn = np.interp(luck, [0.0, 0.1, 0.5, 0.9], [least, p10, p50, p90])
        minutes[:, week] = np.maximum(0.0, free + drawn - p10)
    sums = np.concatenate([np.zeros((DRAWS, 1)), np.cumsum(minutes, axis=1)], axis=1)
    return minutes / days, sums


def _luck(draw: str, factory: str) -> Floats:
    """Return the factory's quantile in each draw, 0 to 1."""
    seed = int.from_bytes(sha256(f"{draw}/finish/{factory}".encode()).digest()[:8])
    return np.random.default_rng(seed).random(DRAWS)


def _end(problem: Problem, rates: Floats, sums: Floats, begin: Floats, minutes: int) -> Floats:
    """Return when `minutes` from `begin` on are worked; inf if not within the weeks."""
    begins = np.array(problem.horizon.begins, dtype=np.float64)
    draws, weeks = np.arange(DRAWS), len(begins)
    now = np.clip(np.searchsorted(begins, begin, side="right") - 1, 0, weeks - 1)
    inside = np.minimum(begin - begins[now], problem.horizon.days[-1] if weeks else 0)
    wanted = sums[draws, now] + inside * rates[draws, now] + minutes
    week = np.sum(sums[:, 1:] < wanted[:, None] - 1e-9, axis=1)
    found = week < weeks
    at = np.minimum(week, weeks - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        days = np.where(rates[draws, at] > 0, (wanted - sums[draws, at]) / rates[draws, at], 0.0)
    ends = np.where(found, np.maximum(begin, begins[at] + days), np.inf)
    return np.where(np.isfinite(begin), ends, np.inf)
