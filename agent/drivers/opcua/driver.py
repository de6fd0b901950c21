"""Subscribes to the nodes of one OPC UA server; yields every notified value in order."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from agent.measuring.reading import Batch

from .session import session
from .settings import Settings
from .subscription import Subscription
from .watch import Watch

CHECK_S = 1.0


async def readings(settings: Settings, now: Callable[[], int]) -> AsyncGenerator[Batch, None]:
    """Yield at first every signal, then what is notified, at least once every
    `resync_s` (perhaps nothing) as long as all was notified that its nodes read.

    A batch may hold several readings of one signal, oldest first, all stamped by `now` on arrival: clocks of
    controllers are often wrong. A node that does not exist is None with the quality BadNodeIdUnknown until it
    appears. Raises LinkError when the server cannot be reached or does not notify what its nodes read.
    """
    clock = asyncio.get_running_loop().time
    async with session(settings) as client:
        subscription = Subscription(client, settings, now)
        await subscription.open()
        watch = Watch(client, settings, subscription)
        yield await watch.begin()
        pause_s = settings.resync_s
        while True:
            due = clock() + pause_s
            while (left := due - clock()) > 0:
                wait_s = min(left, CHECK_S)
                if batch := await subscription.take(wait_s):
                    yield batch
                subscription.require_life(wait_s)
            pause_s = await watch.resync()
            if watch.agrees:  # what is not sure to be notified is not known
                yield await subscription.take(0)
