"""When a step was planned: its jobs in, first and last moment out."""

from datetime import UTC, datetime, time
from typing import NamedTuple

from aggregator.model.progress import JobProgress, Progress, StepProgress
from aggregator.model.week import Week


class Planned(NamedTuple):
    """UTC ms; the end is the end of its day."""

    start_ms: int
    end_ms: int


def planned_of(step: StepProgress) -> Planned | None:
    """Return the plan of all the step's jobs together; None where none has any."""
    plans = [_of_job(each) for each in step.jobs if each.progress is not Progress.CANCELLED]
    known = [plan for plan in plans if plan is not None]
    if not known:
        return None
    return Planned(min(plan.start_ms for plan in known), max(plan.end_ms for plan in known))


def _of_job(job: JobProgress) -> Planned | None:
    """Return the job's days; without, its weeks from Monday to Sunday, as UTC has them."""
    weeks = [week for week, _ in job.job.work]
    start_ms, end_ms = job.planned_start_ms, job.planned_end_ms
    if start_ms is None and weeks:
        start_ms = _monday_ms(weeks[0])
    if end_ms is None and weeks:
        end_ms = _monday_ms(weeks[-1].later(1))
    return None if start_ms is None or end_ms is None else Planned(start_ms, end_ms)


def _monday_ms(week: Week) -> int:
    return round(datetime.combine(week.monday, time(), UTC).timestamp()) * 1000
