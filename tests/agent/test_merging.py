"""Merging by itself: nothing is added that was not there, and nothing is lost but resolution."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS, Record, StateChange, Window
from agent.contract.states import State
from agent.merging import Bounds, merge
from tests.agent.records import NOON_MS, windows

HOUR_START_MS = NOON_MS // HOUR_MS * HOUR_MS
OFFSET = (HOUR_START_MS - NOON_MS) // MINUTE_MS


def minute(number: int, machine: str = "mc-01", job: str = "", scrap: int | None = None) -> Window:
    """Return a minute of the hour: 40 s running, 20 s idle, two cycles."""
    start_ms = HOUR_START_MS + number * MINUTE_MS
    return Window(machine, start_ms, MINUTE_MS, (40_000, 0, 20_000, 0, 0, 0), 2, None, scrap, 2 * number, job)


def test_an_hour_of_minutes_is_one_window_with_the_same_totals() -> None:
    (merged,) = merge([minute(number, scrap=1) for number in range(60)])
    state_ms = (60 * 40_000, 0, 60 * 20_000, 0, 0, 0)
    assert merged == Window("mc-01", HOUR_START_MS, HOUR_MS, state_ms, 120, None, 60, 118, "")


def test_no_window_spans_an_hour_a_job_or_what_is_counted() -> None:
    records: list[Record] = [
        minute(57),
        minute(58, job="J-1"),
        minute(59, job="J-1", scrap=0),
        *(minute(number, job="J-1", scrap=0) for number in range(60, 62)),
    ]
    assert merge(records) == [
        minute(57),
        minute(58, job="J-1"),
        minute(59, job="J-1", scrap=0),
        Window(
            "mc-01", HOUR_START_MS + HOUR_MS, 2 * MINUTE_MS,
            (80_000, 0, 40_000, 0, 0, 0), 4, None, 0, 122, "J-1",
        ),
    ]  # fmt: skip


def test_windows_with_time_between_them_stay_apart() -> None:
    records: list[Record] = [minute(1), minute(3)]
    assert merge(records) == records


def test_an_hour_keeps_two_changes_and_says_that_there_were_more() -> None:
    changes = [StateChange("mc-01", HOUR_START_MS + at, state, "J") for at, state in enumerate(State)]
    other = StateChange("mc-02", HOUR_START_MS + 3, State.DOWN)
    late = StateChange("mc-01", HOUR_START_MS + HOUR_MS, State.IDLE)
    assert merge([*changes[:2], other, late]) == [*changes[:2], other, late]
    assert merge([*changes, other, late]) == [
        StateChange("mc-01", HOUR_START_MS, State.OFFLINE, "J"),
        changes[-1],
        other,
        late,
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("a", "b")), st.integers(1, MINUTE_MS), st.sampled_from(("", "J")), st.booleans()
        ),
        max_size=300,
    ),
    st.integers(0, 300),
)
def test_totals_by_hour_and_job_are_the_same_merged_once_or_twice(
    cuts: list[tuple[str, int, str, bool]], first: int
) -> None:
    at_ms = dict.fromkeys("ab", HOUR_START_MS)
    records: list[Record] = []
    for machine, wanted_ms, job, counts in cuts:
        length_ms = min(wanted_ms, MINUTE_MS - at_ms[machine] % MINUTE_MS)
        scrap = 1 if counts else None
        records.append(
            Window(machine, at_ms[machine], length_ms, (0, 0, 0, length_ms, 0, 0), 3, None, scrap, None, job)
        )
        at_ms[machine] += length_ms
    once, twice = merge(records), merge([*merge(records[:first]), *records[first:]])
    assert totals(once) == totals(twice) == totals(records)
    for machine in "ab":
        mine = [each for each in twice if isinstance(each, Window) and each.machine == machine]
        assert all(before.start_ms + before.length_ms == after.start_ms for before, after in pairwise(mine))


def totals(records: list[Record]) -> Counter[object]:
    found: Counter[object] = Counter()
    for each in records:
        if isinstance(each, Window):
            key = (each.machine, each.job, each.start_ms // HOUR_MS)
            found += Counter(
                {
                    (key, "ms"): each.state_ms[3],
                    (key, "cycles"): each.cycles or 0,
                    (key, "scrap"): each.scrap or 0,
                }
            )
    return found


def test_two_hours_are_two_windows() -> None:
    assert len(merge(windows(OFFSET, OFFSET + 119))) == 2


@pytest.mark.parametrize("wrong", [{"size_mb": 7}, {"age_days": 0}, {"group_s": 0.1}])
def test_bounds_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected .* to .*, got"):
        Bounds(**wrong)


def test_time_in_which_nothing_was_known_becomes_a_window_of_its_own() -> None:
    """Where the outbox is an old copy the centre knows more of that time, and only that has to give way."""
    offline = [
        Window("mc-01", HOUR_START_MS + number * MINUTE_MS, MINUTE_MS, (0, 0, 0, 0, 0, MINUTE_MS), 0)
        for number in range(20, 30)
    ]
    records: list[Record] = [*(minute(n) for n in range(20)), *offline, *(minute(n) for n in range(30, 60))]
    found = [record for record in merge(records) if isinstance(record, Window)]
    assert [(one.length_ms // MINUTE_MS, one.cycles) for one in found] == [(20, 40), (10, 0), (30, 60)]


def test_cycles_that_a_counter_told_of_after_it_do_not_go_with_time_in_which_nothing_was_known() -> None:
    """The counter was read before any state was known, and there the agent was killed."""
    unknown = [
        Window("mc-01", HOUR_START_MS + number * MINUTE_MS, MINUTE_MS, (0, 0, 0, 0, 0, MINUTE_MS), cycles)
        for number, cycles in enumerate((0, 0, 7, 0))
    ]
    found = [record for record in merge(unknown) if isinstance(record, Window)]
    assert [(one.length_ms // MINUTE_MS, one.cycles) for one in found] == [(2, 0), (1, 7), (1, 0)]
