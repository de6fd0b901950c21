"""Proposals and decisions on a real database, with capacity that moves under them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from aggregator.matching.drill import Stop
from aggregator.model.match import Decision, MatchStatus, OrderStatus
from aggregator.model.week import Week
from aggregator.planning.edit import LotChange
from aggregator.planning.errors import (
    DraftRefused,
    EditRefused,
    NoRoom,
    NoSuchMatch,
    NotReckoned,
    Outdated,
    Stale,
    Unplaced,
)
from aggregator.planning.jobs import jobs_of
from aggregator.planning.planning import Planning
from aggregator.store.audit import Audit
from aggregator.store.database import reading
from aggregator.store.order_rows import OrderRows
from aggregator.store.orders import DecisionError, Orders
from aggregator.store.work_schema import metadata
from tests.aggregator.planning.markets import DRAFT, NOW_MS, TODAY, HandMadeSpare, market, planning_on

WHO = "coordinator"


@pytest.fixture
def spare() -> HandMadeSpare:
    return HandMadeSpare(market())


@pytest.fixture
def planning(engine: Engine, spare: HandMadeSpare) -> Planning:
    return planning_on(engine, spare)


def test_a_proposal_names_the_capacity_that_it_rests_on(planning: Planning) -> None:
    made = planning.propose(DRAFT, WHO)
    assert made.basis.computed_ms == NOW_MS
    team = {lot.factory for lot in made.proposal.plans[0].lots}
    assert team <= {cell.factory for cell in made.basis.cells}
    assert {(cell.p10, cell.taken) for cell in made.basis.cells} == {(1_200, 0)}
    assert planning.match(made.id) == made
    assert planning.standings([made])[made.id].stale is False


def test_a_draft_with_faults_is_told_and_not_stored(planning: Planning) -> None:
    with pytest.raises(DraftRefused, match="quantity: 0 pieces cannot be made") as caught:
        planning.propose(replace(DRAFT, quantity=0, due=TODAY - timedelta(1)), WHO)
    assert {fault.place for fault in caught.value.faults} == {"quantity", "due"}
    assert planning.matches() == []


def test_approval_makes_a_job_of_every_lot_and_holds_its_hours(planning: Planning) -> None:
    made = planning.propose(DRAFT, WHO)
    approved = planning.approve(made.id, WHO)
    assert (approved.status, approved.order_status) == (MatchStatus.APPROVED, OrderStatus.APPROVED)
    jobs = planning.jobs(made.order)
    assert [job.id for job in jobs] == [f"{made.order}-1a", f"{made.order}-2a"]
    lots = made.proposal.plans[0].lots
    assert [(job.factory, job.minutes, job.pieces) for job in jobs] == [
        (lot.factory, lot.minutes, lot.pieces) for lot in lots
    ]
    assert [job.backup for job in jobs] == [each.factory for each in made.proposal.plans[0].backups]
    second = planning.propose(DRAFT, WHO)
    taken = {(cell.factory, cell.week): cell.taken for cell in second.basis.cells}
    shared = [
        taken[job.factory, week] for job in jobs for week, _ in job.work if (job.factory, week) in taken
    ]
    assert all(minutes > 0 for minutes in shared)


def test_jobs_have_the_days_of_their_plan_and_a_step_begins_when_its_pieces_have_come(
    planning: Planning,
) -> None:
    made = planning.propose(DRAFT, WHO)
    planning.approve(made.id, WHO)
    cut, check = planning.jobs(made.order)
    for job in (cut, check):
        assert job.planned_start and job.planned_end
        assert TODAY <= job.planned_start <= job.planned_end <= DRAFT.due
        assert Week.of(job.planned_start) == job.work[0][0]
        assert Week.of(job.planned_end) == job.work[-1][0]
    assert cut.planned_end and check.planned_start
    assert check.planned_start > cut.planned_end + timedelta(DRAFT.steps[0].transport_days - 1)


def test_of_a_plan_without_days_its_weeks_count(planning: Planning) -> None:
    made = planning.propose(DRAFT, WHO)
    best = made.proposal.plans[0]
    plain = replace(best, lots=tuple(replace(lot, first=None, last=None) for lot in best.lots))
    job = jobs_of(replace(made, proposal=replace(made.proposal, plans=(plain,))))[0]
    week = best.lots[0].work[0].week
    assert (job.planned_start, job.planned_end) == (week.monday, week.monday + timedelta(days=6))


def test_before_hours_are_reckoned_nothing_is_decided_and_no_proposal_called_stale(
    planning: Planning, spare: HandMadeSpare
) -> None:
    match = planning.propose(DRAFT, WHO)
    spare.reckoned = False
    assert planning.standings([match]) == {}
    for act in (
        lambda: planning.propose(DRAFT, WHO),
        lambda: planning.again(match.id, WHO),
        lambda: planning.approve(match.id, WHO),
        lambda: planning.drill(Stop("aoki", planning.today, 5)),
    ):
        with pytest.raises(NotReckoned):
            act()
    spare.reckoned = True
    assert planning.approve(match.id, WHO).status is MatchStatus.APPROVED


def test_what_no_longer_fits_is_stale_at_once_and_cannot_be_approved(
    planning: Planning, spare: HandMadeSpare, engine: Engine
) -> None:
    made = planning.propose(DRAFT, WHO)
    lot = made.proposal.plans[0].lots[0]
    spare.offered = market(**{lot.factory: 300})
    standing = planning.standings([made])[made.id]
    assert standing.stale and not standing.fits
    assert (standing.shortages[0].factory, standing.shortages[0].minutes) == (lot.factory, lot.minutes - 300)
    assert (standing.changed[0].before, standing.changed[0].now) == (1_200, 300)
    with pytest.raises(NoRoom, match=f"{lot.factory}, cutting, 2026-W48: 6.0 hours are lacking"):
        planning.approve(made.id, WHO, confirmed=True)
    assert Orders(engine).jobs() == []
    spare.offered = market()
    assert planning.approve(made.id, WHO).status is MatchStatus.APPROVED


def test_a_proposal_that_lost_its_backup_needs_to_be_confirmed(
    planning: Planning, spare: HandMadeSpare
) -> None:
    made = planning.propose(DRAFT, WHO)
    backup = made.proposal.plans[0].backups[0].factory
    assert backup is not None
    spare.offered = market(**{backup: 10})
    standing = planning.standings([made])[made.id]
    assert standing.stale and standing.fits
    assert [each.factory for each in standing.lost] == [backup]
    with pytest.raises(Stale, match="look at what changed"):
        planning.approve(made.id, WHO)
    assert planning.approve(made.id, WHO, confirmed=True).status is MatchStatus.APPROVED


def test_a_stale_proposal_is_proposed_again_on_the_capacity_of_now(
    planning: Planning, spare: HandMadeSpare
) -> None:
    made = planning.propose(DRAFT, WHO)
    lot = made.proposal.plans[0].lots[0]
    spare.offered = market(**{lot.factory: 10})
    newer = planning.again(made.id, WHO)
    assert newer.order == made.order
    assert newer.proposal.plans[0].lots[0].factory != lot.factory
    assert planning.match(made.id).status is MatchStatus.REPLACED
    with pytest.raises(DecisionError, match="is decided already: it is replaced"):
        planning.approve(made.id, WHO)
    assert planning.approve(newer.id, WHO).status is MatchStatus.APPROVED


def test_an_order_with_work_that_has_no_place_is_not_approved(
    planning: Planning, spare: HandMadeSpare
) -> None:
    spare.offered = market(aoki=10, sato=10)
    made = planning.propose(DRAFT, WHO)
    with pytest.raises(Unplaced, match="some work has no place yet"):
        planning.approve(made.id, WHO)


def test_a_proposal_for_another_quantity_than_the_order_has_by_now_is_not_approved(
    planning: Planning, engine: Engine
) -> None:
    made = planning.propose(DRAFT, WHO)
    smaller = replace(DRAFT, quantity=500)
    OrderRows(engine).revise(made.order, smaller, Decision(WHO, NOW_MS, "減数"), lambda _: {})
    with pytest.raises(Outdated, match="revised since this was proposed"):
        planning.approve(made.id, WHO)
    assert Orders(engine).jobs() == []
    assert planning.approve(planning.again(made.id, WHO).id, WHO).draft == smaller


def test_what_was_approved_twice_holds_its_hours_once(planning: Planning, engine: Engine) -> None:
    made = planning.propose(DRAFT, WHO)
    planning.approve(made.id, WHO)
    with pytest.raises(DecisionError, match="is decided already: it is approved"):
        planning.approve(made.id, WHO)
    assert len(Orders(engine).jobs()) == 2


def test_a_rejected_proposal_stays_rejected_and_says_why(planning: Planning, engine: Engine) -> None:
    made = planning.reject(planning.propose(DRAFT, WHO).id, WHO, "納期が合わない")
    assert (made.status, made.reason, made.order_status) == (
        MatchStatus.REJECTED, "納期が合わない", OrderStatus.REJECTED,
    )  # fmt: skip
    with pytest.raises(DecisionError, match="it is rejected"):
        planning.approve(made.id, WHO)
    entry = Audit(engine).entries(made.id)[0]
    assert (entry.action, entry.who, entry.at_ms) == ("proposal rejected", WHO, NOW_MS)
    assert entry.detail["reason"] == "納期が合わない"


def test_a_cancelled_order_gives_its_hours_back(planning: Planning) -> None:
    first = planning.propose(DRAFT, WHO)
    free = first.basis
    planning.approve(first.id, WHO)
    planning.cancel(first.order, WHO, "注文取消")
    assert planning.propose(DRAFT, WHO).basis == free


def test_what_is_not_there_is_said(planning: Planning) -> None:
    for ask in (planning.match, lambda match: planning.again(match, WHO)):
        with pytest.raises(NoSuchMatch, match="there is no proposal 2026-0404-p1"):
            ask("2026-0404-p1")


def test_a_drill_leaves_every_table_as_it_was(planning: Planning, engine: Engine) -> None:
    made = planning.approve(planning.propose(DRAFT, WHO).id, WHO)
    planning.propose(DRAFT, WHO)
    before = every_row(engine)
    factory = made.proposal.plans[0].lots[0].factory
    drilled = planning.drill(Stop(factory, TODAY, 30))
    assert [order.order for order in drilled.orders] == [made.order]
    assert drilled.orders[0].jobs[0].job == f"{made.order}-1a"
    assert planning.drill(Stop(factory, TODAY + timedelta(days=300), 30)).orders == ()
    assert every_row(engine) == before
    assert len(before["audit"]) == 3


def every_row(engine: Engine) -> dict[str, list[str]]:
    """Return all rows of all tables, as text."""
    with reading(engine) as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }


def test_an_edit_keeps_what_was_not_changed(planning: Planning) -> None:
    made = planning.propose(DRAFT, WHO)
    best = made.proposal.plans[0]
    cut, check = best.lots
    other = {"aoki": "sato", "sato": "aoki"}[cut.factory]
    week = cut.work[0].week.later(2)
    newer = planning.edit(made.id, WHO, "治具", [LotChange("cut", cut.factory, other, (week,))])
    changed = newer.proposal.plans[0]
    assert [(lot.step, lot.factory) for lot in changed.lots] == [("cut", other), ("check", check.factory)]
    assert [work.week for work in changed.lots[0].work] == [week]
    assert changed.lots[1].work[0].week >= week
    assert newer.proposal.plans[1] == best
    assert newer.basis.from_match == made.id
    assert planning.match(made.id).status is MatchStatus.REPLACED
    assert planning.approve(newer.id, WHO).status is MatchStatus.APPROVED


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (LotChange("paint", "aoki"), "lots[0]"),
        (LotChange("cut", "nobody"), "lots[0]"),
        (LotChange("check", "", "kita"), "lots[0]"),
    ],
)
def test_an_edit_of_what_is_not_planned_is_refused(planning: Planning, change: LotChange, place: str) -> None:
    made = planning.propose(DRAFT, WHO)
    with pytest.raises(EditRefused) as caught:
        planning.edit(made.id, WHO, "x", [change])
    assert caught.value.place == place
    assert planning.match(made.id).status is MatchStatus.OPEN


def test_an_edit_to_who_cannot_do_it_is_refused(planning: Planning) -> None:
    made = planning.propose(DRAFT, WHO)
    cut = made.proposal.plans[0].lots[0].factory
    with pytest.raises(EditRefused, match="kita has no machine for this step"):
        planning.edit(made.id, WHO, "x", [LotChange("cut", cut, "kita")])
    late = Week(2030, 1)
    with pytest.raises(EditRefused, match="2030-W01: choose from 2026-W48"):
        planning.edit(made.id, WHO, "x", [LotChange("cut", cut, None, (late,))])


def test_who_asks_twice_gets_the_same_draw(planning: Planning) -> None:
    first, second = planning.propose(DRAFT, WHO), planning.propose(DRAFT, WHO)
    assert first.proposal == second.proposal
    other = planning.propose(replace(DRAFT, quantity=601), WHO)
    assert other.proposal.draw != first.proposal.draw
