"""`machikoba orders import`, run as a person runs it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregator.__main__ import main
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.store.audit import Audit
from aggregator.store.orders import Orders
from aggregator.store.records import Records
from tests.aggregator.new_database import new_database, url_of
from tests.aggregator.order_files.tables import JAPANESE

LATER = JAPANESE.replace("2027/1/8", "{year}/1/8").replace("2027年", "{year}年")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = new_database(tmp_path / "machikoba.db")
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", url_of(engine))
    machines = [
        Machine(MachineKey("aoki", "mc-01"), "1号機", "cutting", "measured"),
        Machine(MachineKey("aoki", "in-01"), "測定機", "inspection", "measured"),
    ]
    Records(engine).remember([Factory("aoki", "青木精機")], machines)
    return engine


@pytest.fixture
def run(tmp_path: Path, engine: Engine) -> Callable[..., int]:
    """Give a run of the command on the table, due within the three years that orders may be."""
    year = datetime.now(UTC).year + 1
    table = tmp_path / "orders.csv"
    table.write_bytes(LATER.replace("{year}", str(year)).encode("cp932"))

    def run(*words: str, file: Path = table) -> int:
        where = ("--federation", "town", "--data", str(tmp_path))
        return main(["orders", "import", str(file), *words, *where])

    return run


def test_each_order_is_proposed_for_once(
    run: Callable[..., int], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[:3] for line in lines[:2]] == [
        ["new", "A-1", "ブラケット"],
        ["new", "A-2", "軸受ケース"],
    ]
    assert lines[2] == "2 to import, 0 known already"
    assert Orders(engine).matches() == []
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[:2] for line in lines[:2]] == [["1/2", "A-1"], ["2/2", "A-2"]]
    made = Orders(engine).matches()
    assert {(match.draft.part, match.draft.quantity) for match in made} == {
        ("ブラケット", 600),
        ("軸受ケース", 1_200),
    }
    assert {entry.who for entry in Audit(engine).entries(made[0].id)} == {"machikoba orders"}
    assert run() == 0
    assert capsys.readouterr().out.endswith("0 imported, 2 known already\n")
    assert len(Orders(engine).matches()) == 2


def test_a_file_with_faults_names_them_all_and_imports_nothing(
    run: Callable[..., int], engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(JAPANESE.replace("検査,10", "検査,?").replace(",600,", ",,"), encoding="utf-8")
    assert run(file=bad) == 1
    told = capsys.readouterr().err
    assert "nothing was imported" in told
    assert "line 2, column 数量: this must not be empty" in told
    assert "line 5, column サイクル秒: expected a number" in told
    assert run(file=tmp_path / "none.csv") == 1
    assert "none.csv: cannot be read: No such file" in capsys.readouterr().err
    assert Orders(engine).matches() == []
