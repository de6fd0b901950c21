"""`jobs`, `handovers` and `reports`: what happens on the shop floor, entered by programs and read back."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from agent.contract.topics import valid_id
from aggregator.access.scope import Scope
from aggregator.api.caller import CallerScope, Found, caller_of
from aggregator.api.job_rows import (
    HandoverRow,
    JobRow,
    ReportRow,
    handover_row,
    job_row,
    report_row,
)
from aggregator.api.moments import to_ms
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.api.work_bodies import (
    ActBody,
    CorrectBody,
    HandoverBody,
    MoveBody,
    PauseBody,
    ReceivedBody,
    ReportBody,
    StartBody,
)
from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.work.correcting import Stretch
from aggregator.work.errors import NoSuchJob

router = APIRouter(prefix="/api/v1", tags=["work"])

Caller = Annotated[User, Depends(caller_of)]
JobId = Annotated[str, Path(description="Id of the job", examples=["2026-0042-1a"])]
HandoverId = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the hand-over")]
Nothing = Annotated[NoQuery, Query()]
_READS = responses(401, 422, 503)
_ENTERS = responses(400, 401, 403, 404, 409, 422, 503)


class JobList(BaseModel):
    """Jobs by id."""

    jobs: list[JobRow]


class ReportList(BaseModel):
    """Reports, the newest first."""

    reports: list[ReportRow]


class JobsQuery(NoQuery):
    """Which jobs."""

    order: str | None = Field(None, max_length=64, description="Only of this order", examples=["2026-0042"])
    factory: str | None = Field(None, max_length=64, description="Only of this factory", examples=["aoki"])
    status: JobStatus | None = Field(None, description="Only those that stand so")


class ReportsQuery(NoQuery):
    """Which reports."""

    job: str | None = Field(None, max_length=64, description="Only of this job", examples=["2026-0042-5a"])
    limit: int = Field(100, ge=1, le=1_000, description="At most this many, the newest")


@router.get("/jobs", responses=_READS, summary="Jobs")
def list_jobs(found: Found, scope: CallerScope, query: Annotated[JobsQuery, Query()]) -> JobList:
    """Jobs that the caller may see: a factory its own, the coordinator all."""
    if "\0" in (query.order or "") + (query.factory or ""):
        return JobList(jobs=[])
    statuses = None if query.status is None else [query.status]
    jobs = found.work.ledgers.jobs(
        order=query.order, factories=_within(scope, query.factory), statuses=statuses
    )
    return JobList(jobs=_rows(found, jobs))


@router.post("/jobs/{job}/start", responses=_ENTERS, summary="Start a job")
def start(*, found: Found, caller: Caller, job: JobId, body: StartBody, _: Nothing) -> JobRow:
    """Start it on a machine or by hand, again after a pause, or on one machine more."""
    act = body.act(caller)
    return _row(found, found.work.start(_known(job), act, body.machine, takeover=body.takeover))


@router.post("/jobs/{job}/pause", responses=_ENTERS, summary="Pause a job")
def pause(*, found: Found, caller: Caller, job: JobId, body: PauseBody, _: Nothing) -> JobRow:
    """Let it rest, on one machine or on all."""
    return _row(found, found.work.pause(_known(job), body.act(caller), body.machine))


@router.post("/jobs/{job}/finish", responses=_ENTERS, summary="Finish a job")
def finish(*, found: Found, caller: Caller, job: JobId, body: ActBody, _: Nothing) -> JobRow:
    """Say that it is done; where pieces are missing with a reason."""
    return _row(found, found.work.finish(_known(job), body.act(caller)))


@router.post("/jobs/{job}/reopen", responses=_ENTERS, summary="Reopen a job")
def reopen(*, found: Found, caller: Caller, job: JobId, body: ActBody, _: Nothing) -> JobRow:
    """Take back that it is done, with a reason."""
    return _row(found, found.work.reopen(_known(job), body.act(caller)))


@router.post("/jobs/{job}/move", status_code=201, responses=_ENTERS, summary="Move the rest of a job")
def move(*, found: Found, caller: Caller, job: JobId, body: MoveBody, _: Nothing) -> JobRow:
    """Close it at what it made, and let another factory make the rest; returns the new job. With a reason."""
    return _row(found, found.work.move(_known(job), body.act(caller), body.to_factory))


@router.post("/jobs/{job}/correct", responses=_ENTERS, summary="Correct a machine's time")
def correct(*, found: Found, caller: Caller, job: JobId, body: CorrectBody, _: Nothing) -> JobRow:
    """Count a stretch of time of a machine of the job's factory for the right job, with a reason."""
    known = found.work.job(_known(job), caller)
    key = MachineKey(known.factory, _known(body.machine))
    stretch = Stretch(key, to_ms(body.since), to_ms(body.until))
    right = None if body.right is None else _known(body.right)
    found.work.correct(stretch, body.act(caller), right)
    return _row(found, found.work.job(known.id, caller))


@router.post("/jobs/{job}/handovers", status_code=201, responses=_ENTERS, summary="Send pieces on")
def hand_over(*, found: Found, caller: Caller, job: JobId, body: HandoverBody, _: Nothing) -> HandoverRow:
    """Send good pieces to the next step, after the last one to the buyer."""
    to_job = None if body.to_job is None else _known(body.to_job)
    made = found.work.hand_over(_known(job), body.act(caller), body.sent, to_job)
    return handover_row(made, found.config.zone)


@router.post("/handovers/{handover}/received", responses=_ENTERS, summary="Count what came")
def received(
    *, found: Found, caller: Caller, handover: HandoverId, body: ReceivedBody, _: Nothing
) -> HandoverRow:
    """Enter what was accepted and rejected: the factory of the next step does, or the buyer."""
    made = found.work.receive(handover, body.act(caller), body.accepted, body.rejected)
    return handover_row(made, found.config.zone)


@router.get("/reports", responses=_READS, summary="Reported pieces")
def list_reports(found: Found, scope: CallerScope, query: Annotated[ReportsQuery, Query()]) -> ReportList:
    """Pieces that people reported, the newest first; of jobs that the caller may see."""
    jobs: Sequence[str] | None = None
    if scope is not None or query.job is not None:
        own = found.work.ledgers.jobs(factories=scope)
        jobs = [job.id for job in own if query.job in (None, job.id)]
    reports = found.work.ledgers.reports(jobs, query.limit)
    return ReportList(reports=[report_row(each, found.config.zone) for each in reports])


@router.post("/reports", status_code=201, responses=_ENTERS, summary="Report pieces")
def report(*, found: Found, caller: Caller, body: ReportBody, _: Nothing) -> ReportRow:
    """Enter good pieces and scrap that a person counted."""
    made = found.work.report(_known(body.job), body.act(caller), body.good, body.scrap)
    return report_row(made, found.config.zone)


def _known(name: str) -> str:
    """Return the id; raises NoSuchJob for what no id can be."""
    if not valid_id(name):
        raise NoSuchJob("there is no such job or machine here")
    return name


def _within(scope: Scope, factory: str | None) -> Scope:
    if factory is None:
        return scope
    return [factory] if scope is None or factory in scope else []


def _row(found: Services, job: Job) -> JobRow:
    return _rows(found, [job])[0]


def _rows(found: Services, jobs: Sequence[Job]) -> list[JobRow]:
    ledgers = found.work.ledgers.ledgers([job.id for job in jobs])
    working: dict[str, list[str]] = {}
    for each in found.work.ledgers.assignments(open_only=True):
        working.setdefault(each.job, []).append(each.key.machine)
    totals, zone = found.days.jobs(), found.config.zone
    return [job_row(job, ledgers[job.id], totals.get(job.id), working.get(job.id, []), zone) for job in jobs]
