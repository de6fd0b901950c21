"""States by minute in InfluxDB, as a timeline draws them: silence is OFFLINE until something comes."""

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.model.window import Window
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.minutes import silent_minutes
from aggregator.store.influx.server import Server
from tests.aggregator.capacity.floors import all_of
from tests.aggregator.results.asked import asked
from tests.aggregator.store.conformance import LATHE, MILL, NOON_MS, minute, window

LATE = 3


def timeline(server: Server, home: Influx, machine: str = MILL.machine) -> dict[int, str]:
    """Return states by minutes since noon."""
    rows = asked(server, home.bucket, "state, code", f"states WHERE machine = '{machine}'")
    assert all(list(State)[row["code"]] == row["state"] for row in rows)
    return {(row["at_ms"] - NOON_MS) // MINUTE_MS: row["state"] for row in rows}


def look(home: Influx, after_noon: float) -> None:
    home.results.mark_silence([MILL, LATHE], NOON_MS + round(after_noon * MINUTE_MS))


def test_a_minute_has_the_state_that_lasted_longest_in_it(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS, 45_000), minute(MILL, NOON_MS + MINUTE_MS, 20_000)], [])
    assert timeline(server, home) == {0: "RUNNING", 1: "IDLE"}


def test_a_minute_in_two_windows_is_judged_by_both_whenever_they_come(home: Influx, server: Server) -> None:
    home.write([window(MILL, NOON_MS, 25_000, 25_000, job="J-1")], [])
    assert timeline(server, home) == {0: "RUNNING"}
    home.write([window(MILL, NOON_MS + 25_000, 35_000, 4_000)], [])
    assert timeline(server, home) == {0: "IDLE"}


def test_silent_minutes_are_offline_once_they_are_late(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS)], [])
    look(home, LATE + 0.5)
    assert timeline(server, home) == {0: "RUNNING"}
    look(home, LATE + 3.2)
    assert timeline(server, home) == {0: "RUNNING", 1: "OFFLINE", 2: "OFFLINE"}


def test_before_its_first_window_a_machine_was_not_there(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS)], [])
    look(home, LATE + 2)
    assert min(timeline(server, home)) == 0


def test_what_comes_after_all_replaces_silence(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS)], [])
    look(home, LATE + 10)
    home.write([minute(MILL, NOON_MS + 5 * MINUTE_MS)], [])
    look(home, LATE + 11)
    states = timeline(server, home)
    assert [at for at, state in states.items() if state == "RUNNING"] == [0, 5]
    assert sorted(states) == list(range(11))


def test_a_merged_hour_fills_every_minute_it_covers(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS - MINUTE_MS)], [])
    look(home, LATE + 60)
    home.write([Window(MILL, NOON_MS, HOUR_MS, all_of(State.DOWN, HOUR_MS), 0)], [])
    states = timeline(server, home)
    assert {states[at] for at in range(60)} == {"DOWN"}


def test_a_hole_between_windows_is_offline_also_when_nobody_looked_meanwhile(
    home: Influx, server: Server
) -> None:
    home.write([minute(MILL, NOON_MS - 30 * 24 * HOUR_MS), minute(MILL, NOON_MS)], [])
    home.write([minute(MILL, NOON_MS + 20 * MINUTE_MS)], [])  # both back before the first look after a start
    look(home, LATE + 21)
    states = timeline(server, home)
    assert sorted(states)[1:] == list(range(-24 * 60 + 21, 21))
    assert {states[at] for at in range(1, 20)} == {"OFFLINE"}
    assert (states[0], states[20]) == ("RUNNING", "RUNNING")


def test_a_restart_goes_on_where_the_timeline_ended(home: Influx, server: Server) -> None:
    days = 3 * 24 * 60
    home.write([minute(MILL, NOON_MS)], [])
    look(home, LATE + 2)
    again = Influx(server, home.bucket, 36_500)
    look(again, LATE + days)
    states = timeline(server, home)
    assert set(range(days)) <= states.keys()
    assert [at for at, state in states.items() if state != "OFFLINE"] == [0]


def test_a_machine_that_is_gone_for_a_month_is_left_alone(home: Influx, server: Server) -> None:
    home.write([minute(MILL, NOON_MS), minute(LATHE, NOON_MS + 31 * 24 * HOUR_MS)], [])
    look(home, 31 * 24 * 60)
    assert timeline(server, home) == {0: "RUNNING"}


def test_silence_is_what_no_window_has_a_part_in() -> None:
    at = 8 * MINUTE_MS
    covered = [(at + 30_000, at + 90_000), (at + 4 * MINUTE_MS, at + 4 * MINUTE_MS + 1)]
    assert list(silent_minutes(covered, at, at + 6 * MINUTE_MS)) == [
        at + number * MINUTE_MS for number in (2, 3, 5)
    ]
    assert list(silent_minutes([(0, at)], 0, at)) == []
