"""Windows tagged with jobs in, what was done for each job out."""

from collections.abc import Iterable

from aggregator.model.job import JobTotals
from aggregator.model.window import Window


def jobs_of_day(windows: Iterable[Window]) -> list[JobTotals]:
    """Return what windows hold of each job, by job; `busy_ms` is RUNNING, SETUP and DOWN, at any hour."""
    found: dict[str, JobTotals] = {}
    for window in windows:
        if window.job:
            running, setup, _, down, _, _ = window.state_ms
            now = JobTotals(window.job, running + setup + down, window.cycles, window.good, window.scrap)
            before = found.get(window.job)
            found[window.job] = now if before is None else add_jobs(before, now)
    return [found[job] for job in sorted(found)]


def add_jobs(one: JobTotals, other: JobTotals) -> JobTotals:
    """Return the sum of two of the same job."""
    return JobTotals(
        one.job,
        one.busy_ms + other.busy_ms,
        one.cycles + other.cycles,
        _add(one.good, other.good),
        _add(one.scrap, other.scrap),
    )


def _add(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)
