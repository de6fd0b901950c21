"""tests/bench/capacity.py in short: the forecast beats what people do without it, and the judge is fair."""

from dataclasses import replace

import numpy as np
import pytest

from aggregator.capacity.load import History
from aggregator.model.capacity import CellKey
from tests.aggregator.capacity.pasts import past
from tests.bench.backtest import backtest
from tests.bench.baselines import BASELINES, declared, four_week_mean, last_week, quantiles_26
from tests.bench.capacity import main, misses, simulated
from tests.bench.fleets import FLEETS, Truth, fleet
from tests.bench.real_log import real_log
from tests.bench.scores import Scores, joined


def truth(history: History) -> Truth:
    return Truth(
        history, history.private_h, declared=0.3, judged=np.ones(len(history.pbt_h) // 7, dtype=bool)
    )


def scores(actual_h: list[float], forecast: list[list[float]]) -> Scores:
    """Return the scores of weeks of 40 planned hours, one ahead, with a baseline that always says 20."""
    count = len(actual_h)
    return Scores(
        fleet=np.array(["steady"] * count),
        process=np.array(["cutting", "pressing", "surface_treatment"] * count)[:count],
        ahead=np.ones(count, dtype=np.int64),
        planned_h=np.full(count, 40.0),
        actual_h=np.array(actual_h),
        spare_h={"forecast": np.array(forecast), "twenty": np.full((count, 3), 20.0)},
    )


def test_the_forecast_beats_every_baseline_and_holds_what_it_promises() -> None:
    short = joined([simulated([11], ("mixed", "seasonal"), 46), simulated([11], ("lumpy", "missing"), 40)])
    assert len(short.ahead) > 1_500
    assert short.part(short.ahead == 1).ratio() < 0.85
    assert short.part(short.ahead == 2).ratio() < 0.95
    assert 0.74 < short.coverage() < 0.86
    assert short.kept() > 0.86


def test_no_forecast_knows_what_comes_after_its_monday() -> None:
    cells = fleet("mixed", 3, 34)
    other = [replace(cell, seen=_spoiled(cell.seen, 30)) for cell in cells]
    one, same = backtest("mixed", cells, [30]), backtest("mixed", other, [30])
    assert len(one.ahead) > 30
    assert all(np.array_equal(one.spare_h[name], same.spare_h[name]) for name in one.spare_h)


def _spoiled(history: History, week: int) -> History:
    """Return the history with all later load turned into something else."""
    later = np.arange(len(history.pbt_h)) >= 7 * week
    private_h = np.where(later, history.pbt_h - history.private_h, history.private_h)
    return replace(history, private_h=private_h)


@pytest.mark.parametrize("character", FLEETS)
def test_fleets_are_possible_and_a_seed_gives_the_same_one(character: str) -> None:
    cells = fleet(character, 5, 30)
    for cell, again in zip(cells, fleet(character, 5, 30), strict=True):
        seen = cell.seen
        used_h = seen.private_h + seen.shared_h + seen.unknown_h
        assert np.array_equal(seen.private_h, again.seen.private_h)
        assert (used_h <= seen.pbt_h + 1e-6).all()
        assert (cell.private_h >= seen.private_h - 1e-9).all()
        assert (cell.private_h <= seen.pbt_h + 1e-9).all()
        assert (seen.pbt_h == 0).sum() > 30
    assert not np.array_equal(cells[0].private_h, fleet(character, 6, 30)[0].private_h)


def test_much_is_missing_only_where_it_should_be() -> None:
    lost = {
        name: np.mean([cell.seen.unknown_h.sum() / cell.seen.pbt_h.sum() for cell in fleet(name, 2)])
        for name in ("steady", "missing")
    }
    assert lost["steady"] < 0.02
    assert 0.05 < lost["missing"] < 0.2


def test_pinball_loss_by_hand() -> None:
    one = scores([20.0], [[10.0, 24.0, 30.0]])
    assert one.pinball() == pytest.approx(100 * (0.1 * 10 + 0.5 * 4 + 0.1 * 10) / 3 / 40)
    assert one.pinball("twenty") == 0
    assert one.best_baseline() == "twenty"


def test_coverage_counts_the_ends_of_the_interval() -> None:
    four = scores([10.0, 30.0, 9.0, 31.0], [[10.0, 20.0, 30.0]] * 4)
    assert (four.coverage(), four.kept()) == (0.5, 0.75)


def test_targets_that_are_missed_are_named() -> None:
    sure = scores([0.0, 40.0, 0.0, 40.0, 0.0, 40.0] * 3, [[19.0, 21.0, 23.0]] * 18)
    said = misses(joined([sure, replace(sure, ahead=2 * sure.ahead)]))
    assert [miss.partition(" is ")[0] for miss in said] == [
        "coverage of P10 to P90 (all)",
        "coverage of P10 to P90 (cutting)",
        "coverage of P10 to P90 (pressing)",
        "coverage of P10 to P90 (surface_treatment)",
        "only 0.500 have P10 or more, not 0.88",
        "pinball loss 1 ahead",
        "pinball loss 2 ahead",
    ]


def test_baselines_look_at_known_weeks_only() -> None:
    cell = truth(past([0.1, 0.2, 0.3, 0.4, 0.5, 0.0, 0.9], unknown=[0.0] * 5 + [0.5, 0.0]))
    assert last_week(cell, 6).tolist() == pytest.approx([0.5] * 3)
    assert four_week_mean(cell, 6).tolist() == pytest.approx([0.35] * 3)
    assert quantiles_26(cell, 6).tolist() == pytest.approx([0.14, 0.3, 0.46])
    assert declared(cell, 6).tolist() == pytest.approx([0.7] * 3)


def test_a_week_that_is_not_judged_is_not_scored() -> None:
    cells = [truth(past([0.5] * 40, CellKey("aoki", process))) for process in ("cutting", "pressing")]
    dark = np.ones(40, dtype=bool)
    dark[31] = False
    judged = [replace(cell, judged=dark) for cell in cells]
    assert sorted(backtest("x", judged, [30]).ahead.tolist()) == [1, 1, 4, 4]


def test_the_real_machine_is_hardly_used_and_hardly_known() -> None:
    assumed, recorded = real_log("off-is-idle"), real_log("recorded")
    planned_h = assumed.seen.pbt_h.sum()
    assert 0.02 < assumed.seen.private_h.sum() / planned_h < 0.1
    assert assumed.seen.unknown_h.sum() < 0.1 * planned_h
    assert recorded.seen.unknown_h.sum() > 0.6 * planned_h
    assert backtest("recorded", [recorded], range(12, 61)).ahead.size == 0


def test_the_command_prints_a_table_and_says_that_targets_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.bench.capacity.simulated", lambda _: _many())
    monkeypatch.setattr("tests.bench.capacity.real_parts", lambda: iter([]))
    assert main(["--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| **all** | 60 |" in printed
    assert "All targets are kept." in printed


def _many() -> Scores:
    """Return scores that keep every target."""
    one = scores([26.0, 20.0, 25.0, 20.0, 20.0] * 6, [[16.0, 20.0, 25.0]] * 30)
    spare_h = {"forecast": one.spare_h["forecast"]} | dict.fromkeys(BASELINES, np.full((30, 3), 10.0))
    one = replace(one, spare_h=spare_h)
    return joined([one, replace(one, ahead=2 * one.ahead)])
