from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.matching.answer import answer
from aggregator.matching.finish import finish_of
from aggregator.matching.offer import Market
from aggregator.matching.problem import Problem, pose
from aggregator.matching.schedule import Schedule, end_of
from tests.aggregator.matching.federations import federation, order
from tests.aggregator.matching.small_markets import TODAY, draft, offer, random_case, step

FEDERATION = federation(5, factories=12, horizon=8)


def placed(seed: int, market: Market = FEDERATION) -> tuple[Problem, Schedule]:
    problem = pose(order(seed, ("cutting", "assembly", "shipping")), market, TODAY, "draw")
    return problem, answer(problem).schedule


def test_what_is_certain_is_done_on_the_planned_day() -> None:
    for seed in range(60):
        wanted, market = random_case(seed)
        certain = Market(
            tuple(
                replace(each, weeks=tuple(replace(w, p50=w.p10, p90=w.p10) for w in each.weeks))
                for each in market.offers
            )
        )
        problem = pose(wanted, certain, TODAY, "draw")
        found = answer(problem)
        end = end_of(problem, found.schedule)
        finish = finish_of(problem, found.schedule)
        if end:
            assert finish.p50 == finish.p90 == problem.horizon.date(end), seed
            on_time = end <= problem.due and not found.tiers.unplaced_minutes
            assert finish.on_time == float(on_time), seed
        else:
            assert (finish.p50, finish.p90, finish.on_time) == (None, None, 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_p50_is_never_behind_p90_and_p90_is_the_plan_or_sooner_nine_times_in_ten(seed: int) -> None:
    problem, schedule = placed(seed)
    finish = finish_of(problem, schedule)
    assert finish.p50 is not None and finish.p90 is not None
    assert finish.p50 <= finish.p90
    assert finish.p50 <= problem.horizon.date(end_of(problem, schedule))


@pytest.mark.parametrize("seed", range(6))
def test_more_capacity_is_never_later(seed: int) -> None:
    problem, schedule = placed(seed)
    more = Market(
        tuple(
            replace(each, weeks=tuple(replace(w, p50=w.p50 + 300, p90=w.p90 + 400) for w in each.weeks))
            for each in FEDERATION.offers
        )
    )
    richer = pose(problem.draft, more, TODAY, "draw")
    sooner, later = finish_of(richer, schedule), finish_of(problem, schedule)
    assert sooner.p50 and sooner.p90 and later.p50 and later.p90
    assert sooner.p50 <= later.p50
    assert sooner.on_time >= later.on_time - 1e-9


def test_a_factory_that_is_unsure_makes_the_end_unsure() -> None:
    unsure = Market((offer("aoki", "cutting", [100, 100, 100, 100], spread=(3.0, 5.0)),))
    problem = pose(draft(250, TODAY + timedelta(days=15), step("cut", "cutting")), unsure, TODAY, "draw")
    finish = finish_of(problem, answer(problem).schedule)
    assert finish.p50 is not None and finish.p90 is not None
    assert finish.p50 < finish.p90
    assert 0.5 < finish.on_time < 1
