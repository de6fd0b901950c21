"""`/o/{token}`: whoever holds the link sees an order, or the list of a buyer's orders and each of them."""

import asyncio
import logging
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from aggregator.access.links import Refusal, open_link, refused
from aggregator.access.throttle import Throttle
from aggregator.access.visitor import services
from aggregator.model.buyer_link import BuyerLink
from aggregator.services import Services
from aggregator.store.timeseries import StoreError
from aggregator.web.buyer_list import list_page, orders_of
from aggregator.web.buyer_order import Place, order_page
from aggregator.web.buyer_stream import order_stream
from aggregator.web.formats import N_
from aggregator.web.pages import page

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False, prefix="/o")

GUESSES, PERIOD_MS = 20, 60_000
NOTED_EVERY_MS = 10 * 60_000
TOO_MANY = "too many"

_WORDS: dict[str, tuple[int, str, str]] = {
    Refusal.UNKNOWN: (
        404,
        N_("This link does not lead anywhere"),
        N_("Perhaps it was not copied as a whole. Open it from the message in which you got it."),
    ),
    Refusal.EXPIRED: (410, N_("This link has run out"), N_("It was valid for a certain time only.")),
    Refusal.REVOKED: (
        410,
        N_("This link is no longer valid"),
        N_("It was ended by the coordination office."),
    ),
    TOO_MANY: (429, N_("Too many attempts"), N_("Please wait a minute and open your link again.")),
}


class LinkDoor:
    """Lets holders of links in; who guesses at links from one address has to wait."""

    def __init__(self) -> None:
        self._addresses = Throttle(GUESSES, PERIOD_MS)

    async def open(self, request: Request, token: str) -> BuyerLink | str:
        """Return the link that the token opens now, or why it opens nothing."""
        found, address = services(request), request.client.host if request.client else ""
        if self._addresses.wait_ms(address, found.now()):
            return TOO_MANY
        opened = await asyncio.to_thread(open_link, found.links, token, found.now())
        if opened is Refusal.UNKNOWN:
            self._addresses.failed(address, found.now())
        return opened


@router.get("/{token}")
async def by_link(request: Request, token: str) -> Response:
    """Show the order of the link, or the list of its buyer's orders."""
    link = await _door(request).open(request, token)
    if isinstance(link, str):
        return _closed(request, link)
    await _note(services(request), link)
    path = f"/o/{token}"
    if link.order is not None:
        return await order_page(request, link.order, Place(path), None)
    return await list_page(request, link.buyer or "", path, None)


@router.get("/{token}/events")
async def events_by_link(request: Request, token: str) -> Response:
    """Stream the order of the link."""
    return await _stream(request, token, None)


@router.get("/{token}/{order}")
async def one_by_link(request: Request, token: str, order: str) -> Response:
    """Show one of the orders of the link's buyer."""
    link = await _door(request).open(request, token)
    if isinstance(link, str):
        return _closed(request, link)
    await _require(services(request), link, order)
    await _note(services(request), link)
    return await order_page(request, order, Place(f"/o/{token}/{order}", f"/o/{token}"), None)


@router.get("/{token}/{order}/events")
async def one_events_by_link(request: Request, token: str, order: str) -> Response:
    """Stream one of the orders of the link's buyer."""
    return await _stream(request, token, order)


async def _stream(request: Request, token: str, order: str | None) -> Response:
    found, link = services(request), await _door(request).open(request, token)
    if isinstance(link, str):
        return _closed(request, link)
    wanted = order or link.order
    if wanted is None:
        raise HTTPException(404)
    await _require(found, link, wanted)
    number = link.id

    async def allowed() -> bool:
        try:
            now = await asyncio.to_thread(found.links.get, number)
        except StoreError:  # what is live needs no store; the next look tells
            return True
        return now is not None and refused(now, found.now()) is None

    return order_stream(request, wanted, allowed)


async def _require(found: Services, link: BuyerLink, order: str) -> None:
    """Raise 404 when the link does not show the order."""
    if link.order != order and (link.buyer is None or order not in await orders_of(found, link.buyer)):
        raise HTTPException(404)


async def _note(found: Services, link: BuyerLink) -> None:
    """Note the visit, the first one on a day in the audit log too; a store that is away keeps nobody out."""
    now_ms, seen_ms, zone = found.now(), link.seen_ms, found.config.zone
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    first = seen_ms is None or datetime.fromtimestamp(seen_ms / 1000, zone).date() != today
    if first or now_ms - (seen_ms or 0) > NOTED_EVERY_MS:
        try:
            await asyncio.to_thread(found.links.seen, link.id, now_ms, first_today=first)
        except StoreError as error:
            log.warning("a visit by link %d could not be noted: %s", link.id, error)


def _closed(request: Request, why: str) -> HTMLResponse:
    status, title, advice = _WORDS[why]
    response = page(request, "buyer_closed.html", None, status, closed_title=title, closed_advice=advice)
    if status == 429:
        response.headers["Retry-After"] = str(PERIOD_MS // 1000)
    return response


def _door(request: Request) -> LinkDoor:
    door: LinkDoor = request.app.state.link_door
    return door
