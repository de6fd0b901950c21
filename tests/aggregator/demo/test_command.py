"""`machikoba demo` as a person starts it: what cannot be is said in one sentence, and nothing is left."""

import socket
import subprocess
import sys
from pathlib import Path

from aggregator.demo.folder import open_folder
from aggregator.demo.ports import HOST


def start(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aggregator", "demo", "--data", str(folder), "--port", str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_port_that_is_taken_is_said_in_one_sentence_and_leaves_no_folder(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        ended = start(tmp_path / "demo", port)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"port {port} is taken by another program; choose another with --port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "demo").exists()


def test_an_empty_folder_stays_empty_so_that_the_next_start_can_have_it(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        start(tmp_path, other.getsockname()[1])
    assert list(tmp_path.iterdir()) == []


def test_that_a_demo_runs_there_already_is_said_before_that_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other, open_folder(tmp_path):
        ended = start(tmp_path, other.getsockname()[1])
    assert ended.returncode == 1
    assert "a demo runs here already" in ended.stderr
