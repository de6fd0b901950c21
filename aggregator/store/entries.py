"""What can be read and entered within one decision about work: the state of this moment, and rows to add."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import OrderStatus
from aggregator.model.order import OrderDraft
from aggregator.model.work import Assignment, Handover, JobEvent, JobLedger, Report, Source
from aggregator.store import work_rows
from aggregator.store.audit import append
from aggregator.store.jobs import add_jobs, find_jobs, read_jobs
from aggregator.store.planning_schema import jobs, orders
from aggregator.store.proposals import read_draft, set_order_status


class Entries:
    """Lives as long as its transaction, in which nothing changes but what is entered here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def job(self, job: str) -> Job | None:
        """Return a job as it is now; None when there is none of that id."""
        return next(iter(find_jobs(self._connection, ids=[job])), None)

    def jobs(self, order: str) -> list[Job]:
        """Return all jobs of an order, closed ones too."""
        return find_jobs(self._connection, order=order)

    def open_jobs(self) -> list[Job]:
        """Return the jobs that hold capacity now."""
        return read_jobs(self._connection)

    def draft(self, order: str) -> OrderDraft:
        """Return the order as it was last drafted."""
        return read_draft(self._connection, order)

    def order_status(self, order: str) -> OrderStatus:
        """Return where the order stands."""
        return OrderStatus(self._connection.execute(select(orders.c.status).filter_by(id=order)).scalar_one())

    def set_order_status(self, order: str, status: OrderStatus) -> None:
        """Note where the order stands."""
        set_order_status(self._connection, order, status)

    def set_job(self, job: str, status: JobStatus, machine: str | None = None) -> None:
        """Note what is done on a job, and on which machine if on a single one."""
        values = {"status": status.value, "machine": machine}
        self._connection.execute(update(jobs).where(jobs.c.id == job).values(values))

    def resize_job(self, job: str, pieces: int, minutes: int) -> None:
        """Note that a job is to make other pieces than planned."""
        values = {"pieces": pieces, "minutes": minutes}
        self._connection.execute(update(jobs).where(jobs.c.id == job).values(values))

    def add_job(self, job: Job) -> None:
        """Add a job and commit the capacity that its work takes."""
        add_jobs(self._connection, [job])

    def assignments(
        self, key: MachineKey | None = None, *, job: str | None = None, open_only: bool = False
    ) -> list[Assignment]:
        """Return assignments by id, of a machine or of a job; `open_only` those without an end."""
        of_jobs = None if job is None else [job]
        return work_rows.read_assignments(self._connection, key, jobs=of_jobs, open_only=open_only)

    def assign(  # noqa: PLR0917 (as `Assignment` has them)
        self,
        key: MachineKey,
        job: str,
        since_ms: int,
        until_ms: int | None = None,
        released_ms: int | None = None,
        source: Source = Source.REPORTED,
    ) -> int:
        """Say what the machine works on; windows that are stored already will be tagged anew."""
        return work_rows.add_assignment(
            self._connection, key, job, since_ms, until_ms, released_ms, source
        )  # fmt: skip

    def end(self, assignment: Assignment, until_ms: int, released_ms: int | None = None) -> None:
        """End an open assignment."""
        work_rows.end_assignment(self._connection, assignment, until_ms, released_ms)

    def release(self, assignment: Assignment, at_ms: int) -> None:
        """Note that the agent let go of an ended job."""
        work_rows.release_assignment(self._connection, assignment, at_ms)

    def event(self, event: JobEvent, request: str | None = None) -> None:
        """Add an entry to the job's ledger; its id is given by the store."""
        work_rows.add_event(self._connection, event, request)

    def event_of(self, request: str) -> JobEvent | None:
        """Return what was entered for this request before."""
        return work_rows.event_of_request(self._connection, request)

    def report(self, report: Report, request: str | None = None) -> int:
        """Add a report; return its id."""
        return work_rows.add_report(self._connection, report, request)

    def report_of(self, request: str) -> Report | None:
        """Return the report that was made for this request before."""
        return work_rows.report_of_request(self._connection, request)

    def send(self, handover: Handover, request: str | None = None) -> int:
        """Add a hand-over; return its id."""
        return work_rows.add_handover(self._connection, handover, request)

    def handover_of(self, request: str) -> Handover | None:
        """Return the hand-over that was made for this request before."""
        return work_rows.handover_of_request(self._connection, request)

    def handover(self, handover: int) -> Handover | None:
        """Return a hand-over; None when there is none of that id."""
        return work_rows.read_handover(self._connection, handover)

    def handovers(self, order: str) -> list[Handover]:
        """Return the order's hand-overs, oldest first."""
        return work_rows.read_handovers(self._connection, order)

    def receive(self, handover: int, accepted: int, rejected: int, at_ms: int, who: str) -> None:
        """Note what the receiver counted."""
        work_rows.receive_handover(self._connection, handover, accepted, rejected, at_ms, who)

    def ledger(self, job: str) -> JobLedger:
        """Return all that was entered of a job."""
        return work_rows.read_ledgers(self._connection, [job])[job]

    def log(self, at_ms: int, who: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Append to the audit log."""
        append(self._connection, at_ms, who, action, subject, detail)
