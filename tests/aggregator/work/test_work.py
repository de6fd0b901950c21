"""What people may enter about jobs, in which order, and what follows from it."""

import threading
from collections import Counter

import pytest

from aggregator.model.job import JobStatus
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.match import Decision, OrderStatus
from aggregator.model.work import EventKind
from aggregator.planning.errors import EditRefused, NoRoom
from aggregator.work.act import BACK_MS
from aggregator.work.correcting import Stretch
from aggregator.work.errors import NoSuchJob, NotAllowed, NotNow, ReasonNeeded, Taken, WorkError, WrongNumber
from tests.aggregator.planning.markets import DRAFT, NOW_MS, market
from tests.aggregator.work.floors import (
    AOKI,
    BUYER,
    COORDINATOR,
    GAUGE,
    HIGASHI,
    HOUR_MS,
    LATHE,
    MILL,
    Floor,
    act,
    jobs,
)

PRESS = MachineKey("aoki", "pr-01")


def status(floor: Floor) -> OrderStatus:
    with floor.work.ledgers.deciding() as entries:
        return entries.order_status(floor.order)


def kinds(floor: Floor, job: str) -> list[EventKind]:
    return [event.kind for event in floor.work.ledgers.ledgers([job])[job].events]


def test_a_job_starts_on_several_machines_pauses_and_finishes(floor: Floor) -> None:
    assert floor.work.start(floor.cut, act(AOKI), "cu-01").machine == "cu-01"
    job = floor.work.start(floor.cut, act(AOKI), "cu-02")
    assert (job.status, job.machine) == (JobStatus.RUNNING, None)
    job = floor.work.pause(floor.cut, act(AOKI), "cu-01")
    assert (job.status, job.machine) == (JobStatus.RUNNING, "cu-02")
    assert floor.work.pause(floor.cut, act(AOKI)).status is JobStatus.PAUSED
    assert floor.work.finish(floor.cut, act(AOKI, "材料切れ")).status is JobStatus.DONE
    assert floor.work.ledgers.assignments(open_only=True) == []
    assert kinds(floor, floor.cut) == [
        *([EventKind.STARTED] * 2),
        *([EventKind.PAUSED] * 2),
        EventKind.FINISHED,
    ]


def test_what_is_entered_is_in_the_audit_log_with_who_and_why(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI), "cu-01")
    floor.work.finish(floor.cut, act(COORDINATOR, "材料切れ"))
    entries = floor.services.audit.entries(floor.cut)
    assert [(each.action, each.who) for each in reversed(entries)] == [
        ("job started", "aoki"),
        ("job finished", "coordinator"),
    ]
    assert entries[0].detail["reason"] == "材料切れ"


def test_each_works_on_jobs_of_their_own_factory_only(floor: Floor) -> None:
    for by in (HIGASHI, BUYER):
        for enter in (
            lambda by=by: floor.work.start(floor.cut, act(by)),
            lambda by=by: floor.work.finish(floor.cut, act(by, "x")),
            lambda by=by: floor.work.report(floor.cut, act(by), 5),
            lambda by=by: floor.work.hand_over(floor.cut, act(by, "x"), 5),
            lambda by=by: floor.work.correct(Stretch(MILL, NOW_MS - 10, NOW_MS), act(by, "x"), None),
        ):
            with pytest.raises(NoSuchJob):
                enter()
    with pytest.raises(NotAllowed):
        floor.work.move(floor.cut, act(AOKI, "x"))
    assert floor.work.start(floor.cut, act(COORDINATOR)).status is JobStatus.RUNNING


def test_wrong_order_is_said_in_a_sentence(floor: Floor) -> None:
    work = floor.work
    with pytest.raises(NotNow, match="was not started yet, so it cannot be finished"):
        work.finish(floor.cut, act(AOKI))
    with pytest.raises(NotNow, match="was not started yet"):
        work.pause(floor.cut, act(AOKI))
    with pytest.raises(NotNow, match="start it, then report"):
        work.report(floor.cut, act(AOKI), 5)
    work.start(floor.cut, act(AOKI))
    work.finish(floor.cut, act(AOKI, "済み"))
    with pytest.raises(NotNow, match="is finished; reopen it first"):
        work.start(floor.cut, act(AOKI))
    with pytest.raises(ReasonNeeded):
        work.reopen(floor.cut, act(AOKI))
    assert work.reopen(floor.cut, act(AOKI, "まだ残り")).status is JobStatus.PAUSED


def test_only_a_machine_of_the_factory_and_process_takes_a_job(floor: Floor) -> None:
    with pytest.raises(NoSuchJob, match="no machine in-01"):
        floor.work.start(floor.cut, act(AOKI), "in-01")
    floor.services.records.remember([], [Machine(PRESS, "プレス", "pressing", "measured")])
    with pytest.raises(NotNow, match=r"machine pr-01 does pressing, job 2026-0001-1a needs cutting"):
        floor.work.start(floor.cut, act(AOKI), "pr-01")


def second(floor: Floor) -> str:
    """Return another job of aoki's."""
    made = floor.services.planning.propose(DRAFT, "coordinator")
    floor.services.orders.approve(made.id, Decision("coordinator", NOW_MS), jobs)
    return f"{made.order}-1a"


def test_a_machine_that_works_is_offered_to_be_taken_over(floor: Floor) -> None:
    other = second(floor)
    floor.work.start(floor.cut, act(AOKI), "cu-01")
    with pytest.raises(Taken, match="ask for takeover") as caught:
        floor.work.start(other, act(AOKI), "cu-01")
    assert caught.value.job == floor.cut
    floor.now[0] += HOUR_MS
    floor.work.start(other, act(AOKI), "cu-01", takeover=True)
    assert floor.job(floor.cut).status is JobStatus.PAUSED
    assert [each.job for each in floor.work.ledgers.assignments(MILL, open_only=True)] == [other]


def test_a_start_may_be_entered_two_days_late_and_no_later(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI, at_ms=NOW_MS - BACK_MS), "cu-01")
    assert floor.work.ledgers.assignments(MILL)[0].since_ms == NOW_MS - BACK_MS
    with pytest.raises(WrongNumber, match="longer ago than 48 hours"):
        floor.work.start(floor.cut, act(AOKI, at_ms=NOW_MS - BACK_MS - 1), "cu-02")
    with pytest.raises(WrongNumber, match="not over yet"):
        floor.work.start(floor.cut, act(AOKI, at_ms=NOW_MS + HOUR_MS), "cu-02")


def test_what_is_sent_twice_is_entered_once(floor: Floor) -> None:
    for _ in range(2):
        floor.work.start(floor.cut, act(AOKI, request="tap-0001"), "cu-01")
        floor.work.report(floor.cut, act(AOKI, request="form-001"), 40)
        floor.work.hand_over(floor.cut, act(AOKI, request="form-002"), 30)
    ledger = floor.work.ledgers.ledgers([floor.cut])[floor.cut]
    assert (len(ledger.events), ledger.good, sum(each.sent for each in ledger.sent)) == (1, 40, 30)
    with pytest.raises(NotNow, match="used for something else"):
        floor.work.report(floor.cut, act(AOKI, request="form-001"), 41)
    with pytest.raises(NotNow, match="used for something else"):
        floor.work.start(second(floor), act(AOKI, request="tap-0001"))


def test_two_at_once_never_both_get_the_machine(floor: Floor) -> None:
    names = [floor.cut, second(floor)]
    results: list[str] = []

    def start(job: str) -> None:
        try:
            floor.work.start(job, act(AOKI), "cu-01")
            results.append("started")
        except Taken:
            results.append("taken")

    threads = [threading.Thread(target=start, args=(job,)) for job in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(results) == {"started": 1, "taken": 1}
    assert len(floor.work.ledgers.assignments(MILL, open_only=True)) == 1


def test_reports_are_put_right_with_a_reason_and_never_below_zero(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 40, 3)
    with pytest.raises(ReasonNeeded):
        floor.work.report(floor.cut, act(AOKI), -10)
    floor.work.report(floor.cut, act(AOKI, "数え直し"), -10)
    with pytest.raises(WrongNumber, match="only 30 were counted"):
        floor.work.report(floor.cut, act(AOKI, "数え直し"), -31)
    with pytest.raises(WrongNumber, match="only 3 were counted"):
        floor.work.report(floor.cut, act(AOKI, "数え直し"), 0, -4)
    assert floor.work.ledgers.reported() == {floor.cut: 30}


def test_no_more_is_sent_than_there_is_but_with_a_reason(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 40)
    assert floor.work.hand_over(floor.cut, act(AOKI), 30).to_job == floor.check
    with pytest.raises(ReasonNeeded, match="has 10 good pieces that are not sent yet"):
        floor.work.hand_over(floor.cut, act(AOKI), 11)
    assert floor.work.hand_over(floor.cut, act(AOKI, "報告はこの後"), 11).sent == 11
    with pytest.raises(NotNow, match="does not take pieces"):
        floor.work.hand_over(floor.cut, act(AOKI, "x"), 1, floor.cut)


def test_the_receiver_counts_what_came_once(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 40)
    number = floor.work.hand_over(floor.cut, act(AOKI), 40).id
    with pytest.raises(NoSuchJob):
        floor.work.receive(number, act(AOKI), 40)
    with pytest.raises(WrongNumber, match="only 40 were sent"):
        floor.work.receive(number, act(HIGASHI), 41)
    with pytest.raises(ReasonNeeded, match="2 of 40 pieces are missing"):
        floor.work.receive(number, act(HIGASHI), 37, 1)
    floor.work.receive(number, act(HIGASHI), 38, 2)
    assert floor.work.receive(number, act(HIGASHI), 38, 2).accepted == 38
    with pytest.raises(NotNow, match="ask the coordinator"):
        floor.work.receive(number, act(HIGASHI), 40)
    assert floor.work.receive(number, act(COORDINATOR, "数え違い"), 40).accepted == 40


def test_pieces_that_came_back_may_be_sent_again(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 40)
    floor.work.receive(floor.work.hand_over(floor.cut, act(AOKI), 40).id, act(HIGASHI), 38, 2)
    assert floor.work.hand_over(floor.cut, act(AOKI), 2).sent == 2


def test_an_order_is_done_when_all_is_shipped_and_open_again_when_some_comes_back(floor: Floor) -> None:
    floor.work.start(floor.check, act(HIGASHI))
    floor.work.report(floor.check, act(HIGASHI), 600)
    assert floor.work.hand_over(floor.check, act(HIGASHI), 599).to_job is None
    assert status(floor) is OrderStatus.APPROVED
    last = floor.work.hand_over(floor.check, act(HIGASHI), 1)
    assert status(floor) is OrderStatus.DONE
    assert {floor.job(job).status for job in (floor.cut, floor.check)} == {JobStatus.DONE}
    assert floor.services.orders.jobs() == []
    floor.work.receive(last.id, act(BUYER), 0, 1)
    assert status(floor) is OrderStatus.APPROVED


def test_a_finish_with_pieces_missing_needs_a_reason(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 569)
    with pytest.raises(ReasonNeeded, match="has 569 of 600 pieces"):
        floor.work.finish(floor.cut, act(AOKI))
    floor.work.report(floor.cut, act(AOKI), 2)
    assert floor.work.finish(floor.cut, act(AOKI)).status is JobStatus.DONE


def test_the_rest_goes_to_the_backup_and_holds_its_hours_there(floor: Floor) -> None:
    floor.work.start(floor.cut, act(AOKI), "cu-01")
    floor.work.report(floor.cut, act(AOKI), 400)
    with pytest.raises(ReasonNeeded):
        floor.work.move(floor.cut, act(COORDINATOR))
    new = floor.work.move(floor.cut, act(COORDINATOR, "機械の故障", "move-001"))
    assert (new.factory, new.pieces, new.id) == ("sato", 200, f"{floor.order}-1b")
    assert sum(minutes for _, minutes in new.work) == new.minutes == 200 + 60
    old = floor.job(floor.cut)
    assert (old.status, old.pieces) == (JobStatus.DONE, 400)
    assert floor.work.ledgers.assignments(open_only=True) == []
    assert [job.id for job in floor.services.orders.jobs()] == [new.id, floor.check]
    assert floor.work.move(floor.cut, act(COORDINATOR, "機械の故障", "move-001")) == new


def test_nothing_moves_where_there_is_no_room(floor: Floor) -> None:
    floor.spare.offered = market(sato=10)
    with pytest.raises(NoRoom):
        floor.work.move(floor.cut, act(COORDINATOR, "機械の故障"))
    with pytest.raises(EditRefused, match="has no machine for this step"):
        floor.work.move(floor.cut, act(COORDINATOR, "機械の故障"), "higashi")
    assert floor.job(floor.cut).status is JobStatus.PLANNED
    floor.spare.offered = market()
    assert floor.work.move(floor.cut, act(COORDINATOR, "機械の故障")).pieces == 600
    assert floor.job(floor.cut).status is JobStatus.CANCELLED


def test_a_correction_needs_a_reason_and_time_that_is_over(floor: Floor) -> None:
    hour = Stretch(MILL, NOW_MS - HOUR_MS, NOW_MS)
    with pytest.raises(ReasonNeeded):
        floor.work.correct(hour, act(AOKI), floor.cut)
    wrong = [
        Stretch(MILL, NOW_MS - 5, NOW_MS + 5),
        Stretch(MILL, NOW_MS, NOW_MS),
        Stretch(MILL, NOW_MS - 9 * 24 * HOUR_MS, NOW_MS),
        Stretch(LATHE, 0, 5),
    ]
    for stretch in wrong:
        with pytest.raises(WrongNumber):
            floor.work.correct(stretch, act(AOKI, "x"), None)
    with pytest.raises(WorkError):
        floor.work.correct(Stretch(GAUGE, NOW_MS - 5, NOW_MS), act(COORDINATOR, "x"), floor.cut)
    floor.work.correct(hour, act(AOKI, "押し忘れ"), floor.cut)
    assert floor.job(floor.cut).status is JobStatus.PAUSED
    assert kinds(floor, floor.cut) == [EventKind.STARTED, EventKind.PAUSED, EventKind.CORRECTED]
