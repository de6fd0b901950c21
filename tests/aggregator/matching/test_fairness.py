import pytest

from tests.aggregator.matching.fairness import gini, greedy, simulate
from tests.aggregator.matching.federations import equal_federation, order

ORDERS = [order(seed, ("cutting", "assembly"), largest=200) for seed in range(100)]


def test_gini_is_0_for_equals_and_near_1_if_one_has_all() -> None:
    assert gini([3, 3, 3]) == 0
    assert gini([0, 0, 0, 8]) == pytest.approx(0.75)


def test_a_hundred_orders_are_shared_out_more_evenly_than_by_whoever_is_first() -> None:
    market = equal_federation(6, ("cutting", "assembly"), 12, p10=3000)
    ours, naive = simulate(ORDERS, market), simulate(ORDERS, market, greedy)
    assert ours.gini < 0.1
    assert ours.gini < naive.gini
    assert ours.largest_permille <= naive.largest_permille
