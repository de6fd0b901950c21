import random
from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest

from aggregator.matching.lineup import Unclear, cheapest, roads_in_line
from aggregator.matching.problem import Candidate, Problem, pose
from aggregator.matching.reach import Reach
from aggregator.matching.shortlist import on_time
from aggregator.model.order import OrderDraft
from tests.aggregator.matching.federations import federation, order
from tests.aggregator.matching.small_markets import TODAY, draft, step

THREE = ("cutting", "assembly", "inspection")


def problem_of(seed: int) -> Problem:
    """An order of three steps, one lot each, for a federation with few factories that do much."""
    wanted = order(seed, THREE, largest=400)
    whole = replace(wanted, steps=tuple(replace(each, max_lots=1) for each in wanted.steps))
    return on_time(pose(whole, federation(seed, factories=7, machines=8, horizon=8), TODAY, "draw"))


def cost_of(problem: Problem, team: tuple[Candidate, ...]) -> tuple[int, int, int, int]:
    """The largest share, then days on the road, what is assigned already and the draw, summed up plainly."""
    minutes: dict[str, int] = {}
    for each in team:
        minutes[each.factory] = minutes.get(each.factory, 0) + problem.minutes(each, problem.quantity)
    return (
        max(problem.shares[factory].permille(more) for factory, more in minutes.items()),
        sum(edge.days for edge in problem.edges if team[edge.before].factory != team[edge.after].factory),
        sum(problem.before(each) for each in team),
        sum(problem.lottery(each) for each in team),
    )


@pytest.mark.parametrize("chunk", range(4))
def test_no_team_within_the_share_costs_less(chunk: int) -> None:
    """Every team is tried; of two factories that are equal in all, the draw decides."""
    tried = 0
    for seed in range(chunk * 15, chunk * 15 + 15):
        problem = problem_of(seed)
        if not all(problem.candidates):
            continue
        costs = [cost_of(problem, team) for team in product(*problem.candidates)]
        reach = Reach(problem)
        least = reach.least_share()
        assert least is not None and least <= min(costs)[0]
        for largest in {least, min(costs)[0], random.Random(seed).choice(costs)[0]}:
            found = cheapest(reach, largest)
            within = [cost[1:] for cost in costs if cost[0] <= largest]
            assert (found is None) == (not within), seed
            if found:
                cost = cost_of(problem, tuple(found[number][0][0] for number in range(3)))
                assert (cost[0] <= largest, cost[1:]) == (True, min(within)), seed
                tried += 1
    assert tried > 15


def test_lots_of_a_split_step_are_whole_and_within_the_share() -> None:
    split = 0
    for seed in range(40):
        wanted = order(seed, THREE, largest=800)
        several = replace(wanted, steps=tuple(replace(each, max_lots=3) for each in wanted.steps))
        problem = on_time(pose(several, federation(3, factories=10), TODAY, "draw"))
        reach = Reach(problem)
        least = reach.least_share()
        if least is None:
            continue
        with suppress(Unclear):  # one factory shares two steps: the solver is asked
            split += shares_well(reach, least)
    assert split > 10


def shares_well(reach: Reach, largest: int) -> int:
    """Check a team's lots; returns how many steps of it are split."""
    split, found, problem = 0, cheapest(reach, largest), reach.problem
    if found:
        minutes: dict[str, int] = {}
        for number, lots in found.items():
            assert sum(pieces for _, pieces in lots) == problem.quantity
            split += len(lots) > 1
            if len(lots) > 1:
                assert min(pieces for _, pieces in lots) >= problem.steps[number].min_lot
            for each, pieces in lots:
                minutes[each.factory] = minutes.get(each.factory, 0) + problem.minutes(each, pieces)
        assert max(problem.shares[each].permille(more) for each, more in minutes.items()) <= largest
    return split


def lines(wanted: OrderDraft) -> list[list[int]] | None:
    return roads_in_line(pose(wanted, federation(1, factories=3), TODAY, "draw"))


def test_roads_that_meet_are_left_to_the_solver() -> None:
    two = (step("a", "cutting"), step("b", "pressing"))
    assert lines(draft(10, TODAY, *two, step("c", "assembly", after=["a", "b"]))) is None
    assert lines(draft(10, TODAY, *two, step("c", "assembly", after=["b"]))) == [[0], [1, 2]]
    near = (step("a", "cutting", transport_days=0), step("b", "pressing"))
    assert lines(draft(10, TODAY, *near, step("c", "assembly", after=["a", "b"]))) == [[0], [1, 2]]
