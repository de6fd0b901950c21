"""Counts cycles by job exactly: windows as stored and each machine's live count in, cycles of every job out.

Pure. A machine's running total says how many cycles there were since the end of its newest window, so what is
live never vanishes before it is stored, and is never counted twice, however late a window is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from aggregator.capacity.job_totals import add_jobs, jobs_of_day
from aggregator.model.job import JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.model.work import Assignment

_MAX_TURNS = 50
"""So many changes of job are remembered between two windows; one that changes more often is counted late."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A machine's windows from the local day `since` on, added up by job; None: it has none.

    `through_total` is the machine's running total at the end of the newest one that said any, and `job` the
    tag that one had.
    """

    since: date
    jobs: Mapping[str, JobTotals]
    through_total: int | None = None
    job: str = ""


def count_windows(since: date, windows: Sequence[Window]) -> Counted:
    """Return what these windows (in time order, all from `since` on) come to."""
    jobs = {totals.job: totals for totals in jobs_of_day(windows)}
    newest = next((each for each in reversed(windows) if each.cycles_total is not None), None)
    if newest is None:
        return Counted(since, jobs)
    return Counted(since, jobs, newest.cycles_total, newest.job)


def job_now(live_job: str, assignments: Iterable[Assignment], now_ms: int) -> str:
    """Return the job a machine works on, "" for none: what people and programs said wins over its agent.

    An agent that has not heard of an assignment's end yet still shows its job: then it works on none.
    """
    begun = [each for each in assignments if each.since_ms <= now_ms]
    holding = [each for each in begun if each.until_ms is None or each.until_ms > now_ms]
    if holding:
        return max(holding, key=lambda each: each.id).job
    unheard = {each.job for each in begun if each.released_ms is None}
    return "" if live_job in unheard else live_job


class Tally:
    """One machine: what is counted in its windows, and what it did since. `total` is its running total."""

    def __init__(self) -> None:
        self.counted: Counted | None = None
        self._turns: list[tuple[int, str]] = []  # running total from which on it worked on the job
        self._total: int | None = None

    def put(self, counted: Counted) -> None:
        """Note what the windows come to now."""
        self.counted = counted
        through = counted.through_total
        if through is not None:  # turns that are over by then say nothing any more
            over = [index for index, (total, _) in enumerate(self._turns) if total <= through]
            self._turns = self._turns[over[-1] :] if over else self._turns

    def show(self, total: int | None, job: str) -> None:
        """Note what the machine shows now, and on which job it works."""
        if total is None:
            return
        if self._total is not None and total < self._total:
            self._turns.clear()  # it counts anew
        self._total = total
        if not self._turns:
            self._turns.append((self._since_newest_window(total, job), job))
        elif self._turns[-1][1] != job:
            self._turns = [*self._turns[1 - _MAX_TURNS :], (total, job)]

    def live_cycles(self) -> dict[str, int]:
        """Return the cycles by job that no window has yet."""
        if self._total is None or self.counted is None:
            return {}
        through = self.counted.through_total
        if through is None and self.counted.jobs:
            return {}  # its windows do not tell what they hold of the running total
        through = through or 0  # a new machine: all since it was seen first
        ends = [total for total, _ in self._turns[1:]] + [self._total]
        found: dict[str, int] = {}
        for (begin, job), end in zip(self._turns, ends, strict=True):
            cycles = end - max(begin, through)
            if job and cycles > 0:
                found[job] = found.get(job, 0) + cycles
        return found

    def _since_newest_window(self, total: int, job: str) -> int:
        """Seen for the first time: what it made since the newest window was for the job that window had."""
        counted = self.counted
        if counted is None or counted.through_total is None or counted.job != job:
            return total
        return min(counted.through_total, total)


def totals_by_job(
    jobs: Iterable[str],
    days: Mapping[str, Mapping[tuple[MachineKey, date], JobTotals]],
    tallies: Mapping[MachineKey, Tally],
) -> dict[str, JobTotals]:
    """Return what machines did for each of these jobs, as stored: recent days by tally, others by `days`."""
    wanted = frozenset(jobs)
    found: dict[str, list[JobTotals]] = {job: [] for job in wanted}
    for job in wanted:
        for (key, day), totals in days.get(job, {}).items():
            counted = tallies[key].counted if key in tallies else None
            if counted is None or day < counted.since:
                found[job].append(totals)
    for tally in tallies.values():
        recent = tally.counted.jobs if tally.counted else {}
        for job in wanted & recent.keys():
            found[job].append(recent[job])
    return {job: reduce(add_jobs, parts) for job, parts in found.items() if parts}


def live_by_job(tallies: Iterable[Tally]) -> dict[str, int]:
    """Return cycles by job that no window has yet."""
    found: dict[str, int] = {}
    for tally in tallies:
        for job, cycles in tally.live_cycles().items():
            found[job] = found.get(job, 0) + cycles
    return found
