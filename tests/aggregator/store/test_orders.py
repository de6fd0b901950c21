"""Orders as stored: what is proposed and decided comes back whole, and nothing is decided twice."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
from sqlalchemy import Engine

from agent.contract.topics import valid_id
from aggregator.model.job import Job, JobStatus
from aggregator.model.match import Basis, BasisCell, Decision, Match, MatchStatus, OrderStatus
from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.model.proposal import (
    Alternative,
    Backup,
    Finish,
    Lot,
    Missing,
    Plan,
    Proposal,
    Tiers,
    WeekWork,
)
from aggregator.model.week import Week
from aggregator.store.audit import Audit
from aggregator.store.orders import DecisionError, Orders

WEEK = Week(2026, 49)
NEEDS = Needs(frozenset({"SUS304", "A5052"}), 20.0, (100.0, 50.5, 20.0), None, frozenset({"三価クロメート"}))
DRAFT = OrderDraft(
    buyer="大手精機 株式会社",
    part="ブラケット ＡＢ-1",
    quantity=500,
    due=date(2026, 12, 25),
    steps=(
        DraftStep("cut", "cutting", 90.0, needs=NEEDS, setup_h=1.5),
        DraftStep("check", "inspection", 12.5, after=("cut",), max_lots=2, min_lot=50),
    ),
)
LOT = Lot("cut", "aoki", 500, (WeekWork(WEEK, 700), WeekWork(WEEK.later(1), 140)), ("mc-01", "mc-02"))
MISSING = Missing("check", "inspection", 500, 105, WEEK, "not_enough_hours", (), (("later_days", 7),))
PLAN = Plan(
    lots=(LOT,),
    lead="aoki",
    backups=(Backup("cut", "aoki", None),),
    missing=(MISSING,),
    finish=Finish(date(2026, 12, 20), None, 0.83),
    tiers=Tiers(105, 0, 0, 1, 120, 2),
)
PROPOSAL = Proposal((PLAN,), (Alternative("cut", "aoki", PLAN),), "higashimachi-1")
BASIS = Basis(1_795_500_000_000, (BasisCell("aoki", "cutting", WEEK, 2_400, 60),))
WHO = Decision("coordinator", 1_795_500_001_000, "よい案です")
JOB = Job(
    id="2026-0001-1a",
    order="2026-0001",
    step="cut",
    factory="aoki",
    process="cutting",
    pieces=500,
    minutes=840,
    pieces_per_cycle=1,
    machines=frozenset({"mc-01", "mc-02"}),
    work=((WEEK, 700), (WEEK.later(1), 140)),
    backup="fujimi",
    planned_start=date(2026, 11, 25),
    planned_end=date(2026, 12, 1),
)


@pytest.fixture
def orders(engine: Engine) -> Orders:
    return Orders(engine)


def propose(orders: Orders, year: int = 2026) -> Match:
    return orders.propose(DRAFT, PROPOSAL, BASIS, WHO, year)


def jobs_of(match: Match, _jobs: Sequence[Job]) -> Sequence[Job]:
    return [replace(JOB, id=f"{match.order}-1a", order=match.order)]


def test_a_proposal_comes_back_as_it_was_stored(orders: Orders) -> None:
    made = propose(orders)
    assert (made.draft, made.proposal, made.basis) == (DRAFT, PROPOSAL, BASIS)
    assert (made.status, made.order_status) == (MatchStatus.OPEN, OrderStatus.PROPOSED)
    assert orders.match(made.id) == made
    assert orders.match("2026-9999-p1") is None


def test_numbers_count_within_their_year_and_are_ids_that_agents_take(orders: Orders) -> None:
    made = [propose(orders), propose(orders), propose(orders, 2027)]
    assert [each.order for each in made] == ["2026-0001", "2026-0002", "2027-0001"]
    assert [each.id for each in made] == ["2026-0001-p1", "2026-0002-p1", "2027-0001-p1"]
    assert all(valid_id(each.id) for each in made)
    assert {each.id for each in orders.matches(2)} == {"2027-0001-p1", "2026-0002-p1"}


def test_orders_entered_at_once_each_get_a_number_of_their_own(orders: Orders) -> None:
    numbers: list[str] = []
    threads = [
        threading.Thread(target=lambda: numbers.extend(propose(orders).order for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"2026-{number:04}" for number in range(1, 21)]


def test_approval_stores_the_jobs_and_what_they_hold(orders: Orders) -> None:
    made = orders.approve(propose(orders).id, WHO, jobs_of)
    assert (made.status, made.order_status) == (MatchStatus.APPROVED, OrderStatus.APPROVED)
    assert (made.decided_by, made.decided_ms, made.reason) == (WHO.who, WHO.now_ms, WHO.reason)
    assert orders.jobs() == [JOB]


def test_what_the_check_refuses_leaves_no_trace(orders: Orders, engine: Engine) -> None:
    def refuse(_match: Match, _jobs: Sequence[Job]) -> Sequence[Job]:
        raise RuntimeError("no hours")

    made = propose(orders)
    entries = Audit(engine).entries()
    with pytest.raises(RuntimeError, match="no hours"):
        orders.approve(made.id, WHO, refuse)
    assert orders.match(made.id) == made
    assert orders.jobs() == []
    assert Audit(engine).entries() == entries


def test_what_is_decided_is_not_decided_again(orders: Orders) -> None:
    approved, rejected = propose(orders).id, propose(orders).id
    replaced = propose(orders).id
    orders.approve(approved, WHO, jobs_of)
    orders.reject(rejected, WHO)
    newer = orders.replace(replaced, PROPOSAL, BASIS, WHO)
    for match, status in ((approved, "approved"), (rejected, "rejected"), (replaced, "replaced")):
        decisions: list[Callable[[], object]] = [
            partial(orders.approve, match, WHO, jobs_of),
            partial(orders.reject, match, WHO),
            partial(orders.replace, match, PROPOSAL, BASIS, WHO),
        ]
        for decide in decisions:
            with pytest.raises(DecisionError, match=f"it is {status}"):
                decide()
    assert newer.id == "2026-0003-p2"
    assert newer.status is MatchStatus.OPEN
    with pytest.raises(DecisionError, match="there is no proposal"):
        orders.approve("2026-7777-p1", WHO, jobs_of)


def test_a_cancelled_order_holds_no_capacity_any_more(orders: Orders) -> None:
    made = orders.approve(propose(orders).id, WHO, jobs_of)
    assert orders.cancel(made.order, WHO) == ["2026-0001-1a"]
    assert orders.jobs() == []
    assert [job.status for job in orders.jobs(open_only=False)] == [JobStatus.CANCELLED]
    with pytest.raises(DecisionError, match="is cancelled: only an approved one"):
        orders.cancel(made.order, WHO)
    with pytest.raises(DecisionError, match="is unknown"):
        orders.cancel("2026-7777", WHO)


def test_every_decision_is_in_the_audit_log_with_who_when_and_why(orders: Orders, engine: Engine) -> None:
    first, second = propose(orders), propose(orders)
    newer = orders.replace(second.id, PROPOSAL, BASIS, replace(WHO, detail={"cost": {"late_days": 2}}))
    orders.approve(first.id, WHO, jobs_of)
    orders.reject(newer.id, WHO)
    orders.cancel(first.order, WHO)
    entries = Audit(engine).entries()
    assert [(each.action, each.subject) for each in reversed(entries)] == [
        ("proposal made", "2026-0001-p1"),
        ("proposal made", "2026-0002-p1"),
        ("proposal replaced", "2026-0002-p1"),
        ("proposal approved", "2026-0001-p1"),
        ("proposal rejected", "2026-0002-p2"),
        ("order cancelled", "2026-0001"),
    ]
    assert {(each.who, each.at_ms, each.detail["reason"]) for each in entries} == {
        (WHO.who, WHO.now_ms, WHO.reason)
    }
    assert entries[3].detail["cost"] == {"late_days": 2}
    assert entries[3].detail["by"] == "2026-0002-p2"
