"""aggregator/capacity/forecast.py: weeks of private load, small cases by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from aggregator.capacity.calibration import START, Blend, Calibration
from aggregator.capacity.forecast import PrivateWeek, calibrate, forecast, forecast_all
from aggregator.capacity.load import WEEKS, Hours
from aggregator.model.capacity import CellKey, NoNumber, Quantiles
from aggregator.model.week import Week
from tests.aggregator.capacity.pasts import AOKI, MONDAY, past, planned

BLEND = Blend(1.0, 0.5, (-1.0, 0.0, 2.0))
SIMPLE = Calibration(blends={"cutting": (BLEND,) * 12}, usual={AOKI: np.full(12, 0.1)})


def quantiles(weeks: list[PrivateWeek]) -> list[Quantiles]:
    return [week.private for week in weeks if week.private is not None]


def triple(one: Quantiles) -> tuple[float, float, float]:
    return one.p10, one.p50, one.p90


def test_a_steady_past_goes_on_with_the_offsets_around_it() -> None:
    (week,) = quantiles(forecast(past([0.5] * 6), planned(1), MONDAY, SIMPLE))
    assert triple(week) == pytest.approx((40 * 0.4, 40 * 0.5, 40 * 0.7))


def test_the_recent_level_is_mixed_with_the_cells_own_weeks() -> None:
    (week,) = quantiles(forecast(past([0.2, 0.8]), planned(1), MONDAY, SIMPLE))
    level = (0.2 * 0.5 + 0.8) / 1.5
    share = 1 / (1 + 0.5 ** (1 / 8))  # of the newer week, beside the older one
    middle = (0.2 * max(0, 0.6 - share) + 0.8 * (0.6 - max(0.4, 1 - share))) / 0.2
    older = 1 - share
    middle = (0.2 * (older - 0.4) + 0.8 * (0.6 - older)) / 0.2
    assert week.p50 == pytest.approx(40 * (0.5 * level + 0.5 * middle))
    assert week.p10 == pytest.approx(40 * (0.5 * level + 0.5 * 0.2 - 0.1))
    assert week.p90 == pytest.approx(40 * (0.5 * level + 0.5 * 0.8 + 0.2))


def test_weeks_are_named_from_the_current_one_on() -> None:
    thursday = MONDAY + timedelta(days=3)
    told = forecast(past([0.5] * 6), np.full(4 + 7 * 6, 8.0), thursday, SIMPLE)
    assert [str(one.week) for one in told] == [
        "2026-W48", "2026-W49", "2026-W50", "2026-W51", "2026-W52", "2026-W53", "2027-W01"
    ]  # fmt: skip


def test_of_the_current_week_only_the_days_from_today_on_count() -> None:
    thursday = MONDAY + timedelta(days=3)
    this, after = quantiles(forecast(past([0.5] * 6), planned(2)[3:], thursday, SIMPLE))
    assert (this.p50, after.p50) == pytest.approx((8, 20))


def test_a_week_that_is_planned_in_part_counts_in_part() -> None:
    (_, last) = quantiles(forecast(past([0.5] * 6), planned(2)[:9], MONDAY, SIMPLE))
    assert last.p50 == pytest.approx(8)


def test_closed_days_and_weeks_have_no_load() -> None:
    pbt_h = planned(3)
    pbt_h[1:5] = 0
    pbt_h[7:14] = 0
    short, closed, whole = quantiles(forecast(past([0.5] * 6), pbt_h, MONDAY, SIMPLE))
    assert triple(closed) == (0, 0, 0)
    assert short.p50 == pytest.approx(8 * 0.5)
    assert whole.p50 == pytest.approx(40 * 0.5)


def test_a_weekday_that_is_busier_has_more_of_a_short_week() -> None:
    factors = np.array([1.6, *[0.85] * 4, 1.0, 1.0])
    calibration = replace(SIMPLE, factors={AOKI: factors})
    mondays, tuesdays = np.zeros(7), np.zeros(7)
    mondays[0], tuesdays[1] = 8, 8
    monday, tuesday = (
        quantiles(forecast(past([0.4] * 6), hours, MONDAY, calibration))[0] for hours in (mondays, tuesdays)
    )
    assert (monday.p50, tuesday.p50) == pytest.approx((8 * 0.4 * 1.6, 8 * 0.4 * 0.85))


@pytest.mark.parametrize(("share", "expected"), [(0.0, (0, 0, 8)), (1.0, (36, 40, 40))])
def test_load_is_never_negative_and_never_more_than_is_planned(
    share: float, expected: tuple[float, float, float]
) -> None:
    (week,) = quantiles(forecast(past([share] * 6), planned(1), MONDAY, SIMPLE))
    assert triple(week) == pytest.approx(expected)


def test_unknown_time_counts_as_busy() -> None:
    limit = replace(SIMPLE, most={AOKI: 1.0})
    known = quantiles(forecast(past([0.5] * 6), planned(1), MONDAY, limit))[0]
    unknown = quantiles(forecast(past([0.5] * 6, unknown=[0.1] * 6), planned(1), MONDAY, limit))[0]
    assert triple(unknown) == pytest.approx([hours + 4 for hours in triple(known)])


@pytest.mark.parametrize(
    ("shares", "unknown", "reason"),
    [
        ([0.5], None, NoNumber.NO_HISTORY),
        ([], None, NoNumber.NO_HISTORY),
        ([0.5] * 8, [0.0] * 4 + [0.3] * 4, NoNumber.LOW_COVERAGE),
    ],
)
def test_where_too_little_is_known_there_is_a_reason_and_no_number(
    shares: list[float], unknown: list[float] | None, reason: NoNumber
) -> None:
    told = forecast(past(shares, unknown=unknown), planned(3), MONDAY, SIMPLE)
    assert [(one.private, one.no_number) for one in told] == [(None, reason)] * 3
    assert told[0].week == Week.of(MONDAY)


def test_a_cell_that_was_never_learnt_from_rests_on_assumptions() -> None:
    (week,) = quantiles(forecast(past([0.5] * 8), planned(1), MONDAY, Calibration()))
    assert START[0].offsets == (-1.6, 0.0, 1.6)
    assert triple(week) == pytest.approx((40 * 0.26, 20, 40 * 0.74))


def test_eight_equal_weeks_make_no_certainty() -> None:
    history = past([0.5] * 8)
    told = quantiles(forecast(history, planned(12), MONDAY, calibrate([history], MONDAY)))
    assert all(one.p50 == pytest.approx(20, abs=1) for one in told)
    assert told[0].p90 - told[0].p10 > 0.05 * 40
    assert told[-1].p90 - told[-1].p10 > 0.02 * 40


def test_the_interval_of_weeks_far_ahead_is_never_much_narrower() -> None:
    rng = np.random.default_rng(3)
    histories = [
        past(rng.uniform(0.2, 0.9, 8).tolist(), CellKey(f"f{place}", "cutting")) for place in range(3)
    ]
    calibration = calibrate(histories, MONDAY)
    for history in histories:
        widths = [one.p90 - one.p10 for one in quantiles(forecast(history, planned(12), MONDAY, calibration))]
        assert min(widths[6:]) > 0.7 * max(widths[:4])


def test_the_same_number_of_planned_hours_on_more_machines_scales() -> None:
    rng = np.random.default_rng(4)
    one = past(rng.uniform(0, 1, WEEKS).tolist())
    three = replace(one, pbt_h=3 * one.pbt_h, private_h=3 * one.private_h)
    calibration = calibrate([one], MONDAY)
    single = quantiles(forecast(one, planned(4), MONDAY, calibration))
    triples = quantiles(forecast(three, planned(4, machines=3), MONDAY, calibration))
    assert [triple(week) for week in triples] == [
        pytest.approx([3 * hours for hours in triple(week)]) for week in single
    ]


def test_all_cells_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(6)
    keys = [CellKey(f"f{place}", process) for place in range(4) for process in ("cutting", "pressing")]
    histories = [past(rng.uniform(0, 1, 9).tolist(), key) for key in keys]
    hours: list[Hours] = [planned(place % 3 + 1, machines=place + 1) for place in range(len(keys))]
    calibration = calibrate(histories, MONDAY)
    together = forecast_all(list(zip(histories, hours, strict=True)), MONDAY, calibration)
    alone = [
        forecast(history, pbt_h, MONDAY, calibration) for history, pbt_h in zip(histories, hours, strict=True)
    ]
    assert [len(weeks) for weeks in together] == [place % 3 + 1 for place in range(len(keys))]
    for many, one in zip(together, alone, strict=True):
        assert [triple(week) for week in quantiles(many)] == [
            pytest.approx(triple(week)) for week in quantiles(one)
        ]


def test_no_cells_and_no_days_are_no_weeks() -> None:
    assert forecast_all([], MONDAY, SIMPLE) == []
    assert forecast(past([0.5] * 3), np.array([]), MONDAY, SIMPLE) == []
