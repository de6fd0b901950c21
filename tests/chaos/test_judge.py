"""The judge finds what is planted: a record that is missing, one too many, one that is another."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.contract.records import Record, StateChange, Window
from agent.contract.states import State
from tests.chaos.judge import Stored, Verdict, judge

START_MS = 1_795_000_020_000
MINUTES = 6


def minute(number: int) -> Window:
    state_ms = (50_000, 0, 10_000, 0, 0, 0)
    total = 100 + 7 * (number + 1)
    return Window("pr-01", START_MS + 60_000 * number, 60_000, state_ms, 7, 6, 1, total)


APPENDED: list[Record] = [
    *(minute(number) for number in range(MINUTES)),
    *(StateChange("pr-01", START_MS + 60_000 * number, State.RUNNING) for number in range(MINUTES)),
]
TOTAL = 100 + 7 * MINUTES


def verdict_on(records: Sequence[Record], hours: tuple[int, int] | None = None) -> Verdict:
    windows = [record for record in records if isinstance(record, Window)]
    sums = hours or (sum(each.length_ms for each in windows), sum(each.cycles or 0 for each in windows))
    return judge("south/pr-01", APPENDED, Stored(records, *sums), TOTAL)


def test_what_is_stored_once_and_whole_is_right() -> None:
    verdict = verdict_on(list(reversed(APPENDED)))
    assert verdict.wrong == []
    assert (verdict.expected, verdict.stored, verdict.lost, verdict.doubled) == (12, 12, 0, 0)
    assert (verdict.cycles, verdict.length_ms) == (42, 360_000)


@pytest.mark.parametrize("place", range(len(APPENDED)))
def test_a_record_that_is_missing_is_lost(place: int) -> None:
    verdict = verdict_on(APPENDED[:place] + APPENDED[place + 1 :])
    assert (verdict.lost, verdict.doubled) == (1, 0)
    assert verdict.wrong[0].startswith("south/pr-01: lost: ")


@pytest.mark.parametrize("place", range(len(APPENDED)))
def test_a_record_that_is_stored_twice_is_doubled(place: int) -> None:
    verdict = verdict_on([*APPENDED, APPENDED[place]])
    assert (verdict.lost, verdict.doubled) == (0, 1)
    assert "twice" in verdict.wrong[0]


def test_a_record_with_another_count_is_lost_and_another_is_there() -> None:
    verdict = verdict_on([replace(minute(0), cycles=8), *APPENDED[1:]])
    assert (verdict.lost, verdict.doubled) == (1, 1)


def test_hours_that_counted_a_window_twice_are_told() -> None:
    verdict = verdict_on(APPENDED, (420_000, 49))
    assert verdict.wrong == [
        "south/pr-01: the hours have 420000 ms and 49 cycles, the windows 360000 ms and 42"
    ]


def test_what_the_agent_itself_forgot_is_told_although_store_and_outbox_agree() -> None:
    """A gap, an overlap, cycles that no window has, and a counter that stands elsewhere at last."""
    late = replace(minute(2), start_ms=minute(2).start_ms + 5)
    uncounted = replace(minute(4), cycles=6)
    for records, said in (
        ([minute(0), minute(1), late], "5 ms missing before"),
        ([minute(0), minute(1), late, minute(3)], "5 ms twice before"),
        ([minute(3), uncounted], "the counter grew by 7, but"),
        ([minute(0), minute(1)], f"the machine's counter stands at {TOTAL}, the store's at 114"),
    ):
        windows = [record for record in records if isinstance(record, Window)]
        sums = (sum(each.length_ms for each in windows), sum(each.cycles or 0 for each in windows))
        verdict = judge("south/pr-01", records, Stored(records, *sums), TOTAL)
        assert (verdict.lost, verdict.doubled) == (0, 0)
        assert any(said in each for each in verdict.wrong), (said, verdict.wrong)
