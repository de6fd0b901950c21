"""aggregator/capacity/calibration.py: what pasts of each kind teach."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.capacity.backcast import AHEAD
from aggregator.capacity.calibration import MIXES, START, calibrate
from aggregator.capacity.conformal import USUAL_ERROR
from aggregator.capacity.load import WEEKS, History
from aggregator.model.capacity import CellKey
from tests.aggregator.capacity.pasts import AOKI, MONDAY, past


def fleet(process: str, shares: list[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> list[History]:
    return [past(one.clip(0, 1).tolist(), CellKey(f"f{place}", process)) for place, one in enumerate(shares)]


def wandering() -> list[History]:
    """Return cells whose load of this week is that of the last one, more or less."""
    rng = np.random.default_rng(5)
    return fleet("cutting", [0.5 + rng.normal(0, 0.12, WEEKS).cumsum() for _ in range(6)])


def restless(size: float = 0.2, process: str = "pressing") -> list[History]:
    """Return cells whose weeks have nothing to do with each other."""
    rng = np.random.default_rng(7)
    return fleet(process, [rng.normal(0.5, size, WEEKS) for _ in range(6)])


def test_where_load_wanders_the_last_week_counts_most() -> None:
    blend = calibrate(wandering(), MONDAY).blends["cutting"][0]
    assert (blend.half_life_weeks, blend.mix) == (0.5, MIXES[-1])


def test_where_weeks_are_strangers_the_last_one_counts_little() -> None:
    blend = calibrate(restless(), MONDAY).blends["pressing"][0]
    assert blend.mix * (1 - 0.5 ** (1 / blend.half_life_weeks)) < 0.25


def test_processes_are_learnt_separately() -> None:
    blends = calibrate([*wandering(), *restless()], MONDAY).blends
    assert list(blends) == ["cutting", "pressing"]
    assert blends["cutting"][0][:2] != blends["pressing"][0][:2]
    assert blends["cutting"] == calibrate(wandering(), MONDAY).blends["cutting"]


def test_a_process_with_few_errors_leans_on_what_is_best_everywhere() -> None:
    alone = [past([0.9, 0.1, 0.9, 0.1], CellKey("bando", "assembly"))]
    by_itself, among_others = (
        calibrate(histories, MONDAY).blends["assembly"][0] for histories in (alone, [*wandering(), *alone])
    )
    assert by_itself.mix * (1 - 0.5 ** (1 / by_itself.half_life_weeks)) < 0.2
    assert among_others.mix * (1 - 0.5 ** (1 / among_others.half_life_weeks)) >= 0.4


def test_usual_errors_are_those_that_were_made() -> None:
    usual = calibrate([*restless(0.2), *restless(0.02, "assembly")], MONDAY).usual
    cells = [CellKey(f"f{place}", process) for process in ("pressing", "assembly") for place in range(6)]
    errors = [usual[cell][0] for cell in cells]
    assert np.mean(errors[:6]) == pytest.approx(0.16, abs=0.03)
    assert np.mean(errors[6:]) == pytest.approx(0.016, abs=0.007)


def test_a_steady_cell_has_a_smaller_usual_error_than_a_lumpy_one_of_its_process() -> None:
    rng = np.random.default_rng(8)
    steady, lumpy = np.full(WEEKS, 0.5), rng.integers(0, 2, WEEKS).astype(float)
    usual = calibrate(fleet("cutting", [steady, lumpy]), MONDAY).usual
    assert 3 * usual[CellKey("f0", "cutting")][0] < usual[CellKey("f1", "cutting")][0]


def test_errors_of_one_side_move_that_side() -> None:
    rng = np.random.default_rng(9)
    spikes = [np.where(rng.random(WEEKS) < 0.15, 0.9, 0.1) for _ in range(6)]
    low, middle, high = calibrate(fleet("cutting", spikes), MONDAY).blends["cutting"][3].offsets
    assert high > 1.5 * abs(low)
    assert abs(middle) < 0.5


def test_without_a_past_assumptions_are_all_there_is() -> None:
    calibration = calibrate([past([0.5])], MONDAY)
    learnt = calibration.blends["cutting"]
    assert [(one.half_life_weeks, one.mix) for one in learnt] == [(o.half_life_weeks, o.mix) for o in START]
    assert [one.offsets for one in learnt] == [pytest.approx(one.offsets, abs=0.1) for one in START]
    assert calibration.usual[AOKI] == pytest.approx(np.full(AHEAD, USUAL_ERROR))


def test_nothing_is_learnt_from_nobody() -> None:
    assert dict(calibrate([], MONDAY).blends) == {}


def test_weeks_ahead_that_nothing_is_known_of_go_like_the_last_known() -> None:
    rng = np.random.default_rng(10)
    eight_weeks = fleet("cutting", [rng.normal(0.5, 0.1, 8) for _ in range(4)])
    choices = [one[:2] for one in calibrate(eight_weeks, MONDAY).blends["cutting"]]
    assert choices[6:] == [choices[5]] * (AHEAD - 6)


def test_days_from_today_on_teach_nothing() -> None:
    shares = np.random.default_rng(11).normal(0.5, 0.2, 20).clip(0, 1).tolist()
    known, later = past(shares[:12]), past(shares, today=MONDAY + timedelta(weeks=8))
    assert known.first_day == later.first_day
    one, other = calibrate([known], MONDAY), calibrate([later], MONDAY)
    assert one.blends == other.blends
    assert np.array_equal(one.usual[AOKI], other.usual[AOKI])
    assert one.most == other.most


def test_the_order_of_cells_changes_nothing() -> None:
    histories = [*wandering(), *restless()]
    one, other = calibrate(histories, MONDAY), calibrate(histories[::-1], MONDAY)
    for process, blends in one.blends.items():
        for mine, theirs in zip(blends, other.blends[process], strict=True):
            assert (mine.half_life_weeks, mine.mix) == (theirs.half_life_weeks, theirs.mix)
            assert mine.offsets == pytest.approx(theirs.offsets)
