"""Work on jobs in rows: assignments, events, reports and hand-overs; the caller brings the transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update

from aggregator.model.machine import MachineKey
from aggregator.model.work import Assignment, EventKind, Handover, JobEvent, JobLedger, Report, Source
from aggregator.store.work_schema import assignments, handovers, job_events, reports, retaggings

_AT_ONCE = 500
"""Jobs looked up in one query: databases bound the number of parameters."""


def read_assignments(
    connection: Connection,
    key: MachineKey | None = None,
    *,
    jobs: Collection[str] | None = None,
    open_only: bool = False,
    unsettled_only: bool = False,
) -> list[Assignment]:
    """Return assignments by id: of a machine, of jobs, of all; `open_only` those without an end.

    `unsettled_only`: those and what agents did not let go of.
    """
    query = select(assignments).order_by(assignments.c.id)
    if key is not None:
        query = query.where(assignments.c.factory == key.factory, assignments.c.machine == key.machine)
    if jobs is not None:
        query = query.where(assignments.c.job.in_(jobs))
    if open_only:
        query = query.where(assignments.c.until_ms.is_(None))
    if unsettled_only:
        query = query.where(or_(assignments.c.until_ms.is_(None), assignments.c.released_ms.is_(None)))
    return [_assignment(row) for row in connection.execute(query)]


def add_assignment(  # noqa: PLR0917 (the columns, in their order)
    connection: Connection,
    key: MachineKey,
    job: str,
    since_ms: int,
    until_ms: int | None = None,
    released_ms: int | None = None,
    source: Source = Source.REPORTED,
) -> int:
    """Add an assignment, note what has to be tagged anew, and return its id."""
    row = {
        **{"factory": key.factory, "machine": key.machine, "job": job, "source": source.value},
        **{"since_ms": since_ms, "until_ms": until_ms, "released_ms": released_ms},
    }
    number = connection.execute(insert(assignments).values(row)).inserted_primary_key
    _note_retagging(connection, key, since_ms, until_ms)
    assert number is not None
    return int(number[0])


def end_assignment(
    connection: Connection, found: Assignment, until_ms: int, released_ms: int | None = None
) -> None:
    """End an open assignment and note what has to be tagged anew."""
    end_ms = max(until_ms, found.since_ms)
    values = {"until_ms": end_ms, "released_ms": released_ms}
    connection.execute(update(assignments).where(assignments.c.id == found.id).values(values))
    _note_retagging(connection, found.key, end_ms, None)


def release_assignment(connection: Connection, found: Assignment, at_ms: int) -> None:
    """Note that the machine's agent let go of an ended job."""
    connection.execute(update(assignments).where(assignments.c.id == found.id).values(released_ms=at_ms))
    _note_retagging(connection, found.key, at_ms, at_ms)


def _note_retagging(connection: Connection, key: MachineKey, since_ms: int, until_ms: int | None) -> None:
    row = {"factory": key.factory, "machine": key.machine, "since_ms": since_ms, "until_ms": until_ms}
    connection.execute(insert(retaggings).values(row))


def changed_last(connection: Connection) -> int:
    """Return a number that grows with every change of an assignment."""
    return connection.scalar(select(func.max(retaggings.c.id))) or 0


def add_event(connection: Connection, event: JobEvent, request: str | None = None) -> None:
    """Add an entry to a job's ledger; its id is given here."""
    row = {
        **{"job_id": event.job, "kind": event.kind.value, "at_ms": event.at_ms},
        **{"recorded_ms": event.recorded_ms, "who": event.who, "source": event.source.value},
        **{"machine": event.machine, "reason": event.reason, "request": request},
    }
    connection.execute(insert(job_events).values(row))


def event_of_request(connection: Connection, request: str) -> JobEvent | None:
    """Return the entry that was made for a request."""
    row = connection.execute(select(job_events).where(job_events.c.request == request)).first()
    return _event(row) if row else None


def add_report(connection: Connection, report: Report, request: str | None = None) -> int:
    """Add pieces that a person reports; return the report's id."""
    row = {
        **{"job_id": report.job, "at_ms": report.at_ms, "good": report.good, "scrap": report.scrap},
        **{"who": report.who, "reason": report.reason, "request": request},
    }
    number = connection.execute(insert(reports).values(row)).inserted_primary_key
    assert number is not None
    return int(number[0])


def report_of_request(connection: Connection, request: str) -> Report | None:
    """Return the report that was made for a request."""
    row = connection.execute(select(reports).where(reports.c.request == request)).first()
    return _report(row) if row else None


def read_reports(connection: Connection, jobs: Collection[str] | None, limit: int) -> list[Report]:
    """Return the newest reports of these jobs (None: all), newest first."""
    query = select(reports).order_by(reports.c.id.desc()).limit(limit)
    if jobs is not None:
        query = query.where(reports.c.job_id.in_(jobs))
    return [_report(row) for row in connection.execute(query)]


def reported_good(connection: Connection, jobs: Collection[str] | None = None) -> dict[str, int]:
    """Return the good pieces that people reported, by job; jobs without a report are absent."""
    query = select(reports.c.job_id, func.sum(reports.c.good)).group_by(reports.c.job_id)
    if jobs is not None:
        query = query.where(reports.c.job_id.in_(jobs))
    return {job: int(good) for job, good in connection.execute(query)}


def add_handover(connection: Connection, handover: Handover, request: str | None = None) -> int:
    """Add pieces that are sent on; return the hand-over's id."""
    row = {
        **{"order_id": handover.order, "from_job": handover.from_job, "to_job": handover.to_job},
        **{"sent": handover.sent, "sent_ms": handover.sent_ms, "sent_by": handover.sent_by},
        "request": request,
    }
    number = connection.execute(insert(handovers).values(row)).inserted_primary_key
    assert number is not None
    return int(number[0])


def handover_of_request(connection: Connection, request: str) -> Handover | None:
    """Return the hand-over that was made for a request."""
    row = connection.execute(select(handovers).where(handovers.c.request == request)).first()
    return _handover(row) if row else None


def read_handover(connection: Connection, number: int) -> Handover | None:
    """Return a hand-over by its id."""
    row = connection.execute(select(handovers).where(handovers.c.id == number)).first()
    return _handover(row) if row else None


def receive_handover(  # noqa: PLR0917 (the columns, in their order)
    connection: Connection, number: int, accepted: int, rejected: int, at_ms: int, who: str
) -> None:  # fmt: skip
    """Note what the receiver counted."""
    values = {"accepted": accepted, "rejected": rejected, "received_ms": at_ms, "received_by": who}
    connection.execute(update(handovers).where(handovers.c.id == number).values(values))


def read_handovers(connection: Connection, order: str) -> list[Handover]:
    """Return an order's hand-overs, oldest first."""
    query = select(handovers).where(handovers.c.order_id == order).order_by(handovers.c.id)
    return [_handover(row) for row in connection.execute(query)]


def read_ledgers(connection: Connection, jobs: Collection[str]) -> dict[str, JobLedger]:
    """Return the ledger of each of these jobs, empty ones too."""
    events: dict[str, list[JobEvent]] = defaultdict(list)
    reported: dict[str, list[Report]] = defaultdict(list)
    sent: dict[str, list[Handover]] = defaultdict(list)
    received: dict[str, list[Handover]] = defaultdict(list)
    for some in _chunks(sorted(jobs)):
        for row in _of(connection, select(job_events), job_events.c.job_id, some):
            events[row.job_id].append(_event(row))
        for row in _of(connection, select(reports), reports.c.job_id, some):
            reported[row.job_id].append(_report(row))
        found = select(handovers).where(or_(handovers.c.from_job.in_(some), handovers.c.to_job.in_(some)))
        for row in connection.execute(found.order_by(handovers.c.id)):
            if row.from_job in some:
                sent[row.from_job].append(_handover(row))
            if row.to_job in some:
                received[row.to_job].append(_handover(row))
    return {
        job: JobLedger(job, tuple(events[job]), tuple(reported[job]), tuple(sent[job]), tuple(received[job]))
        for job in jobs
    }


def _of(connection: Connection, query: Select[Any], column: Any, jobs: list[str]) -> Iterable[Row[Any]]:
    return connection.execute(query.where(column.in_(jobs)).order_by("id"))


def _chunks(jobs: list[str]) -> Iterable[list[str]]:
    return (jobs[at : at + _AT_ONCE] for at in range(0, len(jobs), _AT_ONCE))


def _assignment(row: Row[Any]) -> Assignment:
    key = MachineKey(row.factory, row.machine)
    return Assignment(
        row.id, key, row.job, row.since_ms, row.until_ms, row.released_ms, Source(row.source)
    )  # fmt: skip


def _event(row: Row[Any]) -> JobEvent:
    return JobEvent(
        id=row.id,
        job=row.job_id,
        kind=EventKind(row.kind),
        at_ms=row.at_ms,
        recorded_ms=row.recorded_ms,
        who=row.who,
        source=Source(row.source),
        machine=row.machine,
        reason=row.reason,
    )


def _report(row: Row[Any]) -> Report:
    return Report(row.id, row.job_id, row.at_ms, row.good, row.scrap, row.who, row.reason)


def _handover(row: Row[Any]) -> Handover:
    return Handover(
        id=row.id,
        order=row.order_id,
        from_job=row.from_job,
        to_job=row.to_job,
        sent=row.sent,
        sent_ms=row.sent_ms,
        sent_by=row.sent_by,
        accepted=row.accepted,
        rejected=row.rejected,
        received_ms=row.received_ms,
        received_by=row.received_by,
    )
