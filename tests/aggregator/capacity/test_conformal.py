"""aggregator/capacity/conformal.py: errors, few and many."""

import numpy as np
import pytest

from aggregator.capacity.conformal import PRIOR_SCORES, PRIOR_WEEKS, USUAL_ERROR, offset, usual_errors


def test_many_scores_speak_for_themselves() -> None:
    scores = np.linspace(-2, 6, 100_001)
    weight = np.ones(len(scores))
    assert [offset(scores, weight, level) for level in (0.1, 0.5, 0.9)] == pytest.approx(
        [-1.2, 2, 5.2], abs=0.01
    )


def test_without_scores_the_assumed_ones_speak() -> None:
    none = np.array([])
    assert [offset(none, none, level) for level in (0.1, 0.5, 0.9)] == pytest.approx(
        [-1.67, 0, 1.67], abs=0.02
    )
    assert np.abs(PRIOR_SCORES).mean() == pytest.approx(1, abs=0.05)


def test_a_few_lucky_scores_make_no_certainty() -> None:
    lucky = np.zeros(5)
    assert offset(lucky, np.ones(5), 0.9) - offset(lucky, np.ones(5), 0.1) > 1


def test_scores_count_by_their_weight() -> None:
    scores = np.array([-5.0] * 100 + [5.0] * 100)
    assert offset(scores, np.repeat([1.0, 0.2], 100), 0.5) == -5
    assert offset(scores, np.repeat([0.2, 1.0], 100), 0.5) == 5


def test_the_offset_moves_up_with_the_scores_and_with_the_level() -> None:
    scores, weight = np.array([0.3, -1.0, 2.0, 0.7]), np.ones(4)
    offsets = [offset(scores, weight, level) for level in (0.1, 0.5, 0.9)]
    moved = [offset(scores + 3, weight, level) for level in (0.1, 0.5, 0.9)]
    assert offsets == sorted(offsets)
    assert all(after >= before for before, after in zip(offsets, moved, strict=True))
    assert moved != offsets


def test_before_any_error_the_usual_one_is_assumed() -> None:
    assert usual_errors(np.zeros((2, 12)), np.zeros((2, 12))) == pytest.approx(np.full((2, 12), USUAL_ERROR))


def test_a_cell_without_errors_is_taken_for_one_of_its_process() -> None:
    weight = np.array([[1000.0], [0.0]])
    steady, unknown = usual_errors(0.05 * weight, weight)[:, 0]
    assert steady == pytest.approx(0.05, rel=0.05)
    assert unknown == pytest.approx(0.05, rel=0.05)


def test_own_errors_and_those_of_the_process_are_weighed() -> None:
    weight, loss = np.array([[6.0], [6.0]]), np.array([[0.6], [1.8]])
    pool = (2.4 + PRIOR_WEEKS * USUAL_ERROR) / (12 + PRIOR_WEEKS)
    expected = [(one + PRIOR_WEEKS * pool) / (6 + PRIOR_WEEKS) for one in (0.6, 1.8)]
    assert usual_errors(loss, weight)[:, 0].tolist() == pytest.approx(expected)


def test_weeks_ahead_that_few_errors_reach_go_no_less_wrong_than_those_before() -> None:
    weight = np.array([[200.0, 200.0, 3.0, 0.0]] * 2)
    lumpy, steady = usual_errors(weight * [[0.3] * 4, [0.02, 0.02, 0.0, 0.0]], weight)
    assert lumpy == pytest.approx(np.full(4, 0.3), rel=0.05)
    assert steady == pytest.approx(np.full(4, 0.02), abs=0.01)
    assert steady[1] <= steady[2] <= steady[3]
