"""What happens if a factory stops for some days: orders hit, who stands ready, new dates; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from aggregator.matching.offer import Market
from aggregator.model.job import Job, JobStatus
from aggregator.model.order import OrderDraft


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An approved order with its open jobs."""

    id: str
    draft: OrderDraft
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class HitJob:
    """A job that loses `minutes` in the days of the stop; `instead` could take over what is left of the job.

    `recorded`: it is the backup that was named when the order was approved. `instead` None: nobody can.
    """

    job: str
    step: str
    minutes: int
    pieces: int
    instead: str | None
    recorded: bool


@dataclass(frozen=True, slots=True)
class HitOrder:
    """An order with jobs that the stop hits, and the days on which all of it is done.

    `planned` as planned; `waiting` if the jobs wait for the factory, `switched` if others take over; None
    if it does not end within the weeks that are offered.
    """

    order: str
    due: date
    jobs: tuple[HitJob, ...]
    planned: date | None
    waiting: date | None
    switched: date | None


@dataclass(frozen=True, slots=True)
class Stop:
    """A factory does nothing from the morning of `since` on, for `days` days (at least 1)."""

    factory: str
    since: date
    days: int

    @property
    def until(self) -> date:
        """The last day without work."""
        return self.since + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Drill:
    """What a stop would do to the open orders; those it does not hit are not named."""

    stop: Stop
    orders: tuple[HitOrder, ...]


def drill(orders: Sequence[PlacedOrder], market: Market, stop: Stop, today: date) -> Drill:
    """Return what the stop would do; `market` has the jobs of all orders as taken."""
    hit = []
    for order in orders:
        jobs = tuple(
            HitJob(job.id, job.step, _lost(job, stop), job.pieces, job.backup, job.backup is not None)
            for job in order.jobs
            if job.factory == stop.factory and job.status not in _ENDED and _lost(job, stop)
        )
        if jobs:
            hit.append(HitOrder(order.id, order.draft.due, jobs, None, None, None))
    return Drill(stop, tuple(hit))


_ENDED = (JobStatus.DONE, JobStatus.CANCELLED)


def _lost(job: Job, stop: Stop) -> int:
    """Return the job's minutes in these days, the work of a week spread evenly over its days."""
    lost = 0
    for week, minutes in job.work:
        first, last = max(week.monday, stop.since), min(week.monday + timedelta(days=6), stop.until)
        days = (last - first).days + 1
        if days > 0:
            lost += -(-minutes * days // 7)
    return lost
