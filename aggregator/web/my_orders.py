"""`/my`: what a buyer who signed in sees, the same as by link; only the buyer's own orders exist for them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from aggregator.access.visitor import buyer_signed_in, services, session_of
from aggregator.model.user import User
from aggregator.store.timeseries import StoreError
from aggregator.web.buyer_list import list_page, orders_of
from aggregator.web.buyer_order import Place, order_page
from aggregator.web.buyer_stream import order_stream

router = APIRouter(include_in_schema=False, prefix="/my")

Buyer = Annotated[User, Depends(buyer_signed_in)]


@router.get("")
async def my_orders(request: Request, user: Buyer) -> HTMLResponse:
    """Show all orders of the buyer."""
    return await list_page(request, user.buyer or "", "/my", user)


@router.get("/{order}")
async def my_order(request: Request, user: Buyer, order: str) -> HTMLResponse:
    """Show one order."""
    await _require(request, user, order)
    found = services(request)
    detail = {"buyer": user.buyer}
    await asyncio.to_thread(found.audit.add, found.now(), user.name, "order viewed", order, detail)
    return await order_page(request, order, Place(f"/my/{order}", "/my"), user)


@router.get("/{order}/events")
async def my_order_events(request: Request, user: Buyer, order: str) -> Response:
    """Stream one order as long as its buyer is signed in."""
    await _require(request, user, order)

    async def allowed() -> bool:
        try:
            return await asyncio.to_thread(session_of, request) == user
        except StoreError:  # what is live needs no store; the next look tells
            return True

    return order_stream(request, order, allowed)


async def _require(request: Request, user: User, order: str) -> None:
    """Raise 404 for what is not the buyer's: another's order looks like none."""
    if order not in await orders_of(services(request), user.buyer or ""):
        raise HTTPException(404)
