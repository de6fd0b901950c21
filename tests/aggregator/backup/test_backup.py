"""`machikoba backup` and `restore`: all comes back, into either kind of database; nothing is lost unasked."""

import fcntl
import gzip
import json
import logging
import os
import stat
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from agent.contract.states import State
from aggregator.__main__ import main
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.database import open_engine, reading, writing
from aggregator.store.embedded import Embedded
from aggregator.store.migration import migrate
from aggregator.store.snapshot import counts_of
from tests.aggregator.backup.conftest import Desk

MILL = MachineKey("aoki", "mc-01")
PRESS = MachineKey("aoki", "pr-01")
MINUTE_MS = 60_000
MINUTES = 5_000


def minute(key: MachineKey, number: int) -> Window:
    return Window(key, number * MINUTE_MS, MINUTE_MS, (50_000, 0, 10_000, 0, 0, 0), 4, 3, 1, None, "J-1")


@pytest.fixture
def town(database_url: str, desk: Desk) -> Iterator[Engine]:
    """A database of each kind, with a history, and the authority's key beside it."""
    engine = open_engine(database_url)
    migrate(engine)
    changes = [StateChange(MILL, 5, State.DOWN, "")]
    Embedded(engine).write([minute(MILL, number) for number in range(MINUTES)], changes)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('aoki', '青木精機')"))
        connection.execute(text("INSERT INTO delivery VALUES ('aoki', 'epoch-1', 77)"))
        connection.execute(
            text("INSERT INTO users (name, password_hash, role, created_ms) VALUES ('kenta', 'x', 'c', 1)")
        )
        connection.execute(
            text("INSERT INTO refused_messages VALUES (7, 1, 'a/b', 'no reason', 2, :bytes)"),
            {"bytes": b"\0\xff"},
        )
        connection.execute(text("INSERT INTO sessions VALUES ('h', 'kenta', 1, 2)"))
    (desk.data / "ca").mkdir(parents=True, exist_ok=True)
    (desk.data / "ca" / "ca.key").write_text("the key")
    yield engine
    engine.dispose()


def counted(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return counts_of(connection)


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_all_comes_back_into_either_kind_of_database(
    town: Engine, into: str, desk: Desk, request: pytest.FixtureRequest
) -> None:
    source = town.url.render_as_string(hide_password=False)
    file = desk.backup(source)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = counted(town)
    assert (before["windows"], before["sessions"]) == (MINUTES, 1)
    town.dispose()
    url = desk.new_url if into == "sqlite" else request.getfixturevalue("postgres_url")
    if into == town.dialect.name == "postgresql":  # there is one PostgreSQL database a test
        assert "would be overwritten" in desk.restore(file, url, desk.new)
        assert desk.restore(file, url, desk.new, "--replace") == ""
    else:
        assert desk.restore(file, url, desk.new) == ""
    assert (desk.new / "ca" / "ca.key").read_text() == "the key"
    engine = open_engine(url)
    assert counted(engine) == before
    store = Embedded(engine)
    assert store.windows(MILL, 0, 10**12) == [minute(MILL, number) for number in range(MINUTES)]
    store.write([minute(PRESS, 0)], [])  # numbers of new machines go on behind the old ones
    assert store.windows(PRESS, 0, 10**12) == [minute(PRESS, 0)]
    assert len(store.windows(MILL, 0, 10**12)) == MINUTES
    engine.dispose()


@pytest.fixture
def small(sqlite_url: str, desk: Desk) -> Path:
    """A backup of a database that holds one factory; the database is still there."""
    engine = open_engine(sqlite_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('aoki', '青木精機')"))
    engine.dispose()
    return desk.backup(sqlite_url)


def factories(url: str) -> list[str]:
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            return list(connection.scalars(text("SELECT id FROM factories ORDER BY id")))
    finally:
        engine.dispose()


def add_sakura(url: str) -> Engine:
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO factories VALUES ('sakura', 'さくら')"))
    return engine


def test_nothing_is_overwritten_unless_asked_and_then_the_old_is_kept(
    small: Path, sqlite_url: str, desk: Desk
) -> None:
    add_sakura(sqlite_url).dispose()
    said = desk.restore(small, sqlite_url, desk.data)
    assert "machikoba.db would be overwritten; say --replace" in said
    assert factories(sqlite_url) == ["aoki", "sakura"]
    assert desk.restore(small, sqlite_url, desk.data, "--replace") == ""
    assert factories(sqlite_url) == ["aoki"]
    (kept,) = desk.data.glob("machikoba.db.before-*")
    assert factories(f"sqlite:///{kept}") == ["aoki", "sakura"]


def test_checking_changes_nothing(small: Path, sqlite_url: str, desk: Desk) -> None:
    add_sakura(sqlite_url).dispose()
    assert desk.restore(small, sqlite_url, desk.data, "--check") == ""
    assert factories(sqlite_url) == ["aoki", "sakura"]


def test_a_database_in_use_is_left_alone(small: Path, sqlite_url: str, desk: Desk) -> None:
    user = add_sakura(sqlite_url)  # its connection stays open
    said = desk.restore(small, sqlite_url, desk.data, "--replace")
    assert "is in use; stop machikoba serve first" in said
    assert factories(sqlite_url) == ["aoki", "sakura"]
    user.dispose()


def test_a_postgresql_in_use_is_left_alone(small: Path, postgres_url: str, desk: Desk) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    engine.dispose()
    user = add_sakura(postgres_url)
    assert "is in use by others (1)" in desk.restore(small, postgres_url, desk.new, "--replace")
    user.dispose()
    assert factories(postgres_url) == ["sakura"]


def test_a_postgresql_that_a_newer_version_upgraded_is_not_restored_over_its_tables(
    small: Path, postgres_url: str, desk: Desk
) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert desk.restore(small, postgres_url, desk.new, "--replace") == ""
    engine = open_engine(postgres_url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("CREATE TABLE invented_later (id int)"))
    engine.dispose()
    said = desk.restore(small, postgres_url, desk.new, "--replace")
    assert "whose tables this one does not know (invented_later); make the database anew" in said


def test_the_authority_may_lie_elsewhere_and_comes_back_there(
    small: Path, sqlite_url: str, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACHIKOBA_CA", str(tmp_path / "safe" / "ca"))
    (tmp_path / "safe" / "ca" / "issued").mkdir(parents=True)
    (tmp_path / "safe" / "ca" / "issued" / "aoki-1.crt").write_text("one")
    small.unlink()
    file = desk.backup(sqlite_url)
    (tmp_path / "safe" / "ca" / "issued" / "aoki-1.crt").write_text("another")
    assert f"{tmp_path}/safe/ca and the database" in desk.restore(file, sqlite_url, desk.new)
    assert desk.restore(file, sqlite_url, desk.new, "--replace") == ""
    (kept,) = (tmp_path / "safe").glob("ca.before-*")
    assert (kept / "issued" / "aoki-1.crt").read_text() == "another"
    assert (tmp_path / "safe" / "ca" / "issued" / "aoki-1.crt").read_text() == "one"
    assert {path.name for path in (tmp_path / "safe").iterdir()} == {"ca", kept.name}


def test_a_place_of_the_authority_that_cannot_be_used_is_told_before_anything_changes(
    small: Path, sqlite_url: str, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.data / "ca").mkdir()
    (desk.data / "ca" / "ca.key").write_text("the key")
    small.unlink()
    file = desk.backup(sqlite_url)
    add_sakura(sqlite_url).dispose()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MACHIKOBA_CA", str(tmp_path / "file" / "ca"))
    assert f"{tmp_path}/file" in desk.restore(file, sqlite_url, desk.new, "--replace")
    assert factories(sqlite_url) == ["aoki", "sakura"]


def test_a_place_of_the_database_that_cannot_be_used_is_told_before_the_old_one_is_put_away(
    small: Path, sqlite_url: str, desk: Desk
) -> None:
    add_sakura(sqlite_url).dispose()
    (desk.data / ".machikoba.db.restored").mkdir()
    assert "Is a directory" in desk.restore(small, sqlite_url, desk.data, "--replace")
    assert factories(sqlite_url) == ["aoki", "sakura"]
    assert not list(desk.data.glob("*.before-*"))


def test_a_damaged_database_can_be_replaced(
    small: Path, sqlite_url: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    (desk.data / "machikoba.db").write_bytes(b"not at all" * 1_000)
    with caplog.at_level(logging.WARNING):
        assert desk.restore(small, sqlite_url, desk.data, "--replace") == ""
    assert "is damaged (file is not a database), and is kept as it is" in caplog.text
    assert factories(sqlite_url) == ["aoki"]
    whole = (desk.data / "machikoba.db").read_bytes()
    (desk.data / "machikoba.db").write_bytes(
        whole.replace(b"CREATE TABLE machines", b"CREATE TABL\x80 machines")
    )
    assert desk.restore(small, sqlite_url, desk.data, "--replace") == ""
    assert factories(sqlite_url) == ["aoki"]


def rewritten(file: Path, changes: dict[str, object]) -> Path:
    """The same backup with another manifest."""
    target = file.with_name("rewritten.tar.gz")
    folder = file.with_name("unpacked")
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
        names = tar.getnames()
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))
    with tarfile.open(target, "w:gz") as tar:
        for name in names:
            tar.add(folder / name, name)
    return target


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "9999"}, "was written by a newer machikoba (schema 9999): install that version"),
        ({"format": 2}, "in a form (2) that this one cannot read"),
        ({"federation": "nishimachi"}, "is of the federation nishimachi, the settings name higashimachi"),
        ({"counts": {"factories": 2}}, "is damaged: its database does not hold what its manifest says"),
        ({"counts": 3}, "is damaged: its manifest cannot be read"),
        ({"files": {"machikoba.db": {"bytes": 1, "sha256": "0"}}}, "is damaged: machikoba.db has another"),
        ({"files": {}}, "holds machikoba.db, of which its manifest says nothing"),
    ],
)
def test_what_cannot_be_restored_is_refused_and_changes_nothing(
    small: Path, desk: Desk, changes: dict[str, object], said: str
) -> None:
    file = rewritten(small, changes)
    error = desk.restore(file, desk.new_url, desk.new)
    assert error.startswith(f"machikoba: {file}: ")
    assert said in error
    assert not desk.new.exists() or list(desk.new.iterdir()) == []


@pytest.mark.parametrize("length", [0, 10, 700, 3_000])
def test_half_a_file_is_refused(small: Path, desk: Desk, length: int) -> None:
    small.write_bytes(small.read_bytes()[:length])
    assert "is damaged" in desk.restore(small, desk.new_url, desk.new)
    assert not (desk.new / "machikoba.db").exists()


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_what_cannot_be_unpacked_from_the_middle_on_is_refused(
    small: Path, desk: Desk, words: tuple[str, ...]
) -> None:
    """As by a disk that lost a block: the manifest can be read, the database behind it cannot."""
    content = gzip.decompress(small.read_bytes())
    packing = zlib.compressobj(wbits=31)
    begun = packing.compress(content[: len(content) // 2]) + packing.flush(zlib.Z_FULL_FLUSH)
    small.write_bytes(begun + b"\x07" * 10_000)  # a kind of block that there is not
    assert "is damaged or no backup" in desk.restore(small, desk.new_url, desk.new, *words)
    assert not (desk.new / "machikoba.db").exists()


def test_it_keeps_as_many_as_asked(small: Path, sqlite_url: str, desk: Desk) -> None:
    for day in range(1, 4):
        (small.parent / f"machikoba-higashimachi-2020010{day}T000000Z.tar.gz").touch()
    (small.parent / "other.tar.gz").touch()
    small.unlink()
    desk.backup(sqlite_url, "--keep", "2")
    names = sorted(path.name for path in small.parent.glob("[!.]*"))
    assert names[0] == "machikoba-higashimachi-20200103T000000Z.tar.gz"
    assert len(names) == 3


def test_one_backup_at_a_time_writes_into_a_folder_and_clears_away_what_a_killed_one_left(
    small: Path, sqlite_url: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = small.parent / ".machikoba-h3x"
    unfinished.mkdir()
    (unfinished / "machikoba.db").touch()
    words = ("--out", str(small.parent), "--data", str(desk.data), "--federation", "higashimachi")
    with (small.parent / ".machikoba.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["backup", *words]) == 1
        assert "another backup is being written into it" in capsys.readouterr().err
        assert unfinished.exists(), "it may be the other one's"
    desk.backup(sqlite_url)
    assert not unfinished.exists()


def test_without_a_database_there_is_nothing_to_back_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--out", str(tmp_path / "out"), "--federation", "a", "--data", str(tmp_path))
    assert main(["backup", *words]) == 1
    assert "there is no database yet" in capsys.readouterr().err
    assert not (tmp_path / "machikoba.db").exists()


def test_of_a_link_what_it_leads_to_is_kept(sqlite_url: str, small: Path, desk: Desk, tmp_path: Path) -> None:
    (desk.data / "mqtt").mkdir()
    (tmp_path / "elsewhere.crt").write_text("the certificate")
    (desk.data / "mqtt" / "ca.crt").symlink_to(tmp_path / "elsewhere.crt")
    file = desk.backup(sqlite_url)
    assert desk.restore(file, desk.new_url, desk.new) == ""
    assert (desk.new / "mqtt" / "ca.crt").read_text() == "the certificate"


def test_a_file_that_is_written_meanwhile_is_kept_as_it_was_at_one_moment(
    sqlite_url: str, small: Path, desk: Desk
) -> None:
    (desk.data / "ca").mkdir()
    (desk.data / "ca" / "takes-its-time").write_bytes(bytes(30_000_000))
    lists, ended = desk.data / "ca" / "revoked.pem", threading.Event()

    def write() -> None:
        for number in count():
            lists.write_text("x" * (number % 999))
            if ended.is_set():
                return

    writing_ = threading.Thread(target=write)
    writing_.start()
    try:
        for _ in range(3):
            file = desk.backup(sqlite_url)
            assert desk.restore(file, desk.new_url, desk.new, "--check") == ""
            file.unlink()
    finally:
        ended.set()
        writing_.join()


def test_keys_that_may_not_be_read_are_told_and_nothing_is_written(
    sqlite_url: str, small: Path, desk: Desk, tmp_path: Path
) -> None:
    """Root may read everything, unless it gives that up."""
    ordinary = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    words = ("--out", str(tmp_path / "told"), "--data", str(desk.data), "--federation", "higashimachi")
    command = (*ordinary, sys.executable, "-m", "aggregator", "backup", *words)
    env = {**os.environ, "MACHIKOBA_DATABASE_URL": sqlite_url}
    (desk.data / "ca").mkdir()
    (desk.data / "ca" / "ca.key").write_text("the key")
    for closed in (desk.data / "ca", desk.data / "ca" / "ca.key"):
        mode = closed.stat().st_mode
        closed.chmod(0)
        ended = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=120)
        closed.chmod(mode)
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
        assert f"{closed}: cannot be used: Permission denied" in ended.stderr
        assert not list((tmp_path / "told").glob("machikoba-*"))
