"""Processes are kept alive, end in bounded time, and never outlive the demo."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from aggregator.demo.folder import DemoError
from aggregator.demo.ports import HOST
from aggregator.demo.supervisor import Command, Keeper, described, environment, python, spawn

SLEEP = python("-c", "import time; print('up', flush=True); time.sleep(600)")
STUBBORN = python(
    "-c",
    "from signal import *; signal(SIGTERM, SIG_IGN); import time; print('up', flush=True); time.sleep(600)",
)


async def until_starts(keeper: Keeper, times: int) -> None:
    """Wait until the process has said `up` so many times."""
    async with asyncio.timeout(30):
        while not keeper.log.exists() or keeper.log.read_text().count("up") < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def pid(keeper: Keeper) -> int:
    process = keeper._process
    assert process is not None
    return process.pid


async def test_a_killed_process_comes_back_and_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    keeper = Keeper(Command("one", SLEEP), tmp_path, lambda name, how: told.append((name, how)))
    task = asyncio.create_task(keeper.run())
    await until_starts(keeper, 1)
    first = pid(keeper)
    os.kill(first, signal.SIGKILL)
    await until_starts(keeper, 2)
    second = pid(keeper)
    await keeper.stop()
    await task
    assert told == [("one", "SIGKILL")]
    assert first != second
    assert not psutil.pid_exists(second)


async def test_a_process_that_cannot_start_is_tried_again_after_growing_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.demo.supervisor.FIRST_PAUSE_S", 0.05)
    deaths: list[float] = []
    enough = asyncio.Event()

    def died(_name: str, how: str) -> None:
        assert how == "exit code 3"
        deaths.append(time.monotonic())
        if len(deaths) == 4:
            enough.set()

    keeper = Keeper(
        Command("bad", python("-c", "print('no such file'); raise SystemExit(3)")), tmp_path, died
    )
    task = asyncio.create_task(keeper.run())
    await asyncio.wait_for(enough.wait(), 30)
    await keeper.stop()
    await asyncio.wait_for(task, 5)
    pauses = [after - before for before, after in pairwise(deaths)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2
    assert keeper.last_words() == "no such file"


async def test_a_process_whose_port_another_program_has_is_not_tried_again(tmp_path: Path) -> None:
    told: list[str] = []
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        command = Command("web", python("-c", "print('up'); raise SystemExit(1)"), ports=(port,), cure="move")
        keeper = Keeper(command, tmp_path, lambda name, _how: told.append(name))
        with pytest.raises(DemoError, match=f"^port {port} is taken by another program; move$"):
            await asyncio.wait_for(keeper.run(), 30)
    assert told == []
    assert keeper.log.read_text().count("up") == 1


async def test_a_process_that_ignores_the_end_is_killed(tmp_path: Path) -> None:
    keeper = Keeper(Command("stubborn", STUBBORN, end_s=0.2), tmp_path, lambda *_: None)
    task = asyncio.create_task(keeper.run())
    await until_starts(keeper, 1)
    stubborn = pid(keeper)
    await keeper.stop()
    await asyncio.wait_for(task, 5)
    assert not psutil.pid_exists(stubborn)


async def test_stopping_while_a_process_rests_does_not_start_it_again(tmp_path: Path) -> None:
    died = asyncio.Event()
    keeper = Keeper(Command("short", python("-c", "print('up')")), tmp_path, lambda *_: died.set())
    task = asyncio.create_task(keeper.run())
    await asyncio.wait_for(died.wait(), 30)
    await keeper.stop()
    await asyncio.wait_for(task, 5)
    assert keeper.log.read_text().count("up") == 1


async def test_a_cancelled_keeper_leaves_no_process(tmp_path: Path) -> None:
    keeper = Keeper(Command("one", SLEEP), tmp_path, lambda *_: None)
    task = asyncio.create_task(keeper.run())
    await until_starts(keeper, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert keeper._process is not None
    assert await asyncio.wait_for(keeper._process.wait(), 10) == -signal.SIGKILL


async def test_children_are_out_of_reach_of_ctrl_c() -> None:
    process = await spawn(SLEEP)
    assert os.getsid(process.pid) == process.pid
    process.kill()
    await process.wait()


_PARENT = """
import asyncio, sys
from aggregator.demo.supervisor import python, spawn
async def main():
    child = await spawn(python("-c", "import time; print('up', flush=True); time.sleep(600)"), stdout=1)
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's leash is Linux's")
def test_a_killed_parent_takes_its_children_with_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
    child = psutil.Process(int((said - {"up"}).pop()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(10)  # raises when it is still there


def test_settings_of_the_environment_do_not_reach_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACHIKOBA_WEB__PORT", "1")
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert "MACHIKOBA_WEB__PORT" not in environment()
    assert environment()["LANG"] == "ja_JP.UTF-8"


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (-9, "SIGKILL"), (-15, "SIGTERM"), (-99, "signal 99")]
)
def test_how_a_process_ended_in_words(code: int, words: str) -> None:
    assert described(code) == words
