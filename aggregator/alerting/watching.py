"""Looks at orders every second or so, for as long as it runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from aggregator.alerting.alerting import Alerting
from aggregator.model.progress import OrderProgress
from aggregator.store.timeseries import StoreError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

Orders = Callable[[], Sequence[OrderProgress]]
Find = Callable[[str], Awaitable[OrderProgress | None]]


async def watch_orders(alerting: Alerting, orders: Orders, find: Find) -> None:
    """Watch until cancelled; `orders` are the open ones, `find` knows those that are over too."""
    failing = False
    while True:
        try:
            await look_once(alerting, orders, find)
            failing = False
        except StoreError as error:
            if not failing:
                log.warning("alerts stay as they are until the store answers again: %s", error)
            failing = True
        await asyncio.sleep(LOOK_EVERY_S)


async def look_once(alerting: Alerting, orders: Orders, find: Find) -> list[str]:
    """Look at the open orders, and at those that have an alert although they are no longer open."""
    seen = list(orders())
    known = {progress.order for progress in seen}
    alarming = await asyncio.to_thread(alerting.open)
    gone = []
    for order in alarming.keys() - known:
        progress = await find(order)
        if progress is None:
            gone.append(order)
        else:
            seen.append(progress)
    return await asyncio.to_thread(alerting.look, seen, gone)
