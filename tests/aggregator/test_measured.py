from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.contract.states import State
from aggregator.live import LiveMachine
from aggregator.measured import Measured, add_up, cycles_today, day_marks, hour_start, load_of, measure
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Totals, Window
from tests.aggregator.town import NOW_MS, ZONE, found_town

KEY = MachineKey("aoki", "mc-01")
MINUTE = 60_000


def window(start_ms: int, cycles: int = 4, total: int | None = None, good: int | None = None) -> Window:
    return Window(KEY, start_ms, MINUTE, (MINUTE, 0, 0, 0, 0, 0), cycles, good, None, total)


def live(total: int | None) -> LiveMachine:
    return LiveMachine(KEY, State.RUNNING, cycles_total=total, connected=True)


def at(text: str, zone: ZoneInfo = ZONE) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def test_the_last_hour_is_sixty_whole_minutes() -> None:
    assert hour_start(at("2026-11-24T14:05:30")) == at("2026-11-24T13:05:00")


def test_a_day_begins_at_local_midnight() -> None:
    marks = day_marks(at("2026-11-24T14:05:30"), ZONE)
    assert marks == (at("2026-11-24T00:00"), at("2026-11-23T00:00"), at("2026-11-23T14:05:30"))


def test_yesterday_at_the_same_time_of_day_holds_over_a_change_of_daylight_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now_ms = at("2026-10-25T14:00", berlin)  # the clocks went back this night
    assert day_marks(now_ms, berlin)[2] == at("2026-10-24T14:00", berlin) == now_ms - 25 * 3_600_000


def test_the_figures_are_those_of_the_stored_windows(tmp_path: Path) -> None:
    services = found_town(tmp_path).services
    found = measure(services.timeseries, [KEY, MachineKey("no", "one")], NOW_MS, ZONE)
    measured = found[KEY]
    today_ms, yesterday_ms, same_time_ms = day_marks(NOW_MS, ZONE)

    def cycles(since_ms: int, until_ms: int) -> int:
        return sum(each.cycles for each in services.timeseries.windows(KEY, since_ms, until_ms))

    assert len(measured.windows) == 60
    assert measured.cycles_today == cycles(today_ms, NOW_MS) > 0
    assert measured.cycles_yesterday == cycles(yesterday_ms, same_time_ms) > 0
    assert measured.newest == measured.windows[-1]
    assert measured.coverage == 1
    assert found[MachineKey("no", "one")] == Measured(NOW_MS)


def test_cycles_of_the_day_are_unknown_where_only_those_of_shared_jobs_are_told(tmp_path: Path) -> None:
    services = found_town(tmp_path).services
    measured = measure(services.timeseries, [KEY], NOW_MS, ZONE, {KEY})[KEY]
    assert (measured.cycles_today, measured.cycles_yesterday) == (None, None)
    assert measured.newest is not None
    assert measured.newest.cycles_total is not None
    assert cycles_today(measured, live(measured.newest.cycles_total + 2), ZONE) is None
    assert measured.utilization is not None


def test_nothing_measured_is_unknown_not_zero() -> None:
    measured = Measured(NOW_MS)
    assert (measured.utilization, measured.cycles_today, measured.cycles_yesterday) == (None, None, None)
    assert measured.coverage == 0
    assert add_up([]) is None


@pytest.mark.parametrize(
    ("stored", "newest_total", "now_total", "shown"),
    [
        (40, 1_000, 1_003, 43),  # three since the newest window
        (40, 1_000, None, 40),  # the agent is gone
        (40, None, 1_003, 40),  # it never told its count
        (40, 1_000, 5, 40),  # a new agent counts from zero: its windows will tell
        (None, 1_000, 1_003, 3),  # the newest window ended exactly at midnight
    ],
)
def test_cycles_of_today_run_ahead_of_the_store_by_what_the_agent_counted_since(
    stored: int | None, newest_total: int | None, now_total: int | None, shown: int
) -> None:
    midnight = day_marks(NOW_MS, ZONE)[0]
    start_ms = midnight - MINUTE if stored is None else NOW_MS - 90_000
    measured = Measured(NOW_MS, cycles_today=stored, newest=window(start_ms, total=newest_total))
    assert cycles_today(measured, live(now_total), ZONE) == shown


def test_cycles_since_a_window_of_yesterday_may_be_yesterdays() -> None:
    old = window(day_marks(NOW_MS, ZONE)[0] - 10 * MINUTE, total=1_000)
    assert cycles_today(Measured(NOW_MS, newest=old), live(1_005), ZONE) is None


def test_pieces_are_unknown_unless_some_window_counted_them() -> None:
    totals = add_up([window(0), window(MINUTE)])
    assert totals is not None
    assert (totals.cycles, totals.good, totals.scrap) == (8, None, None)
    counted = add_up([window(0), window(MINUTE, good=3)])
    assert counted is not None
    assert counted.good == 3


def test_a_groups_load_counts_unknown_time_against_its_coverage_only() -> None:
    state_ms: StateMs = (30, 10, 20, 0, 0, 40)
    load = load_of(2, [Totals(KEY, 0, 100, state_ms, 7, None, None)], 100)
    assert load.utilization == 0.5
    assert load.coverage == 60 / 200
    assert load.cycles == 7
    assert load_of(2, [Totals(KEY, 0, 100, state_ms, 7, None, None)], 100, {KEY}).cycles is None
    nothing = load_of(2, [], 100)
    assert (nothing.utilization, nothing.coverage, nothing.cycles) == (None, 0, None)
