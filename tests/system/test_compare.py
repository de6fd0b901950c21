"""The comparison itself: it sees what is lost, doubled, overlapping or in the wrong state."""

from pathlib import Path
from typing import Any

import pytest

from tests.system.compare import MINUTE_MS, told, uncounted, uneven, wrong_count, wrong_states
from tests.system.truth import Life, busy_or_not, read_truth


def window(minute: int, running_ms: int = MINUTE_MS, length_ms: int = MINUTE_MS) -> dict[str, Any]:
    start_ms = minute * MINUTE_MS
    times = {"RUNNING": running_ms, "IDLE": MINUTE_MS - running_ms}
    return {"start_ms": start_ms, "end_ms": start_ms + length_ms, "start": "a", "end": "b", "state_ms": times}


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([window(0), window(1)], []),
        ([window(0), window(2)], ["gap"]),
        ([window(0), window(0)], ["overlap"]),
        ([window(0, length_ms=59_000)], ["do not add up"]),
    ],
)
def test_windows_that_do_not_follow_each_other(windows: list[dict[str, Any]], words: list[str]) -> None:
    found = uneven(windows)
    assert len(found) == len(words)
    assert all(word in one for word, one in zip(words, found, strict=True))


@pytest.mark.parametrize(("counted", "fits"), [(4, True), (3, False), (5, False)])
def test_between_quiet_minutes_counts_are_equal(counted: int, fits: bool) -> None:
    times = [10_000, 30_000, 70_000, 90_000]
    found = wrong_count(times, {0: 2, MINUTE_MS: counted - 2}, [0], [2 * MINUTE_MS])
    assert (found is None) is fits


@pytest.mark.parametrize(("counted", "fits"), [(1, True), (2, True), (3, False), (0, False)])
def test_a_cycle_near_the_end_may_be_counted_later(counted: int, fits: bool) -> None:
    times = [30_000, 59_900]
    assert (wrong_count(times, {0: counted}, [0], [MINUTE_MS]) is None) is fits


def test_a_quieter_minute_is_preferred() -> None:
    times = [500, 59_900, 90_000]
    assert wrong_count(times, {0: 0, MINUTE_MS: 1}, [MINUTE_MS, 0], [2 * MINUTE_MS]) is not None
    assert wrong_count(times, {0: 1, MINUTE_MS: 2}, [MINUTE_MS, 0], [2 * MINUTE_MS]) is None


def test_pieces_of_a_cycle_count_together() -> None:
    assert wrong_count([30_000], {0: 12}, [0], [MINUTE_MS], each=12) is None
    assert wrong_count([30_000], {0: 1}, [0], [MINUTE_MS], each=12) is not None


def test_time_in_a_state_may_differ_by_the_share_only() -> None:
    life = Life(changes=[(-5_000, "RUNNING"), (30_000, "IDLE")])
    assert wrong_states(life, [window(0, 30_500)], 0, MINUTE_MS, 0.01) == []
    found = wrong_states(life, [window(0, 31_000)], 0, MINUTE_MS, 0.01)
    assert [one.partition(":")[0] for one in found] == ["IDLE", "RUNNING"]


def test_cycles_that_the_counter_does_not_show_are_seen() -> None:
    windows = [
        {"start": str(n), "cycles": 2, "cycles_total": total} for n, total in enumerate([None, 10, 12, 15])
    ]
    assert [one.partition(",")[0] for one in uncounted(windows)] == ["2 cycles in 3"]


def test_a_machine_that_tells_only_whether_it_is_busy_is_compared_by_that() -> None:
    life = Life(changes=[(0, "SETUP"), (10_000, "RUNNING"), (20_000, "DOWN"), (40_000, "IDLE")])
    assert wrong_states(life, [window(0, 40_000)], 0, MINUTE_MS, 0.01) != []
    assert wrong_states(busy_or_not(life), [window(0, 40_000)], 0, MINUTE_MS, 0.01) == []


def test_counts_that_should_not_be_told_are_seen() -> None:
    silent = {**window(0), **dict.fromkeys(("cycles", "good", "scrap", "cycles_total", "job"))}
    assert told([silent, {**silent, "cycles": 3, "cycles_total": 3, "job": "2026-0001-1a"}]) == []
    assert len(told([{**silent, "cycles": 0}, {**silent, "cycles_total": 7}])) == 2


def test_commands_in_the_ground_truth_are_no_states(tmp_path: Path) -> None:
    head = '{"at":"2026-11-22T10:00:00Z","factory":"north","machine":"mc-01","event":'
    lines = ['"start","state":"RUNNING","total":7}', '"work_order","work_order":"WO-1"}']
    path = tmp_path / "truth.jsonl"
    path.write_text("".join(f"{head}{line}\n" for line in lines), "utf-8")
    (life,) = read_truth(path).values()
    assert (len(life.changes), life.totals) == (1, [7])
