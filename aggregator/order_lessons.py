"""What finished orders teach: their jobs and what was told of them in; past jobs and past errors out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS
from aggregator.measured_days import MeasuredDays
from aggregator.model.job import JobStatus
from aggregator.model.progress import OrderFacts
from aggregator.model.told import Told
from aggregator.order_facts import Made, facts_of, read_all
from aggregator.progress.calibration import UNTAUGHT, Calibration, Outcome, calibrate, stage_of
from aggregator.progress.habits import PastJob
from aggregator.progress.progress import order_progress
from aggregator.store.arrivals import Arrivals
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers

MOST_ORDERS = 100
"""So many of the newest finished orders teach: enough to know a federation by, few enough to read at once."""
LONGEST_MS = 26 * 7 * 24 * HOUR_MS
"""What ended longer ago teaches nothing: people, machines and parts were others."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Jobs of finished orders, and how far off what was told of those orders was."""

    past: Sequence[PastJob] = ()
    calibration: Calibration = UNTAUGHT


class FinishedOrders:
    """Its method blocks, and raises StoreError: call it in a thread. `now` gives UTC milliseconds."""

    def __init__(
        self,
        *,
        orders: Orders,
        ledgers: Ledgers,
        arrivals: Arrivals,
        days: MeasuredDays,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._orders = orders
        self._ledgers = ledgers
        self._arrivals = arrivals
        self._days = days
        self._zone = zone
        self._now = now
        self._read: tuple[object, Lessons] | None = None

    def lessons(self, still_open: Iterable[str]) -> Lessons:
        """Return what they teach; read again hourly, and once other orders are open.

        So one that ends, or begins again, counts at once.
        """
        mark = frozenset(still_open), self._now() // HOUR_MS
        known = self._read
        if known is None or known[0] != mark:
            known = self._read = mark, self._learn()
        return known[1]

    def _learn(self) -> Lessons:
        drafts = self._orders.finished(MOST_ORDERS)
        entered = read_all(drafts, self._ledgers)
        made, now_ms = Made(self._days.jobs()), self._now()
        told = self._arrivals.of(drafts)
        past: list[PastJob] = []
        outcomes: list[Outcome] = []
        for order in drafts:
            facts = facts_of(order, entered, made, now_ms, self._zone)
            ended_ms = _ended_ms(facts)
            if ended_ms is None or ended_ms < now_ms - LONGEST_MS:
                continue
            past += _past_jobs(facts)
            outcomes += outcomes_of(told.get(order, ()), ended_ms)
        return Lessons(past, calibrate(outcomes))


def outcomes_of(told: Iterable[Told], ended_ms: int) -> list[Outcome]:
    """Return what was told first at each stage of an order that ended then (UTC ms)."""
    found: dict[int, Outcome] = {}
    for each in told:
        if each.raw_ms is not None and each.at_ms < ended_ms:
            found.setdefault(stage_of(each.done), Outcome(each.at_ms, each.done, each.raw_ms, ended_ms))
    return list(found.values())


def _ended_ms(facts: OrderFacts) -> int | None:
    """Return when the last of its jobs was finished: what arrivals tell of; None where that is not known."""
    jobs = [job for step in order_progress(facts).steps for job in step.jobs]
    return max((job.finished_ms for job in jobs if job.finished_ms is not None), default=None)


def _past_jobs(facts: OrderFacts) -> list[PastJob]:
    steps = {step.id: step for step in facts.draft.steps}
    return [
        PastJob(steps[each.job.step], each)
        for each in facts.jobs
        if each.job.status is JobStatus.DONE and each.job.step in steps
    ]
