"""Everything ends in order: agents deliver first, the broker goes last."""

import asyncio
import time
from pathlib import Path

from aggregator.demo.folder import Folder
from aggregator.demo.processes import Processes
from aggregator.demo.supervisor import Command, python

# Notes its name when it is told to end, and takes its time about it.
NOTES = """
import signal, sys, time
def end(*_):
    time.sleep(0.2)
    open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
open(sys.argv[1] + ".up", "a").write(sys.argv[2] + "\\n")
while True:
    time.sleep(60)
"""


async def test_agents_end_first_and_the_broker_last(tmp_path: Path) -> None:
    order, up = tmp_path / "order", tmp_path / "order.up"
    names = ["broker", "simulator", "aggregator", "agent-aoki", "agent-sakura"]
    folder = Folder(tmp_path)
    folder.logs.mkdir()
    processes = Processes(folder, lambda *_: None)
    processes.start([Command(name, python("-c", NOTES, str(order), name)) for name in names])
    async with asyncio.timeout(30):
        while not up.exists() or len(up.read_text().split()) < len(names):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    began = time.monotonic()
    await processes.stop()
    ended = order.read_text().split()
    assert sorted(ended[:2]) == ["agent-aoki", "agent-sakura"]
    assert ended[2:] == ["aggregator", "simulator", "broker"]
    assert time.monotonic() - began < 30


async def test_what_was_never_started_is_not_ended(tmp_path: Path) -> None:
    await Processes(Folder(tmp_path), lambda *_: None).stop()


async def test_the_last_words_of_a_process_name_its_log(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.logs.mkdir()
    died = asyncio.Event()
    processes = Processes(folder, lambda *_: died.set())
    processes.start([Command("aggregator", python("-c", "print('first'); raise SystemExit('no disk')"))])
    await asyncio.wait_for(died.wait(), 30)
    await processes.stop()
    assert processes.last_words("aggregator") == f"{folder.logs / 'aggregator.log'}: no disk"
