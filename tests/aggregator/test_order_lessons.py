"""One prediction of each stage teaches: what was told first then, and before the end."""

from aggregator.model.told import Told
from aggregator.order_lessons import outcomes_of
from aggregator.progress.calibration import Outcome

ENDED_MS = 1_000


def told(at_ms: int, done: float, raw_p50_ms: int | None) -> Told:
    raw_ms = None if raw_p50_ms is None else (0, raw_p50_ms, 2_000)
    return Told("2026-0001", at_ms, 0, 1, 2, 0.5, done, raw_ms=raw_ms)


def test_what_was_told_first_at_each_stage_teaches() -> None:
    entries = [told(10, 0.0, 700), told(20, 0.02, 800), told(30, 0.5, 900), told(40, 0.9, 950)]
    assert [(each.at_ms, each.raw_ms[1], each.actual_ms) for each in outcomes_of(entries, ENDED_MS)] == [
        (10, 700, ENDED_MS),
        (30, 900, ENDED_MS),
        (40, 950, ENDED_MS),
    ]


def test_what_was_told_without_draws_or_after_the_end_does_not() -> None:
    entries = [told(10, 0.0, None), told(20, 0.0, 800), told(ENDED_MS, 0.9, 990)]
    assert outcomes_of(entries, ENDED_MS) == [Outcome(20, 0.0, (0, 800, 2_000), ENDED_MS)]
