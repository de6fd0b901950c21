"""What the demo refuses to start with: one clear sentence each, and nothing is left behind."""

import socket
import subprocess
from pathlib import Path

import pytest

from aggregator.__main__ import main
from aggregator.demo.ports import free_port
from tests.system.running import demo_command, processes_of


def refused(folder: Path, port: int, *more: str) -> str:
    """Start a demo that must not come up; return its one line."""
    command = demo_command(folder, port, *more)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("machikoba: ")
    assert processes_of(folder) == []
    return done.stderr


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refused(tmp_path / "demo", port)
    assert f"port {port} is taken" in said
    assert "--port" in said


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("not a folder")
    said = refused(tmp_path / "demo", free_port())
    assert str(tmp_path / "demo") in said
    assert "--data" in said


def test_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")
    assert "thesis.txt" in refused(tmp_path, free_port())
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_broken_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/demo.json").write_text("{ broken")
    said = refused(tmp_path / "demo", free_port())
    assert "demo.json" in said
    assert "delete" in said


def test_a_broken_database(tmp_path: Path) -> None:
    (tmp_path / "demo/aggregator").mkdir(parents=True)
    memory = '{"format": 1, "measured_since_ms": 1, "history_since_ms": 1, "mqtt_port": 1883}'
    (tmp_path / "demo/demo.json").write_text(memory)
    (tmp_path / "demo/aggregator/machikoba.db").write_bytes(b"no database" * 1000)
    assert "machikoba.db" in refused(tmp_path / "demo", free_port())


@pytest.mark.parametrize(
    "arguments",
    [["--port", "0"], ["--port", "http"], ["--seconds", "-1"], ["--seconds", "soon"], ["--colour"]],
)
def test_wrong_arguments_exit_with_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*demo_command(tmp_path / "demo", free_port()), *arguments]
    with pytest.raises(SystemExit) as ended:
        main(command[1:])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
