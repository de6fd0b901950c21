"""Two hundred open streams of one order: each hears every change, and pages are still answered."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from aggregator.access.links import link_to_order
from tests.aggregator.ordered_town import DAY_MS, ORDER, cycle, found_ordered_town
from tests.aggregator.town import NOW_MS, served
from tests.aggregator.web.test_stream import Events
from tests.stack import NO_TLS

LISTENERS = 200


async def until(events: Events, text: str) -> None:
    while True:
        name, data = await events.next()
        if name == "order" and text in data:
            return


async def test_two_hundred_listeners_hear_a_cycle_and_leave_nothing_behind(tmp_path: Path) -> None:
    town = found_ordered_town(tmp_path)
    services = town.services
    path = link_to_order(services.links, ORDER, "c", NOW_MS, NOW_MS + DAY_MS).path
    await services.order_book.refresh()
    with served(town) as (url, run):
        task: list[asyncio.Task[None]] = []
        run(lambda: task.append(asyncio.get_running_loop().create_task(services.order_book.run())))
        async with AsyncExitStack() as stack:
            limits = httpx.Limits(max_connections=LISTENERS + 10)
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, timeout=None, limits=limits, verify=NO_TLS)
            )
            streams = [
                Events(await stack.enter_async_context(client.stream("GET", f"{path}/events")))
                for _ in range(LISTENERS)
            ]
            await asyncio.gather(*(until(events, "1,200") for events in streams))
            run(lambda: cycle(services, 3))
            await asyncio.gather(*(until(events, "1,203") for events in streams))
            assert (await client.get(path)).status_code == 200
        async with asyncio.timeout(30):
            while len(services.order_book._told):  # noqa: ASYNC110 (the server's loop is not ours)
                await asyncio.sleep(0.05)
        run(task[0].cancel)
