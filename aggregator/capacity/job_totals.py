"""Windows tagged with jobs and a machine's working time in, what was done for each job out."""

from collections.abc import Iterable, Sequence

from aggregator.capacity.cut import cut_to
from aggregator.model.job import NO_TIME, JobTotals
from aggregator.model.window import StateMs, Window


def jobs_of_day(windows: Iterable[Window], spans: Sequence[tuple[int, int]] = ()) -> list[JobTotals]:
    """Return what windows hold of each job, by job; `busy_ms` is RUNNING, SETUP and DOWN, at any hour.

    `spans` are the machine's working time (UTC ms), which `open_ms` is cut to.
    """
    found: dict[str, JobTotals] = {}
    for window in windows:
        if window.job:
            now = _of_window(window, spans)
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
        _together(one.open_ms, other.open_ms),
        _add(one.plain_cycles, other.plain_cycles),
        _add(one.plain_scrap, other.plain_scrap),
    )


def _of_window(window: Window, spans: Sequence[tuple[int, int]]) -> JobTotals:
    running, setup, _, down, _, _ = window.state_ms
    plain = window.good is None
    return JobTotals(
        window.job,
        running + setup + down,
        window.cycles,
        window.good,
        window.scrap,
        _within(window, spans),
        window.cycles if plain else 0,
        (window.scrap or 0) if plain else 0,
    )


def _within(window: Window, spans: Sequence[tuple[int, int]]) -> StateMs:
    """Return the window's states within the spans."""
    end_ms, found = window.start_ms + window.length_ms, NO_TIME
    for since_ms, until_ms in spans:
        if since_ms <= window.start_ms and end_ms <= until_ms:
            return window.state_ms
        if since_ms < end_ms and until_ms > window.start_ms:
            for part in cut_to([window], since_ms, until_ms):
                found = _together(found, part.state_ms)
    return found


def _together(one: StateMs, other: StateMs) -> StateMs:
    running, setup, idle, down, stop, offline = (a + b for a, b in zip(one, other, strict=True))
    return running, setup, idle, down, stop, offline


def _add(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)
