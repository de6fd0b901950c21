"""Work on jobs as stored: what is entered in one decision is there whole, or not at all."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from aggregator.model.job import Job, JobStatus
from aggregator.model.machine import MachineKey
from aggregator.model.match import Match, OrderStatus
from aggregator.model.work import Assignment, EventKind, Handover, JobEvent, Report, Source
from aggregator.store.audit import Audit
from aggregator.store.orders import Orders
from aggregator.store.work import Ledgers
from tests.aggregator.store.test_orders import JOB, WHO, jobs_of, propose

MILL = MachineKey("aoki", "mc-01")
AT_MS = 1_795_500_000_000
STARTED = JobEvent(0, JOB.id, EventKind.STARTED, AT_MS, AT_MS + 5, "aoki", Source.REPORTED, "mc-01")


@pytest.fixture
def orders(engine: Engine) -> Orders:
    orders = Orders(engine)
    orders.approve(propose(orders).id, WHO, jobs_of)
    return orders


@pytest.fixture
def ledgers(engine: Engine, orders: Orders) -> Ledgers:
    return Ledgers(engine)


def start(ledgers: Ledgers) -> Assignment:
    with ledgers.deciding() as entries:
        number = entries.assign(MILL, JOB.id, AT_MS)
        entries.event(STARTED, "tap-1")
        entries.set_job(JOB.id, JobStatus.RUNNING, "mc-01")
        entries.log(AT_MS, "aoki", "job started", JOB.id, {"machine": "mc-01"})
    return Assignment(number, MILL, JOB.id, AT_MS)


def test_a_start_comes_back_as_it_was_entered(ledgers: Ledgers, engine: Engine) -> None:
    assignment = start(ledgers)
    assert ledgers.assignments(MILL, open_only=True) == [assignment]
    assert ledgers.assignments(MachineKey("aoki", "mc-02")) == []
    job = ledgers.job(JOB.id)
    assert job is not None
    assert (job.status, job.machine) == (JobStatus.RUNNING, "mc-01")
    (event,) = ledgers.ledgers([JOB.id])[JOB.id].events
    assert (event.kind, event.at_ms, event.recorded_ms) == (EventKind.STARTED, AT_MS, AT_MS + 5)
    assert Audit(engine).entries(JOB.id)[0].action == "job started"


def test_what_fails_half_way_leaves_no_trace(ledgers: Ledgers) -> None:
    mark = ledgers.mark()
    with pytest.raises(RuntimeError), ledgers.deciding() as entries:
        entries.assign(MILL, JOB.id, AT_MS)
        entries.log(AT_MS, "aoki", "job started", JOB.id, {})
        raise RuntimeError
    assert ledgers.assignments() == []
    assert ledgers.mark() == mark


def test_an_end_is_noted_with_its_release(ledgers: Ledgers) -> None:
    assignment = start(ledgers)
    with ledgers.deciding() as entries:
        entries.end(assignment, AT_MS + 60_000)
    (ended,) = ledgers.assignments(jobs=[JOB.id])
    assert (ended.until_ms, ended.released_ms) == (AT_MS + 60_000, None)
    with ledgers.deciding() as entries:
        entries.release(ended, AT_MS + 61_000)
    assert ledgers.assignments()[0].released_ms == AT_MS + 61_000
    assert ledgers.assignments(open_only=True) == []


def test_every_change_of_an_assignment_is_told_and_leaves_time_to_tag_anew(ledgers: Ledgers) -> None:
    before = ledgers.tagging_changed()
    assignment = start(ledgers)
    with ledgers.deciding() as entries:
        entries.end(assignment, AT_MS + 60_000)
    changed, (ended,) = ledgers.tagging()
    assert changed == before + 2
    assert ended.until_ms == AT_MS + 60_000
    waiting = ledgers.retaggings()
    assert [(each.key, each.since_ms, each.until_ms) for each in waiting] == [
        (MILL, AT_MS, None),
        (MILL, AT_MS + 60_000, None),
    ]
    ledgers.retagged([each.id for each in waiting], AT_MS)
    assert ledgers.retaggings() == []
    assert ledgers.tagging_changed() == changed


def test_reports_add_up(ledgers: Ledgers) -> None:
    with ledgers.deciding() as entries:
        entries.report(Report(0, JOB.id, AT_MS, 40, 2, "aoki"), "form-1")
        entries.report(Report(0, JOB.id, AT_MS, -5, 0, "aoki", "double"))
        known = entries.report_of("form-1")
        assert entries.report_of("form-2") is None
    assert known is not None
    assert (known.good, known.scrap) == (40, 2)
    ledger = ledgers.ledgers([JOB.id, "other"])
    assert (ledger[JOB.id].good, ledger[JOB.id].scrap, ledger["other"].reports) == (35, 2, ())
    assert ledgers.reported() == {JOB.id: 35}
    assert [report.good for report in ledgers.reports([JOB.id])] == [-5, 40]
    assert ledgers.reports([]) == []


def test_a_hand_over_is_sent_and_received(ledgers: Ledgers) -> None:
    with ledgers.deciding() as entries:
        number = entries.send(Handover(0, JOB.order, JOB.id, None, 30, AT_MS, "aoki"), "form-1")
        entries.receive(number, 28, 2, AT_MS + 1, "coordinator")
        again = entries.handover_of("form-1")
    sent = Handover(number, JOB.order, JOB.id, None, 30, AT_MS, "aoki", 28, 2, AT_MS + 1, "coordinator")
    assert again == ledgers.handover(number) == sent
    assert ledgers.handovers(JOB.order) == [sent]
    assert ledgers.ledgers([JOB.id])[JOB.id].sent == (sent,)


def test_jobs_are_found_by_order_factory_and_status(ledgers: Ledgers) -> None:
    found: Sequence[Job] = ledgers.jobs(order=JOB.order, factories=["aoki"], statuses=[JobStatus.PLANNED])
    assert found == [JOB]
    assert ledgers.jobs(factories=["fujimi"]) == ledgers.jobs(statuses=[JobStatus.DONE]) == []
    assert ledgers.factories_of([JOB.id, "J-9"]) == {JOB.id: "aoki"}


def test_a_cancelled_order_ends_the_work_on_its_jobs(ledgers: Ledgers, orders: Orders) -> None:
    start(ledgers)
    orders.cancel(JOB.order, WHO)
    assert ledgers.assignments()[0].until_ms == WHO.now_ms
    with ledgers.deciding() as entries:
        assert entries.order_status(JOB.order) is OrderStatus.CANCELLED


def test_an_order_is_known_by_its_draft(ledgers: Ledgers, orders: Orders) -> None:
    made: Match = propose(orders)
    with ledgers.deciding() as entries:
        assert entries.draft(made.order) == made.draft
