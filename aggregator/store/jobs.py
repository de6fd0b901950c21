"""Jobs, their steps and the capacity they hold, in rows; the caller brings the transaction."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, insert, select, update

from aggregator.model.job import Job, JobStatus
from aggregator.model.order import DraftStep
from aggregator.model.week import Week
from aggregator.store.planning_schema import commitments, jobs, steps

CLOSED = (JobStatus.DONE, JobStatus.CANCELLED)
OPEN = tuple(status for status in JobStatus if status not in CLOSED)
_step = TypeAdapter(DraftStep)


def read_jobs(connection: Connection, *, open_only: bool = True, order: str | None = None) -> list[Job]:
    """Return jobs by id; `open_only` those that hold capacity."""
    return find_jobs(connection, order=order, statuses=OPEN if open_only else None)


def find_jobs(
    connection: Connection,
    *,
    ids: Collection[str] | None = None,
    order: str | None = None,
    factories: Collection[str] | None = None,
    statuses: Collection[JobStatus] | None = None,
) -> list[Job]:
    """Return jobs by id: those that are all that is asked for."""
    wanted = [] if order is None else [jobs.c.order_id == order]
    for column, values in ((jobs.c.id, ids), (jobs.c.factory, factories), (jobs.c.status, statuses)):
        if values is not None:
            wanted.append(column.in_(list(values)))
    query = select(jobs).where(*wanted).order_by(jobs.c.id)
    held = select(commitments).join(jobs, jobs.c.id == commitments.c.job_id).where(*wanted)
    weeks: dict[str, list[tuple[Week, int]]] = {}
    for row in connection.execute(held.order_by(commitments.c.week)):
        weeks.setdefault(row.job_id, []).append((Week.parse(row.week), row.minutes))
    return [_job(row, weeks.get(row.id, [])) for row in connection.execute(query)]


def add_steps(connection: Connection, order: str, drafts: Sequence[DraftStep]) -> None:
    """Add the steps of an order, in the order of its routing."""
    rows = [
        {
            "order_id": order,
            "step": step.id,
            "position": position,
            "process": step.process,
            "document": _step.dump_json(step).decode(),
        }
        for position, step in enumerate(drafts, 1)
    ]
    connection.execute(insert(steps), rows)


def add_jobs(connection: Connection, added: Iterable[Job]) -> None:
    """Add jobs and commit the capacity that their work takes."""
    for job in added:
        connection.execute(insert(jobs).values(_row(job)))
        held = [{"job_id": job.id, "week": str(week), "minutes": minutes} for week, minutes in job.work]
        if held:
            connection.execute(insert(commitments), held)


def cancel_jobs(connection: Connection, order: str) -> list[str]:
    """Cancel the order's open jobs, which frees their capacity; return their ids."""
    cancelled = [job.id for job in read_jobs(connection, order=order)]
    statement = update(jobs).where(jobs.c.id.in_(cancelled)).values(status=JobStatus.CANCELLED.value)
    connection.execute(statement)
    return cancelled


def _row(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "order_id": job.order,
        "step": job.step,
        "factory": job.factory,
        "process": job.process,
        "pieces": job.pieces,
        "minutes": job.minutes,
        "pieces_per_cycle": job.pieces_per_cycle,
        "machines": json.dumps(sorted(job.machines), ensure_ascii=False),
        "machine": job.machine,
        "backup": job.backup,
        "status": job.status.value,
        "planned_start": job.planned_start.toordinal() if job.planned_start else None,
        "planned_end": job.planned_end.toordinal() if job.planned_end else None,
    }


def _job(row: Row[tuple[object, ...]], work: Sequence[tuple[Week, int]]) -> Job:
    return Job(
        id=row.id,
        order=row.order_id,
        step=row.step,
        factory=row.factory,
        process=row.process,
        pieces=row.pieces,
        minutes=row.minutes,
        pieces_per_cycle=row.pieces_per_cycle,
        machines=frozenset(json.loads(row.machines)),
        work=tuple(work),
        machine=row.machine,
        backup=row.backup,
        status=JobStatus(row.status),
        planned_start=_day(row.planned_start),
        planned_end=_day(row.planned_end),
    )


def _day(ordinal: int | None) -> date | None:
    return None if ordinal is None else date.fromordinal(ordinal)
