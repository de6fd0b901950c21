"""`machikoba calendar import`, run as a person runs it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.__main__ import main
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.store.audit import Audit
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from tests.aggregator.calendar_files.test_table import JAPANESE
from tests.aggregator.new_database import new_database, url_of


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = new_database(tmp_path / "machikoba.db")
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", url_of(engine))
    machine = Machine(MachineKey("aoki", "mc-01"), "1号機", "cutting", "measured")
    Records(engine).remember([Factory("aoki", "青木精機")], [machine])
    return engine


@pytest.fixture
def run(tmp_path: Path, engine: Engine) -> Callable[..., int]:
    table = tmp_path / "dates.csv"
    table.write_bytes(JAPANESE.replace("2026", "2031").encode("cp932"))

    def run(*words: str, factory: str = "aoki", file: Path = table) -> int:
        where = ("--federation", "town", "--data", str(tmp_path))
        return main(["calendar", "import", factory, str(file), *words, *where])

    return run


def test_a_file_is_added_once(
    run: Callable[..., int], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "closure\t2031-08-13\t2031-08-16\t\tお盆休み",
        "stop\t2031-11-27 13:00\t2031-11-27 17:00\tmc-01\t主軸の点検, 半日",
        "overtime\t2031-12-05 08:00\t2031-12-05 12:00\t\t土曜出勤",
        "3 added, 0 known already",
    ]
    saved = Profiles(engine).get("aoki")
    assert saved.revision == 1
    assert saved.calendar is not None
    assert run() == 0
    assert capsys.readouterr().out == "0 added, 3 known already\n"
    assert Profiles(engine).get("aoki") == saved
    assert len(Audit(engine).entries("aoki")) == 1


def test_a_dry_run_prints_the_same_and_changes_nothing(
    run: Callable[..., int], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dry-run") == 0
    assert capsys.readouterr().out.endswith("3 to add, 0 known already\n")
    assert Profiles(engine).all() == {}


def test_what_cannot_be_imported_is_one_sentence_and_changes_nothing(
    run: Callable[..., int], engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("start,end\n2031-13-01,\n")
    for words, options, said in (
        ((), {"file": bad}, f"machikoba: {bad}: line 2, column start: expected a date"),
        ((), {"file": tmp_path / "none.ics"}, "none.ics: cannot be read: No such file"),
        ((), {"factory": "nobody"}, "machikoba: factory 'nobody': none of that id has connected yet"),
        (("--machine", "mc-77"), {}, "--machine: 'mc-77' is no machine of factory 'aoki'"),
    ):
        assert run(*words, **options) == 1
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
    assert Profiles(engine).all() == {}
