"""An agent at `--log-level debug`, let in, refused and unanswered: it tells none of its secrets."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asyncua.crypto.permission_rules import User, UserRole

from tests.agent.brokers import running
from tests.agent.configs import document, written
from tests.agent.drivers.opcua.peer import OpcuaPeer, node, serving
from tests.deploy.enrolled import FEDERATION, Federation, files_of, guarded
from tests.secrets.planted import argument_lists, canary, key_lines, leaks, planted
from tests.stack import AGENT, START_S, free_port

BROKER, WRONG_BROKER = canary("broker"), canary("wrong-broker")
MACHINE, WRONG_MACHINE = canary("machine"), canary("wrong-machine")
ALL = (BROKER, WRONG_BROKER, MACHINE, WRONG_MACHINE)


class Doorkeeper:
    """Lets in who has the password."""

    def get_user(self, *_: Any, password: str | None = None, **__: Any) -> User | None:
        return User(role=UserRole.User) if password == MACHINE else None


def machines(folder: Path, url: str) -> list[dict[str, Any]]:
    """Return a machine that lets us in, one that refuses us, and one that is not there."""
    right, wrong = planted(folder / "right", MACHINE), planted(folder / "wrong", WRONG_MACHINE)
    nowhere = f"opc.tcp://127.0.0.1:{free_port()}"
    places = {"well": (url, right), "refused": (url, wrong), "away": (nowhere, right)}
    return [
        {
            "id": name,
            "process": "cutting",
            "driver": "opcua",
            "opcua": {
                "url": place,
                "username": "agent",
                "password_file": str(password),
                "plain_password": True,
                "signals": {"parts": node("parts")},
            },
            "cycles": {"counter": "parts"},
        }
        for name, (place, password) in places.items()
    ]


async def told(*words: str | Path, ends_on: tuple[str, ...] = ()) -> dict[str, str]:
    """Run the agent; return what it said, and its arguments. It is ended once all of `ends_on` were said."""
    command = [*map(str, (*AGENT, *words, "--log-level", "debug"))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*command, **pipes)  # type: ignore[arg-type]
    assert process.stdout is not None
    said, listed = "", argument_lists(process.pid)
    async with asyncio.timeout(START_S):
        while line := await process.stdout.readline():
            said += line.decode()
            if ends_on and process.returncode is None and all(each in said for each in ends_on):
                ends_on = ()
                process.terminate()
        await process.wait()
    assert not ends_on, said
    return {"output": said, **listed}


@pytest.fixture
def passwords(tmp_path: Path) -> str:
    """Settings of a broker that lets in who has the password."""
    path = planted(tmp_path / "passwords", f"agent:{BROKER}")
    subprocess.run(["mosquitto_passwd", "-U", path], check=True)
    return f"user root\npassword_file {path}\nallow_anonymous false"


async def test_an_agent_that_is_let_in_refused_and_unanswered_tells_no_secret(
    tmp_path: Path, passwords: str
) -> None:
    async with serving({"parts": 7}, user_manager=Doorkeeper()) as peer:
        with running("mosquitto", tmp_path, passwords) as broker:
            path = agent_toml(tmp_path, peer, broker.port, BROKER)
            within = ("refuses this user", "nothing listens there", "AuthenticationToken=…")
            said = await told("run", "--config", path, ends_on=(*within, "ActivateSessionRequest(…)"))
            path = agent_toml(tmp_path, peer, broker.port, WRONG_BROKER)
            refused = await told("check", "--config", path)
    assert "refuses the connection" in refused["output"]
    assert leaks(ALL, {**said, **{f"check: {where}": text for where, text in refused.items()}}) == []


def agent_toml(folder: Path, peer: OpcuaPeer, port: int, password: str) -> Path:
    """Write the agent's settings; the broker's password lies in a file beside them."""
    file = planted(folder / "broker", password)
    line = {"host": "127.0.0.1", "port": port, "username": "agent", "password_file": str(file)}
    values = document(*machines(folder, peer.url), data=str(folder / "outbox"), mqtt=line, wait_for_clock_h=0)
    return written(folder / "agent.toml", values)


def test_an_agents_key_stays_in_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    federation = Federation(tmp_path)
    kit, centre = federation.enrolled("aoki"), federation.enrolled("--broker", "127.0.0.1")
    federation.enrolled("--aggregator")
    files = files_of(kit)
    keys = [line for path in tmp_path.rglob("*.key") for line in key_lines(path)]
    assert len(keys) >= 4
    line = {
        "host": "127.0.0.1",
        "ca_file": str(files.ca_file),
        "certificate_file": str(files.certificate_file),
        "key_file": str(files.key_file),
    }
    values = document(federation=FEDERATION, factory="aoki", data=str(tmp_path / "outbox"))
    with guarded(tmp_path, centre) as broker:
        path = written(tmp_path / "agent.toml", {**values, "mqtt": {**line, "port": broker.port}})
        command = [*AGENT, "check", "--config", str(path), "--log-level", "debug"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "answers, encrypted" in said.stdout
    assert federation.enroll("aoki", "--revoke") == 0
    assert federation.enroll("--list") == 0
    enrolled = capsys.readouterr()
    outputs = {"check": said.stdout + said.stderr, "enroll": enrolled.out + enrolled.err}
    assert leaks(keys, outputs) == []
