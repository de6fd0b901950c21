"""`machikoba-agent check` at the shipped broker, where a client is named after its certificate."""

import signal
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from agent.contract.tls import TlsFiles
from tests.agent.configs import document, written
from tests.deploy.conftest import Connect
from tests.deploy.enrolled import FEDERATION, GuardedBroker
from tests.stack import AGENT, free_port, wait_until

Kits = dict[str, TlsFiles]


def agent_toml(folder: Path, port: int, files: TlsFiles) -> Path:
    names = {"ca_file": files.ca_file, "certificate_file": files.certificate_file, "key_file": files.key_file}
    line = {"host": "127.0.0.1", "port": port, **{name: str(file) for name, file in names.items()}}
    values = document(federation=FEDERATION, factory="aoki", data=str(folder / "data"), mqtt=line)
    return written(folder / "agent.toml", {**values, "wait_for_clock_h": 0})


def broker_line(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `check` says about the broker; the machine of these tests is not there."""
    assert main(["check", "--config", str(path)]) == 1
    (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("broker: ")]
    return said


def test_checking_does_not_throw_the_running_agent_out(
    broker: GuardedBroker, kits: Kits, connect: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, place = agent_toml(tmp_path, broker.port, kits["aoki"]), f"broker: 127.0.0.1:{broker.port} answers"
    assert broker_line(path, capsys) == f"{place}, encrypted"
    centre = connect("aggregator").up().subscribe("spBv1.0/#")
    born, died = f"spBv1.0/{FEDERATION}/NBIRTH/aoki", f"spBv1.0/{FEDERATION}/NDEATH/aoki"
    with (tmp_path / "agent.log").open("wb") as log:
        agent = subprocess.Popen([*AGENT, "run", "--config", str(path)], stdout=log, stderr=log)
    try:
        wait_until(lambda: born in centre.topics(), "the agent is signed in")
        running = "signed in is the agent itself, which runs: its log says how it fares"
        assert broker_line(path, capsys) == f"{place}, encrypted; {running}"
        written(path, {**_read(path), "mqtt": {**_read(path)["mqtt"], "port": free_port()}})
        assert "cannot be reached: " in broker_line(path, capsys)
        assert died not in centre.topics()
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(60)
    assert [topic for topic, _ in centre.heard if topic in (born, died)] == [born, died], (
        "thrown out by nobody"
    )


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
