"""Which of the windows that overlap stay, without a store."""

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.overlap import Stored, Weight, settle, weight_of

MILL = MachineKey("aoki", "mc-01")


def window(start_ms: int, length_ms: int = MINUTE_MS, offline_ms: int = 0) -> Window:
    """A window that is idle but for the time in which nothing is known."""
    return Window(MILL, start_ms, length_ms, (0, 0, length_ms - offline_ms, 0, 0, offline_ms), 0)


def settled(before: list[Window], *new: Window) -> tuple[list[int], set[int]]:
    """The starts of the new windows that stay, in order, and of the stored ones that go."""
    put, dropped = settle([Stored(item.start_ms, weight_of(item)) for item in before], new)
    return sorted(item.start_ms for item in put), set(dropped)


def test_a_window_counts_for_what_it_knows_then_for_its_length() -> None:
    assert weight_of(window(0, HOUR_MS, offline_ms=MINUTE_MS)) == Weight(59 * MINUTE_MS, HOUR_MS)
    assert Weight(1, 0) > Weight(0, HOUR_MS)


def test_windows_that_touch_do_not_overlap() -> None:
    before = [window(0), window(2 * MINUTE_MS)]
    assert settled(before, window(3 * MINUTE_MS)) == ([3 * MINUTE_MS], set())
    assert settled(before, window(3 * MINUTE_MS), window(MINUTE_MS)) == ([MINUTE_MS, 3 * MINUTE_MS], set())


def test_a_stored_window_that_was_overwritten_and_then_covered_is_dropped() -> None:
    again = window(MINUTE_MS)
    assert settled([again], again) == ([MINUTE_MS], set())
    assert settled([again], again, window(0, HOUR_MS)) == ([0], {MINUTE_MS})


def test_a_window_is_weighed_against_all_that_it_overlaps_together() -> None:
    before = [window(0), window(MINUTE_MS)]
    assert settled(before, window(0, 3 * MINUTE_MS, MINUTE_MS)) == ([0], {MINUTE_MS})
    assert settled(before, window(0, 3 * MINUTE_MS, MINUTE_MS + 1)) == ([], set())


def test_windows_that_overlap_in_part_never_both_stay() -> None:
    hour, last = window(0, HOUR_MS), window(HOUR_MS - 30_000)
    assert settled([window(0)], window(30_000)) == ([30_000], {0})  # alike: the later
    assert settled([hour], last) == ([], set())
    assert settled([last], hour) == ([0], {last.start_ms})
    assert settled([], last, hour) == settled([], hour, last) == ([0], set())
