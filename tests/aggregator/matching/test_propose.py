import random
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.matching.offer import Market
from aggregator.matching.propose import propose, propose_many
from aggregator.matching.taken import with_taken
from aggregator.matching.tiers import in_order_of_weight
from aggregator.model.capacity import CellKey
from aggregator.model.order import Needs
from aggregator.model.proposal import Plan
from tests.aggregator.matching.federations import federation, order
from tests.aggregator.matching.rules import Town, faults_of
from tests.aggregator.matching.small_markets import STEEL, TODAY, draft, offer, random_case, step

DUE = TODAY + timedelta(days=20)
SMALL = federation(3, factories=10, horizon=6)


def team(plan: Plan) -> set[tuple[str, str]]:
    return {(lot.step, lot.factory) for lot in plan.lots}


@pytest.mark.parametrize("seed", range(20))
def test_every_plan_of_a_proposal_keeps_the_rules_and_none_is_better_than_the_best(seed: int) -> None:
    wanted, market = random_case(seed + 1000)
    proposal = propose(wanted, market, TODAY, "draw")
    every = [*proposal.plans, *(each.plan for each in proposal.without)]
    for plan in every:
        assert faults_of(Town(wanted, market, TODAY), plan) == []
        assert in_order_of_weight(proposal.plans[0].tiers) <= in_order_of_weight(plan.tiers)
    costs = [in_order_of_weight(plan.tiers) for plan in proposal.plans]
    assert costs == sorted(costs)
    assert len({frozenset(team(plan)) for plan in proposal.plans}) == len(proposal.plans)
    assert {(each.step, each.factory) for each in proposal.without} == team(proposal.plans[0])
    assert all((each.step, each.factory) not in team(each.plan) for each in proposal.without)


@pytest.mark.parametrize("seed", range(4))
def test_a_larger_order_is_whole_on_time_and_within_the_rules(seed: int) -> None:
    wanted = order(seed, ("cutting", "assembly"))
    plan = propose(wanted, SMALL, TODAY, "draw").plans[0]
    assert faults_of(Town(wanted, SMALL, TODAY), plan) == []
    assert plan.lead in {lot.factory for lot in plan.lots}
    assert plan.finish.p50 and plan.finish.p90 and plan.finish.p50 <= plan.finish.p90
    for backup in plan.backups:
        assert backup.factory != backup.instead_of


def test_the_same_question_has_the_same_answer() -> None:
    wanted = order(2, ("cutting", "assembly"))
    assert propose(wanted, SMALL, TODAY, "draw") == propose(wanted, SMALL, TODAY, "draw")


def test_names_and_their_order_decide_nothing() -> None:
    """Whatever factories are called, the tiers are the same; the team is, where no draw was needed."""
    for seed in range(12):
        wanted, market = random_case(seed + 500)
        names = sorted({each.key.factory for each in market.offers})
        renamed = dict(zip(names, reversed([f"z{name}" for name in names]), strict=True))
        offers = [
            replace(each, key=CellKey(renamed[each.key.factory], each.key.process)) for each in market.offers
        ]
        random.Random(seed).shuffle(offers)
        one = propose(wanted, market, TODAY, "draw").plans[0]
        other = propose(wanted, Market(tuple(offers)), TODAY, "draw").plans[0]
        assert one.tiers == other.tiers, seed


def test_without_a_tie_the_team_does_not_depend_on_names() -> None:
    rooms = {"aoki": 3000, "baba": 2000, "chiba": 1000}
    for names in (("aoki", "baba", "chiba"), ("zzz", "mmm", "aaa")):
        market = Market(
            tuple(
                offer(name, "cutting", [room] * 3) for name, room in zip(names, rooms.values(), strict=True)
            )
        )
        plan = propose(draft(100, DUE, step("cut", "cutting")), market, TODAY, "draw").plans[0]
        assert team(plan) == {("cut", names[0])}


def test_equals_are_asked_by_the_least_assigned_and_then_by_the_published_draw() -> None:
    market = Market(tuple(offer(name, "cutting", [10_000] * 3) for name in ("aoki", "baba", "chiba")))
    wanted = draft(10, DUE, step("cut", "cutting"))
    chosen = {propose(wanted, market, TODAY, f"draw {each}").plans[0].lots[0].factory for each in range(12)}
    assert len(chosen) > 1
    first = propose(wanted, market, TODAY, "draw").plans[0]
    then = propose(wanted, with_taken(market, wanted, first.lots), TODAY, "draw").plans[0]
    assert team(first) != team(then)


def test_ten_orders_never_overbook_together() -> None:
    market = Market(tuple(offer(name, "cutting", [200, 400]) for name in ("aoki", "baba")))
    wanted = [draft(130 + each, DUE, step("cut", "cutting")) for each in range(10)]
    proposals = propose_many(wanted, market, TODAY, "draw")
    for each, proposal in zip(wanted, proposals, strict=True):
        plan = proposal.plans[0]
        assert faults_of(Town(each, market, TODAY), plan) == []
        market = with_taken(market, each, plan.lots)
    for cell in market.offers:
        assert all(sum(taken.minutes for taken in week.taken) <= week.p10 for week in cell.weeks)
    assert any(proposal.plans[0].missing for proposal in proposals)


def test_what_nobody_can_do_is_told_with_its_reason() -> None:
    market = Market((offer("aoki", "cutting", [500] * 3),), silent=(CellKey("baba", "assembly"),))
    wanted = draft(
        10,
        DUE,
        step("cut", "cutting", needs=Needs(materials=STEEL, tonnage_kn=100.0)),
        step("join", "assembly", after=["cut"]),
        step("coat", "surface_treatment", after=["join"]),
    )
    missing = {each.step: each for each in propose(wanted, market, TODAY, "draw").plans[0].missing}
    assert (missing["cut"].reason, missing["cut"].lacking) == ("no_such_ability", ("SUS304", "tonnage_kn"))
    assert missing["join"].reason == "no_number"
    assert missing["coat"].reason == "no_such_process"
    assert all(each.pieces == 10 and each.minutes == 10 for each in missing.values())
    assert ("factory", 1) in missing["cut"].cures


def test_too_few_hours_are_told_with_the_first_full_week_and_cures_that_work() -> None:
    market = Market((offer("aoki", "cutting", [0, 100, 100]), offer("baba", "cutting", [0, 60, 60])))
    wanted = draft(250, DUE, step("cut", "cutting", min_lot=50))
    (missing,) = propose(wanted, market, TODAY, "draw").plans[0].missing
    assert (missing.pieces, missing.minutes, missing.reason) == (50, 50, "not_enough_hours")
    assert missing.week is not None
    cures = dict(missing.cures)
    assert cures["split_lots"] == 2
    assert cures["overtime_minutes"] >= 50
    split = replace(wanted, steps=(replace(wanted.steps[0], max_lots=2, min_lot=1),))
    assert propose(split, market, TODAY, "draw").plans[0].tiers.unplaced_minutes == 0


def test_a_late_order_is_told_how_many_days_would_do() -> None:
    market = Market((offer("aoki", "cutting", [50, 100, 100]),))
    wanted = draft(200, TODAY + timedelta(days=8), step("cut", "cutting"))
    plan = propose(wanted, market, TODAY, "draw").plans[0]
    assert plan.tiers.late_orders == 1
    days = dict(plan.late[0].cures)["later_days"]
    assert days == plan.tiers.late_days
    later = replace(wanted, due=wanted.due + timedelta(days=days))
    assert propose(later, market, TODAY, "draw").plans[0].tiers.late_orders == 0
    assert propose(replace(later, due=later.due - timedelta(days=1)), market, TODAY, "d").plans[0].late


def test_a_million_pieces_are_answered() -> None:
    plan = propose(replace(order(1), quantity=1_000_000), SMALL, TODAY, "draw").plans[0]
    assert plan.tiers.unplaced_minutes > 0
    assert plan.missing


def test_an_empty_market_is_answered() -> None:
    plan = propose(order(1), Market(()), TODAY, "draw").plans[0]
    assert plan.lots == () and plan.lead is None and plan.finish.p50 is None
    assert len(plan.missing) == 6
