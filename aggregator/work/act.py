"""Who does something about a job, when it happened and why, and what everyone may do. Pure."""

from dataclasses import dataclass

from aggregator.model.job import Job
from aggregator.model.machine import MachineKey
from aggregator.model.user import Role, User
from aggregator.model.work import EventKind, JobEvent, Source
from aggregator.work.errors import NoSuchJob, NotAllowed, ReasonNeeded, WrongNumber

HOUR_MS = 3_600_000
BACK_MS = 48 * HOUR_MS
"""So long ago a thing may have happened that is entered now: the tablet had no connection."""
AHEAD_MS = 60_000
"""Clocks of tablets go ahead by so much."""


@dataclass(frozen=True, slots=True)
class Act:
    """`at_ms` None is now. What comes again with the same `request` is entered once."""

    by: User
    at_ms: int | None = None
    reason: str | None = None
    request: str | None = None
    source: Source = Source.REPORTED

    def moment(self, now_ms: int) -> int:
        """Return when it happened; raises WrongNumber for what is too long ago or not yet."""
        if self.at_ms is None:
            return now_ms
        if self.at_ms > now_ms + AHEAD_MS and self.source is Source.REPORTED:
            raise WrongNumber("at", "is not over yet")
        if self.at_ms < now_ms - BACK_MS and self.source is Source.REPORTED:
            raise WrongNumber("at", f"is longer ago than {BACK_MS // HOUR_MS} hours")
        return min(self.at_ms, now_ms)

    def event(self, job: str, kind: EventKind, at_ms: int, now_ms: int, machine: str | None) -> JobEvent:
        """Return the entry in a job's ledger."""
        return JobEvent(0, job, kind, at_ms, now_ms, self.by.name, self.source, machine, self.reason)

    def need_reason(self, kind: str, sentence: str) -> None:
        """Raise ReasonNeeded unless there is one."""
        if not (self.reason and self.reason.strip()):
            raise ReasonNeeded(kind, sentence)


def by_machine(key: MachineKey, at_ms: int) -> Act:
    """Return what a machine itself says."""
    name = f"machine {key.factory}/{key.machine}"
    return Act(User(name, Role.FACTORY, key.factory), at_ms, source=Source.MEASURED)


def may_work(by: User, factory: str) -> bool:
    """Tell whether someone enters what happens at a factory: its own people do, and the coordinator."""
    return by.role is Role.COORDINATOR or (by.role is Role.FACTORY and by.factory == factory)


def own(job: Job | None, by: User, name: str) -> Job:
    """Return the job if the person may work on it; raises NoSuchJob: what is not theirs is not there."""
    if job is None or not may_work(by, job.factory):
        raise NoSuchJob(f"there is no job {name} here")
    return job


def decides(by: User) -> None:
    """Raise NotAllowed unless the person decides for the whole federation."""
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("only the coordinator moves work from one factory to another")
