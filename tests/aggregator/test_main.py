"""The command `machikoba`: what goes wrong is one sentence and an exit code."""

import argparse
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from aggregator.__main__ import COMMANDS, main, make_parser
from tests.stack import free_port


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run the command, which has to fail with one line on stderr; return it."""
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("machikoba: ")
    assert said.count("\n") == 1, said
    return said


def serve(data: Path, *more: object) -> Sequence[object]:
    return ("serve", "--federation", "higashimachi", "--data", data, "--web-port", free_port(), *more)


def test_a_taken_port_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = fails(capsys, *serve(tmp_path), "--web-port", port)
    assert f"web.port: cannot serve on 127.0.0.1:{port}: Address already in use" in said


def test_an_address_of_another_machine_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "web.port: cannot serve on 192.0.2.1" in fails(capsys, *serve(tmp_path, "--web-host", "192.0.2.1"))


def test_a_data_folder_that_cannot_be_used_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    said = fails(capsys, *serve(file / "data"))
    assert f"data folder {file}/data cannot be used: Not a directory" in said


def test_a_folder_where_the_database_should_be_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "machikoba.db").mkdir()
    assert f"database {tmp_path}/machikoba.db: unable to open database file" in fails(
        capsys, *serve(tmp_path)
    )


def test_a_corrupt_database_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "machikoba.db").write_bytes(b"this is no database" * 500)
    said = fails(capsys, *serve(tmp_path))
    assert f"database {tmp_path}/machikoba.db: file is not a database" in said
    assert "restore a backup" in said


def test_a_database_of_a_newer_version_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "machikoba.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.close()
    said = fails(capsys, *serve(tmp_path))
    assert "was written by a newer machikoba (schema 9999)" in said


def test_a_typo_in_the_settings_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "machikoba.toml"
    file.write_text('federation = "a"\n[mqtt]\nprot = 1883\n')
    assert fails(capsys, "serve", "--config", file) == f"machikoba: {file}: mqtt.prot: unknown setting\n"


def test_a_missing_password_file_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "machikoba.toml"
    file.write_text(
        f'federation = "a"\ndata = "{tmp_path}"\n[mqtt]\npassword_file = "{tmp_path}/none"\n'
        f"[web]\nport = {free_port()}\n"
    )
    said = fails(capsys, "serve", "--config", file)
    assert said.startswith(f"machikoba: mqtt.password_file: {tmp_path}/none: cannot be read")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "database_url: is no database URL"),
        ("mysql://x/y", "database_url: "),
        ("sqlite://", "database_url: a database in memory would lose what it acknowledged"),
        ("postgresql://nobody@127.0.0.1:1/x", "database postgresql+psycopg://nobody@127.0.0.1:1/x: "),
    ],
)
def test_a_database_url_that_cannot_work_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, url: str, said: str
) -> None:
    file = tmp_path / "machikoba.toml"
    file.write_text(f'federation = "a"\ndatabase_url = "{url}"\n')
    assert fails(capsys, "db", "upgrade", "--config", file).startswith(f"machikoba: {said}")


def test_a_database_password_is_not_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "machikoba.toml"
    file.write_text('federation = "a"\ndatabase_url = "postgresql://me:secret@127.0.0.1:1/x"\n')
    assert "secret" not in fails(capsys, "db", "upgrade", "--config", file)


@pytest.mark.parametrize("words", [(), ("dance",), ("serve", "--web-prot", "1"), ("db",)])
def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: machikoba" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: machikoba {command}" in capsys.readouterr().out


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def test_every_command_says_first_what_it_does() -> None:
    everyone = list(parsers(make_parser(list(COMMANDS))))
    assert len(everyone) > 20
    assert [each.prog for each in everyone if not (each.description or "").endswith(".")] == []


def test_help_imports_nothing_heavy() -> None:
    """The table of commands names modules; only the one asked for is imported."""
    script = (
        "import sys\nfrom aggregator.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'fastapi', 'sqlalchemy', 'aiomqtt'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
