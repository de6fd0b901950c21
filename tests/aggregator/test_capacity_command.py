"""`machikoba capacity`: from a server, from the database, and what goes wrong."""

import json
from pathlib import Path

import pytest

from aggregator.__main__ import main
from tests.aggregator.busy_faces import busy_town, busy_url
from tests.aggregator.town import Town
from tests.stack import free_port

__all__ = ["busy_town", "busy_url"]  # fixtures


@pytest.fixture
def token_file(busy_town: Town, tmp_path: Path) -> Path:
    file = tmp_path / "token.txt"
    file.write_text(busy_town.tokens["coordinator"] + "\n")
    return file


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run the command, which has to fail with one line on stderr; return it."""
    assert main(["capacity", *map(str, words)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("machikoba: ")
    assert said.count("\n") == 1, said
    return said


def test_a_server_is_asked_and_its_answer_is_a_table(
    busy_url: str, token_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert main(["capacity", "--url", busy_url, "--token-file", str(token_file), "--weeks", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Spare machine hours as of 2026-11-24 14:05")
    assert lines[2].split() == ["process", "data", "2026-W48", "11-23", "2026-W49", "11-30"]
    assert {line.split()[0] for line in lines[3:9]} == {
        "Assembly", "Cutting", "Inspection", "Pressing", "Shipping", "Surface",
    }  # fmt: skip
    assert lines[-1].endswith("higashi (no calendar yet), nishino (too little data)")


def test_a_process_is_told_factory_by_factory(
    busy_url: str, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--process", "cutting", "--json", "--url", busy_url, "--token-file", str(token_file))
    assert main(["capacity", *words]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["factory"] for row in rows} == {"aoki", "kitamura", "tanabe"}
    assert len(rows) == 3 * 4


def test_the_database_is_read_without_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert main(["capacity", "--federation", "higashimachi", "--data", str(tmp_path)]) == 0
    assert "There are no machines yet." in capsys.readouterr().out


def test_an_unknown_process_is_one_sentence(
    busy_url: str, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = fails(capsys, "--process", "alchemy", "--url", busy_url, "--token-file", token_file)
    assert "no such factory or process" in said


def test_an_unknown_process_of_the_database_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = fails(capsys, "--process", "alchemy", "--federation", "higashimachi", "--data", tmp_path)
    assert "no machine is of that factory and process" in said


def test_a_token_that_is_not_accepted_is_one_sentence(
    busy_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("nonsense")
    assert "valid token" in fails(capsys, "--url", busy_url, "--token-file", tmp_path / "token")


def test_a_missing_an_empty_and_a_binary_token_file_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ("--url", "http://127.0.0.1:1")
    assert "--token-file: is needed" in fails(capsys, *url)
    assert "cannot be read: No such file" in fails(capsys, *url, "--token-file", tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    assert "holds no token" in fails(capsys, *url, "--token-file", tmp_path / "empty")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in fails(capsys, *url, "--token-file", tmp_path / "binary")


def test_nobody_there_and_an_address_of_another_kind_are_one_sentence(
    token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    assert "cannot be reached: [Errno 111]" in fails(capsys, "--url", nobody, "--token-file", token_file)
    assert "expected http://" in fails(capsys, "--url", "ftp://x", "--token-file", token_file)


@pytest.mark.parametrize("weeks", ["0", "13"])
def test_weeks_out_of_range_are_one_sentence(weeks: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"--weeks: expected 1 to 12, got {weeks}" in fails(capsys, "--weeks", weeks)
