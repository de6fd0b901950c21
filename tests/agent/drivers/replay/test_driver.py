"""agent/drivers/replay/driver.py: files as they are found, and the pace of their readings."""

import asyncio
import gzip
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.drivers import DRIVERS
from agent.drivers.replay import settings as replay_settings
from agent.drivers.replay.driver import readings
from agent.drivers.replay.settings import Settings
from agent.errors import ConfigError
from agent.measuring.reading import Batch

TEXT = "at,key,value\n2016-05-02T05:00:00Z,execution,READY\n2016-05-02T05:00:01.500Z,execution,ACTIVE\n"


def no_clock() -> int:
    raise AssertionError("a log has its own time")


def settings_of(path: Path, **more: Any) -> Settings:
    return Settings(**{"file": str(path), "signals": {"run": "execution"}, **more})


async def replay(settings: Settings) -> list[Batch]:
    return [batch async for batch in readings(settings, no_clock)]


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
async def test_a_log_is_read_plain_or_compressed(tmp_path: Path, name: str) -> None:
    text = ("\ufeff" + TEXT.replace("\n", "\r\n")).encode()  # as Excel on Windows saves it
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    batches = await replay(settings_of(path))
    assert [(one.at_ms, one.value) for batch in batches for one in batch] == [
        (1_462_165_200_000, "READY"),
        (1_462_165_201_500, "ACTIVE"),
        (1_462_165_201_500, None),
    ]


async def test_the_machines_time_is_the_logs_time() -> None:
    assert DRIVERS["replay"].event_time is replay_settings.EVENT_TIME is True
    assert [name for name, entry in DRIVERS.items() if entry.event_time] == ["replay"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"at,key,value\n", "Not a gzipped file"),
        (gzip.compress(b""), "has no column 'at'; its columns: none"),
        (gzip.compress(b"at,key\n"), "has no column 'value'; its columns: at, key"),
        (gzip.compress(TEXT.encode())[:12], "end-of-stream"),
    ],
    ids=["missing", "plain", "empty", "other-columns", "cut"],
)
async def test_a_file_that_is_no_log_is_one_clear_sentence(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "log.csv.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^replay\.\w+: .*log\.csv\.gz.*{says}"):
        await replay(settings_of(path))


async def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^replay\.file: cannot read .*: Is a directory$"):
        await replay(settings_of(tmp_path))


async def test_a_log_that_breaks_off_is_replayed_up_to_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"2016-05-02T05:{i // 60 % 60:02}:{i % 60:02}Z,execution,{i * 7919 % 1000}" for i in range(3_000)]
    whole = gzip.compress("\n".join(["at,key,value", *rows]).encode())
    path = tmp_path / "log.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    batches = await replay(settings_of(path))
    assert 100 < len(batches) < 3_000
    assert batches[-1][-1].value is None
    assert "breaks off" in caplog.text


async def test_bad_rows_are_told_once_and_harm_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.csv"
    huge = "x" * 200_000  # longer than the csv module takes
    path.write_bytes(
        TEXT.encode() + b"\nnonsense\n\xff\xfe,execution,READY\n" + huge.encode() + b"\n" + TEXT.encode()
    )
    with caplog.at_level(logging.INFO):
        batches = await replay(settings_of(path))
    assert [one.value for batch in batches for one in batch] == ["READY", "ACTIVE", "ACTIVE", None]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"{path}: 5 rows cannot be read; the first: row 3: 0 columns are too few"]
    assert f"replayed {path}: 9 rows, 1 stale ones dropped" in caplog.text


async def test_the_pace_follows_the_speed_and_shows_life_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(TEXT + "2016-05-02T05:00:26.500Z,execution,READY\n")
    pauses: list[float] = []
    wait = asyncio.sleep

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)
        await wait(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    batches = await replay(settings_of(path, speed=10))
    assert [pause_s for pause_s in pauses if pause_s] == pytest.approx([0.15, 1, 1, 0.5])
    assert [len(batch) for batch in batches] == [1, 1, 0, 0, 2]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('file = "a.csv"', "missing required field `signals`"),
        ('file = "a.csv"\nsignals = {}', "signals"),
        ('file = ""\nsignals = {a = "b"}', "file"),
        ('file = "a.csv"\nsignals = {a = "b"}\nspeed = -1', "speed"),
        ('file = "a.csv"\nsignals = {a = "b"}\nunkown = []', "unknown field `unkown`"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(config: str, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.toml.decode(config, type=Settings)
