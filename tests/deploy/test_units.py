"""The units for systemd: hardened, and nothing in them that systemd does not know."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(
    [*DEPLOY.glob("pi/*.service"), *DEPLOY.glob("systemd/*.service"), *DEPLOY.glob("systemd/*.timer")]
)
MOST_EXPOSED = 2.5
"""systemd calls up to 4.9 OK."""


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=named)
def test_it_is_hardened(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=True
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+) OK", done.stdout)
    assert found, done.stdout[-300:]
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("unit", UNITS, ids=named)
def test_systemd_understands_it(unit: Path, tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text("utf-8"), flags=re.M)
    (tmp_path / unit.name).write_text(text, "utf-8")
    service = unit.with_suffix(".service")
    if unit.suffix == ".timer":
        shutil.copy(service, tmp_path)
        path = tmp_path / service.name
        path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text("utf-8"), flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / unit.name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line]
    assert said == []


def test_the_agent_tells_systemd_that_it_is_ready_and_alive() -> None:
    unit = (DEPLOY / "pi" / "machikoba-agent.service").read_text("utf-8")
    assert "Type=notify\n" in unit
    assert re.search(r"^WatchdogSec=\d+$", unit, flags=re.M)
    assert "Restart=always\n" in unit


def pinned(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), flags=re.M))


def test_the_agents_packages_are_those_of_the_lock() -> None:
    agent, whole = pinned(DEPLOY / "pi" / "requirements.txt"), pinned(DEPLOY.parent / "requirements.lock")
    assert len(agent) > 10
    assert {name: version for name, version in agent.items() if whole.get(name) != version} == {}
    assert {"asyncua", "pymodbus", "msgspec", "paho-mqtt", "protobuf"} <= set(agent)
    assert "sqlalchemy" not in agent
