"""What holds for every past, calendar and calibration: neither silence nor load ever makes spare hours."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.calibration import HALF_LIVES, Blend, Calibration
from aggregator.capacity.forecast import calibrate, forecast
from aggregator.capacity.load import History, Hours
from aggregator.model.capacity import CellKey
from tests.aggregator.capacity.pasts import AOKI, MONDAY, pasts

ROUNDING_H = 1e-7


class Case(NamedTuple):
    """All that a forecast rests on."""

    history: History
    pbt_h: Hours
    today: date
    calibration: Calibration


@st.composite
def learnt(draw: st.DrawFn, history: History, today: date) -> Calibration:
    """Draw what is learnt from this past, among others of its process or not."""
    others = draw(st.lists(pasts(CellKey("bando", "cutting"), today), max_size=1))
    return calibrate([history, *others], today)


@st.composite
def wild(draw: st.DrawFn) -> Calibration:
    """Draw any calibration, also one that no past could teach."""
    errors = st.floats(-8, 8)
    blends = st.builds(Blend, st.sampled_from(HALF_LIVES), st.floats(0, 1), st.tuples(errors, errors, errors))
    return Calibration(
        blends={"cutting": tuple(draw(st.lists(blends, min_size=12, max_size=12)))},
        factors={AOKI: np.array(draw(st.lists(st.floats(0.5, 2), min_size=7, max_size=7)))},
        most={AOKI: draw(st.floats(0, 2))},
        usual={AOKI: np.array(draw(st.lists(st.floats(0, 1), min_size=12, max_size=12)))},
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    today = MONDAY + timedelta(days=draw(st.integers(0, 6)))
    history = draw(pasts(today=today))
    hours = st.sampled_from([0.0, 0.0, 7.5, 8.0, 80.0])
    pbt_h = np.array(draw(st.lists(hours, min_size=1, max_size=100)))
    calibration = draw(st.one_of(st.just(Calibration()), learnt(history, today), wild()))
    return Case(history, pbt_h, today, calibration)


def spare(case: Case) -> list[tuple[float, float, float] | None]:
    """Return P10, P50, P90 of spare hours by week."""
    told = forecast(case.history, case.pbt_h, case.today, case.calibration)
    planned = list(planned_weeks(case))
    assert len(told) == len(planned)
    return [
        None if one.private is None else (h - one.private.p90, h - one.private.p50, h - one.private.p10)
        for one, h in zip(told, planned, strict=True)
    ]


def planned_weeks(case: Case) -> Iterator[float]:
    """Yield planned hours by calendar week."""
    first = 7 - case.today.weekday()
    yield float(case.pbt_h[:first].sum())
    for start in range(first, len(case.pbt_h), 7):
        yield float(case.pbt_h[start : start + 7].sum())


def never_more(case: Case, before: Case) -> bool:
    """Tell whether no quantile of spare hours is higher than before, in no week."""
    return all(
        one is None
        or (other is not None and all(a <= b + ROUNDING_H for a, b in zip(one, other, strict=True)))
        for one, other in zip(spare(case), spare(before), strict=True)
    )


def some_days(case: Case, seed: int) -> Hours:
    """Return a share for each past day, 0 on most of them."""
    rng = np.random.default_rng(seed)
    days = len(case.history.pbt_h)
    return np.asarray(
        rng.choice([rng.uniform(0, 1), 1.0], days) * (rng.random(days) < rng.choice([0.02, 0.5, 1]))
    )


@given(cases())
def test_quantiles_are_in_order_within_what_is_planned(case: Case) -> None:
    for one, planned_h in zip(spare(case), planned_weeks(case), strict=True):
        if one is not None:
            assert -ROUNDING_H <= one[0] <= one[1] <= one[2] <= planned_h
            assert planned_h > 0 or one == (0, 0, 0)


@given(cases(), st.integers(0, 2**32 - 1), st.booleans())
def test_more_private_load_never_raises_spare_hours(case: Case, seed: int, instead_of_shared: bool) -> None:
    past = case.history
    idle_h = past.pbt_h - past.private_h - past.shared_h - past.unknown_h
    taken_h = (past.shared_h if instead_of_shared else idle_h) * some_days(case, seed)
    shared_h = past.shared_h - taken_h if instead_of_shared else past.shared_h
    busier = replace(past, private_h=past.private_h + taken_h, shared_h=shared_h)
    assert never_more(case._replace(history=busier), case)


@given(cases(), st.integers(0, 2**32 - 1))
def test_silence_never_raises_spare_hours(case: Case, seed: int) -> None:
    past, lost = case.history, some_days(case, seed)
    silent = replace(
        past,
        private_h=past.private_h * (1 - lost),
        shared_h=past.shared_h * (1 - lost),
        unknown_h=past.unknown_h + (past.pbt_h - past.unknown_h) * lost,
    )
    assert never_more(case._replace(history=silent), case)


@given(cases(), st.sampled_from(["private", "shared", "idle"]), st.integers(0, 2**32 - 1))
def test_whatever_a_machine_did_not_knowing_it_never_raises_spare_hours(
    case: Case, did: str, seed: int
) -> None:
    past = case.history
    idle_h = past.pbt_h - past.private_h - past.shared_h - past.unknown_h
    lost_h = {"private": past.private_h, "shared": past.shared_h, "idle": idle_h}[did] * some_days(case, seed)
    silent = replace(
        past,
        private_h=past.private_h - lost_h * (did == "private"),
        shared_h=past.shared_h - lost_h * (did == "shared"),
        unknown_h=past.unknown_h + lost_h,
    )
    assert never_more(case._replace(history=silent), case)


@given(cases(), st.integers(0, 99), st.sampled_from([0.5, 8.0, 100.0]))
def test_a_shift_more_never_lowers_spare_hours(case: Case, day: int, hours: float) -> None:
    longer = case.pbt_h.copy()
    longer[day % len(longer)] += hours
    assert never_more(case, case._replace(pbt_h=longer))


@given(cases(), st.sampled_from([0.25, 3.0, 100.0]))
def test_more_of_the_same_machines_have_more_of_the_same_spare_hours(case: Case, times: float) -> None:
    past = case.history
    many = replace(
        past,
        pbt_h=times * past.pbt_h,
        private_h=times * past.private_h,
        shared_h=times * past.shared_h,
        unknown_h=times * past.unknown_h,
    )
    one, other = spare(case), spare(case._replace(history=many, pbt_h=times * case.pbt_h))
    assert [week is None for week in one] == [week is None for week in other]
    assert np.allclose(
        [[times * hours for hours in week] for week in one if week is not None],
        [week for week in other if week is not None],
    )
