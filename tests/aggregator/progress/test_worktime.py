"""Work is done in working time only, and takes the longer the less of a machine it gets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.progress.worktime import Curves, WorkTime
from tests.aggregator.progress.facts import at
from tests.aggregator.progress.supplies import working_days

TIME = WorkTime(working_days())


@pytest.mark.parametrize(
    ("since", "hours", "until"),
    [
        (at(0, 9), 8, at(0, 17)),
        (at(0, 9), 8.5, at(1, 9.5)),
        (at(0, 3), 1, at(0, 10)),
        (at(4, 16), 2, at(7, 10)),  # over the weekend
        (at(5, 12), 0, at(5, 12)),
    ],
)
def test_work_ends_when_its_hours_are_worked(since: int, hours: float, until: int) -> None:
    assert TIME.after(since, hours) == until
    row = np.zeros(1, dtype=np.int64)
    whole = Curves(TIME, np.ones((1, len(TIME.starts))))
    assert whole.after(np.array([float(since)]), np.array([hours]), row) == until


def test_half_a_machine_takes_twice_as_long() -> None:
    shares = np.array([np.full(len(TIME.starts), share) for share in (1.0, 0.5)])
    found = Curves(TIME, shares).after(np.full(2, float(at(0, 9))), np.full(2, 4.0), np.array([0, 1]))
    assert found.tolist() == [at(0, 13), at(0, 17)]


def test_behind_the_last_span_nothing_ends() -> None:
    assert np.isinf(TIME.after(at(0), 1e6))
    assert np.isinf(WorkTime(()).after(at(0), 1.0))
    shares = np.ones((2, len(TIME.starts)))
    found = Curves(TIME, shares).after(np.full(2, float(at(0))), np.array([1e6, 1.0]), np.array([0, 1]))
    assert np.isfinite(found).tolist() == [False, True]


@given(since=st.floats(0, 60), hours=st.floats(0.01, 400), share=st.floats(0.1, 1))
def test_what_is_worked_until_the_end_is_what_was_wanted(since: float, hours: float, share: float) -> None:
    began = float(at(since))
    curves = Curves(TIME, np.array([np.full(len(TIME.starts), each) for each in (0.05, share, 1.0)]))
    (end,) = curves.after(np.array([began]), np.array([hours]), np.array([1]))
    if np.isfinite(end):
        assert TIME.between(began, end) * share == pytest.approx(hours, abs=1e-5)
