"""`/orders`: every order, those at risk first."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aggregator.access.visitor import services
from aggregator.model.match import OrderStatus
from aggregator.store.order_rows import OrderRows
from aggregator.web.match_frame import CoordinatorUser, say_of
from aggregator.web.order_frame import fresh_page, now_of, without_clock
from aggregator.web.order_say import OrderSay
from aggregator.web.order_view import RISKS, chosen, rows_of

router = APIRouter(include_in_schema=False)

CLOSED = (OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.DONE)
MOST_CLOSED = 200


@router.get("/orders")
async def list_orders(
    request: Request,
    user: CoordinatorUser,
    risk: Annotated[str, Query(max_length=20)] = "",
    buyer: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show open orders by risk, then those to be decided, then those that are over."""
    found = services(request)
    orders = found.order_book.orders()
    alerts, proposed, closed = await asyncio.to_thread(
        lambda: (
            dict(found.alerts.open()),
            OrderRows(found.records.engine).orders([OrderStatus.PROPOSED, OrderStatus.DRAFT]),
            OrderRows(found.records.engine).orders(CLOSED, MOST_CLOSED),
        )
    )
    rows = rows_of(orders, alerts, found.alerts.rule)
    say = OrderSay(await asyncio.to_thread(say_of, request), {})
    risk = risk if risk in RISKS else ""
    return fresh_page(
        request,
        user,
        "orders.html",
        ([without_clock(each) for each in orders], alerts, proposed, closed),
        max((each.now_ms for each in orders), default=now_of(request)),
        rows=chosen(rows, risk, buyer),
        counts={name: sum(row.risk == name for row in rows) for name in RISKS},
        whole=len(rows),
        buyers=sorted({row.progress.draft.buyer for row in rows}),
        risk=risk,
        buyer=buyer,
        proposed=proposed,
        closed=closed,
        say=say,
    )
