"""A short form of `make bench`: arrivals beat simple rules on a simulated federation, and see no future."""

from dataclasses import replace
from functools import cache

from aggregator.model.progress import Arrival
from tests.bench.arrival import BASELINES, error, misses, ours, table
from tests.bench.arrival_judge import Judge
from tests.bench.floor_rules import CHARACTERS


@cache
def few_weeks(weeks: int) -> Judge:
    return Judge("steady", CHARACTERS["steady"], 7, weeks).run()


def told(judge: Judge, until_ms: int) -> dict[tuple[str, float, int], Arrival]:
    """Return the predictions made before a moment, by what they were of."""
    return {(row.character, row.stage, row.now_ms): row.told for row in judge.rows if row.now_ms < until_ms}


def test_every_order_has_a_date_at_every_stage_and_simple_rules_are_beaten() -> None:
    rows = few_weeks(12).rows
    assert len(rows) >= 16
    assert all(row.told.p50_ms is not None for row in rows)
    for guess in BASELINES.values():
        assert error(rows, ours) < 0.6 * error(rows, guess)
    assert "steady" in table(rows)


def test_the_judge_sees_no_future() -> None:
    """What was told does not depend on what came later: a floor that goes on longer tells the same before."""
    short, long = few_weeks(12), few_weeks(13)
    until_ms = max(order.born_ms for order in short.floor.orders)
    assert told(short, until_ms) == told(long, until_ms)
    assert len(told(short, until_ms)) >= 4


def test_what_came_of_it_is_not_known_when_it_is_told() -> None:
    for row in few_weeks(12).rows:
        assert row.now_ms <= row.actual_ms
        assert row.told.p10_ms is not None and row.told.p10_ms >= row.now_ms


def test_a_miss_is_named() -> None:
    rows = few_weeks(12).rows
    perfect = [replace(row, standard_ms=row.actual_ms) for row in rows]
    assert [miss for miss in misses(perfect) if "standard time allows 0.00" in miss]
    vague = replace(rows[0].told, p10_ms=0, p90_ms=1 << 60)
    assert [miss for miss in misses([replace(row, told=vague) for row in rows]) if "holds in 1.000" in miss]
