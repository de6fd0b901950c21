"""The history goes back by local days, each loaded once, and goes on where an earlier start left off."""

from datetime import datetime
from pathlib import Path

import pytest

from agent.contract.records import MINUTE_MS
from aggregator.demo.floor import make_floor, write_aggregator
from aggregator.demo.folder import DemoError, Folder, Memory, recall
from aggregator.demo.history import DAYS, History, days_before
from aggregator.model.machine import MachineKey
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded

DAY_MS = 24 * 60 * MINUTE_MS


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


NOON_MS = ms("2026-11-20T12:00:00+09:00")


@pytest.mark.parametrize(
    ("moment", "days", "begin"),
    [
        ("2026-11-22T10:17:00+09:00", 1, "2026-11-21T00:00:00+09:00"),
        ("2026-11-22T00:30:00+09:00", 1, "2026-11-21T00:00:00+09:00"),
        ("2026-11-21T00:00:00+09:00", 4, "2026-11-17T00:00:00+09:00"),
        ("2026-11-21T15:00:00Z", 0, "2026-11-22T00:00:00+09:00"),
    ],
)
def test_days_begin_at_local_midnight(moment: str, days: int, begin: str) -> None:
    assert days_before(ms(moment), days) == ms(begin)


def stored(folder: Folder, key: MachineKey) -> tuple[int, int, int]:
    """Return how many windows the machine has, where they begin and where they end; they leave no gap."""
    engine = open_engine(f"sqlite:///{folder.aggregator / 'machikoba.db'}")
    try:
        windows = Embedded(engine).windows(key, 0, NOON_MS + DAY_MS)
    finally:
        engine.dispose()
    ends = [window.start_ms + window.length_ms for window in windows]
    assert ends[:-1] == [window.start_ms for window in windows[1:]]
    return len(windows), windows[0].start_ms, ends[-1]


async def prepared(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.logs.mkdir()
    write_aggregator(folder, await make_floor(folder, set()), 8000, 1883)
    return folder


async def test_chunks_of_days_join_without_a_gap_and_are_loaded_once(tmp_path: Path) -> None:
    folder = await prepared(tmp_path)
    memory = Memory(measured_since_ms=NOON_MS, history_since_ms=NOON_MS, mqtt_port=1883)
    history = History(folder, memory)
    await history.load_newest()
    await history.load_newest()
    yesterday_ms = ms("2026-11-19T00:00:00+09:00")
    key = MachineKey("aoki", "mc-01")
    assert stored(folder, key) == (36 * 60, yesterday_ms, NOON_MS)
    assert recall(folder) == memory
    assert memory.history_since_ms == yesterday_ms
    assert history.share == pytest.approx(1.5 / (DAYS + 0.5))
    await history._load(2)  # as `load_rest` does, many times
    assert stored(folder, key) == (84 * 60, yesterday_ms - 2 * DAY_MS, NOON_MS)
    log = (folder.logs / "history.log").read_text()
    assert log.count("rows are loaded") == 2


async def test_what_is_loaded_already_is_not_loaded_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)  # nothing is there to load from: trying would fail
    begin_ms = days_before(NOON_MS, DAYS)
    history = History(folder, Memory(measured_since_ms=NOON_MS, history_since_ms=begin_ms, mqtt_port=1883))
    told: list[float] = []
    await history.load_newest()
    await history.load_rest(told.append)
    assert told == [1.0]


async def test_a_failure_is_told_with_its_log_and_nothing_is_remembered(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.logs.mkdir()
    memory = Memory(measured_since_ms=NOON_MS, history_since_ms=NOON_MS, mqtt_port=1883)
    with pytest.raises(DemoError, match=r"history\.log says why"):
        await History(folder, memory).load_newest()
    assert memory.history_since_ms == NOON_MS
    assert "scenario.toml" in (folder.logs / "history.log").read_text()
