"""aggregator/capacity/level.py: the recent level and the cell's own weeks, computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.capacity.level import NO_LIMIT, Weeks, bands, highest_shares, levels, weeks_of
from aggregator.capacity.load import WEEKS, History, align
from tests.aggregator.capacity.pasts import MONDAY, past

EQUAL = np.ones((1, 7))


def weeks(history: History, most: float = NO_LIMIT) -> Weeks:
    return weeks_of(align([history], MONDAY), EQUAL, np.array([most]))


def test_a_level_halves_the_weight_with_every_half_life() -> None:
    level = levels(weeks(past([1.0, 0.0, 0.5])), WEEKS, (1.0, 2.0))[0]
    assert level[0] == pytest.approx((0.25 * 1 + 1 * 0.5) / 1.75)
    assert level[1] == pytest.approx((0.5 * 1 + 1 * 0.5) / (0.5 + 0.5**0.5 + 1))


def test_a_level_knows_only_the_weeks_before() -> None:
    assert levels(weeks(past([0.25, 0.25, 1.0])), WEEKS - 1, (1.0,))[0, 0] == pytest.approx(0.25)


def test_closed_weeks_say_nothing() -> None:
    history = past([0.5, 0.5, 0.0])
    open_days = np.where(np.arange(21) < 14, 1.0, 0.0)
    shut = weeks(replace(history, pbt_h=history.pbt_h * open_days))
    assert levels(shut, WEEKS, (0.5,))[0, 0] == pytest.approx(0.5)
    assert bands(shut, WEEKS)[0] == pytest.approx([0.5, 0.5, 0.5])


def test_bands_are_the_low_middle_and_high_weeks() -> None:
    low, middle, high = bands(weeks(past([0.1, 0.2, 0.3, 0.4, 0.5] * 5)), WEEKS)[0]
    assert low == pytest.approx(0.1, abs=0.02)
    assert middle == pytest.approx(0.3, abs=0.03)
    assert high == pytest.approx(0.5, abs=0.02)


def test_bands_follow_recent_weeks_more_than_old_ones() -> None:
    risen = bands(weeks(past([0.2] * 13 + [0.6] * 13)), WEEKS)[0]
    assert risen == pytest.approx([0.2, 0.6, 0.6], abs=0.05)


def test_unknown_time_counts_as_busy() -> None:
    seen = weeks(past([0.2, 0.2], unknown=[0.0, 0.5]))
    assert (seen.busy_h[0, -2:] / seen.pbt_h[0, -2:]).tolist() == pytest.approx([0.2, 0.7])


def test_no_week_counts_as_busier_than_the_busiest_that_is_known() -> None:
    history = past([0.2, 0.4, 0.0], unknown=[0.0, 0.0, 1.0])
    (most,) = highest_shares(align([history], MONDAY), EQUAL)
    assert most == pytest.approx(0.4)
    assert weeks(history, most).busy_h[0, -1] == pytest.approx(16)


def test_a_week_that_is_partly_known_can_be_the_busiest() -> None:
    history = past([0.2, 0.45], unknown=[0.0, 0.1])
    assert highest_shares(align([history], MONDAY), EQUAL) == pytest.approx([0.5])


def test_where_no_week_is_known_there_is_no_limit() -> None:
    assert highest_shares(align([past([0.2] * 3, unknown=[0.5] * 3)], MONDAY), EQUAL) == NO_LIMIT


def test_a_week_of_busy_weekdays_is_no_busy_week() -> None:
    history = past([0.5, 0.5])
    monday_only = replace(
        history,
        pbt_h=np.where(np.arange(14) > 7, 0.0, history.pbt_h),
        private_h=np.where(
            np.arange(14) > 7, 0.0, history.private_h * np.where(np.arange(14) == 7, 1.5, 1.0)
        ),
    )
    factors = np.array([[1.5] + [0.875] * 4 + [1.0] * 2])
    seen = weeks_of(align([monday_only], MONDAY), factors, np.array([NO_LIMIT]))
    assert levels(seen, WEEKS, (0.5,))[0, 0] == pytest.approx(0.5)
