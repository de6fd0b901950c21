"""What every home of the time series must do with windows that overlap, in every order of arrival."""

from dataclasses import replace
from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.timeseries import TimeSeries
from tests.aggregator.store.conformance import LATHE, MILL, NOON_MS, minute, minutes, summed, window

# (start, length, running): minutes, parts of them, and merged ones, close enough to meet
WINDOWS = st.tuples(
    st.integers(0, 12).map(lambda step: NOON_MS + step * 10 * MINUTE_MS),
    st.sampled_from([20_000, MINUTE_MS, MINUTE_MS, 30 * MINUTE_MS, HOUR_MS]),
    st.integers(0, 20_000),
)
_numbers = count()


def _merged(windows: list[Window]) -> Window:
    """One window for several that follow each other, as an agent makes it when its outbox is full."""
    spent: Any = tuple(sum(column) for column in zip(*(item.state_ms for item in windows), strict=True))
    cycles = sum(item.cycles for item in windows)
    return replace(windows[0], length_ms=sum(spent), state_ms=spent, cycles=cycles)


class OverlapConformance:
    """Inherit it in a class that has a fixture `timeseries` with an empty store."""

    def test_a_merged_window_replaces_the_stored_ones_inside_it(self, timeseries: TimeSeries) -> None:
        """Some of them were stored and never acknowledged, then the agent's outbox was full."""
        windows = minutes(MILL, NOON_MS, 120)
        other = minutes(LATHE, NOON_MS, 60)
        timeseries.write([*windows, *other], [])
        merged = window(MILL, NOON_MS, HOUR_MS, 1_800_000)
        timeseries.write([merged], [])
        kept = [merged, *windows[60:]]
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == kept
        assert list(timeseries.windows(LATHE, 0, NOON_MS * 2)) == other
        for since, until in ((NOON_MS, NOON_MS + HOUR_MS), (NOON_MS, NOON_MS + 2 * HOUR_MS)):
            assert timeseries.totals([MILL], since, until) == {MILL: summed(MILL, since, until, kept)}

    def test_a_merged_window_in_one_write_with_its_parts_counts_once(self, timeseries: TimeSeries) -> None:
        merged = window(MILL, NOON_MS, HOUR_MS, 1_800_000)
        timeseries.write([*minutes(MILL, NOON_MS, 60), merged], [])
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == [merged]
        assert timeseries.totals([MILL], 0, NOON_MS * 2)[MILL].state_ms == merged.state_ms

    def test_a_merged_window_over_an_hours_end_empties_the_next_hour(self, timeseries: TimeSeries) -> None:
        half = HOUR_MS // 2
        timeseries.write([minute(MILL, NOON_MS + HOUR_MS)], [])
        merged = window(MILL, NOON_MS + half, HOUR_MS, 600_000)
        timeseries.write([merged], [])
        hours = list(timeseries.hours([MILL], 0, NOON_MS * 2))
        assert [(total.start_ms, total.state_ms) for total in hours] == [(NOON_MS, merged.state_ms)]

    def test_minutes_that_come_after_the_merged_window_they_lie_in_change_nothing(
        self, timeseries: TimeSeries
    ) -> None:
        """The first of them has its very start, and the last may be cut short by a job."""
        merged = window(MILL, NOON_MS, HOUR_MS, 1_800_000)
        late = [
            *minutes(MILL, NOON_MS, 59),
            window(MILL, NOON_MS + 59 * MINUTE_MS, 20_000, 15_000, job="J-1"),
        ]
        timeseries.write([merged], [])
        timeseries.write(late[:3], [])
        timeseries.write([*late[3:], minute(MILL, NOON_MS + HOUR_MS)], [])
        kept = [merged, minute(MILL, NOON_MS + HOUR_MS)]
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == kept
        hours = timeseries.hours([MILL], 0, NOON_MS * 2)
        assert list(hours) == [summed(MILL, at, at + HOUR_MS, kept) for at in (NOON_MS, NOON_MS + HOUR_MS)]

    def test_a_window_that_was_merged_again_replaces_its_smaller_self_in_either_order(
        self, timeseries: TimeSeries
    ) -> None:
        half, whole = (window(MILL, NOON_MS, length, length // 2) for length in (HOUR_MS // 2, HOUR_MS))
        for key, writes in ((MILL, (half, whole)), (LATHE, (whole, half))):
            for item in writes:
                timeseries.write([replace(item, key=key)], [])
            assert list(timeseries.windows(key, 0, NOON_MS * 2)) == [replace(whole, key=key)]

    def test_time_told_as_offline_replaces_nothing_that_was_measured_in_it(
        self, timeseries: TimeSeries
    ) -> None:
        """An agent's data folder was restored from an old copy: of the time since, it knows nothing."""
        measured = minutes(MILL, NOON_MS + 10 * MINUTE_MS, 30)
        unknown = [
            Window(MILL, NOON_MS + at, length, (0, 0, 0, 0, 0, length), 0)
            for at, length in ((0, HOUR_MS), (10 * MINUTE_MS, MINUTE_MS), (HOUR_MS, HOUR_MS))
        ]
        timeseries.write(measured, [])
        timeseries.write(unknown, [])
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == [*measured, unknown[-1]]
        timeseries.write([minute(MILL, NOON_MS + HOUR_MS + MINUTE_MS)], [])
        assert timeseries.totals([MILL], NOON_MS + HOUR_MS, NOON_MS * 2)[MILL].state_ms[-1] == 0

    @given(st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    def test_minutes_and_what_they_were_merged_to_end_alike_in_any_order(
        self, timeseries: TimeSeries, data: st.DataObject
    ) -> None:
        key = MachineKey("merged", f"machine-{next(_numbers)}")
        told = [
            Window(key, at, MINUTE_MS, (spent, 0, 0, 0, 0, MINUTE_MS - spent), spent // 15_000)
            for at, spent in (
                (NOON_MS + place * MINUTE_MS, data.draw(st.sampled_from([0, 30_000, MINUTE_MS])))
                for place in range(90)
            )
        ]
        merged = [_merged(told[first:behind]) for first, behind in ((10, 20), (0, 30), (0, 60))]
        late = data.draw(st.lists(st.sampled_from(told[:60]), max_size=8))
        order = data.draw(st.permutations([*merged, *late, *told[60:]]))
        cut = data.draw(st.integers(0, len(order)))
        timeseries.write(order[:cut], [])
        timeseries.write(order[cut:], [])
        kept = [merged[-1], *told[60:]]
        assert list(timeseries.windows(key, 0, NOON_MS * 2)) == kept
        expected = [summed(key, at, at + HOUR_MS, kept) for at in (NOON_MS, NOON_MS + HOUR_MS)]
        assert list(timeseries.hours([key], 0, NOON_MS * 2)) == expected

    @given(st.lists(st.lists(WINDOWS, max_size=6), max_size=5))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_after_any_writes_nothing_overlaps_and_hours_are_the_sums_of_their_windows(
        self, timeseries: TimeSeries, writes: list[list[tuple[int, int, int]]]
    ) -> None:
        key = MachineKey("any", f"machine-{next(_numbers)}")
        for write in writes:
            timeseries.write([window(key, start, length, running) for start, length, running in write], [])
        kept = timeseries.windows(key, 0, NOON_MS * 2)
        starts = sorted({item.start_ms // HOUR_MS * HOUR_MS for item in kept})
        expected = [summed(key, start, start + HOUR_MS, kept) for start in starts]
        assert list(timeseries.hours([key], 0, NOON_MS * 2)) == expected
        assert all(before.start_ms + before.length_ms <= item.start_ms for before, item in pairwise(kept))
