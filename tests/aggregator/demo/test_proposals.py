"""What the demo's orders were planned on: usual hours of the scenario in, matching's own figures out."""

import tomllib
from datetime import date, timedelta
from typing import Any

import pytest

from agent.simulator.demo import TEMPLATE
from aggregator.demo.proposals import plan_on, usual_market
from aggregator.demo.stories import STORIES, Story
from aggregator.matching.offer import Market
from aggregator.model.capacity import CellKey
from aggregator.model.job import Job
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Plan
from aggregator.model.week import Week

MONDAY = date(2026, 11, 23)
WEEK = Week.of(MONDAY)


@pytest.fixture(scope="module")
def scenario() -> dict[str, Any]:
    return tomllib.loads(TEMPLATE.read_text("utf-8"))


def planned(story: Story, market: Market, due_days: int) -> Plan:
    """Plan a step every other day from Monday on."""
    steps = tuple(stage.step for stage in story.stages)
    due = MONDAY + timedelta(days=due_days)
    draft = OrderDraft(story.buyer, story.part, story.quantity, due, steps)
    days = [MONDAY + timedelta(days=2 * number) for number in range(len(steps))]
    return plan_on(draft, [stage.factory for stage in story.stages], days, market, MONDAY, "a draw")


def test_busy_factories_have_less_to_spare_and_today_is_the_first_day(scenario: dict[str, Any]) -> None:
    whole = {offer.key: offer for offer in usual_market(scenario, MONDAY, ()).offers}
    late = {offer.key: offer for offer in usual_market(scenario, MONDAY + timedelta(days=4), ()).offers}
    assert {key.factory for key in whole} == {factory["id"] for factory in scenario["factories"]}
    for key, offer in whole.items():
        first, second = offer.weeks[:2]
        assert 0 < first.p10 < first.p50 < first.p90 == second.p90
        assert late[key].weeks[0].p50 < first.p50
        assert late[key].weeks[1] == second
    shares = {
        key.factory: offer.weeks[1].p50 / sum(machine.minutes[1] for machine in offer.machines)
        for key, offer in whole.items()
    }
    assert shares["aoki"] < shares["hinode"]  # 70 of 100 hours are its own there, 60 here


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.part.split()[-1])
def test_every_figure_is_what_matching_reckons(scenario: dict[str, Any], story: Story) -> None:
    plan = planned(story, usual_market(scenario, MONDAY, ()), 30)
    assert plan.finish.p50 is not None
    assert plan.finish.p90 is not None
    assert plan.lots[-1].last is not None
    assert plan.lots[-1].last <= plan.finish.p50 <= plan.finish.p90
    assert plan.finish.on_time > 0.99
    assert plan.tiers.largest_share_permille > 0
    assert plan.tiers.transport_days == sum(stage.step.transport_days for stage in story.stages[:-1])
    assert plan.tiers.without_backup == len(story.stages)  # one factory a process
    assert not plan.proven
    for lot, stage in zip(plan.lots, story.stages, strict=True):
        assert stage.machine in lot.machines


def test_the_chance_falls_as_the_due_date_comes_nearer(scenario: dict[str, Any]) -> None:
    market, story = usual_market(scenario, MONDAY, ()), STORIES[0]
    chances = [planned(story, market, days).finish.on_time for days in (30, 10, 9, 3)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.99
    assert chances[-1] < 0.01


def test_what_earlier_orders_hold_counts(scenario: dict[str, Any]) -> None:
    held = Job(
        "J-1", "O-1", "cutting", "aoki", "cutting", 100, 600, 1, frozenset({"mc-02"}), ((WEEK, 600),)
    )  # fmt: skip
    free, taken = usual_market(scenario, MONDAY, ()), usual_market(scenario, MONDAY, [held])
    (cell,) = [offer for offer in taken.offers if offer.key == CellKey("aoki", "cutting")]
    assert [each.minutes for each in cell.weeks[0].taken] == [600]
    assert cell.weeks[1].taken == ()
    shares = [planned(STORIES[0], market, 30).tiers.largest_share_permille for market in (free, taken)]
    assert shares[0] < shares[1]
