"""The list of a buyer's orders: the buyer's name in, each order in a line out, those under way first."""

import asyncio
from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse

from aggregator.access.visitor import services
from aggregator.buyers.view import BuyerView
from aggregator.model.match import OrderStatus
from aggregator.model.order import OrderDraft
from aggregator.model.progress import Progress
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.web.buyer_order import current_view
from aggregator.web.buyer_sections import BuyerSections
from aggregator.web.buyer_words import DOING, VERDICTS
from aggregator.web.pages import language_of, page

MOST = 100
"""So many orders are listed, those under way and the newest first."""


async def orders_of(found: Services, buyer: str) -> Mapping[str, tuple[OrderStatus, OrderDraft]]:
    """Return the buyer's orders that were approved once, by id; raises StoreError."""
    begun = await asyncio.to_thread(found.orders.begun)
    return {order: each for order, each in begun.items() if each[1].buyer == buyer}


async def list_page(request: Request, buyer: str, path: str, user: User | None) -> HTMLResponse:
    """Return the page with all orders of a buyer; each leads to `path`/order."""
    found = services(request)
    views = await _views(found, buyer)
    sections: BuyerSections = request.app.state.buyer_sections
    return page(
        request,
        "buyer_list.html",
        user,
        buyer=buyer,
        views=views,
        list_path=path,
        say=sections.say(language_of(request)),
        doing=DOING,
        verdicts=VERDICTS,
        done=Progress.DONE,
    )


async def _views(found: Services, buyer: str) -> list[BuyerView]:
    orders = await orders_of(found, buyer)
    newest = sorted(orders, key=lambda order: (orders[order][0] is OrderStatus.APPROVED, order), reverse=True)
    views = [await current_view(found, order) for order in newest[:MOST]]
    return [view for view in views if view is not None]
