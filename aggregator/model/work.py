"""Work on jobs as it really happens: who started what where and when, pieces reported, goods handed over.

All times are UTC milliseconds. What is recorded is never changed: what was wrong gets a later entry.
"""

from dataclasses import dataclass
from enum import StrEnum

from aggregator.model.machine import MachineKey


class Source(StrEnum):
    """Where a number or an entry comes from: a machine measured it, or a person reported it."""

    MEASURED = "measured"
    REPORTED = "reported"


class EventKind(StrEnum):
    """What happened to a job.

    `started` also after a pause; `moved`: the rest went to another factory; `corrected`: time or pieces of it
    were put right; `reopened`: it was called finished too early.
    """

    STARTED = "started"
    PAUSED = "paused"
    FINISHED = "finished"
    REOPENED = "reopened"
    MOVED = "moved"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A machine works on `job` ("" for none) from `since_ms` until `until_ms` (None: until further notice).

    Of assignments that overlap on a machine the one with the highest `id` counts; where there is none, the
    tag that the agent gave a window stands. `released_ms` is when the agent was first heard without the job
    after its end (None: not yet): until then the job's tag on later windows only says that the agent had not
    heard of the end. `source` is MEASURED where the machine itself began it: then it ends it too.
    """

    id: int
    key: MachineKey
    job: str
    since_ms: int
    until_ms: int | None = None
    released_ms: int | None = None
    source: Source = Source.REPORTED


@dataclass(frozen=True, slots=True)
class JobEvent:
    """An entry of a job's ledger: what happened `at_ms`, entered `recorded_ms` by `who`.

    `source` is MEASURED where the machine itself said it. `machine` is the one concerned, if any.
    """

    id: int
    job: str
    kind: EventKind
    at_ms: int
    recorded_ms: int
    who: str
    source: Source
    machine: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Pieces that a person reports of a job; a correction has negative numbers and a reason."""

    id: int
    job: str
    at_ms: int
    good: int
    scrap: int
    who: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Pieces of a job sent on: to `to_job` of the next step, or to the buyer (None).

    `accepted` and `rejected` are what the receiver counted, None until then.
    """

    id: int
    order: str
    from_job: str
    to_job: str | None
    sent: int
    sent_ms: int
    sent_by: str
    accepted: int | None = None
    rejected: int | None = None
    received_ms: int | None = None
    received_by: str | None = None


@dataclass(frozen=True, slots=True)
class JobLedger:
    """All that was entered of a job, oldest first; `received` are hand-overs to it."""

    job: str
    events: tuple[JobEvent, ...] = ()
    reports: tuple[Report, ...] = ()
    sent: tuple[Handover, ...] = ()
    received: tuple[Handover, ...] = ()

    @property
    def good(self) -> int:
        """Good pieces that people reported, corrections included."""
        return sum(report.good for report in self.reports)

    @property
    def scrap(self) -> int:
        """Scrap that people reported, corrections included."""
        return sum(report.scrap for report in self.reports)
