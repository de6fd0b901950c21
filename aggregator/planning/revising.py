"""An order gets another form: the order as stored and its next draft in; the revision, or why not, out.

Before approval a new proposal is made of it. After approval buyer, part and due date hold at once, for they
move no work. Fewer pieces make its jobs smaller as long as none of them has begun; more pieces are more work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from aggregator.model.job import Job, JobStatus
from aggregator.model.match import Decision, OrderStatus
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.planning.errors import DraftRefused, NoSuchMatch, PlanningError
from aggregator.planning.planning import Planning
from aggregator.store.entries import Entries
from aggregator.store.order_rows import OrderRows, Revision, StoredOrder
from aggregator.store.orders import DecisionError

_OPEN = frozenset({OrderStatus.PROPOSED, OrderStatus.APPROVED})


class Why(StrEnum):
    """Why an order is not revised."""

    CLOSED = "this order is over; enter a new one"
    NOTHING = "nothing would change"
    MORE = "more pieces are more work: enter an order for the difference"
    BEGUN = "its work has begun, so its pieces stay: call the order off and enter it anew, or finish it"
    SMALL = "a lot would be smaller than the smallest allowed: call the order off and enter it anew"


class RevisionRefused(PlanningError):
    """`why` says what is in the way."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Revised:
    """`match` is the new proposal, None after approval; `old_proposal`: it could not be made just now."""

    revision: Revision
    match: str | None = None
    old_proposal: bool = False


def revise(
    planning: Planning, rows: OrderRows, order: StoredOrder, draft: OrderDraft, by: Decision
) -> Revised:
    """Give the order this draft; raises RevisionRefused and DraftRefused; blocks on the store."""
    if order.status not in _OPEN:
        raise RevisionRefused(Why.CLOSED)
    if draft == order.draft:
        raise RevisionRefused(Why.NOTHING)
    wrong = planning.faults(draft)
    if wrong:
        raise DraftRefused(wrong)

    def fit(entries: Entries) -> dict[str, object]:
        """Make what is planned fit the draft, in the transaction that keeps it."""
        status = entries.order_status(order.id)
        if status not in _OPEN:
            raise RevisionRefused(Why.CLOSED)
        before = entries.draft(order.id)
        found: dict[str, object] = _changes(before, draft)
        if status is OrderStatus.APPROVED and draft.quantity != before.quantity:
            found["jobs"] = _resize(entries, order.id, before, draft)
        return found

    made = rows.revise(order.id, draft, by, fit)
    if made is None:
        raise RevisionRefused(Why.NOTHING)
    if order.status is not OrderStatus.PROPOSED or not order.match:
        return Revised(made)
    try:
        return Revised(made, planning.again(order.match, by.who).id)
    except (PlanningError, DecisionError):
        return Revised(made, old_proposal=True)


def stored_order(rows: OrderRows, order: str) -> StoredOrder:
    """Return the order; raises NoSuchMatch."""
    found = None if "\0" in order else rows.order(order)
    if found is None:
        raise NoSuchMatch("there is no such order")
    return found


def smaller(jobs: Sequence[Job], steps: Sequence[DraftStep], before: int, after: int) -> list[Job]:
    """Return the jobs of an order of `before` pieces as they are for `after`; raises RevisionRefused.

    Every lot gives up its share, and the setup of a lot takes as long as before.
    """
    found: list[Job] = []
    for step in steps:
        lots = [job for job in jobs if job.step == step.id]
        for job, pieces in zip(lots, _shares([job.pieces for job in lots], before, after), strict=True):
            if pieces < min(step.min_lot, after) or pieces < 1:
                raise RevisionRefused(Why.SMALL)
            setup = min(job.minutes, round(step.setup_h * 60))
            minutes = setup + ceil((job.minutes - setup) * pieces / job.pieces)
            found.append(replace(job, pieces=pieces, minutes=max(1, minutes)))
    return found


def _shares(lots: Sequence[int], before: int, after: int) -> list[int]:
    """Return the lots in proportion, whole; what is left over goes to those that lost most."""
    found = [lot * after // before for lot in lots]
    order = sorted(range(len(lots)), key=lambda at: (-(lots[at] * after % before), at))
    missing = after - sum(found) if lots else 0
    for at in order[: max(missing, 0)]:
        found[at] += 1
    return found


def _resize(entries: Entries, order: str, before: OrderDraft, after: OrderDraft) -> dict[str, list[int]]:
    if after.quantity > before.quantity:
        raise RevisionRefused(Why.MORE)
    jobs = [job for job in entries.jobs(order) if job.status is not JobStatus.CANCELLED]
    if any(_begun(entries, job) for job in jobs):
        raise RevisionRefused(Why.BEGUN)
    fitting = {job.id: job for job in smaller(jobs, before.steps, before.quantity, after.quantity)}
    for job in fitting.values():
        entries.resize_job(job.id, job.pieces, job.minutes)
    return {job.id: [job.pieces, fitting[job.id].pieces] for job in jobs if job.id in fitting}


def _begun(entries: Entries, job: Job) -> bool:
    if job.status is not JobStatus.PLANNED:
        return True
    ledger = entries.ledger(job.id)
    return bool(ledger.events or ledger.reports or ledger.sent or ledger.received)


def _changes(before: OrderDraft, after: OrderDraft) -> dict[str, object]:
    names = ("part", "buyer", "quantity", "due")
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in names}
    return {name: [str(old), str(new)] for name, (old, new) in pairs.items() if old != new}
