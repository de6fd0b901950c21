"""Jobs, reports and hand-overs in JSON."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from aggregator.api.moments import from_ms
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.progress import JobFacts
from aggregator.model.work import EventKind, Handover, JobLedger, Report, Source
from aggregator.progress.pieces import pieces_of


class EventRow(BaseModel):
    """Something that happened to a job."""

    kind: EventKind = Field(description="What")
    at: datetime = Field(description="When it happened")
    recorded: datetime = Field(description="When it was entered")
    who: str = Field(description="Who entered it, a person or a machine")
    source: Source = Field(description="`measured`: the machine itself said it")
    machine: str | None = Field(description="Id of the machine concerned")
    reason: str | None = Field(description="Why")


class HandoverRow(BaseModel):
    """Pieces that were sent on."""

    id: int = Field(description="Number of the hand-over")
    order: str = Field(description="Id of the order")
    from_job: str = Field(description="Id of the job that made them")
    to_job: str | None = Field(description="Id of the job that takes them; null: the buyer")
    sent: int = Field(description="Pieces sent")
    sent_at: datetime = Field(description="When")
    accepted: int | None = Field(description="What the receiver took; null: not counted yet")
    rejected: int | None = Field(description="What went back; null: not counted yet")
    received_at: datetime | None = Field(description="When it was counted")


class ReportRow(BaseModel):
    """Pieces that a person reported."""

    id: int = Field(description="Number of the report")
    job: str = Field(description="Id of the job")
    at: datetime = Field(description="When they were counted")
    good: int = Field(description="Good pieces; below zero: a correction")
    scrap: int = Field(description="Scrapped pieces")
    who: str = Field(description="Who reported them")
    reason: str | None = Field(description="Why")


class JobRow(BaseModel):
    """A job, how far it is, and its ledger."""

    job: str = Field(description="Id of the job", examples=["2026-0042-1a"])
    order: str = Field(description="Id of the order")
    step: str = Field(description="Id of the step")
    factory: str = Field(description="Id of the factory")
    process: str = Field(description="Process id")
    status: JobStatus = Field(description="Where it stands")
    pieces: int = Field(description="Good pieces wanted")
    good: int = Field(description="Good pieces so far, measured and reported")
    measured: int = Field(description="Of these measured by machines")
    reported: int = Field(description="Of these reported by people")
    scrap: int | None = Field(description="Scrap; null: nobody counts it")
    machines: list[str] = Field(description="Machines that can take it")
    working: list[str] = Field(description="Machines that work on it now")
    backup: str | None = Field(description="Id of the factory that stands ready instead")
    events: list[EventRow] = Field(description="What happened, oldest first")
    sent: list[HandoverRow] = Field(description="Pieces sent on")
    received: list[HandoverRow] = Field(description="Pieces from the steps before")


def job_row(
    job: Job, ledger: JobLedger, totals: JobTotals | None, working: Sequence[str], zone: ZoneInfo
) -> JobRow:
    """Return a job as the API tells it."""
    pieces = pieces_of(JobFacts(job, totals, reports=ledger.reports))
    return JobRow(
        job=job.id,
        order=job.order,
        step=job.step,
        factory=job.factory,
        process=job.process,
        status=job.status,
        pieces=job.pieces,
        good=pieces.good,
        measured=pieces.measured,
        reported=pieces.reported,
        scrap=pieces.scrap,
        machines=sorted(job.machines),
        working=sorted(working),
        backup=job.backup,
        events=[
            EventRow(
                kind=each.kind,
                at=from_ms(each.at_ms, zone),
                recorded=from_ms(each.recorded_ms, zone),
                who=each.who,
                source=each.source,
                machine=each.machine,
                reason=each.reason,
            )
            for each in ledger.events
        ],
        sent=[handover_row(each, zone) for each in ledger.sent],
        received=[handover_row(each, zone) for each in ledger.received],
    )


def handover_row(handover: Handover, zone: ZoneInfo) -> HandoverRow:
    """Return a hand-over as the API tells it."""
    received_ms = handover.received_ms
    return HandoverRow(
        id=handover.id,
        order=handover.order,
        from_job=handover.from_job,
        to_job=handover.to_job,
        sent=handover.sent,
        sent_at=from_ms(handover.sent_ms, zone),
        accepted=handover.accepted,
        rejected=handover.rejected,
        received_at=None if received_ms is None else from_ms(received_ms, zone),
    )


def report_row(report: Report, zone: ZoneInfo) -> ReportRow:
    """Return a report as the API tells it."""
    return ReportRow(
        id=report.id,
        job=report.job,
        at=from_ms(report.at_ms, zone),
        good=report.good,
        scrap=report.scrap,
        who=report.who,
        reason=report.reason,
    )
