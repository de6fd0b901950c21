"""`orders`: how far orders are and when they arrive, for everyone who may see them, each as far as that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from aggregator.access.visitor import bearer_of, session_of
from aggregator.api.caller import Anyone, Found
from aggregator.api.order_rows import OrderRow, buyer_row, order_row, seen_steps
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.buyers.view import for_buyer, names_for_buyers
from aggregator.model.user import Role, User
from aggregator.order_book import OrderNow
from aggregator.services import Services
from aggregator.store.timeseries import StoreError

router = APIRouter(prefix="/api/v1/orders", tags=["orders"])

OrderId = Annotated[str, Path(description="Id of the order", examples=["2026-0042"])]
PAUSE_S, SIGN_OF_LIFE_S = 0.3, 15.0
NOT_FOUND = "There is no such order, or none that this token may see."


class OrderList(BaseModel):
    """Orders by id."""

    orders: list[OrderRow] = Field(description="Orders under way that the caller may see")


@router.get("", responses=responses(401, 422, 503), summary="Orders under way")
def list_orders(found: Found, caller: Anyone, _query: Annotated[NoQuery, Query()]) -> OrderList:
    """Every open order: buyers get their own, factories those they work on with their steps."""
    names = _names(found) if caller.role is Role.BUYER else {}
    open_ = [found.order_book.now(each.order) for each in found.order_book.orders()]
    rows = [row_for(caller, each, names, found) for each in open_ if each is not None]
    return OrderList(orders=[row for row in rows if row is not None])


@router.get("/{order}/progress", responses=responses(401, 404, 422, 503), summary="How far an order is")
async def show_progress(
    found: Found, caller: Anyone, order: OrderId, _query: Annotated[NoQuery, Query()]
) -> OrderRow:
    """Counts of every step as of now, and when the order arrives; done and cancelled orders too."""
    row = await _row(found, caller, order)
    if row is None:
        raise HTTPException(404, NOT_FOUND)
    return row


@router.get(
    "/{order}/events",
    response_class=EventSourceResponse,
    responses=responses(401, 404, 422, 503)
    | {200: {"description": "Server-sent events `progress`", "content": {"text/event-stream": {}}}},
    summary="An order's progress, live",
)
async def follow(
    *, request: Request, found: Found, caller: Anyone, order: OrderId, _query: Annotated[NoQuery, Query()]
) -> EventSourceResponse:
    """Server-sent events `progress`, data as `progress` answers: at once, then whenever anything changes."""
    if await _row(found, caller, order) is None:
        raise HTTPException(404, NOT_FOUND)
    return EventSourceResponse(_events(request, found, caller, order), ping=3600, send_timeout=30)


async def _events(
    request: Request, found: Services, caller: User, order: str
) -> AsyncIterator[ServerSentEvent]:
    last: OrderRow | None = None
    async with found.order_book.listen([order]) as changes:
        waiting: asyncio.Future[frozenset[str] | None] | None = None
        try:
            while await _still(request, caller):
                row = await _row(found, caller, order)
                if row is None:
                    return
                if last is None or row.model_copy(update={"at": last.at}) != last:
                    last = row
                    yield ServerSentEvent(event="progress", data=row.model_dump_json())
                else:
                    yield ServerSentEvent(event="heartbeat", data=row.at.isoformat())
                await asyncio.sleep(PAUSE_S)
                waiting = waiting or asyncio.ensure_future(anext(changes, None))
                await asyncio.wait({waiting}, timeout=SIGN_OF_LIFE_S)
                if waiting.done():
                    if waiting.result() is None:
                        return
                    waiting = None
        finally:
            if waiting is not None:
                waiting.cancel()


async def _still(request: Request, caller: User) -> bool:
    """Tell whether the token or session that asked still speaks for the caller."""
    try:
        who = bearer_of if "authorization" in request.headers else session_of
        return await asyncio.to_thread(who, request) == caller
    except StoreError:  # what is live needs no store; the next look tells
        return True


async def _row(found: Services, caller: User, order: str) -> OrderRow | None:
    if "\0" in order:  # PostgreSQL has no such text
        return None
    known = await found.order_book.find_now(order)
    if known is None:
        return None
    names = await asyncio.to_thread(_names, found) if caller.role is Role.BUYER else {}
    return row_for(caller, known, names, found)


def row_for(caller: User, known: OrderNow, names: dict[str, str], found: Services) -> OrderRow | None:
    """Return what the caller may see of the order; None: nothing. `names` may be told to buyers."""
    progress, zone = known.progress, found.config.zone
    if caller.role is Role.COORDINATOR:
        return order_row(progress, zone)
    if caller.role is Role.BUYER:
        if progress.draft.buyer != caller.buyer:
            return None
        return buyer_row(for_buyer(progress, names, known.handovers, known.told, known.heard_ms), zone)
    if caller.factory and seen_steps(progress, caller.factory):
        return order_row(progress, zone, caller.factory)
    return None


def _names(found: Services) -> dict[str, str]:
    return names_for_buyers(found.consents.read(), found.records.factories())
