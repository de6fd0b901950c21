"""Time of a machine that was counted for the wrong job, or for none, is put right. Within one decision."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.work import EventKind
from aggregator.store.entries import Entries
from aggregator.work.act import HOUR_MS, Act
from aggregator.work.errors import NotNow, WrongNumber
from aggregator.work.running import settle

LONGEST_MS = 7 * 24 * HOUR_MS
OLDEST_MS = 180 * 24 * HOUR_MS
"""Days are measured anew so far back."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A machine's time, `[since_ms, until_ms)`; windows that begin in it are meant, whole."""

    key: MachineKey
    since_ms: int
    until_ms: int

    def check(self, now_ms: int) -> None:
        """Raise WrongNumber for time that cannot be corrected."""
        if self.until_ms > now_ms:
            raise WrongNumber("until", "is not over yet")
        if self.since_ms >= self.until_ms:
            raise WrongNumber("since", "has to be before until")
        if self.until_ms - self.since_ms > LONGEST_MS:
            raise WrongNumber("until", "correct at most seven days at once")
        if self.since_ms < now_ms - OLDEST_MS:
            raise WrongNumber("since", "is older than what is kept")


def correct(  # noqa: PLR0917
    entries: Entries, stretch: Stretch, right: Job | None, counted: Collection[str], act: Act, now_ms: int
) -> None:
    """Count the stretch for the `right` job, or for none; `counted` are the jobs that had it until now.

    An agent never held this: what it tags afterwards is its own again, so the assignment is released at once.
    """
    act.need_reason("correction", "time is counted otherwise than it was entered")
    if right is not None:
        _check(right, stretch)
    overlapping = {
        each.job
        for each in entries.assignments(stretch.key)
        if each.since_ms < stretch.until_ms and (each.until_ms is None or each.until_ms > stretch.since_ms)
    }
    name = right.id if right else ""
    entries.assign(stretch.key, name, stretch.since_ms, stretch.until_ms, stretch.until_ms)
    if right is not None and right.status is JobStatus.PLANNED:
        _begin(entries, right, stretch, act, now_ms)
    request = act.request
    for job in sorted({name, *overlapping, *counted} - {""}, key=lambda job: (job != name, job)):
        known = entries.job(job)
        if known is not None and known.factory == stretch.key.factory:
            event = act.event(job, EventKind.CORRECTED, stretch.since_ms, now_ms, stretch.key.machine)
            entries.event(event, request)
            request = None
    detail = {
        **{"machine": stretch.key.machine, "since_ms": stretch.since_ms, "until_ms": stretch.until_ms},
        **{"job": name or None, "reason": act.reason},
    }
    entries.log(now_ms, act.by.name, "work corrected", f"{stretch.key.factory}/{stretch.key.machine}", detail)


def _check(right: Job, stretch: Stretch) -> None:
    if right.factory != stretch.key.factory:
        raise NotNow(
            "other_factory", f"job {right.id} is not made where machine {stretch.key.machine} stands"
        )
    if right.status is JobStatus.CANCELLED:
        raise NotNow("cancelled", f"job {right.id} is cancelled")


def _begin(entries: Entries, right: Job, stretch: Stretch, act: Act, now_ms: int) -> None:
    """A job that got time was begun, and rests now."""
    plain = replace(act, request=None)
    for kind, at_ms in ((EventKind.STARTED, stretch.since_ms), (EventKind.PAUSED, stretch.until_ms)):
        entries.event(plain.event(right.id, kind, at_ms, now_ms, stretch.key.machine))
    settle(entries, right, JobStatus.PAUSED)
