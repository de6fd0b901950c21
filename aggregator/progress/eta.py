"""When an order arrives: progress and what jobs can count on in, arrivals and how sure they are out.

A thousand draws of the whole routing. The numbers of a draw depend on order and job alone: the same facts
give the same answer, and a date moves only when what it is made of did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aggregator.model.progress import Arrival, JobProgress, OrderFacts, OrderProgress, Progress
from aggregator.model.progress import StepProgress as Step
from aggregator.progress.calibration import LEVELS, UNTAUGHT, Calibration, calibrated
from aggregator.progress.delay import with_delays
from aggregator.progress.draws import DRAWS, JobDraws
from aggregator.progress.feed import Batches, batches_of, ends_with
from aggregator.progress.progress import in_sequence
from aggregator.progress.supply import JobSupply
from aggregator.progress.worktime import Floats

NO_JOBS, BEYOND, CANCELLED = "no_jobs", "beyond_horizon", "cancelled"
_OVER = {Progress.DONE, Progress.CANCELLED}


def arrive(
    facts: OrderFacts,
    progress: OrderProgress,
    supplies: Mapping[str, JobSupply],
    calibration: Calibration = UNTAUGHT,
) -> OrderProgress:
    """Return the progress with arrivals and delays of the order and of each step filled in.

    `supplies` are by job, at least those of open jobs; `calibration` is what past orders taught. What cannot
    be told is unknown, with the reason (`no_calendar`, `no_jobs`, `beyond_horizon`, `cancelled`); so is all
    that waits for it.
    """
    run = _Run(facts, supplies, {}, {}, {})
    for step in in_sequence(facts.draft.steps):
        each = next(one for one in progress.steps if one.step.id == step.id)
        reason = _reason(each, supplies) or next(
            (run.unknown[before] for before in step.after if before in run.unknown), None
        )
        if reason:
            run.unknown[step.id] = reason
        else:
            run.ends[step.id] = _step_ends(run, each)
    steps = tuple(
        replace(each, arrival=_of_step(run, each, progress.share, calibration)) for each in progress.steps
    )
    arrived = replace(progress, steps=steps, arrival=_of_order(run, progress, calibration))
    return with_delays(facts, arrived, supplies)


@dataclass(frozen=True, slots=True)
class _Run:
    """Draws of the steps' ends so far, and what each of their jobs passes on."""

    facts: OrderFacts
    supplies: Mapping[str, JobSupply]
    ends: dict[str, Floats]
    passed_on: dict[str, list[Batches]]
    unknown: dict[str, str]


def _reason(step: Step, supplies: Mapping[str, JobSupply]) -> str | None:
    """Return why the step's end cannot be told, None if it can."""
    if step.progress is Progress.CANCELLED:
        return CANCELLED
    if not step.jobs:
        return NO_JOBS
    known = [supplies.get(each.job.id) for each in step.jobs if each.progress not in _OVER]
    reasons = (NO_JOBS if supply is None else supply.unknown for supply in known)
    return next((reason for reason in reasons if reason), None)


def _step_ends(run: _Run, step: Step) -> Floats:
    ends = [_job_ends(run, step, each) for each in step.jobs if each.progress is not Progress.CANCELLED]
    return np.asarray(np.maximum.reduce(ends))


def _job_ends(run: _Run, step: Step, job: JobProgress) -> Floats:
    passed_on = run.passed_on.setdefault(step.step.id, [])
    if job.progress is Progress.DONE:
        end = np.full(DRAWS, float(_end_ms(job, run.facts.now_ms)))
        passed_on.append(Batches.whole(job, step.step, end))
        return end
    known = next(each for each in run.facts.jobs if each.job.id == job.job.id)
    draws = JobDraws.of(step.step, job, known, run.supplies[job.job.id], run.facts.now_ms)
    fed = [run.passed_on[before] for before in step.step.after]
    end, ready = ends_with(draws, job, fed)
    passed_on.append(batches_of(draws, step.step, job, ready, end))
    return end


def _end_ms(job: JobProgress, now_ms: int) -> int:
    return job.finished_ms if job.finished_ms is not None else now_ms


def _of_step(run: _Run, step: Step, done: float, calibration: Calibration) -> Arrival:
    if step.step.id in run.unknown:
        return Arrival(None, None, None, None, run.unknown[step.step.id])
    over = step.progress in _OVER
    return _told(run.ends[step.step.id], run.facts, done, None if over else calibration)


def _of_order(run: _Run, progress: OrderProgress, calibration: Calibration) -> Arrival:
    reasons = list(run.unknown.values())
    if reasons or not run.ends:
        return Arrival(None, None, None, None, reasons[0] if reasons else NO_JOBS)
    over = progress.progress in _OVER
    ends = np.maximum.reduce(list(run.ends.values()))
    return _told(ends, run.facts, progress.share, None if over else calibration)


def _told(ends: Floats, facts: OrderFacts, done: float, calibration: Calibration | None) -> Arrival:
    raw = arrival_of(ends, facts.due_ms)
    if calibration is None:
        return raw
    moved = calibrated(ends, facts.now_ms, done, calibration)
    return replace(arrival_of(moved, facts.due_ms), raw_ms=raw.raw_ms)


def arrival_of(ends: Floats, due_ms: int) -> Arrival:
    """Return what draws of an end (UTC ms) say; unknown when a tenth of them lies behind the horizon."""
    ordered = np.sort(ends)
    if not np.isfinite(ordered[round(0.9 * (len(ordered) - 1))]):
        return Arrival(None, None, None, None, BEYOND)
    p10, p50, p90 = (round(float(ordered[round(level * (len(ordered) - 1))])) for level in LEVELS)
    return Arrival(p10, p50, p90, float(np.mean(ends <= due_ms)), None, (p10, p50, p90))
