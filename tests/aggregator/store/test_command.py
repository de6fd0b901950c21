"""`machikoba db`: a history from JSON lines, loaded once however often."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.contract.states import State
from aggregator.__main__ import main
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded

MILL = MachineKey("aoki", "mc-01")
MINUTE_MS = 60_000
WINDOW = ["window", "aoki", "mc-01", 0, MINUTE_MS, [50_000, 0, 10_000, 0, 0, 0], 4, 3, 1, "J-1"]
STATE = ["state", "aoki", "mc-01", 5_000, "DOWN", "J-1"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Embedded]:
    engine = open_engine(f"sqlite:///{tmp_path}/data/machikoba.db")
    yield Embedded(engine)
    engine.dispose()


def load(file: Path, *lines: Any) -> int:
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return main(["db", "load", str(file), "--federation", "a", "--data", str(file.parent / "data")])


def test_windows_and_states_are_loaded(
    file: Path, store: Embedded, capsys: pytest.CaptureFixture[str]
) -> None:
    uncounted = [
        "window",
        "aoki",
        "mc-01",
        MINUTE_MS,
        MINUTE_MS,
        [0, 0, 0, 0, 0, MINUTE_MS],
        0,
        None,
        None,
        "",
    ]
    assert load(file, WINDOW, STATE, uncounted) == 0
    assert store.windows(MILL, 0, 10**12) == [
        Window(MILL, 0, MINUTE_MS, (50_000, 0, 10_000, 0, 0, 0), 4, 3, 1, None, "J-1"),
        Window(MILL, MINUTE_MS, MINUTE_MS, (0, 0, 0, 0, 0, MINUTE_MS), 0),
    ]
    assert store.changes(MILL, 0, 10**12) == [StateChange(MILL, 5_000, State.DOWN, "J-1")]
    assert "3 rows are loaded" in capsys.readouterr().err


def test_loading_again_changes_nothing(file: Path, store: Embedded) -> None:
    for _ in range(2):
        assert load(file, WINDOW, STATE) == 0
    assert store.totals([MILL], 0, 10**12)[MILL].cycles == 4


def test_it_reads_standard_input(
    tmp_path: Path, file: Path, store: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(WINDOW) + "\n"))
    assert main(["db", "load", "--federation", "a", "--data", str(tmp_path / "data")]) == 0
    assert len(store.windows(MILL, 0, 10**12)) == 1


def test_many_rows_go_in_many_transactions(file: Path, store: Embedded) -> None:
    lines = [[*WINDOW[:3], number * MINUTE_MS, *WINDOW[4:]] for number in range(7_000)]
    assert load(file, *lines) == 0
    assert store.totals([MILL], 0, 10**12)[MILL].cycles == 28_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"a": 1}, "expected a window or a state"),
        (["window", "aoki"], "expected a window or a state"),
        (["dream", *WINDOW[1:]], "expected a window or a state"),
        ([*WINDOW[:5], [1, 2, 3], *WINDOW[6:]], "a window needs six times"),
        ([*WINDOW[:5], [1, 2, 3, 4, 5, 6], *WINDOW[6:]], "the six states add up to 21 ms"),
        ([*WINDOW[:4], 0, [0] * 6, *WINDOW[6:]], "the six states add up to 0 ms, the window has 0"),
        ([*WINDOW[:9], 5], "a window needs six times"),
        ([*STATE[:4], "BUSY", ""], "'BUSY' is not a valid State"),
        ([*WINDOW[:6], -4, *WINDOW[7:]], "start, cycles, good and scrap are 0 or more"),
        ([*WINDOW[:6], 1 << 63, *WINDOW[7:]], "start, cycles, good and scrap are 0 or more"),
        ([*WINDOW[:3], 1 << 70, *WINDOW[4:]], "start, cycles, good and scrap are 0 or more"),
        ([*STATE[:3], 1 << 70, *STATE[4:]], "the time of a state is UTC milliseconds"),
    ],
)
def test_a_wrong_line_is_named_and_those_before_it_are_loaded(
    file: Path, store: Embedded, capsys: pytest.CaptureFixture[str], line: Any, said: str
) -> None:
    assert load(file, WINDOW, line, STATE) == 1
    error = capsys.readouterr().err
    assert f"machikoba: {file} line 2: " in error
    assert said in error
    assert store.totals([MILL], 0, 10**12)[MILL].cycles == 4


def test_a_line_that_is_no_json_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("{\n", encoding="utf-8")
    assert main(["db", "load", str(file), "--federation", "a", "--data", str(file.parent / "data")]) == 1
    assert f"{file} line 1: " in capsys.readouterr().err


def test_a_file_that_is_no_text_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"\xff\xfe\x00\n")
    assert main(["db", "load", str(file), "--federation", "a", "--data", str(file.parent / "data")]) == 1
    assert f"{file} after line 0: is not UTF-8 text" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "load", str(tmp_path / "none"), "--federation", "a", "--data", str(tmp_path)]) == 1
    assert f"{tmp_path}/none: cannot be read: No such file" in capsys.readouterr().err


def test_upgrade_makes_the_tables_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["db", "upgrade", "--federation", "a", "--data", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"{tmp_path}/machikoba.db: up to date\n"
