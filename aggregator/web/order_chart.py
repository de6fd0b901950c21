"""Plan against fact: progress in, bars of every job over days out, in percent of the width. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.model.progress import JobProgress, OrderProgress, Progress, StepProgress

MOST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time: `x` from the left and `width`, in percent."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class JobBars:
    """A job: what was planned, what has been done, and what is still to come, up to P50 and P90."""

    step: StepProgress
    job: JobProgress
    plan: Bar | None
    fact: Bar | None
    coming: Bar | None
    latest: Bar | None


@dataclass(frozen=True, slots=True)
class Chart:
    """`ticks` are days with their place; `now` and `due` are places, None outside of what is shown."""

    rows: tuple[JobBars, ...]
    ticks: tuple[tuple[date, float], ...]
    now: float | None
    due: float | None
    arrival: Bar | None


@dataclass(frozen=True, slots=True)
class _Scale:
    first_ms: int
    last_ms: int

    def place(self, at_ms: int) -> float:
        share = (at_ms - self.first_ms) / (self.last_ms - self.first_ms)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def inside(self, at_ms: int) -> float | None:
        return self.place(at_ms) if self.first_ms <= at_ms <= self.last_ms else None

    def bar(self, start_ms: int | None, end_ms: int | None) -> Bar | None:
        if start_ms is None or end_ms is None or end_ms < start_ms:
            return None
        x = self.place(start_ms)
        return Bar(x, round(max(self.place(end_ms) - x, 0.4), 2))


def chart_of(progress: OrderProgress, zone: ZoneInfo) -> Chart | None:
    """Return the chart; None where nothing is planned and nothing was begun."""
    moments = sorted(_moments(progress))
    if not moments:
        return None
    first = local_day(moments[0], zone)
    last = local_day(max(moments[-1], progress.due_ms - 1), zone) + timedelta(days=1)
    scale = _Scale(moment_ms(first, 0, zone), moment_ms(last, 0, zone))
    rows = tuple(_row(scale, progress.now_ms, step, job) for step in progress.steps for job in step.jobs)
    arrival = progress.arrival
    return Chart(
        rows=rows,
        ticks=tuple((day, scale.place(moment_ms(day, 0, zone))) for day in _ticks(first, last)),
        now=scale.inside(progress.now_ms),
        due=scale.inside(progress.due_ms),
        arrival=scale.bar(arrival.p10_ms, arrival.p90_ms) if arrival else None,
    )


def _row(scale: _Scale, now_ms: int, step: StepProgress, job: JobProgress) -> JobBars:
    over = job.progress in {Progress.DONE, Progress.CANCELLED}
    until_ms = job.finished_ms if over else now_ms
    arrival = None if over else step.arrival
    begins_ms = max(now_ms, job.planned_start_ms or now_ms) if job.started_ms is None else now_ms
    p50_ms, p90_ms = (arrival.p50_ms, arrival.p90_ms) if arrival else (None, None)
    return JobBars(
        step=step,
        job=job,
        plan=scale.bar(job.planned_start_ms, job.planned_end_ms),
        fact=scale.bar(job.started_ms, until_ms),
        coming=scale.bar(min(begins_ms, p50_ms), p50_ms) if p50_ms is not None else None,
        latest=scale.bar(p50_ms, p90_ms),
    )


def _moments(progress: OrderProgress) -> Iterable[int]:
    for step in progress.steps:
        for job in step.jobs:
            begun = job.started_ms, job.finished_ms, job.planned_start_ms, job.planned_end_ms
            yield from (at_ms for at_ms in begun if at_ms is not None)
        if step.arrival and step.arrival.p90_ms is not None and step.progress is not Progress.DONE:
            yield step.arrival.p90_ms
    if progress.arrival and progress.arrival.p90_ms is not None:
        yield progress.arrival.p90_ms


def _ticks(first: date, last: date) -> list[date]:
    """Return at most `MOST_TICKS` days: every day, or Mondays of every so many weeks."""
    days = [first + timedelta(days=number) for number in range((last - first).days)]
    if len(days) <= MOST_TICKS:
        return days
    mondays = [day for day in days if day.weekday() == 0]
    every = -(-len(mondays) // MOST_TICKS) if mondays else 1
    return mondays[::every]
