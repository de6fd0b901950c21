"""What pages and streams of buyers show of an order: its id in, the view under the walls of now out."""

import asyncio
from dataclasses import dataclass, field

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from aggregator.access.visitor import services
from aggregator.buyers.view import BuyerView, for_buyer, names_for_buyers
from aggregator.model.user import User
from aggregator.order_book import OrderNow
from aggregator.services import Services
from aggregator.web.buyer_sections import SECTIONS, BuyerSections
from aggregator.web.pages import language_of, page

VISIT_MS = 30 * 60_000
"""A visit that long ago is over: what changed since then is marked as new."""
YEAR_S = 365 * 86_400
VISITS = "machikoba_visits"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a buyer's pages of one order lie: `path`, with `list_path` of all orders, None without one."""

    path: str = field(repr=False)
    list_path: str | None = field(default=None, repr=False)


def told_names(found: Services) -> dict[str, str]:
    """Return the names that buyers may be told now; blocks on the store."""
    return names_for_buyers(found.consents.read(), found.records.factories())


def view_of(order: OrderNow, names: dict[str, str]) -> BuyerView:
    """Return the buyer's view of an order."""
    return for_buyer(order.progress, names, order.handovers, order.told, order.heard_ms)


async def current_view(found: Services, order: str) -> BuyerView | None:
    """Return the buyer's view of an order as of now; None when it was never approved."""
    known = await found.order_book.find_now(order)
    if known is None:
        return None
    return view_of(known, await asyncio.to_thread(told_names, found))


async def order_page(request: Request, order: str, place: Place, user: User | None) -> HTMLResponse:
    """Return the page of an order, and remember this visit."""
    found = services(request)
    view = await current_view(found, order)
    if view is None:
        raise HTTPException(404)
    language = language_of(request)
    sections: BuyerSections = request.app.state.buyer_sections
    before_ms, now_ms = _visits(request, found.now())
    response = page(
        request,
        "buyer_order.html",
        user,
        view=view,
        say=sections.say(language),
        sections=sections.render(view, language),
        names=SECTIONS,
        place=place,
        seen_ms=before_ms,
        news=[change for change in view.changes if before_ms is not None and change.at_ms > before_ms],
        processes={step.position: step.process for step in view.steps},
    )
    response.set_cookie(
        VISITS,
        f"{before_ms or 0}.{now_ms}",
        max_age=YEAR_S,
        path=place.path,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _visits(request: Request, now_ms: int) -> tuple[int | None, int]:
    """Return when the visit before this one was, and when this one is (UTC ms)."""
    cells = request.cookies.get(VISITS, "").split(".")
    if len(cells) != 2 or not all(cell.isascii() and cell.isdigit() and len(cell) < 14 for cell in cells):
        return None, now_ms
    before_ms, last_ms = int(cells[0]), int(cells[1])
    if now_ms - last_ms > VISIT_MS:
        return last_ms, now_ms
    return before_ms or None, now_ms
