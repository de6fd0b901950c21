"""One foreign machine: values of its metrics in; windows and cycles out, over silence and restarts."""

import pytest

from agent.contract.states import State
from aggregator.foreign.measurer import Measurer
from aggregator.model.window import Window
from tests.aggregator.foreign.lathe import KEY, lathe

NOON_MS = 1_795_000_020_000 // 60_000 * 60_000
MINUTE_MS = 60_000


def windows(measurer: Measurer) -> list[Window]:
    taken = measurer.take()
    return [] if taken is None else list(taken.windows)


def born(at_ms: int = NOON_MS, rpm: int = 0, parts: int = 100, **more: float) -> Measurer:
    measurer = Measurer.begin(lathe(**more), at_ms)
    values = (("Spindle/RPM", rpm), ("Alarm", False), ("Counters/Good", parts), ("Temperature", 31.5))
    measurer.hear(values, at_ms, whole=True)
    return measurer


def test_a_machine_that_nobody_heard_of_is_offline() -> None:
    measurer = Measurer.begin(lathe(), NOON_MS)
    measurer.advance(NOON_MS + 2 * MINUTE_MS)
    assert [window.state_ms for window in windows(measurer)] == 2 * [(0, 0, 0, 0, 0, MINUTE_MS)]
    assert measurer.live.state is State.OFFLINE


def test_values_become_states_and_cycles_in_minutes() -> None:
    measurer = born()
    measurer.hear([("Spindle/RPM", 1_500)], NOON_MS + 10_000, whole=False)
    measurer.hear([("Counters/Good", 103)], NOON_MS + 40_000, whole=False)
    measurer.hear([("Alarm", True)], NOON_MS + 50_000, whole=False)
    measurer.advance(NOON_MS + MINUTE_MS)
    (window,) = windows(measurer)
    assert (window.key, window.start_ms, window.length_ms) == (KEY, NOON_MS, MINUTE_MS)
    assert window.state_ms == (40_000, 0, 10_000, 10_000, 0, 0)
    assert (window.cycles, window.cycles_total) == (3, 103)
    assert (measurer.live.state, measurer.live.cycles_total) == (State.DOWN, 103)


def test_a_state_is_recorded_as_soon_as_it_lasts() -> None:
    """A crash before the next minute must not lose that the machine went down."""
    measurer = born(rpm=1_500)
    measurer.hear([("Alarm", True)], NOON_MS + 10_000, whole=False)
    assert measurer.next_due_ms <= NOON_MS + 10_001
    measurer.advance(NOON_MS + 10_500)
    taken = measurer.take()
    assert taken is not None
    assert [(change.at_ms, change.state) for change in taken.changes][-1] == (NOON_MS + 10_000, State.DOWN)
    assert measurer.next_due_ms == NOON_MS + MINUTE_MS


def test_what_a_birth_does_not_name_is_unknown_and_never_idle() -> None:
    measurer = born(rpm=1_500)
    measurer.hear([("Counters/Good", 100), ("Alarm", False)], NOON_MS + 30_000, whole=True)
    measurer.advance(NOON_MS + MINUTE_MS)
    (window,) = windows(measurer)
    assert window.state_ms == (30_000, 0, 0, 0, 0, 30_000)


@pytest.mark.parametrize("value", [None, b"\x01", "no number"])
def test_a_value_that_says_nothing_is_unknown(value: object) -> None:
    measurer = born(rpm=1_500)
    measurer.hear([("Spindle/RPM", value)], NOON_MS + 30_000, whole=False)
    assert measurer.live.state is State.OFFLINE


def test_after_a_death_nothing_is_known_until_the_next_birth() -> None:
    measurer = born(rpm=1_500)
    measurer.lose(NOON_MS + 20_000)
    measurer.hear([("Counters/Good", 140)], NOON_MS + 50_000, whole=False)
    assert measurer.live.state is State.OFFLINE
    measurer.hear(
        [("Spindle/RPM", 0), ("Alarm", False), ("Counters/Good", 141)], NOON_MS + 55_000, whole=True
    )
    measurer.advance(NOON_MS + MINUTE_MS)
    (window,) = windows(measurer)
    assert window.state_ms == (20_000, 0, 5_000, 0, 0, 35_000)
    assert (window.cycles, window.cycles_total) == (
        41,
        141,
    )  # made meanwhile: the machine's own counter says so


def test_silence_is_offline_from_its_limit_on_whenever_that_is_noticed() -> None:
    measurer = born(rpm=1_500, silence_s=30)
    measurer.advance(NOON_MS + 1)
    assert measurer.next_due_ms == NOON_MS + 30_000
    assert measurer.advance(NOON_MS + MINUTE_MS)
    (window,) = windows(measurer)
    assert window.state_ms == (30_000, 0, 0, 0, 0, 30_000)
    assert not measurer.advance(NOON_MS + 3 * MINUTE_MS)
    assert {window.state_ms[5] for window in windows(measurer)} == {MINUTE_MS}


def test_without_a_limit_silence_is_what_was_said_last() -> None:
    """Sparkplug reports by exception: a machine that stands all night says nothing all night."""
    measurer = born(rpm=0)
    assert not measurer.advance(NOON_MS + 5 * MINUTE_MS)
    assert {window.state_ms for window in windows(measurer)} == {(0, 0, MINUTE_MS, 0, 0, 0)}


def test_time_in_which_nobody_listened_is_offline() -> None:
    measurer = born(rpm=1_500)
    measurer.miss(NOON_MS + 15_000, NOON_MS + 45_000)
    measurer.advance(NOON_MS + MINUTE_MS)
    (window,) = windows(measurer)
    assert window.state_ms == (30_000, 0, 0, 0, 0, 30_000)
    assert measurer.live.state is State.RUNNING


def test_a_restart_is_offline_meanwhile_and_no_count_is_lost_or_doubled() -> None:
    measurer = born(rpm=1_500)
    measurer.hear([("Counters/Good", 105)], NOON_MS + 30_000, whole=False)
    measurer.advance(NOON_MS + MINUTE_MS)
    taken = measurer.take()
    assert taken is not None
    measurer.hear([("Counters/Good", 108)], NOON_MS + 90_000, whole=False)  # killed before this is kept

    later_ms = NOON_MS + 5 * MINUTE_MS
    resumed = Measurer.resume(lathe(), taken.tracker, later_ms)
    resumed.hear([("Spindle/RPM", 1_500), ("Alarm", False), ("Counters/Good", 120)], later_ms, whole=True)
    resumed.advance(later_ms + MINUTE_MS)
    after = windows(resumed)
    assert [window.start_ms for window in after] == [NOON_MS + n * MINUTE_MS for n in range(1, 6)]
    assert [window.state_ms[5] for window in after] == 4 * [MINUTE_MS] + [0]
    assert sum(window.cycles for window in (*taken.windows, *after)) == 20
    assert after[-1].cycles_total == 120


def test_a_counter_that_was_replaced_meanwhile_does_not_jump() -> None:
    measurer = born()
    measurer.advance(NOON_MS + MINUTE_MS)
    taken = measurer.take()
    assert taken is not None
    later_ms = NOON_MS + 2 * MINUTE_MS
    resumed = Measurer.resume(lathe(), taken.tracker, later_ms)
    resumed.hear([("Counters/Good", 40_000)], later_ms, whole=True)  # in a minute: no machine does that
    resumed.hear([("Counters/Good", 40_002)], later_ms + 10_000, whole=False)
    resumed.advance(later_ms + MINUTE_MS)
    assert sum(window.cycles for window in windows(resumed)) == 2


def test_what_is_no_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="not a machine's snapshot"):
        Measurer.resume(lathe(), "{}", NOON_MS)


def test_a_window_never_spans_two_jobs() -> None:
    measurer = born(rpm=1_500)
    measurer.set_job("J-1", NOON_MS + 20_000)
    measurer.advance(NOON_MS + MINUTE_MS)
    assert [(window.job, window.length_ms) for window in windows(measurer)] == [("", 20_000), ("J-1", 40_000)]
    assert measurer.live.job == "J-1"


def test_a_stop_ends_the_window_and_whoever_resumes_goes_on_there() -> None:
    measurer = born(rpm=1_500)
    measurer.close(NOON_MS + 25_000)
    taken = measurer.take()
    assert taken is not None
    (window,) = taken.windows
    assert (window.length_ms, window.state_ms) == (25_000, (25_000, 0, 0, 0, 0, 0))
    resumed = Measurer.resume(lathe(), taken.tracker, NOON_MS + 40_000)
    resumed.advance(NOON_MS + MINUTE_MS)
    assert [(rest.start_ms - NOON_MS, rest.state_ms) for rest in windows(resumed)] == [
        (25_000, (0, 0, 0, 0, 0, 15_000)),
        (40_000, (0, 0, 0, 0, 0, 20_000)),
    ]
