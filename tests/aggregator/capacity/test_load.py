"""aggregator/capacity/load.py: pasts side by side, and whether they say enough."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from aggregator.capacity.load import WEEKS, History, align, by_week, coverage, reasons
from aggregator.model.capacity import CellKey, NoNumber
from tests.aggregator.capacity.pasts import AOKI, MONDAY, past, planned


def test_the_last_column_is_yesterday() -> None:
    history = past([0.0, 0.5])
    panel = align([history], MONDAY + timedelta(days=2))
    assert panel.weekday[-1] == 1
    assert panel.pbt_h[0, -16:-2].tolist() == history.pbt_h.tolist()
    assert panel.pbt_h[0, -2:].tolist() == [0, 0]
    assert panel.pbt_h[0, :-16].sum() == 0


def test_today_and_later_days_are_not_looked_at() -> None:
    panel = align([past([0.5, 1.0])], MONDAY - timedelta(days=7))
    assert panel.private_h.sum() == pytest.approx(20)


def test_older_weeks_than_are_looked_at_are_left_out() -> None:
    panel = align([past([1.0] * 4 + [0.5] * WEEKS)], MONDAY)
    assert panel.private_h.sum() == pytest.approx(20 * WEEKS)


def test_a_past_that_lies_wholly_before_is_nothing() -> None:
    assert align([past([1.0, 1.0])], MONDAY + timedelta(weeks=40)).pbt_h.sum() == 0


def test_weeks_are_sums_of_seven_days() -> None:
    assert by_week(np.arange(14.0)[None]).tolist() == [[21, 70]]


def test_coverage_is_the_known_share_of_the_last_four_weeks() -> None:
    assert coverage(past([0.0] * 8, unknown=[1.0] * 4 + [0.0, 0.0, 0.5, 0.1]), MONDAY) == pytest.approx(0.85)


def test_after_a_long_closure_the_weeks_before_it_are_what_is_known() -> None:
    history = past([0.5] * 8, unknown=[0.2] * 4 + [0.0] * 4)
    closed = np.where(np.arange(56) >= 28, 0.0, 1.0)
    shut = replace(history, pbt_h=history.pbt_h * closed, private_h=history.private_h * closed)
    assert coverage(shut, MONDAY) == pytest.approx(0.8)
    assert reasons(align([shut], MONDAY)) == [None]


def test_without_any_planned_time_nothing_is_known() -> None:
    nothing = np.zeros(28)
    history = History(AOKI, MONDAY - timedelta(days=28), nothing, nothing, nothing, nothing)
    assert coverage(history, MONDAY) == 0


def test_two_weeks_are_the_least_of_a_history() -> None:
    histories = [past([0.5]), past([0.5, 0.5]), past([])]
    assert reasons(align(histories, MONDAY)) == [NoNumber.NO_HISTORY, None, NoNumber.NO_HISTORY]


def test_weeks_of_which_nothing_is_known_are_no_history() -> None:
    assert reasons(align([past([0.0] * 6, unknown=[1.0] * 5 + [0.0])], MONDAY)) == [NoNumber.NO_HISTORY]


@pytest.mark.parametrize(("unknown", "reason"), [(0.2, None), (0.21, NoNumber.LOW_COVERAGE)])
def test_under_eighty_percent_known_there_is_no_number(unknown: float, reason: NoNumber | None) -> None:
    assert reasons(align([past([0.5] * 8, unknown=[unknown] * 8)], MONDAY)) == [reason]


def test_cells_do_not_mix() -> None:
    other = past([1.0] * 3, CellKey("bando", "pressing"))
    panel = align([past([0.0] * 5), other], MONDAY)
    assert panel.keys == (AOKI, other.key)
    assert by_week(panel.private_h)[:, -5:].tolist() == [[0] * 5, [0, 0, 40, 40, 40]]
    assert by_week(panel.pbt_h)[1].sum() == planned(3).sum()
