import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from agent.threads import on_disk

HELD = """
import asyncio, sys, time
from agent import threads

async def main():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await asyncio.sleep(0.1)
    print("everything is on the disk")

threads.run(main())
"""


async def test_the_disk_never_waits_for_look_ups_that_hold_every_other_thread() -> None:
    loop, answered = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    looking_up = loop.run_in_executor(None, answered.wait, 60)
    try:
        async with asyncio.timeout(10):
            assert await on_disk("{}, {place}".format, "appended", place="here") == "appended, here"
        assert not looking_up.done()
    finally:
        answered.set()
        await looking_up


def test_a_look_up_that_is_under_way_does_not_hold_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELD], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "everything is on the disk\n", "")
