"""What was entered of open orders in, and what machines made; the facts that progress is made of out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import moment_ms, span_of_days_ms
from aggregator.model.job import Job, JobTotals
from aggregator.model.machine import MachineKey
from aggregator.model.order import OrderDraft
from aggregator.model.progress import JobFacts, OrderFacts
from aggregator.model.work import Assignment, JobLedger
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers


@dataclass(frozen=True, slots=True)
class Entered:
    """Orders with their jobs and ledgers as entered, and the assignments of machines to their jobs."""

    mark: object = None
    drafts: Mapping[str, OrderDraft] = field(default_factory=dict)
    jobs: Mapping[str, Sequence[Job]] = field(default_factory=dict)
    ledgers: Mapping[str, JobLedger] = field(default_factory=dict)
    assignments: Mapping[MachineKey, Sequence[Assignment]] = field(default_factory=dict)
    order_of: Mapping[str, str] = field(default_factory=dict)  # by job
    at_work: Mapping[str, Collection[MachineKey]] = field(default_factory=dict)  # now, by order
    approved_ms: Mapping[str, int] = field(default_factory=dict)  # by order


@dataclass(frozen=True, slots=True)
class Made:
    """What machines made of each job: as stored, and since then live."""

    totals: Mapping[str, JobTotals] = field(default_factory=dict)
    live_cycles: Mapping[str, int] = field(default_factory=dict)


def read_entered(orders: Orders, ledgers: Ledgers) -> Entered:
    """Return everything entered of open orders; blocks, raises StoreError.

    The mark is read first: what is entered meanwhile is only looked at once more.
    """
    mark = ledgers.mark()
    return replace(read_all(orders.approved(), ledgers), mark=mark)


def read_all(drafts: Mapping[str, OrderDraft], ledgers: Ledgers) -> Entered:
    """Return what was entered of these orders, open or not; blocks, raises StoreError."""
    return _entered(drafts, [job for job in ledgers.jobs() if job.order in drafts], ledgers)


def read_one(order: str, draft: OrderDraft, ledgers: Ledgers) -> Entered:
    """Return everything entered of one order, open or not; blocks, raises StoreError."""
    return _entered({order: draft}, ledgers.jobs(order=order), ledgers)


def _entered(drafts: Mapping[str, OrderDraft], jobs: Iterable[Job], ledgers: Ledgers) -> Entered:
    by_order: dict[str, list[Job]] = {order: [] for order in drafts}
    for job in jobs:
        by_order[job.order].append(job)
    assigned: dict[MachineKey, list[Assignment]] = defaultdict(list)
    for each in ledgers.assignments():
        assigned[each.key].append(each)
    order_of = {job.id: order for order, of_order in by_order.items() for job in of_order}
    at_work: dict[str, set[MachineKey]] = defaultdict(set)
    for key, of_machine in assigned.items():
        for each in of_machine:
            if each.until_ms is None and each.job in order_of:
                at_work[order_of[each.job]].add(key)
    of_jobs, approved_ms = ledgers.ledgers(order_of), ledgers.approved_ms(drafts)
    return Entered(None, drafts, by_order, of_jobs, assigned, order_of, at_work, approved_ms)


def facts_of(order: str, entered: Entered, made: Made, now_ms: int, zone: ZoneInfo) -> OrderFacts:
    """Return the facts of an order at `now_ms`."""
    draft = entered.drafts[order]
    return OrderFacts(
        order=order,
        draft=draft,
        due_ms=moment_ms(draft.due + timedelta(days=1), 0, zone),
        now_ms=now_ms,
        jobs=tuple(_job_facts(job, entered, made, zone) for job in entered.jobs[order]),
    )


def _job_facts(job: Job, entered: Entered, made: Made, zone: ZoneInfo) -> JobFacts:
    ledger = entered.ledgers.get(job.id) or JobLedger(job.id)
    planned_start_ms, planned_end_ms = span_of_days_ms(job.planned_start, job.planned_end, zone)
    if planned_start_ms is not None:  # a day of the plan, of which some may have been over at its approval
        planned_start_ms = max(planned_start_ms, entered.approved_ms.get(job.order, planned_start_ms))
    return JobFacts(
        job=job,
        totals=made.totals.get(job.id),
        live_cycles=made.live_cycles.get(job.id, 0),
        events=ledger.events,
        reports=ledger.reports,
        sent=ledger.sent,
        received=ledger.received,
        planned_start_ms=planned_start_ms,
        planned_end_ms=planned_end_ms,
    )
