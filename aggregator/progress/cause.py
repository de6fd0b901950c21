"""What a step lost its time with: what its machines did and when it began in, hours by cause out."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.model.order import DraftStep
from aggregator.model.progress import Cause, JobFacts, JobProgress, OrderFacts, Progress, StepProgress
from aggregator.progress.draws import rest_of_repair_h
from aggregator.progress.pace import pace_of
from aggregator.progress.supply import JobSupply
from aggregator.progress.worktime import work_time

Causes = tuple[tuple[Cause, float], ...]
_BEGUN = {Progress.RUNNING, Progress.PAUSED, Progress.DONE}
_EVERYTHING = JobSupply(spans=((0, 1 << 46),))


def causes_of(
    facts: OrderFacts, step: StepProgress, supplies: Mapping[str, JobSupply], ready_ms: int, own_h: float
) -> Causes:
    """Return how the step's own delay of `own_h` hours came about, the largest part first; () without any.

    What was lost is known in working time; it is stretched or shrunk to the delay, since nights count in one
    and reserves of the plan in the other. `ready_ms` is when the step could have begun.
    """
    if own_h <= 0:
        return ()
    lost: dict[Cause, float] = {}
    for job in step.jobs:
        known = next((each for each in facts.jobs if each.job.id == job.job.id), None)
        if known is None or job.progress is Progress.CANCELLED:
            continue
        work = _Work(step.step, job, known, supplies.get(job.job.id, _EVERYTHING), facts.now_ms)
        for cause, hours in _lost(work, ready_ms).items():
            lost[cause] = lost.get(cause, 0.0) + max(hours, 0.0)
    lost = {cause: hours for cause, hours in lost.items() if hours > 0}
    if not lost:
        lost = {Cause.SLOW if step.progress in _BEGUN else Cause.OTHER_WORK: 1.0}
    whole = sum(lost.values())
    shares = [(cause, own_h * hours / whole) for cause, hours in lost.items()]
    return tuple(sorted(shares, key=lambda share: -share[1]))


@dataclass(frozen=True, slots=True)
class _Work:
    """A job and all that is known of it."""

    step: DraftStep
    job: JobProgress
    facts: JobFacts
    supply: JobSupply
    now_ms: int


def _lost(work: _Work, ready_ms: int) -> dict[Cause, float]:
    """Return hours of working time that a job lost so far, or is about to lose."""
    job, supply, now_ms = work.job, work.supply, work.now_ms
    time = work_time(supply.spans)
    began_ms = job.started_ms if job.started_ms is not None else now_ms
    begun = job.progress in _BEGUN
    lost = {Cause.LATE_START: max(0.0, time.between(ready_ms, began_ms))}
    if not begun:
        queued = min(lost[Cause.LATE_START], supply.queue_h)  # the machines were, and are, at other orders
        lost = {Cause.LATE_START: lost[Cause.LATE_START] - queued, Cause.OTHER_WORK: supply.queue_h}
    else:
        end_ms = job.finished_ms if job.finished_ms is not None else now_ms
        lost |= _while_running(work, time.between(began_ms, end_ms))
    if job.progress is not Progress.DONE:
        for cause, hours in _standing(supply, now_ms).items():
            lost[cause] = lost.get(cause, 0.0) + hours
    return lost


def _while_running(work: _Work, whole_h: float) -> dict[Cause, float]:
    """Return what was lost in the hours of working time since the job began."""
    step, job, facts = work.step, work.job, work.facts
    piece_h = step.cycle_s / 3600 / max(step.pieces_per_cycle, 1)
    lost = {Cause.SCRAP: (job.pieces.scrap or 0) * piece_h}
    if facts.totals is None or not any(facts.totals.open_ms):
        pace = pace_of(step, job, facts, work.supply, work.now_ms)
        lost[Cause.SLOW] = max(exp(-pace.factor) - 1, 0.0) * job.job.pieces * piece_h
        return lost
    running, setup, idle, down, _, offline = (spent / HOUR_MS for spent in facts.totals.open_ms)
    made = job.pieces.good + (job.pieces.scrap or 0)
    slow = max(running - made * piece_h - (0.0 if setup else step.setup_h), 0.0)
    ahead = max(job.job.pieces / made, 1.0) if made and job.progress is not Progress.DONE else 1.0
    tagged = running + setup + idle + down + offline
    planned_h = job.job.minutes / 60
    lost[Cause.BREAKDOWN] = down
    lost[Cause.UNKNOWN] = offline
    lost[Cause.SLOW] = slow * ahead if slow > 0.1 * running else 0.0
    lost[Cause.WAITING] = idle if idle > 0.1 * planned_h else 0.0
    lost[Cause.OTHER_WORK] = max(whole_h - tagged - planned_h, 0.0)
    return lost


def _standing(supply: JobSupply, now_ms: int) -> dict[Cause, float]:
    """Return how long machines that stand now are likely to do so yet."""
    if not supply.now:
        return {}
    rest_h = rest_of_repair_h(supply.now[0], now_ms)
    if all(each.state is State.DOWN for each in supply.now):
        return {Cause.BREAKDOWN: rest_h}
    if all(each.state is State.OFFLINE for each in supply.now):
        return {Cause.UNKNOWN: rest_h}
    return {}
