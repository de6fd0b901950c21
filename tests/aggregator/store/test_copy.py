"""`machikoba db copy`: a history goes from home to home, whole, once, and on where it was killed."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.__main__ import main
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.copy_bar import Bar
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from tests.aggregator.new_database import new_database
from tests.aggregator.store.conformance import LATHE, MILL, PRESS, minutes
from tests.influx_engine import InfluxEngine

DAY_MS = 24 * HOUR_MS
ALWAYS = 10**13
DAYS = 3
KEYS = [MILL, LATHE, PRESS]

Copy = Callable[..., int]


@pytest.fixture
def influx(influxdb: InfluxEngine, influx_server: Server) -> Iterator[Influx]:
    """The bucket that the settings name."""
    with influxdb.bucket("copied") as bucket:
        yield Influx(influx_server, bucket, 400)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Embedded]:
    """The database that the settings name."""
    engine = new_database(tmp_path / "data" / "machikoba.db")
    yield Embedded(engine)
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path, influxdb: InfluxEngine, influx: Influx) -> Path:
    place = influxdb.place
    (tmp_path / "token").write_text(place.token)
    file = tmp_path / "machikoba.toml"
    file.write_text(
        f'federation = "higashimachi"\ndata = "{tmp_path}/data"\n[influx]\nurl = "{place.url}"\n'
        f'org = "{place.org}"\ntoken_file = "{tmp_path}/token"\nbucket = "{influx.bucket}"\n'
    )
    return file


@pytest.fixture
def copy(settings: Path) -> Copy:
    def copy_(source: str, target: str, *more: str) -> int:
        return main(["db", "copy", "--config", str(settings), "--from", source, "--to", target, *more])

    return copy_


def now_ms() -> int:
    return time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS


def history(start_ms: int) -> tuple[list[Window], list[StateChange]]:
    """Days of three machines, with what makes windows special."""
    windows = [*minutes(MILL, start_ms, 3 * 1440), *minutes(LATHE, start_ms + 20 * DAY_MS, 500)]
    windows[7] = replace(windows[7], job="注文-1", good=4, scrap=1, cycles_total=99)
    windows[8:9] = [
        replace(windows[8], length_ms=25_000, state_ms=(25_000, 0, 0, 0, 0, 0), job="J-1"),
        replace(
            windows[8],
            start_ms=windows[8].start_ms + 25_000,
            length_ms=35_000,
            state_ms=(0, 0, 0, 0, 0, 35_000),
        ),
    ]
    changes = [StateChange(MILL, start_ms + at * 7_777, list(State)[at % 6]) for at in range(700)]
    return windows, [*changes, StateChange(PRESS, start_ms, State.OFFLINE)]


def everything(home: Embedded | Influx) -> tuple[object, ...]:
    return (
        [home.windows(key, 0, ALWAYS) for key in KEYS],
        [home.changes(key, 0, ALWAYS) for key in KEYS],
        home.hours(KEYS, 0, ALWAYS),
        home.latest(KEYS),
    )


def test_there_and_back_again_it_is_the_same(
    database: Embedded, influx: Influx, copy: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.write(*history(now_ms() - 60 * DAY_MS))
    assert copy("database", "influx") == 0
    assert everything(influx) == everything(database)
    said = capsys.readouterr()
    assert "has 4,821 windows and 701 state changes of these machines" in said.out
    assert "are the same on both sides" in said.out
    other = tmp_path / "other.toml"
    other.write_text(f'federation = "higashimachi"\ndata = "{tmp_path}/other"\n')
    assert copy("influx", str(other)) == 0
    engine = open_engine(f"sqlite:///{tmp_path}/other/machikoba.db")
    assert everything(Embedded(engine)) == everything(database)
    engine.dispose()


def test_what_is_there_is_not_copied_again_and_what_changed_is(
    database: Embedded, influx: Influx, copy: Copy, influxdb: InfluxEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    start_ms = now_ms() - 60 * DAY_MS
    database.write(*history(start_ms))
    assert copy("database", "influx") == 0
    writes = influxdb.requests.count("/api/v2/write")
    assert copy("database", "influx") == 0
    assert influxdb.requests.count("/api/v2/write") == writes
    late = minutes(LATHE, start_ms + 10 * DAY_MS, 30)
    corrected = replace(database.windows(MILL, start_ms, ALWAYS)[0], state_ms=(0, 0, 0, MINUTE_MS, 0, 0))
    database.write([*late, corrected], [StateChange(LATHE, start_ms, State.DOWN)])
    assert copy("database", "influx") == 0
    assert everything(influx) == everything(database)


def test_jobs_that_were_corrected_since_are_found_though_no_sum_tells_them(
    database: Embedded, influx: Influx, copy: Copy, influxdb: InfluxEngine
) -> None:
    start_ms = now_ms() - 60 * DAY_MS
    database.write(*history(start_ms))
    assert copy("database", "influx") == 0
    database.write([replace(window, job="J-9") for window in database.windows(MILL, 0, ALWAYS)[:50]], [])
    database.write([], [replace(change, job="注文-2") for change in database.changes(MILL, 0, ALWAYS)[:5]])
    assert copy("database", "influx") == 0
    assert everything(influx) == everything(database)
    writes = influxdb.requests.count("/api/v2/write")
    influx.write([replace(window, job="") for window in influx.windows(LATHE, 0, ALWAYS)[9:12]], [])
    assert copy("database", "influx") == 0
    assert influxdb.requests.count("/api/v2/write") - writes < 10  # an hour, not a history
    assert everything(influx) == everything(database)


def command(settings: Path, source: str, target: str) -> list[str]:
    machikoba = str(Path(sys.executable).parent / "machikoba")
    return [machikoba, "db", "copy", "--config", str(settings), "--from", source, "--to", target]


def started(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def killed(copying: "subprocess.Popen[str]", lines: int) -> None:
    """Kill it once it has told so many tenths."""
    assert copying.stdout is not None
    for _ in range(lines):
        while "minutes of windows" not in (line := copying.stdout.readline()):
            assert line, "it ended before it could be killed"
    os.kill(copying.pid, signal.SIGKILL)
    copying.wait(30)
    copying.stdout.close()


@pytest.mark.parametrize(("source", "target"), [("database", "influx"), ("influx", "database")])
def test_killed_it_goes_on_where_it_was(
    *, database: Embedded, influx: Influx, settings: Path, source: str, target: str
) -> None:
    homes: dict[str, Embedded | Influx] = {"database": database, "influx": influx}
    start_ms = now_ms() - 100 * DAY_MS
    for key in KEYS:
        homes[source].write(minutes(key, start_ms, DAYS * 1440), [])
    killed(started(command(settings, source, target)), lines=1)
    there = sum(each.windows for each in homes[target].counts(KEYS, 0, ALWAYS).values())
    assert 0 < there < 3 * DAYS * 1440
    again = subprocess.run(
        command(settings, source, target), capture_output=True, text=True, timeout=250, check=False
    )
    assert again.returncode == 0, again.stderr
    left = int(re.findall(r" of ([0-9,]+) minutes of windows", again.stderr)[0].replace(",", ""))
    assert 0 < left <= 0.9 * 3 * DAYS * 1440
    assert everything(influx) == everything(database)


@pytest.mark.parametrize(("source", "target"), [("database", "influx"), ("influx", "database")])
def test_two_at_once_make_the_same_of_it_as_one(
    *, database: Embedded, influx: Influx, settings: Path, source: str, target: str
) -> None:
    homes: dict[str, Embedded | Influx] = {"database": database, "influx": influx}
    windows, changes = history(now_ms() - 100 * DAY_MS)
    homes[source].write(windows[:1440], changes)
    both = [started(command(settings, source, target)) for _ in range(2)]
    for one in both:
        said, _ = one.communicate(timeout=250)
        assert one.returncode == 0, said
    assert everything(influx) == everything(database)


def test_hours_whose_minutes_have_gone_come_over_as_one_window_each(
    database: Embedded, influx: Influx, copy: Copy
) -> None:
    old_ms = now_ms() - 500 * DAY_MS
    windows = minutes(MILL, old_ms, 300)
    influx.write([*windows, *minutes(MILL, now_ms() - DAY_MS, 60)], [])
    assert len(influx.windows(MILL, 0, ALWAYS)) == 60
    assert copy("influx", "database") == 0
    assert database.hours([MILL], 0, ALWAYS) == influx.hours([MILL], 0, ALWAYS)
    assert len(database.windows(MILL, old_ms, old_ms + DAY_MS)) == 5
    assert copy("influx", "database") == 0


def test_a_history_older_than_minutes_are_kept_becomes_hours(
    database: Embedded, influx: Influx, copy: Copy
) -> None:
    old_ms, lately_ms = now_ms() - 500 * DAY_MS, now_ms() - DAY_MS
    database.write(minutes(MILL, old_ms, 300), [StateChange(MILL, old_ms, State.DOWN)])
    database.write(minutes(MILL, lately_ms, 60), [StateChange(MILL, lately_ms, State.RUNNING)])
    assert copy("database", "influx") == 0
    assert influx.hours([MILL], 0, ALWAYS) == database.hours([MILL], 0, ALWAYS)
    assert len(influx.windows(MILL, 0, ALWAYS)) == 60
    assert influx.changes(MILL, 0, ALWAYS) == [StateChange(MILL, lately_ms, State.RUNNING)]
    assert copy("database", "influx") == 0


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("influx", "influx", r"--from and --to are the same home: influx http"),
        ("database", "elsewhere", r"--to: expected database, influx or a file of settings, got 'elsewhere'"),
        ("nowhere.toml", "influx", r"nowhere.toml: cannot be read"),
        ("influx", "database", r"--from: influx .* holds no history"),
    ],
)
@pytest.mark.usefixtures("database")
def test_what_cannot_be_done_is_told_in_one_sentence(
    copy: Copy, capsys: pytest.CaptureFixture[str], source: str, target: str, said: str
) -> None:
    assert copy(source, target) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("machikoba: ")]
    assert re.search(said, line)


def test_no_database_and_no_influx_in_the_settings_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["db", "copy", "--federation", "a", "--data", str(tmp_path / "none")]
    assert main([*given, "--from", "database", "--to", "influx"]) == 1
    assert "--from: there is no database at sqlite:///" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert main([*given, "--from", "influx", "--to", "database"]) == 1
    assert "--from influx: the settings name none; give [influx] with url" in capsys.readouterr().err


def test_what_the_target_refuses_is_told_and_all_others_are_copied(
    database: Embedded, influx: Influx, copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    start_ms = now_ms() - 60 * DAY_MS
    beyond = Window(MachineKey("aoki", "odd"), 10**14, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 1)
    database.write([*minutes(MILL, start_ms, 90), beyond], [])
    assert copy("database", "influx") == 1
    said = capsys.readouterr().err
    assert "refuses 1 records, all others are copied; the first, of aoki/odd: InfluxDB knows no time" in said
    assert influx.windows(MILL, 0, ALWAYS) == database.windows(MILL, 0, ALWAYS)


def test_a_difference_at_the_end_is_told(
    database: Embedded, influx: Influx, copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    start_ms = now_ms() - 60 * DAY_MS
    database.write(minutes(MILL, start_ms, 90), [])
    influx.write(minutes(MILL, start_ms + 100 * MINUTE_MS, 5), [])  # in the second hour, and only there
    assert copy("database", "influx") == 1
    said = capsys.readouterr().err
    assert "differs from database" in said
    assert "aoki/mc-01 has" in said
    assert "stop what writes into either and copy again" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_tells_how_much_of_how_much_and_how_long_it_may_take() -> None:
    now_s = 0.0
    bar = Bar(400, "minutes", terminal := Terminal(), lambda: now_s)
    now_s = 10.0
    bar.add(100)
    assert "[########......................]  25% 100 of 400 minutes, 10 a second, 0:30 left" in (
        terminal.getvalue()
    )
    bar.add(300)
    bar.end()
    assert "[##############################] 100% 400 of 400 minutes" in terminal.getvalue()


def test_where_nobody_looks_every_tenth_is_a_line() -> None:
    bar = Bar(1_000, "minutes", file := io.StringIO(), lambda: 0.0)
    for _ in range(1_000):
        bar.add(1)
    bar.end()
    assert len(file.getvalue().splitlines()) == 10
