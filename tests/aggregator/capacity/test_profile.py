"""aggregator/capacity/profile.py: weekdays that differ."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from aggregator.capacity.load import History, align
from aggregator.capacity.profile import LEAST, MOST, OWN_DAYS, weekday_factors
from aggregator.model.capacity import CellKey
from tests.aggregator.capacity.pasts import MONDAY, past

BANDO = CellKey("bando", "cutting")


def busy_on_mondays(history: History) -> History:
    """Return the history with all of Monday used, and a quarter of the other days."""
    share = np.tile([1.0] + [0.25] * 6, len(history.pbt_h) // 7)
    return replace(history, private_h=history.pbt_h * share)


def test_equal_days_have_no_factor() -> None:
    assert weekday_factors(align([past([0.3, 0.9, 0.6])], MONDAY)) == pytest.approx(np.ones((1, 7)))


def test_a_busier_monday_is_learnt_with_the_days_that_show_it() -> None:
    weeks = 8
    measured = 1 / 0.4  # Mondays are 1, the average is 0.4
    pool = (measured * weeks + OWN_DAYS) / (weeks + OWN_DAYS)
    own = (measured * weeks + pool * OWN_DAYS) / (weeks + OWN_DAYS)
    factors = weekday_factors(align([busy_on_mondays(past([0.0] * weeks))], MONDAY))
    assert factors[0, 0] == pytest.approx(min(own, MOST))
    assert LEAST <= factors[0, 1] < 1


def test_a_short_past_follows_its_process() -> None:
    panel = align([busy_on_mondays(past([0.0] * 20)), past([0.5] * 2, BANDO)], MONDAY)
    assert weekday_factors(panel)[1, 0] > 1.5


def test_processes_do_not_learn_from_each_other() -> None:
    others = CellKey("bando", "pressing")
    panel = align([busy_on_mondays(past([0.0] * 20)), past([0.5] * 2, others)], MONDAY)
    assert weekday_factors(panel)[1] == pytest.approx(np.ones(7))


def test_unknown_and_idle_pasts_have_no_factors() -> None:
    panel = align([past([0.0] * 4), past([0.0] * 4, BANDO, unknown=[1.0] * 4)], MONDAY)
    assert weekday_factors(panel) == pytest.approx(np.ones((2, 7)))


def test_factors_belong_to_weekdays_whatever_day_it_is() -> None:
    history = busy_on_mondays(past([0.0] * 8))
    pbt_h, private_h = (np.append(hours, np.zeros(3)) for hours in (history.pbt_h, history.private_h))
    longer = History(history.key, history.first_day, pbt_h, private_h, 0 * pbt_h, 0 * pbt_h)
    thursday = weekday_factors(align([longer], MONDAY + timedelta(days=3)))
    assert thursday == pytest.approx(weekday_factors(align([history], MONDAY)))
