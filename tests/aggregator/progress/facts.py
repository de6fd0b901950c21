"""Orders for tests of progress: a routing, its jobs and what happened to them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from agent.contract.records import HOUR_MS
from aggregator.model.job import Job, JobStatus, JobTotals
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.progress import JobFacts, OrderFacts
from aggregator.model.week import Week
from aggregator.model.work import EventKind, Handover, JobEvent, Report, Source

MONDAY_MS = round(datetime(2026, 11, 30, tzinfo=UTC).timestamp() * 1000)
WEEK = Week.of(date(2026, 11, 30))


def at(day: float, hour: float = 0) -> int:
    """Return the moment so many days and hours after the first Monday, UTC ms."""
    return round(MONDAY_MS + (24 * day + hour) * HOUR_MS)


def a_step(id_: str, after: Sequence[str] = (), process: str = "cutting", cycle_s: float = 360) -> DraftStep:
    return DraftStep(id_, process, cycle_s, tuple(after), transport_days=1)


def a_job(
    id_: str,
    step: str,
    pieces: int = 100,
    status: JobStatus = JobStatus.PLANNED,
    *,
    factory: str = "aoki",
    minutes: int = 600,
    pieces_per_cycle: int = 1,
) -> Job:
    return Job(
        id=id_,
        order="2026-0001",
        step=step,
        factory=factory,
        process="cutting",
        pieces=pieces,
        minutes=minutes,
        pieces_per_cycle=pieces_per_cycle,
        machines=frozenset({"mc-01"}),
        work=((WEEK, minutes),),
        status=status,
    )


def event(job: str, kind: EventKind, at_ms: int, id_: int = 1) -> JobEvent:
    return JobEvent(id_, job, kind, at_ms, at_ms, "hanako", Source.REPORTED)


def report(job: str, good: int, scrap: int = 0, id_: int = 1) -> Report:
    return Report(id_, job, MONDAY_MS, good, scrap, "hanako")


def handover(from_job: str, to_job: str | None, sent: int, accepted: int | None = None) -> Handover:
    return Handover(
        1, "2026-0001", from_job, to_job, sent, MONDAY_MS, "hanako", accepted, None if accepted is None else 0
    )


def totals(job: str, cycles: int, good: int | None = None, scrap: int | None = None) -> JobTotals:
    return JobTotals(job, cycles * 360_000, cycles, good, scrap)


def an_order(
    steps: Sequence[DraftStep],
    jobs: Sequence[JobFacts],
    quantity: int = 100,
    now_ms: int = MONDAY_MS,
    due_ms: int = MONDAY_MS + 14 * 24 * HOUR_MS,
) -> OrderFacts:
    draft = OrderDraft("Toyo", "bracket", quantity, date(2026, 12, 14), tuple(steps))
    return OrderFacts("2026-0001", draft, due_ms, now_ms, tuple(jobs))
