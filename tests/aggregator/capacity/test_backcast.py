"""aggregator/capacity/backcast.py: what came in past weeks, beside what was known before them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from aggregator.capacity.backcast import AHEAD, ORIGINS, Backcast, backcast
from aggregator.capacity.level import NO_LIMIT, weeks_of
from aggregator.capacity.load import WEEKS, History, align
from aggregator.model.capacity import CellKey
from tests.aggregator.capacity.pasts import MONDAY, past

RISING = [week / 100 for week in range(WEEKS)]


def look_back(*histories: History, days_later: int = 0) -> Backcast:
    panel = align(histories, MONDAY + timedelta(days=days_later))
    factors, most = np.ones((len(histories), 7)), np.full(len(histories), NO_LIMIT)
    return backcast(panel, factors, weeks_of(panel, factors, most), (0.01,))


def longer(history: History, share: float, days: int) -> History:
    """Return the history with more days, from Monday on, used by a share."""
    pbt_h = np.append(history.pbt_h, np.full(days, 8.0))
    private_h = np.append(history.private_h, np.full(days, 8.0 * share))
    return History(history.key, history.first_day, pbt_h, private_h, 0 * pbt_h, 0 * pbt_h)


def test_each_origin_is_followed_by_the_weeks_that_came() -> None:
    seen = look_back(past(RISING))
    for place, origin in enumerate(ORIGINS):
        came = [RISING[origin + ahead] for ahead in range(AHEAD) if origin + ahead < WEEKS]
        assert seen.actual[0, place, : len(came)] == pytest.approx(came)
        assert seen.weight[0, place].tolist() == [1.0] * len(came) + [0.0] * (AHEAD - len(came))


def test_nothing_is_known_of_the_week_that_is_forecast() -> None:
    seen = look_back(past(RISING))
    assert seen.levels[0, :, 0] == pytest.approx([RISING[origin - 1] for origin in ORIGINS])
    assert (seen.bands[0, :, 2] < seen.actual[0, :, 0]).all()


def test_on_a_thursday_the_week_that_runs_has_four_days_left_and_the_next_begins_on_monday() -> None:
    history = longer(past([*RISING[:-1], 0.5]), 1.0, 3)
    seen = look_back(history, days_later=3)
    assert seen.actual[0, -1, 0] == pytest.approx(0.5)  # Thursday and Friday of the last whole week
    assert seen.weight[0, -1, 0] == pytest.approx(16 / 40, rel=0.1)
    assert seen.weight[0, -1, 1:].tolist() == [0.0] * (AHEAD - 1)
    assert seen.actual[0, -2, 1] == pytest.approx(0.5)


def test_weeks_that_are_hardly_known_judge_no_forecast() -> None:
    seen = look_back(past(RISING, unknown=[0.0] * 20 + [0.5] + [0.0] * 5))
    judged = np.array([[origin + ahead for ahead in range(AHEAD)] for origin in ORIGINS])
    assert not seen.weight[0][judged == 20].any()


def test_where_a_little_is_unknown_the_rest_stands_for_it() -> None:
    seen = look_back(past([0.4] * WEEKS, unknown=[0.0] * (WEEKS - 1) + [0.2]))
    assert seen.actual[0, -1, 0] == pytest.approx(0.5)  # 0.4 of the 0.8 that is known


def test_origins_that_would_have_had_no_number_judge_nothing() -> None:
    seen = look_back(past(RISING, unknown=[0.0] * 10 + [1.0] * 4 + [0.0] * 12))
    told = seen.weight[0].any(axis=1)
    assert [origin for origin, one in zip(ORIGINS, told, strict=True) if not one] == list(range(11, 18))


def test_a_young_cell_has_few_origins() -> None:
    seen = look_back(past([0.5] * 5))
    assert seen.weight[0].any(axis=1).sum() == 3
    assert not seen.weight[0, :, 3:].any()


def test_closed_weeks_judge_nothing_and_short_ones_little() -> None:
    history = past([0.5] * 6)
    days = np.ones(42)
    days[28:35], days[36:42] = 0, 0
    seen = look_back(replace(history, pbt_h=history.pbt_h * days, private_h=history.private_h * days))
    whole, closed, short = seen.weight[0, -3, :3]
    assert (whole, closed) == (1, 0)
    assert 0 < short < 0.5


def test_cells_can_be_taken_out() -> None:
    bando = past(RISING[::-1], CellKey("bando", "cutting"))
    both, alone = look_back(past(RISING), bando), look_back(bando)
    taken = both.of(np.array([1]))
    assert np.array_equal(taken.actual, alone.actual)
    assert np.array_equal(taken.levels, alone.levels)
    assert np.array_equal(taken.bands, alone.bands)
    assert np.array_equal(taken.weight, alone.weight)
