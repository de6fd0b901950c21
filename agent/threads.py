"""Threads for calls that block: one of its own for the disk, others for what the libraries do.

A look-up of a name cannot be cut off, and holds its thread for half a minute when the network is down. It
must neither keep records from the disk nor the process from its end.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

OTHERS = 32
_OTHER = "other"
_disk = ThreadPoolExecutor(1, "disk")


async def on_disk(
    call: Callable[Arguments, Answer], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Answer:
    """Await a call that blocks on the disk; one after another, for the outbox allows no more anyway."""
    return await asyncio.get_running_loop().run_in_executor(_disk, partial(call, *arguments, **named))


def run(main: Coroutine[Any, Any, None]) -> None:
    """Do what asyncio.run does; a thread that is still held when `main` has ended is left behind.

    `main` has to have everything on the disk when it ends.
    """
    with asyncio.Runner() as runner:
        others = ThreadPoolExecutor(OTHERS, _OTHER)
        runner.get_loop().set_default_executor(others)
        runner.run(main)
        others.shutdown(wait=False, cancel_futures=True)
        if any(_is_held(thread) for thread in threading.enumerate()):
            _leave()


def _is_held(thread: threading.Thread) -> bool:
    if thread.name.startswith(_OTHER):
        thread.join(0.2)  # an idle one ends at once
        return thread.is_alive()
    return False


def _leave() -> None:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
