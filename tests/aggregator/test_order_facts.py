"""The facts of an order: what its plan says of a day on which it was approved."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import moment_ms
from aggregator.model.job import Job
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.week import Week
from aggregator.order_facts import Entered, Made, facts_of, read_entered
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers
from tests.aggregator.ordered_town import ORDER, found_ordered_town

ZONE = ZoneInfo("Asia/Tokyo")
DAY = date(2026, 11, 24)
MORNING_MS, NOON_MS = moment_ms(DAY, 0, ZONE), moment_ms(DAY, 12 * 60, ZONE)
DRAFT = OrderDraft("みらい電機", "MB-240", 100, date(2026, 12, 1), (DraftStep("cut", "cutting", 60),))
JOB = Job(
    "2026-0001-1a", "2026-0001", "cut", "aoki", "cutting", 100, 100, 1, frozenset({"mc-01"}),
    ((Week(2026, 48), 100),), planned_start=DAY, planned_end=DAY,
)  # fmt: skip


def planned_start_ms(job: Job, approved_ms: int | None = None) -> int | None:
    approved = {} if approved_ms is None else {"2026-0001": approved_ms}
    entered = Entered(drafts={"2026-0001": DRAFT}, jobs={"2026-0001": [job]}, approved_ms=approved)
    return facts_of("2026-0001", entered, Made(), NOON_MS, ZONE).jobs[0].planned_start_ms


def test_work_that_was_approved_at_noon_is_not_late_since_the_morning() -> None:
    assert planned_start_ms(JOB, NOON_MS) == NOON_MS


def test_work_of_a_later_day_begins_in_its_morning() -> None:
    assert planned_start_ms(JOB, MORNING_MS - 1) == MORNING_MS
    assert planned_start_ms(JOB) == MORNING_MS


def test_work_without_a_planned_day_has_no_planned_start() -> None:
    assert planned_start_ms(replace(JOB, planned_start=None), NOON_MS) is None


def test_when_orders_were_approved_is_read_with_them(tmp_path: Path) -> None:
    services = found_ordered_town(tmp_path).services
    engine = services.records.engine
    entered = read_entered(Orders(engine), Ledgers(engine))
    match = services.planning.match(f"{ORDER}-p1")
    assert entered.approved_ms == {ORDER: match.decided_ms}
