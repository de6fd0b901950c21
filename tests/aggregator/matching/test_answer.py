import pytest

from aggregator.matching.answer import answer
from aggregator.matching.problem import pose
from tests.aggregator.matching.enumeration import best_of_all, plans_of
from tests.aggregator.matching.rules import Town, judge, made_by
from tests.aggregator.matching.small_markets import TODAY, random_case

MOST_PLANS = 400
CHUNK = 30


@pytest.mark.parametrize("chunk", range(10))
def test_no_plan_is_better_than_the_answer(chunk: int) -> None:
    """Every plan of small random orders is tried, by rules that were written apart from the models."""
    tried = 0
    for seed in range(chunk * CHUNK, chunk * CHUNK + CHUNK):
        draft, market = random_case(seed)
        town = Town(draft, market, TODAY)
        if plans_of(town) > MOST_PLANS:
            continue
        problem = pose(draft, market, TODAY, "draw")
        found = answer(problem)
        tried += 1
        assert found.tiers == best_of_all(town), seed
        assert judge(town, made_by(problem, found.schedule)) == found.tiers, seed
        assert found.proven, seed
    assert tried > CHUNK / 2
