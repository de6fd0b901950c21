"""A call that may take its time, in a thread of its own that keeps nobody from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


async def aside(call: Callable[[], None], name: str) -> None:
    """Wait for the call; who is cancelled, or ends the program, does not wait for it any more.

    `asyncio.to_thread` would: at the end of the program its threads are waited for, however long they take.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            call()
        except Exception as raised:  # noqa: BLE001 (raised again where it is waited for)
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    await done
