import pytest

from aggregator.matching.answer import answer
from aggregator.matching.exchange import Exchange, team_of
from aggregator.matching.pace import earliest
from aggregator.matching.problem import pose
from aggregator.matching.schedule import end_of
from aggregator.matching.shortlist import on_time
from aggregator.matching.tiers import in_order_of_weight
from tests.aggregator.matching.federations import federation, order
from tests.aggregator.matching.small_markets import TODAY

MARKET = federation(7, factories=20)


@pytest.mark.parametrize("seed", range(4))
def test_exchanges_are_on_time_whole_and_never_worse_than_what_they_began_with(seed: int) -> None:
    problem = on_time(pose(order(seed), MARKET, TODAY, "draw"))
    start = earliest(problem)
    assert start and end_of(problem, start) <= problem.due
    search = Exchange(problem, punctual=True)
    begun = search.improved(team_of(problem, start))
    again = Exchange(problem, punctual=True).improved(begun.team) if begun else None
    assert begun and again
    assert begun.tiers.late_days == begun.tiers.unplaced_minutes == 0
    assert again.rank <= begun.rank


def test_who_may_not_do_a_step_any_more_is_replaced() -> None:
    problem = pose(order(1), MARKET, TODAY, "draw")
    best = answer(problem)
    for step, factory in best.schedule.done:
        other = on_time(problem.without(step, factory))
        found = Exchange(other, punctual=True).improved(team_of(other, best.schedule))
        assert found is not None
        assert (step, factory) not in found.schedule.done
        assert in_order_of_weight(found.tiers) >= in_order_of_weight(best.tiers)
