"""What every home of the time series must do: one suite, inherited by a test class a home."""

import os
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, StateMs, Totals, Window
from aggregator.store.timeseries import ALWAYS_MS, Counts, TimeSeries

MILL = MachineKey("aoki", "mc-01")
LATHE = MachineKey("aoki", "mc-02")
PRESS = MachineKey("fujimi", "pr-01")
TOKYO = ZoneInfo("Asia/Tokyo")
NOON_MS = int(datetime(2026, 11, 22, 12, tzinfo=TOKYO).timestamp() * 1000)


ODD_JOBS = (
    "注文-1", "🏭", "'", '"', '\\"', "\\", "a\\", "\\n", "a,b=c d", " ", "\t", "a\nb", "\r\n", "# x",
    "end\\\n", "\u2028", "x" * 20_000,
)  # fmt: skip


def minute(key: MachineKey, start_ms: int, running_ms: int = 45_000, **more: object) -> Window:
    """A minute of a machine, running for `running_ms` of it and idle for the rest."""
    return window(key, start_ms, MINUTE_MS, running_ms, **more)


def window(key: MachineKey, start_ms: int, length_ms: int, running_ms: int, **more: object) -> Window:
    """A window of a machine, running for `running_ms` of it and idle for the rest; a cycle each 15 s."""
    spent: StateMs = (running_ms, 0, length_ms - running_ms, 0, 0, 0)
    return Window(key, start_ms, length_ms, spent, **{"cycles": running_ms // 15_000, **more})  # type: ignore[arg-type]


def minutes(key: MachineKey, start_ms: int, number: int) -> list[Window]:
    """Gapless minutes, each a little different."""
    return [minute(key, start_ms + at * MINUTE_MS, 1_000 * (at % 60)) for at in range(number)]


def summed(key: MachineKey, since_ms: int, until_ms: int, windows: Iterable[Window]) -> Totals | None:
    """What a store has to answer for a range, worked out the slow way."""
    mine = [item for item in windows if item.key == key and since_ms <= item.start_ms < until_ms]
    if not mine:
        return None
    running, setup, idle, down, planned_stop, offline = (
        sum(column) for column in zip(*(item.state_ms for item in mine), strict=True)
    )
    return Totals(
        key,
        since_ms,
        until_ms,
        (running, setup, idle, down, planned_stop, offline),
        sum(item.cycles for item in mine),
        _counted(item.good for item in mine),
        _counted(item.scrap for item in mine),
    )


def _counted(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


class TimeSeriesConformance:
    """Inherit it in a class that has a fixture `timeseries` with an empty store."""

    def test_windows_come_back_as_they_were_written_in_time_order(self, timeseries: TimeSeries) -> None:
        first = Window(MILL, NOON_MS, MINUTE_MS, (1, 2, 3, 4, 5, 59_985), 7, 5, 2, 1_000_000_007, "注文-1")
        second = Window(MILL, NOON_MS + MINUTE_MS, MINUTE_MS, (60_000, 0, 0, 0, 0, 0), 0)
        timeseries.write([second, minute(LATHE, NOON_MS), first], [])
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == [first, second]

    def test_a_range_takes_what_starts_in_it(self, timeseries: TimeSeries) -> None:
        day = minutes(MILL, NOON_MS, 10)
        timeseries.write(day, [])
        since, until = NOON_MS + 2 * MINUTE_MS, NOON_MS + 5 * MINUTE_MS
        assert list(timeseries.windows(MILL, since, until)) == day[2:5]
        assert list(timeseries.windows(MILL, since, until, limit=2)) == day[2:4]
        assert list(timeseries.windows(MILL, until, since)) == []

    def test_an_unknown_machine_has_nothing(self, timeseries: TimeSeries) -> None:
        assert list(timeseries.windows(MILL, 0, NOON_MS)) == []
        assert list(timeseries.changes(MILL, 0, NOON_MS)) == []
        assert list(timeseries.hours([MILL], 0, NOON_MS)) == []
        assert list(timeseries.days([MILL], NOON_MS - HOUR_MS, NOON_MS, TOKYO)) == []
        assert dict(timeseries.totals([MILL], 0, NOON_MS)) == {}
        assert dict(timeseries.latest([MILL])) == {}
        assert list(timeseries.machines()) == []

    def test_nothing_to_write_is_no_error(self, timeseries: TimeSeries) -> None:
        timeseries.write([], [])
        assert list(timeseries.machines()) == []

    def test_writing_again_changes_nothing(self, timeseries: TimeSeries) -> None:
        windows = minutes(MILL, NOON_MS, 90)
        timeseries.write(windows, [])
        hours = list(timeseries.hours([MILL], 0, NOON_MS * 2))
        timeseries.write(windows[30:], [])
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == windows
        assert list(timeseries.hours([MILL], 0, NOON_MS * 2)) == hours

    def test_the_same_start_is_replaced_and_its_hour_corrected(self, timeseries: TimeSeries) -> None:
        timeseries.write([minute(MILL, NOON_MS, 60_000, good=4)], [])
        better = minute(MILL, NOON_MS, 15_000)
        timeseries.write([better], [])
        assert list(timeseries.windows(MILL, NOON_MS, NOON_MS + 1)) == [better]
        assert list(timeseries.hours([MILL], 0, NOON_MS * 2)) == [
            Totals(MILL, NOON_MS, NOON_MS + HOUR_MS, (15_000, 0, 45_000, 0, 0, 0), 1, None, None)
        ]

    def test_of_the_same_start_twice_in_one_write_the_later_stays(self, timeseries: TimeSeries) -> None:
        later = minute(MILL, NOON_MS, 30_000)
        timeseries.write([minute(MILL, NOON_MS, 60_000), later], [])
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == [later]

    def test_hours_sum_their_windows_and_empty_hours_are_absent(self, timeseries: TimeSeries) -> None:
        windows = [
            minute(MILL, NOON_MS, good=3, scrap=0),
            minute(MILL, NOON_MS + MINUTE_MS, good=2),
            minute(MILL, NOON_MS + 2 * HOUR_MS),
            minute(PRESS, NOON_MS + HOUR_MS - 1),
        ]
        timeseries.write(windows, [])
        hours = list(timeseries.hours([PRESS, MILL], NOON_MS, NOON_MS + 3 * HOUR_MS))
        assert [(total.key, total.start_ms) for total in hours] == [
            (MILL, NOON_MS),
            (MILL, NOON_MS + 2 * HOUR_MS),
            (PRESS, NOON_MS),
        ]
        assert hours[0] == summed(MILL, NOON_MS, NOON_MS + HOUR_MS, windows)
        assert (hours[0].good, hours[0].scrap) == (5, 0)
        assert (hours[1].good, hours[1].scrap) == (None, None)

    def test_a_late_window_corrects_the_hour_it_falls_in(self, timeseries: TimeSeries) -> None:
        windows = minutes(MILL, NOON_MS, 120)
        late = windows.pop(17)
        timeseries.write(windows, [])
        timeseries.write([late], [])
        hours = timeseries.hours([MILL], NOON_MS, NOON_MS + 2 * HOUR_MS)
        expected = [summed(MILL, at, at + HOUR_MS, [*windows, late]) for at in (NOON_MS, NOON_MS + HOUR_MS)]
        assert list(hours) == expected

    def test_windows_split_by_a_job_both_count(self, timeseries: TimeSeries) -> None:
        before = window(MILL, NOON_MS, 20_000, 15_000, job="J-1")
        after = window(MILL, NOON_MS + 20_000, 40_000, 30_000, job="J-2")
        timeseries.write([before, after], [])
        assert list(timeseries.windows(MILL, NOON_MS, NOON_MS + MINUTE_MS)) == [before, after]
        assert timeseries.totals([MILL], NOON_MS, NOON_MS + HOUR_MS)[MILL].cycles == 3

    def test_totals_are_exact_over_any_range(self, timeseries: TimeSeries) -> None:
        dice = random.Random(7)
        windows = [
            *minutes(MILL, NOON_MS - 2 * HOUR_MS, 300),
            *(minute(LATHE, NOON_MS + at * MINUTE_MS, good=at % 3) for at in range(0, 300, 7)),
        ]
        timeseries.write(windows, [])
        start, end = NOON_MS - 3 * HOUR_MS, NOON_MS + 6 * HOUR_MS
        ranges = [sorted((dice.randrange(start, end), dice.randrange(start, end))) for _ in range(60)]
        ranges += [[NOON_MS, NOON_MS + HOUR_MS], [NOON_MS, NOON_MS], [NOON_MS + 1, NOON_MS + 2]]
        for since, until in ranges:
            expected = {key: summed(key, since, until, windows) for key in (MILL, LATHE)}
            answer = timeseries.totals([LATHE, PRESS, MILL], since, until)
            assert dict(answer) == {key: total for key, total in expected.items() if total}

    def test_days_are_local(self, timeseries: TimeSeries) -> None:
        midnight = int(datetime(2026, 11, 23, tzinfo=TOKYO).timestamp() * 1000)
        windows = [minute(MILL, midnight - MINUTE_MS), *minutes(MILL, midnight, 1500)]
        timeseries.write(windows, [])
        day = 24 * HOUR_MS
        assert list(timeseries.days([MILL, LATHE], midnight - day, midnight + 2 * day, TOKYO)) == [
            summed(MILL, at, at + day, windows) for at in (midnight - day, midnight, midnight + day)
        ]

    def test_a_range_cuts_its_first_and_last_day(self, timeseries: TimeSeries) -> None:
        windows = minutes(MILL, NOON_MS, 1440)
        timeseries.write(windows, [])
        since, until = NOON_MS + 90_000, NOON_MS + 23 * HOUR_MS + 1
        midnight = NOON_MS + 12 * HOUR_MS
        assert list(timeseries.days([MILL], since, until, TOKYO)) == [
            summed(MILL, since, midnight, windows),
            summed(MILL, midnight, until, windows),
        ]

    def test_days_are_right_over_changes_of_daylight_time(self, timeseries: TimeSeries) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        bounds = [int(datetime(2026, 10, day, tzinfo=berlin).timestamp() * 1000) for day in (25, 26, 27)]
        windows = minutes(MILL, bounds[0], (bounds[2] - bounds[0]) // MINUTE_MS)
        timeseries.write(windows, [])
        days = list(timeseries.days([MILL], bounds[0], bounds[2], berlin))
        assert [sum(day.state_ms) // HOUR_MS for day in days] == [25, 24]
        assert days[0] == summed(MILL, bounds[0], bounds[1], windows)

    def test_days_are_right_where_they_begin_at_half_an_hour_utc(self, timeseries: TimeSeries) -> None:
        kolkata = ZoneInfo("Asia/Kolkata")
        midnight = int(datetime(2026, 11, 23, tzinfo=kolkata).timestamp() * 1000)
        windows = minutes(MILL, midnight - 45 * MINUTE_MS, 90)
        timeseries.write(windows, [])
        days = list(timeseries.days([MILL], midnight - 24 * HOUR_MS, midnight + 24 * HOUR_MS, kolkata))
        assert [sum(day.state_ms) // MINUTE_MS for day in days] == [45, 45]

    def test_state_changes_come_back_in_time_order(self, timeseries: TimeSeries) -> None:
        changes = [
            StateChange(MILL, NOON_MS + at, state, "注文-1" if at else "") for at, state in enumerate(State)
        ]
        timeseries.write([], [*reversed(changes), StateChange(LATHE, NOON_MS, State.DOWN)])
        assert list(timeseries.changes(MILL, NOON_MS, NOON_MS + 10)) == changes
        assert list(timeseries.changes(MILL, NOON_MS + 1, NOON_MS + 3)) == changes[1:3]

    def test_a_job_may_be_any_text_of_one_line_or_several(self, timeseries: TimeSeries) -> None:
        windows = [minute(MILL, NOON_MS + at * MINUTE_MS, job=job) for at, job in enumerate(ODD_JOBS)]
        changes = [StateChange(MILL, NOON_MS + at, State.DOWN, job) for at, job in enumerate(ODD_JOBS)]
        assert list(timeseries.write(windows, changes)) == []
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == windows
        assert list(timeseries.changes(MILL, 0, NOON_MS * 2)) == changes

    def test_a_state_change_at_the_same_time_replaces(self, timeseries: TimeSeries) -> None:
        timeseries.write([], [StateChange(MILL, NOON_MS, State.IDLE), StateChange(MILL, NOON_MS, State.DOWN)])
        timeseries.write([], [StateChange(MILL, NOON_MS, State.RUNNING, "J-1")])
        expected = [StateChange(MILL, NOON_MS, State.RUNNING, "J-1")]
        assert list(timeseries.changes(MILL, 0, NOON_MS * 2)) == expected

    def test_latest_is_the_newest_window_whenever_it_was_written(self, timeseries: TimeSeries) -> None:
        newest = minute(MILL, NOON_MS + HOUR_MS, 12_345, cycles_total=99)
        timeseries.write([newest, minute(LATHE, NOON_MS)], [StateChange(PRESS, NOON_MS, State.IDLE)])
        timeseries.write(minutes(MILL, NOON_MS, 5), [])
        assert dict(timeseries.latest([MILL, LATHE, PRESS])) == {MILL: newest, LATHE: minute(LATHE, NOON_MS)}

    def test_a_long_history_adds_up_over_any_range_and_day(self, timeseries: TimeSeries) -> None:
        """Ten thousand windows here; `MACHIKOBA_TEST_WINDOWS=10000000` for ten million on every home."""
        number = int(os.environ.get("MACHIKOBA_TEST_WINDOWS", "10000"))
        start_ms = NOON_MS - number * MINUTE_MS
        running_ms = 0
        for at in range(0, number, 10_080):  # a week, as an agent delivers it that was away
            week = minutes(MILL, start_ms + at * MINUTE_MS, min(10_080, number - at))
            running_ms += sum(each.state_ms[0] for each in week)
            timeseries.write(week[::2], [])
            timeseries.write(week[1::2], [])
        total = timeseries.totals([MILL], start_ms, NOON_MS)[MILL]
        assert (sum(total.state_ms), total.state_ms[0]) == (number * MINUTE_MS, running_ms)
        assert timeseries.counts([MILL], 0, ALWAYS_MS)[MILL].windows == number
        for zone in (TOKYO, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")):
            days = timeseries.days([MILL], start_ms, NOON_MS, zone)
            assert sum(day.state_ms[0] for day in days) == running_ms
            assert len(days) == len(
                {datetime.fromtimestamp(day.start_ms / 1000, zone).date() for day in days}
            )

    def test_windows_and_changes_are_counted(self, timeseries: TimeSeries) -> None:
        changes = [StateChange(MILL, NOON_MS + at, State.IDLE) for at in range(3)]
        timeseries.write([*minutes(MILL, NOON_MS, 90), *minutes(LATHE, NOON_MS, 5)], changes)
        timeseries.write([window(MILL, NOON_MS, HOUR_MS, HOUR_MS)], [])  # in the place of sixty
        keys, always = [MILL, LATHE, PRESS], ALWAYS_MS
        assert dict(timeseries.counts(keys, 0, always)) == {MILL: Counts(31, 3), LATHE: Counts(5, 0)}
        assert dict(timeseries.counts([MILL], NOON_MS + 1, always)) == {MILL: Counts(30, 2)}
        assert dict(timeseries.counts([MILL], 0, NOON_MS)) == {}

    def test_machines_are_those_with_a_window_or_a_change(self, timeseries: TimeSeries) -> None:
        timeseries.write([minute(PRESS, NOON_MS)], [StateChange(MILL, NOON_MS, State.IDLE)])
        assert sorted(timeseries.machines()) == [MILL, PRESS]

    def test_many_machines_at_once(self, timeseries: TimeSeries) -> None:
        keys = [MachineKey(f"factory-{number % 7}", f"machine-{number}") for number in range(450)]
        timeseries.write([minute(key, NOON_MS) for key in keys], [])
        assert set(timeseries.totals(keys, NOON_MS, NOON_MS + HOUR_MS)) == set(keys)
        assert set(timeseries.latest(keys)) == set(keys)

    def test_large_numbers_survive(self, timeseries: TimeSeries) -> None:
        large = minute(MILL, 9_214_646_400_000, cycles=10**9, good=10**12, scrap=0, cycles_total=2**63 - 1)
        timeseries.write([large, *minutes(LATHE, 0, 5_000)], [])
        assert timeseries.latest([MILL])[MILL] == large
        assert timeseries.totals([MILL], large.start_ms, large.start_ms + 1)[MILL].good == 10**12

    def test_writers_at_the_same_time_do_not_lose_each_others_windows(self, timeseries: TimeSeries) -> None:
        windows = minutes(MILL, NOON_MS, 60)
        parts = [windows[at::6] for at in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda part: timeseries.write(part, []), parts))
        assert list(timeseries.windows(MILL, 0, NOON_MS * 2)) == windows
        assert list(timeseries.hours([MILL], 0, NOON_MS * 2)) == [
            summed(MILL, NOON_MS, NOON_MS + HOUR_MS, windows)
        ]
