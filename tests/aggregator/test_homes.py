"""Where the time series live is a setting; what is wrong with it is one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.config import Config, Influx, load_config
from aggregator.errors import ConfigError
from aggregator.homes import open_home
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.influx.influx import Influx as InfluxHome


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'machikoba.db'}")
    yield engine
    engine.dispose()


def settings(token_file: Path) -> Config:
    place = Influx(url="http://127.0.0.1:8086/", org="town", token_file=token_file)
    return Config(federation="higashimachi", influx=place)


def test_without_a_word_it_is_the_database(engine: Engine) -> None:
    assert isinstance(open_home(Config(federation="higashimachi"), engine), Embedded)


def test_influx_is_opened_with_the_token_of_its_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-token\n")
    home = open_home(settings(tmp_path / "token"), engine)
    assert isinstance(home, InfluxHome)
    assert home.bucket == "machikoba"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"\n", "expected a token on one line"),
        (b"two\nlines", "expected a token on one line"),
        ("町工場".encode(), "expected a token on one line"),
    ],
)
def test_a_token_file_that_holds_none_is_told(
    engine: Engine, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"influx.token_file: {file}: {said}"):
        open_home(settings(file), engine)


def test_what_is_missing_is_told_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "machikoba.toml"
    file.write_text('federation = "a"\n[influx]\nurl = "localhost:8086"\n')
    with pytest.raises(ConfigError) as told:
        load_config(file)
    for part in (
        "influx.url: has to begin with https:// or http://",
        "influx.org: is missing",
        "influx.token_file: is missing",
    ):
        assert part in str(told.value)
