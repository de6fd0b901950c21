"""Work on jobs as stored: assignments of machines, events, reports of pieces, hand-overs, and what follows.

Whatever is decided about work is one write transaction (`deciding`) together with its entry in the audit log,
one after the other with all decisions of planning. Reading never waits for that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Engine, func, select, update

from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import MatchStatus
from aggregator.model.work import Assignment, Handover, JobLedger, Report
from aggregator.store.database import reading, writing
from aggregator.store.entries import Entries
from aggregator.store.jobs import find_jobs
from aggregator.store.planning_schema import audit, jobs, proposals
from aggregator.store.proposals import serialise
from aggregator.store.work_rows import (
    changed_last,
    read_assignments,
    read_handover,
    read_handovers,
    read_ledgers,
    read_reports,
    reported_good,
)
from aggregator.store.work_schema import retaggings


class Retagging(NamedTuple):
    """A stretch of a machine's time whose stored windows may have another job now; no end: up to now."""

    id: int
    key: MachineKey
    since_ms: int
    until_ms: int | None


class Ledgers:
    """All methods block; call them in a thread from asynchronous code. They raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def jobs(
        self,
        *,
        order: str | None = None,
        factories: Collection[str] | None = None,
        statuses: Collection[JobStatus] | None = None,
    ) -> list[Job]:
        """Return jobs by id, closed ones too; only of an order, of these factories, of these statuses."""
        with reading(self._engine) as connection:
            return find_jobs(connection, order=order, factories=factories, statuses=statuses)

    def job(self, job: str) -> Job | None:
        """Return a job; None when there is none of that id."""
        with reading(self._engine) as connection:
            return next(iter(find_jobs(connection, ids=[job])), None)

    def ledgers(self, of_jobs: Collection[str]) -> dict[str, JobLedger]:
        """Return the ledger of each of these jobs: events, reports and hand-overs, empty ones too."""
        with reading(self._engine) as connection:
            return read_ledgers(connection, of_jobs)

    def assignments(
        self, key: MachineKey | None = None, *, jobs: Collection[str] | None = None, open_only: bool = False
    ) -> list[Assignment]:
        """Return assignments by id: of a machine, of jobs, or all; `open_only` those without an end."""
        with reading(self._engine) as connection:
            return read_assignments(connection, key, jobs=jobs, open_only=open_only)

    def unsettled(self) -> list[Assignment]:
        """Return assignments by id that are open, or that an agent was not heard to have let go of."""
        with reading(self._engine) as connection:
            return read_assignments(connection, unsettled_only=True)

    def handovers(self, order: str) -> list[Handover]:
        """Return an order's hand-overs, oldest first."""
        with reading(self._engine) as connection:
            return read_handovers(connection, order)

    def handover(self, handover: int) -> Handover | None:
        """Return a hand-over; None when there is none of that id."""
        with reading(self._engine) as connection:
            return read_handover(connection, handover)

    def reports(self, of_jobs: Collection[str] | None = None, limit: int = 100) -> list[Report]:
        """Return the newest reports of these jobs (None: of all), newest first."""
        with reading(self._engine) as connection:
            return read_reports(connection, of_jobs, limit)

    def approved_ms(self, orders: Collection[str]) -> dict[str, int]:
        """Return when each of these orders was approved (UTC ms); those that never were are absent."""
        query = select(proposals.c.order_id, proposals.c.decided_ms)
        query = query.where(proposals.c.status == MatchStatus.APPROVED.value)
        with reading(self._engine) as connection:
            return {order: at_ms for order, at_ms in connection.execute(query) if order in orders}

    def reported(self) -> dict[str, int]:
        """Return the good pieces that people reported, by job; jobs without a report are absent."""
        with reading(self._engine) as connection:
            return reported_good(connection)

    def mark(self) -> tuple[int, int]:
        """Return what differs as soon as anything in orders, jobs or their ledgers changed; cheap to ask for.

        It also differs after what else is in the audit log: who looks too often loses nothing.
        """
        newest = select(func.max(audit.c.sequence))
        with reading(self._engine) as connection:
            return connection.scalar(newest) or 0, changed_last(connection)

    @contextmanager
    def deciding(self) -> Iterator[Entries]:
        """Give all that can be read and entered in one decision: it happens whole, or (an error) not at all.

        No other decision about orders or work is taken meanwhile, in this process or another.
        """
        with writing(self._engine) as connection:
            serialise(connection)
            yield Entries(connection)

    def tagging(self) -> tuple[int, Sequence[Assignment]]:
        """Return all assignments, and a number that grows when any of them changes."""
        with reading(self._engine) as connection:
            return changed_last(connection), read_assignments(connection)

    def tagging_changed(self) -> int:
        """Return that number; cheap to ask for."""
        with reading(self._engine) as connection:
            return changed_last(connection)

    def factories_of(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the factory of those of these ids that are jobs, of any status."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(jobs.c.id, jobs.c.factory).where(jobs.c.id.in_(ids)))
            return {row.id: row.factory for row in rows}

    def retaggings(self) -> list[Retagging]:
        """Return the stretches that are still to be tagged anew, oldest first."""
        query = select(retaggings).where(retaggings.c.done_ms.is_(None)).order_by(retaggings.c.id)
        with reading(self._engine) as connection:
            return [
                Retagging(row.id, MachineKey(row.factory, row.machine), row.since_ms, row.until_ms)
                for row in connection.execute(query)
            ]

    def retagged(self, done: Collection[int], at_ms: int) -> None:
        """Note that these are tagged."""
        with writing(self._engine) as connection:
            statement = update(retaggings).where(retaggings.c.id.in_(done))
            connection.execute(statement.values(done_ms=at_ms))
