"""Twenty months of a real machining centre go through the replay driver, MQTT and the store, hazards and all.

What the API answers is compared with the machine's own clock of automatic operation (`tests/auto_time.py`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from tests import auto_time
from tests.auto_time import Spent
from tests.stack import AGENT, Stack, running

CONFIG = """
federation = "nist"
factory = "testbed"
name = "NIST スマート製造試験場"
data = "{data}"
[mqtt]
host = "127.0.0.1"
port = {port}
[delivery]
records_per_s = 1000000
[[machines]]
id = "mazak03"
name = "マザック 03"
process = "cutting"
driver = "replay"
otherwise = "IDLE"
[machines.replay]
file = "{log}"
file_column = "file"
unknown = ["UNAVAILABLE"]
[machines.replay.signals]
execution = "execution"
[[machines.rules]]
state = "RUNNING"
when = {{ execution = {{ one_of = ["ACTIVE", "INTERRUPTED", "FEED_HOLD", "PROGRAM_STOPPED"] }} }}
"""
HOUR_MS = 3_600_000
PASS_S = 600
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2018, 6, 1)


STATES = ("RUNNING", "SETUP", "IDLE", "DOWN", "PLANNED_STOP", "OFFLINE")


class Seen(NamedTuple):
    """A window, or the totals of an hour, as the API tells them; milliseconds in the order of STATES."""

    start_ms: int
    end_ms: int
    state_ms: tuple[int, ...]


class Answers(NamedTuple):
    """What the API has after the whole log was delivered: every hour, and the minutes of usable days."""

    hours: list[Seen]
    minutes: list[Seen]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Replay the whole log and ask the API."""
    folder = tmp_path_factory.mktemp("real_log")
    with running(folder, "nist") as stack:
        config = folder / "agent.toml"
        config.write_text(
            CONFIG.format(data=folder / "agent", port=stack.mqtt_port, log=auto_time.LOG), encoding="utf-8"
        )
        agent = stack.start("agent", (*AGENT, "run", "--config", config))
        assert agent.wait(PASS_S) == 0, stack.log("agent")
        hours = list(_walk(stack, FIRST_DAY, LAST_DAY, "hour"))
        return Answers(
            hours, [one for since, until in _wanted() for one in _walk(stack, since, until, "minute")]
        )


def _wanted() -> Iterator[tuple[date, date]]:
    """Yield the stretches of days whose minutes the comparison needs: usable days and the ones before."""
    grown_s: dict[date, int] = {}
    for _, to_ms, growth_s in auto_time.auto_time_intervals():
        day = datetime.fromtimestamp(to_ms / 1000, UTC).date()
        grown_s[day] = grown_s.get(day, 0) + growth_s
    days = {
        day - timedelta(days=back) for day, growth_s in grown_s.items() if growth_s > 600 for back in (0, 1)
    }
    for day in sorted(days):
        yield day, day + timedelta(days=1)


def _walk(stack: Stack, since: date, until: date, resolution: str) -> Iterator[Seen]:
    query: dict[str, str | int] = {
        **{"since": f"{since}T00:00:00Z", "until": f"{until}T00:00:00Z"},
        **{"resolution": resolution, "limit": 10_000},
    }
    while True:
        page: dict[str, Any] = stack.get("machines/testbed/mazak03/windows", **query)
        for window in page["windows"]:
            state_ms = tuple(window["state_ms"][state] for state in STATES)
            yield Seen(_ms(window["start"]), _ms(window["end"]), state_ms)
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _spent(windows: list[Seen]) -> list[Spent]:
    return [
        Spent(one.start_ms, one.end_ms - one.start_ms, one.state_ms[0], one.state_ms[-1]) for one in windows
    ]


def test_running_time_is_what_the_machine_counted_itself(answers: Answers) -> None:
    days = auto_time.compare(_spent(answers.minutes))
    hours = sum(day.auto_time_s for day in days) / 3600
    print(
        f"{len(days)} days, {hours:.1f} h, total {auto_time.total_error(days):.3%}, "
        f"median day {auto_time.median_error(days):.3%}"
    )
    assert len(days) == 27
    assert hours == pytest.approx(48.9, abs=0.1)
    assert auto_time.total_error(days) < 0.005
    assert auto_time.median_error(days) < 0.002


def test_unavailable_is_offline_and_never_idle(answers: Answers) -> None:
    for seen, least_ms in ((answers.hours, 10_000 * HOUR_MS), (answers.minutes, 10 * HOUR_MS)):
        spent = _spent(seen)
        known = [
            window
            for since_ms, until_ms in auto_time.unavailable_stretches()
            for window in auto_time.within(spent, since_ms, until_ms)
        ]
        assert sum(window.length_ms for window in known) > least_ms
        assert [window for window in known if window.offline_ms != window.length_ms] == []


def test_every_hour_of_twenty_months_is_whole(answers: Answers) -> None:
    hours = answers.hours
    assert hours[-1].end_ms - hours[0].start_ms > 590 * 24 * HOUR_MS
    assert [one for one, following in pairwise(hours) if one.end_ms != following.start_ms] == []
    # Only where the log begins and ends may an hour be less than one.
    assert [one for one in hours[1:-1] if sum(one.state_ms) != HOUR_MS] == []


def test_minutes_add_up_and_do_not_overlap(answers: Answers) -> None:
    assert len(answers.minutes) > 27 * 1440
    assert [one for one in answers.minutes if sum(one.state_ms) != one.end_ms - one.start_ms] == []
    assert [one for one, following in pairwise(answers.minutes) if one.end_ms > following.start_ms] == []


def test_the_log_holds_running_idle_and_unknown_time_and_nothing_else(answers: Answers) -> None:
    running_ms, setup_ms, idle_ms, down_ms, planned_ms, offline_ms = (
        sum(column) for column in zip(*(hour.state_ms for hour in answers.hours), strict=True)
    )
    assert running_ms == pytest.approx(147.5 * HOUR_MS, rel=0.001)
    assert idle_ms == pytest.approx(660.2 * HOUR_MS, rel=0.001)
    assert offline_ms == pytest.approx(13_559.7 * HOUR_MS, rel=0.001)
    assert (setup_ms, down_ms, planned_ms) == (0, 0, 0)
