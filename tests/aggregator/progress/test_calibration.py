"""Past errors widen, narrow and move new arrivals; few of them do so only a little."""

import numpy as np
import pytest

from agent.contract.records import HOUR_MS
from aggregator.progress.calibration import UNTAUGHT, Outcome, calibrate, calibrated, stage_of
from aggregator.progress.worktime import Floats

RNG = np.random.default_rng(1)
ENDS = 1_000 * HOUR_MS + RNG.normal(0, 10, 4000) * HOUR_MS
RAW = (987 * HOUR_MS, 1_000 * HOUR_MS, 1_013 * HOUR_MS)


def outcomes(errors_h: Floats, done: float = 0.0) -> list[Outcome]:
    return [Outcome(0, done, RAW, round(RAW[1] + error * HOUR_MS)) for error in errors_h]


def width(ends: Floats) -> float:
    low, high = np.quantile(ends, [0.1, 0.9])
    return float(high - low)


def test_before_anything_is_known_dates_stay_and_are_a_little_less_sure() -> None:
    ends = 1_000 * HOUR_MS + 10 * (ENDS - 1_000 * HOUR_MS)
    found = calibrated(ends, 0, 0.0, UNTAUGHT)
    assert np.median(found) == pytest.approx(np.median(ends), abs=HOUR_MS)
    assert width(ends) < width(found) < 1.6 * width(ends)


def test_draws_that_agree_are_unsure_by_half_a_day_at_least_but_not_beyond_what_is_left() -> None:
    agreed = 1_000 * HOUR_MS + (ENDS - 1_000 * HOUR_MS) / 1_000
    far = calibrated(agreed, 0, 0.9, UNTAUGHT)
    near = calibrated(agreed, 998 * HOUR_MS, 0.9, UNTAUGHT)
    assert 12 * HOUR_MS < width(far) < 30 * HOUR_MS
    assert near.min() >= 998 * HOUR_MS and 2 * HOUR_MS < width(near) < 8 * HOUR_MS


@pytest.mark.parametrize(("bias", "spread"), [(0, 10), (24, 10), (-8, 30), (0, 3)])
def test_many_past_orders_make_the_band_hold_what_it_says(bias: float, spread: float) -> None:
    calibration = calibrate(outcomes(RNG.normal(bias, spread, 2000)))
    found = calibrated(ENDS, 0, 0.0, calibration)
    low, high = np.quantile(found, [0.1, 0.9])
    came = 1_000 * HOUR_MS + RNG.normal(bias, spread, 4000) * HOUR_MS
    assert 0.77 <= np.mean((came >= low) & (came <= high)) <= 0.83


def test_errors_of_one_stage_teach_the_others_little() -> None:
    late = calibrate(outcomes(np.full(30, 40.0), done=0.9))
    assert stage_of(0.9) == 3
    assert np.median(calibrated(ENDS, 0, 0.9, late)) > np.median(calibrated(ENDS, 0, 0.0, late)) + 5 * HOUR_MS


def test_nothing_ends_before_now_and_what_is_certain_stays() -> None:
    now_ms = 1_005 * HOUR_MS
    assert calibrated(ENDS, now_ms, 0.5, UNTAUGHT).min() >= now_ms
    certain = np.full(10, 7.0)
    assert (calibrated(certain, 0, 0.5, UNTAUGHT) == certain).all()
    endless = np.full(10, np.inf)
    assert np.isinf(calibrated(endless, 0, 0.5, UNTAUGHT)).all()
