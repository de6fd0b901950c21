"""An order's parts as server-sent events: everything at the beginning, then what changed, and heartbeats.

A stream that may no longer be read ends with the event `gone`. What waits for a slow listener is one order.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from aggregator.access.visitor import services
from aggregator.order_book import OrderNow
from aggregator.services import Services
from aggregator.store.timeseries import StoreError
from aggregator.web.buyer_order import told_names, view_of
from aggregator.web.buyer_sections import BuyerSections
from aggregator.web.heartbeat import or_nothing
from aggregator.web.pages import language_of

HEARTBEAT_S = 3.0
"""So often a listener hears from us, and is looked up: a revoked link ends its streams within this time."""
PAUSE_S = 0.3
"""Between two events to one listener; cycles that come meanwhile come together."""
NAMES_S = 1.0
SEND_TIMEOUT_S = 30.0
RETRY_MS = 2_000

Allowed = Callable[[], Awaitable[bool]]


class Names:
    """The names that may be told now, read at most once a second for all streams together."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._read_s = float("-inf")
        self._reading = asyncio.Lock()

    async def now(self, found: Services) -> dict[str, str]:
        """Return them; while the store is away nobody is named."""
        async with self._reading:
            loop = asyncio.get_running_loop()
            if loop.time() - self._read_s > NAMES_S:
                self._read_s = loop.time()
                try:
                    self._names = await asyncio.to_thread(told_names, found)
                except StoreError:
                    self._names = {}
        return self._names


def order_stream(request: Request, order: str, allowed: Allowed) -> EventSourceResponse:
    """Return the stream of an order; `allowed` tells whether it may still be read."""
    return EventSourceResponse(
        order_events(request, order, allowed),
        ping=3600,
        send_timeout=SEND_TIMEOUT_S,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def order_events(request: Request, order: str, allowed: Allowed) -> AsyncIterator[ServerSentEvent]:
    """Yield `order` events with the parts that changed, and heartbeats; ends with the link or the server."""
    found = services(request)
    sections: BuyerSections = request.app.state.buyer_sections
    names: Names = request.app.state.buyer_names
    language = language_of(request)
    sent: dict[str, str] = {}
    known: OrderNow | None = None

    async def fresh(anew: bool) -> ServerSentEvent | None:
        nonlocal known
        if (now := found.order_book.now(order)) is not None:
            known = now
        elif anew:  # it is done or cancelled: that does not change every second, who may be named does
            known = await found.order_book.find_now(order)
        if known is None:
            return None
        parts = sections.render(view_of(known, await names.now(found)), language)
        changed = {name: part for name, part in parts.items() if sent.get(name) != part}
        sent.update(changed)
        if not changed:
            return None
        data = json.dumps({"at": found.now(), "parts": changed}, ensure_ascii=False)
        return ServerSentEvent(event="order", data=data)

    async with found.order_book.listen([order]) as changes:
        yield ServerSentEvent(event="heartbeat", data=str(found.now()), retry=RETRY_MS)
        await found.order_book.settled(order)
        if (event := await fresh(anew=True)) is not None:
            yield event
        async for changed in or_nothing(changes, HEARTBEAT_S):
            if not changed:
                if not await allowed():
                    yield ServerSentEvent(event="gone", data="")
                    return
                yield ServerSentEvent(event="heartbeat", data=str(found.now()))
            if (event := await fresh(anew=bool(changed))) is not None:
                yield event
            if changed:
                await asyncio.sleep(PAUSE_S)
