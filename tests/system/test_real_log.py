"""Twenty months of a real machining centre go through the replay driver, MQTT and the store, hazards and all.

What the API answers is compared with the machine's own clock of automatic operation (`tests/auto_time.py`).
"""

from collections.abc import Iterator
from datetime import datetime
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
SINCE, UNTIL = "2016-01-01T00:00:00Z", "2018-06-01T00:00:00Z"


STATES = ("RUNNING", "SETUP", "IDLE", "DOWN", "PLANNED_STOP", "OFFLINE")


class Seen(NamedTuple):
    """A window as the API tells it; milliseconds in the order of STATES."""

    start_ms: int
    end_ms: int
    state_ms: tuple[int, ...]


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """Every window that the API has after the whole log was delivered."""
    folder = tmp_path_factory.mktemp("real_log")
    with running(folder, "nist") as stack:
        config = folder / "agent.toml"
        config.write_text(
            CONFIG.format(data=folder / "agent", port=stack.mqtt_port, log=auto_time.LOG), encoding="utf-8"
        )
        agent = stack.start("agent", (*AGENT, "run", "--config", config))
        assert agent.wait(PASS_S) == 0, stack.log("agent")
        return list(_walk(stack))


def _walk(stack: Stack) -> Iterator[Seen]:
    query: dict[str, str | int] = {"since": SINCE, "until": UNTIL, "limit": 10_000}
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


def test_running_time_is_what_the_machine_counted_itself(windows: list[Seen]) -> None:
    days = auto_time.compare(_spent(windows))
    hours = sum(day.auto_time_s for day in days) / 3600
    print(
        f"{len(days)} days, {hours:.1f} h, total {auto_time.total_error(days):.3%}, "
        f"median day {auto_time.median_error(days):.3%}"
    )
    assert len(days) == 27
    assert hours == pytest.approx(48.9, abs=0.1)
    assert auto_time.total_error(days) < 0.005
    assert auto_time.median_error(days) < 0.002


def test_unavailable_is_offline_and_never_idle(windows: list[Seen]) -> None:
    spent = _spent(windows)
    known = [
        window
        for since_ms, until_ms in auto_time.unavailable_stretches()
        for window in auto_time.within(spent, since_ms, until_ms)
    ]
    assert sum(window.length_ms for window in known) > 1_000 * HOUR_MS
    assert [window for window in known if window.offline_ms != window.length_ms] == []


def test_windows_are_gapless_and_add_up(windows: list[Seen]) -> None:
    assert len(windows) > 100_000
    assert [one for one, following in pairwise(windows) if one.end_ms != following.start_ms] == []
    assert [one for one in windows if sum(one.state_ms) != one.end_ms - one.start_ms] == []


def test_the_log_holds_running_idle_and_unknown_time_and_nothing_else(windows: list[Seen]) -> None:
    running_ms, setup_ms, idle_ms, down_ms, planned_ms, offline_ms = (
        sum(column) for column in zip(*(window.state_ms for window in windows), strict=True)
    )
    assert running_ms > 48.9 * HOUR_MS
    assert idle_ms > 100 * HOUR_MS
    assert offline_ms > 1_000 * HOUR_MS
    assert (setup_ms, down_ms, planned_ms) == (0, 0, 0)
